//===- RegisterTile.cpp - Results of a work-item of a tile ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/gpu/kernels/RegisterTile.h"

using namespace mlir;
using namespace rlx;

/// Work-items of a workgroup for large tiles.
static constexpr int64_t manyItems = 256;

RegisterTile::RegisterTile(GpuAttr target, bool isLarge)
    : columnItems(target.getWorkgroupSize() >= manyItems ? 16 : 8),
      rowItems(columnItems), columns(isLarge ? 8 : 4), rows(isLarge ? 8 : 4) {}

bool RegisterTile::canBeLarge(InterleavedMatmulOp op, GpuAttr target,
                              int64_t bytes) {
  constexpr int64_t manyRows = 64;
  int64_t m = cast<MemRefType>(op.getX().getType()).getDimSize(0);
  return target.getWorkgroupMemory() >= bytes &&
         target.getWorkgroupSize() >= manyItems &&
         (ShapedType::isDynamic(m) || m > manyRows);
}

void RegisterTile::locate(KernelBuilder &b) {
  thread = b.threadId(gpu::Dimension::x);
  column = b.rem(thread, columnItems);
  row = b.div(thread, columnItems);
  n0 = b.mul(b.groupId(gpu::Dimension::x), width());
  m0 = b.mul(b.groupId(gpu::Dimension::y), height());
}

void RegisterTile::readColumn(KernelBuilder &b, DeviceBlockReader &reader,
                              const MatmulShape &shape, Value n, Value k,
                              int64_t count) const {
  const int64_t length = shape.layout.length();
  Value rows = b.add(b.div(n0, shape.how.rows), b.div(n, shape.how.rows));
  // Tiles beyond the last one repeat it; their columns are not stored.
  rows = b.min(rows, b.index(shape.tiles - 1));
  reader.setBlock(rows, b.div(k, length), b.rem(n, shape.how.rows));
  reader.setUnit(b.div(b.rem(k, length), count), count);
}

void RegisterTile::store(KernelBuilder &b, InterleavedMatmulOp op,
                         const MatmulShape &shape, Value m,
                         ValueRange sums) const {
  BufferView y = b.view(op.getInit(), "y");
  for (int64_t j = 0; j < columns; ++j) {
    Value n = b.add(b.add(n0, column), j * columnItems);
    Value bias =
        loadBias(b, op, {}, b.add(n, shape.firstColumn), b.getF32Type());
    for (int64_t i = 0; i < rows; ++i) {
      Value position = b.add(b.add(m0, row), i * rowItems);
      Value sum = sums[i * columns + j];
      if (bias)
        sum = arith::AddFOp::create(b, sum, bias);
      auto choice =
          scf::IfOp::create(b, b.less(position, m), /*withElse=*/false);
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(choice.thenBlock());
      storeColumns(b, sum, y, position, n, shape);
    }
  }
}

std::array<OpFoldResult, 3> RegisterTile::groups(KernelBuilder &b,
                                                 const MatmulShape &shape,
                                                 OpFoldResult m) const {
  return {b.getIndexAttr(llvm::divideCeil(shape.n, width())),
          b.hostCeilDiv(m, height()), b.getIndexAttr(1)};
}
