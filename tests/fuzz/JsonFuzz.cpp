//===- JsonFuzz.cpp - Any bytes as a JSON text ----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads a text as a tree, strictly and with what Python adds, and visits it.
//
//===----------------------------------------------------------------------===//
#include "runtime/Json.h"
#include "runtime/weights/ModuleConfig.h"

#include <algorithm>
#include <cstdlib>
#include <memory>

using namespace rlx;

static size_t visit(const JsonValue &value) {
  size_t count = value.describe().size();
  count += value.asInteger().has_value() + value.asNumber().has_value();
  if (const JsonValue::Array *items = value.asArray())
    for (const JsonValue &item : *items)
      count += visit(item);
  // What a configuration says of a module.
  if (ModuleConfig().find(value, "model.layers.0.mlp.down_proj"))
    ++count;
  if (const JsonValue::Object *members = value.asObject())
    for (const JsonMember &member : *members) {
      // Names are unique.
      if (value.find(member.name) != &member.value)
        std::abort();
      count += visit(member.value);
    }
  return count;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  auto block = std::make_unique<char[]>(size);
  std::copy_n(reinterpret_cast<const char *>(data), size, block.get());
  bool isStrict = false;
  for (auto numbers : {JsonCursor::Numbers::finite, JsonCursor::Numbers::any}) {
    Result<JsonValue> value =
        JsonValue::parse("x.json", {block.get(), size}, numbers);
    if (!value) {
      const std::string &message = value.message();
      // What is strict is also Python's.
      if (isStrict || message.find("'x.json'") == std::string::npos ||
          message.find('\n') != std::string::npos)
        std::abort();
      continue;
    }
    isStrict = numbers == JsonCursor::Numbers::finite;
    volatile size_t used = visit(*value);
    (void)used;
  }
  return 0;
}
