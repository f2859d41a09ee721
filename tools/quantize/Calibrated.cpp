//===- Calibrated.cpp - Weights quantized for given activations -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/quantize/Calibrated.h"

#include "codegen/StatusError.h"
#include "codegen/quantize/methods/Awq.h"
#include "codegen/quantize/methods/SmoothQuant.h"
#include "runtime/Npy.h"

#include "llvm/Support/MathExtras.h"

using namespace rlx;
using namespace rlx::quantize;

bool quantize::isCalibrated(QuantAlgorithm algorithm) {
  return algorithm != QuantAlgorithm::nearest;
}

bool quantize::hasFactors(QuantAlgorithm algorithm) {
  return algorithm == QuantAlgorithm::awq ||
         algorithm == QuantAlgorithm::smoothQuant;
}

llvm::Expected<Activations> quantize::readActivations(const std::string &path,
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

static llvm::Expected<CalibratedWeight>
byGptq(QuantScheme scheme, llvm::ArrayRef<int64_t> shape,
       llvm::ArrayRef<float> values, const Activations &activations,
       GptqOptions options, ThreadPool &pool) {
  // Few enough for all threads to have some.
  options.rowsAtOnce = 16;
  auto weight = quantizeGptq(
      scheme, shape, values, activations, options,
      [&](int64_t parts, llvm::function_ref<llvm::Error(int64_t)> body) {
        return forParts(pool, parts, body);
      });
  if (!weight)
    return weight.takeError();
  return CalibratedWeight{std::move(*weight), {}};
}

static llvm::Expected<CalibratedWeight>
bySmoothing(const Step &step, llvm::ArrayRef<float> values,
            const Activations &activations, const QuantizeOptions &options) {
  int64_t columns = activations.columns();
  auto factors = smoothFactors(activations.maxima(),
                               columnMaxima(values, columns), step.alpha);
  if (!factors)
    return factors.takeError();
  std::vector<double> products = timesFactors(values, *factors);
  auto weight = quantizeWeight(
      *step.scheme, step.entry->shape,
      std::vector<float>(products.begin(), products.end()), options);
  if (!weight)
    return weight.takeError();
  return CalibratedWeight{std::move(*weight),
                          {factors->begin(), factors->end()}};
}

static llvm::Expected<CalibratedWeight> byAwq(const Step &step,
                                              llvm::ArrayRef<float> values,
                                              const Activations &activations,
                                              const QuantizeOptions &options) {
  AwqOptions wishes;
  wishes.quantize = options;
  auto result = quantizeAwq(
      {{*step.scheme, step.entry->shape, {values.begin(), values.end()}}},
      activations, wishes);
  if (!result)
    return result.takeError();
  return CalibratedWeight{std::move(result->weights.front()),
                          {result->factors.begin(), result->factors.end()}};
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

llvm::Expected<CalibratedWeight>
quantize::quantizeCalibrated(const Step &step, std::vector<float> values,
                             const Activations &activations,
                             const GptqOptions &options, ThreadPool &pool) {
  const WeightEntry &entry = *step.entry;
  if (entry.shape.size() != 2)
    return llvm::createStringError(
        "expected weight '" + entry.name + "' to be a matrix, which '" +
        nameOf(step.algorithm) + "' quantizes, but got " +
        describeShape(entry.shape));
  auto run = [&]() -> llvm::Expected<CalibratedWeight> {
    switch (step.algorithm) {
    case QuantAlgorithm::gptq:
      return byGptq(*step.scheme, entry.shape, values, activations, options,
                    pool);
    case QuantAlgorithm::awq:
      return byAwq(step, values, activations, options.quantize);
    case QuantAlgorithm::smoothQuant:
      return bySmoothing(step, values, activations, options.quantize);
    case QuantAlgorithm::nearest:
      break;
    }
    llvm_unreachable("needs no activations");
  };
  auto result = run();
  if (result)
    measure(*result, values, activations);
  return result;
}
