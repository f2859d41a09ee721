//===- CopyStridedOperands.cpp - Kernels read rows that are contiguous ----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels read and write vectors along the last dimension of their operands. An
// operand whose last dimension is strided (a slice, a transposed view) is
// copied before the kernel, and a result is copied after it. Strides of the
// other dimensions are left to the kernels' addresses.
//
//===----------------------------------------------------------------------===//

#include "passes/cpu/kernels/RowAccess.h"
#include "passes/rules/RulePlan.h"

namespace rlx {
#define GEN_PASS_DEF_COPYSTRIDEDOPERANDSPASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

static bool isIds(OpOperand &operand) {
  if (auto matmul = dyn_cast<BlockMatmulOp>(operand.getOwner()))
    return matmul.getIds() == operand.get();
  if (auto packed = dyn_cast<PackedMatmulOp>(operand.getOwner()))
    return packed.getIds() == operand.get();
  auto rows = dyn_cast<BlockDequantizeOp>(operand.getOwner());
  return rows && rows.getIds() == operand.get();
}

bool rlx::isContiguousFor(OpOperand &operand) {
  auto type = dyn_cast<MemRefType>(operand.get().getType());
  // Ids are read one by one.
  if (!type || isIds(operand))
    return true;
  if (!type.isLastDimUnitStride())
    return false;
  // The host's quantizer takes all rows as one list.
  auto quantize = dyn_cast<BlockQuantizeOp>(operand.getOwner());
  auto fake = dyn_cast<BlockFakeQuantizeOp>(operand.getOwner());
  if ((quantize && quantize.choosesScales() && !rulePlanOf(quantize)) ||
      (fake && !rulePlanOf(fake)))
    return type.getLayout().isIdentity();
  // The rows of each token are one list of rows for experts.
  auto flattens = [&](auto matmul) {
    return matmul.getIds() && matmul.getX() == operand.get() &&
           type.getRank() == 3;
  };
  bool isFlattened = false;
  if (auto matmul = dyn_cast<BlockMatmulOp>(operand.getOwner()))
    isFlattened = flattens(matmul);
  else if (auto packed = dyn_cast<PackedMatmulOp>(operand.getOwner()))
    isFlattened = flattens(packed);
  SmallVector<ReassociationIndices> rows = {{0, 1}, {2}};
  return !isFlattened ||
         memref::CollapseShapeOp::isGuaranteedCollapsible(type, rows);
}

namespace {
struct CopyStridedOperandsPass
    : rlx::impl::CopyStridedOperandsPassBase<CopyStridedOperandsPass> {
  void runOnOperation() override {
    getOperation().walk([](DestinationStyleOpInterface op) {
      if (isa_and_nonnull<RlxDialect>(op->getDialect()) &&
          op.hasPureBufferSemantics())
        for (OpOperand &operand : op->getOpOperands())
          if (!isContiguousFor(operand))
            copy(op, operand);
    });
  }

  static void copy(DestinationStyleOpInterface op, OpOperand &operand) {
    LoopBuilder b(op.getLoc(), op);
    Value strided = operand.get();
    auto type = cast<MemRefType>(strided.getType());
    SmallVector<Value> sizes;
    for (int64_t i = 0; i < type.getRank(); ++i)
      if (type.isDynamicDim(i))
        sizes.push_back(memref::DimOp::create(b, strided, i));
    Value plain = memref::AllocOp::create(
        b, MemRefType::get(type.getShape(), type.getElementType()), sizes);
    if (!op.isDpsInit(&operand))
      memref::CopyOp::create(b, strided, plain);
    operand.set(plain);
    b.setInsertionPointAfter(op);
    if (op.isDpsInit(&operand))
      memref::CopyOp::create(b, plain, strided);
    memref::DeallocOp::create(b, plain);
  }
};
} // namespace
