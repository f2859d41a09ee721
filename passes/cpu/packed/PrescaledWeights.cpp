//===- PrescaledWeights.cpp - Codes times their group scales --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/cpu/packed/PrescaledWeights.h"

using namespace mlir;
using namespace rlx;

std::optional<PrescaledWeights>
PrescaledWeights::of(const PackedLayout &layout, const PackedFields &fields) {
  constexpr int64_t largestByte = 255;
  // A zero point is subtracted from codes, which these are no longer.
  if (!fields.groupScaleIsInteger() || fields.hasZero())
    return std::nullopt;
  auto [least, most] =
      rangeOfProducts({double(-layout.codes.bias),
                       double(layout.codes.below - 1 - layout.codes.bias)},
                      fields.groupScaleRange());
  if (most - least > largestByte)
    return std::nullopt;
  PrescaledWeights scaled;
  scaled.bias = layout.codes.bias;
  scaled.least = int64_t(least);
  scaled.most = int64_t(most);
  return scaled;
}

PackedLayout PrescaledWeights::layout(const PackedLayout &stored) const {
  PackedLayout scaled = stored;
  scaled.codes.width = 8;
  scaled.codes.bias = -least;
  scaled.codes.below = most - least + 1;
  scaled.codes.flip = 0;
  scaled.codes.table.clear();
  return scaled;
}

SmallVector<Value> PrescaledWeights::multiply(LoopBuilder &b,
                                              ArrayRef<Value> codes,
                                              ArrayRef<Value> scales) const {
  auto i32s = cast<VectorType>(scales.front().getType());
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(
        b, DenseElementsAttr::get(i32s, int32_t(value)));
  };
  constexpr int64_t bothBytes = 0x0101;
  SmallVector<Value> factors, shifts;
  for (Value scale : scales) {
    factors.push_back(i16x2(b, scale));
    if (!hasShift())
      continue;
    Value shift = arith::SubIOp::create(
        b, constant(-least * bothBytes),
        arith::MulIOp::create(b, scale, constant(bias * bothBytes)));
    shifts.push_back(i16x2(b, shift));
  }
  auto words = cast<VectorType>(factors.front().getType());
  SmallVector<Value> products;
  size_t ofGroup = codes.size() / scales.size();
  for (auto [v, code] : llvm::enumerate(codes)) {
    size_t group = v / ofGroup;
    Value product = arith::MulIOp::create(
        b, vector::BitCastOp::create(b, words, code), factors[group]);
    if (hasShift())
      product = arith::AddIOp::create(b, product, shifts[group]);
    products.push_back(vector::BitCastOp::create(b, code.getType(), product));
  }
  return products;
}
