//===- Imatrix.cpp - Importance from calibration --------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/quantize/Imatrix.h"

#include "codegen/StatusError.h"
#include "codegen/quantize/WeightPlan.h"
#include "runtime/Text.h"
#include "runtime/weights/Gguf.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>
#include <cstring>

using namespace rlx;
using namespace rlx::quantize;

static llvm::Expected<std::vector<float>> floatsOf(const WeightEntry &entry,
                                                   const std::string &path) {
  if (entry.type != "f32" || !entry.problem.empty())
    return llvm::createStringError(
        "expected tensor " + quoted(entry.name) +
        " of an imatrix to be of type f32, but it is of type '" + entry.type +
        "' in '" + path + "'");
  std::vector<float> numbers(entry.bytes.size() / sizeof(float));
  std::memcpy(numbers.data(), entry.bytes.data(), entry.bytes.size());
  for (auto [i, number] : llvm::enumerate(numbers))
    if (!std::isfinite(number) || number < 0)
      return llvm::createStringError(llvm::formatv(
          "expected tensor {0} of an imatrix to be finite and not negative, "
          "but number {1} is {2} in '{3}'",
          quoted(entry.name), i, number, path));
  return numbers;
}

llvm::Expected<quantize::Imatrix>
quantize::readImatrix(const std::string &path) {
  auto file = toExpected(GgufFile::open(path));
  if (!file)
    return file.takeError();
  Imatrix imatrix;
  constexpr llvm::StringLiteral suffix = ".in_sum2";
  for (const WeightEntry &entry : (*file)->entries()) {
    llvm::StringRef name = entry.name;
    if (!name.consume_back(suffix))
      continue;
    const WeightEntry *counted = (*file)->find((name + ".counts").str());
    if (!counted)
      return llvm::createStringError("'" + path + "' has a tensor " +
                                     quoted(entry.name) + ", but no " +
                                     quoted((name + ".counts").str()));
    auto sums = floatsOf(entry, path), counts = floatsOf(*counted, path);
    if (!sums)
      return llvm::joinErrors(sums.takeError(), counts.takeError());
    if (!counts)
      return counts.takeError();
    if (counts->empty() || sums->size() % counts->size() != 0)
      return llvm::createStringError(
          "expected tensor " + quoted(counted->name) + " of '" + path +
          "' to have a number for each expert, but it has " +
          llvm::Twine(counts->size()) + " for " + llvm::Twine(sums->size()) +
          " sums");
    size_t columns = sums->size() / counts->size();
    for (size_t i = 0; i < sums->size(); ++i)
      // An expert that saw nothing has no opinion.
      (*sums)[i] =
          (*counts)[i / columns] > 0 ? (*sums)[i] / (*counts)[i / columns] : 1;
    imatrix[name] = std::move(*sums);
  }
  if (imatrix.empty())
    return llvm::createStringError("'" + path +
                                   "' has no tensors 'NAME.in_sum2', which an "
                                   "imatrix of llama.cpp has");
  return imatrix;
}

llvm::Error quantize::checkSizes(const std::string &path,
                                 const Imatrix &imatrix,
                                 llvm::ArrayRef<Step> steps) {
  for (const Step &step : steps) {
    auto found = imatrix.find(step.entry->name);
    if (!step.scheme || found == imatrix.end())
      continue;
    if (llvm::Error error = WeightPlan::checkImportanceSize(
            step.entry->name, step.entry->shape, found->second.size()))
      return llvm::createStringError(llvm::toString(std::move(error)) +
                                     " in '" + path + "'");
  }
  return llvm::Error::success();
}
