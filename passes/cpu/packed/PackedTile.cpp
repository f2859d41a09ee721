//===- PackedTile.cpp - A register tile of an integer kernel --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/cpu/packed/PackedMode.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace rlx;

VectorType PackedTile::f32s() {
  return VectorType::get(layout.lanes, b.getF32Type());
}
VectorType PackedTile::i32s() {
  return VectorType::get(layout.lanes, b.getI32Type());
}

Value PackedTile::broadcastLoad(Value memref, ValueRange indices) {
  Value scalar = memref::LoadOp::create(b, memref, indices);
  return vector::BroadcastOp::create(
      b, VectorType::get(layout.lanes, scalar.getType()), scalar);
}

/// The 32 bits of the elements from there on in all lanes.
Value PackedTile::broadcastWord(Value memref, ValueRange indices) {
  auto type = cast<MemRefType>(memref.getType());
  Value word =
      b.loadVector(memref, indices, 32 / type.getElementTypeBitWidth());
  word = vector::BitCastOp::create(b, VectorType::get(1, b.getI32Type()), word);
  return vector::BroadcastOp::create(b, i32s(),
                                     vector::ExtractOp::create(b, word, 0));
}

void PackedTile::setActivations(const QuantizedActivations &given) {
  activations = given;
  // Most of a kernel's code is loads of these: one index each is less to
  // compile than four.
  codeWords = memref::CollapseShapeOp::create(b, given.codes,
                                              ReassociationIndices{0, 1, 2, 3});
}

/// Where the codes of a row begin in `codeWords`.
Value PackedTile::firstWord(Value index, Value row) {
  Value before = arith::MulIOp::create(b, index, b.size(activations.codes, 1));
  return b.mul(b.add(before, row), bytes * (layout.kBlock / 4));
}

Value PackedTile::startValue(Value index, Value row, int64_t part, Value group,
                             int64_t start) {
  if (!activations.starts)
    return integers(part + 1 == bytes ? start : 0);
  return broadcastLoad(activations.starts, {index, row, b.index(part), group});
}

Value PackedTile::activationScale(Value index, Value row, Value kStep) {
  if (!layout.scalesActivationsByGroup())
    return broadcastLoad(activations.scales, {index, row});
  Value group = b.div(kStep, layout.activationGroup / PackedLayout::kStep);
  return broadcastLoad(activations.scales, {index, row, group});
}

Value PackedTile::integers(int64_t value) {
  return arith::ConstantOp::create(
      b, DenseElementsAttr::get(i32s(), int32_t(value)));
}

Value PackedTile::floats(float value) {
  return arith::ConstantOp::create(b, DenseElementsAttr::get(f32s(), value));
}

Value PackedTile::shiftedLeft(Value vector) {
  return arith::ShLIOp::create(b, vector, integers(8));
}

void PackedTile::addWord(ValueRange codes, Value word, Value *sums,
                         size_t stride) {
  Value four = broadcastLoad(codeWords, word);
  four = vector::BitCastOp::create(b, codes.front().getType(), four);
  for (auto [t, vector] : llvm::enumerate(codes)) {
    Value &sum = sums[t * stride];
    sum =
        DotOp::create(b, sum.getType(), vector, four, sum, layout.codes.below);
  }
}

SmallVector<Value> PackedTile::wordsOf(const TileOperands &operands,
                                       Value group, int64_t words) {
  return llvm::map_to_vector(operands.words, [&](Value first) {
    return b.add(first, b.mul(group, words));
  });
}

void PackedTile::addDots(Codes codes, int64_t vectors,
                         const TileOperands &operands, ArrayRef<int64_t> parts,
                         Value group, MutableArrayRef<Value> dots) {
  SmallVector<Value> words = wordsOf(operands, group, vectors);
  size_t tiles = operands.tiles.size();
  for (int64_t v = 0; v < vectors; ++v) {
    SmallVector<Value> ofTiles;
    for (size_t t = 0; t < tiles; ++t)
      ofTiles.push_back(codes(t, v));
    for (size_t r = 0; r < words.size(); ++r)
      for (auto [p, part] : llvm::enumerate(parts))
        addWord(ofTiles, b.add(words[r], part * (layout.kBlock / 4) + v),
                &dots[r * tiles * parts.size() + p], parts.size());
  }
}

SmallVector<Value> PackedTile::startedDots(Codes codes, int64_t vectors,
                                           const TileOperands &operands,
                                           ArrayRef<int64_t> parts, Value group,
                                           int64_t start) {
  SmallVector<Value> dots;
  for (Value row : operands.x) {
    SmallVector<Value> starts;
    for (int64_t part : parts)
      starts.push_back(startValue(operands.index, row, part, group, start));
    for (size_t t = 0; t < operands.tiles.size(); ++t)
      dots.append(starts);
  }
  addDots(codes, vectors, operands, parts, group, dots);
  return dots;
}

SmallVector<Value>
PackedTile::withCodes(const TileOperands &operands, Value kStep,
                      llvm::function_ref<SmallVector<Value>(Codes)> body) {
  // Of several tiles, what is decoded already is loaded when it is needed: all
  // of it would take too many registers.
  bool atOnce = operands.tiles.size() == 1;
  SmallVector<Value> codes;
  if (atOnce)
    codes = operands.tiles.front()->codes(b, kStep);
  return body([&](size_t tile, int64_t vector) {
    return atOnce ? codes[vector]
                  : operands.tiles[tile]->code(b, kStep, vector);
  });
}

void PackedTile::prefetchRows(Value index, ArrayRef<Value> rows, Value part,
                              int64_t parts, int64_t cacheLine) {
  // The first cache waits for few lines at a time, all of them of weights.
  constexpr int64_t thirdCache = 1;
  int64_t wordsOfLine = cacheLine / 4;
  int64_t lines = llvm::divideCeil(layout.kBlock / 4, wordsOfLine * parts);
  Value begin = b.mul(part, lines * wordsOfLine);
  for (Value row : rows) {
    Value first = b.add(firstWord(index, row), begin);
    for (int64_t byte = 0; byte < bytes; ++byte)
      for (int64_t line = 0; line < lines; ++line)
        memref::PrefetchOp::create(
            b, codeWords,
            b.add(first, byte * (layout.kBlock / 4) + line * wordsOfLine),
            /*isWrite=*/false, thirdCache, /*isDataCache=*/true);
  }
}

SmallVector<KBlockHeader>
PackedTile::readHeaders(const PackedMode &mode, const TileOperands &operands) {
  // Minima of so many vectors can be there beside the sums.
  constexpr int64_t mostMinima = 8;
  size_t tiles = operands.tiles.size();
  bool hasMinima =
      mode.fields.hasDotMinimum() &&
      (tiles == 1 || int64_t(tiles) * layout.dotMinimumVectors() <= mostMinima);
  SmallVector<KBlockHeader> headers;
  for (PackedKBlock *kBlock : operands.tiles) {
    KBlockHeader &header = headers.emplace_back();
    header.scale = kBlock->blockScale(b);
    if (mode.readsBlockOffset())
      header.offset = kBlock->blockOffset(b);
    if (hasMinima)
      header.dotMinima = kBlock->dotMinima(b);
  }
  return headers;
}

SmallVector<Value>
PackedTile::addKBlock(const PackedMode &mode, ArrayRef<PackedKBlock *> tiles,
                      Value index, ArrayRef<Value> rows,
                      llvm::function_ref<Value(size_t, size_t)> sum,
                      llvm::function_ref<void(Value)> eachKStep) {
  TileOperands operands{index, rows, tiles, {}};
  SmallVector<Value> initial = mode.initialSums(*this, operands);
  for (Value row : rows)
    operands.words.push_back(firstWord(index, row));
  // Memory answers fastest in order, so that what stands before the K steps is
  // read first; with more rows, it would only take registers.
  bool boundByMemory = rows.size() <= rowsBoundByMemory;
  SmallVector<KBlockHeader> headers;
  if (boundByMemory)
    headers = readHeaders(mode, operands);
  int64_t step = mode.kStepsTogether();
  SmallVector<Value> totals =
      b.loop(b.index(0), b.index(layout.kStepsPerBlock()), step, initial,
             [&](Value kStep, ValueRange carried) {
               for (int64_t i = 0; i < step; ++i)
                 eachKStep(b.add(kStep, i));
               return mode.addKStep(*this, operands, kStep, carried);
             });
  if (!boundByMemory)
    headers = readHeaders(mode, operands);
  SmallVector<Value> next;
  for (size_t i = 0; i < rows.size() * tiles.size(); ++i) {
    Value number = mode.number(*this, operands, totals, i);
    if (Value scale = headers[i % tiles.size()].scale)
      number = arith::MulFOp::create(b, number, scale);
    next.push_back(number);
  }
  next = mode.addOffsets(*this, operands, headers, next);
  for (auto [i, number] : llvm::enumerate(next)) {
    size_t r = i / tiles.size(), t = i % tiles.size();
    Value before = sum(r, t);
    if (Value scale = mode.rowScale(*this, index, rows[r]))
      number = vector::FMAOp::create(b, number, scale, before);
    else
      number = arith::AddFOp::create(b, before, number);
  }
  return mode.addsOffsetsLast() ? addOffsets(mode, operands, headers, next)
                                : next;
}
