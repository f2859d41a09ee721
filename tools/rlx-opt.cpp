#include "ir/Dialect.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  registry.insert<rlx::RlxDialect>();
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "rlx-opt", registry));
}
