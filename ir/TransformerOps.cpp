//===- TransformerOps.cpp - Verifiers of what transformers need -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each check carries the label of the constraint in TransformerOps.td.
//
//===----------------------------------------------------------------------===//

#include "ir/BlockShapes.h"
#include "ir/Dialect.h"
#include "ir/QuantRule.h"
#include "ir/Scheme.h"

#include "mlir/IR/Builders.h"

#include <cmath>

using namespace mlir;
using namespace rlx;

//===----------------------------------------------------------------------===//
// Shared checks
//===----------------------------------------------------------------------===//

static RankedTensorType ranked(Value value) {
  return cast<RankedTensorType>(value.getType());
}

static bool isShortOrSingleFloat(Type element) {
  return element.isF32() || element.isF16() || element.isBF16();
}

/// `value` is a plain tensor of `shape`, of `element` or, where that is null,
/// of f32, f16 or bf16.
static LogicalResult verifyPlain(Operation *op, StringRef label, StringRef what,
                                 Value value, ArrayRef<int64_t> shape,
                                 Type element = {}) {
  RankedTensorType type = ranked(value);
  if (type.getEncoding())
    return op->emitOpError() << "(" << label << ") expected '" << what
                             << "' not to be quantized, but got " << type;
  if (!element && !isShortOrSingleFloat(type.getElementType()))
    return op->emitOpError() << "(" << label << ") expected '" << what
                             << "' to be of f32, f16 or bf16, but got " << type;
  return BlockShapes(op).verify(label, what, value, shape,
                                element ? element : type.getElementType());
}

/// `value` is plain, of f32, f16 or bf16, or quantized with nothing beside its
/// blocks.
static LogicalResult verifyCache(Operation *op, StringRef label, StringRef what,
                                 Value value) {
  RankedTensorType type = ranked(value);
  std::optional<QuantScheme> scheme = QuantScheme::of(type);
  if (!scheme)
    return verifyPlain(op, label, what, value, type.getShape());
  if (scheme->sideOperands().empty())
    return success();
  return op->emitOpError() << "(" << label << ") expected '" << what
                           << "' to be of a scheme that keeps all in its "
                              "blocks, but '"
                           << scheme->displayName() << "' has '"
                           << scheme->sideOperands().front().name
                           << "' beside them";
}

static LogicalResult verifyNumber(Operation *op, StringRef label,
                                  StringRef what, double number, bool fits,
                                  StringRef expected) {
  if (fits && std::isfinite(number))
    return success();
  return op->emitOpError() << "(" << label << ") expected '" << what
                           << "' to be " << expected << ", but got " << number;
}

/// C1, C2 and C3 of norms.
static LogicalResult verifyNorm(Operation *op, Value x, Value result,
                                ArrayRef<std::pair<StringRef, Value>> rows,
                                double epsilon) {
  RankedTensorType type = ranked(x);
  if (type.getRank() == 0)
    return op->emitOpError()
           << "(C1) expected 'x' to be [..., K], but got " << type;
  if (failed(verifyPlain(op, "C1", "x", x, type.getShape())) ||
      failed(verifyPlain(op, "C1", "result", result, type.getShape())))
    return failure();
  for (auto [name, row] : rows)
    if (row &&
        failed(verifyPlain(op, "C2", name, row, type.getShape().take_back())))
      return failure();
  return verifyNumber(op, "C3", "epsilon", epsilon, epsilon >= 0,
                      "a finite number of at least 0");
}

//===----------------------------------------------------------------------===//
// Norms
//===----------------------------------------------------------------------===//

LogicalResult RmsNormOp::verify() {
  return verifyNorm(*this, getX(), getResult(), {{"weight", getWeight()}},
                    getEpsilon().convertToDouble());
}

LogicalResult LayerNormOp::verify() {
  return verifyNorm(*this, getX(), getResult(),
                    {{"weight", getWeight()}, {"bias", getBias()}},
                    getEpsilon().convertToDouble());
}

//===----------------------------------------------------------------------===//
// Rotary position embeddings
//===----------------------------------------------------------------------===//

LogicalResult RopeTableOp::verify() {
  auto dims = int64_t(getDims());
  if (dims < 2 || dims % 2 != 0)
    return emitOpError() << "(C1) expected 'dims' to be an even number of at "
                            "least 2, but got "
                         << dims;
  Type f32 = Float32Type::get(getContext());
  if (failed(verifyPlain(*this, "C1", "result", getResult(),
                         {2, ShapedType::kDynamic, dims / 2}, f32)))
    return failure();
  if (ranked(getResult()).isDynamicDim(2))
    return emitOpError() << "(C1) expected the result to be tensor<2x?x"
                         << dims / 2 << "xf32>, but got "
                         << getResult().getType();
  if (getFactors() && failed(verifyPlain(*this, "C2", "factors", getFactors(),
                                         {dims / 2}, f32)))
    return failure();
  double base = getBase().convertToDouble();
  if (failed(verifyNumber(*this, "C3", "base", base, base > 1,
                          "a finite number above 1")))
    return failure();
  for (auto [name, value] : {std::pair<StringRef, APFloat>("scale", getScale()),
                             {"magnitude", getMagnitude()}})
    if (double number = value.convertToDouble(); failed(verifyNumber(
            *this, "C3", name, number, number > 0, "a finite number above 0")))
      return failure();
  if (!getYarnContext()) {
    for (auto [name, value] : {std::pair<StringRef, std::optional<APFloat>>(
                                   "yarn_fast", getYarnFast()),
                               {"yarn_slow", getYarnSlow()},
                               {"yarn_mix", getYarnMix()}})
      if (value)
        return emitOpError() << "(C4) expected no '" << name
                             << "' where there is no 'yarn_context'";
    return success();
  }
  if (int64_t(*getYarnContext()) < 1)
    return emitOpError()
           << "(C4) expected 'yarn_context' to be at least 1, but "
              "got "
           << int64_t(*getYarnContext());
  for (auto [name, value] : {std::pair<StringRef, std::optional<APFloat>>(
                                 "yarn_fast", getYarnFast()),
                             {"yarn_slow", getYarnSlow()}}) {
    double number = value ? value->convertToDouble() : 1;
    if (failed(verifyNumber(*this, "C4", name, number, number > 0,
                            "a finite number above 0")))
      return failure();
  }
  double mix = getYarnMix() ? getYarnMix()->convertToDouble() : 1;
  return verifyNumber(*this, "C4", "yarn_mix", mix, mix >= 0 && mix <= 1,
                      "a number from 0 to 1");
}

double RopeTableOp::scaleOfPair(int64_t i) {
  double scale = getScale().convertToDouble();
  if (!getYarnContext())
    return scale;
  auto given = [](std::optional<APFloat> value, double otherwise) {
    return value ? value->convertToDouble() : otherwise;
  };
  // As the paper and its authors' code have them.
  constexpr double usualFast = 32, usualSlow = 1, leastWidth = 0.001;
  double dims = double(getDims()), base = getBase().convertToDouble();
  auto dimensionOf = [&](double turns) {
    double length = double(*getYarnContext()) / (2 * M_PI * turns);
    return dims * std::log(length) / (2 * std::log(base));
  };
  double low = std::max(
             std::floor(dimensionOf(given(getYarnFast(), usualFast))), 0.0),
         high = std::min(
             std::ceil(dimensionOf(given(getYarnSlow(), usualSlow))), dims - 1);
  double ramp = (double(i) - low) / std::max(high - low, leastWidth);
  double mix =
      (1 - std::min(std::max(ramp, 0.0), 1.0)) * given(getYarnMix(), 1);
  return scale * (1 - mix) + mix;
}

LogicalResult RopeOp::verify() {
  RankedTensorType x = ranked(getX()), table = ranked(getTable());
  if (x.getRank() != 3 || x.isDynamicDim(2))
    return emitOpError()
           << "(C1) expected 'x' to be [T, H, D] with a static D, "
              "but got "
           << x;
  if (failed(verifyPlain(*this, "C1", "x", getX(), x.getShape())))
    return failure();
  if (failed(verifyPlain(
          *this, "C2", "table", getTable(),
          {2, x.getDimSize(0),
           table.getRank() == 3 ? table.getDimSize(2) : ShapedType::kDynamic},
          Float32Type::get(getContext()))))
    return failure();
  if (table.isDynamicDim(2))
    return emitOpError() << "(C2) expected 'table' to have a static last size, "
                            "but got "
                         << table;
  int64_t dims = 2 * table.getDimSize(2), d = x.getDimSize(2);
  if (dims < 2 || dims > d)
    return emitOpError() << "(C2) expected 'table' to be of 2 to " << d
                         << " dims, twice its last size, but got " << table;
  return success();
}

//===----------------------------------------------------------------------===//
// Caches
//===----------------------------------------------------------------------===//

LogicalResult AppendOp::verify() {
  RankedTensorType rows = ranked(getRows()), cache = ranked(getCache());
  if (cache.getRank() == 0)
    return emitOpError() << "(C1) expected 'cache' to have a first dimension, "
                            "but got "
                         << cache;
  SmallVector<int64_t> shape(cache.getShape());
  shape[0] = rows.getRank() > 0 ? rows.getDimSize(0) : ShapedType::kDynamic;
  if (failed(verifyPlain(*this, "C1", "rows", getRows(), shape)) ||
      failed(verifyCache(*this, "C2", "cache", getCache())))
    return failure();
  std::optional<QuantScheme> scheme = QuantScheme::of(cache);
  if (!scheme) {
    if (getRule())
      return emitOpError("(C3) expected no rule, as the cache is plain");
    return success();
  }
  if (!rows.getElementType().isF32())
    return emitOpError()
           << "(C2) expected 'rows' to be of f32, as the cache is "
              "quantized, but got "
           << rows;
  return verifyRule(*this, "C3", *scheme, getRuleAttr());
}

/// C4 of attention, C3 of it on stored bytes.
static LogicalResult verifyScores(Operation *op, StringRef label,
                                  std::optional<APFloat> scale,
                                  std::optional<APFloat> softcap,
                                  std::optional<uint64_t> window,
                                  bool isCausal) {
  if (scale && failed(verifyNumber(op, label, "scale", scale->convertToDouble(),
                                   true, "a finite number")))
    return failure();
  if (softcap)
    if (double number = softcap->convertToDouble(); failed(verifyNumber(
            op, label, "softcap", number, number > 0, "a number above 0")))
      return failure();
  if (!window)
    return success();
  if (int64_t(*window) < 1)
    return op->emitOpError()
           << "(" << label << ") expected 'window' to be at least 1, but got "
           << int64_t(*window);
  if (!isCausal)
    return op->emitOpError()
           << "(" << label << ") expected 'causal' beside 'window'";
  return success();
}

LogicalResult AttentionOp::verify() {
  RankedTensorType q = ranked(getQ()), k = ranked(getK()), v = ranked(getV());
  Type f32 = Float32Type::get(getContext());
  for (auto [name, type, sizes] :
       {std::tuple<StringRef, RankedTensorType, StringRef>("q", q, "[T, H, D]"),
        {"k", k, "[C, KV, D]"},
        {"v", v, "[C, KV, E]"}})
    if (type.getRank() != 3 || type.isDynamicDim(1) || type.isDynamicDim(2))
      return emitOpError() << "(C1) expected '" << name << "' to be " << sizes
                           << ", all but the first size static, but got "
                           << type;
  if (failed(verifyPlain(*this, "C1", "q", getQ(), q.getShape(), f32)))
    return failure();
  int64_t heads = q.getDimSize(1), groups = k.getDimSize(1);
  if (groups < 1 || heads < 1 || heads % groups != 0)
    return emitOpError() << "(C1) expected the heads of 'q', " << heads
                         << ", to be a multiple of those of 'k', " << groups;
  auto expected = [&](StringRef name, RankedTensorType type,
                      ArrayRef<int64_t> shape) -> LogicalResult {
    if (llvm::all_of_zip(type.getShape(), shape, mayBeEqualSizes))
      return success();
    return emitOpError() << "(C1) expected '" << name << "' to be of the sizes "
                         << RankedTensorType::get(shape, type.getElementType())
                         << ", but got " << type;
  };
  if (failed(expected("k", k, {v.getDimSize(0), groups, q.getDimSize(2)})) ||
      failed(expected("v", v, {k.getDimSize(0), groups, v.getDimSize(2)})) ||
      failed(verifyPlain(*this, "C1", "result", getResult(),
                         {q.getDimSize(0), heads, v.getDimSize(2)}, f32)) ||
      failed(verifyCache(*this, "C2", "k", getK())) ||
      failed(verifyCache(*this, "C2", "v", getV())))
    return failure();
  if (getSinks() &&
      failed(verifyPlain(*this, "C3", "sinks", getSinks(), {heads}, f32)))
    return failure();
  return verifyScores(*this, "C4", getScale(), getSoftcap(), getWindow(),
                      getCausal());
}

double AttentionOp::scaleOrDefault() {
  if (std::optional<APFloat> scale = getScale())
    return scale->convertToDouble();
  return 1 / std::sqrt(double(ranked(getQ()).getDimSize(2)));
}

LogicalResult BlockAttentionOp::verify() {
  BlockShapes shapes(*this);
  Type f32 = Float32Type::get(getContext());
  SmallVector<std::pair<StringRef, Value>> operands = {
      {"q", getQ()}, {"k", getK()}, {"v", getV()}, {"init", getInit()}};
  if (getSinks())
    operands.push_back({"sinks", getSinks()});
  bool areBuffers = isa<MemRefType>(getQ().getType());
  for (auto [name, value] : operands) {
    auto tensor = dyn_cast<RankedTensorType>(value.getType());
    auto buffer = dyn_cast<MemRefType>(value.getType());
    if (areBuffers != bool(buffer) || (tensor && tensor.getEncoding()) ||
        (buffer && !buffer.isStrided()))
      return emitOpError()
             << "(C1) expected all operands to be tensors without "
                "encodings, or all to be memrefs with strides, "
                "but got '"
             << name << "', " << value.getType();
  }
  auto typeOf = [](Value value) { return cast<ShapedType>(value.getType()); };
  ShapedType q = typeOf(getQ()), init = typeOf(getInit());
  for (auto [name, type] :
       {std::pair<StringRef, ShapedType>("q", q), {"init", init}})
    if (type.getRank() != 3 || type.isDynamicDim(1) || type.isDynamicDim(2) ||
        !type.getElementType().isF32())
      return emitOpError() << "(C1) expected '" << name
                           << "' to be of rank 3 and of f32, all but the first "
                              "size static, but got "
                           << type;
  int64_t heads = q.getDimSize(1);
  if (failed(shapes.verify("C1", "init", getInit(),
                           {q.getDimSize(0), heads, init.getDimSize(2)},
                           f32)) ||
      (getSinks() &&
       failed(shapes.verify("C1", "sinks", getSinks(), {heads}, f32))))
    return failure();
  for (auto [name, value, attribute, columns] :
       {std::tuple<StringRef, Value, QuantAttr, int64_t>(
            "k", getK(), getKScheme(), q.getDimSize(2)),
        {"v", getV(), getVScheme(), init.getDimSize(2)}}) {
    QuantScheme scheme(attribute.getScheme());
    if (!scheme.sideOperands().empty())
      return emitOpError() << "(C2) expected '" << name
                           << "' to be of a scheme that keeps all in its "
                              "blocks, but got '"
                           << scheme.displayName() << "'";
    FailureOr<SmallVector<int64_t>> shape =
        shapes.rowsShape(value, scheme, /*isStacked=*/true);
    if (failed(shape))
      return failure();
    if ((*shape)[2] != columns)
      return emitOpError() << "(C2) expected '" << name << "' to have rows of "
                           << columns << " numbers, but got " << (*shape)[2];
    int64_t groups = (*shape)[1];
    if (ShapedType::isDynamic(groups) || groups < 1 || heads % groups != 0 ||
        groups != typeOf(getK()).getDimSize(1))
      return emitOpError() << "(C2) expected '" << name
                           << "' to have a number of heads that divides those "
                              "of 'q', "
                           << heads << ", but got " << value.getType();
  }
  return verifyScores(*this, "C3", getScale(), getSoftcap(), getWindow(),
                      getCausal());
}

//===----------------------------------------------------------------------===//
// Choices
//===----------------------------------------------------------------------===//

LogicalResult TopkOp::verify() {
  RankedTensorType x = ranked(getX()), values = ranked(getValues());
  Type f32 = Float32Type::get(getContext());
  if (x.getRank() == 0)
    return emitOpError() << "(C1) expected 'x' to be [..., N], but got " << x;
  SmallVector<int64_t> shape(x.getShape());
  shape.back() =
      values.getRank() > 0 ? values.getShape().back() : ShapedType::kDynamic;
  if (failed(verifyPlain(*this, "C1", "x", getX(), x.getShape(), f32)) ||
      failed(verifyPlain(*this, "C1", "values", getValues(), shape, f32)) ||
      failed(verifyPlain(*this, "C1", "ids", getIds(), shape,
                         IntegerType::get(getContext(), 32))))
    return failure();
  int64_t k = shape.back(), n = x.getShape().back(),
          other = ranked(getIds()).getShape().back();
  if (ShapedType::isDynamic(k) || k != other || k < 1 ||
      (!ShapedType::isDynamic(n) && k > n))
    return emitOpError() << "(C2) expected the last size of both results to be "
                            "static and from 1 to that of x, but got "
                         << values << " and " << getIds().getType() << " of x, "
                         << x;
  return success();
}
