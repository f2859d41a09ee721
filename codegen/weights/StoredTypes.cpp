//===- StoredTypes.cpp - What weights are stored as, and as what ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/weights/StoredTypes.h"

#include "runtime/weights/GgmlTypes.h"
#include "runtime/weights/SafetensorsTypes.h"

using namespace rlx;

namespace {
struct Row {
  WeightContainer container;
  llvm::StringRef type;     ///< As the container spells it.
  llvm::StringRef scheme;   ///< By its display name; may be empty.
  llvm::StringRef mlirType; ///< Of elements that the host has no type for.
};
} // namespace

static constexpr Row table[] = {
    {WeightContainer::safetensors, "F32", "f32", ""},
    {WeightContainer::safetensors, "F16", "f16", ""},
    {WeightContainer::safetensors, "BF16", "bf16", ""},
    {WeightContainer::safetensors, "F8_E4M3", "fp8e4m3", "f8E4M3FN"},
    {WeightContainer::safetensors, "F8_E5M2", "fp8e5m2", "f8E5M2"},
    {WeightContainer::safetensors, "F8_E8M0", "", "f8E8M0FNU"},
    {WeightContainer::safetensors, "F6_E2M3", "fp6e2m3", ""},
    {WeightContainer::safetensors, "F6_E3M2", "fp6e3m2", ""},
    {WeightContainer::safetensors, "F4", "fp4e2m1", ""},
    {WeightContainer::safetensors, "F8_E4M3FNUZ", "", "f8E4M3FNUZ"},
    {WeightContainer::safetensors, "F8_E5M2FNUZ", "", "f8E5M2FNUZ"},
    {WeightContainer::npy, "f32", "f32", ""},
    {WeightContainer::npy, "f16", "f16", ""},
    {WeightContainer::npy, "bf16", "bf16", ""},
};

/// Whether rows are more than blocks: no scheme alone describes them.
static bool hasRowBytes(llvm::StringRef ggmlType) {
  const GgmlType *type = findGgmlType(std::string_view(ggmlType));
  return type && type->rowBytes != 0;
}

std::optional<QuantScheme> rlx::schemeOf(const WeightEntry &entry,
                                         mlir::MLIRContext &context) {
  if (entry.container == WeightContainer::gguf)
    return hasRowBytes(entry.type) ? std::nullopt
                                   : QuantScheme::parse(&context, entry.type);
  for (const Row &row : table)
    if (row.container == entry.container && row.type == entry.type &&
        !row.scheme.empty())
      return QuantScheme::parse(&context, row.scheme);
  return std::nullopt;
}

std::string rlx::storedTypeOf(WeightContainer container, QuantScheme scheme) {
  // A user's scheme may have the name of plain floats.
  bool isNamed = scheme.isGguf() || scheme.isBuiltin();
  return isNamed
             ? storedTypeOf(container, scheme.displayName(), scheme.ggmlName())
             : std::string();
}

std::string rlx::storedTypeOf(WeightContainer container, llvm::StringRef scheme,
                              llvm::StringRef ggmlType) {
  if (container == WeightContainer::gguf) {
    if (!ggmlType.empty())
      return ggmlType.str();
    // Plain floats have no name there but their own.
    bool isKnown = findGgmlType(std::string_view(scheme)) != nullptr;
    return isKnown && !hasRowBytes(scheme) ? scheme.str() : "";
  }
  for (const Row &row : table)
    if (row.container == container && row.scheme == scheme)
      return row.type.str();
  return "";
}

std::string rlx::storedTypeOf(WeightContainer container, ElementType element,
                              llvm::StringRef mlirType) {
  for (const Row &row : table)
    if (row.container == container && !row.mlirType.empty() &&
        row.mlirType == mlirType)
      return row.type.str();
  if (container == WeightContainer::safetensors) {
    const SafetensorsType *type = findSafetensorsType(element);
    return type ? std::string(type->name) : "";
  }
  return std::string(elementName(element));
}

std::string rlx::storedTypeOf(WeightContainer container, mlir::Type element) {
  std::string text;
  llvm::raw_string_ostream(text) << element;
  std::string plain = text;
  // `ui8` and `si8` of schemes are u8 and i8 of the host.
  if (llvm::StringRef name = text; name.consume_front("ui"))
    plain = "u" + name.str();
  else if (name.consume_front("si"))
    plain = "i" + name.str();
  if (std::optional<ElementType> known = parseElementType(plain))
    return storedTypeOf(container, *known, text);
  for (const Row &row : table)
    if (row.container == container && row.mlirType == text)
      return row.type.str();
  return "";
}
