//===- DoublePrecision.cpp - A program without rounding to f32 ------------===//
//
// First the operations of rlx become loops of linalg on plain f32 weights, then
// every f32 of the program becomes f64 at once.
//
//===----------------------------------------------------------------------===//

#include "codegen/DoublePrecision.h"

#include "codegen/Diagnostics.h"
#include "passes/QuantizedOperand.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/AttrTypeSubElements.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Verifier.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace rlx;

namespace {

/// Replaces the operations of rlx by loops on plain weights.
class WeightExpansion {
public:
  explicit WeightExpansion(func::FuncOp function);

  LogicalResult run();
  std::vector<DoubleArgument> arguments() const;
  const std::vector<Type> &activations() const { return activationTypes; }
  bool requantizes() const { return hasRequantized; }

private:
  LogicalResult expand(Operation *op);
  LogicalResult checkRemains();
  Value expandMatmul(MatmulOp op, Value weight);
  Value expandGather(GatherMatmulOp op, Value weight);
  Value expandEmbedding(EmbeddingOp op, Value table);
  FailureOr<Value> plainWeight(Operation *op);
  FailureOr<TensorSource> sourceOf(Operation *user, Value value,
                                   StringRef role);
  void noteActivations(std::optional<Type> type);

  func::FuncOp function;
  std::vector<TensorSource> sources; ///< of the function's own arguments
  llvm::DenseMap<std::tuple<Value, Value, Value, Value>, Value> decodedWeights;
  std::vector<DoubleArgument> decoded;
  std::vector<Type> activationTypes;
  bool hasRequantized = false;
};

WeightExpansion::WeightExpansion(func::FuncOp function) : function(function) {
  int64_t inputs = 0;
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    auto weight = function.getArgAttrOfType<StringAttr>(i, "rlx.weight");
    sources.push_back(weight ? TensorSource{-1, weight.str()}
                             : TensorSource{inputs++, ""});
  }
}

/// The input or weight that `value` is.
FailureOr<TensorSource> WeightExpansion::sourceOf(Operation *user, Value value,
                                                  StringRef role) {
  auto argument = dyn_cast<BlockArgument>(value);
  if (argument && argument.getOwner() == &function.front() &&
      argument.getArgNumber() < sources.size())
    return sources[argument.getArgNumber()];
  InFlightDiagnostic diagnostic =
      user->emitOpError()
      << "cannot be verified: expected its " << role
      << " to be a weight or an argument, but got a value that ";
  if (Operation *definition = value.getDefiningOp())
    diagnostic << "'" << definition->getName() << "' computes";
  else
    diagnostic << "a loop carries";
  return diagnostic;
}

/// The weight of `op` as a tensor of numbers: itself, or a new argument.
FailureOr<Value> WeightExpansion::plainWeight(Operation *op) {
  Value weight = quantizedOperand(op)->get();
  auto type = cast<RankedTensorType>(weight.getType());
  std::optional<QuantScheme> scheme = QuantScheme::of(type);
  if (!scheme)
    return weight;
  SideValues sides = sidesOf(op);
  Value &known = decodedWeights[{weight, sides.scales, sides.zeroPoints,
                                 sides.globalScale}];
  if (known)
    return known;
  FailureOr<TensorSource> source = sourceOf(op, weight, "weight");
  if (failed(source))
    return failure();
  DoubleArgument argument{*source, scheme, type.getShape().vec(), {}, {}, {}};
  for (auto [value, role, place] :
       {std::tuple(sides.scales, "scales", &argument.scales),
        std::tuple(sides.zeroPoints, "zero_points", &argument.zeroPoints),
        std::tuple(sides.globalScale, "global_scale", &argument.globalScale)}) {
    if (!value)
      continue;
    FailureOr<TensorSource> side = sourceOf(op, value, role);
    if (failed(side))
      return failure();
    *place = *side;
  }
  decoded.push_back(std::move(argument));
  auto plain = RankedTensorType::get(type.getShape(),
                                     Float32Type::get(op->getContext()));
  unsigned index = function.getNumArguments();
  if (failed(function.insertArgument(index, plain, {}, op->getLoc())))
    return failure();
  return known = function.getArgument(index);
}

void WeightExpansion::noteActivations(std::optional<Type> type) {
  activationTypes.push_back(
      type.value_or(Float32Type::get(function.getContext())));
}

/// `value` as f32.
Value toF32(OpBuilder &b, Location loc, Value value) {
  return value.getType().isF32()
             ? value
             : arith::ExtFOp::create(b, loc, b.getF32Type(), value);
}

/// sum + a * b
void yieldProduct(OpBuilder &b, Location loc, Value x, Value weight,
                  Value sum) {
  Value product = arith::MulFOp::create(b, loc, x, toF32(b, loc, weight));
  linalg::YieldOp::create(b, loc,
                          Value(arith::AddFOp::create(b, loc, sum, product)));
}

AffineMap mapTo(OpBuilder &b, unsigned dims, ArrayRef<unsigned> results) {
  return AffineMap::getMultiDimMapWithTargets(dims, results, b.getContext());
}

SmallVector<utils::IteratorType> iterators(unsigned parallel,
                                           unsigned reductions) {
  SmallVector<utils::IteratorType> types(parallel,
                                         utils::IteratorType::parallel);
  types.append(reductions, utils::IteratorType::reduction);
  return types;
}

using Body = llvm::function_ref<void(OpBuilder &, Location, ValueRange)>;

Value generic(ImplicitLocOpBuilder &b, ValueRange inputs, Value init,
              ArrayRef<AffineMap> maps, ArrayRef<utils::IteratorType> types,
              Body body) {
  return linalg::GenericOp::create(b, init.getType(), inputs, init, maps, types,
                                   body)
      .getResult(0);
}

Value zeros(ImplicitLocOpBuilder &b, Value empty) {
  Value zero = arith::ConstantOp::create(b, b.getF32FloatAttr(0));
  return linalg::FillOp::create(b, zero, empty).getResult(0);
}

Value createEmpty(ImplicitLocOpBuilder &b, Type type,
                  ArrayRef<OpFoldResult> sizes) {
  return tensor::EmptyOp::create(b, sizes,
                                 cast<RankedTensorType>(type).getElementType());
}

/// The number of the row that an id names, inside a loop.
Value toIndex(OpBuilder &b, Location loc, Value id) {
  return arith::IndexCastOp::create(b, loc, b.getIndexType(), id);
}

/// y[m, n] = bias[n] + sum_k x[m, k] * w[n, k]
Value WeightExpansion::expandMatmul(MatmulOp op, Value weight) {
  ImplicitLocOpBuilder b(op.getLoc(), op);
  noteActivations(op.getActivations());
  hasRequantized |= op.getRequantized();
  Value y = createEmpty(b, op.getType(),
                        {tensor::getMixedSize(b, b.getLoc(), op.getX(), 0),
                         tensor::getMixedSize(b, b.getLoc(), weight, 0)});
  if (Value bias = op.getBias())
    y = generic(b, bias, y, {mapTo(b, 2, {1}), mapTo(b, 2, {0, 1})},
                iterators(2, 0),
                [](OpBuilder &b, Location loc, ValueRange values) {
                  linalg::YieldOp::create(b, loc, values[0]);
                });
  else
    y = zeros(b, y);
  return generic(
      b, {op.getX(), weight}, y,
      {mapTo(b, 3, {0, 2}), mapTo(b, 3, {1, 2}), mapTo(b, 3, {0, 1})},
      iterators(2, 1), [](OpBuilder &b, Location loc, ValueRange values) {
        yieldProduct(b, loc, values[0], values[1], values[2]);
      });
}

/// y[t, s, n] = bias[ids[t, s], n] + sum_k x[t, s or all, k] * w[ids[t, s], n,
/// k]
Value WeightExpansion::expandGather(GatherMatmulOp op, Value weight) {
  ImplicitLocOpBuilder b(op.getLoc(), op);
  noteActivations(op.getActivations());
  hasRequantized |= op.getRequantized();
  SmallVector<OpFoldResult> sizes =
      tensor::getMixedSizes(b, b.getLoc(), op.getIds());
  sizes.push_back(tensor::getMixedSize(b, b.getLoc(), weight, 1));
  Value y = createEmpty(b, op.getType(), sizes);
  if (Value bias = op.getBias())
    y = generic(b, op.getIds(), y,
                {mapTo(b, 3, {0, 1}), mapTo(b, 3, {0, 1, 2})}, iterators(3, 0),
                [&](OpBuilder &b, Location loc, ValueRange values) {
                  Value n = linalg::IndexOp::create(b, loc, 2);
                  Value number = tensor::ExtractOp::create(
                      b, loc, bias, ValueRange{toIndex(b, loc, values[0]), n});
                  linalg::YieldOp::create(b, loc, number);
                });
  else
    y = zeros(b, y);
  bool isShared = cast<RankedTensorType>(op.getX().getType()).getRank() == 2;
  AffineMap x = isShared ? mapTo(b, 4, {0, 3}) : mapTo(b, 4, {0, 1, 3});
  return generic(
      b, {op.getX(), op.getIds()}, y,
      {x, mapTo(b, 4, {0, 1}), mapTo(b, 4, {0, 1, 2})}, iterators(3, 1),
      [&](OpBuilder &b, Location loc, ValueRange values) {
        Value n = linalg::IndexOp::create(b, loc, 2);
        Value k = linalg::IndexOp::create(b, loc, 3);
        Value number = tensor::ExtractOp::create(
            b, loc, weight, ValueRange{toIndex(b, loc, values[1]), n, k});
        yieldProduct(b, loc, values[0], number, values[2]);
      });
}

/// y[..., k] = table[ids[...], k]
Value WeightExpansion::expandEmbedding(EmbeddingOp op, Value table) {
  ImplicitLocOpBuilder b(op.getLoc(), op);
  SmallVector<OpFoldResult> sizes =
      tensor::getMixedSizes(b, b.getLoc(), op.getIds());
  unsigned rank = sizes.size();
  sizes.push_back(tensor::getMixedSize(b, b.getLoc(), table, 1));
  Value y = createEmpty(b, op.getType(), sizes);
  AffineMap all = b.getMultiDimIdentityMap(rank + 1);
  return generic(
      b, op.getIds(), y, {all.dropResult(rank), all}, iterators(rank + 1, 0),
      [&](OpBuilder &b, Location loc, ValueRange values) {
        Value k = linalg::IndexOp::create(b, loc, rank);
        Value number = tensor::ExtractOp::create(
            b, loc, table, ValueRange{toIndex(b, loc, values[0]), k});
        linalg::YieldOp::create(b, loc, toF32(b, loc, number));
      });
}

LogicalResult WeightExpansion::expand(Operation *op) {
  if (isa<QuantizeOp>(op))
    return op->emitOpError()
           << "cannot be verified: rounding to codes in double precision may "
              "choose other codes than the program does";
  if (!quantizedOperand(op))
    return op->emitOpError()
           << "cannot be verified: expected the program as it was before "
              "lowering";
  FailureOr<Value> weight = plainWeight(op);
  if (failed(weight))
    return failure();
  Value result =
      llvm::TypeSwitch<Operation *, Value>(op)
          .Case([&](MatmulOp matmul) { return expandMatmul(matmul, *weight); })
          .Case([&](GatherMatmulOp gather) {
            return expandGather(gather, *weight);
          })
          .Case(
              [&](EmbeddingOp rows) { return expandEmbedding(rows, *weight); })
          .Default([&](Operation *) { return *weight; });
  if (result.getType() != op->getResult(0).getType()) {
    OpBuilder b(op);
    result = tensor::CastOp::create(b, op->getLoc(), op->getResult(0).getType(),
                                    result);
  }
  op->getResult(0).replaceAllUsesWith(result);
  op->erase();
  return success();
}

/// No operation may handle quantized tensors now, and none the bits of an f32.
LogicalResult WeightExpansion::checkRemains() {
  WalkResult result = function.walk([](Operation *op) {
    auto refuse = [&](const Twine &why) {
      op->emitOpError() << "cannot be verified: " << why;
      return WalkResult::interrupt();
    };
    if (isa<func::CallOp>(op))
      return refuse("expected calls that can be inlined");
    auto isF32 = [](Type type) { return getElementTypeOrSelf(type).isF32(); };
    for (Type type : op->getOperandTypes())
      if (QuantScheme::of(type))
        return refuse("it takes a quantized tensor");
    if (op->getName().getStringRef().ends_with(".bitcast") &&
        (llvm::any_of(op->getOperandTypes(), isF32) ||
         llvm::any_of(op->getResultTypes(), isF32)))
      return refuse("it uses the bits of an f32, which have no counterpart in "
                    "double precision");
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

LogicalResult WeightExpansion::run() {
  SmallVector<Operation *> operations;
  function.walk([&](Operation *op) {
    if (isa<RlxDialect>(op->getDialect()))
      operations.push_back(op);
  });
  for (Operation *op : operations)
    if (failed(expand(op)))
      return failure();
  if (failed(checkRemains()))
    return failure();
  llvm::BitVector quantized(function.getNumArguments());
  for (BlockArgument argument : function.getArguments())
    if (QuantScheme::of(argument.getType()))
      quantized.set(argument.getArgNumber());
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    function.removeArgAttr(i, "rlx.weight");
  for (int i : llvm::reverse(llvm::to_vector(quantized.set_bits())))
    sources.erase(sources.begin() + i);
  return function.eraseArguments(quantized);
}

std::vector<DoubleArgument> WeightExpansion::arguments() const {
  std::vector<DoubleArgument> all;
  for (const TensorSource &source : sources)
    all.push_back({source, std::nullopt, {}, {}, {}, {}});
  all.insert(all.end(), decoded.begin(), decoded.end());
  return all;
}

//===----------------------------------------------------------------------===//
// From f32 to f64
//===----------------------------------------------------------------------===//

/// Numbers keep the values that f32 gave them.
void widen(ModuleOp module) {
  Type f64 = Float64Type::get(module.getContext());
  auto toDouble = [](llvm::APFloat value) {
    bool losesInfo;
    value.convert(llvm::APFloat::IEEEdouble(),
                  llvm::APFloat::rmNearestTiesToEven, &losesInfo);
    return value;
  };
  AttrTypeReplacer replacer;
  replacer.addReplacement([&](Float32Type) { return f64; });
  replacer.addReplacement([&](FloatAttr attribute) -> Attribute {
    if (!attribute.getType().isF32())
      return attribute;
    return FloatAttr::get(f64, toDouble(attribute.getValue()));
  });
  replacer.addReplacement(
      [&](DenseFPElementsAttr attribute) -> std::pair<Attribute, WalkResult> {
        if (!attribute.getElementType().isF32())
          return {attribute, WalkResult::skip()};
        return {attribute.mapValues(f64,
                                    [&](const APFloat &value) {
                                      return toDouble(value).bitcastToAPInt();
                                    }),
                WalkResult::skip()};
      });
  replacer.addReplacement([&](DenseResourceElementsAttr attribute)
                              -> std::pair<Attribute, WalkResult> {
    auto numbers = dyn_cast<DenseF32ResourceElementsAttr>(attribute);
    std::optional<ArrayRef<float>> values;
    if (numbers)
      values = numbers.tryGetAsArrayRef();
    if (!values)
      return {attribute, WalkResult::skip()};
    SmallVector<double> doubles(values->begin(), values->end());
    return {DenseElementsAttr::get(attribute.getType().clone(f64),
                                   ArrayRef(doubles)),
            WalkResult::skip()};
  });
  // Raw numbers of attributes that only their operations understand.
  replacer.addReplacement(
      [](DenseArrayAttr attribute) -> std::pair<Attribute, WalkResult> {
        return {attribute, WalkResult::skip()};
      });
  replacer.recursivelyReplaceElementsIn(module, /*replaceAttrs=*/true,
                                        /*replaceLocs=*/false,
                                        /*replaceTypes=*/true);
  // Conversions between f32 and f64 have nothing left to do.
  module.walk([](Operation *op) {
    if (!isa<arith::ExtFOp, arith::TruncFOp>(op) ||
        op->getOperand(0).getType() != op->getResult(0).getType())
      return;
    op->getResult(0).replaceAllUsesWith(op->getOperand(0));
    op->erase();
  });
}
} // namespace

llvm::Expected<DoubleProgram> rlx::toDoublePrecision(ModuleOp imported,
                                                     llvm::StringRef name) {
  DiagnosticCollector diagnostics(imported.getContext(), nullptr);
  OwningOpRef<ModuleOp> module = imported.clone();
  auto function = module->lookupSymbol<func::FuncOp>(name);
  if (!function || function.isExternal())
    return llvm::createStringError("the program has no function '" + name +
                                   "'");
  for (auto other : llvm::make_early_inc_range(module->getOps<func::FuncOp>()))
    if (other != function)
      other.erase();
  WeightExpansion expansion(function);
  if (failed(expansion.run()))
    return diagnostics.takeError("'" + name.str() + "' cannot be verified");
  widen(*module);
  if (failed(mlir::verify(*module)))
    return llvm::joinErrors(
        llvm::createStringError("'" + name +
                                "' cannot be verified: it has no form in f64"),
        diagnostics.takeError("no message"));
  return DoubleProgram{std::move(module), expansion.arguments(),
                       expansion.activations(), expansion.requantizes()};
}
