//===- RoundToBf16.cpp - Conversions to bf16 in code ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rounds to the nearest, of two to the even one, with integers. A double goes
// by way of float, where what is not exact becomes odd: that is neither a
// number of bf16 nor the middle of two.
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/RoundToBf16.h"

#include "llvm/IR/IRBuilder.h"
#include "llvm/Transforms/Utils/ModuleUtils.h"

using namespace rlx;

static bool hasBf16(const llvm::Module &module) {
  auto isBf16 = [](const llvm::Type *type) {
    return type->getScalarType()->isBFloatTy();
  };
  for (const llvm::Function &function : module)
    for (const llvm::BasicBlock &block : function)
      for (const llvm::Instruction &instruction : block)
        if (isBf16(instruction.getType()) ||
            llvm::any_of(instruction.operands(), [&](const llvm::Use &use) {
              return isBf16(use->getType());
            }))
          return true;
  return false;
}

/// The bits of a float whose rounding is that of the double `x`.
static llvm::Value *roundToOdd(llvm::IRBuilder<> &b, llvm::Value *x) {
  llvm::Value *single = b.CreateFPTrunc(x, b.getFloatTy());
  llvm::Value *back = b.CreateFPExt(single, b.getDoubleTy());
  auto magnitude = [&](llvm::Value *value) {
    return b.CreateAnd(b.CreateBitCast(value, b.getInt64Ty()),
                       b.getInt64(INT64_MAX));
  };
  llvm::Value *isAway = b.CreateICmpUGT(magnitude(back), magnitude(x));
  llvm::Value *bits = b.CreateBitCast(single, b.getInt32Ty());
  llvm::Value *below = b.CreateSub(bits, b.getInt32(1));
  llvm::Value *odd =
      b.CreateOr(b.CreateSelect(isAway, below, bits), b.getInt32(1));
  return b.CreateSelect(b.CreateFCmpONE(back, x), odd, bits);
}

static llvm::Function *define(llvm::Module &module, llvm::StringRef name,
                              llvm::Type *from) {
  llvm::LLVMContext &context = module.getContext();
  auto *type =
      llvm::FunctionType::get(llvm::Type::getBFloatTy(context), {from}, false);
  auto *function = llvm::Function::Create(
      type, llvm::GlobalValue::InternalLinkage, name, module);
  llvm::IRBuilder<> b(llvm::BasicBlock::Create(context, "", function));
  llvm::Value *x = function->getArg(0);
  llvm::Value *bits = from->isDoubleTy() ? roundToOdd(b, x)
                                         : b.CreateBitCast(x, b.getInt32Ty());
  llvm::Value *last = b.CreateAnd(b.CreateLShr(bits, 16), 1);
  llvm::Value *rounded =
      b.CreateAdd(bits, b.CreateAdd(last, b.getInt32(0x7fff)));
  // A NaN stays one, a quiet one.
  llvm::Value *quiet = b.CreateOr(bits, 0x400000);
  llvm::Value *chosen = b.CreateSelect(b.CreateFCmpUNO(x, x), quiet, rounded);
  b.CreateRet(
      b.CreateBitCast(b.CreateTrunc(b.CreateLShr(chosen, 16), b.getInt16Ty()),
                      llvm::Type::getBFloatTy(context)));
  return function;
}

void rlx::defineRoundingToBf16(llvm::Module &module) {
  if (!hasBf16(module))
    return;
  llvm::LLVMContext &context = module.getContext();
  // Nothing calls them before instructions are selected.
  llvm::appendToCompilerUsed(
      module,
      {define(module, "__truncsfbf2", llvm::Type::getFloatTy(context)),
       define(module, "__truncdfbf2", llvm::Type::getDoubleTy(context))});
}
