//===- CountMatmuls.cpp - A pass that RLX does not know -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A module for rlx-opt --load-pass-plugin, built against an installation.
//
//===----------------------------------------------------------------------===//

#include <rlx/ir/Dialect.h>

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Tools/Plugins/PassPlugin.h"

namespace {
struct CountMatmuls
    : mlir::PassWrapper<CountMatmuls, mlir::OperationPass<mlir::ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(CountMatmuls)

  llvm::StringRef getArgument() const override { return "count-matmuls"; }

  void runOnOperation() override {
    int count = 0, quantized = 0;
    getOperation()->walk([&](mlir::Operation *op) {
      if (auto matmul = llvm::dyn_cast<rlx::MatmulOp>(op)) {
        ++count;
        auto type =
            llvm::cast<mlir::RankedTensorType>(matmul.getWeight().getType());
        quantized += llvm::isa_and_nonnull<rlx::QuantAttr>(type.getEncoding());
      }
    });
    getOperation()->emitRemark() << count << " matmuls, " << quantized
                                 << " of them with quantized weights";
  }
};
} // namespace

extern "C" LLVM_ATTRIBUTE_WEAK mlir::PassPluginLibraryInfo
mlirGetPassPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "count-matmuls", "1",
          [] { mlir::PassRegistration<CountMatmuls>(); }};
}
