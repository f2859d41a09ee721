//===- GgmlTypes.cpp - The types of tensors in GGUF files -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The numbers are those of enum ggml_type, the sizes those of the block structs
// in ggml-common.h. File types are those of enum llama_ftype; of several sizes
// of a K-quant it is the one without larger types among its tensors. Missing
// numbers were removed by ggml and are not reused.
//
//===----------------------------------------------------------------------===//
#include "runtime/weights/GgmlTypes.h"

#include "runtime/Tensor.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace rlx {
namespace {

constexpr auto typeTable = std::to_array<GgmlType>({
    {0, "f32", 1, 4, 0, "4x1@0"},
    {1, "f16", 1, 2, 1, "2x1@0"},
    {2, "q4_0", 32, 18, 2, "2x1@0"},
    {3, "q4_1", 32, 20, 3, "2x2@0"},
    {6, "q5_0", 32, 22, 8, "2x1@0 4x1@2"},
    {7, "q5_1", 32, 24, 9, "2x2@0 4x1@4"},
    {8, "q8_0", 32, 34, 7, "2x1@0"},
    {9, "q8_1", 32, 36, -1, "2x2@0"},
    {10, "q2_K", 256, 84, 10, "2x2@80"},
    {11, "q3_K", 256, 110, 11, "2x1@108"},
    {12, "q4_K", 256, 144, 14, "2x2@0"},
    {13, "q5_K", 256, 176, 16, "2x2@0"},
    {14, "q6_K", 256, 210, 18, "2x1@208"},
    {15, "q8_K", 256, 292, -1, "4x1@0 2x16@260"},
    {16, "iq2_xxs", 256, 66, 19, "?"},
    {17, "iq2_xs", 256, 74, 20, "2x33@0"},
    {18, "iq3_xxs", 256, 98, 23, "2x1@0 4x8@66"},
    {19, "iq1_s", 256, 50, 24, "2x1@0 2x8@34"},
    {20, "iq4_nl", 32, 18, 25, "2x1@0"},
    {21, "iq3_s", 256, 110, 26, "2x1@0"},
    {22, "iq2_s", 256, 82, 28, "2x1@0"},
    {23, "iq4_xs", 256, 136, 30, "2x2@0"},
    {24, "i8", 1, 1, -1, ""},
    {25, "i16", 1, 2, -1, "2x1@0"},
    {26, "i32", 1, 4, -1, "4x1@0"},
    {27, "i64", 1, 8, -1, "8x1@0"},
    {28, "f64", 1, 8, -1, "8x1@0"},
    {29, "iq1_m", 256, 56, 31, "2x4@48"},
    {30, "bf16", 1, 2, 32, "2x1@0"},
    {34, "tq1_0", 256, 54, 36, "2x1@52"},
    {35, "tq2_0", 256, 66, 37, "2x1@64"},
    {39, "mxfp4", 32, 17, 38, ""},
    {40, "nvfp4", 64, 36, 39, ""},
    {41, "q1_0", 128, 18, 40, "2x1@0"},
    {42, "q2_0", 64, 18, 41, "2x1@0"},
    // ik_llama.cpp's own.
    {137, "iq2_k", 256, 76, 138, "2x2@0"},
    {138, "iq3_k", 256, 110, 139, "2x3@0"},
    {139, "iq4_k", 256, 144, 140, "2x2@0"},
    {140, "iq5_k", 256, 176, 141, "2x2@0"},
    {141, "iq6_k", 256, 212, 142, "2x2@0"},
    {144, "iq4_ks", 256, 136, 145, "", 4},
});

static_assert(std::ranges::is_sorted(typeTable, {}, &GgmlType::id));

} // namespace

bool isOfLlamaCpp(const GgmlType &type) {
  // ik_llama.cpp's own begin far behind those of ggml.
  constexpr uint32_t firstOfOthers = 100;
  return type.fileType >= 0 && type.id < firstOfOthers;
}

std::span<const GgmlType> ggmlTypes() { return typeTable; }

const GgmlType *findGgmlType(uint32_t id) {
  auto found = std::ranges::lower_bound(typeTable, id, {}, &GgmlType::id);
  return found != typeTable.end() && found->id == id ? &*found : nullptr;
}

const GgmlType *findGgmlType(std::string_view name) {
  auto found = std::ranges::find(typeTable, name, &GgmlType::name);
  return found != typeTable.end() ? &*found : nullptr;
}

std::optional<std::vector<GgmlWords>> wordsOfBlock(const GgmlType &type) {
  if (type.words == "?")
    return std::nullopt;
  std::vector<GgmlWords> all;
  for (std::string_view rest = type.words; !rest.empty();) {
    auto number = [&] {
      uint32_t value = 0;
      const char *end =
          std::from_chars(rest.data(), rest.data() + rest.size(), value).ptr;
      // And what separates it from the next one.
      rest.remove_prefix(std::min<size_t>(end - rest.data() + 1, rest.size()));
      return value;
    };
    uint32_t bytes = number(), count = number(), first = number();
    all.push_back({first, bytes, count});
  }
  return all;
}

std::optional<uint64_t> bytesOfTensor(const GgmlType &type,
                                      std::span<const int64_t> shape) {
  std::optional<int64_t> elements = countElements(shape);
  if (!elements)
    return std::nullopt;
  uint64_t columns = shape.empty() ? 1 : uint64_t(shape.back()),
           rows = columns ? uint64_t(*elements) / columns : 0, size, headers;
  if (__builtin_mul_overflow(uint64_t(*elements) / type.blockElements,
                             uint64_t{type.blockBytes}, &size) ||
      __builtin_mul_overflow(rows, uint64_t{type.rowBytes}, &headers) ||
      __builtin_add_overflow(size, headers, &size) ||
      !std::in_range<int64_t>(size))
    return std::nullopt;
  return size;
}

std::string listGgmlTypes() {
  std::string list;
  for (const GgmlType &type : typeTable)
    list +=
        fmt::format("{}{} ({})", list.empty() ? "" : ", ", type.name, type.id);
  return list;
}

} // namespace rlx
