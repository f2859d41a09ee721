//===- Grid.h - The numbers that a scheme can hold, row by row --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// For algorithms that choose codes one after the other: scales are chosen for a
// piece (all elements that share them, a block of most schemes) from numbers
// that are given then, and each element becomes the nearest number of the grid
// that its scales make. Works for every scheme; nothing here knows one.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_QUANTIZE_METHODS_GRID_H
#define RLX_CODEGEN_QUANTIZE_METHODS_GRID_H

#include "codegen/quantize/WeightPlan.h"

namespace rlx::quantize {

/// The plan of a weight. Errors: those of Quantizer.
llvm::Expected<std::unique_ptr<WeightPlan>>
planOfGrid(QuantScheme scheme, llvm::ArrayRef<int64_t> shape,
           QuantizeOptions options);

/// Some rows of it, of one expert. A range begins and ends at multiples of
/// `plan.together`.
class GridRows {
public:
  static llvm::Expected<GridRows> create(const WeightPlan &plan, int64_t begin,
                                         int64_t end);

  /// Pieces in rising order of their first columns, each with the columns that
  /// it has elements in.
  struct Piece {
    int problem;
    int64_t firstColumn = 0, endColumn = 0;
  };
  llvm::ArrayRef<Piece> pieces() const { return order; }

  /// Chooses the scales of a piece for `values`, those of all these rows.
  void chooseScales(const Piece &piece, llvm::ArrayRef<double> values);
  /// Chooses the code of an element, whose piece has scales; gives the number
  /// that it means. Rows count from the first of the range.
  double choose(int64_t row, int64_t column, double value);

  /// Writes what has been chosen; `bytes` are those of these rows.
  void write(QuantizedBytes bytes) const;

private:
  GridRows(const WeightPlan &plan, int64_t begin, int64_t end)
      : plan(plan), begin(begin), end(end) {}

  const WeightPlan &plan;
  int64_t begin, end;
  std::vector<Problem> problems;
  std::vector<Piece> order;
  std::vector<int> firstGroup;      ///< Of each problem, in `parts`.
  std::vector<Solver::Parts> parts; ///< Of each group of all problems.
  std::vector<int> groupOf;         ///< Of each element, in `parts`.
  std::vector<std::vector<uint32_t>> cellCodes; ///< Of each problem.
  std::vector<uint32_t> codes;                  ///< Of each element.
};

} // namespace rlx::quantize

#endif // RLX_CODEGEN_QUANTIZE_METHODS_GRID_H
