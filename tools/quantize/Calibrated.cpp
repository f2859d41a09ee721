//===- Calibrated.cpp - Weights quantized for given activations -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/quantize/Calibrated.h"

#include "codegen/quantize/methods/Awq.h"
#include "codegen/quantize/methods/SmoothQuant.h"
#include "runtime/Text.h"
#include "tools/quantize/ActivationFile.h"
#include "tools/quantize/Warnings.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/WithColor.h"

#include <cmath>
#include <mutex>

using namespace rlx;
using namespace rlx::quantize;

bool quantize::isCalibrated(QuantAlgorithm algorithm) {
  return algorithm != QuantAlgorithm::nearest;
}

bool quantize::hasFactors(QuantAlgorithm algorithm) {
  return algorithm == QuantAlgorithm::awq ||
         algorithm == QuantAlgorithm::smoothQuant;
}

llvm::Error quantize::checkRecord(const std::string &path,
                                  const CalibrationRecord &record,
                                  const WeightSource &source) {
  llvm::SmallVector<std::string> known, missing;
  for (const WeightEntry &entry : source.entries())
    known.push_back(entry.name);
  size_t found = 0;
  for (const ValueStatistics &value : record.values())
    for (const std::string &weight : value.weights) {
      const WeightEntry *entry = nullptr;
      for (const WeightEntry &other : source.entries())
        if (other.name == weight)
          entry = &other;
      if (!entry) {
        missing.push_back(weight);
        continue;
      }
      ++found;
      int64_t columns = entry->shape.empty() ? 1 : entry->shape.back();
      if (columns != value.channels())
        return llvm::createStringError("expected the record '" + path +
                                       "' to have " + llvm::Twine(columns) +
                                       " channels for " + quoted(weight) +
                                       ", as the weight has columns, but got " +
                                       llvm::Twine(value.channels()));
    }
  std::string first = missing.empty() ? ""
                                      : quoted(missing.front()) +
                                            nearNames(missing.front(), known);
  if (found == 0)
    return llvm::createStringError(
        "the record '" + path + "' has none of the weights of '" +
        source.path() + "'" +
        (missing.empty() ? "" : ", the first that it has is " + first));
  if (!missing.empty())
    llvm::WithColor::warning(llvm::errs(), "rlx-quantize")
        << "the record '" << path << "' has " << missing.size()
        << " names that no weight has, the first is " << first << "\n";
  return llvm::Error::success();
}

llvm::Error quantize::addFolder(llvm::StringRef folder,
                                const WeightSource &source,
                                ActivationSource &activations) {
  bool isFound = false;
  for (const WeightEntry &entry : source.entries()) {
    const ValueStatistics *value =
        activations.record ? activations.record->findForWeight(entry.name)
                           : nullptr;
    std::string path =
        (folder + "/" + rowsFileName(value ? value->name : entry.name)).str();
    if (activations.files.count(entry.name) || !llvm::sys::fs::exists(path))
      continue;
    activations.files[entry.name] = path;
    isFound = true;
  }
  if (isFound)
    return llvm::Error::success();
  return llvm::createStringError(
      "expected --activations '" + folder +
      "' to have a file for one of the weights of '" + source.path() +
      "', as rlx-run --calibrate-rows writes it");
}

/// Mean squares as f32. Only their ratios count, so that those that would not
/// fit are all made smaller, or larger.
static std::vector<float> importanceOf(llvm::ArrayRef<double> meanSquares) {
  constexpr double least = 1e-30, most = 1e30;
  double largest = 0;
  for (double number : meanSquares)
    largest = std::max(largest, number);
  int exponent = 0;
  if (largest > 0 && !(largest > least && largest < most))
    exponent = -std::ilogb(largest);
  std::vector<float> importance;
  for (double number : meanSquares)
    importance.push_back(float(std::scalbn(number, exponent)));
  return importance;
}

void quantize::addImportance(const ActivationSource &activations,
                             const WeightSource &source, Imatrix &imatrix) {
  for (const WeightEntry &entry : source.entries()) {
    const ValueStatistics *value =
        activations.record ? activations.record->findForWeight(entry.name)
                           : nullptr;
    if (value)
      imatrix.try_emplace(entry.name, importanceOf(value->meanSquares));
  }
}

bool ActivationSource::hasFor(llvm::StringRef weight,
                              QuantAlgorithm algorithm) const {
  // How channels go together is in no record.
  return algorithm == QuantAlgorithm::gptq ? files.count(weight) != 0
                                           : has(weight);
}

const ValueStatistics *
ActivationSource::statisticsOf(llvm::StringRef weight) const {
  return record && !files.count(weight) ? record->findForWeight(weight)
                                        : nullptr;
}

std::string ActivationSource::valueOf(llvm::StringRef weight) const {
  if (const ValueStatistics *statistics = statisticsOf(weight))
    return "record: " + statistics->name;
  return files.lookup(weight);
}

llvm::Expected<int64_t> ActivationSource::sets(const WeightEntry &entry) const {
  if (statisticsOf(entry.name))
    return 1;
  auto file = ActivationFile::open(files.lookup(entry.name), entry.shape);
  return file ? llvm::Expected<int64_t>(file->sets()) : file.takeError();
}

llvm::Expected<Activations> ActivationSource::readSet(const WeightEntry &entry,
                                                      int64_t set) const {
  if (const ValueStatistics *statistics = statisticsOf(entry.name)) {
    Activations activations = Activations::ofChannels(*statistics);
    if (llvm::Error error = activations.checkColumns(entry.shape.back()))
      return error;
    return activations;
  }
  auto file = ActivationFile::open(files.lookup(entry.name), entry.shape);
  return file ? file->read(set) : file.takeError();
}

llvm::Expected<ExpertActivations>
ActivationSource::read(const WeightEntry &entry) const {
  llvm::Expected<int64_t> count = sets(entry);
  if (!count)
    return count.takeError();
  std::vector<Activations> each;
  for (int64_t set = 0; set < *count; ++set) {
    auto activations = readSet(entry, set);
    if (!activations)
      return activations.takeError();
    each.push_back(std::move(*activations));
  }
  return ExpertActivations(std::move(each));
}

llvm::Expected<int64_t> ActivationSource::bytesFor(const Step &step,
                                                   bool ordered) const {
  const WeightEntry &entry = *step.entry;
  if (statisticsOf(entry.name))
    return 0;
  auto file = ActivationFile::open(files.lookup(entry.name), entry.shape);
  if (!file)
    return file.takeError();
  int64_t columns = entry.shape.back();
  return step.algorithm == QuantAlgorithm::gptq
             ? GptqHessian::bytesFor(file->rows(), columns, ordered)
             : file->sets() * Activations::bytesFor(file->rows(), columns);
}

llvm::Error quantize::settleAlgorithms(std::vector<Step> &steps,
                                       const ActivationSource &activations) {
  bool isAsked = false, isMet = false, needsRows = false;
  for (Step &step : steps) {
    if (!step.scheme || !isCalibrated(step.algorithm)) {
      step.algorithm = QuantAlgorithm::nearest;
      continue;
    }
    isAsked = true;
    needsRows |= activations.record && step.algorithm == QuantAlgorithm::gptq;
    std::string word = nameOf(step.algorithm).str();
    bool isKnown = activations.hasFor(step.entry->name, step.algorithm);
    isMet |= isKnown;
    if (!isKnown)
      step.algorithm = QuantAlgorithm::nearest;
    step.note += step.note.empty() ? "" : "; ";
    step.note +=
        isKnown ? word + ", error of outputs" : "no activations for " + word;
  }
  if (isAsked && !isMet)
    return llvm::createStringError(
        llvm::Twine("expected --activations name=file.npy") +
        (activations.record ? "" : ", or --calibration record.json,") +
        " for at least one of the weights that are quantized for them" +
        (needsRows ? "; a calibration record has no rows, which gptq needs"
                   : ""));
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// Algorithms
//===----------------------------------------------------------------------===//

double quantize::passesOf(const Step &step) {
  switch (step.algorithm) {
  case QuantAlgorithm::nearest:
  case QuantAlgorithm::gptq:
    return 1;
  case QuantAlgorithm::awq:
    return AwqOptions().powers + 1;
  case QuantAlgorithm::smoothQuant:
    return 2;
  }
  llvm_unreachable("no such algorithm");
}

/// The largest magnitude in each column of a weight.
static std::vector<double> maximaOf(const RowSource &weight, PartLoop loop) {
  int64_t columns = weight.columns();
  constexpr int64_t elementsAtOnce = 1 << 18;
  RowParts parts(weight.shape, 1, /*about=*/elementsAtOnce / columns);
  std::vector<double> maxima(columns);
  std::mutex mutex;
  llvm::cantFail(loop(parts.count(), [&](int64_t part) {
    auto [begin, end] = parts.rowsOf(part);
    std::vector<float> values((end - begin) * columns);
    weight.read(begin, end, values);
    std::vector<double> own = columnMaxima(values, columns);
    std::lock_guard lock(mutex);
    for (auto [most, other] : llvm::zip_equal(maxima, own))
      most = std::max(most, other);
    weight.forget(begin, end);
    return llvm::Error::success();
  }));
  return maxima;
}

llvm::Expected<std::vector<double>>
quantize::findFactors(llvm::ArrayRef<CalibratedInput> inputs,
                      const ActivationSource &source, PartLoop loop) {
  const Step &first = *inputs.front().step;
  auto activations = source.read(*first.entry);
  if (!activations)
    return activations.takeError();
  std::vector<double> factors;
  if (first.algorithm == QuantAlgorithm::awq) {
    std::vector<RowSource> weights;
    for (const CalibratedInput &input : inputs)
      weights.push_back(input.rows);
    auto found = findAwqFactors(weights, *activations, {}, loop);
    if (!found)
      return found.takeError();
    factors = std::move(found->factors);
  } else {
    std::vector<double> maxima(activations->columns());
    for (const CalibratedInput &input : inputs) {
      if (llvm::Error error = activations->checkShape(input.rows.shape))
        return error;
      for (auto [most, own] :
           llvm::zip_equal(maxima, maximaOf(input.rows, loop)))
        most = std::max(most, own);
    }
    auto found = smoothFactors(activations->maxima(), maxima, first.alpha);
    if (!found)
      return found.takeError();
    factors = std::move(*found);
  }
  // What is multiplied is what the file says, and what programs divide by.
  for (double &factor : factors)
    factor = double(float(factor));
  return factors;
}

/// Columns times factors, the nearest numbers.
static llvm::Expected<SquareSums>
streamSmoothed(const RowSource &weight, llvm::ArrayRef<double> factors,
               const ExpertActivations &activations, PartLoop loop,
               StoredRows &rows, StoreBlocks store) {
  QuantizeOptions options = weight.options;
  divideImportance(options.importance, factors);
  auto quantizer = Quantizer::create(weight.scheme, weight.shape, options);
  if (!quantizer)
    return quantizer.takeError();
  if (llvm::Error error =
          chooseSharedOfLarge(*quantizer, weight, rows, factors))
    return error;
  RowWork work;
  work.rowsTogether = quantizer->rowsTogether();
  work.quantize = [&](llvm::MutableArrayRef<float> values, int64_t begin,
                      int64_t end, StoredRows &stored) {
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = float(double(values[i]) * factors[i % factors.size()]);
    return quantizer->quantizeRows(values, begin, end,
                                   stored.bytes(begin, end));
  };
  work.measure = [&](int64_t row, llvm::ArrayRef<float> values,
                     llvm::ArrayRef<double> numbers) {
    return activations.errorOf(row / weight.rowsPerExpert())
        .compare(values, numbers, factors);
  };
  return streamWeight(weight, work, loop, rows, store);
}

llvm::Expected<SquareSums> quantize::streamCalibrated(
    const CalibratedInput &input, llvm::ArrayRef<double> factors,
    const ActivationSource &source, const GptqOptions &given, PartLoop loop,
    StoredRows &rows, StoreBlocks store) {
  const WeightEntry &entry = *input.step->entry;
  if (input.step->algorithm == QuantAlgorithm::gptq) {
    GptqOptions options = given;
    // Few enough for all threads to have some.
    options.rowsAtOnce = 16;
    auto sets = source.sets(entry);
    if (!sets)
      return sets.takeError();
    return streamGptq(
        input.rows, *sets,
        [&](int64_t set) { return source.readSet(entry, set); }, options, loop,
        rows, store);
  }
  auto activations = source.read(entry);
  if (!activations)
    return activations.takeError();
  if (input.step->algorithm == QuantAlgorithm::awq)
    return streamAwq(input.rows, factors, *activations, {}, loop, rows, store);
  return streamSmoothed(input.rows, factors, *activations, loop, rows, store);
}
