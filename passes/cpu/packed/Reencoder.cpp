//===- Reencoder.cpp - Weights rounded to one scale a K block -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/cpu/packed/Reencoder.h"

#include "passes/cpu/packed/PackedKBlock.h"

using namespace mlir;
using namespace rlx;

/// The largest code, at which rounding of a, b and q still fits 16 bits.
static constexpr double largestCode = 126;
static constexpr int64_t one = 256, bias = 128;

static Value splat(LoopBuilder &b, Type type, double value) {
  return arith::ConstantOp::create(
      b, DenseElementsAttr::get(cast<ShapedType>(type), float(value)));
}
static Value splat16(LoopBuilder &b, VectorType type, int64_t value) {
  return arith::ConstantOp::create(
      b, DenseElementsAttr::get(type, int16_t(value)));
}

Reencoder::Reencoder(LoopBuilder &b, const PackedLayout &layout,
                     const PackedFields &fields)
    : layout(layout), fields(fields) {
  auto allocate = [&](ArrayRef<int64_t> shape, Type element) -> Value {
    return memref::AllocOp::create(b, MemRefType::get(shape, element),
                                   ValueRange(), ValueRange(),
                                   b.getI64IntegerAttr(64));
  };
  int64_t groups = layout.kBlock / layout.sumGroup, lanes = layout.lanes;
  scaleNumbers = allocate({groups, lanes}, b.getF32Type());
  if (fields.hasOffset() || fields.hasDotMinimum())
    offsetNumbers = allocate({groups, lanes}, b.getF32Type());
  if (fields.hasDotMinimum())
    dotFactors =
        allocate({layout.dotMinimumVectors(), 4 * lanes}, b.getI8Type());
}

void Reencoder::release(LoopBuilder &b) {
  for (Value buffer : {scaleNumbers, offsetNumbers, dotFactors})
    if (buffer)
      memref::DeallocOp::create(b, buffer);
}

Value Reencoder::groupOf(LoopBuilder &b, Value kStep, int64_t group) const {
  return b.add(b.mul(kStep, PackedLayout::kStep / layout.sumGroup), group);
}

/// What is added to the values of group `group` of the K step; `outer` is the
/// K block's offset, or factor of offsets.
Value Reencoder::offset(LoopBuilder &b, StoredKBlock &stored, Value kStep,
                        int64_t group, Value outer) {
  if (!dotFactors)
    return fields.hasGroupOffset() ? stored.offset(b, kStep, group) : outer;
  // A 32-bit lane holds the factors of four groups.
  VectorType words = VectorType::get(layout.lanes, b.getI32Type());
  Value index = groupOf(b, kStep, group), vector = b.div(index, 4);
  Value four = b.loadVector(dotFactors, {vector, b.index(0)}, 4 * layout.lanes);
  Value position = b.mul(b.sub(index, b.mul(vector, 4)), 8);
  Value distance = vector::BroadcastOp::create(
      b, words, arith::IndexCastOp::create(b, b.getI32Type(), position));
  Value factor = arith::ShRUIOp::create(
      b, vector::BitCastOp::create(b, words, four), distance);
  factor = arith::AndIOp::create(
      b, factor,
      arith::ConstantOp::create(b,
                                DenseElementsAttr::get(words, int32_t(255))));
  factor = arith::UIToFPOp::create(b, f32s(b), factor);
  if (outer)
    return arith::MulFOp::create(b, factor, outer);
  return fields.offsetIsNegative() ? Value(arith::NegFOp::create(b, factor))
                                   : factor;
}

/// The least and the largest code of each row in some vectors of codes, f32
/// lanes.
static std::pair<Value, Value> rangeOf(LoopBuilder &b, ArrayRef<Value> codes,
                                       VectorType f32s) {
  auto bytes = cast<VectorType>(codes.front().getType());
  VectorType words = VectorType::get(f32s.getNumElements(), b.getI32Type());
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(
        b, DenseElementsAttr::get(words, int32_t(value)));
  };
  auto reduce = [&](auto combine) -> Value {
    Value all = codes.front();
    for (Value some : codes.drop_front())
      all = combine(all, some);
    // Then the four of a lane; zeros that are shifted in must not be the least.
    for (int64_t distance : {16, 8}) {
      Value word = vector::BitCastOp::create(b, words, all);
      Value moved = arith::ShRUIOp::create(b, word, constant(distance));
      moved = arith::OrIOp::create(
          b, moved, arith::ShLIOp::create(b, word, constant(32 - distance)));
      all = combine(all, vector::BitCastOp::create(b, bytes, moved));
    }
    Value word = vector::BitCastOp::create(b, words, all);
    return arith::SIToFPOp::create(
        b, f32s, arith::AndIOp::create(b, word, constant(255)));
  };
  return {reduce([&](Value x, Value y) -> Value {
            return arith::MinUIOp::create(b, x, y);
          }),
          reduce([&](Value x, Value y) -> Value {
            return arith::MaxUIOp::create(b, x, y);
          })};
}

Value Reencoder::fill(LoopBuilder &b, StoredKBlock &stored, Value panel,
                      Value tile) {
  const IntegerCodes &kind = layout.codes;
  constexpr int64_t vectors = PackedLayout::kStep / 4;
  int64_t groups = PackedLayout::kStep / layout.sumGroup, lanes = layout.lanes;
  int64_t ofGroup = vectors / groups;
  Value kSteps = b.index(layout.kStepsPerBlock());
  auto at = [&](Value kStep, int64_t vector) {
    return SmallVector<Value>{tile, b.add(b.mul(kStep, vectors), vector),
                              b.index(0)};
  };
  Value outer = stored.blockScale(b);
  Value blockOffset = fields.hasBlockOffset() ? stored.blockOffset(b) : Value();
  if (dotFactors)
    for (auto [i, factor] : llvm::enumerate(stored.dotMinima(b)))
      b.storeVector(factor, dotFactors, {b.index(int64_t(i)), b.index(0)});

  // Codes as they are wait in the panel until the largest value is known.
  SmallVector<Value> largest = {b.zeros(lanes)};
  largest = b.loop(
      b.index(0), kSteps, 1, largest, [&](Value kStep, ValueRange carried) {
        Value most = carried[0];
        SmallVector<Value> codes = stored.codes(b, kStep),
                           inner = stored.groupScales(b, kStep);
        for (auto [v, code] : llvm::enumerate(codes))
          b.storeVector(code, panel, at(kStep, int64_t(v)));
        for (int64_t g = 0; g < groups; ++g) {
          Value scale = outer ? outer : splat(b, f32s(b), 1);
          if (!inner.empty())
            scale = arith::MulFOp::create(b, inner[g], scale);
          SmallVector<Value> place = {groupOf(b, kStep, g), b.index(0)};
          Value shift, ofGroupMost = b.zeros(lanes);
          if (offsetNumbers)
            shift = offset(b, stored, kStep, g, blockOffset);
          auto [low, high] =
              rangeOf(b, ArrayRef(codes).slice(g * ofGroup, ofGroup), f32s(b));
          for (Value code : {low, high}) {
            Value number = arith::SubFOp::create(
                b, code, splat(b, f32s(b), double(kind.bias)));
            Value value = arith::MulFOp::create(b, scale, number);
            if (shift)
              value = arith::AddFOp::create(b, value, shift);
            ofGroupMost = arith::MaximumFOp::create(
                b, ofGroupMost, math::AbsFOp::create(b, value));
          }
          most = arith::MaximumFOp::create(b, most, ofGroupMost);
          // The scale of zeros may be too large for fixed point.
          Value isZero = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ,
                                               ofGroupMost, b.zeros(lanes));
          auto orZero = [&](Value number) -> Value {
            return arith::SelectOp::create(b, isZero, b.zeros(lanes), number);
          };
          b.storeVector(orZero(scale), scaleNumbers, place);
          if (shift)
            b.storeVector(orZero(shift), offsetNumbers, place);
        }
        return SmallVector<Value>{most};
      });
  // Reciprocals of subnormal numbers would be infinite.
  constexpr double raised = 0x1p64;
  auto compare = [&](arith::CmpFPredicate how, double with) -> Value {
    return arith::CmpFOp::create(b, how, largest[0], splat(b, f32s(b), with));
  };
  Value raise =
      arith::SelectOp::create(b, compare(arith::CmpFPredicate::OLT, 1),
                              splat(b, f32s(b), raised), splat(b, f32s(b), 1));
  Value inverse = arith::DivFOp::create(
      b, splat(b, f32s(b), 1), arith::MulFOp::create(b, largest[0], raise));
  inverse = arith::SelectOp::create(b, compare(arith::CmpFPredicate::OEQ, 0),
                                    b.zeros(lanes), inverse);
  raise = arith::MulFOp::create(b, raise, splat(b, f32s(b), largestCode * one));

  VectorType i32s = VectorType::get(lanes, b.getI32Type());
  VectorType words = VectorType::get(2 * lanes, b.getI16Type());
  auto scaled = [&](Value numbers, Value group) -> Value {
    Value number = b.loadVector(numbers, {group, b.index(0)}, lanes);
    number = arith::MulFOp::create(b, number, raise);
    return arith::MulFOp::create(b, number, inverse);
  };
  auto rounded = [&](Value number) -> Value {
    return math::RoundEvenOp::create(b, number);
  };
  // A code that is the bias means zero exactly. Where none is, the bias may be
  // so large that the scale's rounding error must not be multiplied with it.
  bool isCode = kind.bias >= 0 && kind.bias < kind.below;
  auto halves = [&](Value number) {
    return i16x2(b, arith::FPToSIOp::create(b, i32s, number));
  };
  b.loop(b.index(0), kSteps, 1, [&](Value kStep) {
    SmallVector<Value> scales, shifts;
    for (int64_t g = 0; g < groups; ++g) {
      Value group = groupOf(b, kStep, g), exact = scaled(scaleNumbers, group),
            scale = rounded(exact);
      // The bias of the new codes is a bit of the upper byte.
      Value shift = arith::MulFOp::create(
          b, isCode ? scale : exact, splat(b, f32s(b), double(-kind.bias)));
      if (!isCode)
        shift = rounded(shift);
      shift = arith::AddFOp::create(
          b, shift, splat(b, f32s(b), double(one / 2 + bias * one)));
      if (offsetNumbers)
        shift = arith::AddFOp::create(b, shift,
                                      rounded(scaled(offsetNumbers, group)));
      scales.push_back(halves(scale));
      shifts.push_back(halves(shift));
    }
    Value byte = splat16(b, words, 8), lowByte = splat16(b, words, 0xff),
          highByte = splat16(b, words, 0xff00);
    for (int64_t v = 0; v < vectors; ++v) {
      Value code = b.loadVector(panel, at(kStep, v), 4 * lanes);
      Value both = vector::BitCastOp::create(b, words, code);
      auto round = [&](Value some) -> Value {
        return arith::AddIOp::create(
            b, arith::MulIOp::create(b, some, scales[v / ofGroup]),
            shifts[v / ofGroup]);
      };
      Value even = round(arith::AndIOp::create(b, both, lowByte));
      Value odd = round(arith::ShRUIOp::create(b, both, byte));
      Value bytes =
          arith::OrIOp::create(b, arith::ShRUIOp::create(b, even, byte),
                               arith::AndIOp::create(b, odd, highByte));
      b.storeVector(vector::BitCastOp::create(b, code.getType(), bytes), panel,
                    at(kStep, v));
    }
  });
  return arith::MulFOp::create(b, largest[0],
                               splat(b, f32s(b), 1 / largestCode));
}
