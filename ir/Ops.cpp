//===- Ops.cpp - Verifiers of the rlx operations --------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each check carries the label of the constraint in RlxOps.td.
//
//===----------------------------------------------------------------------===//

#include "ir/ActivationGroup.h"
#include "ir/ActivationType.h"
#include "ir/BlockShapes.h"
#include "ir/Dialect.h"
#include "ir/QuantRule.h"
#include "ir/Scheme.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace rlx;

#include "ir/RlxInterfaces.cpp.inc"

#define GET_OP_CLASSES
#include "ir/RlxOps.cpp.inc"

//===----------------------------------------------------------------------===//
// Shared checks
//===----------------------------------------------------------------------===//

static RankedTensorType tensorOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// Dynamic sizes agree with anything.
static std::string shapeText(ArrayRef<int64_t> shape, Type elementType) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  stream << RankedTensorType::get(shape, elementType);
  return text;
}

/// `operand` must be a plain tensor of exactly this shape and element type.
static LogicalResult verifyOperand(Operation *op, StringRef label,
                                   StringRef what, Value operand,
                                   ArrayRef<int64_t> shape, Type elementType) {
  RankedTensorType type = tensorOf(operand);
  if (type.getEncoding())
    return op->emitOpError() << "(" << label << ") expected '" << what
                             << "' not to be quantized, but got " << type;
  bool matches = type.getRank() == int64_t(shape.size()) &&
                 type.getElementType() == elementType &&
                 llvm::all_of_zip(type.getShape(), shape, mayBeEqualSizes);
  if (!matches)
    return op->emitOpError()
           << "(" << label << ") expected '" << what << "' to be "
           << shapeText(shape, elementType) << ", but got " << type;
  return success();
}

/// The element type of side operand `value`, which the scheme reads as `type`:
/// it says what sign an integer without one has.
static Type sideElement(Value value, Type type) {
  auto integer = dyn_cast<IntegerType>(type);
  Type given = tensorOf(value).getElementType();
  bool isSame = integer && given.isSignlessInteger(integer.getWidth());
  return isSame ? given : type;
}

/// C2: side operands exactly where the scheme reads them, as it describes them.
template <typename OpT>
static LogicalResult verifySides(OpT op, RankedTensorType weight) {
  std::optional<QuantScheme> scheme = QuantScheme::of(weight);
  std::pair<StringRef, Value> given[] = {{"scales", op.getScales()},
                                         {"zero_points", op.getZeroPoints()},
                                         {"global_scale", op.getGlobalScale()}};
  for (auto [name, value] : given) {
    std::optional<SideOperand> side =
        scheme ? scheme->findSide(name) : std::nullopt;
    if (side && !value)
      return op.emitOpError()
             << "(C2) scheme '" << scheme->displayName() << "' needs '" << name
             << "' of type "
             << shapeText(side->shape(weight.getShape()), side->elementType);
    if (!side && value) {
      if (!scheme)
        return op.emitOpError()
               << "(C2) '" << name
               << "' is given, but the weight is not quantized";
      return op.emitOpError() << "(C2) scheme '" << scheme->displayName()
                              << "' does not take '" << name << "'";
    }
    if (side && failed(verifyOperand(op, "C2", name, value,
                                     side->shape(weight.getShape()),
                                     sideElement(value, side->elementType))))
      return failure();
  }
  return success();
}

static LogicalResult verifyActivations(Operation *op,
                                       std::optional<Type> activations,
                                       bool reencoded,
                                       std::optional<int64_t> group) {
  const ActivationType *type =
      activations ? activationTypeOf(*activations) : nullptr;
  if (activations && !type)
    return op->emitOpError()
           << "(C4) expected activations to be " << activationTypeNames()
           << ", but got " << *activations;
  if (reencoded && !(type && type->mayReencode))
    return op->emitOpError()
           << "(C5) expected activations to be " << reencodingActivationNames()
           << " where weights are reencoded; others multiply them as they are";
  if (group && !(type && type->isInteger))
    return op->emitOpError()
           << "(C6) expected activations to be " << integerActivationNames()
           << " where activation_group is given; others have no scales";
  if (group && !isActivationGroup(*group))
    return op->emitOpError() << "(C6) expected activation_group to be 32, 64, "
                                "128 or 256, but got "
                             << *group;
  return success();
}

static bool isActivationType(Type element) {
  return element.isF32() || element.isF16() || element.isBF16();
}

/// The same of f32, f16 or bf16.
static LogicalResult verifyFloats(Operation *op, StringRef label,
                                  StringRef what, Value operand,
                                  ArrayRef<int64_t> shape) {
  Type element = tensorOf(operand).getElementType();
  if (!isActivationType(element))
    return op->emitOpError()
           << "(" << label << ") expected '" << what
           << "' to be of f32, f16 or bf16, but got " << operand.getType();
  return verifyOperand(op, label, what, operand, shape, element);
}

/// A weight of the given rank, quantized or a plain float tensor.
static LogicalResult verifyWeight(Operation *op, StringRef what,
                                  RankedTensorType weight, int64_t rank) {
  Type element = weight.getElementType();
  if (weight.getRank() != rank || !isActivationType(element))
    return op->emitOpError() << "(C1) expected '" << what << "' to be "
                             << (rank == 2 ? "[N, K]" : "[E, N, K]")
                             << " of f32, f16 or bf16, but got " << weight;
  if (weight.getEncoding() && !QuantScheme::of(weight))
    return op->emitOpError()
           << "(C1) expected the encoding of '" << what
           << "' to be #rlx.quant, but got " << weight.getEncoding();
  if (weight.getEncoding() && !weight.hasStaticShape())
    return op->emitOpError() << "(C1) expected '" << what
                             << "' to have a static shape, as it is quantized, "
                                "but got "
                             << weight;
  return success();
}

//===----------------------------------------------------------------------===//
// Verifiers
//===----------------------------------------------------------------------===//

LogicalResult WeightOp::verify() {
  if (getName().empty())
    return emitOpError("(C1) expected a name");
  if (!tensorOf(getResult()).hasStaticShape())
    return emitOpError() << "(C2) expected a static shape, but got "
                         << getType();
  return success();
}

LogicalResult MatmulOp::verify() {
  RankedTensorType weight = tensorOf(getWeight()), x = tensorOf(getX());
  if (failed(verifyWeight(*this, "weight", weight, 2)))
    return failure();
  if (x.getRank() == 0)
    return emitOpError() << "(C1) expected 'x' to be [..., K], but got " << x;
  int64_t n = weight.getDimSize(0);
  SmallVector<int64_t> shape(x.getShape());
  shape.back() = weight.getDimSize(1);
  if (failed(verifyFloats(*this, "C1", "x", getX(), shape)))
    return failure();
  shape.back() = n;
  if (failed(verifyFloats(*this, "C1", "result", getResult(), shape)) ||
      failed(verifySides(*this, weight)))
    return failure();
  if (getBias() && failed(verifyFloats(*this, "C3", "bias", getBias(), {n})))
    return failure();
  return verifyActivations(*this, getActivations(), getReencoded(),
                           getActivationGroup());
}

LogicalResult GatherMatmulOp::verify() {
  RankedTensorType weight = tensorOf(getWeight()), x = tensorOf(getX());
  Type i32 = IntegerType::get(getContext(), 32);
  if (failed(verifyWeight(*this, "weight", weight, 3)))
    return failure();
  if (tensorOf(getIds()).getRank() != 2)
    return emitOpError() << "(C1) expected 'ids' to be [T, S], but got "
                         << getIds().getType();
  int64_t tokens = tensorOf(getIds()).getDimSize(0),
          slots = tensorOf(getIds()).getDimSize(1);
  int64_t experts = weight.getDimSize(0), n = weight.getDimSize(1),
          k = weight.getDimSize(2);
  SmallVector<int64_t> xShape = {tokens, k};
  if (x.getRank() == 3)
    xShape = {tokens, slots, k};
  if (failed(
          verifyOperand(*this, "C1", "ids", getIds(), {tokens, slots}, i32)) ||
      failed(verifyFloats(*this, "C1", "x", getX(), xShape)) ||
      failed(verifyFloats(*this, "C1", "result", getResult(),
                          {tokens, slots, n})) ||
      failed(verifySides(*this, weight)))
    return failure();
  if (getBias() &&
      failed(verifyFloats(*this, "C3", "bias", getBias(), {experts, n})))
    return failure();
  return verifyActivations(*this, getActivations(), getReencoded(),
                           getActivationGroup());
}

LogicalResult EmbeddingOp::verify() {
  RankedTensorType table = tensorOf(getTable()), ids = tensorOf(getIds());
  if (failed(verifyWeight(*this, "table", table, 2)))
    return failure();
  if (!ids.getElementType().isInteger(32) || ids.getEncoding() ||
      ids.getRank() == 0)
    return emitOpError()
           << "(C1) expected 'ids' to be of i32 and of rank >= 1, but got "
           << ids;
  SmallVector<int64_t> shape(ids.getShape());
  shape.push_back(table.getDimSize(1));
  if (failed(verifyFloats(*this, "C1", "result", getResult(), shape)))
    return failure();
  return verifySides(*this, table);
}

LogicalResult DequantizeOp::verify() {
  RankedTensorType weight = tensorOf(getWeight());
  if (!QuantScheme::of(weight))
    return emitOpError() << "(C1) expected 'weight' to be quantized, but got "
                         << weight;
  if (failed(
          verifyFloats(*this, "C1", "result", getResult(), weight.getShape())))
    return failure();
  return verifySides(*this, weight);
}

LogicalResult rlx::verifyRule(Operation *op, StringRef label,
                              QuantScheme scheme, StringAttr text) {
  if (llvm::Error error = scheme.attr().getRounded() ? checkQuantizable(scheme)
                                                     : checkOwnCodes(scheme))
    return op->emitOpError()
           << "(" << label << ") " << llvm::toString(std::move(error));
  if (scheme.fields().size() == 1) {
    if (!text)
      return success();
    return op->emitOpError()
           << "(" << label << ") expected no rule, as '" << scheme.displayName()
           << "' has no scale, zero or offset to choose";
  }
  if (!text)
    return success();
  auto rule = QuantRule::parse(text.getValue());
  llvm::Error error = rule ? checkRule(*rule, scheme) : rule.takeError();
  if (!error)
    return success();
  return op->emitOpError() << "(" << label << ") "
                           << llvm::toString(std::move(error));
}

/// C2: the scheme's side tensors as results.
static LogicalResult verifySideResults(QuantizeOp op, QuantScheme scheme) {
  RankedTensorType weight = tensorOf(op.getResult());
  SmallVector<SideOperand> sides = scheme.sideOperands();
  if (op.getSides().size() != sides.size()) {
    InFlightDiagnostic diagnostic = op.emitOpError();
    diagnostic << "(C2) scheme '" << scheme.displayName() << "' needs ";
    for (auto [i, side] : llvm::enumerate(sides))
      diagnostic << (i ? ", '" : "'") << side.name << "' of type "
                 << shapeText(side.shape(weight.getShape()), side.elementType);
    if (sides.empty())
      diagnostic << "nothing beside its blocks";
    return diagnostic << " as operands or as further results, but got "
                      << op.getSides().size() << " further results";
  }
  for (auto [side, result] : llvm::zip_equal(sides, op.getSides()))
    if (failed(verifyOperand(op, "C2", side.name, result,
                             side.shape(weight.getShape()), side.elementType)))
      return failure();
  return success();
}

LogicalResult QuantizeOp::verify() {
  RankedTensorType result = tensorOf(getResult());
  std::optional<QuantScheme> scheme = QuantScheme::of(result);
  if (!scheme)
    return emitOpError() << "(C1) expected the result to be quantized, but got "
                         << result;
  if (failed(verifyOperand(*this, "C1", "x", getX(), result.getShape(),
                           Float32Type::get(getContext()))))
    return failure();
  bool given = getScales() || getZeroPoints() || getGlobalScale();
  bool isChosen = scheme->fields().size() > 1 && !given;
  if (!given && failed(verifySideResults(*this, *scheme)))
    return failure();
  if (given) {
    if (!getSides().empty())
      return emitOpError("(C2) expected scales as operands or as results, but "
                         "got both");
    if (failed(verifySides(*this, result)))
      return failure();
    for (FieldAttr field : scheme->fields())
      if (field != scheme->attr().getCode() && !field.isSide())
        return emitOpError()
               << "(C2) scheme '" << scheme->displayName()
               << "' keeps scales in its blocks, expected all of them to be "
                  "chosen";
  }
  if (!isChosen && (getRule() || getImportance()))
    return emitOpError() << "(C3) expected no rule and no importance where "
                            "nothing is chosen";
  if (failed(verifyRule(*this, "C3", *scheme, getRuleAttr())))
    return failure();
  if (Value importance = getImportance()) {
    int64_t k = result.getShape().back(), size = k;
    RankedTensorType type = tensorOf(importance);
    if (result.getRank() == 3 && type.getRank() == 1 && type.getDimSize(0) != k)
      size = k * result.getDimSize(0);
    return verifyOperand(*this, "C4", "importance", importance, {size},
                         Float32Type::get(getContext()));
  }
  return success();
}

LogicalResult rlx::verifyRoundTrip(Operation *op, ShapedType x,
                                   QuantScheme scheme, StringAttr rule) {
  auto tensor = dyn_cast<RankedTensorType>(x);
  if (!x.getElementType().isF32() || (tensor && tensor.getEncoding()))
    return op->emitOpError()
           << "(C1) expected 'x' to be of f32 and not quantized, but got " << x;
  bool hasSides = !scheme.sideOperands().empty();
  if (x.getRank() < (hasSides ? 2 : 1) || (hasSides && x.getRank() > 3))
    return op->emitOpError()
           << "(C1) expected 'x' to be "
           << (hasSides ? "[N, K] or [E, N, K], as '" + scheme.displayName() +
                              "' has side tensors"
                        : llvm::Twine("of rank 1 at least"))
           << ", but got " << x;
  int64_t k = x.getShape().back();
  if (llvm::is_contained(x.getShape(), 0))
    return op->emitOpError()
           << "(C2) expected at least one element, but got " << x;
  if (ShapedType::isDynamic(k) || k % scheme.block() != 0)
    return op->emitOpError()
           << "(C2) expected K to be a multiple of the block size "
           << scheme.block() << " of '" << scheme.displayName() << "', but got "
           << x;
  if (scheme.fields().size() == 1)
    return op->emitOpError()
           << "(C3) expected a scheme with a scale, zero or offset, but '"
           << scheme.displayName() << "' has nothing but codes";
  return verifyRule(op, "C3", scheme, rule);
}

LogicalResult FakeQuantizeOp::verify() {
  return verifyRoundTrip(*this, tensorOf(getX()),
                         QuantScheme(getScheme().getScheme()), getRuleAttr());
}

//===----------------------------------------------------------------------===//
// Memory effects: operands on memrefs are read, inits written
//===----------------------------------------------------------------------===//

using Effects =
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>;

static void addBlockEffects(DestinationStyleOpInterface op, Effects &effects) {
  for (OpOperand &operand : op->getOpOperands()) {
    if (!isa<MemRefType>(operand.get().getType()))
      continue;
    if (op.isDpsInit(&operand))
      effects.emplace_back(MemoryEffects::Write::get(), &operand);
    else
      effects.emplace_back(MemoryEffects::Read::get(), &operand);
  }
}

void BlockMatmulOp::getEffects(Effects &effects) {
  addBlockEffects(cast<DestinationStyleOpInterface>(getOperation()), effects);
}
void BlockDequantizeOp::getEffects(Effects &effects) {
  addBlockEffects(cast<DestinationStyleOpInterface>(getOperation()), effects);
}
void BlockQuantizeOp::getEffects(Effects &effects) {
  addBlockEffects(cast<DestinationStyleOpInterface>(getOperation()), effects);
}
void BlockAttentionOp::getEffects(Effects &effects) {
  addBlockEffects(cast<DestinationStyleOpInterface>(getOperation()), effects);
}
void BlockFakeQuantizeOp::getEffects(Effects &effects) {
  addBlockEffects(cast<DestinationStyleOpInterface>(getOperation()), effects);
}

void PackWeightOp::getEffects(Effects &effects) {
  addBlockEffects(cast<DestinationStyleOpInterface>(getOperation()), effects);
}
void PackedMatmulOp::getEffects(Effects &effects) {
  addBlockEffects(cast<DestinationStyleOpInterface>(getOperation()), effects);
}
void InterleaveWeightOp::getEffects(Effects &effects) {
  addBlockEffects(cast<DestinationStyleOpInterface>(getOperation()), effects);
}
void InterleavedMatmulOp::getEffects(Effects &effects) {
  addBlockEffects(cast<DestinationStyleOpInterface>(getOperation()), effects);
}

void DecodeOp::getEffects(Effects &effects) {
  effects.emplace_back(MemoryEffects::Read::get(), &getWeightMutable());
  for (MutableOperandRange range :
       {getScalesMutable(), getZeroPointsMutable(), getGlobalScaleMutable()})
    for (OpOperand &operand : range)
      effects.emplace_back(MemoryEffects::Read::get(), &operand);
}
