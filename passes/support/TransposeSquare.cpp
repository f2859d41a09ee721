//===- TransposeSquare.cpp - Squares of vectors, transposed ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/support/TransposeSquare.h"

using namespace mlir;

/// Interleaving each vector with the one half the square away, log2(side)
/// times, transposes.
SmallVector<Value> rlx::transposeSquare(ImplicitLocOpBuilder &b,
                                        SmallVector<Value> vectors) {
  int64_t side = vectors.size();
  SmallVector<int64_t> low, high;
  for (int64_t i = 0; i < side / 2; ++i) {
    low.append({i, side + i});
    high.append({side / 2 + i, side + side / 2 + i});
  }
  for (int64_t stage = 1; stage < side; stage *= 2) {
    SmallVector<Value> next;
    for (int64_t i = 0; i < side / 2; ++i)
      for (const auto &mask : {low, high})
        next.push_back(vector::ShuffleOp::create(b, vectors[i],
                                                 vectors[i + side / 2], mask));
    vectors = next;
  }
  return vectors;
}
