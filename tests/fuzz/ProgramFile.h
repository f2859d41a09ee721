//===- ProgramFile.h - Programs that once failed ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_TESTS_FUZZ_PROGRAMFILE_H
#define RLX_TESTS_FUZZ_PROGRAMFILE_H

#include "tests/fuzz/Program.h"

#include "llvm/Support/Error.h"

namespace rlx::fuzz {

/// Reads a program from a file. Lines `// input: f32 [3, 64]` say what its
/// inputs are, which are random; `// input: i32 [2] = 0 7` gives the elements.
/// A line `// error` says that a run has to end with one.
llvm::Expected<RandomProgram> readProgram(const std::string &path);

} // namespace rlx::fuzz

#endif // RLX_TESTS_FUZZ_PROGRAMFILE_H
