//===- IntegerTileKernel.cpp - Many rows of activations, as bytes ---------===//
//
// TileKernel with products of bytes. Both sides lie in memory of the workgroup
// as bytes, four of K to a word, weights decoded once for all rows. Integers
// add up what a group of K gives, which its scales then bring into f32 sums.
//
//===----------------------------------------------------------------------===//

#include "passes/gpu/IntegerMatmul.h"
#include "passes/gpu/RegisterTile.h"

#include <numeric>

using namespace mlir;
using namespace rlx;

namespace {
constexpr int64_t stretch = IntegerMatmul::stretch, bytesOfWord = 4,
                  wordsOfQuad = 4;

/// Elements of K between two barriers.
int64_t depthOf(const RecordLayout &layout) {
  constexpr int64_t deepest = 2 * stretch;
  return std::gcd(deepest, layout.length());
}

class IntegerTileKernel {
public:
  IntegerTileKernel(InterleavedMatmulOp op, KernelModule &kernels,
                    const IntegerMatmul &form, const DeviceActivations &x,
                    bool isLarge);
  void emit(RowRange range);

private:
  void decodeWeights(Value k0);
  void copyActivations(Value k0);
  void copyNumbers(Value source, Value target, Value first, int64_t count);
  SmallVector<Value> multiplyGroup(Value group);
  SmallVector<Value> multiply(ValueRange sums);
  SmallVector<Value> load(Value memory, Value line, int64_t width, Value first,
                          int64_t count, int64_t step);
  SmallVector<Value> ofColumns(Value memory, Value line) {
    return load(memory, line, tile.width(), tile.column, tile.columns,
                tile.columnItems);
  }
  SmallVector<Value> ofRows(Value memory, Value line) {
    return load(memory, line, tile.height(), tile.row, tile.rows,
                tile.rowItems);
  }

  InterleavedMatmulOp op;
  const IntegerMatmul &form;
  MatmulShape shape;
  RegisterTile tile;
  int64_t depth;
  KernelBuilder b;
  Codebooks books;
  RecordReader reader;
  Value xCodes, xScales, xSums; ///< Buffers.
  /// In memory of the workgroup: a line for each word, stretch or group of K,
  /// a column for each column or row of the result.
  Value table, weights, scales, offsets, activations, factors, sums;
  Value m;
  OpFoldResult hostM;
};
} // namespace

IntegerTileKernel::IntegerTileKernel(InterleavedMatmulOp op,
                                     KernelModule &kernels,
                                     const IntegerMatmul &form,
                                     const DeviceActivations &x, bool isLarge)
    : op(op), form(form), shape(op), tile(kernels.target, isLarge),
      depth(depthOf(shape.layout)),
      b(op, kernels,
        "matmul_i8_" +
            shape.layout.record().displayName().split(".record").first + "_n" +
            Twine(shape.n) + "_k" + Twine(shape.k)),
      books(b, shape.layout.record(), /*hasVectors=*/false, tile.workgroup()),
      reader(b, shape.layout, shape.how, op.getWeight(), books) {
  Type f32 = b.getF32Type(), i32 = b.getI32Type();
  xCodes = b.buffer(x.codes, VectorType::get(wordsOfQuad, i32), "x_codes");
  xScales = b.buffer(x.scales, f32, "x_scales");
  hostM = b.hostSize(op.getX(), 0);
  m = b.scalar(hostM, "m");
  const int64_t words = depth / bytesOfWord, groups = depth / form.group;
  weights = b.sharedMemory({words * tile.width()}, i32);
  scales = b.sharedMemory({groups * tile.width()}, f32);
  activations = b.sharedMemory({words * tile.height()}, i32);
  factors = b.sharedMemory({depth / stretch * tile.height()}, f32);
  if (form.hasOffset) {
    xSums = b.buffer(x.sums, f32, "x_sums");
    offsets = b.sharedMemory({groups * tile.width()}, f32);
    sums = b.sharedMemory({groups * tile.height()}, f32);
  }
  table = form.emitTable(b, tile.workgroup());
  if (table)
    b.barrier();
}

/// Decodes stretches of K of columns.
void IntegerTileKernel::decodeWeights(Value k0) {
  const int64_t width = tile.width(), words = stretch / bytesOfWord,
                groups = stretch / form.group;
  Value end = b.index(width * depth / stretch);
  b.loop(tile.thread, end, tile.workgroup(), [&](Value item) {
    Value n = b.rem(item, width), part = b.div(item, width);
    Value k = b.add(k0, b.mul(part, stretch));
    tile.readColumn(b, reader, shape, n, k, stretch);
    Value first = b.add(b.mul(part, words * width), n);
    for (int64_t word = 0; word < words; ++word) {
      Value bytes = reader.codeBytes(word * bytesOfWord);
      b.storeAt(form.signedBytes(b, bytes, table), weights,
                b.add(first, word * width));
    }
    first = b.add(b.mul(part, groups * width), n);
    for (int64_t g = 0; g < groups; ++g) {
      Value at = b.add(first, g * width);
      b.storeAt(form.scale(b, reader, g * form.group), scales, at);
      if (offsets)
        b.storeAt(form.offset(b, reader, g * form.group), offsets, at);
    }
  });
}

/// `count` lines of numbers of the tile's rows, from line `first` on.
void IntegerTileKernel::copyNumbers(Value source, Value target, Value first,
                                    int64_t count) {
  const int64_t height = tile.height();
  b.loop(
      tile.thread, b.index(height * count), tile.workgroup(), [&](Value item) {
        Value row = b.add(tile.m0, b.rem(item, height));
        // Rows beyond the last one repeat it, and are not stored.
        row = b.min(row, b.sub(m, b.index(1)));
        Value line = b.add(first, b.div(item, height));
        b.storeAt(b.loadAt(source, b.add(b.mul(line, m), row)), target, item);
      });
}

void IntegerTileKernel::copyActivations(Value k0) {
  const int64_t height = tile.height(), quadBytes = bytesOfWord * wordsOfQuad,
                quads = stretch / quadBytes;
  Value firstStretch = b.div(k0, stretch);
  Value end = b.index(height * depth / quadBytes);
  b.loop(tile.thread, end, tile.workgroup(), [&](Value item) {
    Value r = b.rem(item, height), part = b.div(item, height);
    Value row = b.min(b.add(tile.m0, r), b.sub(m, b.index(1)));
    Value line = b.add(firstStretch, b.div(part, quads));
    Value position = b.mul(b.add(b.mul(line, m), row), quads);
    Value quad = b.loadAt(xCodes, b.add(position, b.rem(part, quads)));
    Value first = b.add(b.mul(part, wordsOfQuad * height), r);
    for (int64_t i = 0; i < wordsOfQuad; ++i)
      b.storeAt(vector::ExtractOp::create(b, quad, i), activations,
                b.add(first, i * height));
  });
  copyNumbers(xScales, factors, firstStretch, depth / stretch);
  if (xSums)
    copyNumbers(xSums, sums, b.div(k0, form.group), depth / form.group);
}

/// `count` elements of a line of `width`, `step` apart.
SmallVector<Value> IntegerTileKernel::load(Value memory, Value line,
                                           int64_t width, Value first,
                                           int64_t count, int64_t step) {
  Value begin = b.add(b.mul(line, width), first);
  SmallVector<Value> loaded;
  for (int64_t i = 0; i < count; ++i)
    loaded.push_back(b.loadAt(memory, b.add(begin, i * step)));
  return loaded;
}

/// The sums of products of a group, as i32.
SmallVector<Value> IntegerTileKernel::multiplyGroup(Value group) {
  const int64_t words = form.group / bytesOfWord, columns = tile.columns;
  SmallVector<Value> initial(tile.rows * columns, b.i32(0));
  Value first = b.mul(group, words);
  return b.loop(b.index(0), b.index(words), 1, initial,
                [&](Value word, ValueRange carried) {
                  SmallVector<Value> next(carried);
                  Value line = b.add(first, word);
                  SmallVector<Value> w = ofColumns(weights, line),
                                     a = ofRows(activations, line);
                  for (int64_t i = 0; i < tile.rows; ++i)
                    for (int64_t j = 0; j < columns; ++j) {
                      Value &sum = next[i * columns + j];
                      sum = arith::AddIOp::create(b, sum,
                                                  emitByteDot(b, a[i], w[j]));
                    }
                  return next;
                });
}

SmallVector<Value> IntegerTileKernel::multiply(ValueRange carried) {
  auto addGroup = [&](Value group, ValueRange totals) {
    SmallVector<Value> products = multiplyGroup(group), next(totals);
    Value ofStretch = b.div(group, stretch / form.group);
    SmallVector<Value> w = ofColumns(scales, group),
                       a = ofRows(factors, ofStretch), offset, sum;
    if (offsets) {
      offset = ofColumns(offsets, group);
      sum = ofRows(sums, group);
    }
    for (int64_t i = 0; i < tile.rows; ++i)
      for (int64_t j = 0; j < tile.columns; ++j) {
        Value &total = next[i * tile.columns + j];
        Value product = arith::SIToFPOp::create(b, b.getF32Type(),
                                                products[i * tile.columns + j]);
        Value scale = arith::MulFOp::create(b, a[i], w[j]);
        total = b.multiplyAdd(product, scale, total);
        if (offsets)
          total = b.multiplyAdd(sum[i], offset[j], total);
      }
    return next;
  };
  return b.loop(b.index(0), b.index(depth / form.group), 1, carried, addGroup);
}

void IntegerTileKernel::emit(RowRange range) {
  tile.locate(b);
  SmallVector<Value> initial(tile.rows * tile.columns, b.f32(0));
  SmallVector<Value> totals =
      b.loop(b.index(0), b.index(shape.k), depth, initial,
             [&](Value k0, ValueRange carried) {
               decodeWeights(k0);
               copyActivations(k0);
               b.barrier();
               SmallVector<Value> next = multiply(carried);
               b.barrier();
               return next;
             });
  tile.store(b, op, shape, m, totals);
  b.finish(range.restrict(b, hostM, tile.groups(b, shape, hostM)),
           tile.workgroup());
}

void rlx::emitIntegerTileKernel(InterleavedMatmulOp op, KernelModule &kernels,
                                const ByteOperands &bytes, RowRange range) {
  const IntegerMatmul &form = bytes.form;
  int64_t depth = depthOf(MatmulShape(op).layout);
  // Words of both sides, and up to four numbers for each group.
  RegisterTile large(kernels.target, /*isLarge=*/true);
  int64_t memory =
      (large.width() + large.height()) * (depth + depth / form.group * 8);
  bool isLarge = RegisterTile::canBeLarge(op, kernels.target, memory);
  IntegerTileKernel(op, kernels, form, bytes.x, isLarge).emit(range);
}
