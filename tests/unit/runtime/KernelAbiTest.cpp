//===- KernelAbiTest.cpp - Scopes, loops and reports of generated code ----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The C functions as generated code calls them, with a pool, with a host's own
// loops, and without any scope.
//
//===----------------------------------------------------------------------===//
#include "runtime/cpu/KernelAbi.h"
#include "runtime/cpu/ThreadPool.h"

#include "tests/unit/runtime/TestSupport.h"

#include <cstring>
#include <thread>

using namespace rlx;
using namespace rlx::test;

namespace kernel_abi_test {

/// Adds the number of iterations to the atomic that the closure is.
void countIterations(void *closure, int64_t begin, int64_t end) {
  *static_cast<std::atomic<int64_t> *>(closure) += end - begin;
}

/// Reports each iteration as a wrong index.
void reportEach(void *, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i)
    rlx_report_index("index of 'test'", i, -1, 4);
}

TEST(KernelAbi, LoopsWithoutScopeRunInline) {
  std::atomic<int64_t> count{0};
  rlx_parallel_for(countIterations, &count, 10);
  rlx_parallel_for(countIterations, &count, 0);
  EXPECT_EQ(count, 10);
}

TEST(KernelAbi, LoopsUseThePool) {
  ThreadPool pool(4);
  std::atomic<int64_t> count{0};
  ExecutionScope scope(&pool);
  EXPECT_EQ(ExecutionScope::current(), &scope);
  rlx_parallel_for(countIterations, &count, 1000);
  EXPECT_EQ(count, 1000);
  EXPECT_TRUE(scope.status().ok());
}

TEST(KernelAbi, NullPoolAndNullHostRunInline) {
  std::atomic<int64_t> count{0};
  {
    ExecutionScope scope(nullptr);
    rlx_parallel_for(countIterations, &count, 5);
    rlx_parallel_for(countIterations, &count, -5);
  }
  ExecutionScope scope(ParallelFor{});
  rlx_parallel_for(countIterations, &count, 5);
  EXPECT_EQ(count, 10);
}

TEST(KernelAbi, HostRunsLoops) {
  int calls = 0;
  ParallelFor host{&calls, [](void *context, rlx_loop_body body, void *closure,
                              int64_t count) {
                     ++*static_cast<int *>(context);
                     std::thread other([&] { body(closure, 0, 1); });
                     body(closure, 1, count);
                     other.join();
                   }};
  ExecutionScope scope(host);
  rlx_parallel_for(reportEach, nullptr, 2);
  EXPECT_EQ(calls, 1);
  expectError(scope.status(), "index of 'test'");
}

TEST(KernelAbi, ReportsTheFirstFailure) {
  ExecutionScope scope(nullptr);
  EXPECT_FALSE(scope.failed());
  rlx_report_index("expert id of 'rlx.gather_matmul'", 4, 9, 8);
  rlx_report_index("expert id of 'rlx.gather_matmul'", 5, 10, 8);
  EXPECT_TRUE(scope.failed());
  EXPECT_EQ(scope.status().message(),
            "expert id of 'rlx.gather_matmul' at position 4 is out of range, "
            "expected 0 <= index < 8, got 9");
}

TEST(KernelAbi, ReportsFromWorkersReachTheScope) {
  ThreadPool pool(4);
  for (int i = 0; i < 100; ++i) {
    ExecutionScope scope(&pool);
    rlx_parallel_for(reportEach, nullptr, 1000);
    expectError(scope.status(), "index of 'test' at position", "got -1");
  }
}

TEST(KernelAbi, ScopesNestAndEnd) {
  ExecutionScope outer(nullptr);
  {
    ExecutionScope inner(nullptr);
    rlx_report_index("id", 0, 1, 1);
    EXPECT_FALSE(inner.status().ok());
  }
  EXPECT_TRUE(outer.status().ok());
  EXPECT_EQ(ExecutionScope::current(), &outer);
}

TEST(KernelAbi, WorkersForgetTheScope) {
  ThreadPool pool(4);
  {
    ExecutionScope scope(&pool);
    std::atomic<int64_t> count{0};
    rlx_parallel_for(countIterations, &count, 1000);
  }
  EXPECT_EQ(ExecutionScope::current(), nullptr);
  std::atomic<int> found{0};
  pool.parallelFor(
      [](void *closure, int64_t, int64_t) {
        if (ExecutionScope::current())
          ++*static_cast<std::atomic<int> *>(closure);
      },
      &found, 1000);
  EXPECT_EQ(found, 0);
}

TEST(KernelAbi, EachThreadHasItsOwnScope) {
  ThreadPool pool(2);
  std::vector<std::thread> hosts;
  for (int64_t t = 0; t < 4; ++t)
    hosts.emplace_back([&pool, t] {
      for (int i = 0; i < 200; ++i) {
        ExecutionScope scope(&pool);
        if (t % 2)
          rlx_parallel_for(reportEach, nullptr, 20);
        std::atomic<int64_t> count{0};
        rlx_parallel_for(countIterations, &count, 20);
        EXPECT_EQ(count, 20);
        EXPECT_EQ(scope.status().ok(), t % 2 == 0);
      }
    });
  for (std::thread &host : hosts)
    host.join();
}

TEST(KernelAbi, ReportWithoutScopeIsPrinted) {
  testing::internal::CaptureStderr();
  rlx_report_index("id of 'x'", 3, 7, 5);
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "rlx: id of 'x' at position 3 is out of range, expected 0 <= index "
            "< 5, got 7\n");
}

//===----------------------------------------------------------------------===//
// Failures
//===----------------------------------------------------------------------===//

/// What generated code may do, one after the other.
struct Steps {
  bool afterCheck = false, afterLoop = false;
  std::atomic<int> parts{0};
};

void failAtOnce(void **arguments) {
  auto *steps = static_cast<Steps *>(arguments[0]);
  // Freed with the run, as what is not released by itself.
  std::memset(rlx_allocate(1000, 64), 1, 1000);
  void *released = rlx_allocate(10, 64);
  rlx_release(released);
  int64_t values[] = {3, -7};
  rlx_fail("expected {}, but got {} of {}", values, 2);
  steps->afterCheck = true;
}

TEST(KernelAbi, AFailureLeavesTheRun) {
  Steps steps;
  void *arguments[] = {&steps};
  ExecutionScope scope(nullptr);
  scope.run(failAtOnce, arguments);
  EXPECT_FALSE(steps.afterCheck);
  EXPECT_EQ(scope.status().message(), "expected 3, but got -7 of {}");
}

void failInALoop(void **arguments) {
  auto *steps = static_cast<Steps *>(arguments[0]);
  rlx_parallel_for(
      [](void *closure, int64_t begin, int64_t end) {
        std::memset(rlx_allocate(100, 64), 1, 100);
        ++static_cast<Steps *>(closure)->parts;
        for (int64_t i = begin; i < end; ++i)
          if (i == 77)
            rlx_fail("iteration {}", &i, 1);
      },
      steps, 100);
  steps->afterLoop = true;
}

TEST(KernelAbi, AFailureOfAPartEndsTheRun) {
  ThreadPool pool(4);
  for (ThreadPool *threads : {static_cast<ThreadPool *>(nullptr), &pool}) {
    Steps steps;
    void *arguments[] = {&steps};
    ExecutionScope scope(threads);
    scope.run(failInALoop, arguments);
    EXPECT_GE(steps.parts, 1);
    EXPECT_FALSE(steps.afterLoop);
    EXPECT_EQ(scope.status().message(), "iteration 77");
  }
}

void allocateTooMuch(void **arguments) {
  *static_cast<void **>(arguments[0]) = rlx_allocate(int64_t(1) << 62, 64);
}

TEST(KernelAbi, AFailedAllocationEndsTheRun) {
  void *memory = nullptr;
  void *arguments[] = {&memory};
  ExecutionScope scope(nullptr);
  scope.run(allocateTooMuch, arguments);
  EXPECT_EQ(memory, nullptr);
  EXPECT_EQ(scope.status().message(),
            "cannot allocate 4611686018427387904 bytes for a tensor");
  ExecutionScope other(nullptr);
  other.run([](void **) { rlx_allocate(-1, 64); }, arguments);
  EXPECT_EQ(other.status().message(),
            "cannot allocate a tensor of 2^63 bytes or more");
}

TEST(KernelAbi, AllocationsAreAligned) {
  for (int64_t alignment : {1, 8, 16, 64, 4096})
    for (int64_t bytes : {0, 1, 100, 5000}) {
      void *memory = rlx_allocate(bytes, alignment);
      EXPECT_EQ(reinterpret_cast<uintptr_t>(memory) % alignment, 0u);
      std::memset(memory, 1, bytes);
      rlx_release(memory);
    }
  rlx_release(nullptr);
}

} // namespace kernel_abi_test
