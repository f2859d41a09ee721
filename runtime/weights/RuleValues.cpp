//===- RuleValues.cpp - What a configuration says of a weight -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/weights/RuleValues.h"

#include "runtime/weights/RuleText.h"

#include <algorithm>
#include <cstring>

namespace rlx {

std::string RuleValues::describePath(std::string_view paths) {
  std::string_view path;
  forEachPart(paths, '|', [&](std::string_view each) {
    if (!each.starts_with('#'))
      path = each;
    return valueAt(each) == nullptr;
  });
  if (path.starts_with('{')) {
    size_t end = path.find('}');
    std::string_view rest = path.substr(std::min(end + 2, path.size()));
    bool isIndex = parseInteger(rest).has_value();
    return (isIndex ? "number " : "'") + std::string(rest) +
           (isIndex ? " of '" : "' of '") + nameOf(path.substr(1, end - 1)) +
           "'";
  }
  std::string text(path);
  if (size_t own = text.find("@."); own != text.npos) {
    std::string inner = text.substr(0, own) + std::string(module());
    const JsonValue *all =
        own ? config.findPath(text.substr(0, own - 1)) : &config;
    bool isOwn = all && all->find(module()) && all->find(module())->asObject();
    text.replace(0, own + 2, isOwn ? inner + "." : text.substr(0, own));
  }
  if (size_t group = text.find('~'); group != text.npos)
    text.replace(group, 1, "*");
  return "'" + text + "' of the configuration";
}

std::string RuleValues::describeValue(std::string_view paths) {
  if (const JsonValue *value = valueAt(paths))
    return value->describe();
  return paths.starts_with('{') || !config.isNull()
             ? "none"
             : "none, as no config.json beside the file has one";
}

/// Numbers of a small tensor as an array, or the JSON that its bytes are.
const JsonValue *RuleValues::tensorValue(std::string_view suffix) {
  if (auto known = tensorValues.find(suffix); known != tensorValues.end())
    return &known->second;
  const WeightEntry *entry = file.find(nameOf(suffix));
  constexpr size_t mostBytes = 1 << 16;
  if (!entry || entry->bytes.empty() || entry->bytes.size() > mostBytes)
    return nullptr;
  JsonValue value;
  if (entry->element == ElementType::i32 ||
      entry->element == ElementType::i64) {
    JsonValue::Array items;
    size_t size = elementBytes(*entry->element);
    for (size_t at = 0; at < entry->bytes.size(); at += size) {
      int64_t number = 0;
      int32_t narrow = 0;
      if (size == sizeof(narrow)) {
        std::memcpy(&narrow, entry->bytes.data() + at, size);
        number = narrow;
      } else {
        std::memcpy(&number, entry->bytes.data() + at, size);
      }
      items.push_back({JsonValue::Number{std::to_string(number)}});
    }
    value.content = std::move(items);
  } else if (entry->element == ElementType::u8 && entry->bytes.size() == 1) {
    // No JSON that says anything is as short.
    value.content = JsonValue::Array{
        {JsonValue::Number{std::to_string(unsigned(entry->bytes[0]))}}};
  } else if (entry->element == ElementType::u8) {
    Result<JsonValue> json = JsonValue::parse(
        entry->file, {reinterpret_cast<const char *>(entry->bytes.data()),
                      entry->bytes.size()});
    if (!json)
      return nullptr;
    value = json.take();
  } else {
    return nullptr;
  }
  return &tensorValues.emplace(suffix, std::move(value)).first->second;
}

std::string_view RuleValues::module() const {
  return prefix.ends_with('.') ? prefix.substr(0, prefix.size() - 1) : prefix;
}

const JsonValue *RuleValues::valueAt(std::string_view paths) {
  const JsonValue *value = nullptr;
  forEachPart(paths, '|', [&](std::string_view path) {
    const JsonValue *root = &config;
    if (path.starts_with('{')) {
      size_t end = path.find('}');
      root = tensorValue(path.substr(1, end - 1));
      path.remove_prefix(std::min(end + 2, path.size()));
    } else if (size_t own = path.find("@."); own != path.npos) {
      // What is not said of the module alone is said of all.
      root = own ? config.findPath(path.substr(0, own - 1)) : &config;
      const JsonValue *found = root ? root->find(module()) : nullptr;
      root = found && found->asObject() ? found : root;
      path.remove_prefix(own + 2);
    } else if (size_t group = path.find("~."); group != path.npos) {
      root = config.findPath(path.substr(0, group - 1));
      root = root ? modules.find(*root, module()) : nullptr;
      path.remove_prefix(group + 2);
    }
    value = root ? root->findPath(path) : nullptr;
    return value == nullptr;
  });
  return value;
}

std::string wordOf(const JsonValue *value) {
  if (!value || value->isNull())
    return "";
  if (value->asString())
    return std::string(*value->asString());
  if (value->asInteger())
    return std::to_string(*value->asInteger());
  if (value->asBool())
    return *value->asBool() ? "true" : "false";
  return value->describe();
}

bool isOneOf(std::string_view word, std::string_view list) {
  return !forEachPart(list, ',',
                      [&](std::string_view each) { return each != word; });
}

bool RuleValues::isSaid(std::string_view condition) {
  auto [paths, wanted] = splitEntry(condition);
  return isOneOf(wordOf(valueAt(paths)), wanted);
}

bool RuleValues::hasGroup(std::string_view path) {
  const JsonValue *groups = config.findPath(path.substr(0, path.find(".~")));
  return !groups || groups->isNull() || modules.find(*groups, module());
}

const JsonValue *RuleValues::ownerOf(std::string_view paths) {
  std::string_view path = paths.substr(0, paths.find('|'));
  size_t end = path.find_last_of('.');
  return end == path.npos ? nullptr : valueAt(path.substr(0, end));
}

} // namespace rlx
