//===- ElementLoops.h - Loops over elements of tensors ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_PASSES_DIALECTS_ELEMENTLOOPS_H
#define RLX_PASSES_DIALECTS_ELEMENTLOOPS_H

#include "passes/checks/SizeChecks.h"

#include "mlir/IR/IRMapping.h"

namespace rlx {

/// Loops over tensors, with what they carry.
struct ElementLoops : mlir::ImplicitLocOpBuilder {
  explicit ElementLoops(mlir::Operation *op)
      : mlir::ImplicitLocOpBuilder(op->getLoc(), op) {}

  mlir::Value index(int64_t value) {
    return mlir::arith::ConstantIndexOp::create(*this, value);
  }
  mlir::Value size(mlir::Value tensor, int64_t dimension) {
    return mlir::getValueOrCreateConstantIndexOp(
        *this, getLoc(),
        mlir::tensor::getMixedSize(*this, getLoc(), tensor, dimension));
  }
  mlir::Value add(mlir::Value x, mlir::Value y) {
    return mlir::arith::AddIOp::create(*this, x, y);
  }
  mlir::Value least(mlir::Value x, mlir::Value y) {
    return mlir::arith::MinSIOp::create(*this, x, y);
  }
  mlir::Value isBelow(mlir::Value x, mlir::Value y) {
    return mlir::arith::CmpIOp::create(*this, mlir::arith::CmpIPredicate::slt,
                                       x, y);
  }
  mlir::Value select(mlir::Value condition, mlir::Value x, mlir::Value y) {
    return mlir::arith::SelectOp::create(*this, condition, x, y);
  }
  mlir::Value load(mlir::Value tensor, mlir::ValueRange indices) {
    return mlir::tensor::ExtractOp::create(*this, tensor, indices);
  }
  mlir::Value store(mlir::Value element, mlir::Value tensor,
                    mlir::ValueRange indices) {
    return mlir::tensor::InsertOp::create(*this, element, tensor, indices);
  }

  mlir::Value branch(mlir::Value condition,
                     llvm::function_ref<mlir::Value()> body,
                     llvm::function_ref<mlir::Value()> otherwise) {
    auto build = [&](llvm::function_ref<mlir::Value()> part) {
      return [this, part](mlir::OpBuilder &inner, mlir::Location loc) {
        InsertionGuard guard(*this);
        restoreInsertionPoint(inner.saveInsertionPoint());
        mlir::scf::YieldOp::create(*this, loc, part());
      };
    };
    return mlir::scf::IfOp::create(*this, condition, build(body),
                                   build(otherwise))
        .getResult(0);
  }

  using Body = llvm::function_ref<llvm::SmallVector<mlir::Value>(
      mlir::Value, mlir::ValueRange)>;
  llvm::SmallVector<mlir::Value> loop(mlir::Value begin, mlir::Value end,
                                      mlir::Value step,
                                      mlir::ValueRange carried, Body body) {
    auto loop = mlir::scf::ForOp::create(
        *this, begin, end, step, carried,
        [&](mlir::OpBuilder &inner, mlir::Location loc, mlir::Value at,
            mlir::ValueRange values) {
          InsertionGuard guard(*this);
          restoreInsertionPoint(inner.saveInsertionPoint());
          llvm::SmallVector<mlir::Value> next = body(at, values);
          mlir::scf::YieldOp::create(*this, loc, next);
        });
    return llvm::SmallVector<mlir::Value>(loop.getResults());
  }

  /// One loop after the other over the sizes of a tensor but for a dimension,
  /// whose index is left to the body.
  using NestBody = llvm::function_ref<llvm::SmallVector<mlir::Value>(
      llvm::SmallVector<mlir::Value> &, mlir::ValueRange)>;
  llvm::SmallVector<mlir::Value> loopOverOthers(mlir::Value tensor,
                                                int64_t left,
                                                mlir::ValueRange carried,
                                                NestBody body) {
    llvm::SmallVector<mlir::Value> position(tensorOf(tensor).getRank());
    auto nest = [&](auto &&self, int64_t dimension,
                    mlir::ValueRange values) -> llvm::SmallVector<mlir::Value> {
      if (dimension == left)
        ++dimension;
      if (dimension >= int64_t(position.size()))
        return body(position, values);
      return loop(index(0), size(tensor, dimension), index(1), values,
                  [&](mlir::Value at, mlir::ValueRange inner) {
                    position[dimension] = at;
                    return self(self, dimension + 1, inner);
                  });
    };
    return nest(nest, 0, carried);
  }

  /// What the region of `op` yields for these arguments.
  mlir::Value inlined(mlir::Region &region, mlir::ValueRange arguments) {
    mlir::IRMapping map;
    map.map(region.getArguments(), arguments);
    for (mlir::Operation &inner : region.front().without_terminator())
      clone(inner, map);
    return map.lookupOrDefault(region.front().getTerminator()->getOperand(0));
  }
};
/// `body` for parts of the inputs and outputs of an operation on lines along
/// `line`, on several threads where that is worth it: an element costs `cost`
/// reads of one from memory. Tensors that have no such dimension are of a rank
/// less. Gives what becomes of the outputs.
llvm::SmallVector<mlir::Value>
shareLines(ElementLoops &b, mlir::ValueRange inputs, mlir::ValueRange outputs,
           int64_t line, int64_t cost,
           llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::ValueRange,
                                                             mlir::ValueRange)>
               body);

} // namespace rlx

#endif // RLX_PASSES_DIALECTS_ELEMENTLOOPS_H
