//===- LowerDialects.cpp - Dialects that upstream lowers ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Programs may be written in dialects that RLX has no passes for: upstream's
// make them linalg, tensor, arith and math. What these leave over is refused
// here, by its name.
//
//===----------------------------------------------------------------------===//

#include "passes/dialects/LowerDialects.h"

#include "passes/PassDetail.h"

#include "mlir/Conversion/ComplexToStandard/ComplexToStandard.h"
#include "mlir/Conversion/TosaToArith/TosaToArith.h"
#include "mlir/Conversion/TosaToLinalg/TosaToLinalg.h"
#include "mlir/Conversion/TosaToSCF/TosaToSCF.h"
#include "mlir/Conversion/TosaToTensor/TosaToTensor.h"
#include "mlir/Dialect/Quant/Transforms/Passes.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Pass/PassManager.h"

namespace rlx {
#define GEN_PASS_DEF_LOWERDIALECTSPASS
#include "passes/dialects/DialectPasses.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

static void lowerTosa(OpPassManager &pm) {
  tosa::addTosaToLinalgPasses(pm, TosaToLinalgOptions(),
                              TosaToLinalgNamedOptions(), std::nullopt);
  pm.addNestedPass<func::FuncOp>(createTosaToSCFPass());
  pm.addNestedPass<func::FuncOp>(createTosaToTensorPass());
  pm.addNestedPass<func::FuncOp>(createTosaToArithPass());
}

static void lowerQuant(OpPassManager &pm) {
  pm.addNestedPass<func::FuncOp>(quant::createLowerQuantOps());
  pm.addPass(quant::createStripFuncQuantTypes());
}

static void lowerComplex(OpPassManager &pm) {
  pm.addPass(createConvertComplexToStandardPass());
}

namespace {
/// A dialect, and the passes of upstream that lower it.
struct Lowering {
  StringRef dialect;
  void (*build)(OpPassManager &);
  bool leavesSome; ///< which later stages take
};
} // namespace

static constexpr Lowering lowerings[] = {
    {"tosa", lowerTosa, false},
    {"quant", lowerQuant, false},
    // What makes numbers of parts, and takes them apart.
    {"complex", lowerComplex, true},
};

/// An operation of that dialect.
static Operation *findOperation(ModuleOp module, StringRef dialect) {
  Operation *found = nullptr;
  module->walk([&](Operation *op) {
    if (op->getName().getDialectNamespace() != dialect)
      return WalkResult::advance();
    found = op;
    return WalkResult::interrupt();
  });
  return found;
}

/// Folds operations of a dialect, such as a part of a number that was just made
/// of parts, and erases what nobody needs. All others stay as they are: nothing
/// has been checked yet.
static void foldOperations(ModuleOp module, StringRef dialect) {
  SmallVector<Operation *> all;
  module->walk([&](Operation *op) {
    if (op->getName().getDialectNamespace() == dialect)
      all.push_back(op);
  });
  for (Operation *op : all) {
    OpBuilder builder(op);
    SmallVector<Value> results;
    if (succeeded(builder.tryFold(op, results)) && !results.empty())
      op->replaceAllUsesWith(results);
  }
  for (Operation *op : llvm::reverse(all))
    if (isOpTriviallyDead(op))
      op->erase();
}

bool rlx::hasForeignDialects(ModuleOp module) {
  bool isFound = false;
  for (const Lowering &each : lowerings)
    isFound = isFound || findOperation(module, each.dialect);
  return isFound;
}

namespace {
struct LowerDialectsPass : rlx::impl::LowerDialectsPassBase<LowerDialectsPass> {
  void getDependentDialects(DialectRegistry &registry) const override {
    LowerDialectsPassBase::getDependentDialects(registry);
    for (const Lowering &each : lowerings) {
      OpPassManager passes(ModuleOp::getOperationName());
      each.build(passes);
      passes.getDependentDialects(registry);
    }
  }

  void runOnOperation() override {
    for (const Lowering &each : lowerings)
      if (failed(lower(each)))
        return signalPassFailure();
  }

  LogicalResult lower(const Lowering &lowering) {
    if (!findOperation(getOperation(), lowering.dialect))
      return success();
    OpPassManager passes(ModuleOp::getOperationName());
    lowering.build(passes);
    if (failed(runPipeline(passes, getOperation())))
      return failure();
    foldOperations(getOperation(), lowering.dialect);
    Operation *left = lowering.leavesSome
                          ? nullptr
                          : findOperation(getOperation(), lowering.dialect);
    if (!left)
      return success();
    return left->emitOpError()
           << "is not lowered by MLIR's passes for '" << lowering.dialect
           << "'; expected another operation, or one of linalg or tensor that "
              "does the same";
  }
};
} // namespace
