//===- KernelAbi.h - What generated code calls ----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The C functions that compiled programs import, and the scope in which a host
// runs one. An ExecutionScope belongs to the thread that makes it and says who
// runs the parallel loops and where failures go; generated code passes no
// context around. Kernels themselves and their arguments are the code
// generator's.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_CPU_KERNELABI_H
#define RLX_RUNTIME_CPU_KERNELABI_H

#include "runtime/Status.h"

#include <atomic>
#include <cstdint>
#include <mutex>

extern "C" {
/// A part of a parallel loop: the iterations begin <= i < end.
typedef void (*rlx_loop_body)(void *closure, int64_t begin, int64_t end);

/// Calls `body` so that each i in 0 <= i < count is in exactly one call,
/// perhaps on several threads, and returns when all calls have. Uses what the
/// innermost ExecutionScope of the calling thread says; without one, or without
/// a pool, it makes one call on the calling thread.
void rlx_parallel_for(rlx_loop_body body, void *closure, int64_t count);

/// Says that an index read from data is out of range. `what` is NUL-terminated
/// and reads as the subject of a sentence ("expert id of 'rlx.gather_matmul'");
/// `position` counts elements of the tensor of indices, `value` is what stands
/// there, and 0 <= value < bound was expected. The scope keeps the first such
/// report. The caller must go on without using the index. Without a scope the
/// message goes to stderr, rather than nowhere.
void rlx_report_index(const char *what, int64_t position, int64_t value,
                      int64_t bound);

/// Ends the run with an error and does not return: the innermost
/// ExecutionScope::run, or the part of a parallel loop, of the calling thread
/// is left, and what it allocated is freed. `message` is NUL-terminated; each
/// `{}` in it stands for the next of `count` values. Without a run to leave,
/// the message goes to stderr and the process ends.
[[noreturn]] void rlx_fail(const char *message, const int64_t *values,
                           int64_t count);

/// Memory for a tensor of `bytes`, at a multiple of `alignment`, a power of
/// two. Ends the run where there is none, or where `bytes` is negative, which
/// stands for a size beyond 2^63.
void *rlx_allocate(int64_t bytes, int64_t alignment);
/// Frees what rlx_allocate gave, on a thread that runs the same part of a loop.
void rlx_release(void *memory);

// rlx_quantize_rows and rlx_fake_quantize_rows are the compiler's, and are
// there for code that runs in its process alone (codegen/HostQuantizer.h).
}

namespace rlx {

class ThreadPool;

/// A host's own way to run loops, with the contract of rlx_parallel_for: `run`
/// gets `context` and the loop. Its threads need no scope of their own.
struct ParallelFor {
  void *context = nullptr;
  void (*run)(void *context, rlx_loop_body body, void *closure,
              int64_t count) = nullptr;
};

/// From construction to destruction, what compiled programs called by this
/// thread use. Scopes nest; destroy them in reverse order, on the same thread.
class ExecutionScope {
public:
  /// Loops run on `pool`, or on the calling thread when it is null. The pool
  /// must outlive the scope.
  explicit ExecutionScope(ThreadPool *pool);
  /// Loops run through the host; on the calling thread when `run` is null.
  explicit ExecutionScope(ParallelFor parallelFor);
  ExecutionScope(const ExecutionScope &) = delete;
  ExecutionScope &operator=(const ExecutionScope &) = delete;
  ~ExecutionScope();

  /// Success, or the first failure that a program reported.
  Status status() const;
  /// Whether there is one, without a lock.
  bool failed() const { return hasFailed.load(std::memory_order_relaxed); }

  /// The innermost scope of the calling thread, or of the thread for which it
  /// runs a part of a loop; null when there is none.
  static ExecutionScope *current();

  /// Calls `code` with `arguments`. Returns when it does, or where it fails.
  void run(void (*code)(void **arguments), void **arguments);

  /// What the C functions do.
  void parallelFor(rlx_loop_body body, void *closure, int64_t count);
  void report(std::string message);
  /// The same, after which no more parts of loops run.
  void end(std::string message);
  bool ended() const { return hasEnded.load(std::memory_order_relaxed); }

private:
  ThreadPool *pool = nullptr;
  ParallelFor host;
  ExecutionScope *outer;
  std::atomic<bool> hasFailed{false}, hasEnded{false};
  mutable std::mutex failureMutex;
  Status failure;
};

} // namespace rlx

#endif // RLX_RUNTIME_CPU_KERNELABI_H
