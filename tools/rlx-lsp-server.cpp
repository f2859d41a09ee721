//===- rlx-lsp-server.cpp - The language server of RLX --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What editors talk to about .mlir files that hold the rlx dialect.
//
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"
#include "tools/CommandLine.h"

#include "mlir/InitAllDialects.h"
#include "mlir/Tools/mlir-lsp-server/MlirLspServerMain.h"

int main(int argc, char **argv) {
  rlx::beginTool("rlx-lsp-server",
                 "  In the settings of VS Code, for its MLIR extension:\n"
                 "    \"mlir.server_path\": \"rlx-lsp-server\"\n");
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  rlx::registerDialects(registry);
  return failed(mlir::MlirLspServerMain(argc, argv, registry));
}
