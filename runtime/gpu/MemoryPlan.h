//===- MemoryPlan.h - Which buffers of a run share memory -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Buffers that are never needed at the same time share a slot. The largest are
// placed first, each into the smallest slot that is free while it lives; so a
// slot is as large as the first that came into it.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_GPU_MEMORYPLAN_H
#define RLX_RUNTIME_GPU_MEMORYPLAN_H

#include <cstdint>
#include <span>
#include <vector>

namespace rlx {

/// A buffer that lives from step `first` to step `last`, both included.
struct LiveRange {
  uint64_t bytes = 0;
  int64_t first = 0, last = 0;
};

struct MemoryPlan {
  std::vector<uint32_t> slotOf;    ///< Of each range.
  std::vector<uint64_t> slotBytes; ///< From the largest to the smallest.
};

MemoryPlan planMemory(std::span<const LiveRange> ranges);

} // namespace rlx

#endif // RLX_RUNTIME_GPU_MEMORYPLAN_H
