//===- DeviceCompiler.cpp - From a program to kernels of a device ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/gpu/DeviceCompiler.h"

#include "codegen/Diagnostics.h"
#include "codegen/gpu/ProgramBuilder.h"
#include "codegen/opencl/OpenClC.h"
#include "passes/Passes.h"
#include "passes/gpu/layout/Target.h"
#include "passes/gpu/spirv/Subgroups.h"

#include "mlir/Dialect/SPIRV/IR/SPIRVOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/SPIRV/Serialization.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace rlx;

//===----------------------------------------------------------------------===//
// Targets
//===----------------------------------------------------------------------===//

static std::string describeTarget(const DeviceInfo &device,
                                  unsigned vectorWidth) {
  std::string text = "#rlx.gpu<" + std::string(apiName(device.api));
  auto flag = [&](llvm::StringRef name, bool value) {
    if (value)
      text += (", " + name + " = true").str();
  };
  auto number = [&](llvm::StringRef name, uint64_t value) {
    text += (", " + name + " = " + llvm::Twine(value)).str();
  };
  flag("storage8", device.storage8);
  flag("storage16", device.storage16);
  flag("int8", device.int8);
  flag("int16", device.int16);
  flag("int64", device.int64);
  flag("float16", device.float16);
  flag("float64", device.float64);
  flag("integer_dot", device.integerDot);
  if (device.api == DeviceApi::opencl) {
    flag("fma", device.fma);
  } else {
    flag("denormals", device.denormals);
    flag("nonfinite", device.nonfinite);
  }
  flag("subgroup_arithmetic", device.subgroupArithmetic);
  flag("subgroup_shuffle", device.subgroupShuffle);
  // Their kernels are for Vulkan 1.3.
  if (device.hasMatrix() && device.version >= "1.3")
    text += llvm::formatv(", cooperative_matrix = [{0}, {1}, {2}]",
                          device.matrix[0], device.matrix[1], device.matrix[2])
                .str();
  number("subgroup_size",
         std::min(128u, llvm::bit_floor(std::max(1u, device.subgroupSize))));
  number("vector_width",
         std::min(16u, llvm::bit_floor(std::max(1u, vectorWidth))));
  number("workgroup_size",
         std::min(1024u, std::max(64u, device.workgroupSize)));
  number("workgroup_memory",
         std::max<uint64_t>(
             16384, std::min<uint64_t>(device.workgroupMemory, 1 << 20)));
  // Positions in a buffer are 31 bits.
  number("buffer_bytes",
         std::clamp<uint64_t>(device.bufferBytes, 1 << 16, uint64_t(1) << 30));
  return text + ">";
}

DeviceTarget DeviceTarget::of(const DeviceInfo &device) {
  if (device.api == DeviceApi::vulkan)
    return spirvOf(device);
  return {describeTarget(device, device.vectorWidth), KernelForm::openclC};
}

DeviceTarget DeviceTarget::spirvOf(const DeviceInfo &device) {
  return {describeTarget(device, 1), KernelForm::spirv};
}

//===----------------------------------------------------------------------===//
// Lowering
//===----------------------------------------------------------------------===//

llvm::Expected<DeviceModule>
rlx::lowerForDevice(ModuleOp module, const DeviceTarget &target,
                    const CompileOptions &options) {
  // A program of a device has its constants.
  CompileOptions importOptions = options;
  importOptions.constantsInCode = true;
  llvm::Expected<OwningOpRef<ModuleOp>> imported =
      importModule(module, importOptions);
  if (!imported)
    return imported.takeError();
  llvm::Expected<std::vector<FunctionSignature>> signatures =
      readSignatures(**imported);
  if (!signatures)
    return signatures.takeError();
  DiagnosticCollector diagnostics(module.getContext(), options.onRemark);
  PassManager passes(module.getContext());
  GpuTargetOptions gpu;
  gpu.target = target.attribute;
  buildKernelsPipeline(passes, gpu);
  if (failed(passes.run(**imported)))
    return diagnostics.takeError("compilation failed without a message");
  return DeviceModule{std::move(*imported), std::move(*signatures)};
}

/// A copy of the kernels as a SPIR-V module, or as a module for each kernel, in
/// their order.
static llvm::Expected<OwningOpRef<ModuleOp>>
convertToSpirv(const DeviceModule &lowered, const CompileOptions &options,
               bool separate = false) {
  ModuleOp source = *lowered.module;
  OwningOpRef<ModuleOp> copy = ModuleOp::create(source.getLoc());
  OpBuilder builder = OpBuilder::atBlockEnd(copy->getBody());
  for (auto kernels : source.getOps<gpu::GPUModuleOp>()) {
    if (!separate) {
      builder.clone(*kernels);
      continue;
    }
    for (auto kernel : kernels.getOps<gpu::GPUFuncOp>()) {
      auto own =
          gpu::GPUModuleOp::create(builder, kernel.getLoc(), kernel.getName());
      own->setDiscardableAttrs(kernels->getDiscardableAttrDictionary());
      OpBuilder::atBlockBegin(own.getBody()).clone(*kernel);
    }
  }
  DiagnosticCollector diagnostics(source.getContext(), options.onRemark);
  PassManager passes(source.getContext());
  buildSpirvPipeline(passes);
  if (failed(passes.run(*copy)))
    return diagnostics.takeError("conversion to SPIR-V failed without a "
                                 "message");
  return copy;
}

static llvm::Expected<gpu::GPUModuleOp> kernelsOf(const DeviceModule &lowered) {
  for (auto kernels : (*lowered.module).getOps<gpu::GPUModuleOp>())
    return kernels;
  return llvm::createStringError("the program has no kernels");
}

static std::vector<std::byte> toBytes(const void *data, size_t size) {
  auto *bytes = static_cast<const std::byte *>(data);
  return std::vector<std::byte>(bytes, bytes + size);
}

/// The binaries of all SPIR-V modules of `converted`.
static llvm::Expected<std::vector<std::vector<std::byte>>>
serialize(ModuleOp converted, const CompileOptions &options) {
  DiagnosticCollector diagnostics(converted.getContext(), options.onRemark);
  std::vector<std::vector<std::byte>> binaries;
  for (auto module : converted.getOps<spirv::ModuleOp>()) {
    SmallVector<uint32_t> words;
    if (failed(spirv::serialize(module, words)))
      return diagnostics.takeError("cannot serialize the SPIR-V module");
    binaries.push_back(toBytes(words.data(), words.size() * sizeof(uint32_t)));
  }
  return binaries;
}

llvm::Expected<std::vector<std::byte>>
rlx::emitKernels(const DeviceModule &lowered, KernelForm form,
                 const CompileOptions &options) {
  if (form == KernelForm::openclC) {
    llvm::Expected<std::string> text = printKernels(lowered, form, options);
    if (!text)
      return text.takeError();
    return toBytes(text->data(), text->size());
  }
  llvm::Expected<OwningOpRef<ModuleOp>> converted =
      convertToSpirv(lowered, options);
  if (!converted)
    return converted.takeError();
  auto binaries = serialize(**converted, options);
  if (!binaries)
    return binaries.takeError();
  if (binaries->empty())
    return llvm::createStringError("the program has no kernels");
  return std::move(binaries->front());
}

llvm::Expected<std::string> rlx::printKernels(const DeviceModule &lowered,
                                              KernelForm form,
                                              const CompileOptions &options) {
  if (form == KernelForm::openclC) {
    llvm::Expected<gpu::GPUModuleOp> kernels = kernelsOf(lowered);
    if (!kernels)
      return kernels.takeError();
    auto target = (*kernels)->getAttrOfType<GpuAttr>(targetAttributeName);
    if (!target || !target.getSubgroupShuffle())
      return emitOpenClC(*kernels);
    OwningOpRef<gpu::GPUModuleOp> copy = (*kernels).clone();
    if (failed(reduceByShuffles(*copy, target)))
      return llvm::createStringError("sums across subgroups do not become "
                                     "shuffles");
    return emitOpenClC(*copy);
  }
  llvm::Expected<OwningOpRef<ModuleOp>> converted =
      convertToSpirv(lowered, options);
  if (!converted)
    return converted.takeError();
  std::string text;
  llvm::raw_string_ostream stream(text);
  for (auto module : (**converted).getOps<spirv::ModuleOp>())
    stream << module << "\n";
  return text;
}

static bool usesSubgroups(const DeviceModule &lowered) {
  return llvm::any_of((*lowered.module).getOps<gpu::GPUModuleOp>(),
                      [](gpu::GPUModuleOp kernels) {
                        return llvm::any_of(kernels.getOps<gpu::GPUFuncOp>(),
                                            countsOnSubgroups);
                      });
}

llvm::Expected<DevicePrograms>
rlx::compileForDevice(ModuleOp module, const DeviceTarget &target,
                      const CompileOptions &options) {
  llvm::Expected<DeviceModule> lowered =
      lowerForDevice(module, target, options);
  if (!lowered)
    return lowered.takeError();
  std::vector<std::vector<std::byte>> modules;
  llvm::StringMap<uint32_t> moduleOf;
  if (target.form == KernelForm::spirv) {
    // A module for each kernel: drivers compile, and count memory, by module.
    llvm::Expected<OwningOpRef<ModuleOp>> converted =
        convertToSpirv(*lowered, options, /*separate=*/true);
    if (!converted)
      return converted.takeError();
    auto binaries = serialize(**converted, options);
    if (!binaries)
      return binaries.takeError();
    modules = std::move(*binaries);
    for (auto kernels : (*lowered->module).getOps<gpu::GPUModuleOp>())
      for (auto kernel : kernels.getOps<gpu::GPUFuncOp>())
        moduleOf.try_emplace(kernel.getName(), moduleOf.size());
  } else {
    llvm::Expected<std::vector<std::byte>> code =
        emitKernels(*lowered, target.form, options);
    if (!code)
      return code.takeError();
    modules.push_back(std::move(*code));
  }
  DevicePrograms result;
  for (const FunctionSignature &signature : lowered->signatures) {
    llvm::Expected<Program> program = buildProgram(*lowered->module, signature);
    if (!program)
      return program.takeError();
    program->form = target.form;
    program->modules = modules;
    program->usesSubgroups = usesSubgroups(*lowered);
    for (ProgramKernel &kernel : program->kernels)
      kernel.module = moduleOf.lookup(kernel.name);
    result.programs.push_back(std::move(*program));
  }
  result.signatures = std::move(lowered->signatures);
  return result;
}
