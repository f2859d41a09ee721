//===- DenseScalars.cpp - Scalars that are resources become attributes ----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Upstream's lowering asks for the value of a constant of rank 0, and resources
// have none. Larger constants stay resources: nothing copies or hashes them.
//
//===----------------------------------------------------------------------===//

#include "passes/PassDetail.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/DialectResourceBlobManager.h"

namespace rlx {
#define GEN_PASS_DEF_DENSESCALARSPASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;

static void makeDense(arith::ConstantOp op) {
  auto resource = dyn_cast<DenseResourceElementsAttr>(op.getValue());
  if (!resource || resource.getType().getRank() != 0)
    return;
  AsmResourceBlob *blob = resource.getRawHandle().getBlob();
  bool isSplat;
  if (blob && DenseElementsAttr::isValidRawBuffer(resource.getType(),
                                                  blob->getData(), isSplat))
    op.setValueAttr(DenseElementsAttr::getFromRawBuffer(resource.getType(),
                                                        blob->getData()));
}

namespace {
struct DenseScalarsPass : rlx::impl::DenseScalarsPassBase<DenseScalarsPass> {
  void runOnOperation() override { getOperation()->walk(makeDense); }
};
} // namespace
