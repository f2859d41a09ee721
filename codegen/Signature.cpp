//===- Signature.cpp - What a compiled function takes and gives -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/Signature.h"

#include "codegen/CacheKeys.h"
#include "codegen/ConstantData.h"
#include "codegen/Kernels.h"
#include "codegen/StatusError.h"
#include "ir/Scheme.h"
#include "runtime/TensorChecks.h"
#include "runtime/Text.h"

using namespace mlir;
using namespace rlx;

static std::string join(llvm::ArrayRef<int64_t> shape) {
  std::string text = "[";
  for (auto [i, size] : llvm::enumerate(shape)) {
    text += i ? ", " : "";
    text += size < 0 ? "?" : std::to_string(size);
  }
  return text + "]";
}

std::string TensorSignature::describe() const {
  return std::string(elementName(element)) + " " + join(shape);
}

llvm::Error TensorSignature::check(const TensorView &tensor,
                                   llvm::StringRef what) const {
  // Bytes are bytes: i8 tensors may come as u8 and the other way round.
  auto sameElement = [](ElementType a, ElementType b) {
    auto isByte = [](ElementType type) {
      return type == ElementType::u8 || type == ElementType::i8;
    };
    return a == b || (isByte(a) && isByte(b));
  };
  bool matches =
      sameElement(tensor.type, element) && tensor.shape.size() == shape.size();
  for (size_t i = 0; matches && i < shape.size(); ++i)
    matches = shape[i] < 0 || tensor.shape[i] == shape[i];
  if (!matches)
    return llvm::createStringError("expected " + what + " to be " + describe() +
                                   " for " + type + ", but got " +
                                   tensor.describe());
  return toError(checkTensor(tensor, what));
}

bool FunctionSignature::hasDynamicResults() const {
  return llvm::any_of(results, [](const TensorSignature &result) {
    return llvm::any_of(result.shape, [](int64_t size) { return size < 0; });
  });
}

llvm::Expected<const FunctionSignature *>
rlx::findFunction(const std::vector<FunctionSignature> &signatures,
                  llvm::StringRef name) {
  for (const FunctionSignature &signature : signatures)
    if (signature.name == name)
      return &signature;
  std::string known;
  for (const FunctionSignature &signature : signatures)
    known += (known.empty() ? "'" : ", '") + signature.name + "'";
  if (known.empty())
    return llvm::createStringError("the program has no public function");
  return llvm::createStringError("the program has no public function '" +
                                 name.str() + "', expected one of " + known);
}

static std::optional<ElementType> elementTypeOf(Type type) {
  if (type.isF64())
    return ElementType::f64;
  if (type.isF32())
    return ElementType::f32;
  if (type.isF16())
    return ElementType::f16;
  if (type.isBF16())
    return ElementType::bf16;
  if (type.isIndex())
    return ElementType::i64;
  if (isa<FloatType>(type) && type.getIntOrFloatBitWidth() == 8)
    return ElementType::u8;
  auto integer = dyn_cast<IntegerType>(type);
  if (!integer)
    return std::nullopt;
  bool isUnsigned = integer.isUnsigned();
  switch (integer.getWidth()) {
  case 1:
    return ElementType::boolean;
  case 8:
    return isUnsigned ? ElementType::u8 : ElementType::i8;
  case 16:
    return isUnsigned ? ElementType::u16 : ElementType::i16;
  case 32:
    return isUnsigned ? ElementType::u32 : ElementType::i32;
  case 64:
    return isUnsigned ? ElementType::u64 : ElementType::i64;
  default:
    return std::nullopt;
  }
}

/// `written` is the type that the program has, where another is passed.
static llvm::Expected<TensorSignature> readTensor(Type type, const Twine &what,
                                                  TypeAttr written = {}) {
  std::string text;
  llvm::raw_string_ostream(text) << (written ? written.getValue() : type);
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor)
    return llvm::createStringError("expected " + what +
                                   " to be a ranked tensor, but got " + text);
  TensorSignature signature;
  signature.type = text;
  llvm::raw_string_ostream(signature.mlirElement) << tensor.getElementType();
  auto sizesOf = [](llvm::ArrayRef<int64_t> shape) {
    std::vector<int64_t> sizes;
    for (int64_t size : shape)
      sizes.push_back(ShapedType::isDynamic(size) ? -1 : size);
    return sizes;
  };
  signature.logicalShape = sizesOf(tensor.getShape());
  signature.shape = signature.logicalShape;
  // Such as elements of 4 bits, which are passed in bytes.
  auto logical =
      written ? dyn_cast<RankedTensorType>(written.getValue()) : nullptr;
  if (logical && logical.getRank() > 0)
    signature.logicalShape.back() = logical.getShape().back();
  if (std::optional<QuantScheme> scheme = QuantScheme::of(type)) {
    signature.scheme = scheme->displayName();
    signature.ggmlType = scheme->ggmlName();
    signature.element = ElementType::u8;
    signature.shape = sizesOf(scheme->storageShape(tensor.getShape()));
    return signature;
  }
  std::optional<ElementType> element = elementTypeOf(tensor.getElementType());
  if (!element)
    return llvm::createStringError(
        what + " is " + text +
        ", whose element type has no form in memory; expected f32, "
        "f64, f16, bf16, an integer of 8 to 64 bits, i1 or an 8-bit float");
  signature.element = *element;
  return signature;
}

llvm::Expected<std::vector<FunctionSignature>>
rlx::readSignatures(ModuleOp module) {
  std::vector<FunctionSignature> signatures;
  for (auto function : module.getOps<func::FuncOp>()) {
    if (function.isPrivate() || function.isExternal())
      continue;
    FunctionSignature signature;
    signature.name = function.getName();
    if (signature.name.find('\0') != std::string::npos)
      return llvm::createStringError(
          "the name of public function " + quoted(signature.name) +
          " has a NUL, expected one that object files can hold");
    for (auto [suffix, what] :
         {std::pair(".shapes", "the sizes of the results"),
          std::pair(".memory", "the memory that calls take")})
      if (module.lookupSymbol(signature.name + suffix))
        return llvm::createStringError(
            "'" + signature.name + suffix + "' is the name of what computes " +
            what + " of '" + signature.name +
            "', expected another name for the program's own function");
    for (unsigned i = 0; i < function.getNumArguments(); ++i) {
      auto weight = function.getArgAttrOfType<StringAttr>(i, "rlx.weight");
      llvm::Expected<TensorSignature> tensor =
          readTensor(function.getArgumentTypes()[i],
                     weight ? "weight '" + weight.getValue() + "'"
                            : Twine("argument ") + Twine(i) + " of '" +
                                  function.getName() + "'",
                     function.getArgAttrOfType<TypeAttr>(i, "rlx.type"));
      if (!tensor)
        return tensor.takeError();
      if (!weight) {
        if (auto state =
                function.getArgAttrOfType<StringAttr>(i, "rlx.state")) {
          tensor->state = state.getValue();
          signature.states.push_back({signature.inputs.size(), 0});
        }
        signature.inputs.push_back(std::move(*tensor));
        continue;
      }
      tensor->weight = weight.getValue();
      if (auto value =
              function.getArgAttrOfType<ElementsAttr>(i, "rlx.value")) {
        tensor->value = holdConstant(value);
        if (!tensor->value)
          return llvm::createStringError("cannot hold the bytes of constant '" +
                                         tensor->weight + "' of " +
                                         tensor->type);
        function.removeArgAttr(i, "rlx.value");
      }
      signature.weights.push_back(std::move(*tensor));
    }
    for (auto [i, type] : llvm::enumerate(function.getResultTypes())) {
      if (auto state =
              function.getResultAttrOfType<StringAttr>(i, "rlx.state")) {
        for (StateSignature &tied : signature.states)
          if (signature.inputs[tied.input].state == state.getValue())
            tied.result = i;
        continue;
      }
      llvm::Expected<TensorSignature> tensor = readTensor(
          type,
          Twine("result ") + Twine(i) + " of '" + function.getName() + "'",
          function.getResultAttrOfType<TypeAttr>(i, "rlx.type"));
      if (!tensor)
        return tensor.takeError();
      signature.results.push_back(std::move(*tensor));
    }
    signatures.push_back(std::move(signature));
  }
  return signatures;
}

/// A hash of the function, without the names of its symbol and its weights, and
/// of what else its code depends on.
static std::string identityOf(func::FuncOp packer,
                              llvm::StringRef compilation) {
  OwningOpRef<func::FuncOp> copy = packer.clone();
  copy->setName("pack");
  copy->removeArgAttrsAttr();
  KeyHash hash;
  hash.add(compilation);
  hash.add(hashOperation(*copy));
  return hash.text();
}

void rlx::readCodeArguments(ModuleOp module,
                            std::vector<FunctionSignature> &signatures,
                            llvm::StringRef compilation) {
  for (FunctionSignature &signature : signatures) {
    auto function = module.lookupSymbol<func::FuncOp>(signature.name);
    signature.kernels = describeKernels(function);
    size_t inputs = 0;
    for (unsigned i = 0; i < function.getNumArguments(); ++i) {
      if (auto name = function.getArgAttrOfType<StringAttr>(i, "rlx.weight")) {
        auto found = llvm::find_if(signature.weights,
                                   [&](const TensorSignature &weight) {
                                     return weight.weight == name.getValue();
                                   });
        signature.arguments.push_back(
            {CodeArgument::weight, size_t(found - signature.weights.begin())});
      } else if (auto packer =
                     function.getArgAttrOfType<StringAttr>(i, "rlx.packed")) {
        signature.arguments.push_back(
            {CodeArgument::packed, signature.packings.size()});
        PackingSignature packing;
        packing.function = packer.getValue();
        auto type = cast<RankedTensorType>(function.getArgumentTypes()[i]);
        packing.shape.assign(type.getShape().begin(), type.getShape().end());
        // Packed weights are of bytes, and anything else of its own type.
        if (!type.getElementType().isInteger(8))
          packing.element = *elementTypeOf(type.getElementType());
        auto packFunction =
            module.lookupSymbol<func::FuncOp>(packer.getValue());
        for (unsigned j = 0; j < packFunction.getNumArguments(); ++j)
          packing.weights.push_back(
              packFunction.getArgAttrOfType<StringAttr>(j, "rlx.weight")
                  .getValue()
                  .str());
        packing.identity = identityOf(packFunction, compilation);
        signature.packings.push_back(std::move(packing));
      } else {
        signature.arguments.push_back({CodeArgument::input, inputs++});
      }
    }
  }
}
