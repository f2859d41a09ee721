//===- Refusals.h - What devices are known not to do ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_TESTS_FUZZ_REFUSALS_H
#define RLX_TESTS_FUZZ_REFUSALS_H

#include "llvm/ADT/StringRef.h"

#include <string>

namespace rlx::fuzz {

/// Whether an error of compiling a program for a device, or of opening one,
/// names a limit that all programs have there, and nothing that is wrong with
/// this one or missing for it.
bool isRefusal(llvm::StringRef message);

/// The first line of an error without what only this program has: places,
/// names and numbers.
std::string reasonOf(llvm::StringRef message);

} // namespace rlx::fuzz

#endif // RLX_TESTS_FUZZ_REFUSALS_H
