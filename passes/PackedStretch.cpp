//===- PackedStretch.cpp - A stretch of packed weights
//---------------------===//

#include "passes/PackedStretch.h"

using namespace mlir;
using namespace rlx;

static constexpr int64_t vectorsPerChunk = PackedLayout::chunk / 4;

//===----------------------------------------------------------------------===//
// Packed weights
//===----------------------------------------------------------------------===//

Value StoredStretch::chunkBase(LoopBuilder &b, Value chunk) {
  return b.add(b.add(base, layout.headerBytes),
               b.mul(chunk, layout.chunkBytes));
}

void StoredStretch::prefetch(LoopBuilder &b, Value part, int64_t parts,
                             int64_t ahead) {
  // Into the second cache: the first can wait for few lines at a time, too few
  // for the bandwidth of memory.
  constexpr int64_t cacheLine = 64, secondCache = 2;
  int64_t lines = llvm::divideCeil(layout.stretchBytes(), cacheLine * parts);
  Value begin = b.add(base, b.mul(part, lines * cacheLine));
  for (int64_t line = 0; line < lines; ++line)
    memref::PrefetchOp::create(
        b, weight, fields.at(b, tile, begin, ahead + line * cacheLine),
        /*isWrite=*/false, secondCache, /*isDataCache=*/true);
}

/// Bits of `width` at `shift`, moved there from `right` bits higher. What a
/// shift of 16-bit lanes brings over from the next byte is outside the mask.
static Value planeBits(LoopBuilder &b, Value bits, int64_t right, int64_t width,
                       int64_t shift) {
  auto type = cast<VectorType>(bits.getType());
  VectorType wide = VectorType::get(type.getNumElements() / 2, b.getI16Type());
  if (right) {
    Value distance = arith::ConstantOp::create(
        b, DenseElementsAttr::get(wide, int16_t(std::abs(right))));
    bits = vector::BitCastOp::create(b, wide, bits);
    bits = right > 0 ? Value(arith::ShRUIOp::create(b, bits, distance))
                     : Value(arith::ShLIOp::create(b, bits, distance));
    bits = vector::BitCastOp::create(b, type, bits);
  }
  if (width == 8)
    return bits;
  int64_t mask = ((1 << width) - 1) << shift;
  return arith::AndIOp::create(
      b, bits,
      arith::ConstantOp::create(b, DenseElementsAttr::get(type, int8_t(mask))));
}

SmallVector<Value> StoredStretch::codes(LoopBuilder &b, Value chunk) {
  Value chunkBegin = chunkBase(b, chunk);
  int64_t bytes = 4 * layout.lanes;
  SmallVector<Value> codes(vectorsPerChunk);
  for (const PackedPlane &plane : layout.planes) {
    int64_t perVector = 8 / plane.width;
    for (int64_t first = 0; first < vectorsPerChunk; first += perVector) {
      Value loaded = fields.load(
          b, tile, chunkBegin, plane.offset + first / perVector * bytes, bytes);
      for (int64_t i = 0; i < perVector; ++i) {
        Value bits =
            planeBits(b, loaded, i * plane.width - int64_t(plane.shift),
                      plane.width, plane.shift);
        Value &code = codes[first + i];
        code = code ? Value(arith::OrIOp::create(b, code, bits)) : bits;
      }
    }
  }
  if (!layout.codes.table.empty())
    for (Value &code : codes)
      code = LookupOp::create(b, code.getType(), code, layout.codes.table);
  return codes;
}

Value StoredStretch::innerScale(LoopBuilder &b, Value chunk, int64_t group) {
  return fields.innerScale(b, tile, chunkBase(b, chunk), group);
}

Value StoredStretch::offset(LoopBuilder &b, Value chunk, int64_t group) {
  return fields.offset(b, tile, base, chunkBase(b, chunk), group);
}

Value StoredStretch::outerScale(LoopBuilder &b) {
  return fields.outerScale(b, tile, base);
}

Value StoredStretch::outerOffset(LoopBuilder &b) {
  return fields.offset(b, tile, base, base, 0);
}

Value StoredStretch::dotOffset(LoopBuilder &b, int64_t index) {
  return fields.dotOffset(b, tile, base, index);
}

//===----------------------------------------------------------------------===//
// Panels
//===----------------------------------------------------------------------===//

StretchPanel::StretchPanel(LoopBuilder &b, const PackedLayout &layout,
                           PackedFields &fields)
    : layout(layout), hasOuterScale(fields.hasOuterScale()),
      hasOuterOffset(fields.hasOuterOffset()) {
  auto allocate = [&](int64_t vectors, int64_t lanes, Type element) -> Value {
    return memref::AllocOp::create(
        b, MemRefType::get({vectors, lanes}, element), ValueRange(),
        ValueRange(), b.getI64IntegerAttr(64));
  };
  Type f32 = b.getF32Type(), i8 = b.getI8Type();
  int64_t lanes = layout.lanes, groups = layout.stretch / layout.sumGroup;
  codeBuffer =
      allocate(layout.chunksPerStretch() * vectorsPerChunk, 4 * lanes, i8);
  if (fields.hasInnerScale())
    scaleBuffer = allocate(groups, lanes,
                           fields.innerScaleIsInteger() ? b.getI32Type() : f32);
  if (fields.hasInnerOffset())
    offsetBuffer = allocate(groups, lanes, f32);
  if (hasOuterScale || hasOuterOffset)
    outerBuffer = allocate(2, lanes, f32);
  if (fields.hasDotOffset())
    dotBuffer = allocate(layout.dotOffsetVectors(), 4 * lanes, i8);
}

void StretchPanel::release(LoopBuilder &b) {
  for (Value buffer :
       {codeBuffer, scaleBuffer, offsetBuffer, outerBuffer, dotBuffer})
    if (buffer)
      memref::DeallocOp::create(b, buffer);
}

void StretchPanel::fill(LoopBuilder &b, StoredStretch &stored) {
  auto store = [&](Value vector, Value buffer, Value row) {
    b.storeVector(vector, buffer, {row, b.index(0)});
  };
  if (hasOuterScale)
    store(stored.outerScale(b), outerBuffer, b.index(0));
  if (hasOuterOffset)
    store(stored.outerOffset(b), outerBuffer, b.index(1));
  if (dotBuffer)
    for (int64_t i = 0; i < layout.dotOffsetVectors(); ++i)
      store(stored.dotOffset(b, i), dotBuffer, b.index(i));
  b.loop(b.index(0), b.index(layout.chunksPerStretch()), 1, [&](Value chunk) {
    for (auto [v, codes] : llvm::enumerate(stored.codes(b, chunk)))
      store(codes, codeBuffer, b.add(b.mul(chunk, vectorsPerChunk), v));
    for (int64_t g = 0; g < PackedLayout::chunk / layout.sumGroup; ++g) {
      if (scaleBuffer)
        store(stored.innerScale(b, chunk, g), scaleBuffer, group(b, chunk, g));
      if (offsetBuffer)
        store(stored.offset(b, chunk, g), offsetBuffer, group(b, chunk, g));
    }
  });
}

Value StretchPanel::group(LoopBuilder &b, Value chunk, int64_t group) {
  return b.add(b.mul(chunk, PackedLayout::chunk / layout.sumGroup), group);
}

Value StretchPanel::load(LoopBuilder &b, Value buffer, Value row) {
  return b.loadVector(buffer, {row, b.index(0)},
                      cast<MemRefType>(buffer.getType()).getDimSize(1));
}

SmallVector<Value> StretchPanel::codes(LoopBuilder &b, Value chunk) {
  SmallVector<Value> codes;
  for (int64_t v = 0; v < vectorsPerChunk; ++v)
    codes.push_back(
        load(b, codeBuffer, b.add(b.mul(chunk, vectorsPerChunk), v)));
  return codes;
}

Value StretchPanel::innerScale(LoopBuilder &b, Value chunk, int64_t g) {
  return scaleBuffer ? load(b, scaleBuffer, group(b, chunk, g)) : Value();
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

Value StretchPanel::dotOffset(LoopBuilder &b, int64_t index) {
  return load(b, dotBuffer, b.index(index));
}
