//===- MemoryLimit.cpp - What a conversion takes in memory ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/quantize/MemoryLimit.h"

#include "codegen/quantize/RowSample.h"
#include "runtime/Text.h"
#include "tools/quantize/RowLoop.h"

#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace rlx;
using namespace rlx::quantize;

/// The program itself, and the rows that are being worked on.
static constexpr int64_t ownBytes = int64_t(160) << 20;

namespace {
/// What takes memory, for messages.
struct Use {
  std::string what;
  int64_t bytes;
};
} // namespace

static llvm::Expected<llvm::SmallVector<Use>>
usesOf(const Conversion &conversion, const Step &step, unsigned threads,
       bool isMeasured) {
  const WeightEntry &entry = *step.entry;
  llvm::SmallVector<Use> uses;
  // Each thread has a row as it is mapped, its numbers, and what they became.
  constexpr int64_t rowBytesAnElement = 20;
  int64_t columns = entry.shape.back(),
          rows = *countElements(entry.shape) / columns;
  uses.push_back({"rows in work", std::min<int64_t>(rows, threads) * columns *
                                      rowBytesAnElement});
  auto quantizer = Quantizer::create(*step.scheme, entry.shape,
                                     weightRowsOf(conversion, step).options);
  if (!quantizer)
    return quantizer.takeError();
  if (step.algorithm == QuantAlgorithm::gptq)
    if (llvm::Error error = checkOwnCodes(*step.scheme))
      return llvm::createStringError("weight " + quoted(entry.name) + ": " +
                                     llvm::toString(std::move(error)));
  if (!step.scheme->sideOperands().empty()) {
    int64_t sides = 0;
    for (const char *operand : {"scales", "zero_points", "global_scale"})
      sides += quantizer->sideBytes(operand);
    // AWQ tries others beside them.
    uses.push_back({"side tensors",
                    sides * (step.algorithm == QuantAlgorithm::awq ? 2 : 1)});
    // A search holds values, weights, codes and what they are tried with.
    constexpr int64_t bytesAnElement = 64;
    int64_t together = quantizer->rowsTogether() * entry.shape.back();
    bool isChosenFirst =
        together > RowSample::mostElements && quantizer->canChooseShared();
    uses.push_back({"rows that share scales",
                    (isChosenFirst ? RowSample::mostElements : together) *
                        bytesAnElement});
  }
  if (!isCalibrated(step.algorithm) &&
      !(isMeasured && conversion.activations.has(entry.name)))
    return uses;
  auto bytes = conversion.activations.bytesFor(step, conversion.gptq.ordered);
  if (!bytes)
    return bytes.takeError();
  uses.push_back({step.algorithm == QuantAlgorithm::gptq
                      ? "activations and their Hessian"
                      : "activations",
                  *bytes});
  return uses;
}

/// Two digits behind the point, or as many as tell it from 0.
static std::string amountOf(double gibibytes) {
  return gibibytes < 0.01 ? llvm::formatv("{0:e1}", gibibytes).str()
                          : llvm::formatv("{0:f2}", gibibytes).str();
}

llvm::Error quantize::checkMemory(const Conversion &conversion,
                                  double gibibytes, bool isMeasured) {
  constexpr double gibibyte = 1 << 30;
  if (!(gibibytes > 0))
    return llvm::createStringError(llvm::formatv(
        "expected --memory to be above 0, but got {0}", gibibytes));
  unsigned threads = ThreadPool(conversion.numThreads).size();
  for (const Step &step : conversion.steps) {
    if (!step.scheme)
      continue;
    auto uses = usesOf(conversion, step, threads, isMeasured);
    if (!uses)
      return uses.takeError();
    double all = double(ownBytes);
    std::string text = llvm::formatv("the program takes {0:f2} GiB",
                                     double(ownBytes) / gibibyte);
    for (const Use &use : *uses) {
      all += double(use.bytes);
      if (double(use.bytes) >= 0.01 * gibibyte)
        text += llvm::formatv(", {0} {1:f2}", use.what,
                              double(use.bytes) / gibibyte);
    }
    if (all > gibibytes * gibibyte)
      return llvm::createStringError(llvm::formatv(
          "expected weight {0} to be quantized in {1} GiB of memory, but "
          "it takes about {2:f2}: {3}; --memory {4:f0} allows it",
          quoted(step.entry->name), amountOf(gibibytes), all / gibibyte, text,
          std::ceil(all / gibibyte)));
  }
  return llvm::Error::success();
}
