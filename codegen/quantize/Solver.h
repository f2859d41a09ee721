//===- Solver.h - Scales and offsets of least error -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Chooses the codes of all cells of a problem (Cells.h) such that the weighted
// squared error is small: a line for each group by itself (LineSearch.h),
// factors of its scale and base from the coarsest to the finest
// (FactorStart.h), then alternating least squares: codes for the cells, one
// cell or a pair of them for the codes, in the numbers that can be stored,
// until nothing gets better. Nothing here knows how many levels of scales a
// scheme has.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_QUANTIZE_SOLVER_H
#define RLX_CODEGEN_QUANTIZE_SOLVER_H

#include "codegen/quantize/Cells.h"
#include "codegen/quantize/FactorStart.h"
#include "codegen/quantize/LineSearch.h"
#include "codegen/quantize/TrialNumbers.h"
#include "codegen/quantize/VectorCodes.h"

namespace rlx::quantize {

/// What a scheme's fields can hold.
struct SchemeNumbers {
  SchemeNumbers(QuantScheme scheme, QuantRule::Ties ties);
  SchemeNumbers(const SchemeNumbers &) = delete;

  QuantScheme scheme;
  FieldList list;
  std::vector<FieldNumbers> fields; ///< In the order of the list.
  FieldNumbers code;
  CodeLine line;                         ///< Of `code`.
  std::vector<TrialNumbers> trialFields; ///< In the order of the list.
  TrialNumbers trialCode;
};

/// The codes of a problem's cells, and what follows from them.
struct Solution {
  std::vector<uint32_t> codes;
  std::vector<double> q;      ///< For each element, its number.
  std::vector<Sums> sums;     ///< Of each group.
  std::vector<double> errors; ///< Of each group.
  double error = 0;
};

class Solver {
public:
  /// Values and weights are in the order of the problem's elements. `vectors`
  /// are those of the problem, where codes are looked up; codes of `fixed`
  /// fields stay.
  Solver(const SchemeNumbers &numbers, const Problem &problem, const double *x,
         const double *w, const VectorCodes *vectors = nullptr,
         FixedCodes fixed = {});

  Solution solve();

  /// The line that a group's elements lie on, and its parts.
  struct Parts {
    double scale = 1, zero = 0, offset = 0;
    double base() const { return offset - scale * zero; }
  };
  static Parts partsOf(const SchemeNumbers &numbers, const Group &group,
                       llvm::ArrayRef<uint32_t> codes);

private:
  llvm::SmallVector<LineRange> hypotheses() const;
  void fitGroups(LineRange range);
  void prepareStart(double stretch = 1);
  Solution solveVectors();
  void startFrom(Solution &solution, int attempt);
  void refine(Solution &solution);
  void unsettle(int cell);
  bool refineCell(Solution &solution, int cell);
  bool refinePair(Solution &solution, int scale, int base);
  bool refineIrregular(Solution &solution, int cell);

  bool isFixed(int cell) const {
    return !fixed.empty() && fixed[problem.cells[cell].field];
  }
  Samples samplesOf(const Group &group) const {
    return {x + group.begin, w + group.begin, group.end - group.begin};
  }
  /// Chooses the numbers of groups anew for the cells' codes.
  double evaluate(Solution &solution, llvm::ArrayRef<int> groups) const;
  /// Takes the codes of the cells, and what follows from them in the groups,
  /// from `trial` if that is better by more than rounding.
  bool takeIfBetter(Solution &solution, llvm::ArrayRef<int> groups,
                    llvm::ArrayRef<int> cells);
  bool tryCodes(Solution &solution, int cell, llvm::ArrayRef<uint32_t> codes);
  /// The product of the factors of a group's scale or offset but those in
  /// `cell`.
  double othersOf(const Group &group, int cell, bool offset,
                  llvm::ArrayRef<uint32_t> codes) const;
  void findPairs();

  const SchemeNumbers &numbers;
  const Problem &problem;
  const double *x, *w;
  const VectorCodes *vectors;
  FixedCodes fixed;
  std::vector<SampleSums> all;              ///< Of each group.
  std::vector<FittedLine> fitted;           ///< Of each group.
  llvm::SmallVector<FactorStart, 3> starts; ///< Of scale, zero and offset.
  llvm::SmallVector<int> order; ///< Cells, those of fewest groups first.
  std::vector<int> baseOf;      ///< Of a scale's cell: that of its base.
  std::vector<bool> isPaired, isIrregular;
  std::vector<bool> isSettled; ///< Cells that gave nothing, until others do.
  Solution trial; ///< In refine, its codes are the solution's between steps.
};

} // namespace rlx::quantize

#endif // RLX_CODEGEN_QUANTIZE_SOLVER_H
