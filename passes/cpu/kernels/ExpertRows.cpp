//===- ExpertRows.cpp - Rows of activations by expert ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/cpu/kernels/ExpertRows.h"

using namespace mlir;
using namespace rlx;

ExpertRows::ExpertRows(LoopBuilder &b, Value ids, Value experts,
                       bool sharedRows)
    : count(experts), slots(b.size(ids, 1)), sharedRows(sharedRows) {
  emitIndexCheck(b, ids, experts, "expert id of 'rlx.gather_matmul'");
  Value tokens = b.size(ids, 0), zero = b.index(0), one = b.index(1);
  auto allocate = [&](Value size) -> Value {
    auto type = MemRefType::get({ShapedType::kDynamic}, b.getIndexType());
    return memref::AllocOp::create(b, type, size);
  };
  auto load = [&](Value buffer, Value at) -> Value {
    return memref::LoadOp::create(b, buffer, at);
  };
  auto store = [&](Value value, Value buffer, Value at) {
    memref::StoreOp::create(b, value, buffer, at);
  };
  auto eachId = [&](llvm::function_ref<void(Value, Value)> body) {
    b.loop(zero, tokens, 1, [&](Value token) {
      b.loop(zero, slots, 1, [&](Value slot) {
        Value position = b.add(arith::MulIOp::create(b, token, slots), slot);
        body(emitSafeIndex(b, ids, {token, slot}, experts), position);
      });
    });
  };
  begins = allocate(b.add(experts, 1));
  positions = allocate(arith::MulIOp::create(b, tokens, slots));
  // How many entries each expert has, then where the expert after it begins.
  b.loop(zero, b.add(experts, 1), 1,
         [&](Value expert) { store(zero, begins, expert); });
  eachId([&](Value expert, Value) {
    store(b.add(load(begins, expert), one), begins, expert);
  });
  b.loop(zero, experts, 1, zero, [&](Value expert, ValueRange before) {
    Value end = b.add(before[0], load(begins, expert));
    store(before[0], begins, expert);
    return SmallVector<Value>{end};
  });
  // Entries move each expert's begin to its end, which is the next one's begin.
  eachId([&](Value expert, Value position) {
    Value entry = load(begins, expert);
    store(position, positions, entry);
    store(b.add(entry, one), begins, expert);
  });
}

void ExpertRows::release(LoopBuilder &b) {
  memref::DeallocOp::create(b, begins);
  memref::DeallocOp::create(b, positions);
}

Value ExpertRows::begin(LoopBuilder &b, Value expert) {
  Value isFirst =
      arith::CmpIOp::create(b, arith::CmpIPredicate::eq, expert, b.index(0));
  Value before =
      arith::SelectOp::create(b, isFirst, count, b.sub(expert, b.index(1)));
  // The entry after the last expert's stays 0.
  return memref::LoadOp::create(b, begins, before);
}

Value ExpertRows::end(LoopBuilder &b, Value expert) {
  return memref::LoadOp::create(b, begins, expert);
}

ExpertRows::Row ExpertRows::row(LoopBuilder &b, Value entry) {
  Value position = memref::LoadOp::create(b, positions, entry);
  Value token = arith::DivUIOp::create(b, position, slots);
  Value slot = arith::RemUIOp::create(b, position, slots);
  return {sharedRows ? token : position, {token, slot}};
}

void ExpertRows::Range::eachTile(
    LoopBuilder &b, ArrayRef<int64_t> sizes,
    llvm::function_ref<void(ArrayRef<Value>)> body) const {
  bool canRepeat = !count && sizes.back() == 1;
  auto emit = [&](Value first, int64_t size) {
    SmallVector<Value> tile;
    for (int64_t r = 0; r < size; ++r) {
      Value index = b.add(first, r);
      if (canRepeat && r > 0)
        index = b.min(index, b.sub(end, b.index(1)));
      tile.push_back(index);
    }
    body(tile);
  };
  if (count) {
    int64_t left = *count % sizes.front();
    Value last = b.add(begin, *count - left);
    if (*count >= sizes.front())
      b.loop(begin, last, sizes.front(),
             [&](Value first) { emit(first, sizes.front()); });
    if (left)
      emit(last, left);
    return;
  }
  Value next = begin;
  for (auto [i, size] : llvm::enumerate(sizes)) {
    int64_t smaller = i + 1 < sizes.size() ? sizes[i + 1] : 0;
    // Whole tiles, and one more for more rows than the next size takes.
    Value left = b.add(b.sub(end, next), size - smaller - 1);
    Value stop = b.add(next, b.mul(b.div(left, size), size));
    b.loop(next, stop, size, [&](Value first) { emit(first, size); });
    next = b.min(stop, end);
  }
}
