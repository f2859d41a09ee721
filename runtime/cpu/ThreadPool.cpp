//===- ThreadPool.cpp - Threads that share the iterations of a loop -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A loop is opened, joined and closed through one word, `state`: whether it is
// open, how many threads are inside, and whether the pool ends. Its caller
// opens it, takes part, and leaves when the loop is closed and nobody is
// inside. A thread that comes late finds it closed and never held anyone up.
// The fields of the loop are read only between joining and leaving, and written
// only while the loop is closed and empty, so they need no synchronization of
// their own.
//
// Writes that are followed by a notification are sequentially consistent: the
// library skips the system call when it sees nobody asleep, and that look must
// not move before the write.
//
//===----------------------------------------------------------------------===//
#include "runtime/cpu/ThreadPool.h"

#include <algorithm>
#include <chrono>
#include <system_error>

namespace rlx {
namespace {

// The parts of `state`: the low bits count the threads inside.
constexpr uint32_t openBit = 1u << 30;
constexpr uint32_t stopBit = 1u << 31;
constexpr uint32_t insideMask = openBit - 1;

/// More than any machine has, and few enough to be counted in `state`.
constexpr unsigned maxThreads = 4096;

/// How many chunks a thread takes on average: enough that a slow thread costs
/// an eighth of its share at most.
constexpr uint64_t chunksPerThread = 8;

/// How long a thread looks for the next loop before it sleeps; waking one up
/// costs about as much.
constexpr std::chrono::microseconds spinTime{20};

void pauseCpu() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// Spins until `condition` holds or the time is over; says whether it holds.
template <class Condition> bool spinUntil(Condition condition) {
  auto end = std::chrono::steady_clock::now() + spinTime;
  do {
    for (int i = 0; i < 32; ++i) {
      if (condition())
        return true;
      pauseCpu();
    }
  } while (std::chrono::steady_clock::now() < end);
  return condition();
}

} // namespace

ThreadPool::ThreadPool(unsigned requested) {
  unsigned available = std::max(1u, std::thread::hardware_concurrency());
  unsigned wanted = std::min(requested ? requested : available, maxThreads);
  // With more threads than the machine runs at once, spinning only keeps the
  // thread that has work from running.
  maySpin = wanted <= available;
  workers.reserve(wanted - 1);
  // The only exception that the standard library makes us meet: no more
  // threads.
  try {
    while (workers.size() + 1 < wanted)
      workers.emplace_back([this] { work(); });
  } catch (const std::system_error &) {
  }
  numThreads = static_cast<unsigned>(workers.size()) + 1;
}

ThreadPool::~ThreadPool() {
  state.fetch_or(stopBit);
  state.notify_all();
  for (std::thread &worker : workers)
    worker.join();
}

void ThreadPool::work() {
  for (;;) {
    uint32_t seen = state.load(std::memory_order_relaxed);
    auto isCalled = [&] {
      seen = state.load(std::memory_order_relaxed);
      return (seen & (openBit | stopBit)) != 0;
    };
    if (!(maySpin && spinUntil(isCalled)))
      while (!isCalled())
        state.wait(seen, std::memory_order_relaxed);
    if (seen & stopBit)
      return;

    // Join, unless the loop was closed meanwhile. `acquire` shows the loop's
    // fields.
    bool hasJoined = false;
    while ((seen & openBit) && !hasJoined)
      hasJoined = state.compare_exchange_weak(
          seen, seen + 1, std::memory_order_acquire, std::memory_order_relaxed);
    if (!hasJoined)
      continue;
    runChunks();

    // Leave. `release` shows the caller what the body wrote. The last one
    // announces it; when the caller has gone on already, nobody minds.
    uint32_t before = state.fetch_sub(1, std::memory_order_release);
    if ((before & insideMask) == 1) {
      departures.fetch_add(1);
      departures.notify_one();
    }
  }
}

void ThreadPool::runChunks() {
  for (;;) {
    uint64_t begin = next.fetch_add(chunk, std::memory_order_relaxed);
    if (begin >= count)
      break;
    uint64_t end = std::min(begin + chunk, count);
    body(closure, static_cast<int64_t>(begin), static_cast<int64_t>(end));
  }
  // Nothing is left to take, so nobody else needs to come. Whoever is still
  // inside keeps this loop's fields alive; the loop cannot be another one.
  state.fetch_and(~openBit, std::memory_order_relaxed);
}

void ThreadPool::parallelFor(Body loopBody, void *loopClosure,
                             int64_t loopCount) {
  if (loopCount <= 0)
    return;
  // One at a time; another caller, or a body that calls, runs its loop itself.
  if (numThreads == 1 || loopCount == 1 ||
      isBusy.exchange(true, std::memory_order_acquire)) {
    loopBody(loopClosure, 0, loopCount);
    return;
  }

  body = loopBody;
  closure = loopClosure;
  count = static_cast<uint64_t>(loopCount);
  chunk = std::max<uint64_t>(1, count / (chunksPerThread * numThreads));
  next.store(0, std::memory_order_relaxed);
  state.store(openBit);
  state.notify_all();
  runChunks();

  auto isEmpty = [&] {
    return (state.load(std::memory_order_acquire) & insideMask) == 0;
  };
  if (!(maySpin && spinUntil(isEmpty)))
    for (;;) {
      uint32_t seen = departures.load(std::memory_order_acquire);
      if (isEmpty())
        break;
      departures.wait(seen, std::memory_order_acquire);
    }
  isBusy.store(false, std::memory_order_release);
}

} // namespace rlx
