//===- ObservedValues.cpp - What weights are multiplied with --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/quantize/ObservedValues.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/IR/LinalgInterfaces.h"
#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace rlx;

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

/// What `value` has the elements of, in whatever order, or null.
static Value movedFrom(Value value) {
  if (auto op = value.getDefiningOp<DequantizeOp>())
    return op.getWeight();
  if (auto op = value.getDefiningOp<tensor::CastOp>())
    return op.getSource();
  if (auto op = value.getDefiningOp<linalg::TransposeOp>())
    return op.getInput();
  if (auto op = value.getDefiningOp<arith::ExtFOp>())
    return op.getIn();
  if (auto op = value.getDefiningOp<arith::TruncFOp>())
    return op.getIn();
  if (auto op = value.getDefiningOp<linalg::GenericOp>())
    if (linalg::isaTransposeOpInterface(op))
      return op.getInputs()[0];
  return nullptr;
}

/// The name of the weight that `value` is made of, or an empty one.
static StringRef weightBehind(Value value) {
  for (; value; value = movedFrom(value)) {
    if (auto weight = value.getDefiningOp<WeightOp>())
      return weight.getName();
    auto argument = dyn_cast<BlockArgument>(value);
    auto function =
        argument
            ? dyn_cast<FunctionOpInterface>(argument.getOwner()->getParentOp())
            : nullptr;
    if (function && argument.getOwner()->isEntryBlock())
      if (auto name = function.getArgAttrOfType<StringAttr>(
              argument.getArgNumber(), "rlx.weight"))
        return name.getValue();
  }
  return {};
}

template <typename OpT>
static void addUse(OpT op, SmallVector<WeightUse> &uses) {
  StringRef name = weightBehind(op.getWeight());
  auto type = cast<RankedTensorType>(op.getX().getType());
  if (!name.empty() && !type.getElementType().isF32())
    op.emitRemark("activations are left alone: expected them to be of f32, as "
                  "--rlx-normalize-matmuls makes them");
  else if (!name.empty())
    uses.push_back(
        {&op.getXMutable(), &op.getWeightMutable(), name, type.getRank() - 1});
}

/// A contraction of activations and a weight over one dimension.
static void addContraction(linalg::LinalgOp op, SmallVector<WeightUse> &uses) {
  if (!op.hasPureTensorSemantics() || op.getNumDpsInputs() != 2 ||
      !linalg::isaContractionOpInterface(op))
    return;
  FailureOr<linalg::ContractionDimensions> dims =
      linalg::inferContractionDims(op);
  if (failed(dims) || dims->k.size() != 1)
    return;
  StringRef names[] = {weightBehind(op->getOperand(0)),
                       weightBehind(op->getOperand(1))};
  if (names[0].empty() == names[1].empty())
    return; // No weight, or nothing but weights.
  unsigned weight = names[0].empty() ? 1 : 0;
  OpOperand &x = op->getOpOperand(1 - weight);
  AffineExpr k = getAffineDimExpr(dims->k[0], op.getContext());
  for (auto [i, expr] :
       llvm::enumerate(op.getMatchingIndexingMap(&x).getResults()))
    if (expr == k)
      uses.push_back(
          {&x, &op->getOpOperand(weight), names[weight], int64_t(i)});
}

/// What `op` multiplies with weights: nothing or one.
static SmallVector<WeightUse> usesIn(Operation *op) {
  SmallVector<WeightUse> uses;
  if (auto matmul = dyn_cast<MatmulOp>(op))
    addUse(matmul, uses);
  else if (auto gather = dyn_cast<GatherMatmulOp>(op))
    addUse(gather, uses);
  else if (auto linalgOp = dyn_cast<linalg::LinalgOp>(op))
    addContraction(linalgOp, uses);
  return uses;
}

SmallVector<WeightUse> rlx::findWeightUses(func::FuncOp function) {
  SmallVector<WeightUse> uses;
  function.walk([&](Operation *op) { llvm::append_range(uses, usesIn(op)); });
  return uses;
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

namespace {
/// One reason to look at a value: its name, or a weight.
struct Sighting {
  ObservedPlace place;
  StringRef name;
  std::optional<WeightUse> use; ///< None: the program names the value.
};
} // namespace

static void addSightings(func::FuncOp function,
                         SmallVector<Sighting> &sightings) {
  auto addNamed = [&](Value value, StringAttr name) {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    if (name)
      sightings.push_back({{value, type ? type.getRank() - 1 : -1},
                           name.getValue(),
                           std::nullopt});
  };
  for (BlockArgument argument : function.getArguments())
    addNamed(argument, function.getArgAttrOfType<StringAttr>(
                           argument.getArgNumber(), observeAttribute));
  function.walk([&](Operation *op) {
    for (const WeightUse &use : usesIn(op))
      sightings.push_back(
          {{use.activations->get(), use.channels}, use.name, use});
    if (op != function && op->getNumResults() == 1)
      addNamed(op->getResult(0),
               op->getAttrOfType<StringAttr>(observeAttribute));
  });
}

static void addTo(ObservedValue &value, const Sighting &sighting) {
  if (value.name.empty() || (!value.isNamed && !sighting.use))
    value.name = sighting.name.str();
  value.isNamed |= !sighting.use;
  if (llvm::none_of(value.places, [&](const ObservedPlace &place) {
        return place.value == sighting.place.value;
      }))
    value.places.push_back(sighting.place);
  if (!sighting.use)
    return;
  value.uses.push_back(*sighting.use);
  if (!llvm::is_contained(value.weights, sighting.name))
    value.weights.push_back(sighting.name.str());
}

SmallVector<ObservedValue> rlx::findObservedValues(ModuleOp module) {
  SmallVector<Sighting> sightings;
  for (auto function : module.getOps<func::FuncOp>())
    addSightings(function, sightings);
  // Those that share a name or a place are of one value, and so on.
  llvm::EquivalenceClasses<size_t> same;
  llvm::StringMap<size_t> firstOfName;
  llvm::DenseMap<Value, size_t> firstOfPlace;
  for (auto [i, sighting] : llvm::enumerate(sightings)) {
    same.insert(i);
    same.unionSets(firstOfName.try_emplace(sighting.name, i).first->second, i);
    same.unionSets(
        firstOfPlace.try_emplace(sighting.place.value, i).first->second, i);
  }
  SmallVector<ObservedValue> values;
  llvm::DenseMap<size_t, size_t> valueOf; // By the leader of its sightings.
  for (auto [i, sighting] : llvm::enumerate(sightings)) {
    auto [entry, isNew] =
        valueOf.try_emplace(same.getLeaderValue(i), values.size());
    if (isNew)
      values.emplace_back();
    addTo(values[entry->second], sighting);
  }
  return values;
}

std::string rlx::whyNotObserved(const ObservedPlace &place) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  auto type = dyn_cast<RankedTensorType>(place.value.getType());
  if (!type || type.getRank() < 1 || type.getEncoding() ||
      !isa<FloatType>(type.getElementType()))
    stream << "expected a tensor of floats, but it is '"
           << place.value.getType() << "'";
  return text;
}
