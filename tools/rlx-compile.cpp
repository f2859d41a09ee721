//===- rlx-compile.cpp - Programs as code in a file -----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A thin main: reads a program and has it compiled and written in the form that
// is asked for, for a CPU or a device. Files appear whole or not at all.
//
//===----------------------------------------------------------------------===//

#include "codegen/gpu/DeviceDialects.h"
#include "tools/compile/CompileCommand.h"

using namespace rlx;

static llvm::Error run(const CompileCommand &given) {
  if (given.printTarget) {
    auto options = given.compileOptions(given.triple);
    auto text = options ? describePipeline(*options)
                        : llvm::Expected<std::string>(options.takeError());
    if (!text)
      return text.takeError();
    return writeOutput("-", *text + "\n");
  }
  if (given.program.empty())
    return llvm::createStringError("expected a program, or --print-target");
  if (given.form == Form::none)
    return llvm::createStringError(
        "expected --emit to say what to write: object, header, assembly, "
        "llvm-ir or llvm-dialect for a CPU, spirv, spirv-asm, opencl-c or "
        "manifest for a device");
  std::unique_ptr<mlir::MLIRContext> context = createContext();
  mlir::DialectRegistry registry;
  registerGpuDialects(registry);
  context->appendDialectRegistry(registry);
  if (auto error = readSchemeFiles(*context, given.schemes))
    return error;
  auto module = parseFile(*context, given.program, given.bytecode);
  if (!module)
    return module.takeError();
  return given.isForCpu() ? compileForCpu(**module, given)
                          : compileForDevice(std::move(*module), given);
}

int main(int argc, char **argv) {
  beginTool(
      "rlx-compile",
      "  rlx-compile q4.mlir --target-cpu x86-64-v3 --emit object -o q4.o "
      "--header q4.h\n"
      "  rlx-compile q4.mlir --target vulkan --emit spirv -o q4.spv "
      "--manifest q4.json\n");
  ToolProcess process(argc, argv);
  removeForeignOptions();
  CompileCommand given;
  cl::ParseCommandLineOptions(
      argc, argv,
      "Compiles a program and writes its code, for a CPU or a device\n");
  return finishTool("rlx-compile", run(given));
}
