//===- PackedStretch.cpp - A stretch of packed weights --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/cpu/packed/PackedStretch.h"

using namespace mlir;
using namespace rlx;

static constexpr int64_t vectorsPerChunk = PackedLayout::chunk / 4;

Value rlx::stretchBegin(LoopBuilder &b, const PackedLayout &layout,
                        int64_t rows, Value tile, Value stretch) {
  int64_t tiles = layout.tiles(rows), together = layout.tilesTogether(rows);
  Value first = b.mul(b.div(tile, together), together);
  Value before = b.mul(first, layout.tileBytes());
  Value stretches;
  if (tiles % together == 0) {
    stretches = b.mul(stretch, together);
  } else {
    Value count = b.min(b.sub(b.index(tiles), first), b.index(together));
    stretches = arith::MulIOp::create(b, stretch, count);
  }
  stretches = b.add(stretches, b.sub(tile, first));
  return b.add(before, b.mul(stretches, layout.stretchBytes()));
}

//===----------------------------------------------------------------------===//
// Packed weights
//===----------------------------------------------------------------------===//

Value StoredStretch::chunkBase(LoopBuilder &b, Value chunk) {
  return b.add(b.add(base, layout.headerBytes),
               b.mul(chunk, layout.chunkBytes));
}

void StoredStretch::prefetch(LoopBuilder &b, int64_t tiles, Value part,
                             int64_t parts, int64_t ahead, bool toFirstCache) {
  constexpr int64_t cacheLine = 64, firstCache = 3, secondCache = 2;
  int64_t lines =
      llvm::divideCeil(tiles * layout.stretchBytes(), cacheLine * parts);
  Value begin = b.add(base, b.mul(part, lines * cacheLine));
  for (int64_t line = 0; line < lines; ++line)
    memref::PrefetchOp::create(
        b, weight, fields.at(b, expert, begin, ahead + line * cacheLine),
        /*isWrite=*/false, toFirstCache ? firstCache : secondCache,
        /*isDataCache=*/true);
}

void StoredStretch::prefetchPages(LoopBuilder &b, int64_t ahead) {
  constexpr int64_t page = 4096, secondCache = 2;
  for (int64_t at = 0; at < layout.stretchBytes(); at += page)
    memref::PrefetchOp::create(b, weight,
                               fields.at(b, expert, base, ahead + at),
                               /*isWrite=*/false, secondCache,
                               /*isDataCache=*/true);
}

/// `stored` with these bits where they lie in the codes, and others elsewhere.
static Value shiftBits(LoopBuilder &b, Value stored, const PackedBits &bits) {
  auto type = cast<VectorType>(stored.getType());
  VectorType wide = VectorType::get(type.getNumElements() / 2, b.getI16Type());
  int right = int(bits.position) - int(bits.shift);
  if (right) {
    Value distance = arith::ConstantOp::create(
        b, DenseElementsAttr::get(wide, int16_t(std::abs(right))));
    stored = vector::BitCastOp::create(b, wide, stored);
    stored = right > 0 ? Value(arith::ShRUIOp::create(b, stored, distance))
                       : Value(arith::ShLIOp::create(b, stored, distance));
    stored = vector::BitCastOp::create(b, type, stored);
  }
  return stored;
}

/// These bits of `stored`, where they lie in the codes. What a shift of 16-bit
/// lanes brings over from the next byte is outside the mask.
static Value extractBits(LoopBuilder &b, Value stored, const PackedBits &bits) {
  Value shifted = shiftBits(b, stored, bits);
  if (bits.width == 8)
    return shifted;
  auto type = cast<VectorType>(shifted.getType());
  int64_t mask = ((1 << bits.width) - 1) << bits.shift;
  return arith::AndIOp::create(
      b, shifted,
      arith::ConstantOp::create(b, DenseElementsAttr::get(type, int8_t(mask))));
}

/// The vectors of codes that `bits` of the stored vectors are.
static SmallVector<Value> unpack(LoopBuilder &b, ArrayRef<Value> stored,
                                 ArrayRef<PackedBits> bits) {
  SmallVector<Value> codes(bits.back().codes + 1);
  for (const PackedBits &some : bits) {
    Value extracted = extractBits(b, stored[some.stored], some);
    Value &code = codes[some.codes];
    code = code ? Value(arith::OrIOp::create(b, code, extracted)) : extracted;
  }
  return codes;
}

SmallVector<Value> StoredStretch::storedCodes(LoopBuilder &b, Value chunk) {
  Value begin = chunkBase(b, chunk);
  int64_t bytes = 4 * layout.lanes;
  SmallVector<Value> stored;
  for (int64_t v = 0; v < layout.codeVectors(); ++v)
    stored.push_back(fields.load(b, expert, begin, v * bytes, bytes));
  const IntegerCodes &kind = layout.codes;
  if (kind.table.empty())
    return unpack(b, stored, layout.bits);
  SmallVector<Value> codes;
  // Tables of 16 need no more than the code's bits to lie lowest.
  constexpr unsigned tableBits = 4;
  if (kind.width == tableBits)
    for (const PackedBits &bits : layout.bits)
      codes.push_back(shiftBits(b, stored[bits.stored], bits));
  else
    codes = unpack(b, stored, layout.bits);
  for (Value &code : codes)
    code = LookupOp::create(b, code.getType(), code, kind.table);
  return codes;
}

SmallVector<Value> StoredStretch::codes(LoopBuilder &b, Value chunk) {
  SmallVector<Value> codes = storedCodes(b, chunk);
  if (!scaled)
    return codes;
  return scaled->multiply(b, codes,
                          fields.innerScales(b, expert, chunkBase(b, chunk)));
}

SmallVector<Value> StoredStretch::innerScales(LoopBuilder &b, Value chunk) {
  if (scaled)
    return {};
  return fields.innerScales(b, expert, chunkBase(b, chunk));
}

Value StoredStretch::offset(LoopBuilder &b, Value chunk, int64_t group) {
  return fields.offset(b, expert, base, chunkBase(b, chunk), group);
}

Value StoredStretch::outerScale(LoopBuilder &b) {
  return fields.outerScale(b, expert, base);
}

Value StoredStretch::outerOffset(LoopBuilder &b) {
  return fields.offset(b, expert, base, base, 0);
}

SmallVector<Value> StoredStretch::dotOffsets(LoopBuilder &b) {
  SmallVector<Value> stored;
  for (int64_t i = 0; i < layout.storedDotOffsetVectors(); ++i)
    stored.push_back(fields.dotOffset(b, expert, base, i));
  return unpack(b, stored, layout.dotOffsetBits);
}

//===----------------------------------------------------------------------===//
// Panels
//===----------------------------------------------------------------------===//

StretchPanel::StretchPanel(LoopBuilder &b, const PackedLayout &layout,
                           PackedFields &fields, const PairedGroups *paired,
                           Requantizer *requantizer, int64_t tiles)
    : layout(layout), pairs(paired), requantizer(requantizer), tile(b.index(0)),
      hasOuterScale(requantizer || fields.hasOuterScale()),
      hasOuterOffset(fields.hasOuterOffset()) {
  auto allocate = [&](ArrayRef<int64_t> shape, Type element) -> Value {
    return memref::AllocOp::create(b, MemRefType::get(shape, element),
                                   ValueRange(), ValueRange(),
                                   b.getI64IntegerAttr(64));
  };
  Type f32 = b.getF32Type(), i32 = b.getI32Type(), i8 = b.getI8Type();
  int64_t lanes = layout.lanes, groups = layout.stretch / layout.sumGroup;
  int64_t vectors = layout.chunksPerStretch() * vectorsPerChunk;
  codeBuffer = allocate({tiles, vectors, 4 * lanes}, i8);
  if (pairs) {
    scaleBuffer = allocate({tiles, groups / 2, lanes}, i32);
    scaleNumbers = allocate({groups, lanes}, f32);
    hasOuterScale |= pairs->roundsScales() || pairs->unit() != 1;
    if (pairs->hasOffsets()) {
      offsetBuffer = allocate({tiles, groups / 2, lanes}, i32);
      offsetNumbers = allocate({groups, lanes}, f32);
      hasOuterOffset = true;
    }
  } else {
    if (fields.hasInnerScale())
      scaleBuffer = allocate({tiles, groups, lanes},
                             fields.innerScaleIsInteger() ? i32 : f32);
    if (fields.hasInnerOffset())
      offsetBuffer = allocate({tiles, groups, lanes}, f32);
  }
  if (hasOuterScale || hasOuterOffset)
    outerBuffer = allocate({tiles, 2, lanes}, f32);
  if (FloatSums::apply(fields))
    correctionBuffer = allocate({tiles, 1, lanes}, f32);
  if (fields.hasDotOffset())
    dotBuffer = allocate({tiles, layout.dotOffsetVectors(), 4 * lanes}, i8);
}

int64_t StretchPanel::tiles() const {
  return cast<MemRefType>(codeBuffer.getType()).getDimSize(0);
}

StretchPanel StretchPanel::of(Value tile) const {
  StretchPanel panel = *this;
  panel.tile = tile;
  return panel;
}

void StretchPanel::release(LoopBuilder &b) {
  for (Value buffer :
       {codeBuffer, scaleBuffer, offsetBuffer, outerBuffer, dotBuffer,
        correctionBuffer, scaleNumbers, offsetNumbers})
    if (buffer)
      memref::DeallocOp::create(b, buffer);
}

void StretchPanel::store(LoopBuilder &b, Value vector, Value buffer,
                         Value row) {
  b.storeVector(vector, buffer, {tile, row, b.index(0)});
}

void StretchPanel::fillCodes(LoopBuilder &b, StoredStretch &stored,
                             Value chunk) {
  for (auto [v, codes] : llvm::enumerate(stored.codes(b, chunk)))
    store(b, codes, codeBuffer, b.add(b.mul(chunk, vectorsPerChunk), v));
}

void StretchPanel::fill(LoopBuilder &b, StoredStretch &stored) {
  if (requantizer) {
    Value scale = requantizer->fill(b, stored, codeBuffer, tile);
    return store(b, scale, outerBuffer, b.index(0));
  }
  if (dotBuffer)
    for (auto [i, factor] : llvm::enumerate(stored.dotOffsets(b)))
      store(b, factor, dotBuffer, b.index(int64_t(i)));
  if (pairs)
    return fillPaired(b, stored);
  if (hasOuterScale)
    store(b, stored.outerScale(b), outerBuffer, b.index(0));
  if (hasOuterOffset)
    store(b, stored.outerOffset(b), outerBuffer, b.index(1));
  auto fillChunk = [&](Value chunk) {
    fillCodes(b, stored, chunk);
    SmallVector<Value> scales = stored.innerScales(b, chunk);
    for (auto [g, scale] : llvm::enumerate(scales))
      store(b, scale, scaleBuffer, group(b, chunk, int64_t(g)));
    if (offsetBuffer)
      for (int64_t g = 0; g < PackedLayout::chunk / layout.sumGroup; ++g)
        store(b, stored.offset(b, chunk, g), offsetBuffer, group(b, chunk, g));
    return scales;
  };
  Value chunks = b.index(layout.chunksPerStretch());
  if (!correctionBuffer)
    return b.loop(b.index(0), chunks, 1,
                  [&](Value chunk) { fillChunk(chunk); });
  SmallVector<Value> sum = {b.zeros(layout.lanes)};
  sum =
      b.loop(b.index(0), chunks, 1, sum, [&](Value chunk, ValueRange carried) {
        Value next = carried[0];
        for (Value scale : fillChunk(chunk))
          next = arith::AddFOp::create(b, next, scale);
        return SmallVector<Value>{next};
      });
  store(b, FloatSums::correct(b, b.zeros(layout.lanes), sum[0]),
        correctionBuffer, b.index(0));
}

/// Numbers wait until the largest of the stretch is known, then become words.
void StretchPanel::fillPaired(LoopBuilder &b, StoredStretch &stored) {
  VectorType f32s = VectorType::get(layout.lanes, b.getF32Type());
  auto keep = [&](Value number, Value buffer, Value group,
                  Value largest) -> Value {
    if (isa<IntegerType>(getElementTypeOrSelf(number)))
      number = arith::SIToFPOp::create(b, f32s, number);
    b.storeVector(number, buffer, {group, b.index(0)});
    return arith::MaximumFOp::create(b, largest,
                                     math::AbsFOp::create(b, number));
  };
  SmallVector<Value> largest(offsetBuffer ? 2 : 1, b.zeros(layout.lanes));
  largest = b.loop(b.index(0), b.index(layout.chunksPerStretch()), 1, largest,
                   [&](Value chunk, ValueRange seen) {
                     SmallVector<Value> next(seen);
                     fillCodes(b, stored, chunk);
                     for (auto [g, scale] :
                          llvm::enumerate(stored.innerScales(b, chunk))) {
                       Value at = group(b, chunk, int64_t(g));
                       next[0] = keep(scale, scaleNumbers, at, next[0]);
                       if (offsetBuffer)
                         next[1] = keep(stored.offset(b, chunk, int64_t(g)),
                                        offsetNumbers, at, next[1]);
                     }
                     return next;
                   });
  Value unit =
      pairs->storeScales(b, scaleNumbers, largest[0], scaleBuffer, tile);
  auto multiply = [&](Value factor) {
    unit = unit ? Value(arith::MulFOp::create(b, unit, factor)) : factor;
  };
  if (Value outer = stored.outerScale(b))
    multiply(outer);
  if (pairs->unit() != 1)
    multiply(arith::ConstantOp::create(
        b, DenseElementsAttr::get(f32s, float(pairs->unit()))));
  if (unit)
    store(b, unit, outerBuffer, b.index(0));
  if (offsetBuffer)
    store(b,
          pairs->storeOffsets(b, offsetNumbers, largest[1], offsetBuffer, tile),
          outerBuffer, b.index(1));
  else if (hasOuterOffset)
    store(b, stored.outerOffset(b), outerBuffer, b.index(1));
}

Value StretchPanel::group(LoopBuilder &b, Value chunk, int64_t group) {
  return b.add(b.mul(chunk, PackedLayout::chunk / layout.sumGroup), group);
}

Value StretchPanel::load(LoopBuilder &b, Value buffer, Value row) {
  return b.loadVector(buffer, {tile, row, b.index(0)},
                      cast<MemRefType>(buffer.getType()).getShape().back());
}

SmallVector<Value> StretchPanel::codes(LoopBuilder &b, Value chunk) {
  SmallVector<Value> codes;
  for (int64_t v = 0; v < vectorsPerChunk; ++v)
    codes.push_back(
        load(b, codeBuffer, b.add(b.mul(chunk, vectorsPerChunk), v)));
  return codes;
}

Value StretchPanel::code(LoopBuilder &b, Value chunk, int64_t vector) {
  return load(b, codeBuffer, b.add(b.mul(chunk, vectorsPerChunk), vector));
}

Value StretchPanel::correction(LoopBuilder &b) {
  return correctionBuffer ? load(b, correctionBuffer, b.index(0)) : Value();
}

SmallVector<Value> StretchPanel::innerScales(LoopBuilder &b, Value chunk) {
  SmallVector<Value> scales;
  if (scaleBuffer)
    for (int64_t g = 0; g < PackedLayout::chunk / layout.sumGroup; ++g)
      scales.push_back(load(b, scaleBuffer, group(b, chunk, g)));
  return scales;
}

Value StretchPanel::offset(LoopBuilder &b, Value chunk, int64_t g) {
  return load(b, offsetBuffer, group(b, chunk, g));
}

Value StretchPanel::outerScale(LoopBuilder &b) {
  return hasOuterScale ? load(b, outerBuffer, b.index(0)) : Value();
}

Value StretchPanel::outerOffset(LoopBuilder &b) {
  return hasOuterOffset ? load(b, outerBuffer, b.index(1)) : Value();
}

SmallVector<Value> StretchPanel::dotOffsets(LoopBuilder &b) {
  SmallVector<Value> factors;
  for (int64_t i = 0; i < layout.dotOffsetVectors(); ++i)
    factors.push_back(dotOffset(b, b.index(i)));
  return factors;
}
