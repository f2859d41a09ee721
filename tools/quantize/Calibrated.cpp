//===- Calibrated.cpp - Weights quantized for given activations -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/quantize/Calibrated.h"

#include "codegen/StatusError.h"
#include "codegen/quantize/methods/Awq.h"
#include "codegen/quantize/methods/SmoothQuant.h"
#include "ir/NearNames.h"
#include "runtime/Npy.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/WithColor.h"

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
        return llvm::createStringError(
            "expected the record '" + path + "' to have " +
            llvm::Twine(columns) + " channels for '" + weight +
            "', as the weight has columns, but got " +
            llvm::Twine(value.channels()));
    }
  std::string first = missing.empty() ? ""
                                      : "'" + missing.front() + "'" +
                                            didYouMean(missing.front(), known);
  if (found == 0)
    return llvm::createStringError(
        "the record '" + path + "' has none of the weights of '" +
        source.path() + "'" +
        (missing.empty() ? "" : ", the first that it has is " + first));
  if (!missing.empty())
    llvm::WithColor::warning(llvm::errs(), "rlx-quantize")
        << "the record has " << missing.size()
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

void quantize::addImportance(const ActivationSource &activations,
                             const WeightSource &source, Imatrix &imatrix) {
  for (const WeightEntry &entry : source.entries()) {
    const ValueStatistics *value =
        activations.record ? activations.record->findForWeight(entry.name)
                           : nullptr;
    if (value)
      imatrix.try_emplace(entry.name, value->meanSquares.begin(),
                          value->meanSquares.end());
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

static llvm::Expected<Activations> readActivations(const std::string &path,
                                                   int64_t columns) {
  auto tensor = toExpected(readNpy(path));
  if (!tensor)
    return tensor.takeError();
  const std::vector<int64_t> &shape = tensor->shape();
  if (shape.empty() || shape.back() != columns)
    return llvm::createStringError(
        "expected activations '" + path + "' to have " + llvm::Twine(columns) +
        " columns, as the weight has, but got " + describeShape(shape));
  std::vector<float> values(tensor->numElements());
  if (tensor->type() == ElementType::f32)
    std::copy_n(tensor->data<float>(), values.size(), values.begin());
  else if (tensor->type() == ElementType::f64)
    std::transform(tensor->data<double>(),
                   tensor->data<double>() + values.size(), values.begin(),
                   [](double value) { return float(value); });
  else
    return llvm::createStringError("expected activations '" + path +
                                   "' to be f32 or f64, but got " +
                                   std::string(elementName(tensor->type())));
  return Activations::create(std::move(values), columns, path);
}

llvm::Expected<Activations> ActivationSource::read(llvm::StringRef weight,
                                                   int64_t columns) const {
  const ValueStatistics *statistics = statisticsOf(weight);
  if (!statistics)
    return readActivations(files.lookup(weight), columns);
  Activations activations = Activations::ofChannels(*statistics);
  if (llvm::Error error = activations.checkColumns(columns))
    return error;
  return activations;
}

//===----------------------------------------------------------------------===//
// Algorithms
//===----------------------------------------------------------------------===//

/// Parts on the threads of `pool`.
static llvm::Error forParts(ThreadPool &pool, int64_t parts,
                            llvm::function_ref<llvm::Error(int64_t)> body) {
  struct Loop {
    llvm::function_ref<llvm::Error(int64_t)> body;
    std::vector<std::string> messages; ///< Of each part; mostly empty.
  } loop{body, std::vector<std::string>(size_t(parts))};
  pool.parallelFor(
      [](void *closure, int64_t from, int64_t to) {
        auto &loop = *static_cast<Loop *>(closure);
        for (int64_t part = from; part < to; ++part)
          if (llvm::Error error = loop.body(part))
            loop.messages[part] = llvm::toString(std::move(error));
      },
      &loop, parts);
  for (const std::string &message : loop.messages)
    if (!message.empty())
      return llvm::createStringError(message);
  return llvm::Error::success();
}

using CalibratedWeights = llvm::Expected<std::vector<CalibratedWeight>>;

static CalibratedWeights byGptq(llvm::ArrayRef<CalibratedInput> inputs,
                                const Activations &activations,
                                GptqOptions options, ThreadPool &pool) {
  // Few enough for all threads to have some.
  options.rowsAtOnce = 16;
  std::vector<CalibratedWeight> weights;
  for (const CalibratedInput &input : inputs) {
    auto weight = quantizeGptq(
        *input.step->scheme, input.step->entry->shape, input.values,
        activations, options,
        [&](int64_t parts, llvm::function_ref<llvm::Error(int64_t)> body) {
          return forParts(pool, parts, body);
        });
    if (!weight)
      return weight.takeError();
    weights.push_back({std::move(*weight), {}});
  }
  return weights;
}

/// Importance of channels whose activations are divided by factors.
static void divideImportance(QuantizeOptions &options,
                             llvm::ArrayRef<double> factors) {
  for (auto [i, importance] : llvm::enumerate(options.importance)) {
    double factor = factors[i % factors.size()];
    importance = float(importance / (factor * factor));
  }
}

static CalibratedWeights bySmoothing(llvm::ArrayRef<CalibratedInput> inputs,
                                     const Activations &activations,
                                     QuantizeOptions options) {
  int64_t columns = activations.columns();
  std::vector<double> maxima(columns);
  for (const CalibratedInput &input : inputs)
    for (auto [most, own] :
         llvm::zip_equal(maxima, columnMaxima(input.values, columns)))
      most = std::max(most, own);
  auto factors =
      smoothFactors(activations.maxima(), maxima, inputs.front().step->alpha);
  if (!factors)
    return factors.takeError();
  divideImportance(options, *factors);
  std::vector<CalibratedWeight> weights;
  for (const CalibratedInput &input : inputs) {
    std::vector<double> products = timesFactors(input.values, *factors);
    auto weight = quantizeWeight(
        *input.step->scheme, input.step->entry->shape,
        std::vector<float>(products.begin(), products.end()), options);
    if (!weight)
      return weight.takeError();
    weights.push_back({std::move(*weight), {factors->begin(), factors->end()}});
  }
  return weights;
}

static CalibratedWeights byAwq(llvm::ArrayRef<CalibratedInput> inputs,
                               const Activations &activations,
                               const QuantizeOptions &options) {
  AwqOptions wishes;
  wishes.quantize = options;
  std::vector<AwqWeight> given;
  for (const CalibratedInput &input : inputs)
    given.push_back(
        {*input.step->scheme, input.step->entry->shape, input.values});
  auto result = quantizeAwq(given, activations, wishes);
  if (!result)
    return result.takeError();
  std::vector<CalibratedWeight> weights;
  for (QuantizedWeight &weight : result->weights)
    weights.push_back(
        {std::move(weight), {result->factors.begin(), result->factors.end()}});
  return weights;
}

/// Of what is stored, with the factors as they are stored.
static void measure(CalibratedWeight &result, llvm::ArrayRef<float> values,
                    const Activations &activations) {
  int64_t columns = activations.columns();
  OutputError outputs(activations);
  std::vector<double> stored = result.weight.values(), row(columns);
  for (size_t i = 0; i < stored.size() && !result.factors.empty(); ++i)
    stored[i] /= double(result.factors[i % columns]);
  result.squaredError = outputs.of(values, stored);
  for (size_t begin = 0; begin < values.size(); begin += columns) {
    std::copy_n(values.begin() + begin, columns, row.begin());
    result.squaredSize += outputs.ofRow(row);
  }
}

llvm::Expected<std::vector<CalibratedWeight>>
quantize::quantizeCalibrated(llvm::ArrayRef<CalibratedInput> inputs,
                             const Activations &activations,
                             const GptqOptions &options, ThreadPool &pool) {
  QuantAlgorithm algorithm = inputs.front().step->algorithm;
  for (const CalibratedInput &input : inputs)
    if (const WeightEntry &entry = *input.step->entry; entry.shape.size() != 2)
      return llvm::createStringError(
          "expected weight '" + entry.name + "' to be a matrix, which '" +
          nameOf(algorithm) + "' quantizes, but got " +
          describeShape(entry.shape));
  auto run = [&]() -> CalibratedWeights {
    switch (algorithm) {
    case QuantAlgorithm::gptq:
      return byGptq(inputs, activations, options, pool);
    case QuantAlgorithm::awq:
      return byAwq(inputs, activations, options.quantize);
    case QuantAlgorithm::smoothQuant:
      return bySmoothing(inputs, activations, options.quantize);
    case QuantAlgorithm::nearest:
      break;
    }
    llvm_unreachable("needs no activations");
  };
  auto weights = run();
  if (weights)
    for (auto [weight, input] : llvm::zip_equal(*weights, inputs))
      measure(weight, input.values, activations);
  return weights;
}
