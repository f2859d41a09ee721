//===- KernelAbi.cpp - What generated code calls --------------------------===//
//
// The scope is found through a thread-local pointer. A loop hands it on: each
// thread that runs a part of the loop has the scope of the loop's caller while
// it does, so that reports and inner loops find it.
//
//===----------------------------------------------------------------------===//
#include "runtime/KernelAbi.h"

#include "runtime/ThreadPool.h"

#include <cstdio>
#include <utility>

namespace rlx {
namespace {

thread_local ExecutionScope *currentScope = nullptr;

/// A loop together with the scope in which it was called.
struct ScopedLoop {
  ExecutionScope *scope;
  rlx_loop_body body;
  void *closure;

  static void run(void *self, int64_t begin, int64_t end) {
    auto *loop = static_cast<ScopedLoop *>(self);
    ExecutionScope *previous = std::exchange(currentScope, loop->scope);
    loop->body(loop->closure, begin, end);
    currentScope = previous;
  }
};

} // namespace

ExecutionScope::ExecutionScope(ThreadPool *pool)
    : pool(pool), outer(std::exchange(currentScope, this)) {}

ExecutionScope::ExecutionScope(ParallelFor parallelFor)
    : host(parallelFor), outer(std::exchange(currentScope, this)) {}

ExecutionScope::~ExecutionScope() { currentScope = outer; }

ExecutionScope *ExecutionScope::current() { return currentScope; }

Status ExecutionScope::status() const {
  std::lock_guard lock(failureMutex);
  return failure;
}

void ExecutionScope::parallelFor(rlx_loop_body body, void *closure,
                                 int64_t count) {
  if (count <= 0)
    return;
  ScopedLoop loop{this, body, closure};
  if (host.run)
    host.run(host.context, ScopedLoop::run, &loop, count);
  else if (pool)
    pool->parallelFor(ScopedLoop::run, &loop, count);
  else
    body(closure, 0, count);
}

void ExecutionScope::report(std::string message) {
  std::lock_guard lock(failureMutex);
  if (failure.ok())
    failure = Status::error(std::move(message));
  hasFailed.store(true, std::memory_order_relaxed);
}

} // namespace rlx

void rlx_parallel_for(rlx_loop_body body, void *closure, int64_t count) {
  if (rlx::ExecutionScope *scope = rlx::ExecutionScope::current())
    scope->parallelFor(body, closure, count);
  else if (count > 0)
    body(closure, 0, count);
}

void rlx_report_index(const char *what, int64_t position, int64_t value,
                      int64_t bound) {
  rlx::ExecutionScope *scope = rlx::ExecutionScope::current();
  // A whole tensor of wrong indices makes one message, not thousands.
  if (scope && scope->failed())
    return;
  std::string message =
      fmt::format("{} at position {} is out of range, expected 0 <= index < "
                  "{}, got {}",
                  what, position, bound, value);
  if (scope)
    scope->report(std::move(message));
  else
    fmt::print(stderr, "rlx: {}\n", message);
}
