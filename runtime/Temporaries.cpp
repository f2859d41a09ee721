//===- Temporaries.cpp - Temporary files that signals remove --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/Temporaries.h"

#include "runtime/OutputFile.h"

#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <mutex>

namespace rlx {
namespace {

/// A name in a list that a handler of signals can walk: nodes are added at the
/// front and reused, never freed. Whoever takes the name out owns it.
struct Temporary {
  std::atomic<char *> path = nullptr; ///< Null where the node is free.
  Temporary *next = nullptr;
};

std::atomic<Temporary *> temporaries = nullptr;
std::mutex temporariesMutex; // Of those who change the list.

constexpr std::array handledSignals = {SIGINT, SIGTERM, SIGHUP};
/// What was done before, and still is: LLVM has handlers of its own.
std::array<struct sigaction, handledSignals.size()> earlierActions;

void removeAndRaise(int number) {
  int reason = errno;
  removeTemporaries();
  for (size_t i = 0; i < handledSignals.size(); ++i)
    if (handledSignals[i] == number)
      sigaction(number, &earlierActions[i], nullptr);
  raise(number); // delivered when this handler is left
  errno = reason;
}

} // namespace

void noteTemporary(const std::string &path) {
  std::lock_guard lock(temporariesMutex);
  Temporary *node = temporaries;
  while (node && node->path)
    node = node->next;
  if (node) {
    node->path = strdup(path.c_str());
    return;
  }
  node = new Temporary;
  node->path = strdup(path.c_str());
  node->next = temporaries;
  temporaries = node;
}

void forgetTemporary(const std::string &path) {
  std::lock_guard lock(temporariesMutex);
  for (Temporary *each = temporaries; each; each = each->next) {
    char *known = each->path;
    if (!known || path != known)
      continue;
    // A handler may have taken it meanwhile; it does not free.
    std::free(each->path.exchange(nullptr));
    return;
  }
}

void removeTemporaries() {
  for (Temporary *each = temporaries; each; each = each->next)
    if (const char *path = each->path.exchange(nullptr))
      unlink(path);
}

void removeTemporariesOnSignals() {
  for (size_t i = 0; i < handledSignals.size(); ++i) {
    struct sigaction &earlier = earlierActions[i];
    if (sigaction(handledSignals[i], nullptr, &earlier) != 0 ||
        earlier.sa_handler == SIG_IGN || earlier.sa_handler == removeAndRaise)
      continue; // ignored, as nohup wants it
    struct sigaction action = {};
    action.sa_handler = removeAndRaise;
    sigemptyset(&action.sa_mask);
    sigaction(handledSignals[i], &action, nullptr);
  }
}

} // namespace rlx
