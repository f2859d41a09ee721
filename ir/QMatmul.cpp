//===- QMatmul.cpp - Products of integers, requantized --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ir/QMatmul.h"
#include "ir/BlockShapes.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace rlx;

#define GET_OP_CLASSES
#include "ir/QMatmul.cpp.inc"

/// `value`, where it is given, is a plain tensor of this shape and element
/// type, or of one element where it may be.
static LogicalResult verifyTensor(QMatmulOp op, StringRef label, StringRef what,
                                  Value value, ArrayRef<int64_t> shape,
                                  Type element, bool mayBeOne = false) {
  if (!value)
    return success();
  auto type = cast<RankedTensorType>(value.getType());
  bool fits = type.getRank() == int64_t(shape.size()) &&
              llvm::all_of_zip(type.getShape(), shape, mayBeEqualSizes);
  bool isOne = mayBeOne && type.getShape() == ArrayRef<int64_t>{1};
  if (!type.getEncoding() && type.getElementType() == element &&
      (fits || isOne))
    return success();
  InFlightDiagnostic diagnostic = op.emitOpError();
  diagnostic << "(" << label << ") expected '" << what << "' to be "
             << RankedTensorType::get(shape, element);
  if (mayBeOne)
    diagnostic << " or " << RankedTensorType::get({1}, element);
  return diagnostic << ", but got " << type;
}

LogicalResult QMatmulOp::verify() {
  Builder b(getContext());
  auto x = cast<RankedTensorType>(getX().getType());
  auto weight = cast<RankedTensorType>(getWeight().getType());
  if (weight.getRank() != 2 || x.getRank() == 0)
    return emitOpError() << "(C1) expected 'x' to be [..., K] and 'weight' to "
                            "be [N, K], but got "
                         << x << " and " << weight;
  int64_t n = weight.getDimSize(0), k = weight.getDimSize(1);
  SmallVector<int64_t> shape(x.getShape());
  shape.back() = k;
  if (failed(verifyTensor(*this, "C1", "weight", getWeight(), {n, k},
                          b.getI8Type())) ||
      failed(verifyTensor(*this, "C1", "x", getX(), shape, b.getI8Type())))
    return failure();
  shape.back() = n;
  Type i32 = b.getI32Type();
  if (failed(verifyTensor(*this, "C1", "result", getResult(), shape,
                          getScales() ? b.getI8Type() : i32)) ||
      failed(verifyTensor(*this, "C2", "x_zero_point", getXZeroPoint(), {1},
                          i32)) ||
      failed(verifyTensor(*this, "C2", "zero_points", getZeroPoints(), {n}, i32,
                          /*mayBeOne=*/true)) ||
      failed(verifyTensor(*this, "C3", "bias", getBias(), {n}, i32)) ||
      failed(verifyTensor(*this, "C4", "scales", getScales(), {n},
                          b.getF32Type(), /*mayBeOne=*/true)))
    return failure();
  int64_t zero = getZeroPoint();
  if (getScales() ? !llvm::isInt<8>(zero) : zero != 0)
    return emitOpError() << "(C4) expected 'zero_point' to be "
                         << (getScales() ? "-128 to 127"
                                         : "0 where nothing is scaled")
                         << ", but got " << zero;
  return success();
}
