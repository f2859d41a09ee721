//===- WeightPlan.cpp - How a weight is quantized -------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/quantize/WeightPlan.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>
#include <limits>
#include <numeric>

using namespace rlx;
using namespace rlx::quantize;

WeightPlan::WeightPlan(QuantScheme scheme, QuantRule rule)
    : scheme(scheme), rule(rule), numbers(scheme, rule.ties),
      nearest(numbers.code), codeBits(scheme, scheme.attr().getCode()) {
  for (FieldAttr field : numbers.list.fields)
    if (field.isSide())
      fieldBits.emplace_back();
    else
      fieldBits.emplace_back(FieldBits(scheme, field));
}

/// Fields are tables of their numbers, or floats as they are: others would take
/// too much memory.
static llvm::Error checkFields(QuantScheme scheme) {
  if (llvm::Error error = checkQuantizable(scheme))
    return error;
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

llvm::Expected<std::unique_ptr<WeightPlan>>
WeightPlan::create(QuantScheme scheme, llvm::ArrayRef<int64_t> shape,
                   QuantizeOptions options) {
  if (auto error = checkFields(scheme))
    return error;
  std::unique_ptr<WeightPlan> plan(new WeightPlan(
      scheme, options.rule ? *options.rule : QuantRule::of(scheme)));
  plan->shape.assign(shape.begin(), shape.end());
  plan->options = std::move(options);
  if (auto error = plan->prepare())
    return error;
  return plan;
}

llvm::Error WeightPlan::checkShape() const {
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

llvm::Error WeightPlan::checkImportanceSize(llvm::StringRef name,
                                            llvm::ArrayRef<int64_t> shape,
                                            size_t size) {
  auto columns = size_t(shape.back());
  size_t all = shape.size() == 3 ? columns * shape.front() : columns;
  if (size == columns || size == all)
    return llvm::Error::success();
  return llvm::createStringError(
      "expected importance of " + called(name) +
      " to have a number for each of " + llvm::Twine(columns) + " columns" +
      (all == columns
           ? ""
           : ", or " + std::to_string(all) + " for those of each of " +
                 std::to_string(shape.front()) + " experts") +
      ", but it has " + llvm::Twine(size));
}

llvm::Error WeightPlan::checkImportance() const {
  if (!options.importance.empty())
    if (llvm::Error error =
            checkImportanceSize(options.name, shape, options.importance.size()))
      return error;
  for (auto [i, number] : llvm::enumerate(options.importance))
    if (!std::isfinite(number) || number < 0)
      return llvm::createStringError(llvm::formatv(
          "expected importance of {0} to be finite and not negative, but "
          "number {1} is {2}",
          what(), i, number));
  return llvm::Error::success();
}

/// Problems whose groups share nothing are as well solved together, in less
/// time.
static std::vector<Problem> joined(std::vector<Problem> problems) {
  if (llvm::any_of(problems, [](const Problem &problem) {
        return problem.groups.size() != 1;
      }))
    return problems;
  Problem all;
  for (const Problem &problem : problems) {
    Group group = problem.groups.front();
    auto cells = int(all.cells.size());
    auto elements = int64_t(all.elements.size());
    group.begin += elements;
    group.end += elements;
    for (int &cell : group.cells)
      cell += cells;
    llvm::append_range(all.elements, problem.elements);
    for (Cell cell : problem.cells) {
      cell.groups = {int(all.groups.size())};
      all.cells.push_back(cell);
    }
    all.groups.push_back(group);
  }
  return {all};
}

llvm::Error WeightPlan::prepare() {
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
  if (auto error = checkRule(rule, scheme))
    return error;
  if (numbers.list.fields.empty())
    return llvm::Error::success();
  if (!hasBlocksOnly(scheme))
    return prepareRows();
  auto problems = problemsOf(scheme, {0, 1, scheme.block()});
  if (!problems)
    return problems.takeError();
  productCodes = ProductCodes::create(scheme);
  if (!scheme.attr().getCode().hasLookups() || productCodes) {
    // Rules in closed form are of one group.
    blockProblems = rule.method == QuantRule::Method::search
                        ? joined(std::move(*problems))
                        : std::move(*problems);
    if (!productCodes)
      codeRuns = CodeRuns::create(scheme);
    return llvm::Error::success();
  }
  blockProblems = std::move(*problems);
  for (const Problem &problem : blockProblems) {
    auto vectors = VectorCodes::create(scheme, numbers.code, problem);
    if (!vectors)
      return vectors.takeError();
    blockVectors.push_back(std::move(*vectors));
  }
  return llvm::Error::success();
}

/// Indices into side tensors that tell rows and columns apart are alike in each
/// row.
llvm::Error WeightPlan::prepareRows() {
  bool isAlike = together == 1;
  for (const SideOperand &side : scheme.sideOperands())
    for (mlir::AffineExpr expr : side.index.getResults())
      isAlike &= !(expr.isFunctionOfDim(0) && expr.isFunctionOfDim(1));
  if (!isAlike)
    return llvm::Error::success();
  auto problems = problemsOf(scheme, {0, 1, columns});
  if (!problems)
    return problems.takeError();
  rowProblems = std::move(*problems);
  return llvm::Error::success();
}

llvm::Error WeightPlan::fixCodes(
    std::vector<std::vector<std::optional<uint32_t>>> ofExperts) {
  fixed = std::move(ofExperts);
  together = rlx::quantize::rowsTogether(scheme, rowsPerExpert(),
                                         /*leaveOutWholeWeight=*/true);
  return prepareRows();
}

int64_t WeightPlan::sideBytes(llvm::StringRef operand) const {
  std::optional<SideOperand> side = scheme.findSide(operand);
  if (!side)
    return 0;
  int64_t bits = side->elementType.getIntOrFloatBitWidth();
  for (int64_t size : side->shape(shape))
    bits *= size;
  return llvm::divideCeil(bits, 8);
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

const float *WeightPlan::importanceOf(int64_t row) const {
  if (options.importance.empty())
    return nullptr;
  bool byExpert = int64_t(options.importance.size()) > columns;
  return options.importance.data() +
         (byExpert ? row / rowsPerExpert() * columns : 0);
}

llvm::Error WeightPlan::checkFinite(llvm::ArrayRef<float> values,
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

llvm::Error WeightPlan::checkRows(llvm::ArrayRef<float> values, int64_t begin,
                                  int64_t end,
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
  for (auto [operand, side] : {std::pair("scales", bytes.scales),
                               {"zero_points", bytes.zeroPoints},
                               {"global_scale", bytes.globalScale}})
    if (int64_t(side.size()) != sideBytes(operand))
      return llvm::createStringError(
          llvm::formatv("expected {0} bytes of {1} of {2}, but got {3}",
                        sideBytes(operand), operand, what(), side.size()));
  return checkFinite(values, begin);
}
