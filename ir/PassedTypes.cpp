//===- PassedTypes.cpp - What callers pass for a type ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ir/PassedTypes.h"

#include "mlir/IR/TypeUtilities.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace rlx;

static constexpr unsigned byteBits = 8;

bool rlx::isPassedPacked(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || tensor.getEncoding())
    return false;
  Type element = tensor.getElementType();
  // Of how many bytes a row is must be known from its elements, and the other
  // way round.
  return (element.isSignlessInteger(2) || element.isSignlessInteger(4)) &&
         (tensor.getRank() == 0 ||
          !ShapedType::isDynamic(tensor.getShape().back()));
}

int64_t rlx::elementsPerByte(Type type) {
  return byteBits / getElementTypeOrSelf(type).getIntOrFloatBitWidth();
}

Type rlx::passedType(Type type) {
  if (isa<FloatType, IndexType>(type) || type.isSignlessInteger())
    return passedType(RankedTensorType::get({}, type));
  if (!isPassedPacked(type))
    return type;
  auto tensor = cast<RankedTensorType>(type);
  SmallVector<int64_t> shape(tensor.getShape());
  if (!shape.empty())
    shape.back() =
        llvm::divideCeil(shape.back(), uint64_t(elementsPerByte(type)));
  return RankedTensorType::get(shape,
                               IntegerType::get(type.getContext(), byteBits));
}
