//===- CodeRuns.cpp - The codes of a block, stored in runs ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/quantize/CodeRuns.h"

using namespace rlx;
using namespace rlx::quantize;

std::optional<CodeRuns> CodeRuns::create(QuantScheme scheme) {
  FieldAttr code = scheme.attr().getCode();
  if (code.width() > 8)
    return std::nullopt;
  CodeRuns result;
  int64_t block = scheme.block();
  unsigned srcShift = 0;
  for (PlaneAttr plane : code.getPlanes()) {
    unsigned width = plane.width();
    std::vector<bool> isTaken(block);
    for (int64_t i = 0; i < block; ++i) {
      if (isTaken[i])
        continue;
      int64_t bit = firstBit(plane, i);
      if (bit % 8 + width > 8)
        return std::nullopt;
      Run run{bit / 8, 1, i, 1, srcShift, (1u << width) - 1, unsigned(bit % 8)};
      // What lies in the next byte, at any distance.
      for (int64_t next = i + 1; next < block; ++next)
        if (firstBit(plane, next) == bit + 8) {
          run.stride = next - i;
          break;
        }
      for (int64_t next = i + run.stride;
           next < block && !isTaken[next] &&
           firstBit(plane, next) == bit + 8 * run.count;
           next += run.stride) {
        isTaken[next] = true;
        ++run.count;
      }
      result.runs.push_back(run);
    }
    srcShift += width;
  }
  return result;
}

void CodeRuns::store(const uint8_t *codes, uint8_t *block) const {
  for (const Run &run : runs) {
    uint8_t *to = block + run.firstByte;
    const uint8_t *from = codes + run.firstElement;
    auto src = run.srcShift, mask = run.mask, dst = run.dstShift;
    if (run.stride == 1) {
#pragma omp simd
      for (int64_t i = 0; i < run.count; ++i)
        to[i] = uint8_t(to[i] | ((from[i] >> src & mask) << dst));
    } else {
      for (int64_t i = 0; i < run.count; ++i)
        to[i] = uint8_t(to[i] | ((from[i * run.stride] >> src & mask) << dst));
    }
  }
}
