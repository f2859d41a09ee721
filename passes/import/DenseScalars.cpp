//===- DenseScalars.cpp - Scalars that are resources become attributes ----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Upstream's lowering asks for the value of a constant of rank 0, and resources
// have none; of booleans, it cannot read them. Larger constants stay resources:
// nothing copies or hashes them.
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

/// Bytes of a number in a resource; 0 where it is none that can be computed
/// with. A boolean is a byte.
static int64_t bytesOf(Type element) {
  if (element.isIndex())
    return sizeof(int64_t);
  return element.isIntOrFloat()
             ? llvm::divideCeil(element.getIntOrFloatBitWidth(), 8)
             : 0;
}

static LogicalResult makeDense(arith::ConstantOp op) {
  auto resource = dyn_cast<DenseResourceElementsAttr>(op.getValue());
  if (!resource)
    return success();
  ShapedType type = resource.getType();
  StringRef name = resource.getRawHandle().getKey();
  AsmResourceBlob *blob = resource.getRawHandle().getBlob();
  // A file may have what the program does not: ConstantsToWeights.cpp.
  if (!blob)
    return success();
  int64_t expected = type.getNumElements() * bytesOf(type.getElementType());
  ArrayRef<char> data = blob->getData();
  if (expected != 0 && int64_t(data.size()) != expected)
    return op.emitOpError()
           << "expected the resource '" << name << "' to have " << expected
           << " bytes for " << type << ", but it has " << data.size();
  bool isSplat;
  if (type.getElementType().isInteger(1)) {
    SmallVector<bool> values(llvm::map_range(data, [](char c) { return c; }));
    op.setValueAttr(DenseElementsAttr::get(type, values));
  } else if (type.getRank() == 0 &&
             DenseElementsAttr::isValidRawBuffer(type, data, isSplat)) {
    op.setValueAttr(DenseElementsAttr::getFromRawBuffer(type, data));
  }
  return success();
}

namespace {
struct DenseScalarsPass : rlx::impl::DenseScalarsPassBase<DenseScalarsPass> {
  void runOnOperation() override {
    WalkResult result = getOperation()->walk(
        [](arith::ConstantOp op) { return WalkResult(makeDense(op)); });
    if (result.wasInterrupted())
      signalPassFailure();
  }
};
} // namespace
