//===- TileKernel.cpp - Many rows of activations, work-items as lanes -----===//
//
// A workgroup computes a tile of the result. Step by step along K it decodes a
// tile of the weight into its memory, once for all rows, copies the activations
// beside it, and each work-item multiplies a small tile in registers.
//
//===----------------------------------------------------------------------===//

#include "passes/gpu/RegisterTile.h"

using namespace mlir;
using namespace rlx;

namespace {
class TileKernel {
public:
  TileKernel(InterleavedMatmulOp op, KernelModule &kernels, bool isLarge);
  void emit(RowRange range);

private:
  void decodeWeights(Value k0);
  void copyActivations(Value k0);
  SmallVector<Value> multiply(ValueRange sums);

  /// Steps of K, and elements that are decoded together.
  static constexpr int64_t depth = 16, run = 8;

  InterleavedMatmulOp op;
  MatmulShape shape;
  RegisterTile tile;
  KernelBuilder b;
  Codebooks books;
  RecordReader reader;
  BufferView x;
  Value xQuads, weights, activations, m;
  OpFoldResult hostM;
};
} // namespace

TileKernel::TileKernel(InterleavedMatmulOp op, KernelModule &kernels,
                       bool isLarge)
    : op(op), shape(op), tile(kernels.target, isLarge),
      b(op, kernels,
        "matmul_" + shape.layout.record().displayName().split(".record").first +
            "_n" + Twine(shape.n) + "_k" + Twine(shape.k)),
      books(b, shape.layout.record(), /*hasVectors=*/false, tile.workgroup()),
      reader(b, shape.layout, shape.how, op.getWeight(), books) {
  x = b.view(op.getX(), "x");
  if (x.isContiguous && shape.k % depth == 0)
    xQuads = b.buffer(op.getX(), VectorType::get(4, b.getF32Type()), "x_quads");
  hostM = b.hostSize(op.getX(), 0);
  m = b.scalar(hostM, "m");
  weights = b.sharedMemory({depth * tile.width()}, b.getF32Type());
  activations = b.sharedMemory({depth * tile.height()}, b.getF32Type());
}

/// weights[k][n] of the tile.
void TileKernel::decodeWeights(Value k0) {
  const int64_t width = tile.width();
  Value end = b.index(width * depth / run);
  b.loop(tile.thread, end, tile.workgroup(), [&](Value item) {
    Value n = b.rem(item, width), part = b.div(item, width);
    Value k = b.add(k0, b.mul(part, run));
    tile.readColumn(b, reader, shape, n, k, run);
    Value first = b.add(b.mul(part, run * width), n);
    for (int64_t i = 0; i < run; ++i)
      b.storeAt(reader.value(i), weights, b.add(first, i * width));
  });
}

/// activations[k][m] of the tile; what lies beyond K is 0.
void TileKernel::copyActivations(Value k0) {
  constexpr int64_t lanes = 4;
  const int64_t height = tile.height();
  Value end = b.index(height * depth / lanes);
  b.loop(tile.thread, end, tile.workgroup(), [&](Value item) {
    Value part = b.rem(item, depth / lanes), r = b.div(item, depth / lanes);
    Value row = b.min(b.add(tile.m0, r), b.sub(m, b.index(1)));
    Value k = b.add(k0, b.mul(part, lanes));
    Value quad;
    if (xQuads)
      quad = b.loadAt(xQuads, b.div(b.at(x, {row, k}), lanes));
    for (int64_t i = 0; i < lanes; ++i) {
      Value number;
      if (quad) {
        number = vector::ExtractOp::create(b, quad, i);
      } else {
        Value position = b.add(k, i);
        number = b.load(x, {row, b.min(position, b.index(shape.k - 1))});
        number = b.choose(b.less(position, b.index(shape.k)), number, b.f32(0));
      }
      Value at = b.add(b.mul(b.add(b.mul(part, lanes), i), height), r);
      b.storeAt(number, activations, at);
    }
  });
}

SmallVector<Value> TileKernel::multiply(ValueRange carried) {
  const int64_t rows = tile.rows, columns = tile.columns;
  return b.loop(
      b.index(0), b.index(depth), 1, carried, [&](Value k, ValueRange sums) {
        SmallVector<Value> next(sums), w, a;
        Value wRow = b.mul(k, tile.width());
        Value aRow = b.mul(k, tile.height());
        for (int64_t j = 0; j < columns; ++j)
          w.push_back(b.loadAt(
              weights, b.add(b.add(wRow, tile.column), j * tile.columnItems)));
        for (int64_t i = 0; i < rows; ++i)
          a.push_back(b.loadAt(
              activations, b.add(b.add(aRow, tile.row), i * tile.rowItems)));
        for (int64_t i = 0; i < rows; ++i)
          for (int64_t j = 0; j < columns; ++j) {
            Value &sum = next[i * columns + j];
            sum = b.multiplyAdd(a[i], w[j], sum);
          }
        return next;
      });
}

void TileKernel::emit(RowRange range) {
  tile.locate(b);
  SmallVector<Value> initial(tile.rows * tile.columns, b.f32(0));
  SmallVector<Value> sums = b.loop(b.index(0), b.index(shape.k), depth, initial,
                                   [&](Value k0, ValueRange carried) {
                                     decodeWeights(k0);
                                     copyActivations(k0);
                                     b.barrier();
                                     SmallVector<Value> next =
                                         multiply(carried);
                                     b.barrier();
                                     return next;
                                   });
  tile.store(b, op, shape, m, sums);
  b.finish(range.restrict(b, hostM, tile.groups(b, shape, hostM)),
           tile.workgroup());
}

void rlx::emitTileKernel(InterleavedMatmulOp op, KernelModule &kernels,
                         RowRange range) {
  // Large tiles do more work for each load.
  constexpr int64_t largeTileBytes = 24 * 1024;
  bool isLarge = RegisterTile::canBeLarge(op, kernels.target, largeTileBytes);
  TileKernel(op, kernels, isLarge).emit(range);
}
