//===- Annotate.cpp - Schemes for weights from a configuration ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Decides on a scheme for each rlx.weight, as a configuration says
// (ir/QuantConfig.h), and rewires its users. The numbers are for whoever makes
// the weight file.
//
//===----------------------------------------------------------------------===//

#include "ir/QuantConfig.h"
#include "passes/ConfigNames.h"
#include "passes/support/QuantizedOperand.h"

#include "llvm/ADT/SetVector.h"

namespace rlx {
#define GEN_PASS_DEF_ANNOTATEPASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

namespace {
/// A scheme to store a weight in; none: as plain floats.
using Storage = std::optional<QuantScheme>;
} // namespace

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
    llvm::Expected<QuantConfig> configuration =
        QuantConfig::read(&getContext(), config);
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
    warnOfUnmatched(getOperation(), *configuration, config);
    for (Operation *side : formerSides)
      if (side->use_empty())
        side->erase();
    formerSides.clear();
  }

  /// Decides on the scheme of `weight`, or says why it stays as it is.
  void annotate(WeightOp weight, const QuantConfig &configuration) {
    const QuantMethod *entry = configuration.overrideFor(weight.getName());
    Storage given = QuantScheme::of(weight.getType());
    if (!entry && given)
      return;
    // A configuration is read with valid methods only.
    Storage wanted = llvm::cantFail(
        configuration.methodFor(weight.getName()).scheme(&getContext()));
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
