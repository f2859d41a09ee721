//===- Quantizer.cpp - Stored bytes from numbers --------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Cuts rows into problems, which RowWriter has solved and writes.
//
//===----------------------------------------------------------------------===//

#include "codegen/quantize/Quantizer.h"

#include "codegen/quantize/RowWriter.h"
#include "codegen/quantize/RuleBlocks.h"
#include "codegen/quantize/SearchBlocks.h"
#include "codegen/quantize/SharedCodes.h"

using namespace rlx;
using namespace rlx::quantize;

/// The plan, which nobody who includes Quantizer.h has to know.
struct Quantizer::Weight {
  std::unique_ptr<WeightPlan> plan;
  std::unique_ptr<RuleBlocks> fast; ///< Null where blocks are not of its kind.
  RowFunction rows;                 ///< In the place of both; may be null.
};

llvm::Expected<Quantizer> Quantizer::create(QuantScheme scheme,
                                            llvm::ArrayRef<int64_t> shape,
                                            QuantizeOptions options) {
  auto plan = WeightPlan::create(scheme, shape, std::move(options));
  if (!plan)
    return plan.takeError();
  auto fast = RuleBlocks::create(**plan);
  return Quantizer(std::unique_ptr<Weight>(
      new Weight{std::move(*plan), std::move(fast), nullptr}));
}

Quantizer::Quantizer(std::unique_ptr<Weight> weight)
    : weight(std::move(weight)) {}
Quantizer::Quantizer(Quantizer &&) = default;
Quantizer &Quantizer::operator=(Quantizer &&) = default;
Quantizer::~Quantizer() = default;

int64_t Quantizer::rowsTogether() const { return weight->plan->together; }
QuantScheme Quantizer::scheme() const { return weight->plan->scheme; }
int64_t Quantizer::columns() const { return weight->plan->columns; }
bool Quantizer::followsRuleOfScheme() const {
  const QuantizeOptions &options = weight->plan->options;
  return !options.rule && options.importance.empty() && !options.allowNonFinite;
}
void Quantizer::computeRowsBy(RowFunction function) {
  weight->rows = std::move(function);
}
int64_t Quantizer::sideBytes(llvm::StringRef operand) const {
  return weight->plan->sideBytes(operand);
}

bool Quantizer::canChooseShared() const {
  return quantize::canChooseShared(*weight->plan);
}

llvm::Error Quantizer::chooseShared(
    llvm::function_ref<llvm::Expected<std::vector<float>>(int64_t)> sample,
    QuantizedBytes bytes) {
  return fixShared(*weight->plan, sample, bytes);
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

llvm::Error Quantizer::quantizeRows(llvm::ArrayRef<float> values, int64_t begin,
                                    int64_t end, QuantizedBytes bytes) const {
  const WeightPlan &w = *weight->plan;
  if (auto error = w.checkRows(values, begin, end, bytes))
    return error;
  std::fill(bytes.blocks.begin(), bytes.blocks.end(), 0);
  RowWriter writer(w, values.data(), begin, bytes);
  int64_t block = w.scheme.block();
  std::optional<SearchBlocks> search;
  if (!weight->rows && !weight->fast && SearchBlocks::areSearched(w))
    search.emplace(w);
  for (int64_t row = begin; row < end;) {
    if (w.numbers.list.fields.empty()) {
      writer.writePlain(row++);
      continue;
    }
    if (weight->rows) {
      if (llvm::Error error =
              weight->rows(values.data() + (row - begin) * w.columns,
                           bytes.blocks.data() +
                               (row - begin) * w.scheme.rowBytes(w.columns)))
        return error;
      ++row;
      continue;
    }
    if (weight->fast || search) {
      const float *x = values.data() + (row - begin) * w.columns;
      const float *importance = w.importanceOf(row);
      uint8_t *blocks =
          bytes.blocks.data() + (row - begin) * w.scheme.rowBytes(w.columns);
      for (int64_t column = 0; column < w.columns; column += block) {
        uint8_t *to = blocks + column / block * w.scheme.blockBytes();
        if (weight->fast)
          weight->fast->write(x + column, to);
        else
          search->write(x + column, importance ? importance + column : nullptr,
                        to);
      }
      ++row;
      continue;
    }
    if (hasBlocksOnly(w.scheme)) {
      for (int64_t column = 0; column < w.columns; column += block)
        for (const Problem &problem : w.blockProblems)
          writer.write(problem, {row, 1, block}, column);
      ++row;
      continue;
    }
    if (!w.rowProblems.empty()) {
      for (const Problem &problem : w.rowProblems)
        writer.write(problem, {row, 1, w.columns}, 0);
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
  if (w.rule.sums && !weight->rows)
    for (int64_t row = begin; row < end; ++row)
      writer.writeSums(row);
  return llvm::Error::success();
}

void Quantizer::decodeRows(llvm::ArrayRef<uint8_t> blocks,
                           llvm::MutableArrayRef<float> values) const {
  const WeightPlan &w = *weight->plan;
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

void Quantizer::decodeRow(int64_t row, QuantizedBytes bytes,
                          llvm::MutableArrayRef<double> numbers) const {
  const WeightPlan &w = *weight->plan;
  const FieldList &list = w.numbers.list;
  RowBytes rows(w, row, bytes);
  // As of a group of one element, whose cells are its fields.
  Group group;
  std::vector<uint32_t> codes(list.fields.size());
  for (size_t i = 0; i < list.fields.size(); ++i)
    group.cells.push_back(int(i));
  bool hasOffset = list.fields.size() > size_t(list.numScales + list.numZeros);
  Solver::Parts parts;
  for (int64_t k = 0; k < w.columns; ++k) {
    bool isNew = k == 0;
    for (size_t i = 0; i < list.fields.size(); ++i) {
      uint32_t code = rows.readField(int(i), {row, k});
      isNew |= code != codes[i];
      codes[i] = code;
    }
    if (isNew)
      parts = Solver::partsOf(w.numbers, group, codes);
    double number = w.numbers.code.number(rows.readCode({row, k})),
           value = parts.scale * (number - parts.zero);
    numbers[k] = hasOffset ? value + parts.offset : value;
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
