//===- RowWriter.h - Problems of some rows, solved and written --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Gathers the elements of a problem, has its scales and codes chosen, and
// writes them to where the scheme says. What it knows of the weight is the
// quantizer's own, which is a template's parameter because nobody else may see
// it.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_QUANTIZE_ROWWRITER_H
#define RLX_CODEGEN_QUANTIZE_ROWWRITER_H

#include "codegen/quantize/FieldBits.h"
#include "codegen/quantize/Quantizer.h"
#include "codegen/quantize/Rules.h"

#include <cmath>

namespace rlx::quantize {

/// Quantizes the problems of some rows. Holds what each needs, once.
template <typename Weight> class RowWriter {
public:
  RowWriter(const Weight &weight, const float *values, int64_t begin,
            QuantizedBytes bytes)
      : weight(weight), values(values), begin(begin), bytes(bytes) {}

  void writePlain(int64_t row);
  /// `patch` counts rows of the weight, `firstColumn` is where it begins.
  void write(const Problem &problem, Patch patch, int64_t firstColumn);
  void writeSums(int64_t row);

private:
  struct Place {
    int64_t row, column;
  };
  Place placeOf(int64_t position) const {
    return {patch.firstRow + position / patch.columns,
            firstColumn + position % patch.columns};
  }
  float valueAt(Place place) const {
    return values[(place.row - begin) * weight.columns + place.column];
  }
  uint8_t *blockAt(Place place) const {
    return bytes.blocks.data() +
           (place.row - begin) * weight.scheme.rowBytes(weight.columns) +
           place.column / weight.scheme.block() * weight.scheme.blockBytes();
  }
  void gather(const Problem &problem);
  void weigh(const Problem &problem);
  void solve(const Problem &problem);
  void writeCell(const Cell &cell, uint32_t code);
  llvm::MutableArrayRef<uint8_t> sideOf(llvm::StringRef operand) const;

  const Weight &weight;
  const float *values;
  int64_t begin;
  QuantizedBytes bytes;
  Patch patch;
  int64_t firstColumn = 0;
  std::vector<float> singles;
  std::vector<double> x, w;
  std::vector<uint32_t> cellCodes, elementCodes;
};

template <typename Weight>
void RowWriter<Weight>::gather(const Problem &problem) {
  size_t count = problem.elements.size();
  singles.resize(count);
  if (patch.rows == 1) {
    const float *from =
        values + (patch.firstRow - begin) * weight.columns + firstColumn;
    for (size_t i = 0; i < count; ++i)
      singles[i] = from[problem.elements[i]];
  } else {
    for (size_t i = 0; i < count; ++i)
      singles[i] = valueAt(placeOf(problem.elements[i]));
  }
}

/// What counts for a search.
template <typename Weight>
void RowWriter<Weight>::weigh(const Problem &problem) {
  size_t count = problem.elements.size();
  x.assign(singles.begin(), singles.end());
  w.assign(count, 1);
  double sum = double(count);
  if (const float *importance = weight.importanceOf(patch.firstRow)) {
    sum = 0;
    for (size_t i = 0; i < count; ++i)
      sum += w[i] =
          importance[firstColumn + problem.elements[i] % patch.columns];
  }
  for (size_t i = 0; i < count; ++i)
    if (!std::isfinite(singles[i])) {
      sum -= w[i];
      x[i] = w[i] = 0;
    }
  // Where nothing counts, all count alike.
  if (!(sum > 0))
    std::fill(w.begin(), w.end(), 1);
}

template <typename Weight>
void RowWriter<Weight>::solve(const Problem &problem) {
  if (weight.rule.method != QuantRule::Method::search &&
      problem.groups.size() == 1) {
    for (float &value : singles)
      value = std::isfinite(value) ? value : 0;
    followRule(weight.rule, weight.numbers, problem, singles, cellCodes,
               elementCodes);
    return;
  }
  weigh(problem);
  Solution solution =
      Solver(weight.numbers, problem, x.data(), w.data()).solve();
  cellCodes = std::move(solution.codes);
  elementCodes.resize(x.size());
  for (const Group &group : problem.groups) {
    Solver::Parts parts = Solver::partsOf(weight.numbers, group, cellCodes);
    for (int64_t i = group.begin; i < group.end; ++i)
      elementCodes[i] = exactCode(weight.numbers.code, parts, x[i]);
  }
}

template <typename Weight>
llvm::MutableArrayRef<uint8_t>
RowWriter<Weight>::sideOf(llvm::StringRef operand) const {
  if (operand == "scales")
    return bytes.scales;
  return operand == "zero_points" ? bytes.zeroPoints : bytes.globalScale;
}

template <typename Weight>
void RowWriter<Weight>::writeCell(const Cell &cell, uint32_t code) {
  Place place = placeOf(cell.element);
  FieldAttr field = weight.numbers.list.fields[cell.field];
  if (!field.isSide()) {
    weight.fieldBits[cell.field]->write(
        blockAt(place), place.column % weight.scheme.block(), code);
    return;
  }
  llvm::StringRef operand = field.getOperand().getValue();
  SideOperand side = *weight.scheme.findSide(operand);
  llvm::SmallVector<int64_t> sizes = side.shape(weight.shape);
  int64_t index = place.row / weight.rowsPerExpert();
  for (auto [expr, size] : llvm::zip_equal(
           side.index.getResults(),
           llvm::ArrayRef(sizes).take_back(side.index.getNumResults())))
    index =
        index * size +
        rlx::evaluate(expr, {place.row % weight.rowsPerExpert(), place.column});
  unsigned width = field.width();
  writeBits(sideOf(operand).data(), index * width, width, code);
}

template <typename Weight>
void RowWriter<Weight>::write(const Problem &problem, Patch where,
                              int64_t column) {
  patch = where;
  firstColumn = column;
  gather(problem);
  solve(problem);
  for (auto [cell, code] : llvm::zip(problem.cells, cellCodes))
    writeCell(cell, code);
  if (weight.options.allowNonFinite)
    for (size_t i = 0; i < problem.elements.size(); ++i)
      if (float value = valueAt(placeOf(problem.elements[i]));
          !std::isfinite(value))
        elementCodes[i] = *weight.numbers.code.special(value);
  if (patch.rows == 1 && patch.columns == weight.scheme.block()) {
    uint8_t *block = blockAt(placeOf(0));
    for (size_t i = 0; i < problem.elements.size(); ++i)
      weight.codeBits.write(block, problem.elements[i], elementCodes[i]);
    return;
  }
  for (size_t i = 0; i < problem.elements.size(); ++i) {
    Place place = placeOf(problem.elements[i]);
    weight.codeBits.write(blockAt(place), place.column % weight.scheme.block(),
                          elementCodes[i]);
  }
}

/// Without scales, each element is for itself.
template <typename Weight> void RowWriter<Weight>::writePlain(int64_t row) {
  for (int64_t column = 0; column < weight.columns; ++column) {
    Place place{row, column};
    float value = valueAt(place);
    uint32_t code = std::isfinite(value) ? weight.numbers.code.nearest(value)
                                         : *weight.numbers.code.special(value);
    weight.codeBits.write(blockAt(place), column % weight.scheme.block(), code);
  }
}

template <typename Weight> void RowWriter<Weight>::writeSums(int64_t row) {
  auto [length, firstByte] = *weight.rule.sums;
  for (int64_t column = 0; column < weight.columns; column += length) {
    uint8_t *block = blockAt({row, column});
    int64_t first = column % weight.scheme.block();
    double sum = 0;
    for (int64_t i = first; i < first + length; ++i)
      sum += weight.numbers.code.number(weight.codeBits.read(block, i));
    int64_t at = firstByte + 2 * (first / length);
    writeBits(block, 8 * at, 16, uint16_t(int16_t(sum)));
  }
}

} // namespace rlx::quantize

#endif // RLX_CODEGEN_QUANTIZE_ROWWRITER_H
