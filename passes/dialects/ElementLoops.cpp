//===- ElementLoops.cpp - Loops over elements of tensors ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/dialects/ElementLoops.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace rlx;

namespace {
/// A tensor of an operation, and which of its dimensions is the one that
/// threads share.
struct SharedTensor {
  Value tensor;
  int64_t dimension;

  Value part(ElementLoops &b, Value begin, Value size) const {
    SmallVector<OpFoldResult> offsets, sizes, strides;
    place(b, begin, size, offsets, sizes, strides);
    return tensor::ExtractSliceOp::create(b, tensor, offsets, sizes, strides);
  }
  void place(ElementLoops &b, Value begin, Value size,
             SmallVector<OpFoldResult> &offsets,
             SmallVector<OpFoldResult> &sizes,
             SmallVector<OpFoldResult> &strides) const {
    sizes = tensor::getMixedSizes(b, b.getLoc(), tensor);
    offsets.assign(sizes.size(), b.getIndexAttr(0));
    strides.assign(sizes.size(), b.getIndexAttr(1));
    offsets[dimension] = begin;
    sizes[dimension] = size;
  }
};
} // namespace

/// The dimension of a tensor that threads share: the longest one before `line`,
/// so that parts lie apart in memory, or else behind it. A size that is not
/// known counts little: it may be a batch of one.
static std::optional<int64_t> sharedDimension(RankedTensorType type,
                                              int64_t line) {
  constexpr int64_t few = 7;
  auto length = [&](int64_t i) {
    return type.isDynamicDim(i) ? few : type.getDimSize(i);
  };
  auto longest = [&](int64_t begin, int64_t end) {
    std::optional<int64_t> best;
    for (int64_t i = begin; i < end; ++i)
      if (length(i) > 1 && (!best || length(i) > length(*best)))
        best = i;
    return best;
  };
  std::optional<int64_t> before = longest(0, line);
  return before ? before : longest(line + 1, type.getRank());
}

SmallVector<Value> rlx::shareLines(
    ElementLoops &b, ValueRange inputs, ValueRange outputs, int64_t line,
    int64_t cost,
    llvm::function_ref<SmallVector<Value>(ValueRange, ValueRange)> body) {
  // Some 50 us.
  constexpr int64_t leastReads = 50000;
  Value whole = outputs.front();
  RankedTensorType type = tensorOf(whole);
  std::optional<int64_t> shared = sharedDimension(type, line);
  int64_t known = 1;
  for (int64_t size : type.getShape())
    if (ShapedType::isDynamic(size) || llvm::MulOverflow(known, size, known))
      known = leastReads;
  if (!shared || known < leastReads / cost)
    return body(inputs, outputs);
  auto of = [&](Value tensor) {
    bool isShort = tensorOf(tensor).getRank() < type.getRank();
    return SharedTensor{tensor, *shared - (isShort && *shared > line)};
  };
  Value length = b.size(whole, *shared);
  Value each = b.index(cost);
  for (int64_t i = 0; i < type.getRank(); ++i)
    if (i != *shared)
      each = arith::MulIOp::create(
          b, each, b.size(inputs.empty() ? whole : inputs.front(), i));
  auto atLeastOne = [&](Value value) -> Value {
    return arith::MaxSIOp::create(b, value, b.index(1));
  };
  Value together = atLeastOne(
      b.least(arith::DivSIOp::create(b, b.index(leastReads), atLeastOne(each)),
              length));
  Value calls = arith::CeilDivSIOp::create(b, length, together);
  SmallVector<OpFoldResult> count = {calls};
  auto loop = scf::ForallOp::create(b, count, outputs, std::nullopt);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value begin = arith::MulIOp::create(b, loop.getInductionVar(0), together);
  Value size =
      b.least(together, arith::SubIOp::create(b, length, begin).getResult());
  SmallVector<Value> in, out;
  for (Value input : inputs)
    in.push_back(of(input).part(b, begin, size));
  for (Value output : loop.getRegionIterArgs())
    out.push_back(of(output).part(b, begin, size));
  SmallVector<Value> results = body(in, out);
  SmallVector<std::array<SmallVector<OpFoldResult>, 3>> places;
  for (Value output : loop.getRegionIterArgs()) {
    auto &[offsets, sizes, strides] = places.emplace_back();
    of(output).place(b, begin, size, offsets, sizes, strides);
  }
  b.setInsertionPointToStart(loop.getTerminator().getBody());
  for (auto [result, output, place] :
       llvm::zip(results, loop.getRegionIterArgs(), places))
    tensor::ParallelInsertSliceOp::create(b, result, output, place[0], place[1],
                                          place[2]);
  return SmallVector<Value>(loop.getResults());
}
