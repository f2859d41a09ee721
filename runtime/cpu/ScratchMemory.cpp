//===- ScratchMemory.cpp - Memory that runs use again ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "runtime/cpu/ScratchMemory.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <new>
#include <sys/mman.h>

using namespace rlx;

/// From here on a block is made of large pages where the system has them.
static constexpr size_t largePage = size_t(2) << 20;

ScratchMemory &ScratchMemory::ofProcess() {
  // Threads may end after what is static does.
  static auto *memory = new ScratchMemory();
  return *memory;
}

/// The number of the smallest size that has `bytes`; `classes` where none has.
size_t ScratchMemory::classOf(size_t bytes) {
  if (bytes <= size_t(1) << smallestBits)
    return 0;
  if (bytes > size_t(1) << largestBits)
    return classes;
  // The leading bits of what comes before it, and how many there are.
  size_t last = bytes - 1, bits = std::bit_width(last) - 1;
  size_t step = (last >> (bits - stepBits)) & ((size_t(1) << stepBits) - 1);
  return ((bits - smallestBits) << stepBits) + step + 1;
}

size_t ScratchMemory::bytesOf(size_t sizeClass) {
  size_t bits = smallestBits + (sizeClass >> stepBits);
  size_t step = sizeClass & ((size_t(1) << stepBits) - 1);
  return (size_t(1) << bits) + (step << (bits - stepBits));
}

void *ScratchMemory::take(size_t bytes) {
  size_t sizeClass = classOf(bytes);
  if (sizeClass >= classes)
    return nullptr;
  size_t size = bytesOf(sizeClass);
  {
    std::lock_guard lock(mutex);
    used += size;
    peak = std::max(peak, used);
    if (Free *block = kept[sizeClass]) {
      kept[sizeClass] = block->next;
      unused -= size;
      return block;
    }
    // What is kept of other sizes makes room.
    freeKept(peak - used);
  }
  bool isLarge = size >= largePage;
  void *block = std::aligned_alloc(
      isLarge ? largePage : alignment,
      isLarge ? (size + largePage - 1) / largePage * largePage : size);
  if (block && isLarge)
    madvise(block, size, MADV_HUGEPAGE); // Slower without, but no error.
  if (!block) {
    std::lock_guard lock(mutex);
    used -= size;
  }
  return block;
}

void ScratchMemory::give(void *block, size_t bytes) {
  size_t sizeClass = classOf(bytes), size = bytesOf(sizeClass);
  std::lock_guard lock(mutex);
  used -= size;
  if (size > limit - unused)
    return std::free(block);
  unused += size;
  kept[sizeClass] = new (block) Free{kept[sizeClass]};
}

/// Frees the largest blocks until `most` bytes are kept.
void ScratchMemory::freeKept(size_t most) {
  for (size_t i = classes; i-- > 0 && unused > most;)
    while (kept[i] && unused > most) {
      Free *block = kept[i];
      kept[i] = block->next;
      unused -= bytesOf(i);
      std::free(block);
    }
}

size_t ScratchMemory::keptBytes() const {
  std::lock_guard lock(mutex);
  return unused;
}

size_t ScratchMemory::peakBytes() const {
  std::lock_guard lock(mutex);
  return peak;
}
