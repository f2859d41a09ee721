//===- Quantizer.cpp - Stored bytes from numbers --------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Cuts rows into problems, has them solved, and writes what was chosen.
//
//===----------------------------------------------------------------------===//

#include "codegen/quantize/Quantizer.h"

#include "codegen/quantize/RowWriter.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>
#include <limits>
#include <numeric>

using namespace rlx;
using namespace rlx::quantize;

struct Quantizer::Weight {
  Weight(QuantScheme scheme, QuantRule rule)
      : scheme(scheme), rule(rule), numbers(scheme, rule.ties),
        codeBits(scheme, scheme.attr().getCode()) {
    for (FieldAttr field : numbers.list.fields)
      if (field.isSide())
        fieldBits.emplace_back();
      else
        fieldBits.emplace_back(FieldBits(scheme, field));
  }

  llvm::Error prepare();
  llvm::Error checkShape() const;
  llvm::Error checkImportance() const;
  llvm::Error checkFinite(llvm::ArrayRef<float> values, int64_t firstRow) const;
  llvm::Error checkRange(llvm::ArrayRef<float> values, int64_t begin,
                         int64_t end, const QuantizedBytes &bytes) const;
  std::string what() const {
    return options.name.empty() ? "weight" : "weight '" + options.name + "'";
  }
  int64_t rowsPerExpert() const { return shape[shape.size() - 2]; }
  const float *importanceOf(int64_t row) const;

  QuantScheme scheme;
  QuantRule rule;
  SchemeNumbers numbers;
  FieldBits codeBits;
  std::vector<std::optional<FieldBits>> fieldBits;
  std::vector<int64_t> shape;
  int64_t columns = 0, numRows = 0, together = 1;
  QuantizeOptions options;
  /// Of a block, where all blocks are alike.
  std::vector<Problem> blockProblems;
};

//===----------------------------------------------------------------------===//
// What is asked for
//===----------------------------------------------------------------------===//

llvm::Error Quantizer::Weight::checkShape() const {
  if (shape.size() >= 2 && shape.size() <= 3 &&
      llvm::all_of(shape, [](int64_t size) { return size > 0; }) &&
      shape.back() % scheme.block() == 0)
    return llvm::Error::success();
  std::string text;
  llvm::raw_string_ostream stream(text);
  llvm::interleaveComma(shape, stream);
  return llvm::createStringError(
      "expected " + what() + " of '" + scheme.displayName() +
      "' to be [N, K] or [E, N, K] with at least one element and K a multiple "
      "of the block size " +
      llvm::Twine(scheme.block()) + ", but got [" + text + "]");
}

llvm::Error Quantizer::Weight::checkImportance() const {
  size_t size = options.importance.size(),
         all = shape.size() == 3 ? size_t(columns * shape.front())
                                 : size_t(columns);
  if (size != 0 && size != size_t(columns) && size != all)
    return llvm::createStringError(
        "expected importance of " + what() + " to have a number for each of " +
        llvm::Twine(columns) + " columns, but it has " + llvm::Twine(size));
  for (auto [i, number] : llvm::enumerate(options.importance))
    if (!std::isfinite(number) || number < 0)
      return llvm::createStringError(llvm::formatv(
          "expected importance of {0} to be finite and not negative, but "
          "number {1} is {2}",
          what(), i, number));
  return llvm::Error::success();
}

llvm::Error Quantizer::Weight::prepare() {
  if (auto error = checkShape())
    return error;
  columns = shape.back();
  numRows = std::accumulate(shape.begin(), shape.end() - 1, int64_t(1),
                            std::multiplies<>());
  if (auto error = checkImportance())
    return error;
  together = rlx::quantize::rowsTogether(scheme, rowsPerExpert());
  // A rule weighs nothing: with importance a search finds what counts.
  if (!options.importance.empty())
    rule.method = QuantRule::Method::search;
  if (auto error = checkRule(rule, numbers))
    return error;
  if (rule.sums &&
      (scheme.block() % rule.sums->length != 0 ||
       rule.sums->firstByte + 2 * (scheme.block() / rule.sums->length) >
           scheme.blockBytes()))
    return llvm::createStringError("expected the sums of a rule to lie in the "
                                   "block of '" +
                                   scheme.displayName() + "'");
  if (numbers.list.fields.empty() || !hasBlocksOnly(scheme))
    return llvm::Error::success();
  auto problems = problemsOf(scheme, {0, 1, scheme.block()});
  if (!problems)
    return problems.takeError();
  blockProblems = std::move(*problems);
  return llvm::Error::success();
}

/// Fields are tables of their numbers, or floats as they are: others would take
/// too much memory.
static llvm::Error checkFields(QuantScheme scheme) {
  constexpr unsigned widestTable = 16;
  for (FieldAttr field : scheme.fields()) {
    auto type = llvm::dyn_cast<mlir::FloatType>(field.getType());
    if (field.width() > widestTable &&
        !(type && type.getWidth() == field.width()))
      return llvm::createStringError(
          "scheme '" + scheme.displayName() +
          "' cannot be quantized: it has a field of " +
          llvm::Twine(field.width()) + " bits, expected at most " +
          llvm::Twine(widestTable) + " or all bits of a float");
  }
  return llvm::Error::success();
}

llvm::Expected<Quantizer> Quantizer::create(QuantScheme scheme,
                                            llvm::ArrayRef<int64_t> shape,
                                            QuantizeOptions options) {
  if (auto error = checkFields(scheme))
    return error;
  auto weight = std::make_unique<Weight>(
      scheme, options.rule ? *options.rule : QuantRule::of(scheme));
  weight->shape.assign(shape.begin(), shape.end());
  weight->options = std::move(options);
  if (auto error = weight->prepare())
    return error;
  return Quantizer(std::move(weight));
}

Quantizer::Quantizer(std::unique_ptr<Weight> weight)
    : weight(std::move(weight)) {}
Quantizer::Quantizer(Quantizer &&) = default;
Quantizer &Quantizer::operator=(Quantizer &&) = default;
Quantizer::~Quantizer() = default;

int64_t Quantizer::rowsTogether() const { return weight->together; }
QuantScheme Quantizer::scheme() const { return weight->scheme; }

int64_t Quantizer::sideBytes(llvm::StringRef operand) const {
  std::optional<SideOperand> side = weight->scheme.findSide(operand);
  if (!side)
    return 0;
  int64_t bits = side->elementType.getIntOrFloatBitWidth();
  for (int64_t size : side->shape(weight->shape))
    bits *= size;
  return llvm::divideCeil(bits, 8);
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

const float *Quantizer::Weight::importanceOf(int64_t row) const {
  if (options.importance.empty())
    return nullptr;
  bool byExpert = int64_t(options.importance.size()) > columns;
  return options.importance.data() +
         (byExpert ? row / rowsPerExpert() * columns : 0);
}

llvm::Error Quantizer::Weight::checkFinite(llvm::ArrayRef<float> values,
                                           int64_t firstRow) const {
  // Most often all are, and this is quick.
  constexpr float largest = std::numeric_limits<float>::max();
  int bad = 0;
  for (float value : values)
    bad |= !(std::fabs(value) <= largest);
  if (!bad)
    return llvm::Error::success();
  for (auto [i, value] : llvm::enumerate(values)) {
    if (std::isfinite(value) ||
        (options.allowNonFinite && numbers.code.special(value)))
      continue;
    int64_t row = firstRow + int64_t(i) / columns, column = i % columns;
    std::string index =
        shape.size() == 3
            ? llvm::formatv("{0}, {1}, {2}", row / rowsPerExpert(),
                            row % rowsPerExpert(), column)
                  .str()
            : llvm::formatv("{0}, {1}", row, column).str();
    return llvm::createStringError(
        "element [" + index + "] of " + what() + " is " +
        (std::isnan(value) ? "nan"
         : value > 0       ? "inf"
                           : "-inf") +
        ", expected finite numbers" +
        (options.allowNonFinite
             ? " or such that '" + scheme.displayName() + "' has codes for"
             : llvm::Twine()));
  }
  return llvm::Error::success();
}

llvm::Error Quantizer::Weight::checkRange(llvm::ArrayRef<float> values,
                                          int64_t begin, int64_t end,
                                          const QuantizedBytes &bytes) const {
  auto isBorder = [&](int64_t row) {
    int64_t inExpert = row % rowsPerExpert();
    return inExpert % together == 0;
  };
  if (begin < 0 || begin >= end || end > numRows || !isBorder(begin) ||
      !isBorder(end))
    return llvm::createStringError(llvm::formatv(
        "expected rows of {0} to be quantized in ranges of multiples of {1} "
        "below {2}, but got {3} to {4}",
        what(), together, numRows, begin, end));
  int64_t rows = end - begin;
  if (int64_t(values.size()) != rows * columns)
    return llvm::createStringError(
        llvm::formatv("expected {0} values for {1} rows of {2}, but got {3}",
                      rows * columns, rows, what(), values.size()));
  if (int64_t(bytes.blocks.size()) != rows * scheme.rowBytes(columns))
    return llvm::createStringError(llvm::formatv(
        "expected room for {0} bytes of blocks of {1}, but got {2}",
        rows * scheme.rowBytes(columns), what(), bytes.blocks.size()));
  return llvm::Error::success();
}

llvm::Error Quantizer::quantizeRows(llvm::ArrayRef<float> values, int64_t begin,
                                    int64_t end, QuantizedBytes bytes) const {
  const Weight &w = *weight;
  if (auto error = w.checkRange(values, begin, end, bytes))
    return error;
  for (auto [operand, side] : {std::pair("scales", bytes.scales),
                               {"zero_points", bytes.zeroPoints},
                               {"global_scale", bytes.globalScale}})
    if (int64_t(side.size()) != sideBytes(operand))
      return llvm::createStringError(
          llvm::formatv("expected {0} bytes of {1} of {2}, but got {3}",
                        sideBytes(operand), operand, w.what(), side.size()));
  if (auto error = w.checkFinite(values, begin))
    return error;
  std::fill(bytes.blocks.begin(), bytes.blocks.end(), 0);
  RowWriter<Weight> writer(w, values.data(), begin, bytes);
  int64_t block = w.scheme.block();
  for (int64_t row = begin; row < end;) {
    if (w.numbers.list.fields.empty()) {
      writer.writePlain(row++);
      continue;
    }
    if (hasBlocksOnly(w.scheme)) {
      for (int64_t column = 0; column < w.columns; column += block)
        for (const Problem &problem : w.blockProblems)
          writer.write(problem, {row, 1, block}, column);
      ++row;
      continue;
    }
    int64_t inExpert = row % w.rowsPerExpert(),
            rows = std::min(w.together, w.rowsPerExpert() - inExpert);
    auto problems = problemsOf(w.scheme, {inExpert, rows, w.columns});
    if (!problems)
      return problems.takeError();
    for (const Problem &problem : *problems)
      writer.write(problem, {row, rows, w.columns}, 0);
    row += rows;
  }
  if (w.rule.sums)
    for (int64_t row = begin; row < end; ++row)
      writer.writeSums(row);
  return llvm::Error::success();
}

void Quantizer::decodeRows(llvm::ArrayRef<uint8_t> blocks,
                           llvm::MutableArrayRef<float> values) const {
  const Weight &w = *weight;
  int64_t block = w.scheme.block();
  const uint8_t *bytes = blocks.data();
  std::vector<uint32_t> codes;
  for (size_t at = 0; at < values.size();
       at += block, bytes += w.scheme.blockBytes()) {
    auto number = [&](int64_t element) {
      return w.numbers.code.number(w.codeBits.read(bytes, element));
    };
    if (w.blockProblems.empty()) {
      for (int64_t i = 0; i < block; ++i)
        values[at + i] = float(number(i));
      continue;
    }
    for (const Problem &problem : w.blockProblems) {
      codes.clear();
      for (const Cell &cell : problem.cells)
        codes.push_back(w.fieldBits[cell.field]->read(bytes, cell.element));
      for (const Group &group : problem.groups) {
        Solver::Parts parts = Solver::partsOf(w.numbers, group, codes);
        for (int64_t i = group.begin; i < group.end; ++i) {
          int64_t element = problem.elements[i];
          double value = parts.scale * (number(element) - parts.zero);
          values[at + element] = float(
              w.numbers.list.fields.size() ==
                      size_t(w.numbers.list.numScales + w.numbers.list.numZeros)
                  ? value
                  : value + parts.offset);
        }
      }
    }
  }
}

llvm::Error rlx::quantizeRows(QuantScheme scheme, llvm::ArrayRef<int64_t> shape,
                              llvm::ArrayRef<float> values, int64_t begin,
                              int64_t end, QuantizeOptions options,
                              llvm::MutableArrayRef<uint8_t> blocks) {
  auto quantizer = Quantizer::create(scheme, shape, std::move(options));
  if (!quantizer)
    return quantizer.takeError();
  return quantizer->quantizeRows(values, begin, end, {blocks, {}, {}, {}});
}
