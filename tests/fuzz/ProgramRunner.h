//===- ProgramRunner.h - A program on every target --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs one program on a list of targets, each time in guarded memory, and
// compares with the reference interpreter. Everything happens in a child
// process with a time limit, so that what crashes or hangs is a finding like
// any other.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_TESTS_FUZZ_PROGRAMRUNNER_H
#define RLX_TESTS_FUZZ_PROGRAMRUNNER_H

#include "tests/fuzz/Program.h"

#include "llvm/Support/Error.h"

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace rlx::fuzz {

/// Where a program runs, and how it is compiled for that.
struct RunTarget {
  std::string name;
  std::string cpu; ///< As --target-cpu; empty: the host.
  std::string choices;
  bool deterministic = false;
  unsigned threads = 0; ///< 0: without a pool.
  std::string device;   ///< `vulkan` or `opencl`; empty: the CPU.
};

/// The targets of these names, all where `names` is empty: of the CPU those
/// that this machine runs, and its first devices.
llvm::Expected<std::vector<RunTarget>>
runTargets(const std::vector<std::string> &names);

enum class Verdict {
  right,   ///< The numbers of the reference, or an error where it has one.
  refused, ///< An error that names a limit of devices (Refusals.h).
  wrong,
};

struct RunOutcome {
  std::string target;
  Verdict verdict = Verdict::right;
  std::string message;  ///< Of what is not right.
  bool isError = false; ///< Whether the program is one that must fail.
};

struct RunLimits {
  unsigned seconds = 60;
};

/// Runs the program that `make` gives, which is called in the child, and gives
/// an outcome for each target, as far as the child came.
std::vector<RunOutcome> runInChild(const std::function<RandomProgram()> &make,
                                   const std::vector<RunTarget> &targets,
                                   const RunLimits &limits = {});

} // namespace rlx::fuzz

#endif // RLX_TESTS_FUZZ_PROGRAMRUNNER_H
