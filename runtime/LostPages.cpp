//===- LostPages.cpp - Mapped files that are cut while they are read ------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/LostPages.h"

#include "runtime/OutputFile.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <mutex>

namespace rlx {
namespace {

/// A mapping in a list that a handler of signals can walk: nodes are added at
/// the front and reused, never freed.
struct Mapping {
  std::atomic<uintptr_t> begin = 0; ///< 0 where the node is free.
  std::atomic<size_t> size = 0;
  char path[512] = {};
  Mapping *next = nullptr;
};

std::atomic<Mapping *> mappings = nullptr;
std::atomic<const char *> programName = "";
std::mutex mutex; // Of those who change the list.

Mapping *find(uintptr_t address) {
  for (Mapping *each = mappings; each; each = each->next)
    if (uintptr_t begin = each->begin;
        begin && address >= begin && address - begin < each->size)
      return each;
  return nullptr;
}

void write(const char *text) {
  // Nobody is left to be told that this failed.
  [[maybe_unused]] ssize_t written =
      ::write(STDERR_FILENO, text, std::strlen(text));
}

void handle(int number, siginfo_t *info, void *) {
  const Mapping *mapping =
      info->si_code == BUS_ADRERR
          ? find(reinterpret_cast<uintptr_t>(info->si_addr))
          : nullptr;
  if (!mapping) {
    signal(number, SIG_DFL);
    raise(number);
    return;
  }
  write(programName);
  write(": error: '");
  write(mapping->path);
  write("' was changed while it was in use: the part that is being read is "
        "gone\n");
  removeTemporaries();
  _exit(1);
}

} // namespace

void exitOnLostPages(const char *program) {
  programName = program;
  struct sigaction action = {};
  action.sa_sigaction = handle;
  action.sa_flags = SA_SIGINFO;
  sigemptyset(&action.sa_mask);
  sigaction(SIGBUS, &action, nullptr);
}

void noteMapping(std::span<const std::byte> bytes, const std::string &path) {
  if (bytes.empty())
    return;
  std::lock_guard lock(mutex);
  Mapping *node = mappings;
  while (node && node->begin)
    node = node->next;
  bool isNew = !node;
  if (isNew)
    node = new Mapping;
  size_t length = std::min(path.size(), sizeof(node->path) - 1);
  std::memcpy(node->path, path.data(), length);
  node->path[length] = 0;
  node->size = bytes.size();
  node->begin = reinterpret_cast<uintptr_t>(bytes.data());
  if (isNew) {
    node->next = mappings;
    mappings = node;
  }
}

void forgetMapping(std::span<const std::byte> bytes) {
  if (bytes.empty())
    return;
  std::lock_guard lock(mutex);
  if (Mapping *node = find(reinterpret_cast<uintptr_t>(bytes.data())))
    node->begin = 0;
}

} // namespace rlx
