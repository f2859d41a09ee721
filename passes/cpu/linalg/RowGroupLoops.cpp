//===- RowGroupLoops.cpp - Loops that several operations share ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/cpu/linalg/RowGroups.h"

#include "passes/cpu/linalg/LinalgLoops.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"

using namespace mlir;
using namespace rlx;

/// Buffers of a row for what a group alone reads and writes.
static llvm::DenseMap<Value, Value>
allocateRows(LoopBuilder &b, const RowGroup &group, int64_t cacheLine) {
  llvm::DenseMap<Value, Value> rows;
  for (memref::AllocOp whole : group.temporaries) {
    MemRefType type = whole.getType();
    SmallVector<Value> sizes;
    for (int64_t i = group.depth; i < type.getRank(); ++i)
      if (type.isDynamicDim(i))
        sizes.push_back(whole.getDynamicSizes()[type.getDynamicDimIndex(i)]);
    auto row = MemRefType::get(type.getShape().drop_front(group.depth),
                               type.getElementType());
    rows[whole] = memref::AllocOp::create(b, row, sizes, ValueRange(),
                                          b.getI64IntegerAttr(cacheLine));
  }
  return rows;
}

/// In their order, so that the code is the same each time.
static void freeRows(LoopBuilder &b, const RowGroup &group,
                     const llvm::DenseMap<Value, Value> &rows) {
  for (memref::AllocOp whole : group.temporaries)
    memref::DeallocOp::create(b, rows.lookup(whole));
}

void rlx::emitRowLoops(const RowGroup &group, const CpuProperties &cpu) {
  linalg::LinalgOp last = group.nests.back().op;
  LoopBuilder b(last.getLoc(), last);
  std::vector<LinalgLoops> members;
  for (const LoopNest &nest : group.nests)
    members.emplace_back(nest, cpu).prepare(b);
  SmallVector<Value> sizes(members.front().outerSizes(group.depth));

  auto eachRow = [&](Value begin, Value end,
                     const llvm::DenseMap<Value, Value> &rows) {
    b.loop(begin, end, 1, [&](Value row) {
      SmallVector<Value> ivs = {row};
      if (group.depth > 1)
        ivs = llvm::to_vector_of<Value>(
            affine::AffineDelinearizeIndexOp::create(b, row, sizes,
                                                     /*hasOuterBound=*/true)
                .getResults());
      for (LinalgLoops &member : members)
        member.emitInside(b, ivs, rows);
    });
  };
  Value count;
  for (Value size : sizes)
    count = count ? arith::MulIOp::create(b, count, size) : size;
  std::optional<int64_t> work = 0;
  for (const LoopNest &nest : group.nests) {
    std::optional<int64_t> own = nest.work();
    work = work && own && *own < leastWork ? std::optional(*work + *own)
                                           : std::nullopt;
  }
  if (work && *work <= leastWork) {
    auto rows = allocateRows(b, group, cpu.cacheLine);
    eachRow(b.index(0), count, rows);
    freeRows(b, group, rows);
  } else {
    Value each = b.index(1);
    for (LinalgLoops &member : members)
      each = arith::AddIOp::create(b, each, member.costInside(b, group.depth));
    Value together = arith::MaxUIOp::create(
        b, b.min(arith::DivUIOp::create(b, b.index(leastWork), each), count),
        b.index(1));
    Value calls = arith::CeilDivUIOp::create(b, count, together);
    b.parallelLoop(calls, [&](Value call) {
      Value begin = arith::MulIOp::create(b, call, together);
      Value end = b.min(b.add(begin, together), count);
      auto rows = allocateRows(b, group, cpu.cacheLine);
      eachRow(begin, end, rows);
      freeRows(b, group, rows);
    });
  }
  for (const LoopNest &nest : llvm::reverse(group.nests))
    nest.op->erase();
  for (memref::AllocOp whole : group.temporaries) {
    for (Operation *user : llvm::make_early_inc_range(whole->getUsers()))
      user->erase(); // it was freed
    memref::AllocOp(whole)->erase();
  }
}

std::string rlx::describe(const RowGroup &group) {
  std::string text = "row by row with " +
                     std::to_string(group.nests.size() - 1) +
                     " operations before it";
  if (!group.temporaries.empty())
    text += ", " + std::to_string(group.temporaries.size()) +
            " buffers have one row";
  return text;
}
