//===- ConstantsToWeights.cpp - Large constants are data ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Code that holds weights takes as long to compile, and as much memory, as they
// are large. So a large constant becomes a weight that comes with its own
// bytes: what is done with weights (packing once, caches) is done with it too.
//
//===----------------------------------------------------------------------===//

#include "passes/PassDetail.h"
#include "passes/program/ProgramPasses.h"

#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/StringSet.h"

namespace rlx {
#define GEN_PASS_DEF_CONSTANTSTOWEIGHTSPASS
#include "passes/program/ProgramPasses.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

/// Whether elements are whole bytes, as weights are bound.
static bool hasWholeBytes(Type element) {
  if (isa<FloatType>(element) || isa<IntegerType>(element)) {
    unsigned bits = element.getIntOrFloatBitWidth();
    return bits == 8 || bits == 16 || bits == 32 || bits == 64;
  }
  return false;
}

/// The name of a resource that the program does not have; null where it is
/// something else.
static StringRef missingResource(Attribute value) {
  auto resource = dyn_cast<DenseResourceElementsAttr>(value);
  if (!resource || resource.getRawHandle().getBlob())
    return {};
  return resource.getRawHandle().getKey();
}

/// What a constant is called, if it is one that becomes a weight: its resource,
/// or nothing, where it has no name.
static std::optional<StringRef> nameOfLarge(arith::ConstantOp op) {
  auto type = dyn_cast<RankedTensorType>(op.getType());
  if (!type || type.getEncoding() || !hasWholeBytes(type.getElementType()))
    return std::nullopt;
  // What the program does not have can only come from a file.
  if (StringRef name = missingResource(op.getValue()); !name.empty())
    return name;
  int64_t bytes = type.getNumElements() * type.getElementTypeBitWidth() / 8;
  if (bytes < leastWeightBytes)
    return std::nullopt;
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(op.getValue()))
    return resource.getRawHandle().getKey();
  auto values = dyn_cast<DenseElementsAttr>(op.getValue());
  return values && !values.isSplat() ? std::optional<StringRef>("")
                                     : std::nullopt;
}

namespace {
struct ConstantsToWeightsPass
    : rlx::impl::ConstantsToWeightsPassBase<ConstantsToWeightsPass> {
  using ConstantsToWeightsPassBase::ConstantsToWeightsPassBase;

  void runOnOperation() override {
    if (inCode)
      moveBack();
    collectNames();
    weights.clear();
    SymbolTableCollection tables;
    SymbolUserMap users(tables, getOperation());
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      // Weights come from outside; what is called from inside has none.
      bool hasWeights = !function.isPrivate() && !function.isExternal() &&
                        users.useEmpty(function);
      SmallVector<arith::ConstantOp> constants;
      function.walk([&](arith::ConstantOp op) { constants.push_back(op); });
      for (arith::ConstantOp op : constants)
        if (failed(move(op, function, hasWeights)))
          return signalPassFailure();
    }
  }

  LogicalResult move(arith::ConstantOp op, func::FuncOp function,
                     bool hasWeights) {
    StringRef missing = missingResource(op.getValue());
    std::optional<StringRef> name = hasWeights && (!inCode || !missing.empty())
                                        ? nameOfLarge(op)
                                        : std::nullopt;
    if (!name && !missing.empty())
      return op.emitOpError() << "refers to the resource '" << missing
                              << "', which the program does not have";
    if (!name)
      return success();
    StringAttr &weight = weights[op.getValue()];
    if (!weight)
      weight = chooseName(*name, function);
    OpBuilder builder(op);
    auto replaced =
        WeightOp::create(builder, op.getLoc(), op.getType(), weight);
    if (missing.empty())
      replaced->setDiscardableAttr("rlx.value", op.getValue());
    op.replaceAllUsesWith(replaced.getResult());
    op.erase();
    return success();
  }

  /// Code that stands alone has its constants in it.
  void moveBack() {
    SmallVector<WeightOp> all;
    getOperation().walk([&](WeightOp op) { all.push_back(op); });
    for (WeightOp op : all) {
      auto value = op->getAttrOfType<TypedAttr>("rlx.value");
      if (!value)
        continue;
      OpBuilder builder(op);
      auto constant = arith::ConstantOp::create(builder, op.getLoc(), value);
      op.replaceAllUsesWith(constant.getResult());
      op.erase();
    }
  }

  /// Names that weights have already.
  void collectNames() {
    names.clear();
    getOperation().walk([&](WeightOp op) { names.insert(op.getName()); });
    for (auto function : getOperation().getOps<func::FuncOp>())
      for (unsigned i = 0; i < function.getNumArguments(); ++i)
        if (auto name = function.getArgAttrOfType<StringAttr>(i, "rlx.weight"))
          names.insert(name.getValue());
  }

  /// A name that no other weight has: that of a resource as it is, if it can
  /// be.
  StringAttr chooseName(StringRef given, func::FuncOp function) {
    std::string stem =
        given.empty() ? (function.getName() + ".constant").str() : given.str();
    std::string name = given.empty() ? stem + "0" : stem;
    for (unsigned number = 1; !names.insert(name).second; ++number)
      name = stem + (given.empty() ? "" : ".") + std::to_string(number);
    return StringAttr::get(&getContext(), name);
  }

  llvm::StringSet<> names;
  llvm::DenseMap<Attribute, StringAttr> weights; ///< By constants.
};
} // namespace
