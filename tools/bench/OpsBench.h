//===- OpsBench.h - Speed of plain operations of linalg ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiles a program of OpsPrograms.h, runs it on random numbers, and measures
// beside it, in turn, what limits it: a copy that reads and writes as many
// bytes, from memory or a cache as they do, or the instruction that multiplies.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_TOOLS_BENCH_OPSBENCH_H
#define RLX_TOOLS_BENCH_OPSBENCH_H

#include "codegen/Compiler.h"
#include "tools/bench/Limits.h"
#include "tools/bench/OpsPrograms.h"

#include <map>

namespace rlx {

struct OpFigures {
  double medianMs = 0, minMs = 0, compileMs = 0;
  size_t runs = 0;
  /// The rate of what limits it: bytes or operations, in 10^9 a second.
  double limit = 0;
  std::optional<double> numpyMs = {}; ///< the median, where it was asked for
};

/// A measured operation, or why it could not be measured.
struct OpRow {
  std::string name;
  Sizes sizes;
  unsigned threads = 1;
  OpProgram program;
  std::optional<OpFigures> figures = {};
  std::string error = {};

  /// `softmax, 32 x 4096, 1 thread`
  std::string describe() const;
  bool isBoundByMemory() const { return program.operations == 0; }
  /// In 10^9 a second.
  double rate() const {
    return (isBoundByMemory() ? program.bytes : program.operations) /
           figures->medianMs / 1e6;
  }
};

class OpsBench {
public:
  /// `seconds` are spent on each operation.
  static llvm::Expected<OpsBench> create(double seconds, std::string choices);

  /// Every operation of `names`, or all, with the sizes that are usual for it,
  /// or with those of `shapes`, such as `512x4096`, that are as many. Errors:
  /// an unknown name, a shape that is none or that no operation takes.
  static llvm::Expected<std::vector<OpRow>>
  rowsOf(llvm::ArrayRef<std::string> names, llvm::ArrayRef<std::string> shapes,
         llvm::ArrayRef<unsigned> threadCounts);

  /// Measures a row.
  llvm::Expected<OpFigures> run(const OpRow &row);
  /// Times of NumPy for all rows, by one run of the program `python`, on as
  /// many threads. A row whose formula NumPy has no function for gets none.
  llvm::Error addNumpy(std::vector<OpRow> &rows, const std::string &python);

private:
  OpsBench(LimitsBench limits, double seconds, std::string choices)
      : limits(std::move(limits)), seconds(seconds),
        choices(std::move(choices)) {}

  LimitsBench limits;
  double seconds;
  std::string choices;
  std::map<unsigned, std::unique_ptr<ThreadPool>> pools;
};

} // namespace rlx

#endif // RLX_TOOLS_BENCH_OPSBENCH_H
