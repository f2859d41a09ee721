//===- UtilGlobals.cpp - Globals of IREE as those of MLIR -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ir/Util.h"
#include "passes/PassDetail.h"
#include "passes/program/ProgramPasses.h"

#include "mlir/Dialect/MLProgram/IR/MLProgram.h"

using namespace mlir;
using namespace rlx;

/// The name of `#flow.parameter.named<"scope"::"name">`, which no dialect here
/// knows; empty where the attribute is another one.
static StringRef parameterName(Attribute attribute) {
  auto opaque = dyn_cast_or_null<OpaqueAttr>(attribute);
  if (!opaque || opaque.getDialectNamespace() != "flow")
    return "";
  StringRef text = opaque.getAttrData().trim();
  if (!text.consume_front("parameter.named<") || !text.consume_back("\">"))
    return "";
  return text.substr(text.rfind('"') + 1);
}

static LogicalResult read(util::GlobalLoadOp load, util::GlobalOp global) {
  OpBuilder builder(load);
  Location loc = load.getLoc();
  Type type = load.getResult().getType();
  Attribute value = global.getInitialValueAttr();
  StringRef name = parameterName(value);
  bool isNumbers = isa_and_nonnull<ElementsAttr, IntegerAttr, FloatAttr>(value);
  if (value && name.empty() && !isNumbers)
    return global.emitOpError() << "holds " << value
                                << ", expected numbers or "
                                   "#flow.parameter.named<\"scope\"::\"name\">";
  if (!name.empty()) {
    if (type != global.getType())
      return load.emitOpError()
             << "is of " << type << ", but the global '" << global.getSymName()
             << "' is of " << global.getType();
    load.getResult().replaceAllUsesWith(
        WeightOp::create(builder, loc, type, name));
  } else {
    load.getResult().replaceAllUsesWith(ml_program::GlobalLoadOp::create(
        builder, loc, type, load.getGlobalAttr()));
  }
  load.erase();
  return success();
}

LogicalResult rlx::readUtilGlobals(ModuleOp module) {
  SymbolTable symbols(module);
  SmallVector<util::GlobalLoadOp> loads;
  SmallVector<util::GlobalStoreOp> stores;
  module.walk([&](Operation *op) {
    if (auto load = dyn_cast<util::GlobalLoadOp>(op))
      loads.push_back(load);
    if (auto store = dyn_cast<util::GlobalStoreOp>(op))
      stores.push_back(store);
  });
  for (util::GlobalLoadOp load : loads) {
    auto global = symbols.lookup<util::GlobalOp>(load.getGlobal());
    if (!global)
      return load.emitOpError() << "reads the global '" << load.getGlobal()
                                << "', which the program does not have";
    if (failed(read(load, global)))
      return failure();
  }
  for (util::GlobalStoreOp store : stores) {
    OpBuilder builder(store);
    ml_program::GlobalStoreOp::create(builder, store.getLoc(),
                                      store.getGlobalAttr(), store.getValue());
    store.erase();
  }
  for (auto global :
       llvm::make_early_inc_range(module.getOps<util::GlobalOp>())) {
    OpBuilder builder(global);
    Attribute value = global.getInitialValueAttr();
    if (parameterName(value).empty())
      ml_program::GlobalOp::create(builder, global.getLoc(),
                                   global.getSymNameAttr(),
                                   global.getTypeAttr(), builder.getUnitAttr(),
                                   value, builder.getStringAttr("private"));
    global.erase();
  }
  return success();
}
