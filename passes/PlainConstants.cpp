//===- PlainConstants.cpp - Constants whose value can be asked for --------===//
//
// Larger constants stay resources: nothing copies or hashes them.
//
//===----------------------------------------------------------------------===//

#include "passes/PlainConstants.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;

void rlx::makeScalarsPlain(Operation *root) {
  root->walk([](arith::ConstantOp op) {
    auto resource = dyn_cast<DenseResourceElementsAttr>(op.getValue());
    if (!resource || resource.getType().getRank() != 0)
      return;
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    bool isSplat;
    if (blob && DenseElementsAttr::isValidRawBuffer(resource.getType(),
                                                    blob->getData(), isSplat))
      op.setValueAttr(DenseElementsAttr::getFromRawBuffer(resource.getType(),
                                                          blob->getData()));
  });
}
