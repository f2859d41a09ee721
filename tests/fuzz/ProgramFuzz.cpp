//===- ProgramFuzz.cpp - Random programs on all targets -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Makes programs from seeds, runs each on every target and compares with the
// reference interpreter. What differs, crashes, hangs, or fails where the
// reference does not is told with its seed; `--print` shows the program of a
// seed, `--reduce` a smaller one that fails in the same way.
//
//===----------------------------------------------------------------------===//

#include "codegen/Compiler.h"
#include "tests/fuzz/ProgramFile.h"
#include "tests/fuzz/ProgramGenerator.h"
#include "tests/fuzz/ProgramReducer.h"
#include "tests/fuzz/ProgramRunner.h"
#include "tests/fuzz/Refusals.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <chrono>
#include <map>

using namespace rlx;
using namespace rlx::fuzz;
namespace cl = llvm::cl;

static cl::opt<uint64_t> firstSeed("seed", cl::init(1), cl::value_desc("N"),
                                   cl::desc("The first seed (1)"));
static cl::opt<unsigned> count("count", cl::init(0), cl::value_desc("N"),
                               cl::desc("Programs to try"));
static cl::opt<double> seconds("seconds", cl::init(0), cl::value_desc("S"),
                               cl::desc("Time to try programs for"));
static cl::list<std::string> targetNames("target", cl::CommaSeparated,
                                         cl::value_desc("name"),
                                         cl::desc("Targets to run on (all)"));
static cl::opt<unsigned>
    extra("extra", cl::init(100), cl::value_desc("N"),
          cl::desc("Run beside the first target on so many others (all)"));
static cl::opt<unsigned>
    limit("limit", cl::init(60), cl::value_desc("S"),
          cl::desc("Seconds that a program may take (60)"));
static cl::opt<bool> print("print", cl::desc("Print the program of the seed"));
static cl::opt<bool> reduce("reduce",
                            cl::desc("Print a smaller program that fails like "
                                     "that of the seed, on the first target "
                                     "that it fails on"));
static cl::list<std::string>
    files(cl::Positional, cl::value_desc("program.mlir ..."),
          cl::desc("<programs to run in place of random ones>"));
static cl::opt<bool>
    straight("straight",
             cl::desc("Programs without control flow or sizes that are data, "
                      "which devices refuse"));
static cl::opt<bool> verbose("verbose", cl::desc("Tell every refusal, too"));

static RandomProgram makeProgram(uint64_t seed) {
  std::unique_ptr<mlir::MLIRContext> context = createContext();
  return ProgramGenerator(*context, seed, straight).generate();
}

namespace {
struct Counts {
  unsigned right = 0, errors = 0, refused = 0, wrong = 0;
  std::map<std::string, unsigned> refusals; ///< By reason.
};
} // namespace

static void printCounts(const std::string &target, const Counts &counts) {
  llvm::outs() << target << ": " << counts.right << " right, " << counts.errors
               << " errors as expected, " << counts.refused << " refused, "
               << counts.wrong << " wrong\n";
  std::vector<std::pair<unsigned, std::string>> reasons;
  for (const auto &[reason, count] : counts.refusals)
    reasons.push_back({count, reason});
  llvm::sort(reasons, std::greater<>());
  for (const auto &[count, reason] : reasons)
    llvm::outs() << llvm::formatv("{0,6} {1}\n", count, reason);
}

/// Runs a program of a file; tells what is wrong.
static bool runFile(const std::string &path,
                    const std::vector<RunTarget> &targets) {
  llvm::Expected<RandomProgram> program = readProgram(path);
  if (!program) {
    llvm::outs() << llvm::toString(program.takeError()) << "\n";
    return false;
  }
  bool isRight = true;
  for (const RunOutcome &outcome :
       runInChild([&] { return *program; }, targets)) {
    bool isMissed = program->mustFail && outcome.verdict == Verdict::right &&
                    !outcome.isError;
    if (outcome.verdict != Verdict::wrong && !isMissed)
      continue;
    isRight = false;
    llvm::outs() << path << ", " << outcome.target << ": "
                 << (isMissed ? "expected an error, but got numbers"
                              : outcome.message)
                 << "\n";
  }
  return isRight;
}

static int runSeeds(const std::vector<RunTarget> &targets) {
  std::map<std::string, Counts> counts;
  unsigned programs = 0, failures = 0;
  auto start = std::chrono::steady_clock::now();
  auto isTime = [&] {
    std::chrono::duration<double> spent =
        std::chrono::steady_clock::now() - start;
    return (!count || programs < count) &&
           (seconds > 0 ? spent.count() < seconds : count > 0 || programs < 1);
  };
  for (uint64_t seed = firstSeed; isTime(); ++seed) {
    ++programs;
    // The first target, and some of the others in turn.
    std::vector<RunTarget> chosen = {targets.front()};
    for (size_t i = 0; i < std::min<size_t>(extra, targets.size() - 1); ++i)
      chosen.push_back(targets[1 + (seed * extra + i) % (targets.size() - 1)]);
    RunLimits limits;
    limits.seconds = limit;
    bool failed = false;
    for (const RunOutcome &outcome :
         runInChild([&] { return makeProgram(seed); }, chosen, limits)) {
      Counts &sum = counts[outcome.target];
      switch (outcome.verdict) {
      case Verdict::right:
        ++(outcome.isError ? sum.errors : sum.right);
        break;
      case Verdict::refused:
        ++sum.refused;
        ++sum.refusals[reasonOf(outcome.message)];
        if (verbose)
          llvm::outs() << "seed " << seed << ", " << outcome.target
                       << ", refused: " << outcome.message << "\n";
        break;
      case Verdict::wrong:
        ++sum.wrong;
        failed = true;
        llvm::outs() << "seed " << seed << ", " << outcome.target << ": "
                     << outcome.message << "\n";
        llvm::outs().flush();
        break;
      }
    }
    failures += failed;
  }
  for (const auto &[target, sum] : counts)
    printCounts(target, sum);
  llvm::outs() << programs << " programs, " << failures << " with a fault\n";
  return failures != 0;
}

int main(int argc, char **argv) {
  cl::ParseCommandLineOptions(argc, argv,
                              "Random programs on all targets, compared with "
                              "the reference interpreter\n");
  llvm::Expected<std::vector<RunTarget>> found =
      runTargets({targetNames.begin(), targetNames.end()});
  if (!found) {
    llvm::errs() << "error: --target: " << llvm::toString(found.takeError())
                 << "\n";
    return 2;
  }
  const std::vector<RunTarget> &targets = *found;
  if (print) {
    RandomProgram program = makeProgram(firstSeed);
    for (const Data &input : program.inputs)
      llvm::outs() << "// input: "
                   << TensorView{input.type, input.shape, nullptr}.describe()
                   << "\n";
    llvm::outs() << program.text;
    return 0;
  }
  if (reduce)
    return reduceProgram(makeProgram(firstSeed), targets, llvm::outs());

  if (!files.empty()) {
    bool failed = false;
    for (const std::string &file : files)
      failed |= !runFile(file, targets);
    return failed;
  }
  return runSeeds(targets);
}
