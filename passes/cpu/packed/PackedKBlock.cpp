//===- PackedKBlock.cpp - A K block of packed weights ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/cpu/packed/PackedMode.h"

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

StoredKBlock::StoredKBlock(const PackedMode &mode, Value weight,
                           ValueRange expert, Value base, bool isStream)
    : mode(mode), layout(mode.storedLayout),
      fields(isStream ? mode.storedFields.streamed() : mode.storedFields),
      weight(weight), expert(expert), base(base) {}

void StoredKBlock::prefetch(LoopBuilder &b, int64_t tiles, Value part,
                            int64_t parts, int64_t distance, int64_t cacheLine,
                            bool toFirstCache) {
  constexpr int64_t firstCache = 3, secondCache = 2;
  int64_t lines =
      llvm::divideCeil(tiles * layout.kBlockBytes(), cacheLine * parts);
  Value begin = b.add(base, b.mul(part, lines * cacheLine));
  for (int64_t line = 0; line < lines; ++line)
    memref::PrefetchOp::create(
        b, weight, fields.at(b, expert, begin, distance + line * cacheLine),
        /*isWrite=*/false, toFirstCache ? firstCache : secondCache,
        /*isDataCache=*/true);
}

void StoredKBlock::prefetchPages(LoopBuilder &b, int64_t distance,
                                 int64_t page) {
  constexpr int64_t secondCache = 2;
  for (int64_t at = 0; at < layout.kBlockBytes(); at += page)
    memref::PrefetchOp::create(b, weight,
                               fields.at(b, expert, base, distance + at),
                               /*isWrite=*/false, secondCache,
                               /*isDataCache=*/true);
}

/// These bits of `stored`, where they lie in the codes.
static Value extractBits(LoopBuilder &b, Value stored, const PackedBits &bits,
                         bool loose = false) {
  return b.createOrFold<ExtractBitsOp>(b.getLoc(), stored.getType(), stored,
                                       bits.position, bits.shift, bits.width,
                                       loose);
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
      codes.push_back(
          extractBits(b, stored[bits.stored], bits, /*loose=*/true));
  else
    codes = unpack(b, stored, layout.bits);
  for (Value &code : codes)
    code = LookupOp::create(b, code.getType(), code, kind.table);
  return codes;
}

SmallVector<Value> StoredKBlock::codes(LoopBuilder &b, Value kStep) {
  return mode.decode(b, storedCodes(b, kStep), [&] {
    return fields.groupScales(b, expert, kStepBase(b, kStep));
  });
}

SmallVector<Value> StoredKBlock::groupScales(LoopBuilder &b, Value kStep) {
  if (mode.scalesAreInCodes())
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

Value KBlockPanel::allocateScratch(LoopBuilder &b, int64_t rows, int64_t lanes,
                                   Type element) const {
  return memref::AllocOp::create(b, MemRefType::get({rows, lanes}, element),
                                 ValueRange(), ValueRange(),
                                 b.getI64IntegerAttr(64));
}

Value KBlockPanel::allocate(LoopBuilder &b, int64_t rows, int64_t lanes,
                            Type element) const {
  return memref::AllocOp::create(
      b, MemRefType::get({count, rows, lanes}, element), ValueRange(),
      ValueRange(), b.getI64IntegerAttr(64));
}

void KBlockPanel::allocateBlock(LoopBuilder &b, bool hasScale, bool hasOffset) {
  hasBlockScale = hasScale;
  hasBlockOffset = hasOffset;
  block = allocate(b, 2, layout.lanes, b.getF32Type());
}

KBlockPanel::KBlockPanel(LoopBuilder &b, const PackedMode &mode, int64_t tiles)
    : tile(b.index(0)), layout(mode.layout), count(tiles) {
  mode.allocateScratch(b, *this);
  codeBytes = allocate(b, layout.kStepsPerBlock() * vectorsPerStep,
                       4 * layout.lanes, b.getI8Type());
  mode.allocate(b, *this);
  if (mode.fields.hasDotMinimum())
    minima = allocate(b, layout.dotMinimumVectors(), 4 * layout.lanes,
                      b.getI8Type());
}

KBlockPanel KBlockPanel::of(Value tile) const {
  KBlockPanel panel = *this;
  panel.tile = tile;
  return panel;
}

void KBlockPanel::release(LoopBuilder &b) {
  for (Value buffer : {codeBytes, scales, offsets, block, minima, correction,
                       scaleScratch, offsetScratch, minimumScratch})
    if (buffer)
      memref::DeallocOp::create(b, buffer);
}

void KBlockPanel::store(LoopBuilder &b, Value vector, Value buffer, Value row) {
  b.storeVector(vector, buffer, {tile, row, b.index(0)});
}

Value KBlockPanel::load(LoopBuilder &b, Value buffer, Value row) {
  return b.loadVector(buffer, {tile, row, b.index(0)},
                      cast<MemRefType>(buffer.getType()).getShape().back());
}

Value KBlockPanel::group(LoopBuilder &b, Value kStep, int64_t group) const {
  return b.add(b.mul(kStep, PackedLayout::kStep / layout.sumGroup), group);
}

void KBlockPanel::fillMinima(LoopBuilder &b, StoredKBlock &stored) {
  if (minima)
    for (auto [i, minimum] : llvm::enumerate(stored.dotMinima(b)))
      store(b, minimum, minima, b.index(int64_t(i)));
}

void KBlockPanel::fillBlock(LoopBuilder &b, StoredKBlock &stored) {
  if (hasBlockScale)
    store(b, stored.blockScale(b), block, b.index(0));
  if (hasBlockOffset)
    store(b, stored.blockOffset(b), block, b.index(1));
}

void KBlockPanel::fillCodes(LoopBuilder &b, StoredKBlock &stored, Value kStep) {
  for (auto [v, codes] : llvm::enumerate(stored.codes(b, kStep)))
    store(b, codes, codeBytes, b.add(b.mul(kStep, vectorsPerStep), v));
}

SmallVector<Value> KBlockPanel::fillKStep(LoopBuilder &b, StoredKBlock &stored,
                                          Value kStep) {
  fillCodes(b, stored, kStep);
  SmallVector<Value> groupScales = stored.groupScales(b, kStep);
  for (auto [g, scale] : llvm::enumerate(groupScales))
    store(b, scale, scales, group(b, kStep, int64_t(g)));
  if (offsets)
    for (int64_t g = 0; g < PackedLayout::kStep / layout.sumGroup; ++g)
      store(b, stored.offset(b, kStep, g), offsets, group(b, kStep, g));
  return groupScales;
}

SmallVector<Value> KBlockPanel::codes(LoopBuilder &b, Value kStep) {
  SmallVector<Value> codes;
  for (int64_t v = 0; v < vectorsPerStep; ++v)
    codes.push_back(code(b, kStep, v));
  return codes;
}

Value KBlockPanel::code(LoopBuilder &b, Value kStep, int64_t vector) {
  return load(b, codeBytes, b.add(b.mul(kStep, vectorsPerStep), vector));
}

SmallVector<Value> KBlockPanel::groupScales(LoopBuilder &b, Value kStep) {
  SmallVector<Value> all;
  if (scales)
    for (int64_t g = 0; g < PackedLayout::kStep / layout.sumGroup; ++g)
      all.push_back(load(b, scales, group(b, kStep, g)));
  return all;
}

Value KBlockPanel::offset(LoopBuilder &b, Value kStep, int64_t g) {
  return load(b, offsets, group(b, kStep, g));
}

Value KBlockPanel::blockScale(LoopBuilder &b) {
  return hasBlockScale ? load(b, block, b.index(0)) : Value();
}

Value KBlockPanel::blockOffset(LoopBuilder &b) {
  return hasBlockOffset ? load(b, block, b.index(1)) : Value();
}

SmallVector<Value> KBlockPanel::dotMinima(LoopBuilder &b) {
  SmallVector<Value> all;
  for (int64_t i = 0; i < layout.dotMinimumVectors(); ++i)
    all.push_back(dotMinimum(b, b.index(i)));
  return all;
}
