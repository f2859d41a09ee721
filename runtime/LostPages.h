//===- LostPages.h - Mapped files that are cut while they are read --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A page of a mapped file that somebody cut off raises SIGBUS where it is read,
// in the middle of a kernel: no function can return an error from there. What
// can be done is to say which file it was.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_LOSTPAGES_H
#define RLX_RUNTIME_LOSTPAGES_H

#include <cstddef>
#include <span>
#include <string>

namespace rlx {

/// For programs, not for libraries in them: from here on, reading a page that a
/// mapped file has no more prints one error that names the file and ends the
/// process with status 1. The error begins with the name of the program, which
/// lives as long as it. Other reasons for SIGBUS end it by that signal.
void exitOnLostPages(const char *program);

/// Names `bytes`, which are mapped, in that error until they are forgotten.
void noteMapping(std::span<const std::byte> bytes, const std::string &path);
void forgetMapping(std::span<const std::byte> bytes);

} // namespace rlx

#endif // RLX_RUNTIME_LOSTPAGES_H
