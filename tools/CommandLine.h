//===- CommandLine.h - Options of the tools ---------------------*- C++ -*-===//

#ifndef RLX_TOOLS_COMMANDLINE_H
#define RLX_TOOLS_COMMANDLINE_H

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/WithColor.h"

namespace rlx {

/// Takes away the options that LLVM's libraries registered for themselves, so
/// that a tool's own may have the same names and are the only ones in --help.
/// To be called before the tool's options are made, which therefore live in
/// main.
inline void removeForeignOptions() {
  llvm::SmallVector<llvm::cl::Option *> foreign;
  for (auto &entry : llvm::cl::getRegisteredOptions())
    if (!entry.first.starts_with("help") && entry.first != "version" &&
        entry.first != "color")
      foreign.push_back(entry.second);
  for (llvm::cl::Option *option : foreign)
    option->removeArgument();
}

/// Prints `tool: error: message` and gives the exit code.
inline int reportError(llvm::StringRef tool, llvm::Error error) {
  llvm::WithColor::error(llvm::errs(), tool)
      << llvm::toString(std::move(error)) << "\n";
  return 1;
}

} // namespace rlx

#endif // RLX_TOOLS_COMMANDLINE_H
