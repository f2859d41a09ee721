//===- PackedKBlock.cpp - A K block of packed weights ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/cpu/packed/PackedKBlock.h"

using namespace mlir;
using namespace rlx;

static constexpr int64_t vectorsPerStep = PackedLayout::kStep / 4;

Value rlx::kBlockBegin(LoopBuilder &b, const PackedLayout &layout, int64_t rows,
                       Value tile, Value kBlock) {
  int64_t tiles = layout.tiles(rows), together = layout.macroPanel(rows);
  Value first = b.mul(b.div(tile, together), together);
  Value before = b.mul(first, layout.tileBytes());
  Value kBlocks;
  if (tiles % together == 0) {
    kBlocks = b.mul(kBlock, together);
  } else {
    Value count = b.min(b.sub(b.index(tiles), first), b.index(together));
    kBlocks = arith::MulIOp::create(b, kBlock, count);
  }
  kBlocks = b.add(kBlocks, b.sub(tile, first));
  return b.add(before, b.mul(kBlocks, layout.kBlockBytes()));
}

//===----------------------------------------------------------------------===//
// Packed weights
//===----------------------------------------------------------------------===//

Value StoredKBlock::kStepBase(LoopBuilder &b, Value kStep) {
  return b.add(b.add(base, layout.headerBytes),
               b.mul(kStep, layout.kStepBytes));
}

void StoredKBlock::prefetch(LoopBuilder &b, int64_t tiles, Value part,
                            int64_t parts, int64_t ahead, bool toFirstCache) {
  constexpr int64_t cacheLine = 64, firstCache = 3, secondCache = 2;
  int64_t lines =
      llvm::divideCeil(tiles * layout.kBlockBytes(), cacheLine * parts);
  Value begin = b.add(base, b.mul(part, lines * cacheLine));
  for (int64_t line = 0; line < lines; ++line)
    memref::PrefetchOp::create(
        b, weight, fields.at(b, expert, begin, ahead + line * cacheLine),
        /*isWrite=*/false, toFirstCache ? firstCache : secondCache,
        /*isDataCache=*/true);
}

void StoredKBlock::prefetchPages(LoopBuilder &b, int64_t ahead) {
  constexpr int64_t page = 4096, secondCache = 2;
  for (int64_t at = 0; at < layout.kBlockBytes(); at += page)
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

SmallVector<Value> StoredKBlock::storedCodes(LoopBuilder &b, Value kStep) {
  Value begin = kStepBase(b, kStep);
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

SmallVector<Value> StoredKBlock::codes(LoopBuilder &b, Value kStep) {
  SmallVector<Value> codes = storedCodes(b, kStep);
  if (!scaled)
    return codes;
  return scaled->multiply(b, codes,
                          fields.groupScales(b, expert, kStepBase(b, kStep)));
}

SmallVector<Value> StoredKBlock::groupScales(LoopBuilder &b, Value kStep) {
  if (scaled)
    return {};
  return fields.groupScales(b, expert, kStepBase(b, kStep));
}

Value StoredKBlock::offset(LoopBuilder &b, Value kStep, int64_t group) {
  return fields.offset(b, expert, base, kStepBase(b, kStep), group);
}

Value StoredKBlock::blockScale(LoopBuilder &b) {
  return fields.blockScale(b, expert, base);
}

Value StoredKBlock::blockOffset(LoopBuilder &b) {
  return fields.offset(b, expert, base, base, 0);
}

SmallVector<Value> StoredKBlock::dotMinima(LoopBuilder &b) {
  SmallVector<Value> stored;
  for (int64_t i = 0; i < layout.storedDotMinimumVectors(); ++i)
    stored.push_back(fields.dotMinimum(b, expert, base, i));
  return unpack(b, stored, layout.dotMinimumBits);
}

//===----------------------------------------------------------------------===//
// Panels
//===----------------------------------------------------------------------===//

KBlockPanel::KBlockPanel(LoopBuilder &b, const PackedLayout &layout,
                         PackedFields &fields, const I16Pairs *paired,
                         Reencoder *reencoder, int64_t tiles)
    : layout(layout), pairs(paired), reencoder(reencoder), tile(b.index(0)),
      hasBlockScale(reencoder || fields.hasBlockScale()),
      hasBlockOffset(fields.hasBlockOffset()) {
  auto allocate = [&](ArrayRef<int64_t> shape, Type element) -> Value {
    return memref::AllocOp::create(b, MemRefType::get(shape, element),
                                   ValueRange(), ValueRange(),
                                   b.getI64IntegerAttr(64));
  };
  Type f32 = b.getF32Type(), i32 = b.getI32Type(), i8 = b.getI8Type();
  int64_t lanes = layout.lanes, groups = layout.kBlock / layout.sumGroup;
  int64_t vectors = layout.kStepsPerBlock() * vectorsPerStep;
  codeBuffer = allocate({tiles, vectors, 4 * lanes}, i8);
  if (pairs) {
    scaleBuffer = allocate({tiles, groups / 2, lanes}, i32);
    scaleNumbers = allocate({groups, lanes}, f32);
    hasBlockScale |= pairs->roundsScales() || pairs->unit() != 1;
    if (pairs->hasOffsets()) {
      offsetBuffer = allocate({tiles, groups / 2, lanes}, i32);
      offsetNumbers = allocate({groups, lanes}, f32);
      hasBlockOffset = true;
    }
  } else {
    if (fields.hasGroupScale())
      scaleBuffer = allocate({tiles, groups, lanes},
                             fields.groupScaleIsInteger() ? i32 : f32);
    if (fields.hasGroupOffset())
      offsetBuffer = allocate({tiles, groups, lanes}, f32);
  }
  if (hasBlockScale || hasBlockOffset)
    blockBuffer = allocate({tiles, 2, lanes}, f32);
  if (MagicNumbers::apply(fields))
    correctionBuffer = allocate({tiles, 1, lanes}, f32);
  if (fields.hasDotMinimum())
    dotBuffer = allocate({tiles, layout.dotMinimumVectors(), 4 * lanes}, i8);
}

int64_t KBlockPanel::tiles() const {
  return cast<MemRefType>(codeBuffer.getType()).getDimSize(0);
}

KBlockPanel KBlockPanel::of(Value tile) const {
  KBlockPanel panel = *this;
  panel.tile = tile;
  return panel;
}

void KBlockPanel::release(LoopBuilder &b) {
  for (Value buffer :
       {codeBuffer, scaleBuffer, offsetBuffer, blockBuffer, dotBuffer,
        correctionBuffer, scaleNumbers, offsetNumbers})
    if (buffer)
      memref::DeallocOp::create(b, buffer);
}

void KBlockPanel::store(LoopBuilder &b, Value vector, Value buffer, Value row) {
  b.storeVector(vector, buffer, {tile, row, b.index(0)});
}

void KBlockPanel::fillCodes(LoopBuilder &b, StoredKBlock &stored, Value kStep) {
  for (auto [v, codes] : llvm::enumerate(stored.codes(b, kStep)))
    store(b, codes, codeBuffer, b.add(b.mul(kStep, vectorsPerStep), v));
}

void KBlockPanel::fill(LoopBuilder &b, StoredKBlock &stored) {
  if (reencoder) {
    Value scale = reencoder->fill(b, stored, codeBuffer, tile);
    return store(b, scale, blockBuffer, b.index(0));
  }
  if (dotBuffer)
    for (auto [i, factor] : llvm::enumerate(stored.dotMinima(b)))
      store(b, factor, dotBuffer, b.index(int64_t(i)));
  if (pairs)
    return fillPaired(b, stored);
  if (hasBlockScale)
    store(b, stored.blockScale(b), blockBuffer, b.index(0));
  if (hasBlockOffset)
    store(b, stored.blockOffset(b), blockBuffer, b.index(1));
  auto fillKStep = [&](Value kStep) {
    fillCodes(b, stored, kStep);
    SmallVector<Value> scales = stored.groupScales(b, kStep);
    for (auto [g, scale] : llvm::enumerate(scales))
      store(b, scale, scaleBuffer, group(b, kStep, int64_t(g)));
    if (offsetBuffer)
      for (int64_t g = 0; g < PackedLayout::kStep / layout.sumGroup; ++g)
        store(b, stored.offset(b, kStep, g), offsetBuffer, group(b, kStep, g));
    return scales;
  };
  Value kSteps = b.index(layout.kStepsPerBlock());
  if (!correctionBuffer)
    return b.loop(b.index(0), kSteps, 1,
                  [&](Value kStep) { fillKStep(kStep); });
  SmallVector<Value> sum = {b.zeros(layout.lanes)};
  sum =
      b.loop(b.index(0), kSteps, 1, sum, [&](Value kStep, ValueRange carried) {
        Value next = carried[0];
        for (Value scale : fillKStep(kStep))
          next = arith::AddFOp::create(b, next, scale);
        return SmallVector<Value>{next};
      });
  store(b, MagicNumbers::correct(b, b.zeros(layout.lanes), sum[0]),
        correctionBuffer, b.index(0));
}

/// Numbers wait until the largest of the K block is known, then become words.
void KBlockPanel::fillPaired(LoopBuilder &b, StoredKBlock &stored) {
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
  largest = b.loop(b.index(0), b.index(layout.kStepsPerBlock()), 1, largest,
                   [&](Value kStep, ValueRange seen) {
                     SmallVector<Value> next(seen);
                     fillCodes(b, stored, kStep);
                     for (auto [g, scale] :
                          llvm::enumerate(stored.groupScales(b, kStep))) {
                       Value at = group(b, kStep, int64_t(g));
                       next[0] = keep(scale, scaleNumbers, at, next[0]);
                       if (offsetBuffer)
                         next[1] = keep(stored.offset(b, kStep, int64_t(g)),
                                        offsetNumbers, at, next[1]);
                     }
                     return next;
                   });
  Value unit =
      pairs->storeScales(b, scaleNumbers, largest[0], scaleBuffer, tile);
  auto multiply = [&](Value factor) {
    unit = unit ? Value(arith::MulFOp::create(b, unit, factor)) : factor;
  };
  if (Value outer = stored.blockScale(b))
    multiply(outer);
  if (pairs->unit() != 1)
    multiply(arith::ConstantOp::create(
        b, DenseElementsAttr::get(f32s, float(pairs->unit()))));
  if (unit)
    store(b, unit, blockBuffer, b.index(0));
  if (offsetBuffer)
    store(b,
          pairs->storeOffsets(b, offsetNumbers, largest[1], offsetBuffer, tile),
          blockBuffer, b.index(1));
  else if (hasBlockOffset)
    store(b, stored.blockOffset(b), blockBuffer, b.index(1));
}

Value KBlockPanel::group(LoopBuilder &b, Value kStep, int64_t group) {
  return b.add(b.mul(kStep, PackedLayout::kStep / layout.sumGroup), group);
}

Value KBlockPanel::load(LoopBuilder &b, Value buffer, Value row) {
  return b.loadVector(buffer, {tile, row, b.index(0)},
                      cast<MemRefType>(buffer.getType()).getShape().back());
}

SmallVector<Value> KBlockPanel::codes(LoopBuilder &b, Value kStep) {
  SmallVector<Value> codes;
  for (int64_t v = 0; v < vectorsPerStep; ++v)
    codes.push_back(
        load(b, codeBuffer, b.add(b.mul(kStep, vectorsPerStep), v)));
  return codes;
}

Value KBlockPanel::code(LoopBuilder &b, Value kStep, int64_t vector) {
  return load(b, codeBuffer, b.add(b.mul(kStep, vectorsPerStep), vector));
}

Value KBlockPanel::correction(LoopBuilder &b) {
  return correctionBuffer ? load(b, correctionBuffer, b.index(0)) : Value();
}

SmallVector<Value> KBlockPanel::groupScales(LoopBuilder &b, Value kStep) {
  SmallVector<Value> scales;
  if (scaleBuffer)
    for (int64_t g = 0; g < PackedLayout::kStep / layout.sumGroup; ++g)
      scales.push_back(load(b, scaleBuffer, group(b, kStep, g)));
  return scales;
}

Value KBlockPanel::offset(LoopBuilder &b, Value kStep, int64_t g) {
  return load(b, offsetBuffer, group(b, kStep, g));
}

Value KBlockPanel::blockScale(LoopBuilder &b) {
  return hasBlockScale ? load(b, blockBuffer, b.index(0)) : Value();
}

Value KBlockPanel::blockOffset(LoopBuilder &b) {
  return hasBlockOffset ? load(b, blockBuffer, b.index(1)) : Value();
}

SmallVector<Value> KBlockPanel::dotMinima(LoopBuilder &b) {
  SmallVector<Value> factors;
  for (int64_t i = 0; i < layout.dotMinimumVectors(); ++i)
    factors.push_back(dotMinimum(b, b.index(i)));
  return factors;
}
