//===- InspectFile.cpp - The content of a weight file ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// As text, where long arrays and odd bytes are shortened and escaped, and as
// JSON, where everything is there.
//
//===----------------------------------------------------------------------===//

#include "tools/Inspect.h"

#include "codegen/weights/StoredTypes.h"
#include "codegen/weights/WeightLoader.h"
#include "runtime/Tensor.h"
#include "runtime/Text.h"
#include "runtime/weights/Gguf.h"
#include "runtime/weights/Safetensors.h"

#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Unicode.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <type_traits>
#include <vector>

using namespace rlx;
namespace json = llvm::json;

/// The display name of a tensor's scheme, or an empty string where RLX has
/// none.
static std::string schemeName(const WeightEntry &entry,
                              mlir::MLIRContext &context) {
  std::optional<QuantScheme> scheme = schemeOf(entry, context);
  return scheme ? scheme->displayName().str() : std::string();
}

//===----------------------------------------------------------------------===//
// Text
//===----------------------------------------------------------------------===//

/// How many columns of a terminal a text of UTF-8 takes.
static size_t columnsOf(llvm::StringRef text) {
  int columns = llvm::sys::unicode::columnWidthUTF8(text);
  return columns < 0 ? text.size() : size_t(columns);
}

/// `text` with spaces behind it, so that it takes `width` columns.
static std::string padded(const std::string &text, size_t width) {
  return text + std::string(width - std::min(width, columnsOf(text)), ' ');
}

/// The path of a file, whole: it is the user's, and no longer than paths are.
static std::string quotedPath(const std::string &path) {
  return quoted(path, path.size());
}

/// What stands above the tensors.
static void listMetadata(const GgufFile &file, llvm::raw_ostream &stream) {
  stream << fmt::format("{}: GGUF version {}, alignment {} bytes",
                        quotedPath(file.path()), file.version(),
                        file.alignment());
  if (file.files().size() > 1)
    stream << fmt::format(", {} parts", file.files().size());
  stream << fmt::format("\n\nmetadata: {} keys\n", file.metadata().size());
  for (const GgufEntry &entry : file.metadata())
    stream << fmt::format("  {} = {}\n", quoted(entry.key),
                          entry.value.describe());
}

static void listMetadata(const SafetensorsFile &file,
                         llvm::raw_ostream &stream) {
  stream << fmt::format("{}: safetensors", quotedPath(file.path()));
  if (file.files().size() > 1)
    stream << fmt::format(", {} shards", file.files().size());
  stream << fmt::format("\n\nmetadata: {} keys\n", file.metadata().size());
  for (const auto &[key, value] : file.metadata())
    stream << fmt::format("  {} = {}\n", quoted(key), quoted(value));
}

/// Calls `function` with the file as what it is.
template <typename Function>
static void visitFile(const WeightFile &file, Function function) {
  if (file.container() == WeightContainer::gguf)
    function(static_cast<const GgufFile &>(file));
  else
    function(static_cast<const SafetensorsFile &>(file));
}

/// The scheme that several tensors are stored in, or the reason why none is.
static std::string schemeText(const LogicalWeight &weight,
                              mlir::MLIRContext &context) {
  auto scheme = schemeOf(weight, context);
  return scheme ? scheme->displayName().str()
                : llvm::toString(scheme.takeError());
}

/// What it is called, and what it is where that is another.
static std::string kindOf(const LogicalWeight &weight,
                          mlir::MLIRContext &context) {
  auto loader = WeightLoader::create(weight, context);
  if (!loader) {
    llvm::consumeError(loader.takeError());
    return weight.kind;
  }
  return weight.kind + (loader->hasPlainZeroPoints()
                            ? " by its name, with zero points of v2"
                            : "");
}

static uint64_t bytesOf(const LogicalWeight &weight) {
  uint64_t bytes = 0;
  llvm::SmallPtrSet<const WeightEntry *, 8> counted; // one may be several parts
  for (const WeightPart &part : weight.parts)
    if (counted.insert(part.entry).second)
      bytes += part.entry->bytes.size();
  return bytes;
}

/// A row for each weight that several tensors make up, and what they are to it.
static void listLogicalWeights(const WeightFile &file,
                               mlir::MLIRContext &context,
                               llvm::raw_ostream &stream) {
  if (file.logicalWeights().empty())
    return;
  stream << fmt::format("\nweights of several tensors: {}\n",
                        file.logicalWeights().size());
  std::vector<std::array<std::string, 3>> rows;
  std::array<size_t, 3> widths = {4, 5, 6};
  for (const LogicalWeight &weight : file.logicalWeights()) {
    rows.push_back({quoted(weight.name), describeShape(weight.shape),
                    schemeText(weight, context)});
    for (size_t i = 0; i < widths.size(); ++i)
      widths[i] = std::max(widths[i], columnsOf(rows.back()[i]));
  }
  stream << fmt::format("  {:<{}}  {:<{}}  {:<{}}  {:>12}  kind: parts\n",
                        "name", widths[0], "shape", widths[1], "scheme",
                        widths[2], "bytes");
  for (auto [row, weight] : llvm::zip(rows, file.logicalWeights())) {
    std::string parts;
    for (const WeightPart &part : weight.parts)
      if (!part.role.empty())
        parts += fmt::format("{}{} {}", parts.empty() ? "" : ", ", part.role,
                             quoted(part.entry->name));
    stream << fmt::format("  {}  {}  {}  {:>12}  {}: {}\n",
                          padded(row[0], widths[0]), padded(row[1], widths[1]),
                          padded(row[2], widths[2]), bytesOf(weight),
                          kindOf(weight, context), parts);
  }
}

static void listAsText(const WeightFile &file, mlir::MLIRContext &context,
                       llvm::raw_ostream &stream) {
  bool isSplit = false;
  visitFile(file, [&](const auto &opened) {
    listMetadata(opened, stream);
    isSplit = opened.files().size() > 1;
    if constexpr (requires { opened.unnamed(); })
      if (!opened.unnamed().empty())
        stream << "\ntensors of shards that the index does not name, and that "
                  "are not read: "
               << opened.unnamed().size() << ", the first "
               << quoted(opened.unnamed().front()) << "\n";
  });

  listLogicalWeights(file, context, stream);

  // Names are quoted, since files may hold anything; columns fit the longest.
  std::vector<std::array<std::string, 3>> rows;
  std::array<size_t, 3> widths = {4, 5, 6};
  uint64_t totalBytes = 0;
  bool hasUnknown = false;
  for (const WeightEntry &entry : file.entries()) {
    std::string scheme = schemeName(entry, context);
    hasUnknown |= scheme.empty();
    rows.push_back({quoted(entry.name), describeShape(entry.shape),
                    scheme.empty() ? entry.type + " (*)" : scheme});
    for (size_t i = 0; i < widths.size(); ++i)
      widths[i] = std::max(widths[i], columnsOf(rows.back()[i]));
    totalBytes += entry.bytes.size();
  }
  stream << fmt::format("\ntensors: {}, {} bytes\n", rows.size(), totalBytes);
  if (!rows.empty())
    stream << fmt::format("  {:<{}}  {:<{}}  {:<{}}  {:>12}  {:>14}\n", "name",
                          widths[0], "shape", widths[1], "scheme", widths[2],
                          "bytes", "offset");
  for (size_t i = 0; i < rows.size(); ++i) {
    const WeightEntry &entry = file.entries()[i];
    stream << fmt::format(
        "  {}  {}  {}  {:>12}  {:>14}", padded(rows[i][0], widths[0]),
        padded(rows[i][1], widths[1]), padded(rows[i][2], widths[2]),
        entry.problem.empty() ? std::to_string(entry.bytes.size()) : "?",
        entry.offset);
    if (isSplit)
      stream << "  " << quotedPath(entry.file);
    stream << "\n";
  }
  if (hasUnknown)
    stream << "(*) RLX has no scheme for this type of "
           << (file.container() == WeightContainer::gguf
                   ? "ggml; its name there is shown, or its number where it "
                     "has none that RLX knows\n"
                   : "safetensors; its name there is shown\n");
}

//===----------------------------------------------------------------------===//
// JSON
//===----------------------------------------------------------------------===//

/// JSON is UTF-8 and has no infinities or NaNs; those become null.
static json::Value jsonItem(const std::string &text) {
  return json::fixUTF8(text);
}
static json::Value jsonItem(bool value) { return value; }
template <typename T>
requires(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) static json::Value
    jsonItem(T value) {
  if constexpr (std::is_floating_point_v<T>)
    return std::isfinite(value) ? json::Value(double(value))
                                : json::Value(nullptr);
  else if constexpr (std::is_signed_v<T>)
    return int64_t(value);
  else
    return uint64_t(value);
}

static void writeValue(json::OStream &out, const GgufValue &value) {
  auto write = [&](const auto &content) {
    using T = std::remove_cvref_t<decltype(content)>;
    if constexpr (std::is_same_v<T, GgufArray>)
      out.array([&] {
        auto writeItems = [&](const auto &items) {
          if constexpr (requires { items.size(); })
            for (size_t i = 0; i < items.size(); ++i)
              out.value(jsonItem(items[i]));
        };
        std::visit(writeItems, content.items);
      });
    else
      out.value(jsonItem(content));
  };
  std::visit(write, value.content);
}

static void writeMetadata(json::OStream &out, const GgufFile &file) {
  out.attribute("version", file.version());
  out.attribute("alignment", file.alignment());
  out.attributeObject("metadata", [&] {
    for (const GgufEntry &entry : file.metadata()) {
      out.attributeBegin(json::fixUTF8(entry.key));
      writeValue(out, entry.value);
      out.attributeEnd();
    }
  });
}

static void writeMetadata(json::OStream &out, const SafetensorsFile &file) {
  // Shards may repeat keys, which JSON may not.
  llvm::StringMap<std::string> known;
  out.attributeObject("metadata", [&] {
    for (const auto &[key, value] : file.metadata())
      if (known.try_emplace(key, value).second)
        out.attribute(key, value);
  });
}

static void writeLogicalWeight(json::OStream &out, const LogicalWeight &weight,
                               mlir::MLIRContext &context) {
  auto scheme = schemeOf(weight, context);
  out.attribute("name", json::fixUTF8(weight.name));
  out.attribute("shape", json::Array(weight.shape));
  if (scheme) {
    std::string description;
    llvm::raw_string_ostream(description) << scheme->attr();
    out.attribute("scheme", json::fixUTF8(scheme->displayName()));
    out.attribute("description", json::fixUTF8(description));
    out.attributeArray("sides", [&] {
      for (const SideOperand &side : scheme->sideOperands())
        out.object([&] {
          std::string type;
          llvm::raw_string_ostream(type) << side.elementType;
          out.attribute("name", weight.name + "." + side.name.str());
          out.attribute("operand", side.name);
          out.attribute("type", type);
          out.attribute("shape", json::Array(side.shape(weight.shape)));
        });
    });
  } else {
    out.attribute("problem", json::fixUTF8(llvm::toString(scheme.takeError())));
  }
  out.attribute("kind", kindOf(weight, context));
  out.attribute("bytes", bytesOf(weight));
  out.attributeArray("parts", [&] {
    for (const WeightPart &part : weight.parts)
      out.object([&] {
        out.attribute("role", part.role);
        out.attribute("tensor", json::fixUTF8(part.entry->name));
        out.attribute("type", json::fixUTF8(part.entry->type));
      });
  });
}

static void listAsJson(const WeightFile &file, mlir::MLIRContext &context,
                       llvm::raw_ostream &stream) {
  bool isSplit = false;
  json::OStream out(stream, 2);
  out.object([&] {
    out.attribute("file", json::fixUTF8(file.path()));
    visitFile(file, [&](const auto &opened) {
      writeMetadata(out, opened);
      isSplit = opened.files().size() > 1;
    });
    if (!file.logicalWeights().empty())
      out.attributeArray("weights", [&] {
        for (const LogicalWeight &weight : file.logicalWeights())
          out.object([&] { writeLogicalWeight(out, weight, context); });
      });
    out.attributeArray("tensors", [&] {
      for (const WeightEntry &entry : file.entries())
        out.object([&] {
          std::string scheme = schemeName(entry, context);
          out.attribute("name", json::fixUTF8(entry.name));
          out.attribute("shape", json::Array(entry.shape));
          out.attribute("scheme", scheme.empty() ? json::Value(nullptr)
                                                 : json::Value(scheme));
          out.attribute(file.container() == WeightContainer::gguf ? "ggml_type"
                                                                  : "type",
                        json::fixUTF8(entry.type));
          out.attribute("bytes", entry.problem.empty()
                                     ? json::Value(uint64_t(entry.bytes.size()))
                                     : json::Value(nullptr));
          out.attribute("offset", entry.offset);
          if (isSplit)
            out.attribute("file", json::fixUTF8(entry.file));
        });
    });
  });
  stream << "\n";
}

void inspect::listFile(const WeightFile &file, mlir::MLIRContext &context,
                       bool json, llvm::raw_ostream &stream) {
  if (json)
    listAsJson(file, context, stream);
  else
    listAsText(file, context, stream);
}
