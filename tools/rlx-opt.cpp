//===- rlx-opt.cpp - Runs passes over IR ------------------------------------===//
//
// mlir-opt for RLX: every pass and pipeline of RLX, and those of upstream that
// its users combine with them.
//
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  rlx::registerDialects(registry);
  mlir::registerAllPasses();
  rlx::registerPasses();
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "RLX optimizer driver\n", registry));
}
