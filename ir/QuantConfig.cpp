//===- QuantConfig.cpp - Which weight is quantized how --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ir/QuantConfig.h"

#include "ir/Nesting.h"

#include "mlir/AsmParser/AsmParser.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"

#include <set>

using namespace mlir;
using namespace rlx;
namespace json = llvm::json;

/// Enough for a line for each weight of any model.
static constexpr uint64_t maxConfigurationBytes = uint64_t(64) << 20;

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

llvm::Error QuantConfig::addOverride(StringRef pattern, QuantMethod method) {
  auto text = std::make_shared<const std::string>(pattern.str());
  llvm::Expected<llvm::GlobPattern> glob = llvm::GlobPattern::create(*text);
  if (!glob)
    return glob.takeError();
  overrides.push_back({std::move(text), std::move(*glob), method});
  return llvm::Error::success();
}

void QuantConfig::addLayer(StringRef name, QuantMethod method) {
  std::string pattern;
  for (char c : name) {
    if (StringRef("*?[]{}\\").contains(c))
      pattern += '\\';
    pattern += c;
  }
  llvm::cantFail(addOverride(pattern, method)); // It has no sign of a glob.
}

const QuantMethod *QuantConfig::overrideFor(StringRef name) const {
  for (const Override &entry : llvm::reverse(overrides))
    if (entry.matches(name))
      return &entry.method;
  return nullptr;
}

const QuantMethod &QuantConfig::methodFor(StringRef name) const {
  const QuantMethod *method = overrideFor(name);
  return method ? *method : fallback;
}

llvm::Error QuantConfig::validate() const {
  if (llvm::Error error = fallback.validate())
    return llvm::createStringError("default: " +
                                   llvm::toString(std::move(error)));
  for (const Override &entry : overrides)
    if (llvm::Error error = entry.method.validate())
      return llvm::createStringError("layer '" + *entry.pattern +
                                     "': " + llvm::toString(std::move(error)));
  return llvm::Error::success();
}

SmallVector<std::string>
QuantConfig::unmatched(ArrayRef<std::string> names) const {
  SmallVector<std::string> patterns;
  for (const Override &entry : overrides)
    if (llvm::none_of(names,
                      [&](StringRef name) { return entry.matches(name); }))
      patterns.push_back(*entry.pattern);
  return patterns;
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

namespace {
class Reader {
public:
  explicit Reader(MLIRContext *context) : context(context) {}
  llvm::Expected<QuantConfig> read(const json::Value &root);

private:
  llvm::Expected<const json::Object *> object(const json::Value &value,
                                              const Twine &where,
                                              ArrayRef<StringRef> keys);
  llvm::Expected<StringRef> text(const json::Value *value, const Twine &where);
  llvm::Expected<std::optional<QuantScheme>> scheme(const json::Value *value,
                                                    const Twine &where);
  llvm::Expected<QuantMethod> method(const json::Object &entry,
                                     const Twine &where);
  llvm::Expected<QuantMethod> fallback(const json::Value &value);
  llvm::Error addOverride(const json::Value &value, const Twine &where,
                          QuantConfig &config);

  MLIRContext *context;
};
} // namespace

static llvm::Error mistake(const Twine &where, const Twine &text) {
  return llvm::createStringError("'" + where + "': " + text);
}

llvm::Expected<const json::Object *> Reader::object(const json::Value &value,
                                                    const Twine &where,
                                                    ArrayRef<StringRef> keys) {
  const json::Object *object = value.getAsObject();
  std::string known;
  for (auto [i, key] : llvm::enumerate(keys))
    known += (i == 0                 ? "'"
              : i + 1 == keys.size() ? " and '"
                                     : ", '") +
             key.str() + "'";
  if (!object)
    return mistake(where, "expected an object with " + known);
  SmallVector<StringRef> given;
  for (const auto &[key, unused] : *object)
    given.push_back(key);
  llvm::sort(given);
  for (StringRef key : given)
    if (!llvm::is_contained(keys, key))
      return mistake(where, "unknown key '" + key + "', expected " + known);
  return object;
}

llvm::Expected<StringRef> Reader::text(const json::Value *value,
                                       const Twine &where) {
  std::optional<StringRef> text = value ? value->getAsString() : std::nullopt;
  if (!text)
    return mistake(where, value ? "expected a string"
                                : "is missing, expected a string");
  return *text;
}

llvm::Expected<std::optional<QuantScheme>>
Reader::scheme(const json::Value *value, const Twine &where) {
  llvm::Expected<StringRef> name = text(value, where);
  if (!name)
    return name.takeError();
  if (*name == "none")
    return std::nullopt;
  if (!name->starts_with("#")) {
    std::optional<QuantScheme> scheme = QuantScheme::parse(context, *name);
    if (!scheme)
      return mistake(where, QuantScheme::unknownSchemeMessage(*name));
    return scheme;
  }
  if (llvm::Error error = checkNesting(*name, *name))
    return mistake(where, llvm::toString(std::move(error)));
  std::string message;
  ScopedDiagnosticHandler handler(context, [&](Diagnostic &diagnostic) {
    message = diagnostic.str();
    return success();
  });
  auto attribute = dyn_cast_or_null<SchemeAttr>(parseAttribute(*name, context));
  if (!attribute)
    return mistake(where, message.empty() ? "expected a #rlx.scheme attribute"
                                          : message);
  return QuantScheme(attribute);
}

llvm::Expected<QuantMethod> Reader::method(const json::Object &entry,
                                           const Twine &where) {
  auto stored = scheme(entry.get("scheme"), where + ".scheme");
  if (!stored)
    return stored.takeError();
  auto algorithm = QuantAlgorithm::nearest;
  if (const json::Value *value = entry.get("method")) {
    llvm::Expected<StringRef> word = text(value, where + ".method");
    if (!word)
      return word.takeError();
    llvm::Expected<QuantAlgorithm> parsed = parseAlgorithm(*word);
    if (!parsed)
      return mistake(where + ".method", llvm::toString(parsed.takeError()));
    algorithm = *parsed;
  }
  double alpha = QuantMethod::defaultAlpha;
  if (const json::Value *value = entry.get("alpha")) {
    std::optional<double> number = value->getAsNumber();
    if (!number)
      return mistake(where + ".alpha", "expected a number");
    if (algorithm != QuantAlgorithm::smoothQuant)
      return mistake(where + ".alpha",
                     "expected to stand with the method 'smoothquant'");
    alpha = *number;
  }
  QuantMethod method(*stored, algorithm, alpha);
  if (llvm::Error error = method.validate())
    return mistake(where, llvm::toString(std::move(error)));
  return method;
}

llvm::Expected<QuantMethod> Reader::fallback(const json::Value &value) {
  if (value.getAsObject()) {
    auto entry = object(value, "default", {"scheme", "method", "alpha"});
    return entry ? method(**entry, "default") : entry.takeError();
  }
  auto stored = scheme(&value, "default");
  if (!stored)
    return stored.takeError();
  return QuantMethod(*stored);
}

llvm::Error Reader::addOverride(const json::Value &value, const Twine &where,
                                QuantConfig &config) {
  auto entry = object(value, where, {"pattern", "scheme", "method", "alpha"});
  if (!entry)
    return entry.takeError();
  llvm::Expected<StringRef> pattern =
      text((*entry)->get("pattern"), where + ".pattern");
  if (!pattern)
    return pattern.takeError();
  if (llvm::Error error = llvm::GlobPattern::create(*pattern).takeError())
    return mistake(where + ".pattern", llvm::toString(std::move(error)));
  llvm::Expected<QuantMethod> parsed = method(**entry, where);
  if (!parsed)
    return parsed.takeError();
  return config.addOverride(*pattern, *parsed);
}

llvm::Expected<QuantConfig> Reader::read(const json::Value &root) {
  auto top = object(root, "configuration", {"default", "overrides"});
  if (!top)
    return top.takeError();
  QuantConfig config;
  if (const json::Value *value = (*top)->get("default")) {
    llvm::Expected<QuantMethod> method = fallback(*value);
    if (!method)
      return method.takeError();
    config = QuantConfig(*method);
  }
  if (const json::Value *overrides = (*top)->get("overrides")) {
    const json::Array *list = overrides->getAsArray();
    if (!list)
      return mistake("overrides", "expected a list");
    for (auto [index, value] : llvm::enumerate(*list))
      if (llvm::Error error =
              addOverride(value, "overrides[" + Twine(index) + "]", config))
        return error;
  }
  return config;
}

/// A key that an object of a JSON text, which is well formed, has twice; the
/// parser keeps the last. Keys are compared as they are written.
static std::optional<StringRef> findRepeatedKey(StringRef text) {
  SmallVector<std::set<StringRef>> objects;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '{')
      objects.emplace_back();
    if (text[at] == '}')
      objects.pop_back();
    if (text[at] != '"')
      continue;
    size_t begin = ++at;
    for (; text[at] != '"'; ++at)
      at += text[at] == '\\';
    StringRef key = text.slice(begin, at);
    if (text.drop_front(at + 1).ltrim().starts_with(":") &&
        !objects.back().insert(key).second)
      return key;
  }
  return std::nullopt;
}

llvm::Expected<QuantConfig> QuantConfig::parse(MLIRContext *context,
                                               StringRef text, StringRef name) {
  if (llvm::Error error = checkNesting(text, name))
    return error;
  llvm::Expected<json::Value> root = json::parse(text);
  if (!root)
    return root.takeError();
  if (std::optional<StringRef> key = findRepeatedKey(text))
    return llvm::createStringError("the key '" + *key +
                                   "' is given twice in an object");
  return Reader(context).read(*root);
}

llvm::Expected<QuantConfig> QuantConfig::read(MLIRContext *context,
                                              StringRef path) {
  // A pipe would be waited for, and a device read for ever.
  llvm::sys::fs::file_status status;
  if (std::error_code failed = llvm::sys::fs::status(path, status))
    return llvm::createStringError(failed.message());
  if (!llvm::sys::fs::is_regular_file(status))
    return llvm::createStringError("expected a regular file");
  if (status.getSize() > maxConfigurationBytes)
    return llvm::createStringError(
        "expected at most " + Twine(maxConfigurationBytes) +
        " bytes, but got " + Twine(status.getSize()));
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/true);
  if (!buffer)
    return llvm::createStringError(buffer.getError().message());
  return parse(context, (*buffer)->getBuffer(), path);
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

/// A built-in scheme by its name, any other as it is described.
static std::string textOf(const std::optional<QuantScheme> &scheme) {
  if (!scheme)
    return "none";
  if (scheme->isBuiltin())
    return scheme->displayName().str();
  std::string text;
  llvm::raw_string_ostream(text) << scheme->attr();
  return text;
}

static llvm::Error writeMethod(json::OStream &out, MLIRContext *context,
                               const QuantMethod &method) {
  llvm::Expected<std::optional<QuantScheme>> scheme = method.scheme(context);
  if (!scheme)
    return scheme.takeError();
  out.attribute("scheme", textOf(*scheme));
  if (method.algorithm() != QuantAlgorithm::nearest)
    out.attribute("method", nameOf(method.algorithm()));
  if (method.algorithm() == QuantAlgorithm::smoothQuant)
    out.attribute("alpha", method.alpha());
  return llvm::Error::success();
}

llvm::Expected<std::string> QuantConfig::json(MLIRContext *context) const {
  if (llvm::Error error = validate())
    return error;
  std::string text;
  llvm::raw_string_ostream stream(text);
  json::OStream out(stream, 2);
  llvm::Error failed = llvm::Error::success();
  auto write = [&](const QuantMethod &method) {
    if (llvm::Error error = writeMethod(out, context, method))
      failed = llvm::joinErrors(std::move(failed), std::move(error));
  };
  out.object([&] {
    out.attributeObject("default", [&] { write(fallback); });
    out.attributeArray("overrides", [&] {
      for (const Override &entry : overrides)
        out.object([&] {
          out.attribute("pattern", *entry.pattern);
          write(entry.method);
        });
    });
  });
  if (failed)
    return failed;
  return text;
}
