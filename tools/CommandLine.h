//===- CommandLine.h - What all tools do alike ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_TOOLS_COMMANDLINE_H
#define RLX_TOOLS_COMMANDLINE_H

#include "ir/NearNames.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/WithColor.h"

namespace rlx {

/// To be called first. `--version` tells the versions of RLX and LLVM and what
/// the processor has; `--help` ends with `example`, command lines that a user
/// may type; nothing is coloured where NO_COLOR says so, unless --color does.
/// Whatever way the tool ends, it fails where what it printed could not be
/// written.
void beginTool(llvm::StringLiteral tool, llvm::StringLiteral example);

/// LLVM's handlers of signals, while the tool runs, but that of files that grow
/// beyond the limit of the process: that is an error of their writer.
class ToolProcess {
public:
  ToolProcess(int &argc, char **&argv);

private:
  llvm::InitLLVM process;
};

/// Takes away the options that LLVM's libraries registered for themselves, so
/// that a tool's own may have the same names and are the only ones in --help.
/// To be called before the tool's options are made, which therefore live in
/// main.
void removeForeignOptions();

/// Prints `tool: error: message` and gives the exit code.
int reportError(llvm::StringRef tool, llvm::Error error);
/// The exit code of a tool, which fails too where what it printed could not be
/// written.
int finishTool(llvm::StringRef tool, llvm::Error error);

/// Reads one of the words of an option. A word that there is not is an error
/// that names those there are.
template <typename T> struct WordParser : llvm::cl::parser<T> {
  using llvm::cl::parser<T>::parser;

  bool parse(llvm::cl::Option &option, llvm::StringRef name,
             llvm::StringRef given, T &value) {
    llvm::SmallVector<std::string> words;
    for (const auto &known : this->Values) {
      if (known.Name == given) {
        value = known.V.getValue();
        return false;
      }
      words.push_back(known.Name.str());
    }
    return option.error("expected " + llvm::join(words, ", ") + ", but got '" +
                        given + "'" + didYouMean(given, words));
  }
};

} // namespace rlx

#endif // RLX_TOOLS_COMMANDLINE_H
