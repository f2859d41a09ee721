//===- QuantMap.cpp - Which values carry which scheme ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ir/QuantMap.h"

#include "mlir/Interfaces/ControlFlowInterfaces.h"

using namespace mlir;
using namespace rlx;

/// Calls `visit` for every result and block argument inside `root`.
static void forEachValue(Operation *root,
                         llvm::function_ref<void(Value)> visit) {
  root->walk<WalkOrder::PreOrder>([&](Operation *op) {
    llvm::for_each(op->getResults(), visit);
    for (Region &region : op->getRegions())
      for (Block &block : region)
        llvm::for_each(block.getArguments(), visit);
  });
}

QuantMap QuantMap::build(Operation *root) {
  QuantMap map;
  forEachValue(root, [&](Value value) {
    if (std::optional<QuantScheme> scheme = QuantScheme::of(value.getType()))
      map.insert(value, *scheme);
  });
  return map;
}

std::optional<QuantScheme> QuantMap::lookup(Value value) const {
  auto found = schemes.find(value);
  if (found == schemes.end())
    return std::nullopt;
  return QuantScheme(found->second);
}

bool QuantMap::insert(Value value, QuantScheme scheme) {
  auto [entry, inserted] = schemes.insert({value, scheme.attr()});
  entry->second = scheme.attr();
  return inserted;
}

bool QuantMap::remove(Value value) { return schemes.erase(value) != 0; }

/// The types of a function follow its entry block and its first return.
static void updateFunctionType(FunctionOpInterface function) {
  // Functions of other dialects have types that say more, and no tensors.
  if (function.isExternal() || !isa<FunctionType>(function.getFunctionType()))
    return;
  SmallVector<Type> arguments(function.front().getArgumentTypes());
  arguments.truncate(function.getNumArguments());
  SmallVector<Type> results(function.getResultTypes());
  for (Block &block : function.getFunctionBody())
    if (!block.empty() && block.back().hasTrait<OpTrait::ReturnLike>() &&
        block.back().getNumOperands() == results.size())
      results.assign(block.back().operand_type_begin(),
                     block.back().operand_type_end());
  function.setType(function.cloneTypeWith(arguments, results));
}

LogicalResult QuantMap::apply(Operation *root) const {
  for (auto [value, scheme] : schemes) {
    auto tensor = dyn_cast<RankedTensorType>(value.getType());
    if (!tensor)
      return emitError(value.getLoc())
             << "expected a ranked tensor to carry scheme '"
             << scheme.getName().getValue() << "', but got " << value.getType();
    auto emit = [&, loc = value.getLoc()] { return emitError(loc); };
    if (failed(QuantAttr::get(scheme.getContext(), scheme)
                   .verifyEncoding(tensor.getShape(), tensor.getElementType(),
                                   emit)))
      return failure();
  }
  forEachValue(root, [&](Value value) {
    auto tensor = dyn_cast<RankedTensorType>(value.getType());
    if (!tensor)
      return;
    if (auto found = schemes.find(value); found != schemes.end())
      value.setType(tensor.cloneWithEncoding(
          QuantAttr::get(tensor.getContext(), found->second)));
    else if (QuantScheme::of(tensor))
      value.setType(tensor.dropEncoding());
  });
  root->walk(
      [](FunctionOpInterface function) { updateFunctionType(function); });
  return success();
}
