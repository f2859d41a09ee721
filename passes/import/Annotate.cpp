//===- Annotate.cpp - Schemes for weights from a configuration ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads the configuration, decides on a scheme for each rlx.weight, and rewires
// its users. The numbers are for whoever makes the weight file.
//
//===----------------------------------------------------------------------===//

#include "ir/Nesting.h"
#include "passes/support/QuantizedOperand.h"

#include "mlir/AsmParser/AsmParser.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/GlobPattern.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"

namespace rlx {
#define GEN_PASS_DEF_ANNOTATEPASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

//===----------------------------------------------------------------------===//
// The configuration
//===----------------------------------------------------------------------===//

/// Enough for a line for each weight of any model.
static constexpr uint64_t maxConfigurationBytes = uint64_t(64) << 20;

namespace {
/// A scheme to store a weight in; none: as plain floats.
using Storage = std::optional<QuantScheme>;

struct Override {
  llvm::GlobPattern pattern;
  Storage storage;
};

struct Configuration {
  Storage fallback;
  SmallVector<Override> overrides;

  static llvm::Expected<Configuration> read(MLIRContext *context,
                                            StringRef path);
  /// The last override whose pattern matches, or null.
  const Override *find(StringRef name) const;
};

/// Reads the configuration's JSON; the first mistake is the error.
class ConfigurationReader {
public:
  ConfigurationReader(MLIRContext *context) : context(context) {}
  llvm::Expected<Configuration> read(const llvm::json::Value &root);

private:
  llvm::Expected<const llvm::json::Object *>
  object(const llvm::json::Value &value, const Twine &where,
         ArrayRef<StringRef> keys);
  llvm::Expected<StringRef> text(const llvm::json::Value *value,
                                 const Twine &where);
  llvm::Expected<Storage> storage(const llvm::json::Value *value,
                                  const Twine &where);
  llvm::Expected<Override> override(const llvm::json::Value &value,
                                    const Twine &where);

  MLIRContext *context;
};
} // namespace

static llvm::Error mistake(const Twine &where, const Twine &text) {
  return llvm::createStringError("'" + where + "': " + text);
}

llvm::Expected<const llvm::json::Object *>
ConfigurationReader::object(const llvm::json::Value &value, const Twine &where,
                            ArrayRef<StringRef> keys) {
  const llvm::json::Object *object = value.getAsObject();
  std::string known;
  llvm::raw_string_ostream stream(known);
  llvm::interleave(
      keys, stream, [&](StringRef key) { stream << "'" << key << "'"; },
      " and ");
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

llvm::Expected<StringRef>
ConfigurationReader::text(const llvm::json::Value *value, const Twine &where) {
  std::optional<StringRef> text = value ? value->getAsString() : std::nullopt;
  if (!text)
    return mistake(where, value ? "expected a string"
                                : "is missing, expected a string");
  return *text;
}

llvm::Expected<Storage>
ConfigurationReader::storage(const llvm::json::Value *value,
                             const Twine &where) {
  llvm::Expected<StringRef> name = text(value, where);
  if (!name)
    return name.takeError();
  if (*name == "none")
    return std::nullopt;
  if (!name->starts_with("#")) {
    Storage scheme = QuantScheme::parse(context, *name);
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

llvm::Expected<Override>
ConfigurationReader::override(const llvm::json::Value &value,
                              const Twine &where) {
  auto entry = object(value, where, {"pattern", "scheme"});
  if (!entry)
    return entry.takeError();
  llvm::Expected<StringRef> pattern =
      text((*entry)->get("pattern"), where + ".pattern");
  if (!pattern)
    return pattern.takeError();
  // A pattern refers to its text, which the context keeps.
  llvm::Expected<llvm::GlobPattern> glob =
      llvm::GlobPattern::create(StringAttr::get(context, *pattern).getValue());
  if (!glob)
    return mistake(where + ".pattern", llvm::toString(glob.takeError()));
  llvm::Expected<Storage> scheme =
      storage((*entry)->get("scheme"), where + ".scheme");
  if (!scheme)
    return scheme.takeError();
  return Override{std::move(*glob), *scheme};
}

llvm::Expected<Configuration>
ConfigurationReader::read(const llvm::json::Value &root) {
  Configuration configuration;
  auto top = object(root, "configuration", {"default", "overrides"});
  if (!top)
    return top.takeError();
  if (const llvm::json::Value *fallback = (*top)->get("default")) {
    llvm::Expected<Storage> scheme = storage(fallback, "default");
    if (!scheme)
      return scheme.takeError();
    configuration.fallback = *scheme;
  }
  if (const llvm::json::Value *overrides = (*top)->get("overrides")) {
    const llvm::json::Array *list = overrides->getAsArray();
    if (!list)
      return mistake("overrides", "expected a list");
    for (auto [index, value] : llvm::enumerate(*list)) {
      llvm::Expected<Override> entry =
          override(value, "overrides[" + Twine(index) + "]");
      if (!entry)
        return entry.takeError();
      configuration.overrides.push_back(std::move(*entry));
    }
  }
  return configuration;
}

llvm::Expected<Configuration> Configuration::read(MLIRContext *context,
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
  if (llvm::Error error = checkNesting((*buffer)->getBuffer(), path))
    return error;
  llvm::Expected<llvm::json::Value> root =
      llvm::json::parse((*buffer)->getBuffer());
  if (!root)
    return root.takeError();
  return ConfigurationReader(context).read(*root);
}

const Override *Configuration::find(StringRef name) const {
  for (const Override &entry : llvm::reverse(overrides))
    if (entry.pattern.match(name))
      return &entry;
  return nullptr;
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

static std::string nameOf(const Storage &storage) {
  return storage ? storage->displayName().str() : "none";
}

/// Whether `use` is the weight of an operation that may be quantized.
static bool isQuantizedUse(OpOperand &use) {
  return quantizedOperand(use.getOwner()) == &use;
}

/// Whether `weight` is a scale or a bias of another weight's operation.
static bool belongsToAnother(WeightOp weight) {
  return llvm::any_of(weight->getUsers(), [&](Operation *user) {
    SmallVector<Value> others;
    if (quantizedOperand(user))
      llvm::append_range(others, sidesOf(user).given());
    if (auto quantize = dyn_cast<QuantizeOp>(user))
      llvm::append_range(others, SideValues::of(quantize).given());
    if (auto matmul = dyn_cast<MatmulOp>(user))
      others.push_back(matmul.getBias());
    if (auto gather = dyn_cast<GatherMatmulOp>(user))
      others.push_back(gather.getBias());
    return llvm::is_contained(others, weight.getResult());
  });
}

/// Why nothing could store `weight` quantized; empty where something may.
static std::string refusal(WeightOp weight) {
  auto type = cast<RankedTensorType>(weight.getType());
  Type element = type.getElementType();
  bool isFloat = element.isF32() || element.isF16() || element.isBF16();
  std::string text;
  llvm::raw_string_ostream stream(text);
  if (type.getRank() < 2 || type.getRank() > 3 || !isFloat)
    stream << "expected [N, K] or [E, N, K] of f32, f16 or bf16, but it is '"
           << type << "'";
  else if (type.getEncoding() && !QuantScheme::of(type))
    stream << "it is encoded by " << type.getEncoding();
  else if (belongsToAnother(weight))
    stream << "it is a scale or a bias of another weight";
  return text;
}

namespace {
struct AnnotatePass : rlx::impl::AnnotatePassBase<AnnotatePass> {
  using AnnotatePassBase::AnnotatePassBase;

  /// `--rlx-annotate=file` is short for `--rlx-annotate=config=file`.
  LogicalResult initializeOptions(
      StringRef options,
      function_ref<LogicalResult(const Twine &)> onError) override {
    bool isPath = !options.empty() && !options.contains('=');
    std::string named = ("config=" + options).str();
    return Pass::initializeOptions(isPath ? named : options, onError);
  }

  void runOnOperation() override {
    if (config.empty()) {
      emitError(getOperation().getLoc(),
                "expected the option 'config' to name a file");
      return signalPassFailure();
    }
    llvm::Expected<Configuration> configuration =
        Configuration::read(&getContext(), config);
    if (!configuration) {
      emitError(getOperation().getLoc())
          << "cannot use the configuration '" << config
          << "': " << llvm::toString(configuration.takeError());
      return signalPassFailure();
    }
    SmallVector<WeightOp> weights;
    getOperation().walk([&](WeightOp weight) { weights.push_back(weight); });
    for (WeightOp weight : weights)
      annotate(weight, *configuration);
    for (Operation *side : formerSides)
      if (side->use_empty())
        side->erase();
    formerSides.clear();
  }

  /// Decides on the scheme of `weight`, or says why it stays as it is.
  void annotate(WeightOp weight, const Configuration &configuration) {
    const Override *entry = configuration.find(weight.getName());
    Storage given = QuantScheme::of(weight.getType());
    if (!entry && given)
      return;
    Storage wanted = entry ? entry->storage : configuration.fallback;
    if (wanted == given || formerSides.contains(weight))
      return;
    // The default is for the weights it fits; whoever names a weight should
    // know.
    if (std::string reason = refusal(weight); !reason.empty()) {
      if (entry)
        weight.emitRemark()
            << "'" << weight.getName() << "' stays as it is: " << reason;
      return;
    }
    auto type = cast<RankedTensorType>(weight.getType()).dropEncoding();
    if (wanted) {
      auto warn = [&] {
        InFlightDiagnostic warning = weight.emitWarning();
        warning << "'" << weight.getName() << "' stays as it is: ";
        return warning;
      };
      auto encoding = QuantAttr::get(&getContext(), wanted->attr());
      if (failed(encoding.verifyEncoding(type.getShape(), type.getElementType(),
                                         warn)))
        return;
      type = type.cloneWithEncoding(encoding);
    }
    if (given) {
      for (OpOperand &use : weight->getUses())
        if (!isQuantizedUse(use)) {
          weight.emitRemark()
              << "'" << weight.getName() << "' stays '" << nameOf(given)
              << "': '" << use.getOwner()->getName() << "' takes it as it is";
          return;
        }
      weight.emitRemark() << "'" << weight.getName() << "' was '"
                          << nameOf(given) << "', an override makes it '"
                          << nameOf(wanted) << "'";
    }
    setStorage(weight, type, wanted);
  }

  void setStorage(WeightOp weight, RankedTensorType type,
                  const Storage &wanted) {
    OpBuilder builder(&getContext());
    builder.setInsertionPointAfter(weight);
    Location loc = weight.getLoc();
    Type element = type.getElementType(), f32 = builder.getF32Type();
    SmallVector<OpOperand *> uses;
    for (OpOperand &use : weight->getUses())
      uses.push_back(&use);
    weight.getResult().setType(type);

    SideValues sides;
    if (wanted)
      for (const SideOperand &side : wanted->sideOperands())
        sides.named(side.name) =
            WeightOp::create(builder, loc,
                             RankedTensorType::get(side.shape(type.getShape()),
                                                   side.elementType),
                             (weight.getName() + "." + side.name).str());
    auto plainType = RankedTensorType::get(type.getShape(), f32);
    Value plain; // for users that take no quantized weight
    for (OpOperand *use : uses) {
      Operation *user = use->getOwner();
      if (!isQuantizedUse(*use)) {
        if (!plain) {
          plain = DequantizeOp::create(builder, loc, plainType, weight,
                                       sides.scales, sides.zeroPoints,
                                       sides.globalScale);
          plain = convertElements(builder, loc, plain, element);
        }
        weight.emitRemark()
            << "'" << weight.getName() << "' is dequantized for '"
            << user->getName() << "', which takes no quantized weight";
        use->set(plain);
        continue;
      }
      for (Value side : sidesOf(user).given())
        if (auto former = side.getDefiningOp<WeightOp>())
          formerSides.insert(former);
      if (!wanted && isa<DequantizeOp>(user)) {
        user->getResult(0).replaceAllUsesWith(
            convertElements(builder, loc, weight, f32));
        user->erase();
        continue;
      }
      setSides(user, sides);
    }
  }

private:
  /// Weights that were the scales of a scheme that has been replaced.
  llvm::SetVector<Operation *> formerSides;
};
} // namespace
