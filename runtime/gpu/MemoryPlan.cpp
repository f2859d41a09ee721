//===- MemoryPlan.cpp - Which buffers of a run share memory ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Quadratic in the number of ranges that share a slot, which is small.
//
//===----------------------------------------------------------------------===//
#include "runtime/gpu/MemoryPlan.h"

#include <algorithm>
#include <numeric>

namespace rlx {

MemoryPlan planMemory(std::span<const LiveRange> ranges) {
  std::vector<uint32_t> order(ranges.size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    return ranges[a].bytes > ranges[b].bytes;
  });
  MemoryPlan plan;
  plan.slotOf.resize(ranges.size());
  std::vector<std::vector<uint32_t>> members;
  for (uint32_t index : order) {
    const LiveRange &range = ranges[index];
    // All slots are large enough; the last is the smallest.
    size_t slot = members.size();
    while (slot > 0 &&
           std::any_of(members[slot - 1].begin(), members[slot - 1].end(),
                       [&](uint32_t other) {
                         return ranges[other].first <= range.last &&
                                range.first <= ranges[other].last;
                       }))
      --slot;
    if (slot > 0) {
      --slot;
    } else {
      slot = members.size();
      members.emplace_back();
      plan.slotBytes.push_back(range.bytes);
    }
    members[slot].push_back(index);
    plan.slotOf[index] = static_cast<uint32_t>(slot);
  }
  return plan;
}

} // namespace rlx
