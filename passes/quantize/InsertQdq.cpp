//===- InsertQdq.cpp - Static quantization of activations -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scales from a calibration record (ir/CalibrationRecord.h), for the schemes
// that a configuration names. How codes are computed is in StaticGrid.h; that
// weights are left as they are, is on purpose.
//
//===----------------------------------------------------------------------===//

#include "ir/CalibrationRecord.h"
#include "ir/NearNames.h"
#include "ir/QuantConfig.h"
#include "passes/ConfigNames.h"
#include "passes/quantize/ObservedValues.h"
#include "passes/quantize/QuantizePasses.h"
#include "passes/quantize/StaticGrid.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "llvm/Support/ScopedPrinter.h"

namespace rlx {
#define GEN_PASS_DEF_INSERTQDQPASS
#include "passes/quantize/QuantizePasses.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

//===----------------------------------------------------------------------===//
// Schemes
//===----------------------------------------------------------------------===//

namespace {
/// What a scheme asks of a static quantization.
struct GridKind {
  IntegerType storage;
  bool isSigned, hasZero, isPerChannel;
  CodeRange codes; ///< As numbers, without the bias.
};
} // namespace

/// Whether an index into a side tensor is the same for all elements, or K.
static std::optional<bool> isPerChannel(FieldAttr field) {
  AffineMap map = field.getPlanes().front().getPosition();
  if (map.isConstant())
    return false;
  auto k = map.getNumResults() == 1 ? dyn_cast<AffineDimExpr>(map.getResult(0))
                                    : AffineDimExpr(nullptr);
  return k && k.getPosition() == 1 ? std::optional(true) : std::nullopt;
}

/// Fails with a reason where codes of the scheme cannot have constants for
/// scales.
static std::optional<GridKind> kindOf(const QuantScheme &scheme,
                                      std::string &reason) {
  SchemeAttr attr = scheme.attr();
  FieldAttr code = attr.getCode();
  constexpr unsigned widest = 16;
  auto fail = [&](const Twine &text) {
    reason = ("'" + scheme.displayName() + "' " + text).str();
    return std::nullopt;
  };
  if (!code.isInteger() || code.width() > widest)
    return fail("has codes that are no integers of at most 16 bits");
  if (attr.getScale().size() != 1 || !attr.getScale()[0].isSide() ||
      !attr.getOffset().empty() || (attr.getZero() && !attr.getZero().isSide()))
    return fail("does not have one scale, and perhaps a zero point, beside "
                "its codes");
  std::optional<bool> byChannel = isPerChannel(attr.getScale()[0]);
  if (!byChannel ||
      (attr.getZero() && isPerChannel(attr.getZero()) != byChannel))
    return fail("has scales neither for a whole value, (n, k) -> (0), nor for "
                "each channel, (n, k) -> (k)");
  constexpr unsigned byteBits = 8;
  unsigned width = code.width() <= byteBits ? byteBits : widest;
  int64_t count = int64_t(1) << code.width();
  bool isSigned = code.getType().isSignedInteger();
  // The bias of codes is part of how they are stored.
  int64_t least = (isSigned ? -count / 2 : 0) - code.getBias();
  CodeRange codes{least, least + count - 1};
  if (code.getBias() != 0)
    isSigned = codes.least < 0;
  auto storage = IntegerType::get(attr.getContext(), width);
  if (!rangeOf(storage, isSigned).holds(codes))
    return fail("has codes whose numbers fit no " + Twine(width) + " bits");
  return GridKind{storage, isSigned, bool(attr.getZero()), *byChannel, codes};
}

//===----------------------------------------------------------------------===//
// Scales
//===----------------------------------------------------------------------===//

/// Sets scales and zero points for numbers within ranges. What has no extent
/// gets a scale of 1, and all that is 0 the code of 0.
static void setScales(StaticGrid &grid, CodeRange &codes, const GridKind &kind,
                      ArrayRef<NumberRange> ranges) {
  codes = kind.codes;
  // Codes reach as far below 0 as above.
  if (!kind.hasZero && codes.least < 0)
    codes.least = -codes.most;
  for (const NumberRange &range : ranges) {
    double low = std::min(range.least, 0.0), high = std::max(range.most, 0.0);
    double scale = kind.hasZero
                       ? (high - low) / double(codes.most - codes.least)
                       : range.magnitude() / double(codes.most);
    // Small enough to be nothing: f32 has no number for it.
    if (!(float(scale) >= std::numeric_limits<float>::min()))
      scale = 1;
    double zero =
        kind.hasZero ? std::round(double(codes.least) - low / scale) : 0;
    grid.scales.push_back(float(scale));
    grid.zeros.push_back(std::clamp(int64_t(zero), codes.least, codes.most));
  }
}

namespace {
struct InsertQdqPass : rlx::impl::InsertQdqPassBase<InsertQdqPass> {
  using InsertQdqPassBase::InsertQdqPassBase;

  void runOnOperation() override {
    if (failed(readOptions())) {
      signalPassFailure();
      return;
    }
    SmallVector<ObservedValue> values = findObservedValues(getOperation());
    if (failed(checkNames(values))) {
      signalPassFailure();
      return;
    }
    for (const ObservedValue &value : values)
      if (failed(insert(value)))
        return signalPassFailure();
  }

private:
  LogicalResult fail(const Twine &text) {
    return emitError(getOperation().getLoc(), text);
  }

  LogicalResult readOptions() {
    if (record.empty())
      return fail("expected the option 'record' to name a calibration record");
    llvm::Expected<CalibrationRecord> read = CalibrationRecord::read(record);
    if (!read)
      return fail(llvm::toString(read.takeError()));
    statistics = std::move(*read);
    llvm::Expected<RangeRule> rule = parseRangeRule(range);
    if (!rule)
      return fail("option 'range': " + llvm::toString(rule.takeError()));
    choice = {*rule, percent};
    if (llvm::Error error = choice.validate())
      return fail("option 'percent': " + llvm::toString(std::move(error)));
    usual = QuantScheme::parse(&getContext(), scheme);
    if (!usual)
      return fail("option 'scheme': " +
                  QuantScheme::unknownSchemeMessage(scheme));
    methods.reset();
    if (config.empty())
      return success();
    llvm::Expected<QuantConfig> given =
        QuantConfig::read(&getContext(), config);
    if (!given)
      return fail("cannot use the configuration '" + config +
                  "': " + llvm::toString(given.takeError()));
    methods = std::move(*given);
    return success();
  }

  /// A record of another program is none of this one.
  LogicalResult checkNames(ArrayRef<ObservedValue> values) {
    SmallVector<std::string> names;
    for (const ObservedValue &value : values) {
      names.push_back(value.name);
      llvm::append_range(names, value.weights);
    }
    // A value mostly has the name of its first weight.
    llvm::sort(names);
    names.erase(llvm::unique(names), names.end());
    if (methods)
      warnOfUnmatched(getOperation(), *methods, config, "value", names);
    for (const ValueStatistics &value : statistics.values())
      if (!llvm::is_contained(names, value.name)) {
        SmallVector<std::string> nearest = nearestNames(value.name, names);
        for (std::string &name : nearest)
          name = "'" + name + "'";
        return fail("the record '" + record + "' has a value '" + value.name +
                    "', which the program does not have" +
                    (nearest.empty()
                         ? ""
                         : "; nearest names: " + llvm::join(nearest, ", ")));
      }
    return success();
  }

  const ValueStatistics *find(const ObservedValue &value) const {
    if (const ValueStatistics *found = statistics.find(value.name))
      return found;
    for (const std::string &weight : value.weights)
      if (const ValueStatistics *found = statistics.findForWeight(weight))
        return found;
    return nullptr;
  }

  /// The override of any of its names, else the default.
  llvm::Expected<std::optional<QuantScheme>>
  schemeOf(const ObservedValue &value) {
    if (!methods)
      return usual;
    const QuantMethod *method = methods->overrideFor(value.name);
    for (const std::string &weight : value.weights)
      if (!method)
        method = methods->overrideFor(weight);
    return (method ? *method : methods->defaultMethod()).scheme(&getContext());
  }

  LogicalResult insert(const ObservedValue &value) {
    Location loc = value.places.front().value.getLoc();
    auto remark = [&](const Twine &reason) {
      emitRemark(loc) << "'" << value.name << "' is not quantized: " << reason;
      return success();
    };
    auto wanted = schemeOf(value);
    if (!wanted)
      return fail(llvm::toString(wanted.takeError()));
    if (!*wanted)
      return remark("its scheme is 'none'");
    const ValueStatistics *known = find(value);
    if (!known)
      return remark("the record has no such value");
    std::string reason;
    std::optional<GridKind> kind = kindOf(**wanted, reason);
    if (!kind)
      return remark(reason);
    if (!kind->hasZero && kind->codes.least >= 0 && known->least < 0)
      return remark("codes of '" + (*wanted)->displayName() +
                    "' are not negative, but numbers are");
    for (const ObservedPlace &place : value.places)
      if (failed(insert(value, place, *known, *kind)))
        return failure();
    return success();
  }

  LogicalResult insert(const ObservedValue &value, const ObservedPlace &place,
                       const ValueStatistics &known, const GridKind &kind) {
    Location loc = place.value.getLoc();
    auto remark = [&](const Twine &reason) {
      emitRemark(loc) << "'" << value.name << "' is not quantized: " << reason;
      return success();
    };
    if (std::string reason = whyNotObserved(place); !reason.empty())
      return remark(reason);
    auto type = cast<RankedTensorType>(place.value.getType());
    int64_t size = type.getDimSize(place.channels);
    if (!ShapedType::isDynamic(size) && size != known.channels())
      return emitError(loc)
             << "expected '" << value.name << "' to have the "
             << known.channels() << " channels that the record '" << record
             << "' has, but dimension " << place.channels << " is " << size;
    if (!type.getElementType().isF32())
      return remark("expected f32, but it is of " +
                    llvm::to_string(type.getElementType()));
    SmallVector<OpOperand *> uses = usesOf(value, place);
    if (uses.empty() || matchDequantize(place.value.getDefiningOp()))
      return remark("it is quantized already");
    StaticGrid grid;
    grid.storage = kind.storage;
    grid.isSigned = kind.isSigned;
    CodeRange codes;
    setScales(grid, codes, kind, rangesOf(known, kind));
    if (kind.isPerChannel)
      grid.channels = place.channels;
    OpBuilder builder(&getContext());
    builder.setInsertionPointAfterValue(place.value);
    Value quantized = createQuantize(builder, loc, place.value, grid, codes);
    Value numbers = createDequantize(builder, loc, quantized, grid);
    for (OpOperand *use : uses)
      use->set(numbers);
    return success();
  }

  SmallVector<NumberRange> rangesOf(const ValueStatistics &known,
                                    const GridKind &kind) const {
    NumberRange all =
        known.range(choice, std::max<int64_t>(kind.codes.most, 1));
    if (!kind.isPerChannel)
      return {all};
    // Of channels only magnitudes are known. None reaches beyond what the
    // whole value is cut off at.
    return llvm::map_to_vector(known.maxima, [&](double most) {
      return NumberRange{std::max(-most, all.least), std::min(most, all.most)};
    });
  }

  /// Those that are to have numbers of codes: of matmuls with weights, or all
  /// where the program names the value, but for those that quantize it.
  static SmallVector<OpOperand *> usesOf(const ObservedValue &value,
                                         ObservedPlace place) {
    SmallVector<OpOperand *> uses;
    for (OpOperand &use : place.value.getUses()) {
      bool isOfWeight = llvm::any_of(value.uses, [&](const WeightUse &other) {
        return other.activations == &use;
      });
      // Sizes are no numbers.
      bool isOther = value.isNamed && !isa<tensor::DimOp>(use.getOwner()) &&
                     !matchQuantize(use.getOwner());
      if (isOfWeight || isOther)
        uses.push_back(&use);
    }
    return uses;
  }

  CalibrationRecord statistics;
  RangeChoice choice;
  std::optional<QuantScheme> usual;
  std::optional<QuantConfig> methods;
};
} // namespace
