//===- FuseEpilogue.cpp - Elementwise operations into matmuls -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs on tensors, once matmuls are operations on stored bytes. linalg fuses
// elementwise operations with one another; what then uses a matmul alone
// becomes its epilogue.
//
//===----------------------------------------------------------------------===//

#include "passes/PassDetail.h"
#include "passes/graph/FuseElementwise.h"

#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/IR/IRMapping.h"

namespace rlx {
#define GEN_PASS_DEF_FUSEEPILOGUEPASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

/// Whether an operation of a linalg region can be applied to vectors too.
static bool canBeInEpilogue(Operation &op) {
  if (isa<arith::ConstantOp>(op))
    return op.getResult(0).getType().isIntOrFloat();
  auto isNumber = [](Type type) { return type.isIntOrFloat(); };
  return op.getNumResults() == 1 && op.getNumRegions() == 0 &&
         OpTrait::hasElementwiseMappableTraits(&op) &&
         llvm::all_of(op.getOperandTypes(), isNumber) &&
         llvm::all_of(op.getResultTypes(), isNumber);
}

namespace {
struct FuseEpiloguePass : rlx::impl::FuseEpiloguePassBase<FuseEpiloguePass> {
  void runOnOperation() override;
  LogicalResult fuseElementwise();
  bool tryFuse(linalg::GenericOp generic);
  template <typename OpT> bool tryFuse(linalg::GenericOp generic, OpT matmul);
};
} // namespace

/// Named elementwise operations to linalg.generic, and all that belong together
/// into one.
LogicalResult FuseEpiloguePass::fuseElementwise() {
  SmallVector<linalg::LinalgOp> named;
  getOperation().walk([&](linalg::LinalgOp op) {
    if (!isa<linalg::GenericOp>(op) && linalg::isElementwise(op) &&
        op.hasPureTensorSemantics())
      named.push_back(op);
  });
  IRRewriter rewriter(&getContext());
  for (linalg::LinalgOp op : named) {
    rewriter.setInsertionPoint(op);
    (void)linalg::generalizeNamedOp(rewriter, op);
  }
  return rlx::fuseElementwise(getOperation());
}

/// Whether the map takes dimensions in their order, or constants.
static bool takesDimensionsInOrder(AffineMap map) {
  int64_t last = -1;
  for (AffineExpr expr : map.getResults()) {
    if (isa<AffineConstantExpr>(expr))
      continue;
    auto dim = dyn_cast<AffineDimExpr>(expr);
    if (!dim || int64_t(dim.getPosition()) <= last)
      return false;
    last = dim.getPosition();
  }
  return true;
}

template <typename OpT>
bool FuseEpiloguePass::tryFuse(linalg::GenericOp generic, OpT matmul) {
  Value result = matmul->getResult(0);
  if (!matmul.getEpilogue().empty() ||
      llvm::any_of(result.getUsers(),
                   [&](Operation *user) { return user != generic; }))
    return false;
  Block &body = *generic.getBody();
  OpOperand &outs = generic.getDpsInitsMutable()[0];
  bool readsOuts = !body.getArgument(outs.getOperandNumber()).use_empty();

  SmallVector<Value> inputs;
  SmallVector<AffineMap> maps;
  for (OpOperand &operand : generic->getOpOperands()) {
    if (&operand == &outs && !readsOuts)
      continue;
    AffineMap map = generic.getMatchingIndexingMap(&operand);
    if (operand.get() == result) {
      if (!map.isIdentity())
        return false;
      continue;
    }
    if (!isa<RankedTensorType>(operand.get().getType()) ||
        cast<RankedTensorType>(operand.get().getType()).getRank() == 0 ||
        !takesDimensionsInOrder(map))
      return false;
    inputs.push_back(operand.get());
    maps.push_back(map);
  }

  OpBuilder builder(generic);
  auto fused = cast<OpT>(builder.clone(*matmul.getOperation()));
  fused.getEpilogueInputsMutable().assign(inputs);
  fused.setEpilogueMapsAttr(builder.getAffineMapArrayAttr(maps));
  // A fresh destination may become a buffer of the caller.
  if (!readsOuts && outs.get().getDefiningOp<tensor::EmptyOp>())
    fused.getInitMutable().assign(outs.get());
  Block &block = fused.getEpilogue().emplaceBlock();
  Value sum = block.addArgument(builder.getF32Type(), generic.getLoc());
  IRMapping values;
  for (OpOperand &operand : generic->getOpOperands()) {
    if (&operand == &outs && !readsOuts)
      continue;
    Value inner = body.getArgument(operand.getOperandNumber());
    values.map(inner, operand.get() == result
                          ? sum
                          : block.addArgument(inner.getType(), inner.getLoc()));
  }
  builder.setInsertionPointToStart(&block);
  for (Operation &op : body.without_terminator())
    builder.clone(op, values);
  YieldOp::create(builder, generic.getLoc(),
                  values.lookupOrDefault(body.getTerminator()->getOperand(0)));
  generic.getResult(0).replaceAllUsesWith(fused->getResult(0));
  generic.erase();
  matmul.erase();
  return true;
}

bool FuseEpiloguePass::tryFuse(linalg::GenericOp generic) {
  if (!generic.hasPureTensorSemantics() || generic.getNumResults() != 1 ||
      generic.getNumParallelLoops() != generic.getNumLoops())
    return false;
  auto type = cast<RankedTensorType>(generic.getResult(0).getType());
  if (!type.getElementType().isF32() ||
      !generic.getMatchingIndexingMap(&generic.getDpsInitsMutable()[0])
           .isIdentity() ||
      !llvm::all_of(generic.getBody()->without_terminator(), canBeInEpilogue))
    return false;
  // Of several matmuls the last one, which is computed when the others are.
  Operation *last = nullptr;
  for (Value input : generic.getDpsInputs()) {
    Operation *matmul = input.getDefiningOp();
    if (!isa_and_nonnull<BlockMatmulOp, PackedMatmulOp>(matmul) ||
        matmul->getBlock() != generic->getBlock() || input.getType() != type)
      continue;
    if (!last || last->isBeforeInBlock(matmul))
      last = matmul;
  }
  if (auto packed = dyn_cast_or_null<PackedMatmulOp>(last))
    return tryFuse(generic, packed);
  auto block = dyn_cast_or_null<BlockMatmulOp>(last);
  return block && tryFuse(generic, block);
}

void FuseEpiloguePass::runOnOperation() {
  if (failed(fuseElementwise()))
    return signalPassFailure();
  SmallVector<linalg::GenericOp> generics;
  getOperation().walk([&](linalg::GenericOp op) { generics.push_back(op); });
  for (linalg::GenericOp generic : generics)
    tryFuse(generic);
}
