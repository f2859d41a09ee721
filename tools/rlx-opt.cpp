//===- rlx-opt.cpp - Runs passes over IR ----------------------------------===//
//
// mlir-opt for RLX: every pass and pipeline of RLX, and those of upstream that
// its users combine with them.
//
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FormatVariadic.h"

/// What RLX adds, for the top of --help; further down it stands among hundreds.
static std::string describeOwnPasses() {
  llvm::SmallVector<llvm::StringRef> names;
  for (const auto &option : llvm::cl::getRegisteredOptions())
    if (option.first.starts_with("rlx-"))
      names.push_back(option.first);
  llvm::sort(names);
  std::string passes, pipelines;
  auto add = [](std::string &list, const mlir::PassRegistryEntry &entry) {
    list += llvm::formatv("  --{0,-28} {1}\n", entry.getPassArgument(),
                          entry.getPassDescription());
  };
  for (llvm::StringRef name : names) {
    if (const auto *pass = mlir::PassInfo::lookup(name))
      add(passes, *pass);
    else if (const auto *pipeline = mlir::PassPipelineInfo::lookup(name))
      add(pipelines, *pipeline);
  }
  return "RLX optimizer driver\n\nPipelines of RLX:\n" + pipelines +
         "\nPasses of RLX:\n" + passes + "\n";
}

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  rlx::registerDialects(registry);
  mlir::registerAllPasses();
  rlx::registerPasses();
  std::string dialects = mlir::registerCLIOptions("", registry);
  auto [input, output] =
      mlir::parseCLIOptions(argc, argv, describeOwnPasses() + dialects);
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, input, output, registry));
}
