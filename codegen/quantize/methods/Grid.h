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

#include "codegen/quantize/FieldBits.h"
#include "codegen/quantize/Quantizer.h"
#include "codegen/quantize/Solver.h"

namespace rlx::quantize {

/// Of a weight [N, K].
class Grid {
public:
  /// Errors: those of Quantizer, and another rank.
  static llvm::Expected<std::unique_ptr<Grid>>
  create(QuantScheme scheme, llvm::ArrayRef<int64_t> shape,
         const QuantizeOptions &options);

  int64_t rows() const { return shape.front(); }
  int64_t columns() const { return shape.back(); }
  int64_t rowsTogether() const { return together; }

  /// Whether rows `begin` to `end` may be quantized, with these values into
  /// these bytes.
  llvm::Error check(llvm::ArrayRef<float> values, int64_t begin, int64_t end,
                    const QuantizedBytes &bytes) const;

private:
  friend class GridRows;
  Grid(QuantScheme scheme, QuantRule rule);

  QuantScheme scheme;
  QuantRule rule;
  SchemeNumbers numbers;
  FieldBits codeBits;
  std::vector<std::optional<FieldBits>> fieldBits; ///< None for side tensors.
  std::vector<int64_t> shape;
  std::vector<float> importance;
  std::string what; ///< For messages.
  int64_t together = 1, scaleBytes = 0, zeroBytes = 0, globalBytes = 0;
};

/// Some rows of it. A range begins and ends at multiples of `rowsTogether`.
class GridRows {
public:
  static llvm::Expected<GridRows> create(const Grid &grid, int64_t begin,
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
  GridRows(const Grid &grid, int64_t begin, int64_t end)
      : grid(grid), begin(begin), end(end) {}
  void writeCell(const Cell &cell, uint32_t code, QuantizedBytes bytes) const;
  void writeSums(int64_t row, QuantizedBytes bytes) const;
  uint8_t *blockAt(int64_t row, int64_t column, QuantizedBytes bytes) const;

  const Grid &grid;
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
