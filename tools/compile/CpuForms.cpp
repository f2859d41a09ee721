//===- CpuForms.cpp - Programs as code of a CPU in a file -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/cpu/CHeader.h"
#include "tools/compile/CompileCommand.h"

#include "llvm/Support/Path.h"

using namespace rlx;

static CodeForm codeForm(Form form) {
  switch (form) {
  case Form::assembly:
    return CodeForm::assembly;
  case Form::llvmIr:
    return CodeForm::llvmIr;
  case Form::llvmDialect:
    return CodeForm::llvmDialect;
  default:
    return CodeForm::object;
  }
}

llvm::Error rlx::compileForCpu(mlir::ModuleOp module,
                               const CompileCommand &given) {
  for (const cl::Option *option :
       {static_cast<const cl::Option *>(&given.target),
        static_cast<const cl::Option *>(&given.manifest)})
    if (option->getNumOccurrences())
      return llvm::createStringError(
          "--" + option->ArgStr +
          " is for kernels of a device; expected --emit of spirv, spirv-asm, "
          "opencl-c or manifest with it");
  bool isHeader = given.form == Form::header;
  if (isHeader && !given.header.empty())
    return llvm::createStringError("--header is for the other forms of --emit; "
                                   "-o says where this one goes");
  auto options = given.compileOptions(given.triple);
  if (!options)
    return options.takeError();
  // What is linked has all it needs.
  options->constantsInCode = true;
  auto emitted = emitModule(module, codeForm(given.form), *options);
  if (!emitted)
    return emitted.takeError();
  if (emitted->signatures.empty())
    return llvm::createStringError(
        "the program has no public function that could be called");
  // All is made before anything is written.
  std::string header;
  if (isHeader || !given.header.empty()) {
    auto text =
        printHeader(emitted->signatures, options->target,
                    llvm::sys::path::filename(given.program.getValue()));
    if (!text)
      return text.takeError();
    header = std::move(*text);
  }
  if (isHeader)
    return writeOutput(given.output, header);
  llvm::SmallVector<OutputText> outputs = {
      {given.output, {emitted->code.data(), emitted->code.size()}}};
  if (!given.header.empty())
    outputs.push_back({given.header, header});
  return writeOutputs(outputs);
}
