//===- SpirvRequirements.cpp - What a SPIR-V module declares --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/PassDetail.h"

#include "mlir/Dialect/SPIRV/IR/SPIRVOps.h"
#include "mlir/Dialect/SPIRV/IR/TargetAndABI.h"
#include "mlir/Dialect/SPIRV/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"

namespace rlx {
#define GEN_PASS_DEF_SPIRVREQUIREMENTSPASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

namespace {
struct SpirvRequirementsPass
    : rlx::impl::SpirvRequirementsPassBase<SpirvRequirementsPass> {
  void runOnOperation() override {
    spirv::ModuleOp module = getOperation();
    spirv::TargetEnvAttr wanted = spirv::lookupTargetEnv(module);
    if (!wanted) {
      module.emitError() << "expected a target environment, '"
                         << spirv::getTargetEnvAttrName() << "'";
      return signalPassFailure();
    }
    spirv::VerCapExtAttr has = wanted.getTripleAttr();
    auto newest = spirv::VerCapExtAttr::get(
        spirv::Version::V_1_6, llvm::to_vector(has.getCapabilities()),
        llvm::to_vector(has.getExtensions()), &getContext());
    StringRef name = spirv::getTargetEnvAttrName();
    module->setAttr(name, spirv::TargetEnvAttr::get(
                              newest, wanted.getResourceLimits(),
                              wanted.getClientAPI(), wanted.getVendorID(),
                              wanted.getDeviceType(), wanted.getDeviceID()));
    OpPassManager update(spirv::ModuleOp::getOperationName());
    update.addPass(spirv::createSPIRVUpdateVCEPass());
    if (failed(runPipeline(update, module)))
      return signalPassFailure();
    module->setAttr(name, wanted);
    std::optional<spirv::VerCapExtAttr> needs = module.getVceTriple();
    if (!needs)
      return;
    auto capabilities = llvm::to_vector(needs->getCapabilities());
    constexpr auto subgroups = spirv::Capability::GroupNonUniform;
    auto isOfSubgroup = [](spirv::GlobalVariableOp variable) {
      return variable.getBuiltIn() == "SubgroupId";
    };
    // Kernels of OpenCL have it anyway.
    if (llvm::any_of(module.getOps<spirv::GlobalVariableOp>(), isOfSubgroup) &&
        !llvm::is_contained(capabilities, spirv::Capability::Kernel) &&
        !llvm::is_contained(capabilities, subgroups))
      capabilities.push_back(subgroups);
    // Drivers that start no kernels from kernels need not know what comes with
    // the size of subgroups.
    llvm::erase(capabilities, spirv::Capability::DeviceEnqueue);
    module.setVceTripleAttr(spirv::VerCapExtAttr::get(
        std::min(needs->getVersion(), has.getVersion()), capabilities,
        llvm::to_vector(needs->getExtensions()), &getContext()));
  }
};
} // namespace
