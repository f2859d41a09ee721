//===- SafetensorsBuilder.h - Hand-made safetensors files -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Puts a header of any text before data. It shares no code with the reader.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_TESTS_UNIT_RUNTIME_SAFETENSORSBUILDER_H
#define RLX_TESTS_UNIT_RUNTIME_SAFETENSORSBUILDER_H

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace rlx::test {

/// A whole file.
inline std::string safetensorsFile(std::string_view header,
                                   std::string_view data = "") {
  uint64_t length = header.size();
  std::string file(reinterpret_cast<const char *>(&length), sizeof(length));
  return file + std::string(header) + std::string(data);
}

/// `"name":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}`
inline std::string safetensorsEntry(std::string_view name,
                                    std::string_view dtype,
                                    std::string_view shape, uint64_t begin,
                                    uint64_t end) {
  return fmt::format("\"{}\":{{\"dtype\":\"{}\",\"shape\":[{}],"
                     "\"data_offsets\":[{},{}]}}",
                     name, dtype, shape, begin, end);
}

} // namespace rlx::test

#endif // RLX_TESTS_UNIT_RUNTIME_SAFETENSORSBUILDER_H
