//===- SmoothActivations.cpp - Factors of input channels in a program -----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// x w^T = (x / s) (w s)^T. The right half is in the weight file; here is the
// left one. Which factors are best, is decided where weights are quantized.
//
//===----------------------------------------------------------------------===//

#include "ir/QuantConfig.h"
#include "passes/ConfigNames.h"
#include "passes/quantize/ObservedValues.h"
#include "passes/quantize/QuantizePasses.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "llvm/Support/ScopedPrinter.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringMap.h"

namespace rlx {
#define GEN_PASS_DEF_SMOOTHACTIVATIONSPASS
#include "passes/quantize/QuantizePasses.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

/// The name that rlx-quantize gives to factors of a weight.
static std::string factorsName(StringRef weight) {
  return (weight + ".input_factors").str();
}

static RankedTensorType tensorType(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// op(a[i...], v[i_dimension]) of each element.
template <typename OpT>
static Value createByChannel(OpBuilder &builder, Location loc, Value a,
                             Value vector, int64_t dimension) {
  RankedTensorType type = tensorType(a);
  int64_t rank = type.getRank();
  Value empty = tensor::EmptyOp::create(builder, loc,
                                        tensor::getMixedSizes(builder, loc, a),
                                        type.getElementType());
  if (empty.getType() != type)
    empty = tensor::CastOp::create(builder, loc, type, empty);
  AffineMap all = builder.getMultiDimIdentityMap(rank);
  SmallVector<AffineMap> maps = {
      all, AffineMap::get(rank, 0, builder.getAffineDimExpr(dimension)), all};
  SmallVector<utils::IteratorType> iterators(rank,
                                             utils::IteratorType::parallel);
  auto loop = linalg::GenericOp::create(
      builder, loc, TypeRange(type), ValueRange{a, vector}, ValueRange{empty},
      maps, iterators, [&](OpBuilder &b, Location, ValueRange arguments) {
        linalg::YieldOp::create(
            b, loc, Value(OpT::create(b, loc, arguments[0], arguments[1])));
      });
  return loop.getResult(0);
}

//===----------------------------------------------------------------------===//
// Norms
//===----------------------------------------------------------------------===//

namespace {
/// The vectors `[K]` that a value is a product with: dividing all of them
/// divides the value. Finds first, changes later.
class Gains {
public:
  /// `dimension` of `value` is K.
  Gains(Value value, int64_t dimension) : dimension(dimension) {
    found = findIn(value, /*isTop=*/true);
  }

  bool areFound() const { return found; }

  void divideBy(Value factors);

private:
  bool findIn(Value value, bool isTop);
  bool findInLoop(linalg::GenericOp loop);
  bool findInBody(linalg::GenericOp loop, Value value,
                  SmallVector<OpOperand *> &operands) const;
  int64_t dimension;
  bool found = false;
  SmallVector<OpOperand *> vectors; ///< To be divided.
};
} // namespace

/// Whether `value`, an argument of the loop's body, is an element of a `[K]`.
static OpOperand *vectorOperand(linalg::GenericOp loop, Value value,
                                int64_t dimension) {
  auto argument = dyn_cast<BlockArgument>(value);
  if (!argument || argument.getOwner() != loop.getBlock() ||
      argument.getArgNumber() >= unsigned(loop.getNumDpsInputs()) ||
      !argument.hasOneUse())
    return nullptr;
  OpOperand *operand = loop.getDpsInputOperand(argument.getArgNumber());
  AffineMap map = loop.getMatchingIndexingMap(operand);
  auto result = loop.getMatchingIndexingMap(loop.getDpsInitOperand(0));
  bool isVector = map.getNumResults() == 1 &&
                  map.getResult(0) == result.getResult(dimension);
  return isVector ? operand : nullptr;
}

/// A product of which one factor can be divided, or a sum of which both can.
bool Gains::findInBody(linalg::GenericOp loop, Value value,
                       SmallVector<OpOperand *> &operands) const {
  if (OpOperand *vector = vectorOperand(loop, value, dimension)) {
    operands.push_back(vector);
    return true;
  }
  Operation *op = value.getDefiningOp();
  if (!op || op->getBlock() != loop.getBlock() || !value.hasOneUse())
    return false;
  auto find = [&](unsigned i, SmallVector<OpOperand *> &into) {
    return findInBody(loop, op->getOperand(i), into);
  };
  if (isa<arith::MulFOp>(op)) {
    for (unsigned i : {1, 0}) {
      SmallVector<OpOperand *> part;
      if (find(i, part)) {
        llvm::append_range(operands, part);
        return true;
      }
    }
    return false;
  }
  if (isa<arith::DivFOp>(op))
    return find(0, operands);
  if (isa<arith::AddFOp, arith::SubFOp>(op))
    return find(0, operands) && find(1, operands);
  return false;
}

bool Gains::findInLoop(linalg::GenericOp loop) {
  if (!loop.hasPureTensorSemantics() || loop->getNumResults() != 1 ||
      loop.getNumParallelLoops() != loop.getNumLoops() ||
      !loop.getMatchingIndexingMap(loop.getDpsInitOperand(0))
           .isProjectedPermutation())
    return false;
  SmallVector<OpOperand *> operands;
  if (!findInBody(loop, loop.getBlock()->getTerminator()->getOperand(0),
                  operands))
    return false;
  llvm::append_range(vectors, operands);
  return true;
}

/// The same on whole tensors.
bool Gains::findIn(Value value, bool isTop) {
  Operation *op = value.getDefiningOp();
  if (!op || (!isTop && !value.hasOneUse()))
    return false;
  if (auto broadcast = dyn_cast<linalg::BroadcastOp>(op)) {
    if (tensorType(broadcast.getInput()).getRank() != 1 ||
        llvm::is_contained(broadcast.getDimensions(), dimension))
      return false;
    vectors.push_back(&broadcast.getInputMutable());
    return true;
  }
  if (auto loop = dyn_cast<linalg::GenericOp>(op))
    return findInLoop(loop);
  size_t before = vectors.size();
  auto find = [&](unsigned i) {
    if (findIn(op->getOperand(i), /*isTop=*/false))
      return true;
    vectors.truncate(before);
    return false;
  };
  if (isa<arith::MulFOp>(op))
    return find(1) || find(0);
  if (isa<arith::DivFOp>(op))
    return find(0);
  if (isa<arith::AddFOp, arith::SubFOp>(op))
    return find(0) && find(1);
  return false;
}

void Gains::divideBy(Value factors) {
  for (OpOperand *vector : vectors) {
    OpBuilder builder(vector->getOwner());
    vector->set(arith::DivFOp::create(builder, vector->getOwner()->getLoc(),
                                      vector->get(), factors));
  }
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

namespace {
struct SmoothActivationsPass
    : rlx::impl::SmoothActivationsPassBase<SmoothActivationsPass> {
  using SmoothActivationsPassBase::SmoothActivationsPassBase;

  void runOnOperation() override {
    if (config.empty()) {
      emitError(getOperation().getLoc(),
                "expected the option 'config' to name a file");
      return signalPassFailure();
    }
    llvm::Expected<QuantConfig> given =
        QuantConfig::read(&getContext(), config);
    if (!given) {
      emitError(getOperation().getLoc())
          << "cannot use the configuration '" << config
          << "': " << llvm::toString(given.takeError());
      return signalPassFailure();
    }
    warnOfUnmatched(getOperation(), *given, config);
    for (auto function : getOperation().getOps<func::FuncOp>())
      smooth(function, *given);
  }

private:
  static bool hasFactors(const QuantConfig &given, StringRef weight) {
    QuantAlgorithm algorithm = given.methodFor(weight).algorithm();
    return algorithm == QuantAlgorithm::awq ||
           algorithm == QuantAlgorithm::smoothQuant;
  }

  void smooth(func::FuncOp function, const QuantConfig &given) {
    SmallVector<WeightUse> uses = findWeightUses(function);
    // With `shared`, the first weight of each value names the factors of all.
    llvm::StringMap<std::string> leader;
    if (shared)
      for (const ObservedValue &value : findObservedValues(getOperation()))
        for (const std::string &weight : value.weights)
          leader[weight] = value.weights.front();
    // By activations and factors, in the order of the program.
    llvm::MapVector<std::pair<Value, StringAttr>, SmallVector<WeightUse>>
        groups;
    for (const WeightUse &use : uses) {
      if (!hasFactors(given, use.name))
        continue;
      std::string name = shared ? leader[use.name] : use.name.str();
      groups[{use.activations->get(),
              StringAttr::get(&getContext(), factorsName(name))}]
          .push_back(use);
    }
    for (auto &[key, members] : groups)
      smooth(key.first, key.second, members);
  }

  void smooth(Value x, StringAttr name, ArrayRef<WeightUse> uses) {
    Operation *first = uses.front().activations->getOwner();
    Location loc = first->getLoc();
    auto leave = [&](const Twine &reason) {
      first->emitRemark() << "activations are not divided by '"
                          << name.getValue() << "': " << reason;
    };
    auto type = tensorType(x);
    if (!type.getElementType().isF32())
      return leave("expected f32, but they are of " +
                   llvm::to_string(type.getElementType()));
    if (multiplyWeights)
      for (const WeightUse &use : uses)
        if (!tensorType(use.weight->get()).getElementType().isF32() ||
            tensorType(use.weight->get()).getEncoding())
          return leave("weight '" + use.name +
                       "' is not plain, and cannot be "
                       "multiplied here");
    int64_t channels = uses.front().channels;
    if (llvm::any_of(uses, [&](const WeightUse &use) {
          return use.channels != channels;
        }))
      return leave("matmuls take different dimensions of them for K");
    int64_t size = type.getDimSize(channels);
    std::optional<int64_t> columns = columnsOf(uses.front());
    if (ShapedType::isDynamic(size) && columns)
      size = *columns;
    if (ShapedType::isDynamic(size))
      return leave("the size of K is not known");

    // In front of all that may come to need them.
    OpBuilder builder(&getContext());
    auto function = first->getParentOfType<func::FuncOp>();
    builder.setInsertionPointToStart(&function.getBody().front());
    Value factors = WeightOp::create(
        builder, loc, RankedTensorType::get({size}, builder.getF32Type()),
        name.getValue());
    divide(x, factors, uses, channels);
    if (!multiplyWeights)
      return;
    for (const WeightUse &use : uses) {
      builder.setInsertionPoint(use.weight->getOwner());
      use.weight->set(createByChannel<arith::MulFOp>(
          builder, use.weight->getOwner()->getLoc(), use.weight->get(), factors,
          weightChannels(use)));
    }
  }

  /// The dimension of the weight that is K.
  static int64_t weightChannels(const WeightUse &use) {
    auto op = dyn_cast<linalg::LinalgOp>(use.weight->getOwner());
    if (!op)
      return tensorType(use.weight->get()).getRank() - 1;
    AffineExpr k =
        op.getMatchingIndexingMap(use.activations).getResult(use.channels);
    ArrayRef<AffineExpr> exprs =
        op.getMatchingIndexingMap(use.weight).getResults();
    return std::distance(exprs.begin(), llvm::find(exprs, k));
  }
  static std::optional<int64_t> columnsOf(const WeightUse &use) {
    int64_t size =
        tensorType(use.weight->get()).getDimSize(weightChannels(use));
    return ShapedType::isDynamic(size) ? std::nullopt : std::optional(size);
  }

  void divide(Value x, Value factors, ArrayRef<WeightUse> uses,
              int64_t channels) {
    Operation *first = uses.front().activations->getOwner();
    auto insert = [&](const Twine &reason) {
      first->emitRemark() << "activations are divided before the matmul: "
                          << reason;
      OpBuilder builder(&getContext());
      builder.setInsertionPointAfterValue(x);
      // Factors come first in the function, behind its arguments.
      if (x.getParentBlock() == factors.getParentBlock() &&
          isa<BlockArgument>(x))
        builder.setInsertionPointAfterValue(factors);
      Value quotient = createByChannel<arith::DivFOp>(builder, first->getLoc(),
                                                      x, factors, channels);
      for (const WeightUse &use : uses)
        use.activations->set(quotient);
    };
    size_t others = std::distance(x.use_begin(), x.use_end()) - uses.size();
    if (others)
      return insert("they have another use");
    Gains gains(x, channels);
    if (!gains.areFound())
      return insert("they are not the product of a norm and its gain");
    gains.divideBy(factors);
  }
};
} // namespace
