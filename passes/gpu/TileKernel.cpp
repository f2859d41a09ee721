//===- TileKernel.cpp - Many rows of activations, work-items as lanes -----===//
//
// A workgroup computes a tile of the result. Step by step along K it decodes a
// tile of the weight into its memory, once for all rows, copies the activations
// beside it, and each work-item multiplies a small tile in registers.
//
//===----------------------------------------------------------------------===//

#include "passes/gpu/MatmulKernels.h"

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
  void storeResults(ValueRange sums);

  /// Steps of K, and elements that are decoded together.
  static constexpr int64_t depth = 16, run = 8;

  InterleavedMatmulOp op;
  MatmulShape shape;
  /// Work-items side by side along N and M, and results of each.
  int64_t columnItems, rowItems, columns, rows;
  KernelBuilder b;
  int64_t workgroup;
  Codebooks books;
  RecordReader reader;
  BufferView x;
  Value xQuads, weights, activations, thread, column, rowOfItem, m0, n0, m;
  OpFoldResult hostM;
};
} // namespace

TileKernel::TileKernel(InterleavedMatmulOp op, KernelModule &kernels,
                       bool isLarge)
    : op(op), shape(op),
      columnItems(kernels.target.getWorkgroupSize() >= 256 ? 16 : 8),
      rowItems(columnItems), columns(isLarge ? 8 : 4), rows(isLarge ? 8 : 4),
      b(op, kernels,
        "matmul_" + shape.layout.record().displayName().split(".record").first +
            "_n" + Twine(shape.n) + "_k" + Twine(shape.k)),
      workgroup(columnItems * rowItems),
      books(b, shape.layout.record(), /*hasVectors=*/false, workgroup),
      reader(b, shape.layout, shape.how, op.getWeight(), books) {
  x = b.view(op.getX(), "x");
  if (x.isContiguous && shape.k % depth == 0)
    xQuads = b.buffer(op.getX(), VectorType::get(4, b.getF32Type()), "x_quads");
  hostM = b.hostSize(op.getX(), 0);
  m = b.scalar(hostM, "m");
  weights = b.sharedMemory({depth * columns * columnItems}, b.getF32Type());
  activations = b.sharedMemory({depth * rows * rowItems}, b.getF32Type());
}

/// weights[k][n] of the tile.
void TileKernel::decodeWeights(Value k0) {
  const int64_t width = columns * columnItems, length = shape.layout.length();
  b.loop(thread, b.index(width * depth / run), workgroup, [&](Value item) {
    Value n = b.rem(item, width), part = b.div(item, width);
    Value tile = b.add(b.div(n0, shape.how.rows), b.div(n, shape.how.rows));
    // Tiles beyond the last one repeat it; their columns are not stored.
    tile = b.min(tile, b.index(shape.tiles - 1));
    Value k = b.add(k0, b.mul(part, run));
    reader.setRecord(tile, b.div(k, length), b.rem(n, shape.how.rows));
    reader.setUnit(b.div(b.rem(k, length), run), run);
    Value first = b.add(b.mul(part, run * width), n);
    for (int64_t i = 0; i < run; ++i)
      b.storeAt(reader.value(i), weights, b.add(first, i * width));
  });
}

/// activations[k][m] of the tile; what lies beyond K is 0.
void TileKernel::copyActivations(Value k0) {
  constexpr int64_t lanes = 4;
  const int64_t height = rows * rowItems;
  b.loop(thread, b.index(height * depth / lanes), workgroup, [&](Value item) {
    Value part = b.rem(item, depth / lanes), r = b.div(item, depth / lanes);
    Value row = b.min(b.add(m0, r), b.sub(m, b.index(1)));
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
  return b.loop(
      b.index(0), b.index(depth), 1, carried, [&](Value k, ValueRange sums) {
        SmallVector<Value> next(sums), w, a;
        Value wRow = b.mul(k, columns * columnItems);
        Value aRow = b.mul(k, rows * rowItems);
        for (int64_t j = 0; j < columns; ++j)
          w.push_back(
              b.loadAt(weights, b.add(b.add(wRow, column), j * columnItems)));
        for (int64_t i = 0; i < rows; ++i)
          a.push_back(b.loadAt(activations,
                               b.add(b.add(aRow, rowOfItem), i * rowItems)));
        for (int64_t i = 0; i < rows; ++i)
          for (int64_t j = 0; j < columns; ++j) {
            Value &sum = next[i * columns + j];
            sum = b.multiplyAdd(a[i], w[j], sum);
          }
        return next;
      });
}

void TileKernel::storeResults(ValueRange sums) {
  BufferView y = b.view(op.getInit(), "y");
  for (int64_t j = 0; j < columns; ++j) {
    Value n = b.add(b.add(n0, column), j * columnItems);
    Value bias =
        loadBias(b, op, {}, b.add(n, shape.firstColumn), b.getF32Type());
    for (int64_t i = 0; i < rows; ++i) {
      Value row = b.add(b.add(m0, rowOfItem), i * rowItems);
      Value sum = sums[i * columns + j];
      if (bias)
        sum = arith::AddFOp::create(b, sum, bias);
      auto choice = scf::IfOp::create(b, b.less(row, m), /*withElse=*/false);
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(choice.thenBlock());
      storeColumns(b, sum, y, row, n, shape);
    }
  }
}

void TileKernel::emit(RowRange range) {
  const int64_t width = columns * columnItems, height = rows * rowItems;
  thread = b.threadId(gpu::Dimension::x);
  column = b.rem(thread, columnItems);
  rowOfItem = b.div(thread, columnItems);
  n0 = b.mul(b.groupId(gpu::Dimension::x), width);
  m0 = b.mul(b.groupId(gpu::Dimension::y), height);
  SmallVector<Value> initial(rows * columns, b.f32(0));
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
  storeResults(sums);
  OpFoldResult across = b.getIndexAttr(llvm::divideCeil(shape.n, width));
  b.finish(
      range.restrict(b, hostM,
                     {across, b.hostCeilDiv(hostM, height), b.getIndexAttr(1)}),
      workgroup);
}

void rlx::emitTileKernel(InterleavedMatmulOp op, KernelModule &kernels,
                         RowRange range) {
  // Large tiles do more work for each load, where there is memory for them and
  // there are rows to fill them.
  constexpr int64_t largeTileBytes = 24 * 1024, manyRows = 64;
  int64_t m = cast<MemRefType>(op.getX().getType()).getDimSize(0);
  bool isLarge = kernels.target.getWorkgroupMemory() >= largeTileBytes &&
                 kernels.target.getWorkgroupSize() >= 256 &&
                 (ShapedType::isDynamic(m) || m > manyRows);
  TileKernel(op, kernels, isLarge).emit(range);
}
