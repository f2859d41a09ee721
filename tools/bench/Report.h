//===- Report.h - Measurements as table, JSON or CSV ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_TOOLS_BENCH_REPORT_H
#define RLX_TOOLS_BENCH_REPORT_H

#include "tools/bench/Limits.h"
#include "tools/bench/MatmulBench.h"
#include "tools/bench/OpsBench.h"

namespace rlx {

enum class Format { table, json, csv };

/// A measured case, or why it could not be measured.
struct MatmulRow {
  MatmulCase wanted;
  std::optional<MatmulFigures> figures;
  std::string error;
  Limits limits; ///< Of as many threads.

  double gflops() const {
    return wanted.operations() / figures->medianMs / 1e6;
  }
  double fileGbps() const {
    return figures->fileBytes / figures->medianMs / 1e6;
  }
  bool isBoundByMemory() const { return wanted.isBoundByMemory(); }
  /// Whether subgroups multiply matrices of f16.
  bool usesMatrices() const;
  /// The type that activations are multiplied in.
  llvm::StringRef computedIn() const;
  std::string limitName() const;
  std::optional<double> limit() const;
  std::optional<double> fractionOfLimit() const;
};

void reportLimits(llvm::raw_ostream &stream, Format format,
                  const MachineName &machine,
                  const std::vector<Limits> &limits);
void reportMatmuls(llvm::raw_ostream &stream, Format format,
                   const MachineName &machine,
                   const std::vector<MatmulRow> &rows);
void reportOps(llvm::raw_ostream &stream, Format format,
               const MachineName &machine, const std::vector<OpRow> &rows);
/// `AMD EPYC (znver4), 2 processors`
std::string describe(const MachineName &machine);
/// `82 %`, or a dash.
std::string percent(std::optional<double> fraction);

} // namespace rlx

#endif // RLX_TOOLS_BENCH_REPORT_H
