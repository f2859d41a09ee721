//===- GuardedMemory.h - Memory whose borders are watched -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A buffer that ends where a page without access begins, or begins where one
// ends. The bytes between its other end and the page there are set to a pattern
// and checked. No byte beyond either end can be read on the one side, or
// written on the other, without being seen.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_TESTS_FUZZ_GUARDEDMEMORY_H
#define RLX_TESTS_FUZZ_GUARDEDMEMORY_H

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>

namespace rlx::fuzz {

enum class Border { behind, before };

class GuardedMemory {
public:
  /// `bytes` of the pattern, with the page without access `border` of them.
  GuardedMemory(size_t bytes, Border border) : bytes(bytes) {
    size_t page = size_t(sysconf(_SC_PAGESIZE));
    inside = (bytes + page - 1) / page * page;
    if (inside == 0)
      inside = page;
    mapped = inside + 2 * page;
    void *memory = mmap(nullptr, mapped, PROT_NONE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
      return;
    base = static_cast<uint8_t *>(memory);
    usable = base + page;
    mprotect(usable, inside, PROT_READ | PROT_WRITE);
    std::memset(usable, pattern, inside);
    begin = border == Border::behind ? usable + inside - bytes : usable;
  }
  GuardedMemory(GuardedMemory &&other) noexcept
      : bytes(other.bytes), inside(other.inside), mapped(other.mapped),
        base(other.base), usable(other.usable), begin(other.begin) {
    other.base = nullptr;
  }
  GuardedMemory(const GuardedMemory &) = delete;
  GuardedMemory &operator=(const GuardedMemory &) = delete;
  ~GuardedMemory() {
    if (base)
      munmap(base, mapped);
  }

  uint8_t *data() const { return begin; }
  /// From now on a write anywhere here ends the process.
  void protect() const { mprotect(usable, inside, PROT_READ); }
  /// Whether the bytes around the buffer are as they were.
  bool isIntact() const {
    for (const uint8_t *at = usable; at < usable + inside; ++at)
      if ((at < begin || at >= begin + bytes) && *at != pattern)
        return false;
    return true;
  }

private:
  static constexpr uint8_t pattern = 0xA5;
  size_t bytes, inside = 0, mapped = 0;
  uint8_t *base = nullptr, *usable = nullptr, *begin = nullptr;
};

} // namespace rlx::fuzz

#endif // RLX_TESTS_FUZZ_GUARDEDMEMORY_H
