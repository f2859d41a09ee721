//===- CompileCommand.h - The command line of rlx-compile -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_TOOLS_COMPILE_COMPILECOMMAND_H
#define RLX_TOOLS_COMPILE_COMPILECOMMAND_H

#include "tools/CpuOptions.h"

#include "mlir/IR/BuiltinOps.h"

namespace rlx {

enum class Form {
  none,
  // For a CPU.
  object,
  header,
  assembly,
  llvmIr,
  llvmDialect,
  // For a device.
  spirv,
  spirvAssembly,
  openclC,
  manifest
};

struct CompileCommand : CpuOptions {
  cl::opt<std::string> program{cl::Positional,
                               cl::desc("<program.mlir, or - for stdin>")};
  cl::opt<bool> bytecode{
      "bytecode", cl::desc("The program may be MLIR bytecode, whose reader "
                           "trusts what it reads")};
  cl::opt<std::string> target{
      "target", cl::value_desc("name"),
      cl::desc("Device to compile for: vulkan (what every device of Vulkan 1.1 "
               "can do), opencl (of OpenCL 1.2), or an attribute such as "
               "'#rlx.gpu<vulkan, storage16 = true, int16 = true>'. Not "
               "for programs that are kernels already")};
  cl::opt<std::string> triple{
      "target-triple", cl::value_desc("triple"),
      cl::desc("Machine of the CPU to compile for, as LLVM names it, such as "
               "aarch64-linux-gnu (this one)")};
  cl::opt<Form, false, WordParser<Form>> form{
      "emit", cl::desc("What to write:"),
      cl::values(
          clEnumValN(Form::object, "object",
                     "The code for a CPU, to be linked"),
          clEnumValN(Form::header, "header",
                     "How C and C++ call it, for --emit object of the same "
                     "options"),
          clEnumValN(Form::assembly, "assembly", "The code as assembly"),
          clEnumValN(Form::llvmIr, "llvm-ir", "The code as LLVM's IR"),
          clEnumValN(Form::llvmDialect, "llvm-dialect",
                     "What the passes made, before LLVM optimizes it"),
          clEnumValN(Form::spirv, "spirv",
                     "The kernels for a device as a SPIR-V module"),
          clEnumValN(Form::spirvAssembly, "spirv-asm",
                     "The same as text that spirv-as takes"),
          clEnumValN(Form::openclC, "opencl-c", "The kernels as OpenCL C"),
          clEnumValN(Form::manifest, "manifest",
                     "How to run the kernels, as JSON"))};
  cl::opt<std::string> output{"o", cl::init("-"), cl::value_desc("file"),
                              cl::desc("Where it goes (stdout)")};
  cl::opt<std::string> header{"header", cl::value_desc("file"),
                              cl::desc("Write the header for C too")};
  cl::opt<std::string> manifest{
      "manifest", cl::value_desc("file"),
      cl::desc("Write the manifest too; it names the file of -o")};

  bool isForCpu() const {
    return form == Form::object || form == Form::header ||
           form == Form::assembly || form == Form::llvmIr ||
           form == Form::llvmDialect;
  }
};

/// Compiles a program of functions for a CPU and writes what is asked for.
llvm::Error compileForCpu(mlir::ModuleOp module, const CompileCommand &given);
/// The same for a device; a program may be kernels, too.
llvm::Error compileForDevice(mlir::OwningOpRef<mlir::ModuleOp> module,
                             const CompileCommand &given);

} // namespace rlx

#endif // RLX_TOOLS_COMPILE_COMPILECOMMAND_H
