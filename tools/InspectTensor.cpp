//===- InspectTensor.cpp - The values of a tensor of a file ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Through the reference decoder, so that what is written is what the scheme's
// description says, each value rounded once to f32.
//
//===----------------------------------------------------------------------===//

#include "tools/Inspect.h"

#include "codegen/StatusError.h"
#include "codegen/weights/StoredTypes.h"
#include "codegen/weights/WeightLoader.h"
#include "ir/Reference.h"
#include "runtime/Npy.h"
#include "runtime/Tensor.h"
#include "runtime/Text.h"

#include "llvm/Support/FileSystem.h"

#include <vector>

using namespace rlx;

/// Whether writing there would replace what is read.
static bool isRead(const WeightFile &file, const std::string &output) {
  llvm::sys::fs::UniqueID written;
  if (llvm::sys::fs::getUniqueID(output, written))
    return false;
  auto isSame = [&](const std::string &path) {
    llvm::sys::fs::UniqueID read;
    return !llvm::sys::fs::getUniqueID(path, read) && read == written;
  };
  const std::string *last = &file.path(); // tensors of a file lie together
  bool isFound = isSame(*last);
  for (const WeightEntry &entry : file.entries())
    if (entry.file != *last)
      isFound |= isSame(*(last = &entry.file));
  return isFound;
}

static Status unknownTensor(const WeightFile &file, const std::string &name) {
  std::string nearest;
  for (const std::string &other : file.nearestNames(name, 3))
    nearest += (nearest.empty() ? "" : ", ") + quoted(other);
  return errorf("'{}' has no tensor {}; the nearest of its {} names: {}",
                file.path(), quoted(name), file.entries().size(),
                nearest.empty() ? "none" : nearest);
}

/// Writes the values of `decoder`; column j of what is stored is column
/// `order[j]` of the weight, or the same where there is no order.
static Status writeValues(const ReferenceDecoder &decoder,
                          llvm::ArrayRef<int64_t> order,
                          const std::vector<int64_t> &shape,
                          const std::string &output) {
  Result<Tensor> tensor = Tensor::allocate(ElementType::f32, shape);
  if (!tensor)
    return tensor.status();
  std::vector<double> row(decoder.columns());
  float *values = tensor->data<float>();
  for (int64_t n = 0; n < decoder.rows(); ++n, values += row.size()) {
    decoder.decodeRow(n, row.data());
    for (size_t k = 0; k < row.size(); ++k)
      values[order.empty() ? k : order[k]] = float(row[k]);
  }
  return writeNpy(output, tensor->view());
}

static llvm::Error dequantizeLogical(const LogicalWeight &weight,
                                     const std::string &output,
                                     mlir::MLIRContext &context) {
  auto loader = WeightLoader::create(weight, context);
  if (!loader)
    return loader.takeError();
  StoredWeight stored;
  std::vector<LoadedPart> parts; // keeps what they own
  std::pair<const char *, llvm::ArrayRef<uint8_t> *> roles[] = {
      {"codes", &stored.blocks},
      {"scales", &stored.scales},
      {"zero_points", &stored.zeroPoints},
      {"global_scale", &stored.globalScale}};
  for (auto [role, bytes] : roles) {
    if (role != llvm::StringRef("codes") && !loader->scheme().findSide(role))
      continue;
    auto part = loader->load(role);
    if (!part)
      return part.takeError();
    *bytes = part->bytes;
    parts.push_back(std::move(*part));
  }
  auto decoder =
      ReferenceDecoder::create(loader->scheme(), loader->shape(), stored);
  if (!decoder)
    return decoder.takeError();
  return toError(
      writeValues(*decoder, loader->columnOrder(), weight.shape, output));
}

Status inspect::dequantize(const WeightFile &file, const std::string &name,
                           const std::string &output,
                           mlir::MLIRContext &context) {
  if (isRead(file, output))
    return errorf("'{}' is what is read, expected another file for -o", output);
  if (const LogicalWeight *weight = file.findLogical(name)) {
    if (llvm::Error error = dequantizeLogical(*weight, output, context))
      return Status::error(llvm::toString(std::move(error)));
    return {};
  }
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

  // All dimensions but the innermost count rows: there are no tensors beside
  // the blocks, so that nothing depends on which row it is.
  std::optional<int64_t> elements = countElements(entry->shape);
  int64_t columns = entry->shape.empty() ? 1 : entry->shape.back();
  if (elements == 0) {
    Result<Tensor> none = Tensor::allocate(ElementType::f32, entry->shape);
    return none ? writeNpy(output, none->view()) : none.status();
  }
  llvm::ArrayRef<uint8_t> blocks(
      reinterpret_cast<const uint8_t *>(entry->bytes.data()),
      entry->bytes.size());
  llvm::Expected<ReferenceDecoder> decoder = ReferenceDecoder::create(
      *scheme, {elements.value_or(0) / columns, columns}, {blocks, {}, {}, {}});
  if (!decoder)
    return errorf("tensor {}: {}", quoted(name),
                  llvm::toString(decoder.takeError()));
  return writeValues(*decoder, {}, entry->shape, output);
}
