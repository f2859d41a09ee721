//===- ThreadPoolTest.cpp - Loops on the thread pool ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every iteration runs exactly once, whoever calls: alone, nested, or several
// host threads at a time.
//
//===----------------------------------------------------------------------===//
#include "runtime/cpu/ThreadPool.h"

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <set>

using namespace rlx;

namespace thread_pool_test {

/// Runs a loop with a lambda as its body.
template <class Body> void loop(ThreadPool &pool, int64_t count, Body body) {
  pool.parallelFor(
      [](void *closure, int64_t begin, int64_t end) {
        (*static_cast<Body *>(closure))(begin, end);
      },
      &body, count);
}

void expectOnceEach(ThreadPool &pool, int64_t count) {
  std::vector<std::atomic<int>> hits(static_cast<size_t>(count));
  loop(pool, count, [&](int64_t begin, int64_t end) {
    ASSERT_LE(0, begin);
    ASSERT_LT(begin, end);
    ASSERT_LE(end, count);
    for (int64_t i = begin; i < end; ++i)
      ++hits[static_cast<size_t>(i)];
  });
  for (const std::atomic<int> &hit : hits)
    ASSERT_EQ(hit, 1);
}

TEST(ThreadPool, EveryIterationOnce) {
  for (unsigned threads : {1u, 2u, 3u, 4u, 16u}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.size(), threads);
    for (int64_t count : {1, 2, 3, 15, 16, 17, 127, 1000, 100003})
      expectOnceEach(pool, count);
  }
}

TEST(ThreadPool, DefaultUsesTheMachine) {
  ThreadPool pool;
  EXPECT_EQ(pool.size(), std::max(1u, std::thread::hardware_concurrency()));
  expectOnceEach(pool, 1000);
}

TEST(ThreadPool, NothingToDo) {
  ThreadPool pool(2);
  loop(pool, 0, [](int64_t, int64_t) { FAIL(); });
  loop(pool, -5, [](int64_t, int64_t) { FAIL(); });
}

TEST(ThreadPool, HugeCountDoesNotWrap) {
  ThreadPool pool(3);
  std::atomic<int64_t> sum{0};
  loop(pool, INT64_MAX,
       [&](int64_t begin, int64_t end) { sum += end - begin; });
  EXPECT_EQ(sum, INT64_MAX);
}

TEST(ThreadPool, WorkIsShared) {
  ThreadPool pool(4);
  std::mutex mutex;
  std::condition_variable arrived;
  std::set<std::thread::id> ids;
  // Each part waits until all threads have come; on a busy machine that may
  // take a while.
  loop(pool, 64, [&](int64_t, int64_t) {
    std::unique_lock lock(mutex);
    ids.insert(std::this_thread::get_id());
    arrived.notify_all();
    EXPECT_TRUE(arrived.wait_for(lock, std::chrono::seconds(30),
                                 [&] { return ids.size() == 4; }));
  });
  EXPECT_EQ(ids.size(), 4u);
}

TEST(ThreadPool, WaitsForSlowThreads) {
  // One pool that spins and one that sleeps at once, on most machines.
  for (unsigned threads : {2u, 64u}) {
    ThreadPool pool(threads);
    auto caller = std::this_thread::get_id();
    std::atomic<int> numBegun{0}, numDone{0};
    loop(pool, 100, [&](int64_t begin, int64_t end) {
      if (std::this_thread::get_id() != caller) {
        ++numBegun;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        ++numDone;
        return;
      }
      // The caller goes on as soon as another thread is inside.
      while (numBegun == 0)
        std::this_thread::yield();
    });
    EXPECT_EQ(numDone, numBegun);
    EXPECT_GT(numDone, 0);
  }
}

TEST(ThreadPool, OneThreadStaysOnTheCaller) {
  ThreadPool pool(1);
  int calls = 0;
  loop(pool, 1000, [&](int64_t begin, int64_t end) {
    ++calls;
    EXPECT_EQ(begin, 0);
    EXPECT_EQ(end, 1000);
  });
  EXPECT_EQ(calls, 1);
}

TEST(ThreadPool, NestedLoops) {
  ThreadPool pool(4);
  std::atomic<int64_t> sum{0};
  loop(pool, 100, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      loop(pool, 50, [&](int64_t b, int64_t e) { sum += e - b; });
  });
  EXPECT_EQ(sum, 5000);
}

TEST(ThreadPool, ConcurrentCallers) {
  ThreadPool pool(3);
  std::vector<std::thread> callers;
  for (int t = 0; t < 4; ++t)
    callers.emplace_back([&] {
      for (int i = 0; i < 500; ++i)
        expectOnceEach(pool, i);
    });
  for (std::thread &caller : callers)
    caller.join();
}

TEST(ThreadPool, ShortLoopsBackToBack) {
  for (unsigned threads : {2u, 8u}) {
    ThreadPool pool(threads);
    // Not atomic where it matters: what the parts wrote must be seen after.
    std::vector<int64_t> values(64);
    for (int round = 1; round <= 20000; ++round) {
      loop(pool, 64, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i)
          values[static_cast<size_t>(i)] += i;
      });
      ASSERT_EQ(values[63], 63 * round);
    }
  }
}

TEST(ThreadPool, LoopsAfterSleep) {
  ThreadPool pool(4);
  for (int i = 0; i < 50; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    expectOnceEach(pool, 100);
  }
}

TEST(ThreadPool, StartAndStop) {
  for (int i = 0; i < 200; ++i) {
    ThreadPool pool(1 + i % 5);
    if (i % 2)
      expectOnceEach(pool, 10);
  }
}

} // namespace thread_pool_test
