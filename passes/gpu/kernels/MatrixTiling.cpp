//===- MatrixTiling.cpp - How matrices of subgroups tile a matmul ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/gpu/kernels/MatrixTiling.h"

using namespace mlir;
using namespace rlx;

MatrixTiling MatrixTiling::choose(GpuAttr target, int64_t m,
                                  int64_t otherBytes) {
  ArrayRef<int64_t> sides = target.getCooperativeMatrix().asArrayRef();
  MatrixTiling tiling{};
  tiling.m = sides[0];
  tiling.n = sides[1];
  tiling.k = sides[2];
  tiling.subgroupSize = target.getSubgroupSize();
  // Eight subgroups of 32 hide each other's loads, and their accumulators, of
  // which each has 4 x 2, leave registers for two workgroups.
  const int64_t items = std::min(mostItems, target.getWorkgroupSize());
  tiling.subgroupRows = tiling.subgroupSize * 2 <= items ? 2 : 1;
  tiling.subgroupColumns = 4;
  while (tiling.subgroupColumns > 1 && tiling.workgroup() > items)
    tiling.subgroupColumns /= 2;

  struct Size {
    int64_t rows, columns, buffers;
  };
  constexpr Size sizes[] = {{largest, largest, 2},
                            {largest, largest, 1},
                            {4, largest, 2},
                            {4, largest, 1},
                            {4, 4, 2},
                            {4, 4, 1},
                            {2, 4, 1}};
  for (auto [rows, columns, buffers] : sizes) {
    tiling.mr = rows;
    tiling.nc = columns;
    tiling.buffers = buffers;
    while (!ShapedType::isDynamic(m) && tiling.mr > tiling.subgroupRows &&
           tiling.mr / 2 * tiling.m >= m)
      tiling.mr /= 2;
    constexpr int64_t kStepBytes = 4 * chunkWords;
    if (tiling.chunks() * kStepBytes + otherBytes <=
        target.getWorkgroupMemory())
      break;
  }
  return tiling;
}
