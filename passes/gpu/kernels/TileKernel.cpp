//===- TileKernel.cpp - Many rows of activations, work-items as lanes -----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A workgroup computes a tile of the result. Step by step along K it decodes a
// tile of the weight into its memory, once for all rows, copies the activations
// beside it, and each work-item multiplies a small tile in registers.
//
//===----------------------------------------------------------------------===//

#include "passes/gpu/kernels/RegisterTile.h"
#include "passes/gpu/kernels/TileSteps.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace rlx;

namespace {
class TileKernel {
public:
  TileKernel(InterleavedMatmulOp op, KernelModule &kernels);
  void emit(RowRange range);

private:
  void loadWeights(Value k0);
  void loadActivations(Value k0);
  SmallVector<Value> multiply(Value step, ValueRange sums);
  RegisterTile tileFor(GpuAttr target) const;
  int64_t buffersFor(GpuAttr target) const;

  /// Steps of K, and elements that are decoded together.
  static constexpr int64_t depth = 16, run = 8;

  InterleavedMatmulOp op;
  MatmulShape shape;
  RegisterTile tile;
  KernelBuilder b;
  Codebooks books;
  DeviceBlockReader reader;
  TileSteps steps;
  StepMemory weights, activations; ///< [k][n] and [k][m] of a step.
  BufferView x;
  Value xQuads, m;
  OpFoldResult hostM;
};
} // namespace

/// Bytes of both sides of a step.
static int64_t stepBytes(const RegisterTile &tile, int64_t depth) {
  return depth * (tile.width() + tile.height()) * int64_t(sizeof(float));
}

RegisterTile TileKernel::tileFor(GpuAttr target) const {
  // Large tiles do more work for each load.
  RegisterTile large(target, /*isLarge=*/true);
  int64_t bytes =
      stepBytes(large, depth) + Codebooks::bytes(shape.layout.blockScheme());
  return {target, RegisterTile::canBeLarge(op, target, bytes)};
}

int64_t TileKernel::buffersFor(GpuAttr target) const {
  return 2 * stepBytes(tile, depth) +
                     Codebooks::bytes(shape.layout.blockScheme()) <=
                 target.getWorkgroupMemory()
             ? 2
             : 1;
}

TileKernel::TileKernel(InterleavedMatmulOp op, KernelModule &kernels)
    : op(op), shape(op), tile(tileFor(kernels.target)),
      b(op, kernels,
        "matmul_" +
            shape.layout.blockScheme().displayName().split(".device").first +
            "_n" + Twine(shape.n) + "_k" + Twine(shape.k)),
      books(b, shape.layout.blockScheme(), /*hasVectors=*/false,
            tile.workgroup()),
      reader(b, shape.layout, shape.how, op.getWeight(), books),
      steps(b, buffersFor(kernels.target)) {
  x = b.view(op.getX(), "x");
  if (x.isContiguous && shape.k % depth == 0)
    xQuads = b.buffer(op.getX(), VectorType::get(4, b.getF32Type()), "x_quads");
  hostM = b.hostSize(op.getX(), 0);
  m = b.scalar(hostM, "m");
  weights = steps.allocate(depth * tile.width(), b.getF32Type());
  activations = steps.allocate(depth * tile.height(), b.getF32Type());
}

void TileKernel::loadWeights(Value k0) {
  const int64_t width = tile.width();
  auto body = [&](Value item, Value isThere) {
    Value n = b.rem(item, width), part = b.div(item, width);
    Value k = b.add(k0, b.mul(part, run));
    tile.readColumn(b, reader, shape, n, k, run);
    Value first = b.add(b.mul(part, run * width), n);
    for (int64_t i = 0; i < run; ++i)
      steps.stage(reader.value(i), weights, b.add(first, i * width), isThere);
  };
  forItems(b, tile.thread, width * depth / run, tile.workgroup(), body);
}

/// What lies beyond K is 0.
void TileKernel::loadActivations(Value k0) {
  constexpr int64_t lanes = 4;
  const int64_t height = tile.height();
  auto body = [&](Value item, Value isThere) {
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
      steps.stage(number, activations, at, isThere);
    }
  };
  forItems(b, tile.thread, height * depth / lanes, tile.workgroup(), body);
}

SmallVector<Value> TileKernel::multiply(Value step, ValueRange carried) {
  const int64_t rows = tile.rows, columns = tile.columns;
  Value wFirst = b.add(steps.first(weights, step), tile.column);
  Value aFirst = b.add(steps.first(activations, step), tile.row);
  return b.loop(b.index(0), b.index(depth), 1, carried,
                [&](Value k, ValueRange sums) {
                  SmallVector<Value> next(sums), w, a;
                  Value wRow = b.add(wFirst, b.mul(k, tile.width()));
                  Value aRow = b.add(aFirst, b.mul(k, tile.height()));
                  for (int64_t j = 0; j < columns; ++j)
                    w.push_back(b.loadAt(weights.memory,
                                         b.add(wRow, j * tile.columnItems)));
                  for (int64_t i = 0; i < rows; ++i)
                    a.push_back(b.loadAt(activations.memory,
                                         b.add(aRow, i * tile.rowItems)));
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
  auto load = [&](Value step) {
    Value k0 = b.mul(step, depth);
    loadWeights(k0);
    loadActivations(k0);
  };
  SmallVector<Value> sums = steps.emit(
      llvm::divideCeil(shape.k, depth), initial, load,
      [&](Value step, ValueRange carried) { return multiply(step, carried); });
  tile.store(b, op, shape, m, sums);
  b.finish(range.restrict(b, hostM, tile.groups(b, shape, hostM)),
           tile.workgroup());
}

void rlx::emitTileKernel(InterleavedMatmulOp op, KernelModule &kernels,
                         RowRange range) {
  TileKernel(op, kernels).emit(range);
}
