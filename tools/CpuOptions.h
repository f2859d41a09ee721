//===- CpuOptions.h - What code for a CPU depends on ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The options that rlx-run and rlx-compile share.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_TOOLS_CPUOPTIONS_H
#define RLX_TOOLS_CPUOPTIONS_H

#include "codegen/Compiler.h"
#include "tools/CommandLine.h"

namespace rlx {

namespace cl = llvm::cl;

struct CpuOptions {
  cl::opt<std::string> targetCpu{
      "target-cpu", cl::value_desc("name"),
      cl::desc("CPU to compile for, as LLVM names it (native: this one)")};
  cl::opt<std::string> targetFeatures{
      "target-features", cl::value_desc("+a,-b"),
      cl::desc("Features to add to or take from the CPU's")};
  cl::opt<bool> deterministic{
      "deterministic",
      cl::desc("Same bits for any number of threads and rows")};
  cl::opt<std::string> choices{
      "choices", cl::value_desc("name=value ..."),
      cl::desc("Override what is chosen, by fields of #rlx.cpu")};
  cl::opt<bool> printChoices{
      "print-choices", cl::desc("Say which kernels were chosen, and why")};
  cl::opt<bool> printTarget{
      "print-target",
      cl::desc("Print what the passes are told of the CPU, as options of "
               "rlx-opt --rlx-cpu, and nothing else")};
  cl::opt<bool> trusted{
      "trusted", cl::desc("The program is your own: it may work on memory by "
                          "address, which nothing checks")};
  cl::list<std::string> schemes{
      "scheme", cl::value_desc("file"),
      cl::desc("File with a scheme of your own (as rlx-inspect --schemes "
               "--describe prints one), which the program may name; may "
               "repeat")};

  /// Those that are for a CPU only.
  llvm::SmallVector<const cl::Option *> ofTheCpu() const {
    return {&targetCpu, &targetFeatures, &deterministic,
            &choices,   &printChoices,   &printTarget};
  }

  /// For a machine of this triple; empty: the host's.
  llvm::Expected<CompileOptions> compileOptions(llvm::StringRef triple) const {
    auto target = CpuTarget::create(triple, targetCpu, targetFeatures);
    if (!target)
      return target.takeError();
    CompileOptions options;
    options.target = *target;
    options.deterministic = deterministic;
    options.choices = choices;
    options.printChoices = printChoices;
    options.trustProgram = trusted;
    options.onRemark = [](llvm::StringRef text) {
      llvm::errs() << text << "\n";
    };
    return options;
  }
};

/// Makes the schemes of these files known by their names.
llvm::Error readSchemeFiles(mlir::MLIRContext &context,
                            const cl::list<std::string> &paths);

/// Text and the file that it is for; `-` is stdout.
struct OutputText {
  std::string path;
  llvm::StringRef text;
};
/// Writes all files, whole, or none.
llvm::Error writeOutputs(llvm::ArrayRef<OutputText> outputs);
llvm::Error writeOutput(const std::string &path, llvm::StringRef text);

} // namespace rlx

#endif // RLX_TOOLS_CPUOPTIONS_H
