//===- RunOptions.h - The command line of rlx-run ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_TOOLS_RUN_RUNOPTIONS_H
#define RLX_TOOLS_RUN_RUNOPTIONS_H

#include "runtime/CacheDirectory.h"
#include "tools/CpuOptions.h"

#include <string>

namespace rlx {

/// What to show of the compilation.
enum class ShownForm { none, llvmDialect, llvmIr, assembly };

struct RunCommandLine : CpuOptions {
  cl::opt<std::string> program{cl::Positional, cl::desc("<program.mlir>")};
  cl::opt<std::string> entry{"entry", cl::init("main"),
                             cl::value_desc("function"),
                             cl::desc("Function to run (main)")};
  cl::list<std::string> weights{"weights", cl::value_desc("file.gguf"),
                                cl::desc("File with weights; may repeat")};
  cl::list<std::string> inputs{
      "input", cl::value_desc("x.npy"),
      cl::desc("Argument, in order; may repeat. bf16 comes as its "
               "bits, '<u2', or as ml_dtypes writes it, '<V2'")};
  cl::list<std::string> outputs{
      "output", cl::value_desc("y.npy"),
      cl::desc("Where a result goes, in order; may repeat")};
  cl::list<std::string> states{
      "state", cl::value_desc("name=x.npy"),
      cl::desc("What a state is before the run; may repeat. Zeros, where it is "
               "not given")};
  cl::list<std::string> keptStates{
      "keep-state", cl::value_desc("name=y.npy"),
      cl::desc("Where a state goes after the run; may repeat")};
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
  cl::opt<std::string> calibrate{
      "calibrate", cl::value_desc("record.json"),
      cl::desc("Write statistics of what weights are multiplied with, and of "
               "values that say rlx.observe; --input gives the inputs of one "
               "batch after the other")};
  cl::opt<std::string> calibrateValues{
      "calibrate-values", cl::init("*"), cl::value_desc("glob"),
      cl::desc("With --calibrate: only values of these names or weights (*)")};
  cl::opt<std::string> calibrateRows{
      "calibrate-rows", cl::value_desc("folder"),
      cl::desc("With --calibrate: also write all rows of each value, as npy, "
               "for rlx-quantize --activations folder")};
  cl::opt<double> calibrateAveraging{
      "calibrate-averaging", cl::init(0.01), cl::value_desc("number"),
      cl::desc("With --calibrate: how much a batch counts in the moving "
               "averages of extremes, behind the first (0.01)")};
  cl::opt<bool> json{"json", cl::desc("Print what was done as JSON")};
  cl::opt<std::string> cacheDirectory{
      "cache-dir", cl::value_desc("folder"),
      cl::desc("Keep compiled objects and packed weights there, and what a "
               "device's driver compiled. It has to be yours alone")};
  cl::opt<unsigned> cacheLimit{
      "cache-limit", cl::init(CacheOptions::defaultLimitBytes >> 20),
      cl::value_desc("MiB"),
      cl::desc("How large that folder may become; what was not used for "
               "longest is removed (16384)")};
  cl::opt<bool> bytecode{
      "bytecode", cl::desc("The program may be MLIR bytecode, whose reader "
                           "trusts what it reads")};

  // For the CPU only.
  cl::opt<unsigned> threads{"threads", cl::init(0), cl::value_desc("N"),
                            cl::desc("Threads to run on (all processors)")};
  cl::opt<ShownForm, false, WordParser<ShownForm>> emit{
      "emit",
      cl::desc("Print the very code that would be run, and run nothing:"),
      cl::values(clEnumValN(ShownForm::llvmDialect, "llvm-dialect",
                            "What the passes made, before LLVM optimizes it"),
                 clEnumValN(ShownForm::llvmIr, "llvm-ir", "As LLVM's IR"),
                 clEnumValN(ShownForm::assembly, "assembly", "As assembly"))};
  cl::opt<bool> memory{
      "memory", cl::desc("Say how many bytes a run allocates beside inputs, "
                         "weights and results, and run nothing")};
  cl::opt<bool> fusionReport{
      "rlx-fusion-report",
      cl::desc("Say what was recognised and fused, what was not and why, and "
               "run nothing")};
};

} // namespace rlx

#endif // RLX_TOOLS_RUN_RUNOPTIONS_H
