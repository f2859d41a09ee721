//===- Grid.cpp - The numbers that a scheme can hold, row by row ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/quantize/methods/Grid.h"

#include "codegen/quantize/Rules.h"

#include "llvm/Support/FormatVariadic.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace rlx;
using namespace rlx::quantize;

Grid::Grid(QuantScheme scheme, QuantRule rule)
    : scheme(scheme), rule(rule), numbers(scheme, rule.ties),
      codeBits(scheme, scheme.attr().getCode()) {
  for (FieldAttr field : numbers.list.fields)
    if (field.isSide())
      fieldBits.emplace_back();
    else
      fieldBits.emplace_back(FieldBits(scheme, field));
}

llvm::Expected<std::unique_ptr<Grid>>
Grid::create(QuantScheme scheme, llvm::ArrayRef<int64_t> shape,
             const QuantizeOptions &options) {
  // It says what does not fit.
  llvm::Expected<Quantizer> quantizer =
      Quantizer::create(scheme, shape, options);
  if (!quantizer)
    return quantizer.takeError();
  if (shape.size() != 2)
    return llvm::createStringError(
        "expected a weight of [N, K], but got one of " +
        llvm::Twine(shape.size()) + " dimensions");
  QuantRule rule = options.rule ? *options.rule : QuantRule::of(scheme);
  if (!options.importance.empty())
    rule.method = QuantRule::Method::search;
  std::unique_ptr<Grid> grid(new Grid(scheme, rule));
  grid->shape.assign(shape.begin(), shape.end());
  grid->importance = options.importance;
  grid->what =
      options.name.empty() ? "weight" : "weight '" + options.name + "'";
  grid->together = quantizer->rowsTogether();
  grid->scaleBytes = quantizer->sideBytes("scales");
  grid->zeroBytes = quantizer->sideBytes("zero_points");
  grid->globalBytes = quantizer->sideBytes("global_scale");
  return grid;
}

llvm::Error Grid::check(llvm::ArrayRef<float> values, int64_t begin,
                        int64_t end, const QuantizedBytes &bytes) const {
  if (begin < 0 || begin >= end || end > rows() || begin % together != 0 ||
      (end % together != 0 && end != rows()))
    return llvm::createStringError(llvm::formatv(
        "expected rows of {0} to be quantized in ranges of multiples of {1} "
        "below {2}, but got {3} to {4}",
        what, together, rows(), begin, end));
  int64_t count = (end - begin) * columns();
  if (int64_t(values.size()) != count)
    return llvm::createStringError(
        llvm::formatv("expected {0} values for {1} rows of {2}, but got {3}",
                      count, end - begin, what, values.size()));
  int64_t blockBytes = (end - begin) * scheme.rowBytes(columns());
  for (auto [name, expected, found] :
       {std::tuple("blocks", blockBytes, bytes.blocks.size()),
        {"scales", scaleBytes, bytes.scales.size()},
        {"zero_points", zeroBytes, bytes.zeroPoints.size()},
        {"global_scale", globalBytes, bytes.globalScale.size()}})
    if (int64_t(found) != expected)
      return llvm::createStringError(
          llvm::formatv("expected {0} bytes of {1} of {2}, but got {3}",
                        expected, name, what, found));
  for (auto [i, value] : llvm::enumerate(values))
    if (!std::isfinite(value))
      return llvm::createStringError(llvm::formatv(
          "element [{0}, {1}] of {2} is {3}, expected finite numbers",
          begin + int64_t(i) / columns(), int64_t(i) % columns(), what,
          std::isnan(value) ? "nan"
          : value > 0       ? "inf"
                            : "-inf"));
  return llvm::Error::success();
}

llvm::Expected<GridRows> GridRows::create(const Grid &grid, int64_t begin,
                                          int64_t end) {
  GridRows rows(grid, begin, end);
  int64_t columns = grid.columns();
  auto problems = problemsOf(grid.scheme, {begin, end - begin, columns});
  if (!problems)
    return problems.takeError();
  rows.problems = std::move(*problems);
  rows.codes.resize((end - begin) * columns);
  rows.groupOf.resize(rows.codes.size());
  for (auto [p, problem] : llvm::enumerate(rows.problems)) {
    Piece piece{int(p), columns, 0};
    rows.firstGroup.push_back(int(rows.parts.size()));
    for (const Group &group : problem.groups) {
      for (int64_t i = group.begin; i < group.end; ++i) {
        int64_t element = problem.elements[i];
        rows.groupOf[element] = int(rows.parts.size());
        piece.firstColumn = std::min(piece.firstColumn, element % columns);
        piece.endColumn = std::max(piece.endColumn, element % columns + 1);
      }
      rows.parts.emplace_back();
    }
    rows.order.push_back(piece);
  }
  rows.cellCodes.resize(rows.problems.size());
  llvm::stable_sort(rows.order, [](const Piece &a, const Piece &b) {
    return a.firstColumn < b.firstColumn;
  });
  return rows;
}

//===----------------------------------------------------------------------===//
// Choosing
//===----------------------------------------------------------------------===//

void GridRows::chooseScales(const Piece &piece, llvm::ArrayRef<double> values) {
  const Problem &problem = problems[piece.problem];
  std::vector<uint32_t> &chosen = cellCodes[piece.problem];
  if (problem.cells.empty())
    return;
  size_t count = problem.elements.size();
  std::vector<float> singles(count);
  constexpr double largest = std::numeric_limits<float>::max();
  for (size_t i = 0; i < count; ++i)
    singles[i] =
        float(std::clamp(values[problem.elements[i]], -largest, largest));
  if (grid.rule.method != QuantRule::Method::search &&
      problem.groups.size() == 1) {
    std::vector<uint32_t> unused;
    followRule(grid.rule, grid.numbers, problem, singles, chosen, unused);
  } else {
    std::vector<double> x(singles.begin(), singles.end()), w(count, 1);
    double sum = 0;
    for (size_t i = 0; i < count && !grid.importance.empty(); ++i)
      sum += w[i] = grid.importance[problem.elements[i] % grid.columns()];
    // Where nothing counts, all count alike.
    if (!(sum > 0))
      std::fill(w.begin(), w.end(), 1);
    chosen = Solver(grid.numbers, problem, x.data(), w.data()).solve().codes;
  }
  for (auto [g, group] : llvm::enumerate(problem.groups))
    parts[firstGroup[piece.problem] + g] =
        Solver::partsOf(grid.numbers, group, chosen);
}

double GridRows::choose(int64_t row, int64_t column, double value) {
  int64_t element = row * grid.columns() + column;
  const Solver::Parts &group = parts[groupOf[element]];
  uint32_t code = exactCode(grid.numbers.code, group, value);
  codes[element] = code;
  return group.scale * (grid.numbers.code.number(code) - group.zero) +
         group.offset;
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

uint8_t *GridRows::blockAt(int64_t row, int64_t column,
                           QuantizedBytes bytes) const {
  const QuantScheme &scheme = grid.scheme;
  return bytes.blocks.data() + row * scheme.rowBytes(grid.columns()) +
         column / scheme.block() * scheme.blockBytes();
}

void GridRows::writeCell(const Cell &cell, uint32_t code,
                         QuantizedBytes bytes) const {
  int64_t row = cell.element / grid.columns(),
          column = cell.element % grid.columns();
  if (const std::optional<FieldBits> &bits = grid.fieldBits[cell.field]) {
    bits->write(blockAt(row, column, bytes), column % grid.scheme.block(),
                code);
    return;
  }
  FieldAttr field = grid.numbers.list.fields[cell.field];
  llvm::StringRef operand = field.getOperand().getValue();
  SideOperand side = *grid.scheme.findSide(operand);
  int64_t index = 0;
  for (auto [expr, size] :
       llvm::zip_equal(side.index.getResults(), side.shape(grid.shape)))
    index = index * size + rlx::evaluate(expr, {begin + row, column});
  llvm::MutableArrayRef<uint8_t> where = operand == "scales" ? bytes.scales
                                         : operand == "zero_points"
                                             ? bytes.zeroPoints
                                             : bytes.globalScale;
  writeBits(where.data(), index * field.width(), field.width(), code);
}

/// Sums of codes, where the scheme's rule has a place for them.
void GridRows::writeSums(int64_t row, QuantizedBytes bytes) const {
  auto [length, firstByte] = *grid.rule.sums;
  for (int64_t column = 0; column < grid.columns(); column += length) {
    double sum = 0;
    for (int64_t i = column; i < column + length; ++i)
      sum += grid.numbers.code.number(codes[row * grid.columns() + i]);
    int64_t at = firstByte + 2 * (column % grid.scheme.block() / length);
    writeBits(blockAt(row, column, bytes), 8 * at, 16, uint16_t(int16_t(sum)));
  }
}

void GridRows::write(QuantizedBytes bytes) const {
  std::fill(bytes.blocks.begin(), bytes.blocks.end(), 0);
  for (auto [problem, chosen] : llvm::zip(problems, cellCodes))
    for (auto [cell, code] : llvm::zip(problem.cells, chosen))
      writeCell(cell, code, bytes);
  int64_t columns = grid.columns(), block = grid.scheme.block();
  for (int64_t row = 0; row < end - begin; ++row) {
    for (int64_t column = 0; column < columns; ++column)
      grid.codeBits.write(blockAt(row, column, bytes), column % block,
                          codes[row * columns + column]);
    if (grid.rule.sums)
      writeSums(row, bytes);
  }
}
