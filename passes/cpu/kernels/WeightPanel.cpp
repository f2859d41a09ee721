//===- WeightPanel.cpp - Decoded weights that many rows share -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/cpu/kernels/WeightPanel.h"
#include "passes/support/TransposeSquare.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace rlx;

WeightPanel::WeightPanel(LoopBuilder &b, const StoredOperands &stored,
                         const RowSteps &steps, int64_t lanes, int64_t columns,
                         int64_t depth, int64_t n, int64_t k, bool pairs)
    : stored(stored), steps(steps), lanes(lanes), n(n), k(k),
      rows(llvm::alignTo(depth, lanes) + lanes), pairs(pairs) {
  auto panelType =
      MemRefType::get({columns / lanes, rows, lanes}, b.getF32Type());
  if (pairs)
    panelType = MemRefType::get({columns / lanes, rows / 2, 2 * lanes},
                                b.getBF16Type());
  auto scratchType = MemRefType::get(
      {lanes, int64_t(llvm::alignTo(steps.step, lanes))}, b.getF32Type());
  IntegerAttr alignment = b.getI64IntegerAttr(64);
  panel = memref::AllocOp::create(b, panelType, ValueRange(), ValueRange(),
                                  alignment);
  scratch = memref::AllocOp::create(b, scratchType, ValueRange(), ValueRange(),
                                    alignment);
}

void WeightPanel::release(LoopBuilder &b) {
  memref::DeallocOp::create(b, scratch);
  memref::DeallocOp::create(b, panel);
}

bool WeightPanel::canPair(const RowSteps &steps, int64_t k) {
  return k % 2 == 0 && steps.step % 2 == 0 &&
         (steps.mainLength(k) == k || steps.block % 2 == 0);
}

/// Decodes `length` elements of a vector's worth of weight rows, row by row,
/// and transposes them into the panel from `panelRow` on.
void WeightPanel::decodeStep(LoopBuilder &b, ValueRange expert, Value group,
                             Value n0, Value first, Value panelRow,
                             int64_t length, int64_t run) {
  Value block = b.div(first, steps.block);
  b.loop(b.index(0), b.index(lanes), 1, [&](Value row) {
    // Rows beyond the last are decoded again rather than read out of bounds.
    SmallVector<Value> weightRow(expert);
    weightRow.push_back(b.min(b.add(n0, row), b.index(n - 1)));
    // Stores come last: between them, loads of shared scales could not be
    // merged.
    SmallVector<Value> values;
    for (int64_t offset = 0; offset < length; offset += run)
      values.push_back(stored.decode(b, weightRow, block, offset, run));
    for (auto [i, value] : llvm::enumerate(values))
      b.storeVector(value, scratch, {row, b.index(i * run)});
  });
  transposeStep(b, group, panelRow, length);
}

/// Transposes squares of vectors. What is written beyond `length` is garbage
/// that the next step overwrites or nobody reads.
void WeightPanel::transposeStep(LoopBuilder &b, Value group, Value panelRow,
                                int64_t length) {
  b.loop(b.index(0), b.index(llvm::alignTo(length, lanes)), lanes,
         [&](Value column) {
           SmallVector<Value> vectors;
           for (int64_t row = 0; row < lanes; ++row)
             vectors.push_back(
                 b.loadVector(scratch, {b.index(row), column}, lanes));
           vectors = transposeSquare(b, vectors);
           store(b, vectors, group, b.add(panelRow, column));
         });
}

Value rlx::toPairedBf16(LoopBuilder &b, Value vector) {
  auto type = cast<VectorType>(vector.getType());
  auto fast =
      arith::FastMathFlagsAttr::get(b.getContext(), arith::FastMathFlags::afn);
  return arith::TruncFOp::create(b, type.clone(b.getBF16Type()), vector,
                                 arith::RoundingModeAttr(), fast);
}

/// Stores the vectors of consecutive k from `row` on.
void WeightPanel::store(LoopBuilder &b, ArrayRef<Value> vectors, Value group,
                        Value row) {
  if (!pairs) {
    for (auto [i, vector] : llvm::enumerate(vectors))
      b.storeVector(vector, panel, {group, b.add(row, i), b.index(0)});
    return;
  }
  for (size_t i = 0; i < vectors.size(); i += 2) {
    Value even = toPairedBf16(b, vectors[i]);
    Value odd = toPairedBf16(b, vectors[i + 1]);
    b.storeVector(vector::InterleaveOp::create(b, even, odd), panel,
                  {group, b.add(b.div(row, 2), i / 2), b.index(0)});
  }
}

void WeightPanel::fill(LoopBuilder &b, ValueRange expert, Value begin,
                       Value rows, Value kBegin, Value kLength) {
  int64_t mainLength = steps.mainLength(k);
  Value groups = b.div(b.add(rows, lanes - 1), lanes);
  Value main = kLength, rest;
  if (mainLength != k) {
    rest = b.sub(b.index(mainLength), kBegin);
    main = b.min(kLength, rest);
  }
  b.loop(b.index(0), groups, 1, [&](Value group) {
    Value n0 = b.add(begin, b.mul(group, lanes));
    b.loop(b.index(0), main, steps.step, [&](Value row) {
      decodeStep(b, expert, group, n0, b.add(kBegin, row), row, steps.step,
                 steps.run);
    });
    if (!rest)
      return;
    b.loop(rest, kLength, steps.block, [&](Value row) {
      decodeStep(b, expert, group, n0, b.add(kBegin, row), row, steps.block,
                 steps.tailRun);
    });
  });
}

Value WeightPanel::load(LoopBuilder &b, Value group, Value row) {
  return b.loadVector(panel, {group, row, b.index(0)},
                      cast<MemRefType>(panel.getType()).getShape().back());
}
