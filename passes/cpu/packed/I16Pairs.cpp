//===- I16Pairs.cpp - Two groups a lane -----------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/cpu/packed/I16Pairs.h"

using namespace mlir;
using namespace rlx;

std::optional<I16Pairs> I16Pairs::of(const PackedLayout &layout,
                                     const PackedFields &fields,
                                     int64_t activationBytes,
                                     StringRef i16Dot) {
  I16Pairs paired;
  paired.groups = layout.kBlock / layout.sumGroup;
  if (activationBytes != 1 || i16Dot.empty() || !fields.hasGroupScale() ||
      paired.groups % 2 != 0)
    return std::nullopt;
  paired.i16Dot = i16Dot;
  paired.pairsOffsets = fields.hasGroupOffset();
  constexpr int64_t largestActivation = 127;
  int64_t largestSum =
      layout.sumGroup * largestActivation * layout.codes.largest();
  // Never 0: halves of words that are moved by whole bytes become permutations
  // of two vectors in LLVM, which take the place of products where shifts and
  // masked moves do not.
  constexpr auto most16 = int64_t(largestI16);
  paired.shift = 2 * largestSum <= most16 ? -1 : 1;
  while (paired.shift > 0 &&
         (largestSum + paired.rounding(0)) >> paired.shift > most16)
    ++paired.shift;
  // Of groups whose codes are all small, more bits would be more than rounding
  // activations loses.
  constexpr int64_t mostLost = 2;
  if (paired.shift > mostLost)
    return std::nullopt;
  // The products of all groups have to fit 32 bits.
  int64_t most = std::min(most16, ((int64_t(1) << 31) - 1) /
                                      (paired.groups * (most16 + 1)));
  if (!fields.groupScaleIsInteger() ||
      fields.largestGroupScale() > double(most))
    paired.largestScale = most;
  return paired;
}

static Value splat(LoopBuilder &b, Value like, int64_t value) {
  return arith::ConstantOp::create(
      b,
      DenseElementsAttr::get(cast<ShapedType>(like.getType()), int32_t(value)));
}

/// The low halves of `even` and the high halves of `odd`: a masked move.
static Value halves(LoopBuilder &b, Value even, Value odd) {
  auto type = cast<VectorType>(even.getType());
  int64_t count = 2 * type.getNumElements();
  VectorType i16s = VectorType::get(count, b.getI16Type());
  SmallVector<int64_t> indices;
  for (int64_t i = 0; i < count; ++i)
    indices.push_back(i % 2 == 0 ? i : count + i);
  Value words = vector::ShuffleOp::create(
      b, vector::BitCastOp::create(b, i16s, even),
      vector::BitCastOp::create(b, i16s, odd), indices);
  return vector::BitCastOp::create(b, type, words);
}

Value I16Pairs::words(LoopBuilder &b, Value even, Value odd) const {
  Value distance = splat(b, even, std::abs(shift));
  even = shift > 0 ? Value(arith::ShRUIOp::create(b, even, distance))
                   : Value(arith::ShLIOp::create(b, even, distance));
  odd = arith::ShLIOp::create(b, odd, splat(b, odd, 16 - shift));
  return halves(b, even, odd);
}

Value I16Pairs::addProducts(LoopBuilder &b, Value words, Value factors,
                            Value sum) const {
  int64_t lanes = cast<VectorType>(sum.getType()).getNumElements();
  VectorType i16s = VectorType::get(2 * lanes, b.getI16Type());
  words = vector::BitCastOp::create(b, i16s, words);
  factors = vector::BitCastOp::create(b, i16s, factors);
  return LLVM::CallIntrinsicOp::create(b, sum.getType(),
                                       b.getStringAttr(i16Dot),
                                       ValueRange{sum, words, factors})
      .getResults();
}

Value I16Pairs::store(LoopBuilder &b, Value numbers, Value largest,
                      double largestInteger, Value words, Value at) const {
  auto f32s = cast<VectorType>(largest.getType());
  auto i32s = VectorType::get(f32s.getShape(), b.getI32Type());
  auto constant = [&](double value) -> Value {
    return arith::ConstantOp::create(
        b, DenseElementsAttr::get(f32s, float(value)));
  };
  bool isExact = largestInteger == 0;
  // Of zeros and of numbers near the smallest, a factor that is still finite;
  // NaN stays NaN.
  constexpr double largestFactor = 0x1p126;
  Value factor = arith::DivFOp::create(b, constant(largestInteger), largest);
  factor = arith::MinimumFOp::create(b, factor, constant(largestFactor));
  int64_t lanes = f32s.getNumElements();
  b.loop(b.index(0), b.index(groups / 2), 1, [&](Value pair) {
    auto integer = [&](int64_t group) {
      Value number = b.loadVector(
          numbers, {b.add(b.mul(pair, 2), group), b.index(0)}, lanes);
      if (!isExact)
        number = math::RoundEvenOp::create(
            b, arith::MulFOp::create(b, number, factor));
      return arith::FPToSIOp::create(b, i32s, number);
    };
    Value even = integer(0), odd = integer(1);
    odd = arith::ShLIOp::create(b, odd, splat(b, odd, 16));
    b.storeVector(halves(b, even, odd), words, {at, pair, b.index(0)});
  });
  if (isExact)
    return Value();
  return arith::DivFOp::create(b, constant(1), factor);
}
