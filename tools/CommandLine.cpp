//===- CommandLine.cpp - What all tools do alike --------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/CommandLine.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/TargetParser/Host.h"

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

void rlx::beginTool(llvm::StringLiteral example) {
  // Where stdout is closed, the first file that is opened would take its place.
  (void)llvm::sys::Process::FixupStandardFileDescriptors();
  llvm::cl::SetVersionPrinter(printVersion);
  // Kept as it is until the end of the process.
  static std::string help;
  help = "\nEXAMPLE:\n\n";
  help += example;
  static llvm::cl::extrahelp last(help);
  llvm::WithColor::setAutoDetectFunction(detectColor);
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
  llvm::outs().flush();
  if (std::error_code code = llvm::outs().error()) {
    // Else it ends the process when it is destroyed.
    llvm::outs().clear_error();
    if (!error)
      error = llvm::createStringError(code, "cannot write to stdout: " +
                                                code.message());
  }
  return error ? reportError(tool, std::move(error)) : 0;
}
