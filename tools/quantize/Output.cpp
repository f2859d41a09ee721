//===- Output.cpp - The file that weights are written to ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/quantize/Output.h"

#include "codegen/StatusError.h"
#include "codegen/weights/StoredTypes.h"
#include "runtime/Text.h"
#include "runtime/weights/CheckpointMatcher.h"
#include "runtime/weights/GgmlTypes.h"

#include "llvm/ADT/StringExtras.h"

using namespace rlx;
using namespace rlx::quantize;

namespace {
/// A tensor of either container.
struct OutputTensor {
  size_t step;
  OutputPart part;
  std::string name, type;
  std::vector<int64_t> shape;
};

constexpr std::pair<llvm::StringLiteral, OutputPart> sideParts[] = {
    {"scales", OutputPart::scales},
    {"zero_points", OutputPart::zeroPoints},
    {"global_scale", OutputPart::globalScale}};
} // namespace

/// Without what says how the source was stored, and with what says it of the
/// output.
static std::vector<GgufEntry> metadataFor(const Conversion &conversion) {
  std::vector<GgufEntry> keys;
  auto set = [&](llvm::StringRef key, uint32_t number) {
    for (GgufEntry &entry : keys)
      if (entry.key == key) {
        entry.value = {number};
        return;
      }
    keys.push_back({key.str(), {number}});
  };
  for (const GgufEntry &entry : conversion.source.metadata())
    // The parts of a split file become one.
    if (!llvm::StringRef(entry.key).starts_with("split."))
      keys.push_back(entry);
  const GgmlType *type = findGgmlType(
      std::string_view(storedTypeOf(WeightContainer::gguf, conversion.scheme)));
  constexpr llvm::StringLiteral fileTypeKey = "general.file_type";
  if (type && type->fileType >= 0)
    set(fileTypeKey, uint32_t(type->fileType));
  else // That of the source would be wrong.
    llvm::erase_if(
        keys, [&](const GgufEntry &entry) { return entry.key == fileTypeKey; });
  // The version of ggml's formats for quantized weights.
  set("general.quantization_version", 2);
  return keys;
}

/// The scheme in which a step's weight is encoded, in a container that has no
/// type for it.
static std::optional<QuantScheme> encodedAs(const Step &step,
                                            mlir::MLIRContext &context) {
  if (step.output != WeightContainer::safetensors)
    return std::nullopt;
  std::optional<QuantScheme> scheme = step.scheme;
  if (!scheme && step.entry->container != WeightContainer::safetensors)
    scheme = schemeOf(*step.entry, context);
  if (!scheme || !storedTypeOf(step.output, *scheme).empty())
    return std::nullopt;
  return scheme;
}

static llvm::Error addTensors(size_t index, const Step &step,
                              mlir::MLIRContext &context,
                              std::vector<OutputTensor> &tensors,
                              SafetensorsMetadata &metadata) {
  const WeightEntry &entry = *step.entry;
  std::optional<QuantScheme> encoded = encodedAs(step, context);
  OutputTensor tensor{index, OutputPart::weight, entry.name, step.type(),
                      entry.shape};
  if (encoded) {
    tensor.type = "U8";
    tensor.shape.back() = encoded->rowBytes(entry.shape.back());
    std::string text = encoded->displayName().str();
    if (!encoded->isBuiltin()) {
      text.clear();
      llvm::raw_string_ostream(text) << encoded->attr();
    }
    metadata.emplace_back(
        schemeMetadataKey(entry.name),
        llvm::join(
            llvm::map_range(entry.shape,
                            [](int64_t size) { return std::to_string(size); }),
            "x") +
            " " + text);
  }
  if (tensor.type.empty())
    return llvm::createStringError("weight " + quoted(entry.name) +
                                   " is of type '" + entry.type + "', which " +
                                   std::string(containerName(step.output)) +
                                   " has no type for");
  tensors.push_back(std::move(tensor));
  for (auto [role, part] : sideParts) {
    std::optional<SideOperand> side =
        step.scheme ? step.scheme->findSide(role) : std::nullopt;
    if (!side)
      continue;
    std::string type = storedTypeOf(step.output, side->elementType);
    if (type.empty())
      return llvm::createStringError("weight " + quoted(entry.name) + ": " +
                                     std::string(containerName(step.output)) +
                                     " has no type for the " + role + " of '" +
                                     step.scheme->displayName() + "'");
    llvm::SmallVector<int64_t> shape = side->shape(entry.shape);
    tensors.push_back({index,
                       part,
                       (entry.name + "." + role).str(),
                       type,
                       {shape.begin(), shape.end()}});
  }
  if (hasFactors(step.algorithm)) {
    std::string type = storedTypeOf(step.output, ElementType::f32, "f32");
    tensors.push_back({index,
                       OutputPart::factors,
                       factorsName(entry),
                       type,
                       {entry.shape.back()}});
  }
  return llvm::Error::success();
}

namespace {
/// What a file has, as the writers of its container take it.
struct OutputList {
  std::vector<OutputTensor> tensors;
  SafetensorsMetadata texts;

  std::vector<GgufTensor> forGguf() const {
    std::vector<GgufTensor> list;
    for (const OutputTensor &tensor : tensors)
      list.push_back({tensor.name, tensor.type, tensor.shape});
    return list;
  }
  std::vector<SafetensorsTensor> forSafetensors() const {
    std::vector<SafetensorsTensor> list;
    for (const OutputTensor &tensor : tensors)
      list.push_back({tensor.name, tensor.type, tensor.shape});
    return list;
  }
};
} // namespace

static llvm::Expected<OutputList> listOutput(const Conversion &conversion) {
  mlir::MLIRContext &context = *conversion.scheme.attr().getContext();
  OutputList list;
  list.texts = conversion.source.textMetadata();
  for (auto [index, step] : llvm::enumerate(conversion.steps))
    if (llvm::Error error =
            addTensors(index, step, context, list.tensors, list.texts))
      return error;
  return list;
}

llvm::Error Output::check(const std::string &path,
                          const Conversion &conversion) {
  auto list = listOutput(conversion);
  if (!list)
    return list.takeError();
  return toError(
      conversion.output == WeightContainer::safetensors
          ? SafetensorsWriter::check(path, list->texts, list->forSafetensors())
          : GgufWriter::check(path, metadataFor(conversion), list->forGguf()));
}

llvm::Expected<Output> Output::create(const std::string &path,
                                      const Conversion &conversion) {
  auto list = listOutput(conversion);
  if (!list)
    return list.takeError();
  Output output;
  for (auto [index, tensor] : llvm::enumerate(list->tensors))
    output.indices[{tensor.step, tensor.part}] = index;
  if (conversion.output == WeightContainer::safetensors) {
    auto writer = toExpected(SafetensorsWriter::create(
        path, std::move(list->texts), list->forSafetensors()));
    if (!writer)
      return writer.takeError();
    output.safetensors = std::move(*writer);
    return output;
  }
  auto writer = toExpected(
      GgufWriter::create(path, metadataFor(conversion), list->forGguf()));
  if (!writer)
    return writer.takeError();
  output.gguf = std::move(*writer);
  return output;
}

llvm::Error Output::append(size_t step, OutputPart part,
                           std::span<const std::byte> bytes) {
  return toError(gguf ? gguf->append(bytes)
                      : safetensors->append(indices.at({step, part}), bytes));
}

llvm::Error Output::commit() {
  return toError(gguf ? gguf->commit() : safetensors->commit());
}
