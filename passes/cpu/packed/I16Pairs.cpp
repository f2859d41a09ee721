//===- I16Pairs.cpp - Two groups a lane -----------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The mode of panels beside i32 and f32: i16 pair accumulation. A group's sum
// of products with i8 activations has to be multiplied with its scale, which
// costs as much as four products. Where the target multiplies pairs of i16,
// panels pair groups instead: the sums of two groups and their two scales are
// 32 bits each, and one dot product multiplies both and adds them up. So it
// does with offsets and the sums of activations.
//
// That rounds, less than activations of i8 are rounded. Sums of products lose
// the bits that 16 cannot hold, up in even groups and down in odd ones, so that
// nothing is added on average and zero stays zero. Scales that are no integers,
// and offsets, become integers relative to a K block's largest, each row for
// itself. One that is infinite gives NaN.
//
// Where activations have a scale for a group, fractions of 16 bits of a K
// block's largest multiply the pairs of sums first, two at once.
//
//===----------------------------------------------------------------------===//

#include "passes/cpu/packed/ModeCreators.h"
#include "passes/cpu/target/CpuFeatures.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace rlx;

namespace {
constexpr double mostI16 = 32767;

class I16Pairs : public PackedMode {
public:
  I16Pairs(const PackedKernel &kernel, StringRef i16Dot, StringRef fraction)
      : PackedMode(KernelMode::i32, kernel, kernel.packed,
                   GroupScales::ofScheme, kernel.packed, GroupScales::ofScheme),
        i16Dot(i16Dot), fraction(fraction),
        groups(layout.kBlock / layout.sumGroup) {}

  bool pays(const PackedKernel &kernel) const override {
    const CpuProperties &cpu = kernel.cpu;
    return !hasSharedPorts(cpu) && cpu.i16Pairs && !cpu.deterministic &&
           !kernel.mayReencode();
  }
  /// How sums and scales fit i16; fails, with a reason, where they do not.
  bool fit(std::string &reason);

  int64_t panelSums(const CpuProperties &) const override {
    // Sums of the products of two groups, and of the K block.
    return 3;
  }
  ArrayRef<int64_t> panelRows(ArrayRef<int64_t>) const override {
    // Four rows have eight sums that do not wait for each other; more would
    // only be more code.
    static constexpr int64_t rows[] = {4, 2, 1};
    return rows;
  }
  std::string why(int64_t) const override {
    return "; panels multiply groups in pairs, which rounds scales and sums of "
           "products to 16 bits";
  }

  ActivationForm form() const override {
    ActivationForm form = PackedMode::form();
    if (pairsOffsets())
      form.pairGroup = layout.sumGroup;
    if (fields.hasActivationGroups())
      form.scaleGroup = layout.sumGroup;
    return form;
  }
  void allocate(LoopBuilder &b, KBlockPanel &panel) const override;
  void fill(LoopBuilder &b, StoredKBlock &stored,
            KBlockPanel &panel) const override;

  int64_t sums() const override { return 1; }
  int64_t kStepsTogether() const override {
    return groupsPerStep() == 1 ? 2 : 1;
  }
  SmallVector<Value> initialSums(PackedTile &tile,
                                 const TileOperands &operands) const override;
  SmallVector<Value> addKStep(PackedTile &tile, const TileOperands &operands,
                              Value kStep, ValueRange sums) const override;
  Value number(PackedTile &tile, const TileOperands &, ValueRange sums,
               size_t index) const override {
    return tile.toFloats(sums[index]);
  }
  bool readsBlockOffset() const override {
    return PackedMode::readsBlockOffset() || pairsOffsets();
  }
  SmallVector<Value> addOffsets(PackedTile &tile, const TileOperands &operands,
                                ArrayRef<KBlockHeader> headers,
                                ValueRange numbers) const override;
  Value rowScale(PackedTile &tile, Value index, Value row) const override {
    return fields.hasActivationGroups()
               ? tile.activationUnit(index, row)
               : PackedMode::rowScale(tile, index, row);
  }
  bool addsOffsetsLast() const override {
    return PackedMode::addsOffsetsLast() && !pairsOffsets();
  }

private:
  bool pairsOffsets() const { return fields.hasGroupOffset(); }
  bool roundsScales() const { return largestScale != 0; }
  /// What sums of products are, divided by those in pairs.
  double unit() const { return std::ldexp(1.0, int(shift)); }
  /// What is to be added to the sum of products of group `group` before its
  /// last bits are dropped.
  int64_t rounding(int64_t group) const {
    return shift > 0 ? (int64_t(1) << (shift - 1)) - group % 2 : 0;
  }
  Value pairOf(LoopBuilder &b, Value even, Value odd) const;
  Value scaledPair(LoopBuilder &b, Value words, Value scales) const;
  Value addProducts(LoopBuilder &b, Value words, Value factors,
                    Value sum) const;
  Value store(LoopBuilder &b, Value numbers, Value largest,
              double largestInteger, Value words, Value at) const;
  SmallVector<Value> addPair(PackedTile &tile, const TileOperands &operands,
                             ArrayRef<SmallVector<Value>> codes, Value first,
                             int64_t pair, ValueRange sums) const;

  StringRef i16Dot;         ///< the intrinsic that adds products of pairs
  StringRef fraction;       ///< that multiplies with fractions
  int64_t groups;           ///< of a K block
  int64_t shift = 0;        ///< bits that sums lose; or gain, if negative
  int64_t largestScale = 0; ///< that scales become; 0 where they are integers
};
} // namespace

std::unique_ptr<PackedMode> rlx::createI16Pairs(const PackedKernel &kernel,
                                                std::string &reason) {
  StringRef i16Dot = intrinsicFor(kernel.cpu, VectorOp::i16Dot),
            fraction = intrinsicFor(kernel.cpu, VectorOp::i16Fraction);
  if (kernel.cpu.deterministic)
    reason = "rows through a panel would differ from others, which "
             "'deterministic' forbids";
  else if (i16Dot.empty() || kernel.packed.lanes != kernel.cpu.lanes())
    reason = "the target does not multiply pairs of i16 in such vectors";
  else if (kernel.bytes() != 1)
    reason = "activations are no i8";
  else if (kernel.packed.scalesActivationsByGroup() && fraction.empty())
    reason = "activations have several scales a K block, and the target does "
             "not multiply i16 with fractions";
  else if (auto pairs = std::make_unique<I16Pairs>(kernel, i16Dot, fraction);
           pairs->fit(reason))
    return pairs;
  return nullptr;
}

bool I16Pairs::fit(std::string &reason) {
  if (!fields.hasGroupScale() || groups % 2 != 0) {
    reason = "group scales do not come in pairs";
    return false;
  }
  constexpr int64_t largestActivation = 127;
  int64_t largestSum =
      layout.sumGroup * largestActivation * layout.codes.largest();
  // Never 0: halves of words that are moved by whole bytes become permutations
  // of two vectors in LLVM, which take the place of products where shifts and
  // masked moves do not.
  constexpr auto most16 = int64_t(mostI16);
  shift = 2 * largestSum <= most16 ? -1 : 1;
  while (shift > 0 && (largestSum + rounding(0)) >> shift > most16)
    ++shift;
  // Dropping more than two bits would lose more than i8 activations already do,
  // if all codes of a group are small.
  constexpr int64_t mostLost = 2;
  if (shift > mostLost) {
    reason = "sums of a group would lose more than two bits";
    return false;
  }
  // The products of all groups have to fit 32 bits.
  int64_t most =
      std::min(most16, ((int64_t(1) << 31) - 1) / (groups * (most16 + 1)));
  if (!fields.groupScaleIsInteger() ||
      fields.largestGroupScale() > double(most))
    largestScale = most;
  return true;
}

void I16Pairs::allocate(LoopBuilder &b, KBlockPanel &panel) const {
  int64_t lanes = layout.lanes;
  panel.scales = panel.allocate(b, groups / 2, lanes, b.getI32Type());
  panel.scaleScratch = panel.allocateScratch(b, groups, lanes, b.getF32Type());
  bool hasScale = fields.hasBlockScale() || roundsScales() || unit() != 1;
  bool hasOffset = fields.hasBlockOffset() || pairsOffsets();
  if (pairsOffsets()) {
    panel.offsets = panel.allocate(b, groups / 2, lanes, b.getI32Type());
    panel.offsetScratch =
        panel.allocateScratch(b, groups, lanes, b.getF32Type());
  }
  if (hasScale || hasOffset)
    panel.allocateBlock(b, hasScale, hasOffset);
}

/// Numbers wait until the largest of the K block is known, then become i16.
void I16Pairs::fill(LoopBuilder &b, StoredKBlock &stored,
                    KBlockPanel &panel) const {
  panel.fillMinima(b, stored);
  VectorType f32s = VectorType::get(layout.lanes, b.getF32Type());
  auto keep = [&](Value number, Value buffer, Value group,
                  Value largest) -> Value {
    if (isa<IntegerType>(getElementTypeOrSelf(number)))
      number = arith::SIToFPOp::create(b, f32s, number);
    b.storeVector(number, buffer, {group, b.index(0)});
    return arith::MaximumFOp::create(b, largest,
                                     math::AbsFOp::create(b, number));
  };
  SmallVector<Value> largest(pairsOffsets() ? 2 : 1, b.zeros(layout.lanes));
  largest = b.loop(b.index(0), b.index(layout.kStepsPerBlock()), 1, largest,
                   [&](Value kStep, ValueRange seen) {
                     SmallVector<Value> next(seen);
                     panel.fillCodes(b, stored, kStep);
                     for (auto [g, scale] :
                          llvm::enumerate(stored.groupScales(b, kStep))) {
                       Value at = panel.group(b, kStep, int64_t(g));
                       next[0] = keep(scale, panel.scaleScratch, at, next[0]);
                       if (pairsOffsets())
                         next[1] = keep(stored.offset(b, kStep, int64_t(g)),
                                        panel.offsetScratch, at, next[1]);
                     }
                     return next;
                   });
  Value scale = store(b, panel.scaleScratch, largest[0], double(largestScale),
                      panel.scales, panel.tile);
  auto multiply = [&](Value factor) {
    scale = scale ? Value(arith::MulFOp::create(b, scale, factor)) : factor;
  };
  if (Value outer = stored.blockScale(b))
    multiply(outer);
  if (unit() != 1)
    multiply(arith::ConstantOp::create(
        b, DenseElementsAttr::get(f32s, float(unit()))));
  auto offsetUnit = [&] {
    Value unit = store(b, panel.offsetScratch, largest[1], mostI16,
                       panel.offsets, panel.tile);
    if (!fields.hasActivationGroups())
      return unit;
    Value factor = arith::ConstantOp::create(
        b, DenseElementsAttr::get(f32s, 1.0f / ActivationForm::scaledSums));
    return Value(arith::MulFOp::create(b, unit, factor));
  };
  if (scale)
    panel.store(b, scale, panel.block, b.index(0));
  if (pairsOffsets())
    panel.store(b, offsetUnit(), panel.block, b.index(1));
  else if (panel.hasBlockOffset)
    panel.store(b, stored.blockOffset(b), panel.block, b.index(1));
}

SmallVector<Value> I16Pairs::initialSums(PackedTile &tile,
                                         const TileOperands &operands) const {
  SmallVector<Value> initial;
  for (size_t i = 0; i < operands.x.size() * operands.tiles.size(); ++i)
    initial.push_back(tile.integers(0));
  return initial;
}

/// Adds the products of two groups of those that begin with group `first`.
SmallVector<Value> I16Pairs::addPair(PackedTile &tile,
                                     const TileOperands &operands,
                                     ArrayRef<SmallVector<Value>> codes,
                                     Value first, int64_t pair,
                                     ValueRange sums) const {
  LoopBuilder &b = tile.b;
  size_t tiles = operands.tiles.size();
  int64_t vectors = layout.sumGroup / 4;
  // A constant is a start, but would be added to others as a scalar.
  bool hasStarts = tile.hasStartValues();
  SmallVector<Value> dots[2], words[2], next(sums);
  for (int64_t odd : {0, 1}) {
    Value group = b.add(first, 2 * pair + odd);
    words[odd] = tile.wordsOf(operands, group, vectors);
    for (Value row : operands.x)
      dots[odd].append(tiles, hasStarts ? tile.startValue(operands.index, row,
                                                          /*part=*/0, group,
                                                          /*start=*/0)
                                        : tile.integers(rounding(odd)));
  }
  for (int64_t v = 0; v < vectors; ++v)
    for (int64_t odd : {0, 1}) {
      SmallVector<Value> ofTiles =
          llvm::map_to_vector(codes, [&](ArrayRef<Value> some) {
            return some[(2 * pair + odd) * vectors + v];
          });
      for (auto [r, word] : llvm::enumerate(words[odd]))
        tile.addWord(ofTiles, b.add(word, v), &dots[odd][r * tiles], 1);
    }
  for (int64_t odd : {0, 1})
    if (hasStarts && rounding(odd))
      for (Value &dot : dots[odd])
        dot = arith::AddIOp::create(b, dot, tile.integers(rounding(odd)));
  SmallVector<Value> scales =
      llvm::map_to_vector(operands.tiles, [&](PackedKBlock *kBlock) {
        KBlockPanel *panel = kBlock->panel();
        return panel->load(b, panel->scales, b.add(b.div(first, 2), pair));
      });
  SmallVector<Value> ofRows;
  if (fields.hasActivationGroups())
    for (Value row : operands.x)
      ofRows.push_back(
          tile.pairScales(operands.index, row, b.add(first, 2 * pair)));
  for (auto [i, sum] : llvm::enumerate(next)) {
    Value words = pairOf(b, dots[0][i], dots[1][i]);
    if (!ofRows.empty())
      words = scaledPair(b, words, ofRows[i / tiles]);
    sum = addProducts(b, words, scales[i % tiles], sum);
  }
  return next;
}

SmallVector<Value> I16Pairs::addKStep(PackedTile &tile,
                                      const TileOperands &operands, Value kStep,
                                      ValueRange sums) const {
  LoopBuilder &b = tile.b;
  SmallVector<SmallVector<Value>> codes;
  for (PackedKBlock *kBlock : operands.tiles) {
    codes.push_back(kBlock->codes(b, kStep));
    if (groupsPerStep() == 1)
      codes.back().append(kBlock->codes(b, b.add(kStep, 1)));
  }
  int64_t vectors = layout.sumGroup / 4;
  Value first = b.mul(kStep, groupsPerStep());
  SmallVector<Value> next(sums);
  for (int64_t pair = 0; pair < int64_t(codes[0].size()) / (2 * vectors);
       ++pair)
    next = addPair(tile, operands, codes, first, pair, next);
  return next;
}

/// Adds t * (sum q), groups in pairs.
SmallVector<Value> I16Pairs::addOffsets(PackedTile &tile,
                                        const TileOperands &operands,
                                        ArrayRef<KBlockHeader> headers,
                                        ValueRange numbers) const {
  SmallVector<Value> added =
      PackedMode::addOffsets(tile, operands, headers, numbers);
  if (!pairsOffsets())
    return added;
  LoopBuilder &b = tile.b;
  SmallVector<Value> totals(added.size(), tile.integers(0)), next;
  size_t tiles = operands.tiles.size();
  for (int64_t pair = 0; pair < groups / 2; ++pair) {
    SmallVector<Value> offsets =
        llvm::map_to_vector(operands.tiles, [&](PackedKBlock *kBlock) {
          KBlockPanel *panel = kBlock->panel();
          return panel->load(b, panel->offsets, b.index(pair));
        });
    for (auto [r, row] : llvm::enumerate(operands.x)) {
      Value sums = tile.pairSums(operands.index, row, b.index(2 * pair));
      for (size_t t = 0; t < tiles; ++t) {
        Value &total = totals[r * tiles + t];
        total = addProducts(b, sums, offsets[t], total);
      }
    }
  }
  for (auto [i, number] : llvm::enumerate(added))
    next.push_back(vector::FMAOp::create(b, tile.toFloats(totals[i]),
                                         headers[i % tiles].offset, number));
  return next;
}

//===----------------------------------------------------------------------===//
// Pairs
//===----------------------------------------------------------------------===//

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

/// The sums of products of an even group and the one after it as pairs.
Value I16Pairs::pairOf(LoopBuilder &b, Value even, Value odd) const {
  Value distance = splat(b, even, std::abs(shift));
  even = shift > 0 ? Value(arith::ShRUIOp::create(b, even, distance))
                   : Value(arith::ShLIOp::create(b, even, distance));
  odd = arith::ShLIOp::create(b, odd, splat(b, odd, 16 - shift));
  return halves(b, even, odd);
}

/// Pairs times pairs of fractions.
Value I16Pairs::scaledPair(LoopBuilder &b, Value words, Value scales) const {
  auto i32s = cast<VectorType>(words.getType());
  VectorType i16s = VectorType::get(2 * i32s.getNumElements(), b.getI16Type());
  Value product = LLVM::CallIntrinsicOp::create(
                      b, i16s, b.getStringAttr(fraction),
                      ValueRange{vector::BitCastOp::create(b, i16s, words),
                                 vector::BitCastOp::create(b, i16s, scales)})
                      .getResults();
  return vector::BitCastOp::create(b, i32s, product);
}

/// sum + the products of pairs, i32 lanes.
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

/// Numbers that become integers: all vectors `[group, lanes]` of f32 of
/// `numbers` divided by a number for each lane, in pairs in `words`, vectors
/// `[group / 2, lanes]` of i32 of tile `at`. Returns what each lane was divided
/// by, null where numbers are integers as they are, which `largestInteger` 0
/// says.
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
