//===- Progress.cpp - How far a conversion is -----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/quantize/Progress.h"

#include "runtime/Text.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>

using namespace rlx::quantize;

Progress::Progress(size_t numSteps, double totalWork)
    : numSteps(numSteps), totalWork(std::max(totalWork, 1.0)),
      shown(llvm::sys::Process::StandardErrIsDisplayed()) {}

Progress::~Progress() { clear(); }

void Progress::clear() {
  if (shown)
    llvm::errs() << "\r\x1b[K";
}

void Progress::begin(size_t number, llvm::StringRef weight, double all) {
  std::lock_guard lock(mutex);
  before += double(done.exchange(0));
  step = number;
  name = quotedWhereOdd(weight);
  work = std::max(all, 1.0);
  last = 0;
  show();
}

void Progress::advance(int64_t some) {
  int64_t now = done.fetch_add(some) + some;
  if (!shown)
    return;
  auto percent = int(std::min(100.0, 100 * double(now) / work));
  if (percent <= last)
    return;
  std::lock_guard lock(mutex);
  if (percent <= last)
    return;
  last = percent;
  show();
}

void Progress::show() {
  if (!shown)
    return;
  double all = 100 * std::min(1.0, (before + double(done)) / totalWork);
  llvm::errs() << llvm::formatv("\r\x1b[K[{0}/{1}] {2} {3}%, {4}% of all",
                                step + 1, numSteps, name, int(last), int(all));
}
