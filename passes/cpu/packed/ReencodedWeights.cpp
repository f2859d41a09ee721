//===- ReencodedWeights.cpp - Weights rounded to one scale a K block ------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The mode reencoded. Where a user asks for it, panels hold a K block of a
// weight row as 8-bit codes that have one scale. Products are then all that is
// left to do for a K step, whatever the scheme. With u the stored codes, s and
// t what the scheme's fields give for a group, and |value| <= largest in the K
// block,
//
//   value = (u - bias) * s + t,   q = round(value / unit),
//   unit = largest / 126
//
// in fixed point: 256 / unit times s and t are rounded to integers a and b, so
// that q is what the upper byte of u * a + (b - bias * a) + 128 holds; 16 bits
// are enough, because what overflows on the way comes back.
//
//===----------------------------------------------------------------------===//

#include "passes/cpu/packed/ModeCreators.h"
#include "passes/cpu/packed/ScaledSums.h"
#include "passes/cpu/target/CpuFeatures.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace mlir;
using namespace rlx;

/// The largest code, at which rounding of a, b and q still fits 16 bits.
static constexpr double largestCode = 126;
static constexpr int64_t one = 256, bias = 128;

namespace {
class ReencodedWeights : public ScaledSums {
public:
  explicit ReencodedWeights(const PackedKernel &kernel)
      : ScaledSums(KernelMode::reencoded, kernel, kernel.packed,
                   GroupScales::floats, kernel.packed.reencoded(),
                   std::nullopt) {}

  bool pays(const PackedKernel &kernel) const override {
    return kernel.mayReencode();
  }
  bool isOfPanelsOnly() const override { return true; }
  ArrayRef<int64_t> panelRows(ArrayRef<int64_t>) const override {
    // Panels have nothing but codes: register tiles are so high as fits.
    static constexpr int64_t rows[] = {8, 6, 5, 4, 3, 2, 1};
    return rows;
  }
  /// A register tile decodes again and again otherwise, or other panels have
  /// more to multiply.
  int64_t minM(const KStepCost &direct, int64_t mr,
               const CpuProperties &cpu) const override {
    // What rounding takes a K step, and a panel's wait, in operations. Fitted
    // on an EPYC (Zen 4), where reencoded weights begin to be faster.
    constexpr double rounding = 150, wait = 80;
    constexpr int64_t vectors = PackedLayout::kStep / 4;
    double spared = direct.row - double(vectors * bytes * byteDotCost(cpu)) +
                    direct.decode / double(mr);
    double once = direct.decode + rounding + wait;
    return int64_t(std::ceil(once / std::max(spared, 1.0)));
  }
  std::string why(int64_t minM) const override {
    return llvm::formatv("; from M = {0} on weights are reencoded", minM);
  }
  void allocateScratch(LoopBuilder &b, KBlockPanel &panel) const override;
  void allocate(LoopBuilder &b, KBlockPanel &panel) const override {
    panel.allocateBlock(b, /*hasScale=*/true, /*hasOffset=*/false);
  }
  void fill(LoopBuilder &b, StoredKBlock &stored,
            KBlockPanel &panel) const override;

private:
  /// Where codes of a K step lie in the panel.
  SmallVector<Value> at(LoopBuilder &b, KBlockPanel &panel, Value kStep,
                        int64_t vector) const {
    constexpr int64_t vectors = PackedLayout::kStep / 4;
    return {panel.tile, b.add(b.mul(kStep, vectors), vector), b.index(0)};
  }
  VectorType f32s(LoopBuilder &b) const {
    return VectorType::get(layout.lanes, b.getF32Type());
  }
  Value offset(LoopBuilder &b, StoredKBlock &stored, KBlockPanel &panel,
               Value kStep, int64_t group, Value outer) const;
  Value keepNumbers(LoopBuilder &b, StoredKBlock &stored,
                    KBlockPanel &panel) const;
  void roundCodes(LoopBuilder &b, KBlockPanel &panel, Value inverse,
                  Value raise) const;
};
} // namespace

std::unique_ptr<PackedMode>
rlx::createReencodedWeights(const PackedKernel &kernel, std::string &reason) {
  PackedMatmulOp op = kernel.op;
  if (op.getReencoded() && !kernel.cpu.deterministic)
    return std::make_unique<ReencodedWeights>(kernel);
  reason = kernel.cpu.deterministic
               ? "a result would depend on the number of rows, which "
                 "'deterministic' forbids"
               : "the program does not allow it: weights are not 'reencoded'";
  return nullptr;
}

static Value splat(LoopBuilder &b, Type type, double value) {
  return arith::ConstantOp::create(
      b, DenseElementsAttr::get(cast<ShapedType>(type), float(value)));
}
static Value splat16(LoopBuilder &b, VectorType type, int64_t value) {
  return arith::ConstantOp::create(
      b, DenseElementsAttr::get(type, int16_t(value)));
}

void ReencodedWeights::allocateScratch(LoopBuilder &b,
                                       KBlockPanel &panel) const {
  int64_t groups = layout.kBlock / layout.sumGroup, lanes = layout.lanes;
  panel.scaleScratch = panel.allocateScratch(b, groups, lanes, b.getF32Type());
  if (storedFields.hasOffset() || storedFields.hasDotMinimum())
    panel.offsetScratch =
        panel.allocateScratch(b, groups, lanes, b.getF32Type());
  if (storedFields.hasDotMinimum())
    panel.minimumScratch = panel.allocateScratch(
        b, storedLayout.dotMinimumVectors(), 4 * lanes, b.getI8Type());
}

/// What is added to the values of group `group` of the K step; `outer` is the
/// K block's offset, or factor of offsets.
Value ReencodedWeights::offset(LoopBuilder &b, StoredKBlock &stored,
                               KBlockPanel &panel, Value kStep, int64_t group,
                               Value outer) const {
  if (!panel.minimumScratch)
    return storedFields.hasGroupOffset() ? stored.offset(b, kStep, group)
                                         : outer;
  // A 32-bit lane holds the factors of four groups.
  VectorType words = VectorType::get(layout.lanes, b.getI32Type());
  Value index = panel.group(b, kStep, group), vector = b.div(index, 4);
  Value four = b.loadVector(panel.minimumScratch, {vector, b.index(0)},
                            4 * layout.lanes);
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
  return storedFields.offsetIsNegative()
             ? Value(arith::NegFOp::create(b, factor))
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

/// Keeps codes as they are in the panel, and scales and offsets of all groups
/// as numbers; returns the largest magnitude of a value of each row.
Value ReencodedWeights::keepNumbers(LoopBuilder &b, StoredKBlock &stored,
                                    KBlockPanel &panel) const {
  const IntegerCodes &kind = storedLayout.codes;
  int64_t groups = groupsPerStep(), lanes = layout.lanes;
  int64_t ofGroup = PackedLayout::kStep / 4 / groups;
  Value outer = stored.blockScale(b);
  Value outerOffset =
      storedFields.hasBlockOffset() ? stored.blockOffset(b) : Value();
  if (panel.minimumScratch)
    for (auto [i, factor] : llvm::enumerate(stored.dotMinima(b)))
      b.storeVector(factor, panel.minimumScratch,
                    {b.index(int64_t(i)), b.index(0)});
  auto addGroup = [&](Value kStep, int64_t g, ArrayRef<Value> codes,
                      ArrayRef<Value> inner, Value most) -> Value {
    Value scale = outer ? outer : splat(b, f32s(b), 1);
    if (!inner.empty())
      scale = arith::MulFOp::create(b, inner[g], scale);
    SmallVector<Value> place = {panel.group(b, kStep, g), b.index(0)};
    Value shift, ofGroupMost = b.zeros(lanes);
    if (panel.offsetScratch)
      shift = offset(b, stored, panel, kStep, g, outerOffset);
    auto [low, high] = rangeOf(b, codes.slice(g * ofGroup, ofGroup), f32s(b));
    for (Value code : {low, high}) {
      Value number =
          arith::SubFOp::create(b, code, splat(b, f32s(b), double(kind.bias)));
      Value value = arith::MulFOp::create(b, scale, number);
      if (shift)
        value = arith::AddFOp::create(b, value, shift);
      ofGroupMost = arith::MaximumFOp::create(b, ofGroupMost,
                                              math::AbsFOp::create(b, value));
    }
    most = arith::MaximumFOp::create(b, most, ofGroupMost);
    // The scale of zeros may be too large for fixed point.
    Value isZero = arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ,
                                         ofGroupMost, b.zeros(lanes));
    auto orZero = [&](Value number) -> Value {
      return arith::SelectOp::create(b, isZero, b.zeros(lanes), number);
    };
    b.storeVector(orZero(scale), panel.scaleScratch, place);
    if (shift)
      b.storeVector(orZero(shift), panel.offsetScratch, place);
    return most;
  };
  SmallVector<Value> largest = {b.zeros(lanes)};
  largest = b.loop(b.index(0), b.index(layout.kStepsPerBlock()), 1, largest,
                   [&](Value kStep, ValueRange carried) {
                     Value most = carried[0];
                     SmallVector<Value> codes = stored.codes(b, kStep),
                                        inner = stored.groupScales(b, kStep);
                     for (auto [v, code] : llvm::enumerate(codes))
                       b.storeVector(code, panel.codeBytes,
                                     at(b, panel, kStep, int64_t(v)));
                     for (int64_t g = 0; g < groups; ++g)
                       most = addGroup(kStep, g, codes, inner, most);
                     return SmallVector<Value>{most};
                   });
  return largest[0];
}

/// Makes the panel's codes those of `inverse * raise / 256` times the values.
void ReencodedWeights::roundCodes(LoopBuilder &b, KBlockPanel &panel,
                                  Value inverse, Value raise) const {
  const IntegerCodes &kind = storedLayout.codes;
  constexpr int64_t vectors = PackedLayout::kStep / 4;
  int64_t groups = groupsPerStep(), lanes = layout.lanes;
  int64_t ofGroup = vectors / groups;
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
  b.loop(b.index(0), b.index(layout.kStepsPerBlock()), 1, [&](Value kStep) {
    SmallVector<Value> scales, shifts;
    for (int64_t g = 0; g < groups; ++g) {
      Value group = panel.group(b, kStep, g),
            exact = scaled(panel.scaleScratch, group), scale = rounded(exact);
      // The bias of the new codes is a bit of the upper byte.
      Value shift = arith::MulFOp::create(
          b, isCode ? scale : exact, splat(b, f32s(b), double(-kind.bias)));
      if (!isCode)
        shift = rounded(shift);
      shift = arith::AddFOp::create(
          b, shift, splat(b, f32s(b), double(one / 2 + bias * one)));
      if (panel.offsetScratch)
        shift = arith::AddFOp::create(
            b, shift, rounded(scaled(panel.offsetScratch, group)));
      scales.push_back(halves(scale));
      shifts.push_back(halves(shift));
    }
    Value byte = splat16(b, words, 8), lowByte = splat16(b, words, 0xff),
          highByte = splat16(b, words, 0xff00);
    for (int64_t v = 0; v < vectors; ++v) {
      Value code =
          b.loadVector(panel.codeBytes, at(b, panel, kStep, v), 4 * lanes);
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
      b.storeVector(vector::BitCastOp::create(b, code.getType(), bytes),
                    panel.codeBytes, at(b, panel, kStep, v));
    }
  });
}

void ReencodedWeights::fill(LoopBuilder &b, StoredKBlock &stored,
                            KBlockPanel &panel) const {
  Value largest = keepNumbers(b, stored, panel);
  // Reciprocals of subnormal numbers would be infinite.
  constexpr double raised = 0x1p64;
  auto compare = [&](arith::CmpFPredicate how, double with) -> Value {
    return arith::CmpFOp::create(b, how, largest, splat(b, f32s(b), with));
  };
  Value raise =
      arith::SelectOp::create(b, compare(arith::CmpFPredicate::OLT, 1),
                              splat(b, f32s(b), raised), splat(b, f32s(b), 1));
  Value inverse = arith::DivFOp::create(
      b, splat(b, f32s(b), 1), arith::MulFOp::create(b, largest, raise));
  inverse = arith::SelectOp::create(b, compare(arith::CmpFPredicate::OEQ, 0),
                                    b.zeros(layout.lanes), inverse);
  raise = arith::MulFOp::create(b, raise, splat(b, f32s(b), largestCode * one));
  roundCodes(b, panel, inverse, raise);
  panel.store(
      b, arith::MulFOp::create(b, largest, splat(b, f32s(b), 1 / largestCode)),
      panel.block, b.index(0));
}
