//===- DeviceForms.cpp - Programs as code of devices in a file ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/Diagnostics.h"
#include "codegen/gpu/DeviceCompiler.h"
#include "codegen/gpu/Manifest.h"
#include "codegen/gpu/ProgramBuilder.h"
#include "ir/Dialect.h"
#include "ir/Nesting.h"
#include "tools/compile/CompileCommand.h"
#include "tools/compile/SpirvText.h"

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "llvm/Support/Path.h"

using namespace rlx;

static llvm::StringRef toText(llvm::ArrayRef<std::byte> bytes) {
  return {reinterpret_cast<const char *>(bytes.data()), bytes.size()};
}

/// What every device of an API can do, or what the attribute says.
static llvm::Expected<GpuAttr> parseTarget(mlir::MLIRContext &context,
                                           llvm::StringRef text) {
  llvm::StringRef attribute = text;
  if (text == "vulkan")
    attribute = "#rlx.gpu<vulkan, subgroup_size = 32>";
  else if (text == "opencl")
    attribute = "#rlx.gpu<opencl, storage8 = true, storage16 = true, int8 = "
                "true, int16 = true, int64 = true>";
  if (auto error = checkNesting(attribute, "--target"))
    return error;
  DiagnosticCollector diagnostics(&context, {});
  // Other words would be told to be no attribute.
  auto target = attribute.starts_with("#")
                    ? llvm::dyn_cast_or_null<GpuAttr>(
                          mlir::parseAttribute(attribute, &context))
                    : GpuAttr();
  if (target)
    return target;
  return diagnostics.takeError(
      "expected --target to be vulkan, opencl or a #rlx.gpu attribute, but "
      "got '" +
      text.str() + "'");
}

/// The kernels of a program in the form that is asked for.
static llvm::Expected<std::string> emit(const DeviceModule &lowered,
                                        Form form) {
  if (form == Form::openclC)
    return printKernels(lowered, KernelForm::openclC);
  auto code = emitKernels(lowered, KernelForm::spirv);
  if (!code)
    return code.takeError();
  return form == Form::spirv ? toText(*code).str() : disassemble(*code);
}

/// A program that is kernels already.
static llvm::Expected<std::string>
emitGiven(mlir::OwningOpRef<mlir::ModuleOp> module,
          const CompileCommand &options) {
  auto kernels = llvm::to_vector(module->getOps<mlir::gpu::GPUModuleOp>());
  if (kernels.size() != 1)
    return llvm::createStringError(
        "expected one gpu.module in the program, but got " +
        llvm::Twine(kernels.size()));
  if (!options.target.empty())
    return llvm::createStringError(
        "--target is for programs of functions, but this one is kernels");
  if (options.form == Form::manifest || !options.manifest.empty())
    return llvm::createStringError("a manifest needs a program of functions, "
                                   "but this one is kernels");
  return emit({std::move(module), {}}, options.form);
}

/// How to run the kernels of `lowered`, as JSON.
static llvm::Expected<std::string> describeKernels(const DeviceModule &lowered,
                                                   llvm::StringRef target,
                                                   const ManifestCode &code) {
  std::vector<Program> programs;
  for (const FunctionSignature &signature : lowered.signatures) {
    auto program = buildProgram(*lowered.module, signature);
    if (!program)
      return program.takeError();
    programs.push_back(std::move(*program));
  }
  llvm::json::Value manifest(
      describePrograms(programs, lowered.signatures, target, code));
  return llvm::formatv("{0:2}\n", manifest).str();
}

/// A program of functions.
static llvm::Error compile(mlir::ModuleOp module,
                           const CompileCommand &options) {
  if (options.target.empty())
    return llvm::createStringError(
        "expected --target for a program of functions");
  auto target = parseTarget(*module.getContext(), options.target);
  if (!target)
    return target.takeError();
  bool isSource = options.form == Form::openclC;
  bool isManifest = options.form == Form::manifest;
  if (isSource && target->getApi() == GpuApi::vulkan)
    return llvm::createStringError(
        "--emit opencl-c is for targets of OpenCL, but --target is '" +
        options.target + "'");
  if (isManifest && !options.manifest.empty())
    return llvm::createStringError("--manifest is for the other forms of "
                                   "--emit; -o says where this one goes");
  DeviceTarget device;
  llvm::raw_string_ostream(device.attribute) << *target;
  device.form = isSource ? KernelForm::openclC : KernelForm::spirv;
  CompileOptions compileOptions;
  compileOptions.trustProgram = options.trusted;
  compileOptions.onRemark = [](llvm::StringRef text) {
    llvm::errs() << text << "\n";
  };
  auto lowered = lowerForDevice(module, device, compileOptions);
  if (!lowered)
    return lowered.takeError();
  // All is made before anything is written.
  std::string code, manifest;
  if (!isManifest) {
    auto text = emit(*lowered, options.form);
    if (!text)
      return text.takeError();
    code = std::move(*text);
  }
  if (isManifest || !options.manifest.empty()) {
    ManifestCode where;
    if (!isManifest && options.output != "-")
      where = {llvm::sys::path::filename(options.output).str(),
               isSource                              ? "opencl-c"
               : options.form == Form::spirvAssembly ? "spirv-asm"
                                                     : "spirv"};
    auto text = describeKernels(*lowered, device.attribute, where);
    if (!text)
      return text.takeError();
    manifest = std::move(*text);
  }
  if (isManifest)
    return writeOutput(options.output, manifest);
  llvm::SmallVector<OutputText> outputs = {{options.output, code}};
  if (!options.manifest.empty())
    outputs.push_back({options.manifest, manifest});
  return writeOutputs(outputs);
}

llvm::Error rlx::compileForDevice(mlir::OwningOpRef<mlir::ModuleOp> module,
                                  const CompileCommand &options) {
  llvm::SmallVector<const cl::Option *> ofTheCpu = options.ofTheCpu();
  ofTheCpu.append({&options.triple, &options.header});
  for (const cl::Option *option : ofTheCpu)
    if (option->getNumOccurrences())
      return llvm::createStringError(
          "--" + option->ArgStr +
          " is for code of a CPU; expected --emit of object, header, assembly, "
          "llvm-ir or llvm-dialect with it");
  if (module->getOps<mlir::gpu::GPUModuleOp>().empty() &&
      !module->getOps<mlir::func::FuncOp>().empty())
    return compile(*module, options);
  auto text = emitGiven(std::move(module), options);
  if (!text)
    return text.takeError();
  return writeOutput(options.output, *text);
}
