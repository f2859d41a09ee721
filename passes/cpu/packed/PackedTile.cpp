//===- PackedTile.cpp - A register tile of an integer kernel --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/cpu/packed/PackedTile.h"

#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace rlx;

VectorType PackedTile::f32s() {
  return VectorType::get(layout.lanes, b.getF32Type());
}
VectorType PackedTile::i32s() {
  return VectorType::get(layout.lanes, b.getI32Type());
}

ActivationForm PackedTile::form() const {
  ActivationForm form{bytes, 0, 0, 0, 0, 0};
  if (magicNumbers)
    form.start = MagicNumbers::startBits;
  if (paired && paired->hasOffsets())
    form.pairGroup = layout.sumGroup;
  if (layout.codes.bias != 0)
    form.initGroup = fields.hasGroupScale() ? layout.sumGroup : layout.kBlock;
  if (fields.hasDotMinimum())
    form.bsumGroup = layout.sumGroup;
  else if (fields.hasOffset())
    form.sumGroup = fields.hasGroupOffset() ? layout.sumGroup : layout.kBlock;
  return form;
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

/// What the sum of products of group `group` of the K block starts from:
/// -bias * sum q, or 0; from these on as a float where sums are.
Value PackedTile::startValue(Value index, Value row, int64_t part,
                             Value group) {
  if (!activations.starts)
    return integers(magicNumbers && part + 1 == bytes ? MagicNumbers::startBits
                                                      : 0);
  return broadcastLoad(activations.starts, {index, row, b.index(part), group});
}

Value PackedTile::integers(int64_t value) {
  return arith::ConstantOp::create(
      b, DenseElementsAttr::get(i32s(), int32_t(value)));
}

Value PackedTile::shiftedLeft(Value vector) {
  return arith::ShLIOp::create(b, vector, integers(8));
}

/// Adds the products of four codes of each row of each tile, `codes`, with the
/// activations of a word to every `stride`th of `sums`.
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

/// The words of all rows that group `group` of some words begins with.
SmallVector<Value> PackedTile::wordsOf(const Operands &operands, Value group,
                                       int64_t words) {
  return llvm::map_to_vector(operands.words, [&](Value first) {
    return b.add(first, b.mul(group, words));
  });
}

/// Dot products with bytes `part` of the activations of all rows, added to
/// `dots`: rows in turn, so that none waits for the one before it.
void PackedTile::addDots(Codes codes, int64_t vectors, const Operands &operands,
                         ArrayRef<int64_t> parts, Value group,
                         MutableArrayRef<Value> dots) {
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

/// The products of a group with bytes `parts` of the activations, added to what
/// they start from: for each row and tile a vector a byte.
SmallVector<Value> PackedTile::startedDots(Codes codes, int64_t vectors,
                                           const Operands &operands,
                                           ArrayRef<int64_t> parts,
                                           Value group) {
  SmallVector<Value> dots;
  for (Value row : operands.x) {
    SmallVector<Value> starts;
    for (int64_t part : parts)
      starts.push_back(startValue(operands.index, row, part, group));
    for (size_t t = 0; t < operands.tiles.size(); ++t)
      dots.append(starts);
  }
  addDots(codes, vectors, operands, parts, group, dots);
  return dots;
}

/// The products of a group that has a scale: for each row and tile a vector a
/// byte of the activations, or one for both.
SmallVector<Value> PackedTile::groupDots(Codes codes, int64_t vectors,
                                         const Operands &operands,
                                         Value group) {
  SmallVector<Value> dots;
  size_t count = operands.x.size() * operands.tiles.size();
  if (fields.groupSums(bytes) < bytes) {
    dots.assign(count, integers(0));
    addDots(codes, vectors, operands, {0}, group, dots);
    for (Value &sum : dots)
      sum = shiftedLeft(sum);
    addDots(codes, vectors, operands, {1}, group, dots);
    return dots;
  }
  dots = startedDots(codes, vectors, operands,
                     llvm::to_vector(llvm::seq(bytes)), group);
  if (fields.kBlockSums(bytes) == bytes)
    return dots;
  SmallVector<Value> words;
  for (size_t i = 0; i < count; ++i)
    words.push_back(
        arith::AddIOp::create(b, shiftedLeft(dots[2 * i]), dots[2 * i + 1]));
  return words;
}

/// The sums of a K block after one more K step: for each row and tile one
/// vector a byte of the activations, or one for both; then, where sums are
/// floats that are still to be corrected, those of the tiles' scales.
SmallVector<Value> PackedTile::addKStep(const Operands &operands, Value kStep,
                                        ValueRange carried) {
  // Of several tiles, what is decoded already is loaded when it is needed: all
  // of it would take too many registers.
  bool atOnce = operands.tiles.size() == 1;
  SmallVector<Value> codes;
  if (atOnce)
    codes = operands.tiles.front()->codes(b, kStep);
  auto code = [&](size_t tile, int64_t vector) {
    return atOnce ? codes[vector]
                  : operands.tiles[tile]->code(b, kStep, vector);
  };
  if (fields.hasGroupScale())
    return addScaled(operands, kStep, code, carried);
  SmallVector<Value> next(carried);
  // Where few sums are in flight, a sum of all K steps would be one long chain.
  constexpr size_t sumsInFlight = 4;
  bool chains = next.size() >= sumsInFlight;
  SmallVector<Value> dots(next);
  if (!chains)
    dots.assign(next.size(), integers(0));
  addDots(code, PackedLayout::kStep / 4, operands,
          llvm::to_vector(llvm::seq(bytes)), kStep, dots);
  for (auto [sum, dot] : llvm::zip_equal(next, dots))
    sum = chains ? dot : Value(arith::AddIOp::create(b, sum, dot));
  return next;
}

/// Adds the products of a group to sums of floats. Those of the last byte of
/// activations started as floats. The other one counts 256 times as much, so
/// that its sums must not lose a bit.
void PackedTile::addFloatGroup(const Operands &operands, Codes codes,
                               int64_t vectors, Value group,
                               llvm::function_ref<SmallVector<Value>()> scales,
                               MutableArrayRef<Value> sums) {
  size_t tiles = operands.tiles.size();
  auto add = [&](ArrayRef<int64_t> parts) {
    SmallVector<Value> dots =
        startedDots(codes, vectors, operands, parts, group);
    SmallVector<Value> last = scales(), first = last;
    if (parts.front() + 1 != bytes)
      for (Value &scale : first)
        scale = arith::MulFOp::create(
            b, scale,
            arith::ConstantOp::create(b,
                                      DenseElementsAttr::get(f32s(), 256.0f)));
    for (auto [i, dot] : llvm::enumerate(dots)) {
      size_t one = i / parts.size();
      bool isLast = parts[i % parts.size()] + 1 == bytes;
      Value number = isLast ? Value(vector::BitCastOp::create(b, f32s(), dot))
                            : Value(arith::SIToFPOp::create(b, f32s(), dot));
      sums[one] = vector::FMAOp::create(
          b, number, (isLast ? last : first)[one % tiles], sums[one]);
    }
  };
  // Codes that are loaded from panels serve both bytes. Those that are decoded
  // stay in registers, of which both bytes' sums would take too many.
  SmallVector<int64_t> parts = llvm::to_vector(llvm::seq(bytes));
  if (tiles > 1)
    return add(parts);
  for (int64_t part : parts)
    add(part);
}

/// The same where groups have scales.
SmallVector<Value> PackedTile::addScaled(const Operands &operands, Value kStep,
                                         Codes codes, ValueRange carried) {
  SmallVector<Value> next(carried);
  size_t tiles = operands.tiles.size();
  SmallVector<SmallVector<Value>> scales;
  auto readScales = [&] {
    for (PackedKBlock *kBlock : operands.tiles)
      scales.push_back(kBlock->groupScales(b, kStep));
  };
  // Of several tiles, scales would wait in registers that sums need.
  if (tiles == 1)
    readScales();
  int64_t groups = groupsPerStep(), vectors = layout.sumGroup / 4;
  for (int64_t g = 0; g < groups; ++g) {
    Value group = b.add(b.mul(kStep, groups), g);
    auto code = [&](size_t t, int64_t v) { return codes(t, g * vectors + v); };
    if (magicNumbers) {
      size_t count = tiles * operands.x.size();
      auto scalesOf = [&]() -> SmallVector<Value> {
        if (scales.empty())
          readScales();
        return llvm::map_to_vector(
            scales, [&](ArrayRef<Value> some) { return some[g]; });
      };
      addFloatGroup(operands, code, vectors, group, scalesOf, next);
      for (size_t i = count; i < next.size(); ++i)
        next[i] = arith::AddFOp::create(b, next[i], scales[i - count][g]);
      continue;
    }
    SmallVector<Value> dots = groupDots(code, vectors, operands, group);
    if (scales.empty())
      readScales();
    size_t parts = dots.size() / tiles / operands.x.size();
    for (auto [i, dot] : llvm::enumerate(dots)) {
      Value &sum = next[i], scale = scales[i / parts % tiles][g];
      if (sumsAreFloats())
        sum = vector::FMAOp::create(b, arith::SIToFPOp::create(b, f32s(), dot),
                                    scale, sum);
      else
        sum =
            arith::AddIOp::create(b, sum, arith::MulIOp::create(b, dot, scale));
    }
  }
  return next;
}

/// The sums of a K block after the pairs of groups from K step `kStep` on.
SmallVector<Value> PackedTile::addPair(const Operands &operands, Value kStep,
                                       ValueRange carried) {
  const I16Pairs &pairs = *operands.tiles.front()->paired();
  size_t tiles = operands.tiles.size();
  SmallVector<Value> next(carried);
  SmallVector<SmallVector<Value>> codes;
  for (PackedKBlock *kBlock : operands.tiles) {
    codes.push_back(kBlock->codes(b, kStep));
    if (groupsPerStep() == 1)
      codes.back().append(kBlock->codes(b, b.add(kStep, 1)));
  }
  int64_t vectors = layout.sumGroup / 4;
  Value first = b.mul(kStep, groupsPerStep());
  // A constant is a start, but would be added to others as a scalar.
  bool hasStarts = activations.starts != nullptr;
  for (int64_t pair = 0; pair < int64_t(codes[0].size()) / (2 * vectors);
       ++pair) {
    SmallVector<Value> dots[2], words[2];
    for (int64_t odd : {0, 1}) {
      Value group = b.add(first, 2 * pair + odd);
      words[odd] = wordsOf(operands, group, vectors);
      for (Value row : operands.x)
        dots[odd].append(tiles, hasStarts ? startValue(operands.index, row,
                                                       /*part=*/0, group)
                                          : integers(pairs.rounding(odd)));
    }
    for (int64_t v = 0; v < vectors; ++v)
      for (int64_t odd : {0, 1}) {
        SmallVector<Value> ofTiles =
            llvm::map_to_vector(codes, [&](ArrayRef<Value> some) {
              return some[(2 * pair + odd) * vectors + v];
            });
        for (auto [r, word] : llvm::enumerate(words[odd]))
          addWord(ofTiles, b.add(word, v), &dots[odd][r * tiles], 1);
      }
    for (int64_t odd : {0, 1})
      if (hasStarts && pairs.rounding(odd))
        for (Value &dot : dots[odd])
          dot = arith::AddIOp::create(b, dot, integers(pairs.rounding(odd)));
    SmallVector<Value> scales =
        llvm::map_to_vector(operands.tiles, [&](PackedKBlock *kBlock) {
          return kBlock->pairedScales(b, b.add(b.div(first, 2), pair));
        });
    for (auto [i, sum] : llvm::enumerate(next))
      sum = pairs.addProducts(b, pairs.words(b, dots[0][i], dots[1][i]),
                              scales[i % tiles], sum);
  }
  return next;
}

void PackedTile::prefetchRows(Value index, ArrayRef<Value> rows, Value part,
                              int64_t parts) {
  // The first cache waits for few lines at a time, all of them of weights.
  constexpr int64_t wordsOfLine = 16, thirdCache = 1;
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

PackedTile::Header PackedTile::readHeader(PackedKBlock &kBlock) {
  Header header;
  header.scale = kBlock.blockScale(b);
  bool hasPairedOffsets = kBlock.paired() && kBlock.paired()->hasOffsets();
  if (fields.hasBlockOffset() || hasPairedOffsets)
    header.offset = kBlock.blockOffset(b);
  return header;
}

/// What sums of a K block begin with, as addKStep adds to them.
SmallVector<Value> PackedTile::initialSums(const Operands &operands,
                                           int64_t parts) {
  bool floats = sumsAreFloats() && !operands.tiles.front()->paired();
  SmallVector<Value> initial;
  for (Value row : operands.x)
    for (PackedKBlock *kBlock : operands.tiles)
      for (int64_t part = 0; part < parts; ++part) {
        if (floats)
          initial.push_back(magicNumbers && kBlock->correction(b)
                                ? kBlock->correction(b)
                                : b.zeros(layout.lanes));
        else if (fields.hasGroupScale())
          initial.push_back(integers(0));
        else
          initial.push_back(startValue(operands.index, row, part, b.index(0)));
      }
  if (magicNumbers)
    for (PackedKBlock *kBlock : operands.tiles)
      if (!kBlock->correction(b))
        initial.push_back(b.zeros(layout.lanes));
  return initial;
}

SmallVector<Value>
PackedTile::addKBlock(ArrayRef<PackedKBlock *> tiles, Value index,
                      ArrayRef<Value> rows,
                      llvm::function_ref<Value(size_t, size_t)> sum,
                      llvm::function_ref<void(Value)> eachKStep) {
  const I16Pairs *pairs = tiles.front()->paired();
  bool floats = sumsAreFloats() && !pairs;
  int64_t parts = pairs ? 1 : fields.kBlockSums(bytes);
  Operands operands{index, rows, tiles, {}};
  SmallVector<Value> initial = initialSums(operands, parts);
  for (Value row : rows)
    operands.words.push_back(firstWord(index, row));
  // Memory answers fastest in order, so that what stands before the K steps is
  // read first; with more rows, it would only take registers.
  bool boundByMemory = rows.size() <= rowsBoundByMemory;
  SmallVector<Header> headers;
  auto readHeaders = [&] {
    for (PackedKBlock *kBlock : tiles) {
      headers.push_back(readHeader(*kBlock));
      if (fields.hasDotMinimum() && dotMinimaFitRegisters(tiles.size()))
        headers.back().dotMinima = kBlock->dotMinima(b);
    }
  };
  if (boundByMemory)
    readHeaders();
  int64_t step = pairs && groupsPerStep() == 1 ? 2 : 1;
  SmallVector<Value> totals =
      b.loop(b.index(0), b.index(layout.kStepsPerBlock()), step, initial,
             [&](Value kStep, ValueRange carried) {
               for (int64_t i = 0; i < step; ++i)
                 eachKStep(b.add(kStep, i));
               return pairs ? addPair(operands, kStep, carried)
                            : addKStep(operands, kStep, carried);
             });
  if (!boundByMemory)
    readHeaders();
  size_t count = rows.size() * tiles.size();
  SmallVector<Value> next;
  for (size_t i = 0; i < count; ++i) {
    const Header &header = headers[i % tiles.size()];
    Value number = totals[i * parts];
    if (totals.size() > count * parts)
      number =
          MagicNumbers::correct(b, number, totals[count + i % tiles.size()]);
    if (!floats) {
      number = arith::SIToFPOp::create(b, f32s(), number);
      if (parts == 2) {
        Value word = arith::ConstantOp::create(
            b, DenseElementsAttr::get(f32s(), 256.0f));
        Value low = arith::SIToFPOp::create(b, f32s(), totals[i * parts + 1]);
        number = vector::FMAOp::create(b, number, word, low);
      }
    }
    if (header.scale)
      number = arith::MulFOp::create(b, number, header.scale);
    next.push_back(number);
  }
  auto eachRow = [&](llvm::function_ref<void(Value, size_t, size_t)> body) {
    for (auto [r, row] : llvm::enumerate(rows))
      for (size_t t = 0; t < tiles.size(); ++t)
        body(row, r, t);
  };
  if (fields.hasDotMinimum())
    next = addDotMinima(headers, operands, next);
  bool pairsOffsets = pairs && pairs->hasOffsets();
  if (pairsOffsets)
    next = addPairedOffsets(headers, operands, next);
  eachRow([&](Value row, size_t r, size_t t) {
    Value &number = next[r * tiles.size() + t];
    number = vector::FMAOp::create(
        b, number, broadcastLoad(activations.scales, {index, row}), sum(r, t));
  });
  if (!fields.hasOffset() || fields.hasDotMinimum() || pairsOffsets)
    return next;
  return addOffsets(headers, operands, next);
}
