//===- LongFunctions.cpp - Functions not worth optimizing -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/cpu/LongFunctions.h"

#include "llvm/Analysis/LoopInfo.h"
#include "llvm/IR/Dominators.h"
#include "llvm/IR/InstrTypes.h"

using namespace rlx;

/// Whether the loops, as those that check indices, have little in them.
static bool hasSmallLoops(llvm::Function &function) {
  constexpr size_t most = 64;
  llvm::DominatorTree tree(function);
  llvm::LoopInfo loops(tree);
  size_t count = 0;
  for (const llvm::Loop *loop : loops)
    for (const llvm::BasicBlock *block : loop->blocks())
      count += block->size();
  return count <= most;
}

static bool isLong(llvm::Function &function) {
  constexpr unsigned enough = 64;
  unsigned calls = 0;
  for (const llvm::BasicBlock &block : function)
    for (const llvm::Instruction &instruction : block)
      calls += llvm::isa<llvm::CallBase>(instruction);
  return calls >= enough && hasSmallLoops(function);
}

void rlx::markLongFunctions(llvm::Module &module) {
  for (llvm::Function &function : module)
    if (!function.isDeclaration() && isLong(function)) {
      function.addFnAttr(llvm::Attribute::NoInline);
      function.addFnAttr(llvm::Attribute::OptimizeNone);
    }
}
