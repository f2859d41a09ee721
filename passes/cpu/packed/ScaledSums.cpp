//===- ScaledSums.cpp - Sums that group scales multiply -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/cpu/packed/ScaledSums.h"

#include "passes/cpu/packed/ModeCreators.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace rlx;

std::unique_ptr<PackedMode> rlx::createI32Sums(const PackedKernel &kernel,
                                               std::string &reason) {
  PackedFields fields(kernel.packed, kernel.op);
  if (!fields.groupSumsAreFloats())
    return std::make_unique<ScaledSums>(KernelMode::i32, kernel);
  reason = fields.hasActivationGroups()
               ? "activations have several scales a K block"
               : "group scales are no integers that i32 sums can be multiplied "
                 "with";
  return nullptr;
}

std::unique_ptr<PackedMode> rlx::createF32Sums(const PackedKernel &kernel,
                                               std::string &reason) {
  PackedFields fields(kernel.packed, kernel.op);
  if (fields.groupSumsAreFloats())
    return std::make_unique<ScaledSums>(KernelMode::f32, kernel);
  reason = "group scales are no floats";
  return nullptr;
}

ScaledSums::StepScales::StepScales(PackedTile &tile,
                                   const TileOperands &operands, Value kStep)
    : tile(tile), operands(operands), kStep(kStep) {
  if (operands.tiles.size() == 1)
    read();
}

void ScaledSums::StepScales::read() {
  for (PackedKBlock *kBlock : operands.tiles)
    scales.push_back(kBlock->groupScales(tile.b, kStep));
}

SmallVector<Value> ScaledSums::StepScales::of(int64_t group) {
  if (scales.empty())
    read();
  return llvm::map_to_vector(scales,
                             [&](ArrayRef<Value> some) { return some[group]; });
}

SmallVector<Value> ScaledSums::initialSums(PackedTile &tile,
                                           const TileOperands &operands) const {
  SmallVector<Value> initial;
  for (Value row : operands.x)
    for (size_t t = 0; t < operands.tiles.size(); ++t)
      for (int64_t part = 0; part < sums(); ++part) {
        if (fields.groupSumsAreFloats())
          initial.push_back(tile.b.zeros(layout.lanes));
        else if (fields.hasGroupScale())
          initial.push_back(tile.integers(0));
        else
          initial.push_back(tile.startValue(operands.index, row, part,
                                            tile.b.index(0), /*start=*/0));
      }
  return initial;
}

/// The products of a group, where the first bytes of activations share a sum:
/// what one byte gives is shifted before the next adds to it.
SmallVector<Value> ScaledSums::chainedDots(PackedTile &tile,
                                           PackedTile::Codes codes,
                                           const TileOperands &operands,
                                           Value group) const {
  LoopBuilder &b = tile.b;
  int64_t vectors = layout.sumGroup / 4, words = fields.groupSums(bytes),
          shared = bytes - words + 1;
  size_t tiles = operands.tiles.size(), count = operands.x.size() * tiles;
  SmallVector<Value> dots(count * words);
  for (int64_t word = 0, part = 0; word < words; ++word) {
    SmallVector<Value> sums(count);
    for (int64_t end = word == 0 ? shared : part + 1; part < end; ++part) {
      for (auto [i, sum] : llvm::enumerate(sums)) {
        auto start = [&] {
          return tile.startValue(operands.index, operands.x[i / tiles], part,
                                 group, /*start=*/0);
        };
        if (!sum)
          sum = start();
        else if (sum = tile.shiftedLeft(sum); tile.hasStartValues())
          sum = arith::AddIOp::create(b, sum, start());
      }
      tile.addDots(codes, vectors, operands, {part}, group, sums);
    }
    for (auto [i, sum] : llvm::enumerate(sums))
      dots[i * words + word] = sum;
  }
  return dots;
}

/// The products of a group that has a scale: for each row and tile a vector a
/// byte of the activations, or one for several.
SmallVector<Value> ScaledSums::groupDots(PackedTile &tile,
                                         PackedTile::Codes codes,
                                         const TileOperands &operands,
                                         Value group) const {
  // Of one or two rows, bytes that share a sum would be one long chain.
  size_t count = operands.x.size() * operands.tiles.size();
  bool chains = bytes <= 2 || count > PackedTile::rowsBoundByMemory;
  if (fields.groupSums(bytes) < bytes && chains)
    return chainedDots(tile, codes, operands, group);
  SmallVector<Value> dots =
      tile.startedDots(codes, layout.sumGroup / 4, operands,
                       llvm::to_vector(llvm::seq(bytes)), group, /*start=*/0);
  int64_t words = fields.groupWords(bytes);
  if (words == bytes)
    return dots;
  SmallVector<Value> together;
  for (size_t i = 0; i < count; ++i) {
    ArrayRef<Value> own = ArrayRef(dots).slice(i * bytes, bytes);
    Value first = own.front();
    for (int64_t part = 1; part <= bytes - words; ++part)
      first = arith::AddIOp::create(tile.b, tile.shiftedLeft(first), own[part]);
    together.push_back(first);
    llvm::append_range(together, own.take_back(words - 1));
  }
  return together;
}

SmallVector<Value> ScaledSums::addScaled(PackedTile &tile,
                                         PackedTile::Codes codes,
                                         const TileOperands &operands,
                                         Value kStep, ValueRange sums) const {
  LoopBuilder &b = tile.b;
  SmallVector<Value> next(sums);
  size_t tiles = operands.tiles.size();
  StepScales scales(tile, operands, kStep);
  int64_t groups = groupsPerStep(), vectors = layout.sumGroup / 4;
  for (int64_t g = 0; g < groups; ++g) {
    Value group = b.add(b.mul(kStep, groups), g);
    SmallVector<Value> dots = groupDots(
        tile, [&](size_t t, int64_t v) { return codes(t, g * vectors + v); },
        operands, group);
    SmallVector<Value> ofTiles = scales.of(g);
    size_t parts = dots.size() / next.size(),
           sumsEach = next.size() / tiles / operands.x.size();
    for (auto [i, sum] : llvm::enumerate(next)) {
      Value scale = ofTiles[i / sumsEach % tiles];
      ValueRange own = ValueRange(dots).slice(i * parts, parts);
      if (fields.groupSumsAreFloats())
        sum = vector::FMAOp::create(b, numberOf(tile, own), scale, sum);
      else
        sum = arith::AddIOp::create(
            b, sum, arith::MulIOp::create(b, own.front(), scale));
    }
  }
  return next;
}

/// Adds the products of a K step, times group scales if there are any, to
/// `numbers`, f32 lanes; null ones are zero.
void ScaledSums::addNumbers(PackedTile &tile, PackedTile::Codes codes,
                            const TileOperands &operands, Value kStep,
                            MutableArrayRef<Value> numbers) const {
  LoopBuilder &b = tile.b;
  size_t tiles = operands.tiles.size();
  StepScales scales(tile, operands, kStep);
  int64_t groups = groupsPerStep(), vectors = layout.sumGroup / 4;
  for (int64_t g = 0; g < groups; ++g) {
    SmallVector<Value> dots = groupDots(
        tile, [&](size_t t, int64_t v) { return codes(t, g * vectors + v); },
        operands, b.add(b.mul(kStep, groups), g));
    SmallVector<Value> ofTiles;
    if (fields.hasGroupScale())
      ofTiles = scales.of(g);
    size_t parts = dots.size() / numbers.size();
    for (auto [i, sum] : llvm::enumerate(numbers)) {
      Value number = numberOf(tile, ValueRange(dots).slice(i * parts, parts));
      Value scale = ofTiles.empty() ? Value() : ofTiles[i % tiles];
      if (sum && scale)
        sum = vector::FMAOp::create(b, number, scale, sum);
      else if (sum)
        sum = arith::AddFOp::create(b, sum, number);
      else
        sum = scale ? Value(arith::MulFOp::create(b, number, scale)) : number;
    }
  }
}

/// The same where activations have several scales a K block: one multiplies
/// what the K steps of its group add.
SmallVector<Value> ScaledSums::addActivationGroup(PackedTile &tile,
                                                  const TileOperands &operands,
                                                  Value kStep,
                                                  ValueRange sums) const {
  LoopBuilder &b = tile.b;
  size_t tiles = operands.tiles.size();
  SmallVector<Value> numbers(operands.x.size() * tiles), next;
  for (int64_t i = 0; i < kStepsTogether(); ++i) {
    Value step = b.add(kStep, i);
    tile.withCodes(operands, step, [&](PackedTile::Codes codes) {
      addNumbers(tile, codes, operands, step, numbers);
      return SmallVector<Value>();
    });
  }
  for (auto [r, row] : llvm::enumerate(operands.x)) {
    Value scale = tile.activationScale(operands.index, row, kStep);
    for (size_t i = r * tiles; i < (r + 1) * tiles; ++i)
      next.push_back(vector::FMAOp::create(b, numbers[i], scale, sums[i]));
  }
  return next;
}

/// The same where groups have no scales.
SmallVector<Value> ScaledSums::addPlain(PackedTile &tile,
                                        PackedTile::Codes codes,
                                        const TileOperands &operands,
                                        Value kStep, ValueRange sums) const {
  SmallVector<Value> next(sums);
  // Where few sums are in flight, a sum of all K steps would be one long chain.
  constexpr size_t sumsInFlight = 4;
  bool chains = next.size() >= sumsInFlight;
  SmallVector<Value> dots(next);
  if (!chains)
    dots.assign(next.size(), tile.integers(0));
  tile.addDots(codes, PackedLayout::kStep / 4, operands,
               llvm::to_vector(llvm::seq(bytes)), kStep, dots);
  for (auto [sum, dot] : llvm::zip_equal(next, dots))
    sum = chains ? dot : Value(arith::AddIOp::create(tile.b, sum, dot));
  return next;
}

SmallVector<Value> ScaledSums::addKStep(PackedTile &tile,
                                        const TileOperands &operands,
                                        Value kStep, ValueRange sums) const {
  if (fields.hasActivationGroups())
    return addActivationGroup(tile, operands, kStep, sums);
  return tile.withCodes(operands, kStep, [&](PackedTile::Codes codes) {
    return fields.hasGroupScale()
               ? addScaled(tile, codes, operands, kStep, sums)
               : addPlain(tile, codes, operands, kStep, sums);
  });
}

/// The number that sums of bytes are: each counts 256 times as much as the one
/// after it.
Value ScaledSums::numberOf(PackedTile &tile, ValueRange sums) const {
  Value number = tile.toFloats(sums.front());
  for (Value next : sums.drop_front())
    number = vector::FMAOp::create(tile.b, number, tile.floats(256.0f),
                                   tile.toFloats(next));
  return number;
}

Value ScaledSums::number(PackedTile &tile, const TileOperands &operands,
                         ValueRange totals, size_t index) const {
  if (fields.groupSumsAreFloats())
    return totals[index * sums()];
  return numberOf(tile, totals.slice(index * sums(), sums()));
}
