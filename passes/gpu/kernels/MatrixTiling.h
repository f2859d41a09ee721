//===- MatrixTiling.h - How matrices of subgroups tile a matmul -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_PASSES_GPU_KERNELS_MATRIXTILING_H
#define RLX_PASSES_GPU_KERNELS_MATRIXTILING_H

#include "ir/Dialect.h"

namespace rlx {

/// A workgroup computes a tile of the result, step by step along K. In its
/// memory lie the rows of both sides for a step, K fastest, in chunks of 16
/// bytes; a chunk of padding behind each row spreads rows over the banks.
struct MatrixTiling {
  /// The largest tile whose memory fits beside `otherBytes`. Tiles of a known
  /// number of rows `m` are no higher than that needs.
  static MatrixTiling choose(GpuAttr target, int64_t m, int64_t otherBytes);

  /// Elements of f16, and words, that are copied at once.
  static constexpr int64_t chunk = 8, chunkWords = 4;
  /// Elements of K of a step; device blocks are whole steps.
  static constexpr int64_t depth = 32;

  /// Work-items of a workgroup, at most.
  static constexpr int64_t mostItems = 256;
  static int64_t mostColumns(GpuAttr target) {
    return largest * target.getCooperativeMatrix()[1];
  }

  /// Sides of a matrix; matrices of the tile; subgroups side by side.
  int64_t m, n, k, mr, nc, subgroupRows, subgroupColumns;
  int64_t subgroupSize;
  /// 2 where the next step is written while this one is read.
  int64_t buffers;

  int64_t rows() const { return mr * m; }
  int64_t columns() const { return nc * n; }
  /// Accumulators of a subgroup.
  int64_t gridRows() const { return mr / subgroupRows; }
  int64_t gridColumns() const { return nc / subgroupColumns; }
  int64_t workgroup() const {
    return subgroupSize * subgroupRows * subgroupColumns;
  }
  /// Chunks from row to row, of a step, and of all that is shared.
  int64_t stride() const { return depth / chunk + 1; }
  int64_t stepChunks() const { return (rows() + columns()) * stride(); }
  int64_t chunks() const {
    return std::max(buffers * stepChunks(), stripRows() * stripStride());
  }
  /// Results leave through the same memory, in f32, a row of every subgroup's
  /// accumulators at a time.
  int64_t stripRows() const { return subgroupRows * m; }
  int64_t stripStride() const { return columns() / chunkWords + 1; }

private:
  /// Matrices of a tile along each side.
  static constexpr int64_t largest = 8;
};

} // namespace rlx

#endif // RLX_PASSES_GPU_KERNELS_MATRIXTILING_H
