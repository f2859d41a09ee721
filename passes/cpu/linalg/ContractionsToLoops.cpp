//===- ContractionsToLoops.cpp - Contractions of linalg become loops ------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/cpu/linalg/ContractionBuilder.h"
#include "passes/program/ProgramPasses.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

namespace rlx {
#define GEN_PASS_DEF_CONTRACTIONSTOLOOPSPASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

namespace {
struct ContractionsToLoopsPass
    : rlx::impl::ContractionsToLoopsPassBase<ContractionsToLoopsPass> {
  using ContractionsToLoopsPassBase::ContractionsToLoopsPassBase;

  void runOnOperation() override {
    const CpuProperties cpu = CpuAttr::of(getOperation());
    auto emit = [&](linalg::LinalgOp op,
                    std::optional<ContractionEpilogue> epilogue) {
      bool isFused = epilogue.has_value();
      return emitContraction(
          op, cpu,
          [&](const std::string &what) {
            if (printChoices)
              op->emitRemark()
                  << what << (isFused ? ", with what follows it" : "");
          },
          std::move(epilogue));
    };
    SmallVector<scf::ExecuteRegionOp> pairs;
    getOperation().walk([&](scf::ExecuteRegionOp region) {
      if (region->hasAttr(fusedContraction))
        pairs.push_back(region);
    });
    for (scf::ExecuteRegionOp region : pairs) {
      Block &block = region.getRegion().front();
      auto op = cast<linalg::LinalgOp>(&block.front());
      auto epilogue = cast<linalg::LinalgOp>(op->getNextNode());
      auto read = Contraction::readEpilogue(op, epilogue);
      if (read)
        read->ownsSums =
            region->getAttrOfType<BoolAttr>(fusedContraction).getValue();
      if (read && emit(op, std::move(read))) {
        epilogue->erase();
        op->erase();
      }
      block.getTerminator()->erase();
      region->getBlock()->getOperations().splice(region->getIterator(),
                                                 block.getOperations());
      region->erase();
    }
    SmallVector<linalg::LinalgOp> all;
    getOperation().walk([&](linalg::LinalgOp op) { all.push_back(op); });
    for (linalg::LinalgOp op : all)
      if (emit(op, std::nullopt))
        op->erase();
  }
};
} // namespace
