//===- InspectTensor.cpp - The values of a tensor of a file ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Through the reference decoder, so that what is written is what the scheme's
// description says, each value rounded once to f32.
//
//===----------------------------------------------------------------------===//

#include "tools/Inspect.h"

#include "codegen/weights/StoredTypes.h"
#include "ir/Reference.h"
#include "runtime/Npy.h"
#include "runtime/Tensor.h"
#include "runtime/Text.h"

#include <vector>

using namespace rlx;

static Status unknownTensor(const WeightFile &file, const std::string &name) {
  std::string nearest;
  for (const std::string &other : file.nearestNames(name, 3))
    nearest += (nearest.empty() ? "" : ", ") + quoted(other);
  return errorf("'{}' has no tensor {}; the nearest of its {} names: {}",
                file.path(), quoted(name), file.entries().size(),
                nearest.empty() ? "none" : nearest);
}

Status inspect::dequantize(const WeightFile &file, const std::string &name,
                           const std::string &output,
                           mlir::MLIRContext &context) {
  const WeightEntry *entry = file.find(name);
  if (!entry)
    return unknownTensor(file, name);
  if (!entry->problem.empty())
    return errorf("tensor {} {}", quoted(name), entry->problem);
  std::optional<QuantScheme> scheme = schemeOf(*entry, context);
  if (!scheme)
    return errorf("tensor {} is of type '{}', expected one that RLX has a "
                  "scheme for (see "
                  "--schemes)",
                  quoted(name), entry->type);

  Result<Tensor> tensor = Tensor::allocate(ElementType::f32, entry->shape);
  if (!tensor)
    return tensor.status();
  // All dimensions but the innermost count rows: GGUF has no tensors beside the
  // blocks, so that nothing depends on which row it is.
  int64_t elements = tensor->numElements();
  int64_t columns = entry->shape.empty() ? 1 : entry->shape.back();
  if (elements > 0) {
    llvm::ArrayRef<uint8_t> blocks(
        reinterpret_cast<const uint8_t *>(entry->bytes.data()),
        entry->bytes.size());
    llvm::Expected<ReferenceDecoder> decoder = ReferenceDecoder::create(
        *scheme, {elements / columns, columns}, {blocks, {}, {}, {}});
    if (!decoder)
      return errorf("tensor {}: {}", quoted(name),
                    llvm::toString(decoder.takeError()));
    std::vector<double> row(columns);
    float *values = tensor->data<float>();
    for (int64_t n = 0; n < decoder->rows(); ++n) {
      decoder->decodeRow(n, row.data());
      for (double value : row)
        *values++ = float(value);
    }
  }
  return writeNpy(output, tensor->view());
}
