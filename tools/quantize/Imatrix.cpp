//===- Imatrix.cpp - Importance from calibration --------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/quantize/Imatrix.h"

#include "codegen/StatusError.h"
#include "runtime/weights/Gguf.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>
#include <cstring>

using namespace rlx;

static llvm::Expected<std::vector<float>> floatsOf(const WeightEntry &entry) {
  if (entry.type != "f32" || !entry.problem.empty())
    return llvm::createStringError("expected tensor '" + entry.name +
                                   "' of an imatrix to be of type f32, but it "
                                   "is of type '" +
                                   entry.type + "'");
  std::vector<float> numbers(entry.bytes.size() / sizeof(float));
  std::memcpy(numbers.data(), entry.bytes.data(), entry.bytes.size());
  for (auto [i, number] : llvm::enumerate(numbers))
    if (!std::isfinite(number) || number < 0)
      return llvm::createStringError(llvm::formatv(
          "expected tensor '{0}' of an imatrix to be finite and not negative, "
          "but number {1} is {2}",
          entry.name, i, number));
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
      return llvm::createStringError("'" + path + "' has a tensor '" +
                                     entry.name + "', but no '" + name +
                                     ".counts'");
    auto sums = floatsOf(entry), counts = floatsOf(*counted);
    if (!sums)
      return llvm::joinErrors(sums.takeError(), counts.takeError());
    if (!counts)
      return counts.takeError();
    if (counts->empty() || sums->size() % counts->size() != 0)
      return llvm::createStringError(
          "expected tensor '" + counted->name + "' of '" + path +
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
