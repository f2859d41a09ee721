//===- TensorLoops.h - linalg.generic in few words --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loops over tensors, each of which is read or written at some of the loops'
// indices. What lies in memory may be f16 or bf16; bodies compute in f32.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_TRANSFORMER_TENSORLOOPS_H
#define RLX_PASSES_TRANSFORMER_TENSORLOOPS_H

#include "passes/PassDetail.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace rlx {

/// A tensor, and which loop each of its dimensions follows.
struct LoopOperand {
  mlir::Value tensor;
  llvm::SmallVector<int64_t> loops;
};

/// Builds operations of a loop's body, on scalars.
class ScalarBuilder : public mlir::ImplicitLocOpBuilder {
public:
  ScalarBuilder(mlir::Location loc, mlir::OpBuilder &builder)
      : ImplicitLocOpBuilder(loc, builder) {}

  mlir::Value number(double value) {
    return mlir::arith::ConstantOp::create(*this,
                                           getF32FloatAttr(float(value)));
  }
  mlir::Value add(mlir::Value x, mlir::Value y) {
    return mlir::arith::AddFOp::create(*this, x, y);
  }
  mlir::Value sub(mlir::Value x, mlir::Value y) {
    return mlir::arith::SubFOp::create(*this, x, y);
  }
  mlir::Value mul(mlir::Value x, mlir::Value y) {
    return mlir::arith::MulFOp::create(*this, x, y);
  }
  mlir::Value div(mlir::Value x, mlir::Value y) {
    return mlir::arith::DivFOp::create(*this, x, y);
  }
  /// The index of a loop.
  mlir::Value loop(int64_t number) {
    return mlir::linalg::IndexOp::create(*this, number);
  }
  /// A float as f32, which is exact, or an f32 rounded to `element`.
  mlir::Value toF32(mlir::Value value);
  mlir::Value fromF32(mlir::Value value, mlir::Type element);
};

/// Builds operations on tensors.
class TensorLoops : public ScalarBuilder {
public:
  using Body = llvm::function_ref<llvm::SmallVector<mlir::Value>(
      ScalarBuilder &, mlir::ValueRange)>;
  using BodyOfOne =
      llvm::function_ref<mlir::Value(ScalarBuilder &, mlir::ValueRange)>;

  TensorLoops(mlir::Location loc, mlir::OpBuilder &builder)
      : ScalarBuilder(loc, builder) {}

  mlir::OpFoldResult size(mlir::Value tensor, int64_t dimension) {
    return mlir::tensor::getMixedSize(*this, getLoc(), tensor, dimension);
  }
  llvm::SmallVector<mlir::OpFoldResult> sizes(mlir::Value tensor) {
    return mlir::tensor::getMixedSizes(*this, getLoc(), tensor);
  }
  mlir::Value toValue(mlir::OpFoldResult size) {
    return mlir::getValueOrCreateConstantIndexOp(*this, getLoc(), size);
  }
  mlir::Value empty(llvm::ArrayRef<mlir::OpFoldResult> sizes,
                    mlir::Type element) {
    return mlir::tensor::EmptyOp::create(*this, sizes, element);
  }
  /// Of f32, all `value`.
  mlir::Value filled(llvm::ArrayRef<mlir::OpFoldResult> sizes, double value);
  /// `value` with the type of a tensor of the same sizes.
  mlir::Value castTo(mlir::Value value, mlir::Type type);
  /// The part at `offsets`, of `sizes`. Dimensions in which `kept` has 0 are
  /// left out; empty: none.
  mlir::Value slice(mlir::Value tensor,
                    llvm::ArrayRef<mlir::OpFoldResult> offsets,
                    llvm::ArrayRef<mlir::OpFoldResult> sizes,
                    llvm::ArrayRef<int64_t> kept = {});
  /// `part` where slice() reads it.
  mlir::Value insert(mlir::Value part, mlir::Value whole,
                     llvm::ArrayRef<mlir::OpFoldResult> offsets,
                     llvm::ArrayRef<mlir::OpFoldResult> sizes);

  /// `loops` loops, of which the last `reductions` carry the results. The body
  /// gets an element of each input and of each init.
  llvm::SmallVector<mlir::Value> loops(llvm::ArrayRef<LoopOperand> inputs,
                                       llvm::ArrayRef<LoopOperand> inits,
                                       int64_t loops, int64_t reductions,
                                       Body body);
  mlir::Value loops(llvm::ArrayRef<LoopOperand> inputs, LoopOperand init,
                    int64_t loops, int64_t reductions, BodyOfOne body);
};

/// 0, 1, ..., count - 1.
llvm::SmallVector<int64_t> firstLoops(int64_t count);

} // namespace rlx

#endif // RLX_PASSES_TRANSFORMER_TENSORLOOPS_H
