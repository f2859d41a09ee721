//===- SplitRankReductions.cpp - Which sizes of 1 a slice leaves out ------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The type of a slice with fewer dimensions does not say which of its sizes of
// 1 are left out. When a size, an offset or a stride turns out to be constant,
// upstream infers the type again and leaves out the first ones: other sizes in
// another order, and a cast to what there was, which is none.
//
//   tensor.extract_slice %x[0, 0, 0, 1] [1, %n, 3, 1] [1, 1, 1, 1]
//     : tensor<4x9x3x2xf32> to tensor<1x?x3xf32>
//   ==>
//   %s = tensor.extract_slice %x[0, 0, 0, 1] [1, %n, 3, 1] [1, 1, 1, 1]
//     : tensor<4x9x3x2xf32> to tensor<1x?x3x1xf32>
//   tensor.collapse_shape %s [[0], [1], [2, 3]]
//     : tensor<1x?x3x1xf32> into tensor<1x?x3xf32>
//
// and tensor.insert_slice likewise, with tensor.expand_shape. Slices without
// strides that leave out leading sizes only are right as they are.
//
//===----------------------------------------------------------------------===//

#include "passes/PassDetail.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"

namespace rlx {
#define GEN_PASS_DEF_SPLITRANKREDUCTIONSPASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

/// Whether upstream may take other sizes of 1 than those that are left out for
/// them: the first ones, of tensors; those with other strides than in the
/// source, of buffers.
template <typename SliceOp>
static bool isAmbiguous(SliceOp op, const llvm::SmallBitVector &dropped) {
  bool keepsOne = false, isBehind = false;
  for (auto [i, size] : llvm::enumerate(op.getStaticSizes())) {
    isBehind |= dropped.test(i) && keepsOne;
    keepsOne |= !dropped.test(i) && (size == 1 || ShapedType::isDynamic(size));
  }
  return isBehind || (keepsOne && dropped.any() &&
                      llvm::any_of(op.getStaticStrides(),
                                   [](int64_t stride) { return stride != 1; }));
}

/// Each dimension that is kept with those around it that are not.
static SmallVector<ReassociationIndices>
groupsOf(const llvm::SmallBitVector &dropped) {
  SmallVector<ReassociationIndices> groups;
  ReassociationIndices before;
  for (unsigned i = 0; i < dropped.size(); ++i) {
    if (!dropped.test(i)) {
      groups.push_back(std::exchange(before, {}));
      groups.back().push_back(i);
    } else {
      (groups.empty() ? before : groups.back()).push_back(i);
    }
  }
  return groups;
}

static void split(tensor::ExtractSliceOp op) {
  llvm::SmallBitVector dropped = op.getDroppedDims();
  if (!isAmbiguous(op, dropped))
    return;
  OpBuilder b(op);
  auto whole = tensor::ExtractSliceOp::create(
      b, op.getLoc(), op.getSource(), op.getMixedOffsets(), op.getMixedSizes(),
      op.getMixedStrides());
  op.replaceAllUsesWith(tensor::CollapseShapeOp::create(b, op.getLoc(),
                                                        op.getType(), whole,
                                                        groupsOf(dropped))
                            .getResult());
  op.erase();
}

static void split(tensor::InsertSliceOp op) {
  llvm::SmallBitVector dropped = op.getDroppedDims();
  if (!isAmbiguous(op, dropped))
    return;
  OpBuilder b(op);
  auto type = RankedTensorType::get(op.getStaticSizes(),
                                    op.getSourceType().getElementType());
  auto whole =
      tensor::ExpandShapeOp::create(b, op.getLoc(), type, op.getSource(),
                                    groupsOf(dropped), op.getMixedSizes());
  op.getSourceMutable().assign(whole);
}

namespace {
struct SplitRankReductionsPass
    : rlx::impl::SplitRankReductionsPassBase<SplitRankReductionsPass> {
  void runOnOperation() override {
    getOperation()->walk([](Operation *op) {
      if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op))
        split(slice);
      else if (auto slice = dyn_cast<tensor::InsertSliceOp>(op))
        split(slice);
    });
  }
};
} // namespace
