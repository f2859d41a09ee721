//===- SharedCodes.cpp - What all rows of a weight share ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/quantize/SharedCodes.h"

#include "codegen/quantize/RowWriter.h"

#include "llvm/Support/FormatVariadic.h"

using namespace rlx;
using namespace rlx::quantize;

/// The fields that all rows share; none where another field reads the same
/// element.
static llvm::SmallVector<int> sharedFields(const WeightPlan &plan) {
  llvm::ArrayRef<FieldAttr> fields = plan.numbers.list.fields;
  llvm::SmallVector<int> shared;
  for (auto [i, field] : llvm::enumerate(fields)) {
    if (!field.isSide() ||
        !isOfWholeWeight(*plan.scheme.findSide(field.getOperand().getValue())))
      continue;
    if (llvm::count_if(fields, [&](FieldAttr other) {
          return other.isSide() && other.getOperand() == field.getOperand();
        }) > 1)
      return {};
    shared.push_back(int(i));
  }
  return shared;
}

bool quantize::canChooseShared(const WeightPlan &plan) {
  llvm::SmallVector<int> shared = sharedFields(plan);
  if (shared.empty())
    return false;
  if (plan.rule.method == QuantRule::Method::search)
    return true;
  // A scale that is not rounded yet is known to nobody else.
  bool isExact = plan.rule.arithmetic == QuantRule::Arithmetic::exact ||
                 plan.rule.arithmetic == QuantRule::Arithmetic::log2f;
  return isExact && shared.size() == plan.numbers.list.fields.size();
}

/// For some rows of an expert.
static llvm::Expected<std::vector<std::optional<uint32_t>>>
sharedCodesFor(const WeightPlan &plan, int64_t expert,
               llvm::ArrayRef<float> rows, QuantizedBytes bytes) {
  int64_t count = int64_t(rows.size()) / plan.columns,
          first = expert * plan.rowsPerExpert();
  auto problems = problemsOf(plan.scheme, {0, count, plan.columns});
  if (!problems)
    return problems.takeError();
  std::vector<std::optional<uint32_t>> codes(plan.numbers.list.fields.size());
  RowWriter writer(plan, rows.data(), first, {});
  for (const Problem &problem : *problems) {
    llvm::ArrayRef<uint32_t> chosen =
        writer.chooseCells(problem, {first, count, plan.columns});
    for (int field : sharedFields(plan))
      for (auto [cell, code] : llvm::zip_equal(problem.cells, chosen))
        if (cell.field == field) {
          codes[field] = code;
          RowBytes(plan, first, bytes).writeCell(cell, {first, 0}, code);
        }
  }
  return codes;
}

llvm::Error quantize::fixShared(
    WeightPlan &plan,
    llvm::function_ref<llvm::Expected<std::vector<float>>(int64_t)> sample,
    QuantizedBytes bytes) {
  std::vector<std::vector<std::optional<uint32_t>>> codes;
  for (int64_t expert = 0; expert < plan.experts(); ++expert) {
    auto rows = sample(expert);
    if (!rows)
      return rows.takeError();
    auto count = int64_t(rows->size());
    if (count == 0 || count % plan.columns != 0 ||
        count > plan.rowsPerExpert() * plan.columns)
      return llvm::createStringError(llvm::formatv(
          "expected one to {0} rows of {1} numbers to choose the shared scale "
          "of {2} from, but got {3} numbers",
          plan.rowsPerExpert(), plan.columns, plan.what(), count));
    auto chosen = sharedCodesFor(plan, expert, *rows, bytes);
    if (!chosen)
      return chosen.takeError();
    codes.push_back(std::move(*chosen));
  }
  return plan.fixCodes(std::move(codes));
}
