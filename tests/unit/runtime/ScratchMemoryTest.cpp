//===- ScratchMemoryTest.cpp - Memory that runs use again -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "runtime/cpu/ScratchMemory.h"

#include "runtime/cpu/KernelAbi.h"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>
#include <vector>

using namespace rlx;

namespace scratch_memory_test {

TEST(ScratchMemory, BlocksAreAlignedAndLargeEnough) {
  ScratchMemory memory;
  for (size_t bytes = 0; bytes < 5000; ++bytes) {
    void *block = memory.take(bytes);
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(block) % ScratchMemory::alignment,
              0u);
    std::memset(block, 1, bytes);
    memory.give(block, bytes);
  }
  size_t large = (size_t(5) << 20) + 1;
  void *block = memory.take(large);
  std::memset(block, 1, large);
  memory.give(block, large);
  EXPECT_EQ(memory.take(SIZE_MAX / 2), nullptr);
}

TEST(ScratchMemory, ABlockIsUsedAgain) {
  ScratchMemory memory;
  void *first = memory.take(1000), *second = memory.take(1000);
  EXPECT_NE(first, second);
  memory.give(first, 1000);
  // Any size that the same blocks are for.
  EXPECT_EQ(memory.take(1020), first);
  memory.give(first, 1020);
  memory.give(second, 1000);
  EXPECT_EQ(memory.keptBytes(), memory.peakBytes());
}

TEST(ScratchMemory, IsNeverLargerThanWhatWasInUse) {
  ScratchMemory memory;
  // One after the other, of sizes that have no blocks in common.
  for (size_t bytes = 300; bytes < (size_t(1) << 20); bytes *= 2) {
    memory.give(memory.take(bytes), bytes);
    EXPECT_LE(memory.keptBytes(), memory.peakBytes());
    EXPECT_LE(memory.peakBytes(), bytes + bytes / 4);
  }
}

TEST(ScratchMemory, ThreadsShareIt) {
  ScratchMemory memory;
  std::vector<std::thread> threads;
  for (unsigned char i = 0; i < 4; ++i)
    threads.emplace_back([&, i] {
      for (size_t round = 0; round < 2000; ++round) {
        size_t bytes = 64 + round % 7 * 300;
        auto *block = static_cast<unsigned char *>(memory.take(bytes));
        std::memset(block, i, bytes);
        EXPECT_EQ(block[0], i);
        EXPECT_EQ(block[bytes - 1], i);
        memory.give(block, bytes);
      }
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_LE(memory.keptBytes(), memory.peakBytes());
}

TEST(ScratchMemory, KeepsNoMoreThanItsLimit) {
  ScratchMemory memory(1000);
  void *first = memory.take(600), *second = memory.take(600);
  memory.give(first, 600);
  memory.give(second, 600);
  EXPECT_GT(memory.keptBytes(), 0u);
  EXPECT_LE(memory.keptBytes(), 1000u);
}

void allocateAndFail(void **memory) {
  memory[0] = rlx_allocate(777000, 64);
  std::memset(memory[0], 1, 777000);
  void *released = rlx_allocate(100, 64);
  rlx_release(released);
  rlx_fail("it fails", nullptr, 0);
}

TEST(ScratchMemory, HasWhatAFailedRunAllocated) {
  void *first = nullptr, *second = nullptr;
  for (void **memory : {&first, &second}) {
    ExecutionScope scope(nullptr);
    scope.run(allocateAndFail, memory);
    EXPECT_EQ(scope.status().message(), "it fails");
  }
  EXPECT_EQ(first, second);
}

} // namespace scratch_memory_test
