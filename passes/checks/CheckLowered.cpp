//===- CheckLowered.cpp - What the LLVM dialect does not take -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/PassDetail.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

namespace rlx {
#define GEN_PASS_DEF_CHECKLOWEREDPASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

namespace {
struct CheckLoweredPass : rlx::impl::CheckLoweredPassBase<CheckLoweredPass> {
  void runOnOperation() override {
    // A cast is only left where an operation is that needs it.
    Operation *cast = nullptr;
    WalkResult walked = getOperation().walk([&](Operation *op) {
      if (isa<ModuleOp>(op) ||
          isa_and_nonnull<LLVM::LLVMDialect>(op->getDialect()))
        return WalkResult::advance();
      if (isa<UnrealizedConversionCastOp>(op)) {
        cast = cast ? cast : op;
        return WalkResult::advance();
      }
      op->emitError() << "'" << op->getName() << "' " << types(op)
                      << "has no machine code on a CPU, expected another "
                         "operation, or other types";
      return WalkResult::interrupt();
    });
    if (walked.wasInterrupted())
      return signalPassFailure();
    if (!cast)
      return;
    cast->emitError() << "a value of type " << cast->getOperandTypes().front()
                      << " is used as " << cast->getResultTypes().front()
                      << ", which has no machine code on a CPU";
    signalPassFailure();
  }

  /// The types that `op` is about, as "of f32 to f8E4M3FN ".
  static std::string types(Operation *op) {
    std::string text;
    llvm::raw_string_ostream stream(text);
    if (op->getNumOperands())
      stream << "of " << op->getOperand(0).getType() << " ";
    if (op->getNumResults())
      stream << "to " << op->getResult(0).getType() << " ";
    return text;
  }
};
} // namespace
