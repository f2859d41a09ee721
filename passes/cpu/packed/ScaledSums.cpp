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

/// The products of a group that has a scale: for each row and tile a vector a
/// byte of the activations, or one for both.
SmallVector<Value> ScaledSums::groupDots(PackedTile &tile,
                                         PackedTile::Codes codes,
                                         const TileOperands &operands,
                                         Value group) const {
  int64_t vectors = layout.sumGroup / 4;
  SmallVector<Value> dots;
  size_t count = operands.x.size() * operands.tiles.size();
  if (fields.groupSums(bytes) < bytes) {
    dots.assign(count, tile.integers(0));
    tile.addDots(codes, vectors, operands, {0}, group, dots);
    for (Value &sum : dots)
      sum = tile.shiftedLeft(sum);
    tile.addDots(codes, vectors, operands, {1}, group, dots);
    return dots;
  }
  dots = tile.startedDots(codes, vectors, operands,
                          llvm::to_vector(llvm::seq(bytes)), group,
                          /*start=*/0);
  if (sums() == bytes)
    return dots;
  SmallVector<Value> both;
  for (size_t i = 0; i < count; ++i)
    both.push_back(arith::AddIOp::create(tile.b, tile.shiftedLeft(dots[2 * i]),
                                         dots[2 * i + 1]));
  return both;
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
    size_t parts = dots.size() / tiles / operands.x.size();
    for (auto [i, dot] : llvm::enumerate(dots)) {
      Value &sum = next[i], scale = ofTiles[i / parts % tiles];
      if (fields.groupSumsAreFloats())
        sum = vector::FMAOp::create(b, tile.toFloats(dot), scale, sum);
      else
        sum =
            arith::AddIOp::create(b, sum, arith::MulIOp::create(b, dot, scale));
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
    for (auto [i, dot] : llvm::enumerate(dots)) {
      Value number = tile.toFloats(dot), &sum = numbers[i];
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

Value ScaledSums::number(PackedTile &tile, const TileOperands &operands,
                         ValueRange totals, size_t index) const {
  Value total = totals[index * sums()];
  if (fields.groupSumsAreFloats())
    return total;
  Value number = tile.toFloats(total);
  if (sums() == 1)
    return number;
  // The first byte counts 256 times as much.
  Value word = tile.floats(256.0f);
  return vector::FMAOp::create(tile.b, number, word,
                               tile.toFloats(totals[index * sums() + 1]));
}
