//===- AttentionLoops.cpp - Loops for rlx.block_attention -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Shares the heads of k and v and blocks of rows out to threads. Many rows
// together share what is decoded of the cache; fewer than that go one by one.
//
//===----------------------------------------------------------------------===//

#include "passes/cpu/attention/AttentionLoops.h"

#include "passes/cpu/attention/AttentionItem.h"

using namespace mlir;
using namespace rlx;

/// Items of `rows` rows each.
static void emitItems(LoopBuilder &b, BlockAttentionOp op,
                      const CpuProperties &cpu, int64_t rows) {
  AttentionTiles tiles(op, cpu, rows);
  Value blocks = b.div(b.add(b.size(op.getQ(), 0), rows - 1), rows);
  Value count = b.mul(blocks, tiles.groups);
  b.parallelLoop(count, [&](Value item) {
    // Late rows see the most, and come first.
    Value block = b.sub(b.sub(blocks, b.index(1)), b.div(item, tiles.groups));
    Value group = arith::RemUIOp::create(b, item, b.index(tiles.groups));
    AttentionItem(b, op, tiles).emit(group, b.mul(block, rows));
  });
}

LogicalResult rlx::emitAttentionLoops(BlockAttentionOp op,
                                      const CpuProperties &cpu) {
  LoopBuilder b(op.getLoc(), op);
  // As many queries as make decoding cheap beside multiplying, and fit caches.
  constexpr int64_t enoughQueries = 48;
  auto type = cast<MemRefType>(op.getQ().getType());
  int64_t members =
      type.getDimSize(1) / cast<MemRefType>(op.getK().getType()).getDimSize(1);
  int64_t rows = std::max<int64_t>(1, enoughQueries / members);
  if (!type.isDynamicDim(0)) {
    emitItems(b, op, cpu,
              std::min(rows, std::max<int64_t>(type.getDimSize(0), 1)));
    return success();
  }
  if (rows == 1) {
    emitItems(b, op, cpu, 1);
    return success();
  }
  Value isMany =
      arith::CmpIOp::create(b, arith::CmpIPredicate::uge, b.size(op.getQ(), 0),
                            b.index(llvm::divideCeil(rows, 2)));
  b.branch(
      isMany, [&] { emitItems(b, op, cpu, rows); },
      [&] { emitItems(b, op, cpu, 1); });
  return success();
}
