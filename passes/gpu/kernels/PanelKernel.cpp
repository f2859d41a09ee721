//===- PanelKernel.cpp - Many rows of activations, vectors as lanes -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// For devices whose work-items fill vector registers by themselves. A work-item
// decodes a device block of a few vectors of rows into a panel and multiplies
// it with a block of rows of activations, a register tile at a time. The rows
// of a tile lie at constant distances from each other, so that one position is
// enough for all of them; rows that do not fill a tile are multiplied one by
// one.
//
//===----------------------------------------------------------------------===//

#include "passes/gpu/kernels/MatmulKernels.h"

#include <numeric>

using namespace mlir;
using namespace rlx;

namespace {
class PanelKernel {
public:
  PanelKernel(InterleavedMatmulOp op, KernelModule &kernels);
  void emit(RowRange range);

private:
  void decodePanel(Value block);
  void chooseTile(GpuAttr target);
  void multiplyRows(Value block, Value firstRow, int64_t count);
  void storeRows();

  InterleavedMatmulOp op;
  MatmulShape shape;
  /// Vectors of a panel, side by side; rows of a register tile, and of a block.
  int64_t vectors, rows, blockRows;
  KernelBuilder b;
  Codebooks books;
  DeviceBlockReader reader;
  BufferView x;
  VectorType lanes;
  Value panel, totals, tile0, m0, m;
  OpFoldResult hostM;
};
} // namespace

PanelKernel::PanelKernel(InterleavedMatmulOp op, KernelModule &kernels)
    : op(op), shape(op),
      b(op, kernels,
        "matmul_" +
            shape.layout.blockScheme().displayName().split(".device").first +
            "_n" + Twine(shape.n) + "_k" + Twine(shape.k)),
      books(b, shape.layout.blockScheme(), /*hasVectors=*/true,
            /*workgroup=*/1),
      reader(b, shape.layout, shape.how, op.getWeight(), books),
      lanes(VectorType::get(shape.how.rows, b.getF32Type())) {
  x = b.view(op.getX(), "x");
  hostM = b.hostSize(op.getX(), 0);
  m = b.scalar(hostM, "m");
  chooseTile(kernels.target);
  panel = b.sharedMemory({shape.layout.length() * vectors}, lanes);
  totals = b.sharedMemory({blockRows * vectors}, lanes);
}

/// Sums, weights and an activation fill the registers: 32 of them where vectors
/// are 16 lanes, else 16. A block shares its panel among many rows.
void PanelKernel::chooseTile(GpuAttr target) {
  constexpr int64_t manyLanes = 16, mostVectors = 3, mostRows = 256;
  rows = shape.how.rows >= manyLanes ? 8 : 4;
  int64_t memory = target.getWorkgroupMemory() / (4 * shape.how.rows);
  int64_t length = shape.layout.length();
  vectors = std::clamp<int64_t>(memory / (length + rows), 1, mostVectors);
  int64_t fit = memory / vectors - length;
  blockRows = std::clamp<int64_t>(fit / rows, 1, mostRows / rows) * rows;
}

void PanelKernel::decodePanel(Value block) {
  const int64_t unit = shape.unit();
  for (int64_t v = 0; v < vectors; ++v) {
    // Tiles beyond the last one repeat it; their columns are not stored.
    Value tile = b.min(b.add(tile0, v), b.index(shape.tiles - 1));
    reader.setBlock(tile, block, Value());
    b.loop(b.index(0), b.index(shape.layout.length() / unit), 1,
           [&](Value number) {
             reader.setUnit(number, unit);
             Value first = b.mul(number, unit * vectors);
             for (int64_t i = 0; i < unit; ++i)
               b.storeAt(reader.value(i), panel, b.add(first, i * vectors + v));
           });
  }
}

/// totals[rows, :] += x[rows, device block] * panel, for `count` rows.
void PanelKernel::multiplyRows(Value block, Value firstRow, int64_t count) {
  const int64_t length = shape.layout.length();
  Value k0 = b.mul(block, length);
  Value begin = b.at(x, {b.add(m0, firstRow), k0});
  // A device block's products are summed by themselves, for the sake of
  // accuracy.
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(lanes));
  SmallVector<Value> sums(count * vectors, zero);
  Value end = b.index(length);
  if (shape.k % length != 0)
    end = b.min(end, b.sub(b.index(shape.k), k0));
  sums = b.loop(b.index(0), end, 1, sums, [&](Value k, ValueRange carried) {
    SmallVector<Value> next(carried), weights;
    for (int64_t v = 0; v < vectors; ++v)
      weights.push_back(b.loadAt(panel, b.add(b.mul(k, vectors), v)));
    Value first = b.add(begin, b.mul(k, x.strides.back()));
    for (int64_t r = 0; r < count; ++r) {
      Value at = b.add(first, b.mul(x.strides.front(), r));
      Value activation = b.broadcastLike(b.loadAt(x.buffer, at), weights[0]);
      for (int64_t v = 0; v < vectors; ++v) {
        Value &sum = next[r * vectors + v];
        sum = b.multiplyAdd(activation, weights[v], sum);
      }
    }
    return next;
  });
  for (int64_t i = 0; i < count * vectors; ++i) {
    Value at = b.add(b.mul(firstRow, vectors), i);
    Value total = b.loadAt(totals, at);
    b.storeAt(arith::AddFOp::create(b, total, sums[i]), totals, at);
  }
}

void PanelKernel::storeRows() {
  BufferView y = b.view(op.getInit(), "y");
  Value end = b.min(b.index(blockRows), b.sub(m, m0));
  auto storeVector = [&](int64_t v) {
    Value n = b.mul(b.add(tile0, v), shape.how.rows);
    Value bias = loadBias(b, op, {}, b.add(n, shape.firstColumn), lanes);
    b.loop(b.index(0), end, 1, [&](Value row) {
      Value sum = b.loadAt(totals, b.add(b.mul(row, vectors), v));
      if (bias)
        sum = arith::AddFOp::create(b, sum, bias);
      storeColumns(b, sum, y, b.add(m0, row), n, shape);
    });
  };
  for (int64_t v = 0; v < vectors; ++v) {
    if (shape.tiles % vectors == 0) {
      storeVector(v);
      continue;
    }
    // The last panel may have fewer tiles.
    auto choice = scf::IfOp::create(
        b, b.less(b.add(tile0, v), b.index(shape.tiles)), /*withElse=*/false);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(choice.thenBlock());
    storeVector(v);
  }
}

void PanelKernel::emit(RowRange range) {
  tile0 = b.mul(b.groupId(gpu::Dimension::x), vectors);
  m0 = b.mul(b.groupId(gpu::Dimension::y), blockRows);
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(lanes));
  b.loop(b.index(0), b.index(blockRows * vectors), 1,
         [&](Value i) { b.storeAt(zero, totals, i); });
  Value end = b.min(b.index(blockRows), b.sub(m, m0)), tiled = end;
  std::optional<int64_t> fixedM = getConstantIntValue(hostM);
  bool isTiled = fixedM && *fixedM % rows == 0;
  if (!isTiled)
    tiled = b.mul(b.div(end, rows), rows);
  b.loop(b.index(0), b.index(shape.layout.blocks()), 1, [&](Value block) {
    decodePanel(block);
    b.loop(b.index(0), tiled, rows,
           [&](Value firstRow) { multiplyRows(block, firstRow, rows); });
    if (!isTiled)
      b.loop(tiled, end, 1, [&](Value row) { multiplyRows(block, row, 1); });
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
