//===- PackedMatmulLoops.cpp - Loops for rlx.packed_matmul
//-----------------===//
//
// Integer kernels. With u the stored codes, q the activations' codes and s, t
// what the scheme's fields give,
//
//   y = sum over groups  s * (sum (u - bias) * q) * scale(q)  +  t * (sum q) *
//   scale(q)
//
// The first sum is dot products of bytes that start from -bias * sum q. Integer
// scales that change within a stretch multiply the i32 sums; floats appear once
// a stretch, or once a group where the scheme's scales are floats. A vector
// lane is an output row; nothing is reduced across lanes.
//
//===----------------------------------------------------------------------===//

#include "passes/ActivationLoops.h"
#include "passes/CodeNumbers.h"
#include "passes/PackedFields.h"

using namespace mlir;
using namespace rlx;

namespace {
class PackedMatmulLoops {
public:
  PackedMatmulLoops(PackedMatmulOp op, PackedLayout layout)
      : op(op), b(op.getLoc(), op), layout(std::move(layout)),
        fields(this->layout, op), y(op.getInit()), lanes(this->layout.lanes),
        n(cast<MemRefType>(y.getType()).getShape().back()),
        bytes(op.getActivations().isInteger(8) ? 1 : 2) {}

  void emit();

private:
  using Rows = SmallVector<Value>; ///< flat indices of rows of activations
  void emitTile(ValueRange tile, Value n0, ArrayRef<Value> xRows,
                ArrayRef<SmallVector<Value>> yRows, Value biasRow);
  SmallVector<Value> emitStretch(ValueRange tile, Value stretch,
                                 ArrayRef<Value> xRows, ValueRange sums);
  SmallVector<Value> emitChunk(ValueRange tile, Value base, Value stretch,
                               Value chunk, ArrayRef<Value> xRows,
                               ValueRange carried);
  SmallVector<Value> emitOffsets(ValueRange tile, Value base, Value stretch,
                                 ArrayRef<Value> xRows, ValueRange sums);
  SmallVector<Value> loadCodes(ValueRange tile, Value base);
  Value dot(Value codes, Value row, int64_t part, Value word, Value sum);
  Value broadcastLoad(Value memref, ValueRange indices);
  void emitRowTiles(ValueRange tile, Value n0, Value begin, Value end,
                    std::optional<int64_t> staticRows);
  void emitMatmul();
  void emitGather();
  Value startValue(Value row, int64_t part, Value k, int64_t group);
  VectorType f32s() { return VectorType::get(lanes, b.getF32Type()); }
  VectorType i32s() { return VectorType::get(lanes, b.getI32Type()); }

  PackedMatmulOp op;
  LoopBuilder b;
  PackedLayout layout;
  PackedFields fields;
  Value y;
  int64_t lanes, n, bytes;
  /// Whether there are so few rows that weights come from memory, not from a
  /// cache.
  bool readsWeightsOnce = false;
  QuantizedActivations activations;
};

Value PackedMatmulLoops::broadcastLoad(Value memref, ValueRange indices) {
  Value scalar = memref::LoadOp::create(b, memref, indices);
  return vector::BroadcastOp::create(
      b, VectorType::get(lanes, scalar.getType()), scalar);
}

/// The eight vectors of codes of a chunk, as unsigned bytes.
SmallVector<Value> PackedMatmulLoops::loadCodes(ValueRange tile, Value base) {
  constexpr int64_t vectors = PackedLayout::chunk / 4;
  VectorType type = VectorType::get(4 * lanes, b.getI8Type());
  VectorType wide = VectorType::get(2 * lanes, b.getI16Type());
  SmallVector<Value> codes(vectors);
  for (const PackedPlane &plane : layout.planes) {
    int64_t perVector = 8 / plane.width;
    for (int64_t first = 0; first < vectors; first += perVector) {
      Value loaded = b.loadVector(
          op.getWeight(),
          fields.at(b, tile, base,
                    plane.offset + first / perVector * type.getNumElements()),
          type.getNumElements());
      for (int64_t i = 0; i < perVector; ++i) {
        // Bits that a shift of 16-bit lanes brings over from the next byte are
        // outside the mask.
        int64_t right = i * plane.width - int64_t(plane.shift);
        Value bits = loaded;
        if (right) {
          auto distance =
              DenseElementsAttr::get(wide, int16_t(std::abs(right)));
          Value shift = arith::ConstantOp::create(b, distance);
          bits = vector::BitCastOp::create(b, wide, bits);
          bits = right > 0 ? Value(arith::ShRUIOp::create(b, bits, shift))
                           : Value(arith::ShLIOp::create(b, bits, shift));
          bits = vector::BitCastOp::create(b, type, bits);
        }
        if (plane.width < 8) {
          int64_t mask = ((1 << plane.width) - 1) << plane.shift;
          bits = arith::AndIOp::create(
              b, bits,
              arith::ConstantOp::create(
                  b, DenseElementsAttr::get(type, int8_t(mask))));
        }
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

Value PackedMatmulLoops::dot(Value codes, Value row, int64_t part, Value word,
                             Value sum) {
  Value four = broadcastLoad(activations.codes, {row, b.index(part), word});
  four = vector::BitCastOp::create(b, codes.getType(), four);
  return DotOp::create(b, sum.getType(), codes, four, sum, layout.codes.below);
}

/// What the sum of products of a group starts from: -bias * sum q, or 0.
Value PackedMatmulLoops::startValue(Value row, int64_t part, Value k,
                                    int64_t group) {
  if (!activations.starts)
    return arith::ConstantOp::create(b, b.getZeroAttr(i32s()));
  return broadcastLoad(activations.starts,
                       {row, b.index(part), b.div(k, group)});
}

/// The sums of a stretch after one more chunk: for each row one vector a byte
/// of the activations, or one of f32 where a group's scale is a float.
SmallVector<Value> PackedMatmulLoops::emitChunk(ValueRange tile, Value base,
                                                Value stretch, Value chunk,
                                                ArrayRef<Value> xRows,
                                                ValueRange carried) {
  SmallVector<Value> next(carried);
  SmallVector<Value> codes = loadCodes(tile, base);
  Value k =
      b.add(b.mul(stretch, layout.stretch), b.mul(chunk, PackedLayout::chunk));
  int64_t group =
      fields.hasInnerScale() ? layout.sumGroup : PackedLayout::chunk;
  int64_t vectors = group / 4;
  for (int64_t g = 0; g < PackedLayout::chunk / group; ++g) {
    Value groupBegin = b.add(k, g * group);
    Value scale = fields.innerScale(b, tile, base, g);
    for (auto [r, row] : llvm::enumerate(xRows)) {
      SmallVector<Value> dots;
      for (int64_t part = 0; part < bytes; ++part) {
        Value sum = fields.hasInnerScale()
                        ? startValue(row, part, groupBegin, group)
                        : next[r * bytes + part];
        for (int64_t v = 0; v < vectors; ++v)
          sum = dot(codes[g * vectors + v], row, part,
                    b.add(b.div(groupBegin, 4), v), sum);
        dots.push_back(sum);
      }
      if (!scale) {
        for (int64_t part = 0; part < bytes; ++part)
          next[r * bytes + part] = dots[part];
      } else if (fields.innerScaleIsInteger()) {
        for (int64_t part = 0; part < bytes; ++part) {
          Value product = arith::MulIOp::create(b, dots[part], scale);
          Value &sum = next[r * bytes + part];
          sum = arith::AddIOp::create(b, sum, product);
        }
      } else {
        Value whole = dots[0];
        if (bytes == 2) {
          Value eight = arith::ConstantOp::create(
              b, DenseElementsAttr::get(i32s(), int32_t(8)));
          whole = arith::AddIOp::create(
              b, arith::ShLIOp::create(b, whole, eight), dots[1]);
        }
        Value number = arith::SIToFPOp::create(b, f32s(), whole);
        next[r] = vector::FMAOp::create(b, number, scale, next[r]);
      }
    }
  }
  return next;
}

/// Adds t * (sum q) * scale(q): zero points, minima and other offsets.
SmallVector<Value> PackedMatmulLoops::emitOffsets(ValueRange tile, Value base,
                                                  Value stretch,
                                                  ArrayRef<Value> xRows,
                                                  ValueRange sums) {
  if (!fields.hasOffset())
    return SmallVector<Value>(sums);
  auto addGroup = [&](Value chunkBase, int64_t g, Value position,
                      ValueRange carried) {
    SmallVector<Value> next(carried);
    Value offset = fields.offset(b, tile, base, chunkBase, g);
    for (auto [r, row] : llvm::enumerate(xRows))
      next[r] = vector::FMAOp::create(
          b, offset, broadcastLoad(activations.sums, {row, position}), next[r]);
    return next;
  };
  if (!fields.hasInnerOffset())
    return addGroup(base, 0, stretch, sums);
  int64_t groups = PackedLayout::chunk / layout.sumGroup;
  return b.loop(b.index(0), b.index(layout.chunksPerStretch()), 1, sums,
                [&](Value chunk, ValueRange carried) {
                  Value chunkBase = b.add(b.add(base, layout.headerBytes),
                                          b.mul(chunk, layout.chunkBytes));
                  Value first =
                      b.add(b.mul(stretch, layout.stretch / layout.sumGroup),
                            b.mul(chunk, groups));
                  SmallVector<Value> next(carried);
                  for (int64_t g = 0; g < groups; ++g)
                    next = addGroup(chunkBase, g, b.add(first, g), next);
                  return next;
                });
}

SmallVector<Value> PackedMatmulLoops::emitStretch(ValueRange tile,
                                                  Value stretch,
                                                  ArrayRef<Value> xRows,
                                                  ValueRange sums) {
  Value base = b.mul(stretch, layout.stretchBytes());
  bool floats = fields.hasInnerScale() && !fields.innerScaleIsInteger();
  SmallVector<Value> initial;
  for (Value row : xRows)
    for (int64_t part = 0; part < (floats ? 1 : bytes); ++part) {
      if (floats)
        initial.push_back(b.zeros(lanes));
      else if (fields.hasInnerScale())
        initial.push_back(arith::ConstantOp::create(b, b.getZeroAttr(i32s())));
      else
        initial.push_back(startValue(row, part, b.mul(stretch, layout.stretch),
                                     layout.stretch));
    }
  SmallVector<Value> totals = b.loop(
      b.index(0), b.index(layout.chunksPerStretch()), 1, initial,
      [&](Value chunk, ValueRange carried) {
        Value chunkBase = b.add(b.add(base, layout.headerBytes),
                                b.mul(chunk, layout.chunkBytes));
        if (readsWeightsOnce || xRows.size() <= 4)
          fields.prefetch(b, tile, chunkBase);
        return emitChunk(tile, chunkBase, stretch, chunk, xRows, carried);
      });
  Value scale = fields.outerScale(b, tile, base);
  SmallVector<Value> next(sums);
  for (auto [r, row] : llvm::enumerate(xRows)) {
    Value number;
    if (floats) {
      number = totals[r];
    } else {
      number = arith::SIToFPOp::create(b, f32s(), totals[r * bytes]);
      if (bytes == 2) {
        Value word = arith::ConstantOp::create(
            b, DenseElementsAttr::get(f32s(), 256.0f));
        Value low = arith::SIToFPOp::create(b, f32s(), totals[r * bytes + 1]);
        number = vector::FMAOp::create(b, number, word, low);
      }
    }
    Value factor = broadcastLoad(activations.scales, {row, stretch});
    if (scale)
      factor = arith::MulFOp::create(b, factor, scale);
    next[r] = vector::FMAOp::create(b, number, factor, next[r]);
  }
  return emitOffsets(tile, base, stretch, xRows, next);
}

/// y[yRows, n0 ..+ lanes].
void PackedMatmulLoops::emitTile(ValueRange tile, Value n0,
                                 ArrayRef<Value> xRows,
                                 ArrayRef<SmallVector<Value>> yRows,
                                 Value biasRow) {
  Value mask;
  if (n % lanes != 0)
    mask = vector::CreateMaskOp::create(
        b, VectorType::get(lanes, b.getI1Type()), b.sub(b.index(n), n0));
  Value start = b.zeros(lanes);
  if (Value bias = op.getBias()) {
    SmallVector<Value> indices;
    if (biasRow)
      indices.push_back(biasRow);
    indices.push_back(n0);
    start = mask ? Value(vector::MaskedLoadOp::create(b, f32s(), bias, indices,
                                                      mask, start))
                 : b.loadVector(bias, indices, lanes);
  }
  SmallVector<Value> initial(xRows.size(), start);
  SmallVector<Value> sums =
      b.loop(b.index(0), b.index(layout.k / layout.stretch), 1, initial,
             [&](Value stretch, ValueRange carried) {
               return emitStretch(tile, stretch, xRows, carried);
             });
  for (auto [r, indices] : llvm::enumerate(yRows)) {
    SmallVector<Value> at = indices;
    at.push_back(n0);
    if (mask)
      vector::MaskedStoreOp::create(b, y, at, mask, sums[r]);
    else
      b.storeVector(sums[r], y, at);
  }
}

/// Rows `begin` to `end` in register tiles, the largest first.
void PackedMatmulLoops::emitRowTiles(ValueRange tile, Value n0, Value begin,
                                     Value end,
                                     std::optional<int64_t> staticRows) {
  // Two sums a row are kept where integer sums of both bytes are.
  bool twoSums =
      bytes == 2 && (!fields.hasInnerScale() || fields.innerScaleIsInteger());
  Value m0 = begin;
  for (int64_t rows : {twoSums ? 6 : 8, 4, 2, 1}) {
    // Of a known number of rows, only the tiles that it is cut into.
    if (staticRows && *staticRows < rows)
      continue;
    if (staticRows)
      *staticRows %= rows;
    Value last = b.add(m0, b.mul(b.div(b.sub(end, m0), rows), rows));
    b.loop(m0, last, rows, [&](Value m) {
      SmallVector<Value> xRows;
      SmallVector<SmallVector<Value>> yRows;
      for (int64_t r = 0; r < rows; ++r) {
        xRows.push_back(b.add(m, r));
        yRows.push_back({xRows.back()});
      }
      emitTile(tile, n0, xRows, yRows, Value());
    });
    m0 = last;
  }
}

void PackedMatmulLoops::emitMatmul() {
  Value m = b.size(op.getX(), 0);
  std::optional<int64_t> staticRows = getConstantIntValue(m);
  // A parallel iteration takes a few tiles; its activations, a block of rows at
  // a time, should stay in the second cache.
  constexpr int64_t tilesTogether = 4, cacheBytes = 384 * 1024, mostRows = 24;
  int64_t tiles = layout.tiles(n);
  constexpr int64_t fewRows = 16;
  readsWeightsOnce = staticRows && *staticRows <= fewRows;
  int64_t rowsTogether =
      std::max<int64_t>(1, cacheBytes / (layout.k * bytes) / mostRows) *
      mostRows;
  b.parallelLoop(
      b.index(llvm::divideCeil(tiles, tilesTogether)), [&](Value index) {
        Value first = b.mul(index, tilesTogether);
        Value last = b.min(b.add(first, tilesTogether), b.index(tiles));
        b.loop(b.index(0), m, rowsTogether, [&](Value begin) {
          Value end = b.min(b.add(begin, rowsTogether), m);
          b.loop(first, last, 1, [&](Value tile) {
            emitRowTiles({tile}, b.mul(tile, lanes), begin, end, staticRows);
          });
        });
      });
}

void PackedMatmulLoops::emitGather() {
  Value ids = op.getIds();
  Value experts = b.size(op.getWeight(), 0);
  emitIndexCheck(b, ids, experts, "expert id of 'rlx.gather_matmul'");
  Value tokens = b.size(ids, 0), slots = b.size(ids, 1);
  bool sharedRows = cast<MemRefType>(op.getX().getType()).getRank() == 2;
  b.parallelLoop(b.index(layout.tiles(n)), [&](Value tile) {
    b.loop(b.index(0), tokens, 1, [&](Value token) {
      b.loop(b.index(0), slots, 1, [&](Value slot) {
        Value expert = emitSafeIndex(b, ids, {token, slot}, experts);
        Value row = token;
        if (!sharedRows)
          row = b.add(arith::MulIOp::create(b, token, slots), slot);
        SmallVector<SmallVector<Value>> yRows = {{token, slot}};
        emitTile({expert, tile}, b.mul(tile, lanes), {row}, yRows, expert);
      });
    });
  });
}

void PackedMatmulLoops::emit() {
  int64_t initGroup = 0, sumGroup = 0;
  if (layout.codes.bias != 0)
    initGroup = fields.hasInnerScale() ? layout.sumGroup : layout.stretch;
  if (fields.hasOffset())
    sumGroup = fields.hasInnerOffset() ? layout.sumGroup : layout.stretch;
  activations =
      emitQuantizeActivations(b, op.getX(), layout, bytes, initGroup, sumGroup);
  op.getIds() ? emitGather() : emitMatmul();
  activations.release(b);
}
} // namespace

LogicalResult rlx::emitPackedMatmulLoops(PackedMatmulOp op) {
  QuantScheme scheme(op.getScheme().getScheme());
  int64_t k = cast<MemRefType>(op.getX().getType()).getShape().back();
  std::string reason;
  std::optional<PackedLayout> layout =
      PackedLayout::create(scheme, k, op.getLanes(), reason);
  if (!layout)
    return op.emitOpError() << "has no integer kernel: " << reason;
  PackedMatmulLoops(op, std::move(*layout)).emit();
  return success();
}
