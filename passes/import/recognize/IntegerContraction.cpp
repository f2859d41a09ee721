//===- IntegerContraction.cpp - Both factors are codes --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/import/recognize/IntegerContraction.h"
#include "passes/import/ContractionInit.h"

#include "ir/QMatmul.h"

using namespace mlir;
using namespace rlx;

static constexpr unsigned codeBits = 8;
/// What unsigned codes are less than their bits read as signed ones.
static constexpr int64_t signDistance = 128;

/// Whether a formula reads whole bytes as integers, less a constant or a
/// number, times what does not depend on `column`.
static bool isBytes(const ElementForm &form, unsigned column) {
  auto isFree = [&](const Read &read) {
    constexpr unsigned leastBits = 16;
    return isa<FloatType>(read.type) && read.width >= leastBits &&
           llvm::none_of(read.index, [&](AffineExpr expr) {
             return expr.isFunctionOfDim(column);
           });
  };
  if (!form.code || form.offset || form.rounded ||
      form.zeroConstant != std::round(form.zeroConstant))
    return false;
  const Read &code = *form.code;
  auto type = dyn_cast<RankedTensorType>(code.tensor.getType());
  bool isByte = isa<IntegerType>(code.type) && !code.codebook &&
                code.width == codeBits && type &&
                type.getElementType().isSignlessInteger(codeBits);
  // Zero points that are tensors are left to kernels of quantized weights.
  return isByte && !form.zero && llvm::all_of(form.scale.reads, isFree);
}

/// The zero point of codes that are read as signed ones.
static int64_t zeroOf(const ElementForm &form) {
  int64_t zero = int64_t(form.zeroConstant) + form.code->bias;
  return cast<IntegerType>(form.code->type).isUnsigned() ? zero - signDistance
                                                         : zero;
}

static Value constantRow(ImplicitLocOpBuilder &b, int64_t value) {
  if (value == 0)
    return nullptr;
  auto type = RankedTensorType::get({1}, b.getI32Type());
  return arith::ConstantOp::create(
      b, DenseElementsAttr::get(type, int32_t(value)));
}

/// Codes as signed ones: less 128, of which zero points know.
static Value asSigned(ImplicitLocOpBuilder &b, Value codes, const Read &read) {
  if (!cast<IntegerType>(read.type).isUnsigned())
    return codes;
  auto type = cast<RankedTensorType>(codes.getType());
  Value sign = tensor::SplatOp::create(
      b, arith::ConstantOp::create(b, b.getI8IntegerAttr(-128)),
      type.getShape());
  return arith::XOrIOp::create(b, codes, sign);
}

bool rlx::multiplyIntegers(WeightContraction &contraction,
                           const ElementForm &weight) {
  std::optional<ActivationForm> x = contraction.readActivations();
  if (!x || !isBytes(x->form, columnDim) || !isBytes(weight, columnDim))
    return false;
  WeightShape shape = contraction.weightShape();
  WeightForm codes(contraction.algebra(), shape, weight);
  std::string reason;
  if (shape.experts || failed(codes.plan(reason)) ||
      codes.getScheme().getBytes() != codes.getScheme().getBlock() ||
      x->form.code->index != x->index)
    return false;

  Operation *last = contraction.result().getDefiningOp();
  ImplicitLocOpBuilder b(contraction.contraction()->getLoc(), last);
  Value xCodes = x->form.code->tensor;
  auto xType = cast<RankedTensorType>(xCodes.getType());
  SmallVector<int64_t> sizes(xType.getShape());
  if (sizes.back() != shape.k ||
      (!xType.hasStaticShape() &&
       cast<IntegerType>(x->form.code->type).isUnsigned()))
    return false;
  xCodes = asSigned(b, xCodes, *x->form.code);
  Value wCodes = asSigned(b, codes.buildCodes(b, b.getLoc()), *weight.code);
  sizes.back() = shape.n;
  auto sumType = RankedTensorType::get(sizes, b.getI32Type());
  Value sums = QMatmulOp::create(b, sumType, xCodes, wCodes,
                                 constantRow(b, zeroOf(x->form)),
                                 constantRow(b, zeroOf(weight)),
                                 /*bias=*/Value(), /*scales=*/Value());
  contraction.scaleSums(b, sums, x->form.scale, weight.scale);
  return true;
}

void rlx::replaceQuantizedMatmul(linalg::QuantizedMatmulOp op) {
  auto type = dyn_cast<RankedTensorType>(
      op->getResultTypes().empty() ? Type() : op->getResult(0).getType());
  auto xType = dyn_cast<RankedTensorType>(op.getInputs()[0].getType());
  auto wType = dyn_cast<RankedTensorType>(op.getInputs()[1].getType());
  if (!type || !type.getElementType().isInteger(32) || !xType || !wType ||
      !xType.getElementType().isInteger(codeBits) ||
      !wType.getElementType().isInteger(codeBits))
    return;
  ImplicitLocOpBuilder b(op.getLoc(), op);
  SmallVector<OpFoldResult> sizes =
      tensor::getMixedSizes(b, b.getLoc(), op.getInputs()[1]);
  std::swap(sizes[0], sizes[1]);
  Value empty = tensor::EmptyOp::create(b, sizes, wType.getElementType());
  Value weight = linalg::TransposeOp::create(b, op.getInputs()[1], empty,
                                             ArrayRef<int64_t>{1, 0})
                     .getResult()[0];
  auto zero = [&](Value value) -> Value {
    if (matchPattern(value, m_Zero()))
      return nullptr;
    return tensor::FromElementsOp::create(b, value);
  };
  Value sums = QMatmulOp::create(
      b, type, op.getInputs()[0], weight, zero(op.getInputs()[2]),
      zero(op.getInputs()[3]), /*bias=*/Value(), /*scales=*/Value());
  if (!isZeroTensor(op.getOutputs()[0])) {
    Value out = tensor::EmptyOp::create(
        b, tensor::getMixedSizes(b, b.getLoc(), sums), type.getElementType());
    if (out.getType() != type)
      out = tensor::CastOp::create(b, type, out);
    sums = linalg::AddOp::create(b, TypeRange(type),
                                 ValueRange{sums, op.getOutputs()[0]},
                                 ValueRange{out})
               .getResult(0);
  }
  op->replaceAllUsesWith(ValueRange{sums});
  op.erase();
}
