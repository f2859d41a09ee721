//===- ProgramReducer.h - Less of a program that fails ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_TESTS_FUZZ_PROGRAMREDUCER_H
#define RLX_TESTS_FUZZ_PROGRAMREDUCER_H

#include "tests/fuzz/ProgramRunner.h"

#include "llvm/Support/raw_ostream.h"

namespace rlx::fuzz {

/// Finds the first target that `program` is wrong on, and prints the part of
/// the program up to the first value that is wrong there. Gives the exit status
/// of a program: 0 where nothing is wrong.
int reduceProgram(const RandomProgram &program,
                  const std::vector<RunTarget> &targets,
                  llvm::raw_ostream &stream);

} // namespace rlx::fuzz

#endif // RLX_TESTS_FUZZ_PROGRAMREDUCER_H
