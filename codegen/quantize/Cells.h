//===- Cells.h - Which elements share which fields --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A cell is a place where a scale, zero or offset is stored: some bits of a
// block, or an element of a side tensor. A group is all elements that read the
// same cells, and therefore lie on one line. Cells that no element joins are
// chosen independently: a problem is a set of cells and groups that are joined,
// a block of most schemes, and a whole weight where it has one global scale.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_QUANTIZE_CELLS_H
#define RLX_CODEGEN_QUANTIZE_CELLS_H

#include "ir/Scheme.h"

#include "llvm/Support/Error.h"

#include <optional>
#include <vector>

namespace rlx::quantize {

/// The fields of a scheme but its codes, numbered: scale factors first, then
/// the zero, then offset factors.
struct FieldList {
  explicit FieldList(QuantScheme scheme);

  llvm::SmallVector<FieldAttr> fields;
  int numScales = 0, numZeros = 0;

  bool isScale(int i) const { return i < numScales; }
  bool isZero(int i) const { return i >= numScales && !isOffset(i); }
  bool isOffset(int i) const { return i >= numScales + numZeros; }
};

struct Cell {
  int field;
  int64_t element; ///< One of those that read it, as its position.
  llvm::SmallVector<int> groups;
};

struct Group {
  int64_t begin = 0, end = 0;   ///< In the order of the problem's elements.
  llvm::SmallVector<int> cells; ///< For each field of the list, its cell.
};

struct Problem {
  std::vector<int64_t> elements; ///< Positions, group after group.
  std::vector<Group> groups;
  std::vector<Cell> cells;
};

/// A rectangle of a weight: whole rows, or one block. Positions count its
/// elements, row after row.
struct Patch {
  int64_t firstRow = 0, rows = 1, columns = 0;
};

/// Whether all elements of a weight, or of an expert, read the same element of
/// a side tensor: a global scale.
bool isOfWholeWeight(const SideOperand &side);

/// How many rows of a weight with N of them have to be quantized together,
/// because of cells that they share; perhaps without those of whole weights.
int64_t rowsTogether(QuantScheme scheme, int64_t n,
                     bool leaveOutWholeWeight = false);

/// Whether no field lies beside the blocks: then a block is a problem, and all
/// blocks are alike.
bool hasBlocksOnly(QuantScheme scheme);

/// Codes that are given for some fields, by their number in the list: each
/// problem has one cell of such a field. Empty: for none.
using FixedCodes = llvm::ArrayRef<std::optional<uint32_t>>;

/// The problems of a patch. Groups that have nothing but cells of `fixed`
/// fields in common are not joined. Error: a field whose planes are shared by
/// different elements, which have no codes of their own.
llvm::Expected<std::vector<Problem>> problemsOf(QuantScheme scheme, Patch patch,
                                                FixedCodes fixed = {});

} // namespace rlx::quantize

#endif // RLX_CODEGEN_QUANTIZE_CELLS_H
