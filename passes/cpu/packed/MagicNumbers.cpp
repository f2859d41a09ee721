//===- MagicNumbers.cpp - Sums that start as floats -----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The mode magic. The sum of a group's products with a byte of activations is
// an integer that a float scale has to multiply: a conversion and a product for
// each group, row and vector. If both displace dot products, sums start from
// the bits of 1.5 * 2^23 instead. Floats from 2^23 to 2^24 are integers whose
// last bit counts one, so that the bits of the start plus an integer are the
// start plus that integer as a float, and no conversion is needed. Known as the
// magic-number conversion ("fmagic" in XNNPACK):
//
//   sum over groups  s * sum (u - bias) * q
//     = sum over groups  s * float(bits(start) + sum (u - bias) * q)
//       - start * sum over groups  s
//
// The last term is the same for all rows of activations: the correction.
//
// Error: 1.5 * 2^23 times a scale loses bits that the products would have kept.
// Codes are made as large as bytes hold (PackedLayout::widened), so that this
// error is some hundred times below that of rounding activations to i8,
// relative to the largest code. A K block whose codes are all a hundredth of
// their range loses as much as by rounding to i8. A scale that is infinite
// gives NaN. Of i16 and i24, which are several bytes, sums of all but the last
// are converted: only those of the last may lose bits.
//
//===----------------------------------------------------------------------===//

#include "passes/cpu/packed/ModeCreators.h"
#include "passes/cpu/packed/ScaledSums.h"
#include "passes/cpu/target/CpuFeatures.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace rlx;

namespace {
constexpr float start = 12582912; // 1.5 * 2^23
constexpr int32_t startBits = 0x4b400000;

class MagicNumbers : public ScaledSums {
public:
  explicit MagicNumbers(const PackedKernel &kernel)
      : ScaledSums(KernelMode::magic, kernel, kernel.packed.widened(),
                   GroupScales::floats, kernel.packed.widened(),
                   GroupScales::floats) {}

  bool pays(const PackedKernel &kernel) const override {
    const CpuProperties &cpu = kernel.cpu;
    return hasSharedPorts(cpu) && cpu.magicNumbers && !cpu.deterministic;
  }
  std::string why(int64_t) const override {
    return "; sums of products are floats from the start, which rounds their "
           "last bits";
  }
  ActivationForm form() const override {
    ActivationForm form = PackedMode::form();
    form.start = startBits;
    return form;
  }
  void allocate(LoopBuilder &b, KBlockPanel &panel) const override {
    PackedMode::allocate(b, panel);
    panel.correction = panel.allocate(b, 1, layout.lanes, b.getF32Type());
  }
  void fill(LoopBuilder &b, StoredKBlock &stored,
            KBlockPanel &panel) const override;
  SmallVector<Value> initialSums(PackedTile &tile,
                                 const TileOperands &operands) const override;
  SmallVector<Value> addKStep(PackedTile &tile, const TileOperands &operands,
                              Value kStep, ValueRange sums) const override;
  Value number(PackedTile &tile, const TileOperands &operands, ValueRange sums,
               size_t index) const override;

private:
  void addGroup(PackedTile &tile, PackedTile::Codes codes,
                const TileOperands &operands, Value group,
                llvm::function_ref<SmallVector<Value>()> scales,
                MutableArrayRef<Value> sums) const;
};

/// numbers - start * scales
Value correct(LoopBuilder &b, Value numbers, Value scales) {
  Value factor = arith::ConstantOp::create(
      b, DenseElementsAttr::get(cast<ShapedType>(scales.getType()), -start));
  return vector::FMAOp::create(b, scales, factor, numbers);
}

/// What corrects the sums of a K block, if it comes from a panel.
Value correctionOf(LoopBuilder &b, PackedKBlock &kBlock) {
  KBlockPanel *panel = kBlock.panel();
  return panel ? panel->load(b, panel->correction, b.index(0)) : Value();
}
} // namespace

std::unique_ptr<PackedMode> rlx::createMagicNumbers(const PackedKernel &kernel,
                                                    std::string &reason) {
  if (kernel.cpu.deterministic) {
    reason = "rows through a panel would differ from others, which "
             "'deterministic' forbids";
    return nullptr;
  }
  if (kernel.packed.scalesActivationsByGroup()) {
    reason = "activations have several scales a K block";
    return nullptr;
  }
  if (!PackedFields(kernel.packed, kernel.op).hasGroupScale()) {
    reason = "there are no group scales";
    return nullptr;
  }
  // Sums of a group with a byte of activations have to fit 22 bits, as those of
  // codes do that lie about their bias.
  constexpr int64_t largestActivation = 128, limit = int64_t(1) << 22;
  if (kernel.packed.sumGroup * largestActivation *
          kernel.packed.widened().codes.largest() >=
      limit) {
    reason = "sums of a group may not fit the 22 bits of a magic number";
    return nullptr;
  }
  return std::make_unique<MagicNumbers>(kernel);
}

void MagicNumbers::fill(LoopBuilder &b, StoredKBlock &stored,
                        KBlockPanel &panel) const {
  panel.fillMinima(b, stored);
  panel.fillBlock(b, stored);
  SmallVector<Value> sum = {b.zeros(layout.lanes)};
  sum = b.loop(b.index(0), b.index(layout.kStepsPerBlock()), 1, sum,
               [&](Value kStep, ValueRange carried) {
                 Value next = carried[0];
                 for (Value scale : panel.fillKStep(b, stored, kStep))
                   next = arith::AddFOp::create(b, next, scale);
                 return SmallVector<Value>{next};
               });
  panel.store(b, correct(b, b.zeros(layout.lanes), sum[0]), panel.correction,
              b.index(0));
}

/// Then, of each tile that no panel corrects, the sum of its scales.
SmallVector<Value>
MagicNumbers::initialSums(PackedTile &tile,
                          const TileOperands &operands) const {
  LoopBuilder &b = tile.b;
  SmallVector<Value> initial;
  for (size_t r = 0; r < operands.x.size(); ++r)
    for (PackedKBlock *kBlock : operands.tiles) {
      Value correction = correctionOf(b, *kBlock);
      initial.push_back(correction ? correction : b.zeros(layout.lanes));
    }
  for (PackedKBlock *kBlock : operands.tiles)
    if (!kBlock->panel())
      initial.push_back(b.zeros(layout.lanes));
  return initial;
}

/// Adds the products of a group to sums of floats. Those of the last byte of
/// activations started as floats. The others count 256 times as much each, so
/// that their sums must not lose a bit.
void MagicNumbers::addGroup(PackedTile &tile, PackedTile::Codes codes,
                            const TileOperands &operands, Value group,
                            llvm::function_ref<SmallVector<Value>()> scales,
                            MutableArrayRef<Value> sums) const {
  LoopBuilder &b = tile.b;
  size_t tiles = operands.tiles.size();
  auto add = [&](ArrayRef<int64_t> parts) {
    SmallVector<Value> dots = tile.startedDots(
        codes, layout.sumGroup / 4, operands, parts, group, startBits);
    // Those of the last byte, and of each one before it.
    SmallVector<SmallVector<Value>> ofByte = {scales()};
    for (int64_t byte = bytes - 1; byte > parts.front(); --byte) {
      SmallVector<Value> larger = ofByte.back();
      for (Value &scale : larger)
        scale = arith::MulFOp::create(b, scale, tile.floats(256.0f));
      ofByte.push_back(larger);
    }
    for (auto [i, dot] : llvm::enumerate(dots)) {
      size_t one = i / parts.size();
      int64_t part = parts[i % parts.size()];
      bool isLast = part + 1 == bytes;
      Value number = isLast
                         ? Value(vector::BitCastOp::create(b, tile.f32s(), dot))
                         : tile.toFloats(dot);
      sums[one] = vector::FMAOp::create(
          b, number, ofByte[bytes - 1 - part][one % tiles], sums[one]);
    }
  };
  // Codes that are loaded from panels serve all bytes. Those that are decoded
  // stay in registers, of which all bytes' sums would take too many.
  SmallVector<int64_t> parts = llvm::to_vector(llvm::seq(bytes));
  if (tiles > 1)
    return add(parts);
  for (int64_t part : parts)
    add(part);
}

SmallVector<Value> MagicNumbers::addKStep(PackedTile &tile,
                                          const TileOperands &operands,
                                          Value kStep, ValueRange sums) const {
  LoopBuilder &b = tile.b;
  return tile.withCodes(operands, kStep, [&](PackedTile::Codes codes) {
    SmallVector<Value> next(sums);
    size_t count = operands.tiles.size() * operands.x.size();
    StepScales scales(tile, operands, kStep);
    int64_t groups = groupsPerStep(), vectors = layout.sumGroup / 4;
    for (int64_t g = 0; g < groups; ++g) {
      addGroup(
          tile, [&](size_t t, int64_t v) { return codes(t, g * vectors + v); },
          operands, b.add(b.mul(kStep, groups), g),
          [&] { return scales.of(g); }, next);
      for (size_t i = count; i < next.size(); ++i)
        next[i] = arith::AddFOp::create(b, next[i], scales.of(g)[i - count]);
    }
    return next;
  });
}

Value MagicNumbers::number(PackedTile &tile, const TileOperands &operands,
                           ValueRange totals, size_t index) const {
  size_t tiles = operands.tiles.size(), count = operands.x.size() * tiles;
  return totals.size() > count
             ? correct(tile.b, totals[index], totals[count + index % tiles])
             : totals[index];
}
