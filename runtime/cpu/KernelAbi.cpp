//===- KernelAbi.cpp - What generated code calls --------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The scope is found through a thread-local pointer. A loop hands it on: each
// thread that runs a part of the loop has the scope of the loop's caller while
// it does, so that reports and inner loops find it.
//
//===----------------------------------------------------------------------===//
#include "runtime/cpu/KernelAbi.h"

#include "runtime/cpu/ScratchMemory.h"
#include "runtime/cpu/ThreadPool.h"

#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace rlx {
namespace {

thread_local ExecutionScope *currentScope = nullptr;

/// Stands before each allocation, in the list of its frame.
struct Header {
  Header *previous, *next;
  void *block;            ///< What the C library gave, or `scratch`.
  ScratchMemory *scratch; ///< Null: the C library.
  size_t bytes;           ///< Of the block.

  void free() {
    if (scratch)
      scratch->give(block, bytes);
    else
      std::free(block);
  }
};

/// A call of generated code that a failure leaves.
struct Frame {
  Frame() : outer(std::exchange(current, this)) {}
  Frame(const Frame &) = delete;
  /// What is left was allocated by code that did not come to its end.
  ~Frame() {
    while (Header *header = allocations.next) {
      allocations.next = header->next;
      header->free();
    }
    current = outer;
  }
  void add(Header *header) {
    header->previous = &allocations;
    header->next = allocations.next;
    if (header->next)
      header->next->previous = header;
    allocations.next = header;
  }

  std::jmp_buf place;
  Header allocations{};
  Frame *outer;
  static thread_local Frame *current;
};
thread_local Frame *Frame::current = nullptr;

/// A loop together with the scope in which it was called.
struct ScopedLoop {
  ExecutionScope *scope;
  rlx_loop_body body;
  void *closure;

  static void run(void *self, int64_t begin, int64_t end) {
    auto *loop = static_cast<ScopedLoop *>(self);
    // Other parts may have failed.
    if (loop->scope->ended())
      return;
    ExecutionScope *previous = std::exchange(currentScope, loop->scope);
    {
      Frame frame;
      if (setjmp(frame.place) == 0)
        loop->body(loop->closure, begin, end);
    }
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

void ExecutionScope::run(void (*code)(void **), void **arguments) {
  Frame frame;
  if (setjmp(frame.place) == 0)
    code(arguments);
}

void ExecutionScope::report(std::string message) {
  std::lock_guard lock(failureMutex);
  if (failure.ok())
    failure = Status::error(std::move(message));
  hasFailed.store(true, std::memory_order_relaxed);
}

void ExecutionScope::end(std::string message) {
  report(std::move(message));
  hasEnded.store(true, std::memory_order_relaxed);
}

} // namespace rlx

void rlx_parallel_for(rlx_loop_body body, void *closure, int64_t count) {
  rlx::ExecutionScope *scope = rlx::ExecutionScope::current();
  if (!scope) {
    if (count > 0)
      body(closure, 0, count);
    return;
  }
  scope->parallelFor(body, closure, count);
  if (scope->ended() && rlx::Frame::current)
    std::longjmp(rlx::Frame::current->place, 1);
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

/// Reports the message; what it allocates must not outlive the call.
static void reportFailure(const char *message, const int64_t *values,
                          int64_t count) {
  std::string text;
  std::string_view rest = message;
  for (int64_t i = 0; i < count; ++i) {
    size_t place = rest.find("{}");
    if (place == rest.npos)
      break;
    text += rest.substr(0, place);
    text += std::to_string(values[i]);
    rest.remove_prefix(place + 2);
  }
  text += rest;
  rlx::ExecutionScope *scope = rlx::ExecutionScope::current();
  if (scope && rlx::Frame::current)
    scope->end(std::move(text));
  else
    fmt::print(stderr, "rlx: {}\n", text);
}

void rlx_fail(const char *message, const int64_t *values, int64_t count) {
  reportFailure(message, values, count);
  if (!rlx::Frame::current)
    std::exit(EXIT_FAILURE);
  std::longjmp(rlx::Frame::current->place, 1);
}

void *rlx_allocate(int64_t bytes, int64_t alignment) {
  // In front of the tensor, as far as its alignment asks.
  constexpr size_t least = rlx::ScratchMemory::alignment;
  size_t unit = std::max<size_t>(alignment, least), size = 0;
  static_assert(sizeof(rlx::Header) <= least);
  char *block = nullptr;
  rlx::ScratchMemory *scratch =
      unit == least ? &rlx::ScratchMemory::ofProcess() : nullptr;
  if (bytes >= 0 && size_t(bytes) <= SIZE_MAX / 2 - 2 * unit) {
    size = unit + (bytes + unit - 1) / unit * unit;
    block = static_cast<char *>(scratch ? scratch->take(size)
                                        : std::aligned_alloc(unit, size));
  }
  if (!block) {
    int64_t values[] = {bytes};
    rlx_fail(bytes < 0 ? "cannot allocate a tensor of 2^63 bytes or more"
                       : "cannot allocate {} bytes for a tensor",
             values, bytes < 0 ? 0 : 1);
  }
  auto *header =
      reinterpret_cast<rlx::Header *>(block + unit - sizeof(rlx::Header));
  *header = {nullptr, nullptr, block, scratch, size};
  if (rlx::Frame::current)
    rlx::Frame::current->add(header);
  return block + unit;
}

void rlx_release(void *memory) {
  if (!memory)
    return;
  rlx::Header *header = static_cast<rlx::Header *>(memory) - 1;
  if (header->previous)
    header->previous->next = header->next;
  if (header->next)
    header->next->previous = header->previous;
  header->free();
}
