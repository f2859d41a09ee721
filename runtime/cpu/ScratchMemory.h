//===- ScratchMemory.h - Memory that runs use again -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs of a program allocate the same tensors again and again. The C library
// gives large ones back to the system, whose pages are then cleared anew, and
// searches for small ones. Here blocks are kept by size from one run to the
// next; together with those in use they are never more than runs had in use at
// the same time, and those that nobody uses never more than a limit.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_CPU_SCRATCHMEMORY_H
#define RLX_RUNTIME_CPU_SCRATCHMEMORY_H

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>

namespace rlx {

/// Safe to use from several threads. Blocks that are in use when it is
/// destroyed are lost.
class ScratchMemory {
public:
  static constexpr size_t defaultLimit = size_t(128) << 20;
  /// At most `limit` bytes are kept that nobody uses.
  explicit ScratchMemory(size_t limit = defaultLimit) : limit(limit) {}
  /// What rlx_allocate takes from.
  static ScratchMemory &ofProcess();

  /// What all blocks are at a multiple of.
  static constexpr size_t alignment = 64;

  ScratchMemory(const ScratchMemory &) = delete;
  ScratchMemory &operator=(const ScratchMemory &) = delete;
  ~ScratchMemory() { freeKept(0); }

  /// A block of at least `bytes`, or null where there is no memory. What it
  /// holds is left open.
  void *take(size_t bytes);
  /// Keeps, or frees, a block that `take` gave for as many bytes.
  void give(void *block, size_t bytes);

  /// Bytes of the blocks that nobody uses.
  size_t keptBytes() const;
  /// Bytes that were in use at the same time at most.
  size_t peakBytes() const;

private:
  /// Stands in a block that nobody uses.
  struct Free {
    Free *next;
  };
  /// Blocks are of four sizes between one power of two and the next, so that
  /// a fifth of one at most is not asked for.
  static constexpr size_t stepBits = 2;
  static constexpr size_t smallestBits = 8, largestBits = 48;
  static constexpr size_t classes =
      ((largestBits - smallestBits) << stepBits) + 1;
  static size_t classOf(size_t bytes);
  static size_t bytesOf(size_t sizeClass);
  void freeKept(size_t most);

  const size_t limit;
  mutable std::mutex mutex;
  std::array<Free *, classes> kept = {};
  size_t used = 0, unused = 0, peak = 0;
};

} // namespace rlx

#endif // RLX_RUNTIME_CPU_SCRATCHMEMORY_H
