//===- CommandLine.cpp - What all tools do alike --------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/CommandLine.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/TargetParser/Host.h"

#include <unistd.h>

#include <csignal>
#include <cstdlib>

using namespace rlx;

static void printVersion(llvm::raw_ostream &stream) {
  llvm::SmallVector<llvm::StringRef> features;
  const llvm::StringMap<bool> known = llvm::sys::getHostCPUFeatures();
  for (const auto &feature : known)
    if (feature.second)
      features.push_back(feature.first());
  llvm::sort(features);
  stream << "RLX " RLX_VERSION "\nLLVM " LLVM_VERSION_STRING "\nhost "
         << llvm::sys::getProcessTriple() << ", CPU "
         << llvm::sys::getHostCPUName() << ", features "
         << llvm::join(features, ",") << "\n";
}

/// LLVM's own answer, but for NO_COLOR (https://no-color.org).
static bool detectColor(const llvm::raw_ostream &stream) {
  static const bool isOff = [] {
    const char *value = std::getenv("NO_COLOR");
    if (!value || !*value)
      return false;
    auto option = llvm::cl::getRegisteredOptions().find("color");
    return option == llvm::cl::getRegisteredOptions().end() ||
           option->second->getNumOccurrences() == 0;
  }();
  return !isOff && llvm::WithColor::defaultAutoDetectFunction()(stream);
}

/// Why what was printed could not be written, said once: a stream that is
/// destroyed with an error ends the process in LLVM's words.
static llvm::Error flushStdout() {
  llvm::outs().flush();
  std::error_code code = llvm::outs().error();
  llvm::outs().clear_error();
  return code ? llvm::createStringError(code, "cannot write to stdout: " +
                                                  code.message())
              : llvm::Error::success();
}

static llvm::StringLiteral runningTool = "";

void rlx::beginTool(llvm::StringLiteral tool, llvm::StringLiteral example) {
  // Where stdout is closed, the first file that is opened would take its place.
  (void)llvm::sys::Process::FixupStandardFileDescriptors();
  runningTool = tool;
  // For --help and --version, too, which end the process. What is registered
  // behind the stream is called before it is destroyed.
  (void)llvm::outs();
  std::atexit([] {
    if (llvm::Error error = flushStdout())
      _exit(reportError(runningTool, std::move(error)));
  });
  llvm::cl::SetVersionPrinter(printVersion);
  // Kept as it is until the end of the process.
  static std::string help;
  help = "\nEXAMPLE:\n\n";
  help += example;
  static llvm::cl::extrahelp last(help);
  llvm::WithColor::setAutoDetectFunction(detectColor);
}

rlx::ToolProcess::ToolProcess(int &argc, char **&argv) : process(argc, argv) {
  std::signal(SIGXFSZ, SIG_IGN);
}

void rlx::removeForeignOptions() {
  llvm::SmallVector<llvm::cl::Option *> foreign;
  for (auto &entry : llvm::cl::getRegisteredOptions())
    if (!entry.first.starts_with("help") && entry.first != "version" &&
        entry.first != "color")
      foreign.push_back(entry.second);
  for (llvm::cl::Option *option : foreign)
    option->removeArgument();
}

int rlx::reportError(llvm::StringRef tool, llvm::Error error) {
  llvm::WithColor::error(llvm::errs(), tool)
      << llvm::toString(std::move(error)) << "\n";
  return 1;
}

int rlx::finishTool(llvm::StringRef tool, llvm::Error error) {
  if (llvm::Error unwritten = flushStdout()) {
    if (error)
      llvm::consumeError(std::move(unwritten));
    else
      error = std::move(unwritten);
  }
  return error ? reportError(tool, std::move(error)) : 0;
}
