//===- PackedTileOffsets.cpp - Offsets of an integer kernel's weights -----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What zero points, minima and other offsets add to the sums of a register
// tile: t * (sum q) * scale(q), group by group or by dot products of the sums.
//
//===----------------------------------------------------------------------===//

#include "passes/cpu/packed/PackedMode.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace rlx;

/// Adds t * (sum q) * scale(q): zero points, minima and other offsets.
SmallVector<Value> PackedTile::addOffsets(const PackedMode &mode,
                                          const TileOperands &operands,
                                          ArrayRef<KBlockHeader> headers,
                                          ValueRange sums) {
  const PackedFields &fields = mode.fields;
  int64_t groupsPerStep = PackedLayout::kStep / layout.sumGroup;
  size_t tiles = operands.tiles.size();
  auto addGroup = [&](ArrayRef<Value> offsets, Value position,
                      ValueRange carried) {
    SmallVector<Value> next(carried);
    for (auto [r, row] : llvm::enumerate(operands.x)) {
      Value sum =
          broadcastLoad(activations.sums, {operands.index, row, position});
      for (size_t t = 0; t < tiles; ++t) {
        Value &one = next[r * tiles + t];
        one = vector::FMAOp::create(b, offsets[t], sum, one);
      }
    }
    return next;
  };
  if (!fields.hasGroupOffset()) {
    auto offset = [](const KBlockHeader &header) { return header.offset; };
    return addGroup(llvm::map_to_vector(headers, offset), b.index(0), sums);
  }
  return b.loop(b.index(0), b.index(layout.kStepsPerBlock()), 1, sums,
                [&](Value kStep, ValueRange carried) {
                  Value first = b.mul(kStep, groupsPerStep);
                  SmallVector<Value> next(carried);
                  for (int64_t g = 0; g < groupsPerStep; ++g) {
                    auto offset = [&](PackedKBlock *kBlock) {
                      return kBlock->offset(b, kStep, g);
                    };
                    next = addGroup(llvm::map_to_vector(operands.tiles, offset),
                                    b.add(first, g), next);
                  }
                  return next;
                });
}

/// The sums of products of minima with bytes `first` to `last` of sums of
/// activations, the most significant first.
SmallVector<Value> PackedTile::dotsOfMinima(const TileOperands &operands,
                                            ArrayRef<KBlockHeader> headers,
                                            int64_t first, int64_t last) {
  size_t tiles = operands.tiles.size();
  int64_t vectors = layout.dotMinimumVectors();
  int64_t below = int64_t(1) << layout.dotMinimum->field.width();
  auto addProducts = [&](Value row, ArrayRef<Value> factors, Value part,
                         Value vector, MutableArrayRef<Value> totals) {
    Value four = broadcastWord(activations.bsums,
                               {operands.index, row, part, b.mul(vector, 4)});
    four = vector::BitCastOp::create(b, factors.front().getType(), four);
    for (auto [factor, total] : llvm::zip_equal(factors, totals))
      total = DotOp::create(b, total.getType(), factor, four, total, below);
  };
  SmallVector<Value> totals(operands.x.size() * tiles, integers(0));
  if (!headers.front().dotMinima.empty()) {
    for (auto [i, total] : llvm::enumerate(totals))
      for (int64_t part = first; part < last; ++part) {
        if (part > first)
          total = shiftedLeft(total);
        for (int64_t v = 0; v < vectors; ++v)
          addProducts(operands.x[i / tiles], headers[i % tiles].dotMinima[v],
                      b.index(part), b.index(v), total);
      }
    return totals;
  }
  return b.loop(b.index(first), b.index(last), 1, totals,
                [&](Value part, ValueRange before) {
                  SmallVector<Value> shifted = llvm::map_to_vector(
                      before, [&](Value total) { return shiftedLeft(total); });
                  return b.loop(
                      b.index(0), b.index(vectors), 1, shifted,
                      [&](Value vector, ValueRange carried) {
                        SmallVector<Value> sums(carried);
                        SmallVector<Value> factors = llvm::map_to_vector(
                            operands.tiles, [&](PackedKBlock *kBlock) {
                              return kBlock->dotMinimum(b, vector);
                            });
                        for (auto [r, row] : llvm::enumerate(operands.x))
                          addProducts(
                              row, factors, part, vector,
                              MutableArrayRef(sums).slice(r * tiles, tiles));
                        return sums;
                      });
                });
}

/// The same in numbers that the activations' scale is still to multiply, where
/// the inner factor of t and the sums are bytes: dot products with the sums'
/// bytes.
SmallVector<Value> PackedTile::addDotMinima(const PackedFields &fields,
                                            const TileOperands &operands,
                                            ArrayRef<KBlockHeader> headers,
                                            ValueRange numbers) {
  // What so many bytes give fits i32; else the first two and the last two do.
  constexpr int64_t mostTogether = 3, ofLast = 2;
  int64_t sumBytes = activations.bsumBytes();
  int64_t first = sumBytes > mostTogether ? sumBytes - ofLast : 0;
  SmallVector<Value> high, next,
      low = dotsOfMinima(operands, headers, first, sumBytes);
  if (first)
    high = dotsOfMinima(operands, headers, 0, first);
  size_t tiles = operands.tiles.size();
  for (auto [i, number] : llvm::enumerate(numbers)) {
    Value offset = toFloats(low[i]);
    if (first)
      offset =
          vector::FMAOp::create(b, toFloats(high[i]), floats(65536.0f), offset);
    if (Value factor = headers[i % tiles].offset)
      next.push_back(vector::FMAOp::create(b, offset, factor, number));
    else if (fields.offsetIsNegative())
      next.push_back(arith::SubFOp::create(b, number, offset));
    else
      next.push_back(arith::AddFOp::create(b, number, offset));
  }
  return next;
}
