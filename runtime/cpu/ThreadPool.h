//===- ThreadPool.h - Threads that share the iterations of a loop ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs loops with independent iterations on a fixed set of threads. Built for
// many short loops in a row: threads that are late are not waited for, and they
// look for the next loop for a few microseconds before they sleep. There are no
// tasks, futures or priorities.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_CPU_THREADPOOL_H
#define RLX_RUNTIME_CPU_THREADPOOL_H

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace rlx {

class ThreadPool {
public:
  /// A part of a loop: the iterations begin <= i < end.
  using Body = void (*)(void *closure, int64_t begin, int64_t end);

  /// A pool of `numThreads` threads, the caller's included; 0 means as many as
  /// the machine runs at once. Fewer when the system refuses to start them.
  explicit ThreadPool(unsigned numThreads = 0);
  ThreadPool(const ThreadPool &) = delete;
  ThreadPool &operator=(const ThreadPool &) = delete;
  /// No loop may be running.
  ~ThreadPool();

  /// The number of threads that share a loop, the caller's included; at
  /// least 1.
  unsigned size() const { return numThreads; }

  /// Calls `body` with `closure` until each i in 0 <= i < count was in exactly
  /// one call, and returns when all calls have. The calling thread takes part.
  /// May be called by several threads at once and from inside a body: while a
  /// loop occupies the pool, others run on the thread that calls. A body must
  /// not throw.
  void parallelFor(Body body, void *closure, int64_t count);

private:
  void work();
  void runChunks();

  unsigned numThreads = 1;
  bool maySpin = true;

  // The loop that occupies the pool. Written by its caller while no thread has
  // joined, read by threads that have.
  Body body = nullptr;
  void *closure = nullptr;
  uint64_t count = 0;
  uint64_t chunk = 1;

  // Each on a cache line of its own: all threads write them.
  alignas(64) std::atomic<uint64_t> next{0};  ///< First iteration not taken.
  alignas(64) std::atomic<uint32_t> state{0}; ///< See ThreadPool.cpp.
  alignas(64) std::atomic<uint32_t> departures{0};
  alignas(64) std::atomic<bool> isBusy{false};

  std::vector<std::thread> workers;
};

} // namespace rlx

#endif // RLX_RUNTIME_CPU_THREADPOOL_H
