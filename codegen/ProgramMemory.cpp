//===- ProgramMemory.cpp - What a program's weights take ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/ProgramMemory.h"

#include "passes/support/QuantizedOperand.h"

#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace rlx;

/// Whether `value` holds scales or zero points of a weight.
static bool isSide(Value value) {
  return llvm::any_of(value.getUsers(), [&](Operation *user) {
    SmallVector<Value, 3> sides;
    if (quantizedOperand(user))
      sides = sidesOf(user).given();
    else if (auto quantize = dyn_cast<QuantizeOp>(user))
      sides = SideValues::of(quantize).given();
    return llvm::is_contained(sides, value);
  });
}

static ProgramWeight describe(RankedTensorType type, std::string name) {
  ProgramWeight weight;
  weight.name = std::move(name);
  weight.shape.assign(type.getShape().begin(), type.getShape().end());
  for (int64_t &size : weight.shape)
    size = ShapedType::isDynamic(size) ? -1 : size;
  std::optional<QuantScheme> scheme = QuantScheme::of(type);
  if (scheme)
    weight.format = scheme->displayName().str();
  else
    llvm::raw_string_ostream(weight.format) << type.getElementType();
  Type element = type.getElementType();
  // A boolean is a byte.
  int64_t bits = element.isIntOrFloat()
                     ? std::max<int64_t>(element.getIntOrFloatBitWidth(), 8)
                     : 64;
  auto memory = scheme ? WeightMemory::of(*scheme, weight.shape)
                       : WeightMemory::plain(bits, weight.shape);
  if (memory)
    weight.memory = *memory;
  else
    weight.problem = llvm::toString(memory.takeError());
  return weight;
}

std::vector<ProgramWeight> rlx::weightsOf(ModuleOp module) {
  std::vector<ProgramWeight> weights;
  llvm::StringSet<> seen;
  auto add = [&](Value value, const std::string &name) {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    if (type && !isSide(value) && seen.insert(name).second)
      weights.push_back(describe(type, name));
  };
  module.walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (auto weight = dyn_cast<WeightOp>(op)) {
      add(weight, weight.getName().str());
      return;
    }
    auto function = dyn_cast<FunctionOpInterface>(op);
    if (!function || function.isExternal())
      return;
    for (BlockArgument argument : function.getArguments()) {
      auto name = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(),
                                                        "rlx.weight");
      if (name)
        add(argument, name.str());
      else if (QuantScheme::of(argument.getType()))
        add(argument,
            (function.getName() + ":" + Twine(argument.getArgNumber())).str());
    }
  });
  return weights;
}
