//===- PackLoops.cpp - Loops for rlx.pack_weight --------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads codes where the scheme's description says they lie and stores them
// where PackedLayout says the kernel reads them. Both sides are descriptions;
// nothing is decoded to numbers.
//
//===----------------------------------------------------------------------===//

#include "passes/cpu/packed/PackedKBlock.h"
#include "passes/cpu/packed/PackedLoops.h"
#include "passes/decode/FieldExpansion.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/Sequence.h"

#include <numeric>

using namespace mlir;
using namespace rlx;

namespace {
class PackLoops {
  static constexpr int64_t codesAWord = 4,
                           words = PackedLayout::kStep / codesAWord;
  static constexpr int64_t run = 16; ///< codes read at once

public:
  PackLoops(PackWeightOp op, PackedLayout layout)
      : op(op), b(op.getLoc(), op), scheme(op.getScheme().getScheme()),
        layout(std::move(layout)), packed(op.getInit()) {}

  void emit();

private:
  void packKBlock(Value firstRow, Value block, int64_t element, Value base);
  void readCodes(Value row, Value block, int64_t element, Value lane,
                 int64_t kStep);
  void mergeWords(ArrayRef<PackedBits> bits, int64_t count, Value from,
                  Value base);
  void readDotMinimum(Value row, Value block, int64_t element, Value lane);
  /// Words of the scratch for the codes of a K block.
  int64_t codeWords() const {
    return layout.lanes * layout.kBlock / codesAWord;
  }
  void storeField(const PackedField &field, Value row, Value block,
                  int64_t element, Value base, Value offset);
  Value groupsTogether(const PackedField &field, Value row, Value block,
                       int64_t element, int64_t count, int64_t distance);
  FieldExpansion expansion(Value row, Value block, int64_t element,
                           int64_t count);
  Value sourceRow(Value firstRow, Value lane);
  void store(Value bytes, Value at);

  PackWeightOp op;
  LoopBuilder b;
  QuantScheme scheme;
  PackedLayout layout;
  Value packed, expert, scratch;
  int64_t rows = 0;
  BlockAddress address;
};

/// The source row of a lane; lanes beyond the last row repeat it.
Value PackLoops::sourceRow(Value firstRow, Value lane) {
  return b.min(b.add(firstRow, lane), b.index(rows - 1));
}

void PackLoops::store(Value bytes, Value at) {
  SmallVector<Value> indices = {at};
  if (expert)
    indices.insert(indices.begin(), expert);
  b.storeVector(bytes, packed, indices);
}

FieldExpansion PackLoops::expansion(Value row, Value block, int64_t element,
                                    int64_t count) {
  address.rowIndices =
      expert ? SmallVector<Value>{expert, row} : SmallVector<Value>{row};
  address.block = block;
  SmallVector<int64_t> elements =
      llvm::to_vector(llvm::seq(element, element + count));
  return FieldExpansion(b, b.getLoc(), scheme, address, elements);
}

/// The codes of one row for `count` groups from `element` on in one word, each
/// `distance` bits above the one before.
Value PackLoops::groupsTogether(const PackedField &field, Value row,
                                Value block, int64_t element, int64_t count,
                                int64_t distance) {
  Value together;
  for (int64_t i = 0; i < count; ++i) {
    Value code =
        expansion(row, block, element + i * field.group, 1).codes(field.field);
    if (!together) {
      together = code;
      continue;
    }
    Value shift = arith::ConstantOp::create(
        b, DenseElementsAttr::get(cast<ShapedType>(code.getType()),
                                  int32_t(i * distance)));
    code = arith::ShLIOp::create(b, code, shift);
    together = arith::OrIOp::create(b, together, code);
  }
  return together;
}

/// Stores the code of one row from `element` on, or those that share a
/// container of the field's, `offset` bytes from `base` and the field's own
/// place.
void PackLoops::storeField(const PackedField &field, Value row, Value block,
                           int64_t element, Value base, Value offset) {
  Value code = groupsTogether(field, row, block, element, field.together,
                              field.field.width());
  Value bytes =
      vector::BitCastOp::create(b, VectorType::get(4, b.getI8Type()), code);
  bytes = vector::ShuffleOp::create(b, bytes, bytes,
                                    llvm::to_vector(llvm::seq(field.bytes)));
  store(bytes, b.add(base, b.add(offset, field.offset)));
}

/// Codes go through a scratch of [K step][8 words of 4 codes][lane], from which
/// words are read across lanes, and the words' bits are merged.
void PackLoops::readCodes(Value row, Value block, int64_t element, Value lane,
                          int64_t kStep) {
  const IntegerCodes &codes = layout.codes;
  for (int64_t first = 0; first < PackedLayout::kStep; first += run) {
    Value code = expansion(row, block, element + first, run)
                     .codes(scheme.attr().getCode());
    if (codes.flip) {
      auto flip = DenseElementsAttr::get(cast<ShapedType>(code.getType()),
                                         int32_t(codes.flip));
      code = arith::XOrIOp::create(b, code, arith::ConstantOp::create(b, flip));
    }
    Value bytes =
        arith::TruncIOp::create(b, VectorType::get(run, b.getI8Type()), code);
    bytes = vector::BitCastOp::create(
        b, VectorType::get(run / codesAWord, b.getI32Type()), bytes);
    for (int64_t i = 0; i < run / codesAWord; ++i) {
      int64_t word = kStep * words + first / codesAWord + i;
      memref::StoreOp::create(b, vector::ExtractOp::create(b, bytes, i),
                              scratch,
                              ValueRange{b.add(lane, word * layout.lanes)});
    }
  }
}

/// From word `from` of the scratch on, `count` vectors of them, to byte `base`.
void PackLoops::mergeWords(ArrayRef<PackedBits> bits, int64_t count, Value from,
                           Value base) {
  const int64_t lanes = layout.lanes;
  VectorType byteType = VectorType::get(codesAWord * lanes, b.getI8Type());
  SmallVector<Value> vectors;
  for (int64_t word = 0; word < count; ++word)
    vectors.push_back(vector::BitCastOp::create(
        b, byteType,
        b.loadVector(scratch, ValueRange{b.add(from, word * lanes)}, lanes)));
  auto splat = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(
        b, DenseElementsAttr::get(byteType, int8_t(value)));
  };
  SmallVector<Value> stored(bits.back().stored + 1);
  for (const PackedBits &some : bits) {
    Value value =
        arith::ShRUIOp::create(b, vectors[some.codes], splat(some.shift));
    value = arith::AndIOp::create(b, value, splat((1 << some.width) - 1));
    value = arith::ShLIOp::create(b, value, splat(some.position));
    Value &merged = stored[some.stored];
    merged = merged ? Value(arith::OrIOp::create(b, merged, value)) : value;
  }
  for (auto [index, merged] : llvm::enumerate(stored))
    store(merged, b.add(base, int64_t(index) * byteType.getNumElements()));
}

/// The codes of the offset's factor of a K block, after the K steps' words.
void PackLoops::readDotMinimum(Value row, Value block, int64_t element,
                               Value lane) {
  for (int64_t vector = 0; vector < layout.dotMinimumVectors(); ++vector) {
    int64_t first = element + vector * codesAWord * layout.sumGroup;
    Value word = groupsTogether(*layout.dotMinimum, row, block, first,
                                codesAWord, /*distance=*/8);
    b.storeVector(word, scratch,
                  ValueRange{b.add(lane, codeWords() + vector * layout.lanes)});
  }
}

void PackLoops::packKBlock(Value firstRow, Value block, int64_t element,
                           Value base) {
  b.loop(b.index(0), b.index(layout.lanes), 1, [&](Value lane) {
    Value row = sourceRow(firstRow, lane);
    for (const PackedField &field : layout.outer)
      storeField(field, row, block, element, base, b.mul(lane, field.bytes));
    if (layout.dotMinimum)
      readDotMinimum(row, block, element, lane);
    for (int64_t kStep = 0; kStep < layout.kStepsPerBlock(); ++kStep) {
      int64_t kStepElement = element + kStep * PackedLayout::kStep;
      readCodes(row, block, kStepElement, lane, kStep);
      for (const PackedField &field : layout.inner)
        for (int64_t group = 0; group < PackedLayout::kStep / field.group;
             group += field.together) {
          int64_t begin = layout.headerBytes + kStep * layout.kStepBytes +
                          group / field.together * layout.lanes * field.bytes;
          storeField(field, row, block, kStepElement + group * field.group,
                     base, b.add(b.mul(lane, field.bytes), begin));
        }
    }
  });
  b.loop(b.index(0), b.index(layout.kStepsPerBlock()), 1, [&](Value kStep) {
    mergeWords(layout.bits, words, b.mul(kStep, layout.lanes * words),
               b.add(b.add(base, layout.headerBytes),
                     b.mul(kStep, layout.kStepBytes)));
  });
  if (layout.dotMinimum)
    mergeWords(layout.dotMinimumBits, layout.dotMinimumVectors(),
               b.index(codeWords()), b.add(base, layout.dotMinimum->offset));
}

void PackLoops::emit() {
  auto type = cast<MemRefType>(op.getWeight().getType());
  bool stacked = type.getRank() == 3;
  rows = type.getDimSize(type.getRank() - 2);
  address.weight = op.getWeight();
  address.scales = op.getScales();
  address.zeroPoints = op.getZeroPoints();
  address.globalScale = op.getGlobalScale();
  int64_t tiles = layout.tiles(rows),
          experts = stacked ? type.getDimSize(0) : 1;
  b.parallelLoop(b.index(experts * tiles), [&](Value index) {
    Value tile = index;
    if (stacked) {
      expert = b.div(index, tiles);
      tile = arith::RemUIOp::create(b, index, b.index(tiles));
    }
    int64_t size = codeWords();
    if (layout.dotMinimum)
      size += layout.lanes * layout.dotMinimumVectors();
    auto scratchType = MemRefType::get({size}, b.getI32Type());
    scratch = memref::AllocOp::create(b, scratchType, ValueRange(),
                                      ValueRange(), b.getI64IntegerAttr(64));
    Value firstRow = b.mul(tile, layout.lanes);
    // Whole blocks and whole kBlocks at a time, so that all offsets are
    // known.
    int64_t step = std::lcm(layout.kBlock, scheme.block());
    b.loop(b.index(0), b.index(layout.k), step, [&](Value k) {
      Value block = b.div(k, scheme.block());
      Value first = b.div(k, layout.kBlock);
      for (int64_t element = 0; element < step; element += layout.kBlock) {
        Value kBlock = b.add(first, element / layout.kBlock);
        packKBlock(firstRow, block, element,
                   kBlockBegin(b, layout, rows, tile, kBlock));
      }
    });
    memref::DeallocOp::create(b, scratch);
  });
}
} // namespace

LogicalResult rlx::emitPackLoops(PackWeightOp op) {
  PackLoops(op, PackedLayout::of(op)).emit();
  return success();
}
