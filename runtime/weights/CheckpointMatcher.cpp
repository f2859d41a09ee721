//===- CheckpointMatcher.cpp - Finds the weights of a checkpoint ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "runtime/weights/CheckpointMatcher.h"

#include "runtime/MappedFile.h"
#include "runtime/weights/KindMatch.h"
#include "runtime/weights/NearestKind.h"
#include "runtime/weights/RuleText.h"
#include "runtime/weights/Safetensors.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <unordered_set>

namespace rlx {
namespace {

/// The tensor of a weight that `rule` does not read though other rules for the
/// same codes do, or none does: what it says would be lost. Null where there is
/// none.
const WeightEntry *findUnread(const KindRule &rule, const WeightFile &file,
                              std::string_view prefix) {
  auto isRead = [&](std::string_view suffix) {
    return std::ranges::any_of(rule.parts, [&](const PartRule &part) {
      return part.suffix == suffix;
    });
  };
  auto find = [&](std::string_view suffix) {
    return file.find(std::string(prefix) + std::string(suffix));
  };
  for (std::string_view suffix : unreadSuffixes())
    if (const WeightEntry *entry = find(suffix))
      return entry;
  constexpr std::string_view numbers = "scales zero_points global_scale";
  for (const KindRule &other : checkpointKinds()) {
    if (other.container != rule.container ||
        other.parts.front().suffix != rule.parts.front().suffix)
      continue;
    for (const PartRule &part : other.parts)
      if (isWordOf(part.role, numbers) && !isRead(part.suffix))
        if (const WeightEntry *entry = find(part.suffix))
          return entry;
  }
  return nullptr;
}

/// A weight that RLX wrote, whose metadata is `text`; nothing where it is not
/// as it should be.
std::optional<LogicalWeight> readEncoded(const WeightFile &file,
                                         std::string_view tensor,
                                         std::string_view text) {
  LogicalWeight weight;
  weight.name = tensor;
  weight.kind = "RLX";
  size_t space = std::min(text.find(' '), text.size());
  bool isShape =
      forEachPart(text.substr(0, space), 'x', [&](std::string_view size) {
        weight.shape.push_back(parseInteger(size).value_or(0));
        return weight.shape.back() > 0;
      });
  weight.scheme = trimmed(text.substr(space));
  const WeightEntry *codes = file.find(tensor);
  if (!isShape || weight.shape.size() < 2 || weight.shape.size() > 3 ||
      weight.scheme.empty() || !codes || codes->element != ElementType::u8)
    return std::nullopt;
  weight.parts.push_back({"codes", codes, "", ""});
  for (std::string_view role : {"scales", "zero_points", "global_scale"})
    if (const WeightEntry *side =
            file.find(weight.name + "." + std::string(role)))
      weight.parts.push_back({std::string(role), side, "", ""});
  return weight;
}

/// The object of a configuration that says how weights are quantized. MLX's own
/// goes before what the model was before it was converted.
const JsonValue *quantizationOf(const JsonValue &config) {
  for (std::string_view name :
       {"quantization", "quantization_config", "compression_config"})
    if (const JsonValue *found = config.find(name); found && found->asObject())
      return found;
  return nullptr;
}

} // namespace

const WeightPart *LogicalWeight::find(std::string_view role) const {
  auto found = std::ranges::find(parts, role, &WeightPart::role);
  return found == parts.end() ? nullptr : &*found;
}

Result<JsonValue> readCheckpointConfig(const std::string &weightFile) {
  std::string folder = weightFile.substr(0, weightFile.find_last_of('/') + 1);
  for (std::string_view name : checkpointConfigNames) {
    std::string path = folder + std::string(name);
    // Most have one of them, or none. A link that leads nowhere is there.
    struct stat info;
    if (lstat(path.c_str(), &info) != 0 && errno == ENOENT)
      continue;
    Result<std::shared_ptr<MappedFile>> file = MappedFile::open(path);
    if (!file)
      return file.status();
    std::span<const std::byte> bytes = (*file)->bytes();
    Result<JsonValue> json = JsonValue::parse(
        path, {reinterpret_cast<const char *>(bytes.data()), bytes.size()});
    if (!json)
      return json.status();
    if (const JsonValue *found = quantizationOf(*json))
      return JsonValue(*found);
    if (name == "quantize_config.json")
      return json;
  }
  return JsonValue();
}

std::string schemeMetadataKey(std::string_view tensor) {
  return "rlx.scheme:" + std::string(tensor);
}

std::vector<LogicalWeight> findLogicalWeights(const WeightFile &file,
                                              const JsonValue &config) {
  std::vector<LogicalWeight> weights;
  std::unordered_set<const WeightEntry *> used;
  if (file.container() == WeightContainer::safetensors) {
    std::string start = schemeMetadataKey("");
    for (const auto &[key, text] :
         static_cast<const SafetensorsFile &>(file).metadata()) {
      if (!key.starts_with(start))
        continue;
      std::optional<LogicalWeight> weight =
          readEncoded(file, std::string_view(key).substr(start.size()), text);
      if (!weight || used.contains(weight->parts.front().entry))
        continue;
      for (const WeightPart &part : weight->parts)
        used.insert(part.entry);
      weights.push_back(std::move(*weight));
    }
  }
  ModuleConfig modules;
  NearestKind nearest(file);
  std::vector<LogicalWeight> refusals;
  for (const WeightEntry &entry : file.entries()) {
    std::optional<LogicalWeight> refused;
    bool isTaken = false;
    for (const KindRule &rule : checkpointKinds()) {
      std::string_view prefix = entry.name, suffix = rule.parts.front().suffix;
      if (rule.container != file.container() || !prefix.ends_with(suffix) ||
          used.contains(&entry))
        continue;
      prefix.remove_suffix(suffix.size());
      std::optional<LogicalWeight> weight =
          matchKind(rule, file, config, modules, prefix);
      bool isFree = weight && std::ranges::none_of(
                                  weight->parts, [&](const WeightPart &part) {
                                    return used.contains(part.entry);
                                  });
      if (!isFree)
        continue;
      const WeightEntry *unread = findUnread(rule, file, prefix);
      if (!unread)
        unread = nearest.findUnclaimed(rule, *weight);
      if (unread) {
        if (!refused) {
          weight->problem = "its tensor '" + unread->name + "', " +
                            unread->type + " " + describeShape(unread->shape) +
                            ", is in no layout of this kind that RLX reads";
          refused = std::move(weight);
        }
        continue;
      }
      refused.reset();
      isTaken = true;
      for (const WeightPart &part : weight->parts)
        used.insert(part.entry);
      weights.push_back(std::move(*weight));
      break;
    }
    if (!refused && !isTaken && !used.contains(&entry))
      refused = nearest.refuse(entry, config, modules);
    if (refused)
      refusals.push_back(std::move(*refused));
  }
  auto use = [&](const LogicalWeight &weight) {
    for (const WeightPart &part : weight.parts)
      used.insert(part.entry);
  };
  std::ranges::for_each(refusals, use);
  for (const WeightEntry &entry : file.entries())
    if (!used.contains(&entry))
      if (std::optional<LogicalWeight> refused =
              nearest.refuseWithoutCodes(entry, config, modules)) {
        use(*refused);
        refusals.push_back(std::move(*refused));
      }
  for (const WeightEntry &entry : file.entries())
    if (!used.contains(&entry))
      if (std::optional<LogicalWeight> refused = nearest.refuseAlone(entry))
        refusals.push_back(std::move(*refused));
  std::ranges::move(refusals, std::back_inserter(weights));
  return weights;
}

} // namespace rlx
