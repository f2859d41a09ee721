//===- KernelsToSpirv.cpp - Kernels to the SPIR-V dialect -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// MLIR's conversions, put together for the kernels of RLX: one set of types for
// a target's capabilities, scalars in one buffer where the interface is
// Vulkan's, and nothing emulated silently.
//
//===----------------------------------------------------------------------===//

#include "passes/PassDetail.h"
#include "passes/gpu/layout/Target.h"
#include "passes/gpu/spirv/ExactKernels.h"
#include "passes/gpu/spirv/LoopIterations.h"
#include "passes/gpu/spirv/Subgroups.h"

#include "mlir/Conversion/ArithToSPIRV/ArithToSPIRV.h"
#include "mlir/Conversion/FuncToSPIRV/FuncToSPIRV.h"
#include "mlir/Conversion/GPUToSPIRV/GPUToSPIRV.h"
#include "mlir/Conversion/MathToSPIRV/MathToSPIRV.h"
#include "mlir/Conversion/MemRefToSPIRV/MemRefToSPIRV.h"
#include "mlir/Conversion/SCFToSPIRV/SCFToSPIRV.h"
#include "mlir/Conversion/VectorToSPIRV/VectorToSPIRV.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/SPIRV/IR/SPIRVDialect.h"
#include "mlir/Dialect/SPIRV/IR/SPIRVOps.h"
#include "mlir/Dialect/SPIRV/IR/TargetAndABI.h"
#include "mlir/Dialect/SPIRV/Transforms/SPIRVConversion.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/TypeSwitch.h"

namespace rlx {
#define GEN_PASS_DEF_KERNELSTOSPIRVPASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

/// The SPIR-V environment of a target, for kernels with matrices or without.
static spirv::TargetEnvAttr environmentOf(GpuAttr target, bool hasMatrices) {
  using spirv::Capability;
  using spirv::Extension;
  MLIRContext *context = target.getContext();
  bool isVulkan = target.getApi() == GpuApi::vulkan;
  SmallVector<Capability> capabilities;
  SmallVector<Extension> extensions;
  if (isVulkan) {
    capabilities = {Capability::Shader};
    extensions = {Extension::SPV_KHR_storage_buffer_storage_class};
  } else {
    capabilities = {Capability::Kernel,  Capability::Addresses,
                    Capability::Linkage, Capability::Vector16,
                    Capability::Int64,   Capability::Int8,
                    Capability::Int16};
  }
  auto add = [&](bool has, Capability capability) {
    if (has && !llvm::is_contained(capabilities, capability))
      capabilities.push_back(capability);
  };
  add(target.getInt8(), Capability::Int8);
  add(target.getInt16(), Capability::Int16);
  add(target.getInt64(), Capability::Int64);
  add(target.getFloat16(), Capability::Float16);
  add(target.getFloat64(), Capability::Float64);
  if (isVulkan && target.getStorage8()) {
    capabilities.push_back(Capability::StorageBuffer8BitAccess);
    extensions.push_back(Extension::SPV_KHR_8bit_storage);
  }
  if (isVulkan && target.getStorage16()) {
    capabilities.push_back(Capability::StorageBuffer16BitAccess);
    extensions.push_back(Extension::SPV_KHR_16bit_storage);
  }
  if (target.getIntegerDot()) {
    capabilities.push_back(Capability::DotProduct);
    capabilities.push_back(Capability::DotProductInput4x8BitPacked);
    extensions.push_back(Extension::SPV_KHR_integer_dot_product);
  }
  bool usesSubgroups =
      target.getSubgroupArithmetic() || target.getSubgroupShuffle();
  add(!isVulkan && usesSubgroups, Capability::SubgroupDispatch);
  add(target.getSubgroupArithmetic(),
      isVulkan ? Capability::GroupNonUniformArithmetic : Capability::Groups);
  add(target.getSubgroupShuffle(), Capability::GroupNonUniformShuffle);
  add(target.getDenormals(), Capability::DenormPreserve);
  add(target.getNonfinite(), Capability::SignedZeroInfNanPreserve);
  if (target.getDenormals() || target.getNonfinite())
    extensions.push_back(Extension::SPV_KHR_float_controls);
  // What every version of Vulkan from 1.1 on takes; later versions of SPIR-V
  // have nothing that kernels without matrices need, and other rules for
  // interfaces. OpenCL's kernels need what their subgroups came with.
  spirv::Version version = spirv::Version::V_1_0;
  if (isVulkan || target.getSubgroupShuffle())
    version = spirv::Version::V_1_3;
  else if (usesSubgroups)
    version = spirv::Version::V_1_1;
  if (hasMatrices) {
    version = spirv::Version::V_1_6;
    capabilities.append({Capability::CooperativeMatrixKHR,
                         Capability::VulkanMemoryModel,
                         Capability::GroupNonUniform});
    extensions.push_back(Extension::SPV_KHR_cooperative_matrix);
  }
  auto triple =
      spirv::VerCapExtAttr::get(version, capabilities, extensions, context);
  mlir::Builder builder(context);
  int32_t workgroup = target.getWorkgroupSize();
  auto limits = spirv::ResourceLimitsAttr::get(
      context, target.getWorkgroupMemory(), workgroup,
      builder.getI32ArrayAttr({workgroup, workgroup, workgroup}),
      target.getSubgroupSize(), /*min_subgroup_size=*/std::nullopt,
      /*max_subgroup_size=*/std::nullopt,
      /*cooperative_matrix_properties_khr=*/ArrayAttr(),
      /*cooperative_matrix_properties_nv=*/ArrayAttr());
  return spirv::TargetEnvAttr::get(triple, limits,
                                   isVulkan ? spirv::ClientAPI::Vulkan
                                            : spirv::ClientAPI::OpenCL);
}

/// Where memory of a space lies; the space 0 is the host's buffers.
static std::optional<spirv::StorageClass> storageClass(Attribute space,
                                                       bool isVulkan) {
  auto gpuSpace = dyn_cast_or_null<gpu::AddressSpaceAttr>(space);
  if (!gpuSpace || gpuSpace.getValue() == gpu::AddressSpace::Global)
    return isVulkan ? spirv::StorageClass::StorageBuffer
                    : spirv::StorageClass::CrossWorkgroup;
  return gpuSpace.getValue() == gpu::AddressSpace::Workgroup
             ? spirv::StorageClass::Workgroup
             : spirv::StorageClass::Function;
}

/// Replaces the scalars of a kernel by loads from one buffer behind the others.
static void scalarsToBuffer(gpu::GPUFuncOp kernel) {
  SmallVector<unsigned> scalars;
  for (auto [i, type] : llvm::enumerate(kernel.getArgumentTypes()))
    if (!isa<MemRefType>(type))
      scalars.push_back(i);
  if (scalars.empty())
    return;
  OpBuilder builder = OpBuilder::atBlockBegin(&kernel.front());
  Location loc = kernel.getLoc();
  unsigned position = kernel.getNumArguments();
  auto type = MemRefType::get({ShapedType::kDynamic}, builder.getI32Type());
  (void)kernel.insertArgument(position, type, DictionaryAttr(), loc);
  Value buffer = kernel.getArgument(position);
  BitVector unused(kernel.getNumArguments());
  for (auto [i, scalar] : llvm::enumerate(scalars)) {
    Value index = arith::ConstantIndexOp::create(builder, loc, i);
    Value value = memref::LoadOp::create(builder, loc, buffer, index);
    kernel.getArgument(scalar).replaceAllUsesWith(value);
    unused.set(scalar);
  }
  (void)kernel.eraseArguments(unused);
}

/// Memory of the workgroup as allocations, which MLIR's conversion knows.
static void attributionsToAllocations(gpu::GPUFuncOp kernel) {
  unsigned count = kernel.getNumWorkgroupAttributions();
  if (count == 0)
    return;
  OpBuilder builder = OpBuilder::atBlockBegin(&kernel.front());
  for (BlockArgument memory : kernel.getWorkgroupAttributions()) {
    auto type = cast<MemRefType>(memory.getType());
    memory.replaceAllUsesWith(
        memref::AllocOp::create(builder, kernel.getLoc(), type));
  }
  kernel.front().eraseArguments(kernel.getNumArguments(), count);
  kernel->removeAttr(kernel.getNumWorkgroupAttributionsAttrName());
}

static bool multipliesMatrices(spirv::ModuleOp module) {
  return module
      .walk([](spirv::KHRCooperativeMatrixMulAddOp) {
        return WalkResult::interrupt();
      })
      .wasInterrupted();
}

/// Matrices need Vulkan's memory model. In it what work-items share must be
/// marked, and barriers say that it is made visible.
static void useVulkanMemoryModel(spirv::ModuleOp module) {
  module.setMemoryModel(spirv::MemoryModel::Vulkan);
  auto isShared = [](Value pointer) {
    return cast<spirv::PointerType>(pointer.getType()).getStorageClass() ==
           spirv::StorageClass::Workgroup;
  };
  auto shared = [](std::optional<spirv::MemoryAccess> access) {
    return access.value_or(spirv::MemoryAccess::None) |
           spirv::MemoryAccess::NonPrivatePointer;
  };
  module.walk([&](Operation *op) {
    llvm::TypeSwitch<Operation *>(op)
        .Case<spirv::LoadOp, spirv::StoreOp>([&](auto access) {
          if (isShared(access.getPtr()))
            access.setMemoryAccess(shared(access.getMemoryAccess()));
        })
        .Case<spirv::KHRCooperativeMatrixLoadOp,
              spirv::KHRCooperativeMatrixStoreOp>([&](auto access) {
          if (isShared(access.getPointer()))
            access.setMemoryOperand(shared(access.getMemoryOperand()));
        })
        .Case([&](spirv::ControlBarrierOp barrier) {
          barrier.setMemorySemantics(barrier.getMemorySemantics() |
                                     spirv::MemorySemantics::MakeAvailable |
                                     spirv::MemorySemantics::MakeVisible);
        });
  });
}

/// Vulkan's devices may take some numbers for others unless a kernel asks them
/// not to.
static void askForAllNumbers(spirv::FuncOp kernel, GpuAttr target) {
  constexpr int32_t f16Bits = 16, f32Bits = 32;
  OpBuilder builder(kernel.getContext());
  builder.setInsertionPointAfter(kernel);
  auto ask = [&](bool has, spirv::ExecutionMode mode, int32_t bits) {
    if (has)
      spirv::ExecutionModeOp::create(builder, kernel.getLoc(), kernel, mode,
                                     bits);
  };
  for (int32_t bits : {f32Bits, f16Bits}) {
    if (bits == f16Bits && !target.getFloat16())
      break;
    ask(target.getDenormals(), spirv::ExecutionMode::DenormPreserve, bits);
    ask(target.getNonfinite(), spirv::ExecutionMode::SignedZeroInfNanPreserve,
        bits);
  }
}

/// Of OpenCL's devices that have several, which it is.
static void askForSubgroups(spirv::FuncOp kernel, GpuAttr target) {
  OpBuilder builder(kernel.getContext());
  builder.setInsertionPointAfter(kernel);
  spirv::ExecutionModeOp::create(builder, kernel.getLoc(), kernel,
                                 spirv::ExecutionMode::SubgroupSize,
                                 int32_t(target.getSubgroupSize()));
}

namespace {
/// Atomic operations on buffers. MLIR has none for OpenCL's, and orders other
/// memory by Vulkan's without saying which, which is no valid module. Nothing
/// is ordered by them here.
struct AtomicPattern : OpConversionPattern<memref::AtomicRMWOp> {
  AtomicPattern(const TypeConverter &types, MLIRContext *context)
      : OpConversionPattern(types, context, /*benefit=*/2) {}

  LogicalResult
  matchAndRewrite(memref::AtomicRMWOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Value pointer = spirv::getElementPtr(
        *getTypeConverter<SPIRVTypeConverter>(), op.getMemRefType(),
        adaptor.getMemref(), adaptor.getIndices(), loc, rewriter);
    constexpr auto scope = spirv::Scope::Device;
    constexpr auto semantics = spirv::MemorySemantics::None;
    Type type = adaptor.getValue().getType();
    switch (op.getKind()) {
    case arith::AtomicRMWKind::andi:
      rewriter.replaceOpWithNewOp<spirv::AtomicAndOp>(
          op, type, pointer, scope, semantics, adaptor.getValue());
      return success();
    case arith::AtomicRMWKind::ori:
      rewriter.replaceOpWithNewOp<spirv::AtomicOrOp>(
          op, type, pointer, scope, semantics, adaptor.getValue());
      return success();
    default:
      return rewriter.notifyMatchFailure(op, "is not an operation on bits");
    }
  }
};

/// OpenCL's numbers of work-items are as wide as addresses, those of subgroups
/// and within them are not.
template <class Query, spirv::BuiltIn builtin>
struct SubgroupQueryPattern : OpConversionPattern<Query> {
  SubgroupQueryPattern(const TypeConverter &types, MLIRContext *context)
      : OpConversionPattern<Query>(types, context, /*benefit=*/2) {}

  LogicalResult
  matchAndRewrite(Query op, typename Query::Adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Value number = spirv::getBuiltinVariableValue(
        op, builtin, rewriter.getI32Type(), rewriter);
    Type index = this->getTypeConverter()->convertType(op.getType());
    rewriter.replaceOpWithNewOp<spirv::UConvertOp>(op, index, number);
    return success();
  }
};

struct KernelsToSpirvPass
    : rlx::impl::KernelsToSpirvPassBase<KernelsToSpirvPass> {
  llvm::SmallPtrSet<Operation *, 8> done; ///< The modules that were made.

  void runOnOperation() override {
    done.clear();
    for (auto module :
         llvm::to_vector(getOperation().getOps<gpu::GPUModuleOp>()))
      if (failed(convert(module)))
        return signalPassFailure();
    for (auto module : getOperation().getOps<spirv::ModuleOp>())
      if (multipliesMatrices(module))
        useVulkanMemoryModel(module);
  }

  /// MLIR's conversion says which operation it does not know, but not what to
  /// do about it.
  LogicalResult convertAll(gpu::GPUModuleOp module, ConversionTarget &legal,
                           RewritePatternSet patterns) {
    std::optional<Location> where;
    std::string what;
    {
      ScopedDiagnosticHandler collect(&getContext(), [&](Diagnostic &said) {
        if (said.getSeverity() != DiagnosticSeverity::Error)
          return failure();
        if (!where) {
          where = said.getLocation();
          what = said.str();
        }
        return success();
      });
      if (succeeded(applyFullConversion(module, legal, std::move(patterns))))
        return success();
    }
    return emitError(where.value_or(module.getLoc()))
           << "this device has no code for an operation of the program: "
           << what << "; run the program on the CPU";
  }

  LogicalResult convert(gpu::GPUModuleOp module) {
    MLIRContext *context = &getContext();
    auto target = module->getAttrOfType<GpuAttr>(targetAttributeName);
    if (!target)
      return emitError(module.getLoc())
             << "expected the kernels to have a target, '"
             << targetAttributeName << "'";
    if (target.getVectorWidth() > 1)
      return emitError(module.getLoc())
             << "kernels for a vector_width of " << target.getVectorWidth()
             << " are OpenCL C; expected 1 for SPIR-V";
    bool isVulkan = target.getApi() == GpuApi::vulkan;
    bool hasMatrices = module
                           .walk([](gpu::SubgroupMmaComputeOp) {
                             return WalkResult::interrupt();
                           })
                           .wasInterrupted();
    llvm::StringSet<> exact;
    for (auto kernel : module.getOps<gpu::GPUFuncOp>())
      if (kernel->removeAttr(exactAttributeName))
        exact.insert(kernel.getName());
    if (isVulkan) {
      if (failed(expandForVulkan(module, exact)))
        return failure();
      limitIterations(module, exact);
    } else {
      expandMaxima(module, exact);
    }
    // What is left is expanded without a care for zeros' signs.
    OpPassManager expand(gpu::GPUModuleOp::getOperationName());
    expand.addPass(arith::createArithExpandOpsPass());
    if (failed(runPipeline(expand, module)))
      return failure();
    spirv::TargetEnvAttr environment = environmentOf(target, hasMatrices);
    module->setAttr(spirv::getTargetEnvAttrName(), environment);
    llvm::StringSet<> withSubgroups;
    for (auto kernel : module.getOps<gpu::GPUFuncOp>()) {
      if (!isVulkan && countsOnSubgroups(kernel))
        withSubgroups.insert(kernel.getName());
      attributionsToAllocations(kernel);
      if (isVulkan)
        scalarsToBuffer(kernel);
      std::optional<ArrayRef<int32_t>> size = kernel.getKnownBlockSize();
      kernel->setAttr(spirv::getEntryPointABIAttrName(),
                      spirv::getEntryPointABIAttr(
                          context, size.value_or(ArrayRef<int32_t>{1, 1, 1})));
      kernel.removeKnownBlockSizeAttr();
      for (unsigned i = 0; i < kernel.getNumArguments(); ++i)
        kernel.removeArgAttr(i, "rlx.name");
    }
    if (failed(reduceByShuffles(module, target)))
      return failure();
    spirv::MemorySpaceToStorageClassConverter spaces(
        [=](Attribute space) { return storageClass(space, isVulkan); });
    spirv::convertMemRefTypesAndAttrs(module, spaces);

    SPIRVConversionOptions options;
    // A type that the target lacks is an error here, never a wider one: its
    // buffers would be read wrong.
    options.emulateUnsupportedFloatTypes = false;
    options.emulateLT32BitScalarTypes = true;
    options.use64bitIndex = !isVulkan;
    SPIRVTypeConverter types(environment, options);
    populateMMAToSPIRVCoopMatrixTypeConversion(types);
    ScfToSPIRVContext scfContext;
    RewritePatternSet patterns(context);
    populateGPUToSPIRVPatterns(types, patterns);
    populateGpuWMMAToSPIRVCoopMatrixKHRConversionPatterns(types, patterns);
    populateSCFToSPIRVPatterns(types, scfContext, patterns);
    arith::populateArithToSPIRVPatterns(types, patterns);
    populateMathToSPIRVPatterns(types, patterns);
    populateMemRefToSPIRVPatterns(types, patterns);
    populateFuncToSPIRVPatterns(types, patterns);
    populateVectorToSPIRVPatterns(types, patterns);
    patterns.add<AtomicPattern>(types, context);
    if (!isVulkan)
      patterns.add<
          SubgroupQueryPattern<gpu::SubgroupIdOp, spirv::BuiltIn::SubgroupId>,
          SubgroupQueryPattern<gpu::LaneIdOp,
                               spirv::BuiltIn::SubgroupLocalInvocationId>>(
          types, context);
    std::unique_ptr<ConversionTarget> legal =
        SPIRVConversionTarget::get(environment);
    if (failed(convertAll(module, *legal, std::move(patterns))))
      return failure();
    // What described the kernels to the conversion.
    for (auto converted : getOperation().getOps<spirv::ModuleOp>()) {
      if (!done.insert(converted).second)
        continue;
      converted->setAttr(spirv::getTargetEnvAttrName(), environment);
      for (auto function : llvm::to_vector(converted.getOps<spirv::FuncOp>())) {
        if (!function->hasAttr(spirv::getEntryPointABIAttrName()))
          continue;
        askForAllNumbers(function, target);
        if (isVulkan && exact.contains(function.getName()))
          forbidContraction(function);
        if (withSubgroups.contains(function.getName()))
          askForSubgroups(function, target);
      }
    }
    return success();
  }
};
} // namespace
