//===- PackedTile.cpp - A register tile of an integer kernel
//---------------===//

#include "passes/PackedTile.h"

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
  ActivationForm form{bytes, 0, 0, 0, 0};
  if (paired && paired->hasOffsets())
    form.pairGroup = layout.sumGroup;
  if (layout.codes.bias != 0)
    form.initGroup = fields.hasInnerScale() ? layout.sumGroup : layout.stretch;
  if (fields.hasDotOffset())
    form.dotGroup = layout.sumGroup;
  else if (fields.hasOffset())
    form.sumGroup = fields.hasInnerOffset() ? layout.sumGroup : layout.stretch;
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
  return b.mul(b.add(before, row), bytes * (layout.stretch / 4));
}

/// What the sum of products of group `group` of the stretch starts from:
/// -bias * sum q, or 0.
Value PackedTile::startValue(Value index, Value row, int64_t part,
                             Value group) {
  if (!activations.starts)
    return integers(0);
  return broadcastLoad(activations.starts, {index, row, b.index(part), group});
}

Value PackedTile::integers(int64_t value) {
  return arith::ConstantOp::create(
      b, DenseElementsAttr::get(i32s(), int32_t(value)));
}

Value PackedTile::shiftedLeft(Value vector) {
  return arith::ShLIOp::create(b, vector, integers(8));
}

/// sum + the products of four codes of each row of weights with the activations
/// of a word.
Value PackedTile::addDot(Value codes, Value word, Value sum) {
  Value four = broadcastLoad(codeWords, word);
  four = vector::BitCastOp::create(b, codes.getType(), four);
  return DotOp::create(b, sum.getType(), codes, four, sum, layout.codes.below);
}

/// The words of all rows that group `group` of some words begins with.
SmallVector<Value> PackedTile::wordsOf(const Rows &rows, Value group,
                                       int64_t words) {
  return llvm::map_to_vector(rows.words, [&](Value first) {
    return b.add(first, b.mul(group, words));
  });
}

/// Dot products with bytes `part` of the activations of all rows, added to
/// `dots`: rows in turn, so that none waits for the one before it.
void PackedTile::addDots(ArrayRef<Value> codes, const Rows &rows,
                         ArrayRef<int64_t> parts, Value group,
                         MutableArrayRef<Value> dots) {
  int64_t vectors = int64_t(codes.size());
  SmallVector<Value> words = wordsOf(rows, group, vectors);
  for (int64_t v = 0; v < vectors; ++v)
    for (size_t r = 0; r < words.size(); ++r)
      for (auto [p, part] : llvm::enumerate(parts)) {
        Value &sum = dots[r * parts.size() + p];
        sum = addDot(codes[v], b.add(words[r], part * (layout.stretch / 4) + v),
                     sum);
      }
}

/// The products of a group that has a scale: for each row a vector a byte of
/// the activations, or one for both.
SmallVector<Value> PackedTile::groupDots(ArrayRef<Value> codes,
                                         const Rows &rows, Value group) {
  SmallVector<Value> dots;
  if (fields.groupSums(bytes) < bytes) {
    dots.assign(rows.x.size(), integers(0));
    addDots(codes, rows, {0}, group, dots);
    for (Value &sum : dots)
      sum = shiftedLeft(sum);
    addDots(codes, rows, {1}, group, dots);
    return dots;
  }
  SmallVector<int64_t> parts = llvm::to_vector(llvm::seq(bytes));
  for (Value row : rows.x)
    for (int64_t part : parts)
      dots.push_back(startValue(rows.index, row, part, group));
  addDots(codes, rows, parts, group, dots);
  if (fields.stretchSums(bytes) == bytes)
    return dots;
  SmallVector<Value> words;
  for (size_t r = 0; r < rows.x.size(); ++r)
    words.push_back(
        arith::AddIOp::create(b, shiftedLeft(dots[2 * r]), dots[2 * r + 1]));
  return words;
}

/// The sums of a stretch after one more chunk: for each row one vector a byte
/// of the activations, or one for both.
SmallVector<Value> PackedTile::addChunk(PackedStretch &stretch, Value chunk,
                                        const Rows &rows, ValueRange carried) {
  SmallVector<Value> next(carried);
  SmallVector<Value> codes = stretch.codes(b, chunk);
  SmallVector<Value> scales = stretch.innerScales(b, chunk);
  if (scales.empty()) {
    // Where few sums are in flight, a sum of all chunks would be one long
    // chain.
    constexpr size_t sumsInFlight = 4;
    bool chains = next.size() >= sumsInFlight;
    SmallVector<Value> dots(next);
    if (!chains)
      dots.assign(next.size(), integers(0));
    addDots(codes, rows, llvm::to_vector(llvm::seq(bytes)), chunk, dots);
    for (auto [sum, dot] : llvm::zip_equal(next, dots))
      sum = chains ? dot : Value(arith::AddIOp::create(b, sum, dot));
    return next;
  }
  size_t vectors = codes.size() / scales.size();
  for (auto [g, scale] : llvm::enumerate(scales)) {
    Value group = b.add(b.mul(chunk, int64_t(scales.size())), int64_t(g));
    SmallVector<Value> dots =
        groupDots(ArrayRef(codes).slice(g * vectors, vectors), rows, group);
    for (auto [sum, dot] : llvm::zip_equal(next, dots)) {
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

/// The sums of a stretch after the pairs of groups from chunk `chunk` on.
SmallVector<Value> PackedTile::addPair(PackedStretch &stretch, Value chunk,
                                       const Rows &rows, ValueRange carried) {
  const PairedGroups &pairs = *stretch.paired();
  SmallVector<Value> next(carried), codes = stretch.codes(b, chunk);
  if (groupsPerChunk() == 1)
    codes.append(stretch.codes(b, b.add(chunk, 1)));
  int64_t vectors = layout.sumGroup / 4;
  Value first = b.mul(chunk, groupsPerChunk());
  // A constant is a start, but would be added to others as a scalar.
  bool hasStarts = activations.starts != nullptr;
  for (int64_t pair = 0; pair < int64_t(codes.size()) / (2 * vectors); ++pair) {
    SmallVector<Value> dots[2], words[2];
    for (int64_t odd : {0, 1}) {
      Value group = b.add(first, 2 * pair + odd);
      words[odd] = wordsOf(rows, group, vectors);
      for (Value row : rows.x)
        dots[odd].push_back(hasStarts
                                ? startValue(rows.index, row, /*part=*/0, group)
                                : integers(pairs.rounding(odd)));
    }
    for (int64_t v = 0; v < vectors; ++v)
      for (int64_t odd : {0, 1})
        for (auto [dot, word] : llvm::zip_equal(dots[odd], words[odd]))
          dot = addDot(codes[(2 * pair + odd) * vectors + v], b.add(word, v),
                       dot);
    for (int64_t odd : {0, 1})
      if (hasStarts && pairs.rounding(odd))
        for (Value &dot : dots[odd])
          dot = arith::AddIOp::create(b, dot, integers(pairs.rounding(odd)));
    Value scales = stretch.pairedScales(b, b.add(b.div(first, 2), pair));
    for (auto [r, sum] : llvm::enumerate(next))
      sum = pairs.addProducts(b, pairs.words(b, dots[0][r], dots[1][r]), scales,
                              sum);
  }
  return next;
}

/// Adds t * (sum q) to numbers that the activations' scale is still to
/// multiply, groups in pairs.
SmallVector<Value> PackedTile::addPairedOffsets(PackedStretch &stretch,
                                                const Header &header,
                                                const Rows &rows,
                                                ValueRange numbers) {
  SmallVector<Value> totals(numbers.size(), integers(0)), next;
  for (int64_t pair = 0; pair < layout.stretch / layout.sumGroup / 2; ++pair) {
    Value offsets = stretch.pairedOffsets(b, b.index(pair));
    for (auto [total, row] : llvm::zip_equal(totals, rows.x))
      total = stretch.paired()->addProducts(
          b,
          broadcastWord(activations.pairSums,
                        {rows.index, row, b.index(2 * pair)}),
          offsets, total);
  }
  for (auto [number, total] : llvm::zip_equal(numbers, totals))
    next.push_back(vector::FMAOp::create(
        b, arith::SIToFPOp::create(b, f32s(), total), header.offset, number));
  return next;
}

/// Adds t * (sum q) * scale(q): zero points, minima and other offsets.
SmallVector<Value> PackedTile::addOffsets(PackedStretch &stretch,
                                          const Header &header,
                                          const Rows &rows, ValueRange sums) {
  auto addGroup = [&](Value offset, Value position, ValueRange carried) {
    SmallVector<Value> next(carried);
    for (auto [r, row] : llvm::enumerate(rows.x))
      next[r] = vector::FMAOp::create(
          b, offset,
          broadcastLoad(activations.sums, {rows.index, row, position}),
          next[r]);
    return next;
  };
  if (!fields.hasInnerOffset())
    return addGroup(header.offset, b.index(0), sums);
  return b.loop(b.index(0), b.index(layout.chunksPerStretch()), 1, sums,
                [&](Value chunk, ValueRange carried) {
                  Value first = b.mul(chunk, groupsPerChunk());
                  SmallVector<Value> next(carried);
                  for (int64_t g = 0; g < groupsPerChunk(); ++g)
                    next = addGroup(stretch.offset(b, chunk, g),
                                    b.add(first, g), next);
                  return next;
                });
}

/// The same in numbers that the activations' scale is still to multiply, where
/// the inner factor of t and the sums are bytes: dot products with the sums'
/// bytes, the most significant first.
SmallVector<Value> PackedTile::addDotOffsets(const Header &header,
                                             const Rows &rows,
                                             ValueRange numbers) {
  SmallVector<Value> next(numbers);
  auto byteType = cast<VectorType>(header.dotOffsets.front().getType());
  int64_t below = int64_t(1) << layout.dotOffset->field.width();
  Value factor = header.offset;
  for (auto [r, row] : llvm::enumerate(rows.x)) {
    Value total = integers(0);
    for (int64_t part = 0; part < activations.dotBytes(); ++part) {
      if (part)
        total = shiftedLeft(total);
      for (auto [i, vector] : llvm::enumerate(header.dotOffsets)) {
        Value four =
            broadcastWord(activations.dotSums, {rows.index, row, b.index(part),
                                                b.index(int64_t(4 * i))});
        four = vector::BitCastOp::create(b, byteType, four);
        total = DotOp::create(b, total.getType(), vector, four, total, below);
      }
    }
    Value number = arith::SIToFPOp::create(b, f32s(), total);
    if (factor)
      next[r] = vector::FMAOp::create(b, number, factor, next[r]);
    else if (fields.offsetIsNegative())
      next[r] = arith::SubFOp::create(b, next[r], number);
    else
      next[r] = arith::AddFOp::create(b, next[r], number);
  }
  return next;
}

void PackedTile::prefetchRows(Value index, ArrayRef<Value> rows, Value part,
                              int64_t parts) {
  // The first cache waits for few lines at a time, all of them of weights.
  constexpr int64_t wordsOfLine = 16, thirdCache = 1;
  int64_t lines = llvm::divideCeil(layout.stretch / 4, wordsOfLine * parts);
  Value begin = b.mul(part, lines * wordsOfLine);
  for (Value row : rows) {
    Value first = b.add(firstWord(index, row), begin);
    for (int64_t byte = 0; byte < bytes; ++byte)
      for (int64_t line = 0; line < lines; ++line)
        memref::PrefetchOp::create(
            b, codeWords,
            b.add(first, byte * (layout.stretch / 4) + line * wordsOfLine),
            /*isWrite=*/false, thirdCache, /*isDataCache=*/true);
  }
}

PackedTile::Header PackedTile::readHeader(PackedStretch &stretch) {
  Header header;
  header.scale = stretch.outerScale(b);
  bool hasPairedOffsets = stretch.paired() && stretch.paired()->hasOffsets();
  if (fields.hasOuterOffset() || hasPairedOffsets)
    header.offset = stretch.outerOffset(b);
  if (fields.hasDotOffset())
    header.dotOffsets = stretch.dotOffsets(b);
  return header;
}

SmallVector<Value>
PackedTile::addStretch(PackedStretch &stretch, Value index,
                       ArrayRef<Value> rows,
                       llvm::function_ref<Value(size_t)> sum,
                       llvm::function_ref<void(Value)> eachChunk) {
  const PairedGroups *pairs = stretch.paired();
  bool floats = sumsAreFloats() && !pairs;
  int64_t parts = pairs ? 1 : fields.stretchSums(bytes);
  SmallVector<Value> initial;
  for (Value row : rows)
    for (int64_t part = 0; part < parts; ++part) {
      if (floats)
        initial.push_back(b.zeros(layout.lanes));
      else if (fields.hasInnerScale())
        initial.push_back(integers(0));
      else
        initial.push_back(startValue(index, row, part, b.index(0)));
    }
  Rows some{index, rows, {}};
  for (Value row : rows)
    some.words.push_back(firstWord(index, row));
  // Memory answers fastest in order, so that what stands before the chunks is
  // read first; with more rows, it would only take registers.
  bool boundByMemory = rows.size() <= rowsBoundByMemory;
  Header header;
  if (boundByMemory)
    header = readHeader(stretch);
  int64_t step = pairs && groupsPerChunk() == 1 ? 2 : 1;
  SmallVector<Value> totals =
      b.loop(b.index(0), b.index(layout.chunksPerStretch()), step, initial,
             [&](Value chunk, ValueRange carried) {
               for (int64_t i = 0; i < step; ++i)
                 eachChunk(b.add(chunk, i));
               return pairs ? addPair(stretch, chunk, some, carried)
                            : addChunk(stretch, chunk, some, carried);
             });
  if (!boundByMemory)
    header = readHeader(stretch);
  SmallVector<Value> next;
  for (size_t r = 0; r < rows.size(); ++r) {
    Value number = totals[r * parts];
    if (!floats) {
      number = arith::SIToFPOp::create(b, f32s(), number);
      if (parts == 2) {
        Value word = arith::ConstantOp::create(
            b, DenseElementsAttr::get(f32s(), 256.0f));
        Value low = arith::SIToFPOp::create(b, f32s(), totals[r * parts + 1]);
        number = vector::FMAOp::create(b, number, word, low);
      }
    }
    if (header.scale)
      number = arith::MulFOp::create(b, number, header.scale);
    next.push_back(number);
  }
  if (fields.hasDotOffset())
    next = addDotOffsets(header, some, next);
  bool pairsOffsets = pairs && pairs->hasOffsets();
  if (pairsOffsets)
    next = addPairedOffsets(stretch, header, some, next);
  for (auto [r, row] : llvm::enumerate(rows))
    next[r] = vector::FMAOp::create(
        b, next[r], broadcastLoad(activations.scales, {index, row}), sum(r));
  if (!fields.hasOffset() || fields.hasDotOffset() || pairsOffsets)
    return next;
  return addOffsets(stretch, header, some, next);
}
