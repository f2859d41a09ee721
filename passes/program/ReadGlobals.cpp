//===- ReadGlobals.cpp - Globals of a program are weights -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Exporters write parameters as globals with the names of the model's. What
// nothing writes to is a constant; a large one, and what the program only
// declares, is a weight of that name.
//
//===----------------------------------------------------------------------===//

#include "passes/PassDetail.h"
#include "passes/program/ProgramPasses.h"

#include "mlir/Dialect/MLProgram/IR/MLProgram.h"

namespace rlx {
#define GEN_PASS_DEF_READGLOBALSPASS
#include "passes/program/ProgramPasses.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

static bool isLarge(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && tensor.hasStaticShape() &&
         tensor.getElementType().isIntOrFloat() &&
         tensor.getNumElements() * tensor.getElementTypeBitWidth() / 8 >=
             leastWeightBytes;
}

namespace {
struct ReadGlobalsPass : rlx::impl::ReadGlobalsPassBase<ReadGlobalsPass> {
  void runOnOperation() override {
    if (failed(readUtilGlobals(getOperation())))
      return signalPassFailure();
    SymbolTable symbols(getOperation());
    SmallVector<Operation *> loads, stores;
    written.clear();
    getOperation().walk([&](Operation *op) {
      if (isa<ml_program::GlobalLoadOp, ml_program::GlobalLoadConstOp>(op))
        loads.push_back(op);
      if (isa<ml_program::GlobalStoreOp, ml_program::GlobalStoreGraphOp>(op)) {
        stores.push_back(op);
        written.insert(
            op->getAttrOfType<SymbolRefAttr>("global").getRootReference());
      }
    });
    for (Operation *load : loads) {
      auto name = load->getAttrOfType<SymbolRefAttr>("global");
      auto global =
          symbols.lookup<ml_program::GlobalOp>(name.getRootReference());
      if (!global) {
        load->emitOpError()
            << "reads the global '" << name.getRootReference().getValue()
            << "', which the program does not have";
        return signalPassFailure();
      }
      if (failed(replace(load, global)))
        return signalPassFailure();
    }
    if (!stores.empty()) {
      stores.front()->emitOpError()
          << "changes '"
          << stores.front()
                 ->getAttrOfType<SymbolRefAttr>("global")
                 .getRootReference()
                 .getValue()
          << "', but a function keeps nothing from one call to the next; "
             "expected an argument and a result with rlx.state";
      return signalPassFailure();
    }
    for (auto global : llvm::make_early_inc_range(
             getOperation().getOps<ml_program::GlobalOp>()))
      if (SymbolTable::symbolKnownUseEmpty(global, getOperation()))
        global.erase();
  }

  LogicalResult replace(Operation *load, ml_program::GlobalOp global) {
    StringRef name = global.getSymName();
    Type type = load->getResult(0).getType();
    if (written.contains(global.getSymNameAttr()))
      return load->emitOpError()
             << "reads the global '" << name
             << "', which the program writes; expected what calls change to be "
                "an argument and a result with rlx.state";
    OpBuilder builder(load);
    Value value;
    auto given =
        dyn_cast_or_null<TypedAttr>(global.getValue().value_or(Attribute()));
    bool isNumbers =
        isa_and_nonnull<ElementsAttr, IntegerAttr, FloatAttr>(given);
    bool isCast = isNumbers && given.getType() != type;
    if (isCast && !tensor::CastOp::areCastCompatible(given.getType(), type))
      return load->emitOpError() << "is of " << type << ", but the global '"
                                 << name << "' is of " << given.getType();
    if (isNumbers &&
        (isCast || !isLarge(type) || cast<ElementsAttr>(given).isSplat())) {
      value = arith::ConstantOp::create(builder, load->getLoc(), given);
      if (isCast)
        value = tensor::CastOp::create(builder, load->getLoc(), type, value);
    } else if (isNumbers) {
      auto weight = WeightOp::create(builder, load->getLoc(), type, name);
      weight->setDiscardableAttr("rlx.value", given);
      value = weight;
    } else if (!global.getValue() ||
               isa<ml_program::ExternAttr>(*global.getValue())) {
      value = WeightOp::create(builder, load->getLoc(), type, name);
    } else {
      return load->emitOpError()
             << "reads the global '" << name << "', expected it to hold a "
             << "tensor of numbers, but got " << *global.getValue();
    }
    load->getResult(0).replaceAllUsesWith(value);
    load->erase();
    return success();
  }

  llvm::DenseSet<StringAttr> written; ///< Globals that the program changes.
};
} // namespace
