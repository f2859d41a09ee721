//===- WeightBindings.cpp - Which memory a program's weights are ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/WeightBindings.h"

#include "codegen/StatusError.h"
#include "codegen/weights/LogicalBinder.h"
#include "codegen/weights/StoredTypes.h"
#include "runtime/TensorChecks.h"

using namespace rlx;

/// Whether shapes are the same but for ones in front, with which files pad.
static bool isSameShape(llvm::ArrayRef<int64_t> a, llvm::ArrayRef<int64_t> b) {
  auto isOne = [](int64_t size) { return size == 1; };
  return a.drop_while(isOne) == b.drop_while(isOne);
}

/// The type of a file that also holds the bits of a signless integer; empty
/// where there is none.
static std::string unsignedTypeOf(const WeightEntry &entry,
                                  const TensorSignature &weight) {
  llvm::StringRef name = weight.mlirElement;
  if (weight.isQuantized() || !name.consume_front("i"))
    return "";
  std::optional<ElementType> element = parseElementType("u" + name.str());
  return element ? storedTypeOf(entry.container, *element, "") : "";
}

/// Whether an entry of a file is the tensor that the program says.
static llvm::Error checkEntry(const WeightEntry &entry,
                              const TensorSignature &weight) {
  std::string type =
      weight.isQuantized()
          ? storedTypeOf(entry.container, weight.scheme, weight.ggmlType)
          : storedTypeOf(entry.container, weight.element, weight.mlirElement);
  auto complain = [&](const std::string &expected, const std::string &got) {
    return llvm::createStringError("weight '" + entry.name + "' in '" +
                                   entry.file + "': expected " + expected +
                                   " for " + weight.type + ", but got " + got);
  };
  if (!entry.problem.empty())
    return llvm::createStringError("weight '" + entry.name + "' in '" +
                                   entry.file + "' " + entry.problem);
  llvm::StringRef stored = entry.type;
  if (!stored.equals_insensitive(type) &&
      !stored.equals_insensitive(unsignedTypeOf(entry, weight)))
    return complain("type " + (type.empty() ? weight.scheme : type),
                    "type " + entry.type);
  if (!isSameShape(entry.shape, weight.logicalShape))
    return complain("shape " + describeShape(weight.logicalShape),
                    "shape " + describeShape(entry.shape));
  int64_t bytes = elementBytes(weight.element);
  for (int64_t size : weight.shape)
    bytes *= size;
  if (int64_t(entry.bytes.size()) != bytes)
    return complain(std::to_string(bytes) + " bytes",
                    std::to_string(entry.bytes.size()));
  return llvm::Error::success();
}

llvm::Expected<WeightBindings::Binding>
WeightBindings::bindPart(const LoadedPart &part, const TensorSignature &weight,
                         const WeightFile &file) {
  Binding binding;
  binding.source = file.path();
  auto address = reinterpret_cast<uintptr_t>(part.bytes.data());
  if (address % elementBytes(weight.element) == 0) {
    // Code only reads weights.
    void *data = const_cast<uint8_t *>(part.bytes.data());
    binding.tensor = {weight.element, weight.shape, data};
    binding.mapped = part.mapped;
    binding.owned = part.owned;
    binding.file = part.mapped ? &file : nullptr;
    return binding;
  }
  // Code reads whole elements at once.
  auto tensor = toExpected(Tensor::allocate(weight.element, weight.shape));
  if (!tensor)
    return tensor.takeError();
  auto owned = std::make_shared<Tensor>(std::move(*tensor));
  llvm::copy(part.bytes, owned->data<uint8_t>());
  if (part.mapped)
    file.release(*part.mapped);
  binding.tensor = owned->view();
  binding.owned = owned;
  return binding;
}

llvm::Error WeightBindings::bindWeight(const TensorSignature &weight,
                                       const WeightFile &file,
                                       LogicalBinder &binder) {
  const WeightEntry *entry = file.find(weight.weight);
  if (!entry)
    entry = binder.findBias(weight.weight);
  auto part = binder.bind(weight);
  if (!part)
    return part.takeError();
  auto known = bindings.find(weight.weight);
  if ((!entry && !*part) || (known != bindings.end() && known->second.isMemory))
    return llvm::Error::success();
  if (known != bindings.end() && !known->second.isConstant &&
      known->second.source != file.path())
    return llvm::createStringError("weight '" + weight.weight + "' is in '" +
                                   known->second.source + "' and in '" +
                                   file.path() + "', expected it in one file");
  if (!*part) {
    if (auto error = checkEntry(*entry, weight))
      return error;
    *part = LoadedPart{{reinterpret_cast<const uint8_t *>(entry->bytes.data()),
                        entry->bytes.size()},
                       entry,
                       nullptr};
  }
  auto binding = bindPart(**part, weight, file);
  if (!binding)
    return binding.takeError();
  bindings[weight.weight] = std::move(*binding);
  return llvm::Error::success();
}

llvm::Error WeightBindings::bind(std::shared_ptr<const WeightFile> file) {
  if (Status status = file->checkUnchanged(); !status)
    return toError(status);
  llvm::StringSet<> names;
  for (const FunctionSignature &function : signatures)
    for (const TensorSignature &weight : function.weights)
      names.insert(weight.weight);
  LogicalBinder binder(*file, std::move(names));
  for (const FunctionSignature &function : signatures)
    for (const TensorSignature &weight : function.weights)
      if (auto error = bindWeight(weight, *file, binder))
        return error;
  files.push_back(std::move(file));
  return llvm::Error::success();
}

llvm::Error WeightBindings::bind(llvm::StringRef name,
                                 const TensorView &tensor) {
  bool known = false;
  for (const FunctionSignature &function : signatures)
    for (const TensorSignature &weight : function.weights) {
      if (weight.weight != name)
        continue;
      if (auto error = weight.check(tensor, ("weight '" + name + "'").str()))
        return error;
      known = true;
    }
  if (!known)
    return llvm::createStringError("the program has no weight '" + name + "'");
  Binding binding;
  binding.tensor = tensor;
  binding.source = "memory";
  binding.isMemory = true;
  bindings[name] = std::move(binding);
  return llvm::Error::success();
}

void WeightBindings::bindConstants() {
  for (const FunctionSignature &function : signatures)
    for (const TensorSignature &weight : function.weights) {
      if (!weight.value)
        continue;
      Binding binding;
      // Code only reads weights.
      binding.tensor = {weight.element, weight.shape,
                        const_cast<std::byte *>(weight.value.get())};
      binding.source = "the program";
      binding.isConstant = true;
      bindings.try_emplace(weight.weight, std::move(binding));
    }
}

TensorView WeightBindings::find(llvm::StringRef name) const {
  return bindings.lookup(name).tensor;
}

llvm::Error WeightBindings::check(const FunctionSignature &function) const {
  for (const TensorSignature &weight : function.weights) {
    if (bindings.count(weight.weight))
      continue;
    std::string message =
        "weight '" + weight.weight + "' (" + weight.type + ") is not given";
    if (files.empty())
      return llvm::createStringError(message +
                                     ": expected a weight file that has it");
    constexpr size_t suggestions = 3;
    for (const auto &file : files) {
      message += "; nearest names in '" + file->path() + "': ";
      std::string names;
      for (const std::string &name :
           file->nearestNames(weight.weight, suggestions))
        names += (names.empty() ? "'" : ", '") + name + "'";
      message += names.empty() ? "none" : names;
    }
    return llvm::createStringError(message);
  }
  return llvm::Error::success();
}

std::pair<const WeightFile *, const WeightEntry *>
WeightBindings::mappedEntry(llvm::StringRef name) const {
  auto found = bindings.find(name);
  if (found == bindings.end())
    return {};
  return {found->second.file, found->second.mapped};
}

llvm::Error
WeightBindings::checkOutputs(const FunctionSignature &function,
                             llvm::ArrayRef<TensorView> outputs) const {
  for (const TensorSignature &weight : function.weights) {
    auto bound = bindings.find(weight.weight);
    if (bound == bindings.end())
      continue;
    const TensorView &tensor = bound->second.tensor;
    for (auto [i, output] : llvm::enumerate(outputs))
      if (shareMemory(output, tensor))
        return llvm::createStringError(
            "output " + llvm::Twine(i) + " shares memory with weight '" +
            weight.weight + "', expected memory of its own");
  }
  return llvm::Error::success();
}

llvm::Error
WeightBindings::checkUnchanged(const FunctionSignature &function) const {
  for (const auto &file : files) {
    bool isUsed =
        llvm::any_of(function.weights, [&](const TensorSignature &weight) {
          return mappedEntry(weight.weight).first == file.get();
        });
    if (!isUsed)
      continue;
    if (Status status = file->checkUnchanged(); !status)
      return toError(status);
  }
  return llvm::Error::success();
}
