//===- SafetensorsTypes.cpp - The types of tensors in safetensors ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The names are those of the format's description (safetensors, README.md).
//
//===----------------------------------------------------------------------===//
#include "runtime/weights/SafetensorsTypes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace rlx {
namespace {

constexpr auto typeTable = std::to_array<SafetensorsType>({
    {"BOOL", 8, ElementType::boolean}, {"F4", 4, std::nullopt},
    {"F6_E2M3", 6, std::nullopt},      {"F6_E3M2", 6, std::nullopt},
    {"U8", 8, ElementType::u8},        {"I8", 8, ElementType::i8},
    {"F8_E5M2", 8, std::nullopt},      {"F8_E4M3", 8, std::nullopt},
    {"F8_E8M0", 8, std::nullopt},      {"F8_E4M3FNUZ", 8, std::nullopt},
    {"F8_E5M2FNUZ", 8, std::nullopt},  {"I16", 16, ElementType::i16},
    {"U16", 16, ElementType::u16},     {"F16", 16, ElementType::f16},
    {"BF16", 16, ElementType::bf16},   {"I32", 32, ElementType::i32},
    {"U32", 32, ElementType::u32},     {"F32", 32, ElementType::f32},
    {"C64", 64, std::nullopt},         {"F64", 64, ElementType::f64},
    {"I64", 64, ElementType::i64},     {"U64", 64, ElementType::u64},
});

} // namespace

std::span<const SafetensorsType> safetensorsTypes() { return typeTable; }

const SafetensorsType *findSafetensorsType(std::string_view name) {
  auto found = std::ranges::find(typeTable, name, &SafetensorsType::name);
  return found != typeTable.end() ? &*found : nullptr;
}

const SafetensorsType *findSafetensorsType(ElementType element) {
  auto found = std::ranges::find(typeTable, std::optional(element),
                                 &SafetensorsType::element);
  return found != typeTable.end() ? &*found : nullptr;
}

std::string listSafetensorsTypes() {
  std::string list;
  for (const SafetensorsType &type : typeTable)
    list += fmt::format("{}{}", list.empty() ? "" : ", ", type.name);
  return list;
}

} // namespace rlx
