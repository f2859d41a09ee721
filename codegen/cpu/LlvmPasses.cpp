//===- LlvmPasses.cpp - What LLVM does before it generates code -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/cpu/LlvmPasses.h"

#include "llvm/Analysis/LoopInfo.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Transforms/IPO/AlwaysInliner.h"
#include "llvm/Transforms/IPO/GlobalDCE.h"

using namespace rlx;

/// Whether `function` is called in one place and may become a part of it: long
/// functions (LongFunctions.h) stay by themselves, and without loops.
static bool isPartOfItsCaller(llvm::Function &function) {
  if (!function.hasInternalLinkage() || !function.hasOneUse() ||
      function.hasFnAttribute(llvm::Attribute::NoInline))
    return false;
  auto *call = llvm::dyn_cast<llvm::CallInst>(*function.user_begin());
  return call && !call->getFunction()->hasOptNone();
}

/// Removes what functions of external linkage do not reach. Wrappers take in
/// what they wrap before either is optimized.
static void keepReached(llvm::Module &module,
                        llvm::ModuleAnalysisManager &analyses) {
  llvm::GlobalDCEPass().run(module, analyses);
  for (llvm::Function &function : module)
    if (isPartOfItsCaller(function))
      function.addFnAttr(llvm::Attribute::AlwaysInline);
  llvm::AlwaysInlinerPass().run(module, analyses);
}

/// Whether all innermost loops compute with vectors, as those of kernels do,
/// which come unrolled and vectorized.
static bool isVectorized(const llvm::LoopInfo &loops) {
  auto hasVectors = [](const llvm::BasicBlock *block) {
    return llvm::any_of(*block, [](const llvm::Instruction &instruction) {
      auto *store = llvm::dyn_cast<llvm::StoreInst>(&instruction);
      return (store ? store->getValueOperand() : &instruction)
          ->getType()
          ->isVectorTy();
    });
  };
  return llvm::all_of(loops.getLoopsInPreorder(), [&](const llvm::Loop *loop) {
    return !loop->isInnermost() || llvm::any_of(loop->blocks(), hasVectors);
  });
}

llvm::Error rlx::optimize(llvm::Module &module, llvm::TargetMachine &machine) {
  // Most of what O2 runs finds nothing in kernels, for two thirds of its time.
  constexpr llvm::StringLiteral kernel =
      "sroa<modify-cfg>,early-cse<memssa>,simplifycfg,"
      "instcombine<no-verify-fixpoint>,loop-mssa(loop-rotate,licm),"
      "early-cse<memssa>,instcombine<no-verify-fixpoint>";
  constexpr llvm::StringLiteral scalar =
      "sroa<modify-cfg>,early-cse<memssa>,simplifycfg,"
      "instcombine<no-verify-fixpoint>,"
      "loop-mssa(loop-rotate,licm),loop(loop-idiom,indvars),"
      "early-cse<memssa>,dse,"
      "loop-vectorize,instcombine<no-verify-fixpoint>,simplifycfg";
  // Addresses of a register tile's rows differ by constants, which loads and
  // stores can add. Where two ports do all that vectors do
  // (CpuTarget::configure), this is 3 % of large matmuls; on others it was not
  // measured.
  constexpr llvm::StringLiteral addresses =
      "separate-const-offset-from-gep,early-cse,loop-mssa(licm)";
  bool separatesAddresses =
      machine.getTargetTriple().isX86() &&
      machine.getMCSubtargetInfo()->checkFeatures("+prefer-256-bit");
  llvm::PassBuilder builder(&machine);
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager callGraph;
  llvm::ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(callGraph);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, callGraph, modules);
  keepReached(module, modules);
  llvm::FunctionPassManager kernelPasses, scalarPasses;
  if (auto error = builder.parsePassPipeline(kernelPasses, kernel))
    return error;
  if (auto error = builder.parsePassPipeline(scalarPasses, scalar))
    return error;
  if (separatesAddresses)
    for (llvm::FunctionPassManager *passes : {&kernelPasses, &scalarPasses})
      if (auto error = builder.parsePassPipeline(*passes, addresses))
        return error;
  for (llvm::Function &function : module) {
    if (function.isDeclaration())
      continue;
    bool isKernel =
        isVectorized(functions.getResult<llvm::LoopAnalysis>(function));
    (isKernel ? kernelPasses : scalarPasses).run(function, functions);
  }
  return llvm::Error::success();
}
