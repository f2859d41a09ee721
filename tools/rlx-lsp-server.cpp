//===- rlx-lsp-server.cpp - The language server of RLX --------------------===//
//
// What editors talk to about .mlir files that hold the rlx dialect.
//
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"

#include "mlir/InitAllDialects.h"
#include "mlir/Tools/mlir-lsp-server/MlirLspServerMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  rlx::registerDialects(registry);
  return failed(mlir::MlirLspServerMain(argc, argv, registry));
}
