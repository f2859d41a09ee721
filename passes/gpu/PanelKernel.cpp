//===- PanelKernel.cpp - Many rows of activations, vectors as lanes -------===//
//
// For devices whose work-items fill vector registers by themselves. A work-item
// decodes a record of a few vectors of rows into a panel and multiplies it with
// a block of rows of activations, a register tile at a time.
//
//===----------------------------------------------------------------------===//

#include "passes/gpu/MatmulKernels.h"

#include <numeric>

using namespace mlir;
using namespace rlx;

namespace {
class PanelKernel {
public:
  PanelKernel(InterleavedMatmulOp op, KernelModule &kernels);
  void emit(RowRange range);

private:
  void decodePanel(Value record);
  void multiplyRows(Value record, Value firstRow);
  void storeRows();

  /// Vectors of a panel, side by side.
  static constexpr int64_t vectors = 2;

  InterleavedMatmulOp op;
  MatmulShape shape;
  /// Rows of a register tile, and of a block.
  int64_t rows, blockRows;
  KernelBuilder b;
  Codebooks books;
  RecordReader reader;
  BufferView x;
  VectorType lanes;
  Value panel, totals, tile0, m0, m;
  OpFoldResult hostM;
};
} // namespace

PanelKernel::PanelKernel(InterleavedMatmulOp op, KernelModule &kernels)
    : op(op), shape(op), rows(shape.how.rows >= 16 ? 12 : 6), blockRows(96),
      b(op, kernels,
        "matmul_" + shape.layout.record().displayName().split(".record").first +
            "_n" + Twine(shape.n) + "_k" + Twine(shape.k)),
      books(b, shape.layout.record(), /*hasVectors=*/true, /*workgroup=*/1),
      reader(b, shape.layout, shape.how, op.getWeight(), books),
      lanes(VectorType::get(shape.how.rows, b.getF32Type())) {
  x = b.view(op.getX(), "x");
  hostM = b.hostSize(op.getX(), 0);
  m = b.scalar(hostM, "m");
  panel = b.sharedMemory({shape.layout.length() * vectors}, lanes);
  totals = b.sharedMemory({blockRows * vectors}, lanes);
}

void PanelKernel::decodePanel(Value record) {
  const int64_t unit = shape.unit();
  for (int64_t v = 0; v < vectors; ++v) {
    // Tiles beyond the last one repeat it; their columns are not stored.
    Value tile = b.min(b.add(tile0, v), b.index(shape.tiles - 1));
    reader.setRecord(tile, record, Value());
    b.loop(b.index(0), b.index(shape.layout.length() / unit), 1,
           [&](Value number) {
             reader.setUnit(number, unit);
             Value first = b.mul(number, unit * vectors);
             for (int64_t i = 0; i < unit; ++i)
               b.storeAt(reader.value(i), panel, b.add(first, i * vectors + v));
           });
  }
}

/// totals[rows, :] += x[rows, record] * panel.
void PanelKernel::multiplyRows(Value record, Value firstRow) {
  const int64_t length = shape.layout.length();
  SmallVector<Value> begins, sums;
  Value k0 = b.mul(record, length);
  for (int64_t r = 0; r < rows; ++r) {
    Value row = b.min(b.add(m0, b.add(firstRow, r)), b.sub(m, b.index(1)));
    begins.push_back(b.at(x, {row, k0}));
  }
  auto total = [&](int64_t r, int64_t v) {
    return b.add(b.mul(firstRow, vectors), r * vectors + v);
  };
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t v = 0; v < vectors; ++v)
      sums.push_back(b.loadAt(totals, total(r, v)));
  Value end = b.index(length);
  if (shape.k % length != 0)
    end = b.min(end, b.sub(b.index(shape.k), k0));
  sums = b.loop(b.index(0), end, 1, sums, [&](Value k, ValueRange carried) {
    SmallVector<Value> next(carried), weights;
    for (int64_t v = 0; v < vectors; ++v)
      weights.push_back(b.loadAt(panel, b.add(b.mul(k, vectors), v)));
    Value step = b.mul(k, x.strides.back());
    for (int64_t r = 0; r < rows; ++r) {
      Value activation = b.broadcastLike(
          b.loadAt(x.buffer, b.add(begins[r], step)), weights[0]);
      for (int64_t v = 0; v < vectors; ++v) {
        Value &sum = next[r * vectors + v];
        sum = math::FmaOp::create(b, activation, weights[v], sum);
      }
    }
    return next;
  });
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t v = 0; v < vectors; ++v)
      b.storeAt(sums[r * vectors + v], totals, total(r, v));
}

void PanelKernel::storeRows() {
  BufferView y = b.view(op.getInit(), "y");
  Value end = b.min(b.index(blockRows), b.sub(m, m0));
  for (int64_t v = 0; v < vectors; ++v) {
    Value n = b.mul(b.add(tile0, v), shape.how.rows);
    Value bias = loadBias(b, op, {}, b.add(n, shape.firstColumn), lanes);
    b.loop(b.index(0), end, 1, [&](Value row) {
      Value sum = b.loadAt(totals, b.add(b.mul(row, vectors), v));
      if (bias)
        sum = arith::AddFOp::create(b, sum, bias);
      storeColumns(b, sum, y, b.add(m0, row), n, shape);
    });
  }
}

void PanelKernel::emit(RowRange range) {
  tile0 = b.mul(b.groupId(gpu::Dimension::x), vectors);
  m0 = b.mul(b.groupId(gpu::Dimension::y), blockRows);
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(lanes));
  b.loop(b.index(0), b.index(blockRows * vectors), 1,
         [&](Value i) { b.storeAt(zero, totals, i); });
  Value end = b.min(b.index(blockRows), b.sub(m, m0));
  b.loop(b.index(0), b.index(shape.layout.records()), 1, [&](Value record) {
    decodePanel(record);
    b.loop(b.index(0), end, rows,
           [&](Value firstRow) { multiplyRows(record, firstRow); });
  });
  storeRows();
  OpFoldResult across = b.getIndexAttr(llvm::divideCeil(shape.tiles, vectors));
  b.finish(range.restrict(
               b, hostM,
               {across, b.hostCeilDiv(hostM, blockRows), b.getIndexAttr(1)}),
           /*workgroup=*/1);
}

void rlx::emitPanelKernel(InterleavedMatmulOp op, KernelModule &kernels,
                          RowRange range) {
  PanelKernel(op, kernels).emit(range);
}
