//===- ActivationFile.cpp - Rows of activations in an npy file ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/quantize/ActivationFile.h"

#include "codegen/StatusError.h"

#include <cstring>

using namespace rlx;
using namespace rlx::quantize;

llvm::Expected<ActivationFile>
ActivationFile::open(const std::string &path, llvm::ArrayRef<int64_t> shape) {
  auto mapped = toExpected(MappedFile::open(path));
  if (!mapped)
    return mapped.takeError();
  auto view = toExpected(viewNpy(path, (*mapped)->bytes()));
  if (!view)
    return view.takeError();
  llvm::ArrayRef<int64_t> given = view->shape;
  int64_t columns = shape.back();
  if (given.empty() || given.back() != columns)
    return llvm::createStringError(
        "expected activations '" + path + "' to have " + llvm::Twine(columns) +
        " columns, as the weight has, but got " + describeShape(view->shape));
  if (view->type != ElementType::f32 && view->type != ElementType::f64)
    return llvm::createStringError("expected activations '" + path +
                                   "' to be f32 or f64, but got " +
                                   std::string(elementName(view->type)));
  ActivationFile result;
  result.numRows = 1;
  for (int64_t size : given.drop_back())
    result.numRows *= size;
  if (shape.size() == 3 && given.size() != 2) {
    if (given.size() != 3 || given.front() != shape.front())
      return llvm::createStringError(
          "expected activations '" + path + "' to be [rows, " +
          llvm::Twine(columns) + "], for all experts, or [" +
          llvm::Twine(shape.front()) + ", rows, " + llvm::Twine(columns) +
          "], for each, but got " + describeShape(view->shape));
    result.numSets = given[0];
    result.numRows = given[1];
  }
  result.path = path;
  result.file = std::move(*mapped);
  result.array = std::move(*view);
  return result;
}

llvm::Expected<Activations> ActivationFile::read(int64_t set) const {
  int64_t columns = array.shape.back();
  auto readRows = [&](int64_t begin, int64_t end,
                      llvm::MutableArrayRef<float> numbers) {
    int64_t elementSize = elementBytes(array.type),
            first = (set * numRows + begin) * columns;
    const std::byte *from = array.data.data() + first * elementSize;
    if (array.type == ElementType::f32) {
      std::memcpy(numbers.data(), from, numbers.size() * sizeof(float));
    } else {
      for (size_t i = 0; i < numbers.size(); ++i) {
        double number;
        std::memcpy(&number, from + i * sizeof(double), sizeof(double));
        numbers[i] = float(number);
      }
    }
    file->release(from - file->bytes().data(),
                  (end - begin) * columns * elementSize);
  };
  return Activations::read(numRows, columns, path, readRows);
}
