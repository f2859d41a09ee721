//===- rlx-opt.cpp - Runs passes over IR ----------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// mlir-opt for RLX: every pass and pipeline of RLX, and those of upstream that
// its users combine with them.
//
//===----------------------------------------------------------------------===//

#include "ir/InputText.h"
#include "ir/Nesting.h"
#include "passes/Passes.h"
#include "tools/CommandLine.h"

#include "mlir/Bytecode/BytecodeReader.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Tools/Plugins/PassPlugin.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/ToolOutputFile.h"
#include "llvm/Support/WithColor.h"

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

/// mlir-opt's own reading, but for a look at texts that no parser survives.
/// Bytecode is read as it is: it is for programs of one's own.
static mlir::LogicalResult run(llvm::StringRef input, llvm::StringRef output,
                               mlir::DialectRegistry &registry,
                               const mlir::MlirOptMainConfig &config) {
  std::string message;
  auto report = [&](const llvm::Twine &text) {
    llvm::WithColor::error(llvm::errs(), "rlx-opt") << text << "\n";
    return mlir::failure();
  };
  auto file = rlx::readInputText(input);
  if (!file)
    return report(llvm::toString(file.takeError()));
  if (!mlir::isBytecode(**file))
    if (llvm::Error error = rlx::checkNesting((*file)->getBuffer(), input))
      return report(llvm::toString(std::move(error)));
  auto stream = mlir::openOutputFile(output, &message);
  if (!stream)
    return report(message);
  if (failed(
          mlir::MlirOptMain(stream->os(), std::move(*file), registry, config)))
    return mlir::failure();
  stream->os().flush();
  if (std::error_code code = stream->os().error()) {
    stream->os().clear_error();
    return report("cannot write to " +
                  (output == "-" ? "stdout" : "'" + output.str() + "'") + ": " +
                  code.message());
  }
  stream->keep();
  return mlir::success();
}

/// A plugin that cannot be loaded is an error; mlir-opt says that it ignores it
/// and goes on.
static void refuseBrokenPlugins() {
  auto found = llvm::cl::getRegisteredOptions().find("load-pass-plugin");
  if (found == llvm::cl::getRegisteredOptions().end())
    return;
  auto *option = static_cast<llvm::cl::list<std::string> *>(found->second);
  option->setCallback([](const std::string &path) {
    auto plugin = mlir::PassPlugin::load(path);
    if (plugin)
      return plugin->registerPassRegistryCallbacks();
    std::exit(rlx::reportError("rlx-opt", plugin.takeError()));
  });
}

int main(int argc, char **argv) {
  rlx::beginTool("rlx-opt",
                 "  rlx-opt q4.mlir --rlx-import --rlx-layout --rlx-bufferize\n"
                 "  rlx-opt q4.mlir \"--rlx-cpu=$(rlx-run --print-target)\" "
                 "--mlir-print-ir-after-all\n");
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  rlx::registerDialects(registry);
  mlir::registerAllPasses();
  rlx::registerPasses();
  std::string dialects = mlir::registerCLIOptions("", registry);
  refuseBrokenPlugins();
  auto [input, output] =
      mlir::parseCLIOptions(argc, argv, describeOwnPasses() + dialects);
  auto config = mlir::MlirOptMainConfig::createFromCLOptions();
  if (config.shouldShowDialects() || config.shouldListPasses())
    return mlir::asMainReturnCode(
        mlir::MlirOptMain(argc, argv, input, output, registry));
  rlx::ToolProcess process(argc, argv);
  return mlir::asMainReturnCode(run(input, output, registry, config));
}
