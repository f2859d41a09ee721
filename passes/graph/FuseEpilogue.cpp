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

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/IR/IRMapping.h"

namespace rlx {
#define GEN_PASS_DEF_FUSEEPILOGUEPASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

/// Whether an operation of a linalg region can be applied to sums in registers.
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
  using FuseEpiloguePassBase::FuseEpiloguePassBase;

  void runOnOperation() override;
  LogicalResult fuseElementwise();
  void tryFuse(linalg::GenericOp generic);
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

/// Whether `generic` reads the numbers that its result replaces.
static bool readsOuts(linalg::GenericOp generic) {
  OpOperand &outs = generic.getDpsInitsMutable()[0];
  return !generic.getBody()->getArgument(outs.getOperandNumber()).use_empty();
}

/// Why `generic` cannot be an epilogue at all; empty if it can.
static StringRef obstacleIn(linalg::GenericOp generic) {
  if (!generic.hasPureTensorSemantics() || generic.getNumResults() != 1)
    return "it gives more than one tensor";
  if (generic.getNumParallelLoops() != generic.getNumLoops())
    return "it reduces a dimension";
  auto type = cast<RankedTensorType>(generic.getResult(0).getType());
  if (!type.getElementType().isF32())
    return "its result is not f32";
  if (!generic.getMatchingIndexingMap(&generic.getDpsInitsMutable()[0])
           .isIdentity())
    return "its result is permuted";
  if (!llvm::all_of(generic.getBody()->without_terminator(), canBeInEpilogue))
    return "it has an operation that is no function of single numbers";
  return "";
}

/// Why `generic` cannot become the epilogue of `matmul`; empty if it can.
static StringRef obstacleBetween(linalg::GenericOp generic, Operation *matmul) {
  Value result = matmul->getResult(0);
  if (!matmul->getRegion(0).empty())
    return "the matmul has an epilogue already";
  if (llvm::any_of(result.getUsers(),
                   [&](Operation *user) { return user != generic; }))
    return "the matmul's result has other uses";
  if (matmul->getBlock() != generic->getBlock())
    return "the matmul lies in another block";
  if (result.getType() != generic.getResult(0).getType())
    return "its result has another type than the matmul's";
  OpOperand &outs = generic.getDpsInitsMutable()[0];
  for (OpOperand &operand : generic->getOpOperands()) {
    if (&operand == &outs && !readsOuts(generic))
      continue;
    AffineMap map = generic.getMatchingIndexingMap(&operand);
    if (operand.get() == result) {
      if (!map.isIdentity())
        return "it permutes the matmul's result";
      continue;
    }
    auto type = dyn_cast<RankedTensorType>(operand.get().getType());
    if (!type || type.getRank() == 0)
      return "an input is no tensor, or one without dimensions";
    if (!takesDimensionsInOrder(map))
      return "an input's dimensions are permuted";
  }
  return "";
}

/// Makes `generic` the epilogue of `matmul`.
template <typename OpT>
static void fuse(linalg::GenericOp generic, OpT matmul) {
  Value result = matmul->getResult(0);
  Block &body = *generic.getBody();
  OpOperand &outs = generic.getDpsInitsMutable()[0];
  bool isRead = readsOuts(generic);

  SmallVector<Value> inputs;
  SmallVector<AffineMap> maps;
  for (OpOperand &operand : generic->getOpOperands()) {
    if ((&operand == &outs && !isRead) || operand.get() == result)
      continue;
    inputs.push_back(operand.get());
    maps.push_back(generic.getMatchingIndexingMap(&operand));
  }

  OpBuilder builder(generic);
  auto fused = cast<OpT>(builder.clone(*matmul.getOperation()));
  fused.getEpilogueInputsMutable().assign(inputs);
  fused.setEpilogueMapsAttr(builder.getAffineMapArrayAttr(maps));
  // A fresh destination may become a buffer of the caller.
  if (!isRead && outs.get().getDefiningOp<tensor::EmptyOp>())
    fused.getInitMutable().assign(outs.get());
  Block &block = fused.getEpilogue().emplaceBlock();
  Value sum = block.addArgument(builder.getF32Type(), generic.getLoc());
  IRMapping values;
  for (OpOperand &operand : generic->getOpOperands()) {
    if (&operand == &outs && !isRead)
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
}

void FuseEpiloguePass::tryFuse(linalg::GenericOp generic) {
  SmallVector<Operation *> matmuls;
  for (Value input : generic.getDpsInputs())
    if (Operation *op = input.getDefiningOp();
        isa_and_nonnull<BlockMatmulOp, PackedMatmulOp>(op))
      matmuls.push_back(op);
  if (matmuls.empty())
    return;
  StringRef obstacle = obstacleIn(generic);
  // Of several matmuls the last one, which is computed when the others are.
  Operation *last = nullptr;
  for (Operation *matmul : matmuls) {
    if (!obstacle.empty())
      break;
    if (matmul->getBlock() == generic->getBlock() &&
        matmul->getResult(0).getType() == generic.getResult(0).getType() &&
        (!last || last->isBeforeInBlock(matmul)))
      last = matmul;
  }
  if (obstacle.empty())
    obstacle = obstacleBetween(generic, last ? last : matmuls.back());
  if (!obstacle.empty()) {
    if (printChoices)
      generic.emitRemark() << "not fused with the matmul before it: "
                           << obstacle;
    return;
  }
  if (printChoices)
    generic.emitRemark(
        "fused: it is applied to the matmul's sums in registers");
  if (auto packed = dyn_cast<PackedMatmulOp>(last))
    return fuse(generic, packed);
  fuse(generic, cast<BlockMatmulOp>(last));
}

void FuseEpiloguePass::runOnOperation() {
  if (failed(fuseElementwise()))
    return signalPassFailure();
  SmallVector<linalg::GenericOp> generics;
  getOperation().walk([&](linalg::GenericOp op) { generics.push_back(op); });
  for (linalg::GenericOp generic : generics)
    tryFuse(generic);
}
