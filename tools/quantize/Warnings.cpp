//===- Warnings.cpp - What a conversion should be told about --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/quantize/Warnings.h"

#include "ir/NearNames.h"
#include "runtime/Text.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/WithColor.h"

#include <cmath>
#include <set>

using namespace rlx;
using namespace rlx::quantize;

/// One bit for the sign of each number costs 0.60 of normally distributed
/// ones: from here on it is no quantization.
static constexpr double lostFrom = 0.9;

/// What a method that leaves weights as they are says of itself.
static constexpr int64_t plainBits = 16;

static llvm::raw_ostream &warning() {
  return llvm::WithColor::warning(llvm::errs(), "rlx-quantize");
}

llvm::SmallVector<std::string> quantize::namesOf(const WeightSource &source) {
  llvm::SmallVector<std::string> names;
  for (const WeightEntry &entry : source.entries())
    names.push_back(entry.name);
  return names;
}

std::string quantize::nearNames(llvm::StringRef given,
                                llvm::ArrayRef<std::string> known) {
  llvm::SmallVector<std::string> shown;
  for (const std::string &name : known) {
    std::string text = quoted(name, name.size());
    shown.push_back(text.substr(1, text.size() - 2));
  }
  return didYouMean(given, shown);
}

void quantize::warnOfUnmatched(const QuantConfig &config,
                               const WeightSource &source) {
  llvm::SmallVector<std::string> names = namesOf(source);
  for (const std::string &pattern : config.unmatched(names))
    warning() << "no weight matches " << quoted(pattern)
              << nearNames(pattern, names) << "\n";
  // An override that is for matrices, too, says less of others.
  std::set<const QuantMethod *> ofMatrices, told;
  auto isMatrix = [](const WeightEntry &entry) {
    return entry.shape.size() == 2 || entry.shape.size() == 3;
  };
  for (const WeightEntry &entry : source.entries())
    if (isMatrix(entry))
      ofMatrices.insert(config.overrideFor(entry.name));
  for (const WeightEntry &entry : source.entries()) {
    const QuantMethod *method = config.overrideFor(entry.name);
    if (!method || isMatrix(entry) || ofMatrices.count(method) ||
        method->bitsPerWeight() >= plainBits || !told.insert(method).second)
      continue;
    warning() << "weight " << quoted(entry.name) << " is no matrix and stays "
              << entry.type << " " << describeShape(entry.shape) << "\n";
  }
}

void quantize::warnOfUnknownNames(llvm::StringRef path, const Imatrix &imatrix,
                                  const WeightSource &source) {
  llvm::SmallVector<std::string> known = namesOf(source), missing;
  for (const auto &entry : imatrix)
    if (!llvm::is_contained(known, entry.first()))
      missing.push_back(entry.first().str());
  if (missing.empty())
    return;
  llvm::sort(missing);
  warning() << "the imatrix '" << path << "' has " << missing.size()
            << " names that no weight has, the first is "
            << quoted(missing.front()) << nearNames(missing.front(), known)
            << "\n";
}

void quantize::warnOfLosses(const Conversion &conversion,
                            llvm::ArrayRef<Outcome> outcomes) {
  for (auto [step, outcome] : llvm::zip_equal(conversion.steps, outcomes)) {
    if (!step.scheme)
      continue;
    if (!std::isfinite(outcome.squaredError))
      warning() << "weight " << quoted(step.entry->name)
                << " has numbers that decode to infinity or nan, as the scales "
                   "of '"
                << step.scheme->displayName() << "' do not reach them\n";
    else if (outcome.relativeError() > lostFrom)
      warning() << "weight " << quoted(step.entry->name)
                << " is lost: its relative error is "
                << llvm::formatv("{0:f2}", outcome.relativeError())
                << ", as the numbers of '" << step.scheme->displayName()
                << "' do not reach its own\n";
  }
}
