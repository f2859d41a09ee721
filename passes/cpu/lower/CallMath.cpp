//===- CallMath.cpp - Calls of libm for what LLVM has no intrinsics for ---===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/PassDetail.h"

#include "mlir/Conversion/ConvertToLLVM/ToLLVMPass.h"
#include "mlir/Conversion/MathToLibm/MathToLibm.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Pass/PassManager.h"

namespace rlx {
#define GEN_PASS_DEF_CALLMATHPASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

namespace {
struct CallMathPass : rlx::impl::CallMathPassBase<CallMathPass> {
  void runOnOperation() override {
    auto isMath = [](Operation *op) {
      return isa_and_nonnull<math::MathDialect>(op->getDialect())
                 ? WalkResult::interrupt()
                 : WalkResult::advance();
    };
    if (!getOperation()->walk(isMath).wasInterrupted())
      return;
    OpPassManager calls(ModuleOp::getOperationName());
    calls.addPass(createConvertMathToLibmPass());
    calls.addPass(createConvertToLLVMPass());
    if (failed(runPipeline(calls, getOperation())))
      signalPassFailure();
  }
};
} // namespace
