//===- ViewOps.cpp - Plain tensors seen as quantized ones -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ir/ViewOps.h"
#include "ir/Scheme.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace rlx;

#define GET_OP_CLASSES
#include "ir/ViewOps.cpp.inc"

LogicalResult EncodedViewOp::verify() {
  auto result = cast<RankedTensorType>(getResult().getType());
  auto codes = cast<RankedTensorType>(getCodes().getType());
  std::optional<QuantScheme> scheme = QuantScheme::of(result);
  if (!scheme)
    return emitOpError() << "(C1) expected the result to be quantized, but got "
                         << result;
  SmallVector<int64_t> stored = scheme->storageShape(result.getShape());
  constexpr unsigned byteBits = 8;
  Type element = codes.getElementType();
  if (!codes.getEncoding() && element.isIntOrFloat() &&
      element.getIntOrFloatBitWidth() == byteBits &&
      codes.getShape() == ArrayRef(stored))
    return success();
  return emitOpError() << "(C2) expected 'codes' to be the bytes that '"
                       << scheme->displayName() << "' stores, "
                       << RankedTensorType::get(
                              stored, IntegerType::get(getContext(), byteBits))
                       << " or floats of 8 bits, but got " << codes;
}
