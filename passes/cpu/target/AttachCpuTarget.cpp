//===- AttachCpuTarget.cpp - The CPU as an attribute of the module --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/PassDetail.h"
#include "passes/cpu/target/CpuFeatures.h"

#include "ir/NearNames.h"

#include "mlir/AsmParser/AsmParser.h"

namespace rlx {
#define GEN_PASS_DEF_ATTACHCPUTARGETPASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

namespace {
struct AttachCpuTargetPass
    : rlx::impl::AttachCpuTargetPassBase<AttachCpuTargetPass> {
  using AttachCpuTargetPassBase::AttachCpuTargetPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (!target.empty()) {
      Attribute parsed = parseAttribute(target, &getContext());
      if (!parsed) // The parser said why.
        return signalPassFailure();
      auto cpu = dyn_cast<CpuAttr>(parsed);
      if (!cpu) {
        module.emitError() << "expected the option 'target' to be a #rlx.cpu "
                              "attribute, but got '"
                           << target << "'";
        return signalPassFailure();
      }
      module->setAttr(targetAttributeName, cpu);
    }
    // What kernels do not know would be as if it were not said.
    ArrayRef<StringRef> known = knownCpuFeatures();
    for (const std::string &feature : CpuAttr::of(module).features)
      if (!llvm::is_contained(known, feature)) {
        std::string near = didYouMean(
            feature, SmallVector<std::string>(known.begin(), known.end()));
        module.emitError() << "no kernel uses the feature '" << feature << "'"
                           << (near.empty()
                                   ? ", only " + llvm::join(known, ", ")
                                   : near);
        return signalPassFailure();
      }
  }
};
} // namespace
