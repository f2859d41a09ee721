//===- RunOptions.h - The command line of rlx-run ---------------*- C++ -*-===//

#ifndef RLX_TOOLS_RUN_RUNOPTIONS_H
#define RLX_TOOLS_RUN_RUNOPTIONS_H

#include "tools/CommandLine.h"

#include <string>

namespace rlx {

namespace cl = llvm::cl;

struct RunCommandLine {
  cl::opt<std::string> program{cl::Positional, cl::desc("<program.mlir>")};
  cl::opt<std::string> entry{"entry", cl::init("main"),
                             cl::value_desc("function"),
                             cl::desc("Function to run (main)")};
  cl::list<std::string> weights{"weights", cl::value_desc("file.gguf"),
                                cl::desc("File with weights; may repeat")};
  cl::list<std::string> inputs{"input", cl::value_desc("x.npy"),
                               cl::desc("Argument, in order; may repeat")};
  cl::list<std::string> outputs{
      "output", cl::value_desc("y.npy"),
      cl::desc("Where a result goes, in order; may repeat")};
  cl::opt<std::string> device{
      "device", cl::init("cpu"), cl::value_desc("name"),
      cl::desc("What to run on: cpu (the default), vulkan[:index] or "
               "opencl[:index]")};
  cl::opt<bool> listDevices{
      "list-devices", cl::desc("Say which devices there are and what they can "
                               "do, and nothing else")};
  cl::opt<bool> verify{
      "verify", cl::desc("Compare with the reference in double precision")};
  cl::opt<bool> benchmark{"benchmark",
                          cl::desc("Run repeatedly; print median and spread")};
  cl::opt<bool> json{"json", cl::desc("Print what was done as JSON")};
  cl::opt<std::string> cacheDirectory{
      "cache-dir", cl::value_desc("folder"),
      cl::desc("Keep compiled objects and packed weights there, and what a "
               "device's driver compiled")};

  // For the CPU only.
  cl::opt<unsigned> threads{"threads", cl::init(0), cl::value_desc("N"),
                            cl::desc("Threads to run on (all processors)")};
  cl::opt<std::string> targetCpu{
      "target-cpu", cl::init("native"), cl::value_desc("name"),
      cl::desc("CPU to compile for, as LLVM names it (native)")};
  cl::opt<std::string> targetFeatures{
      "target-features", cl::value_desc("+a,-b"),
      cl::desc("Features to add to or take from the CPU's")};
  cl::opt<bool> deterministic{
      "deterministic",
      cl::desc("Same bits for any number of threads and rows")};
  cl::opt<std::string> choices{
      "choices", cl::value_desc("name=value ..."),
      cl::desc("Override what is chosen, by options of rlx-opt --rlx-cpu")};
  cl::opt<bool> printChoices{
      "print-choices", cl::desc("Say which kernels were chosen, and why")};
};

} // namespace rlx

#endif // RLX_TOOLS_RUN_RUNOPTIONS_H
