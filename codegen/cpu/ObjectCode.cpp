//===- ObjectCode.cpp - From the LLVM dialect to an object file -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/cpu/ObjectCode.h"

#include "codegen/cpu/LlvmPasses.h"
#include "codegen/cpu/LongFunctions.h"
#include "codegen/cpu/RoundToBf16.h"

#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/Target/TargetMachine.h"

using namespace rlx;

std::string rlx::invokeSymbol(llvm::StringRef function) {
  return ("rlx.invoke." + function).str();
}

std::string rlx::programSymbol(llvm::StringRef function) {
  return ("rlx.program." + function).str();
}

/// `void rlx.invoke.f(void **arguments)` calls f's C wrapper with what the
/// pointers in `arguments` are.
static void addInvoke(llvm::Module &module, llvm::StringRef function) {
  llvm::Function *callee =
      module.getFunction("_mlir_ciface_" + programSymbol(function));
  if (!callee)
    callee = module.getFunction(("_mlir_ciface_" + function).str());
  if (!callee)
    return;
  llvm::LLVMContext &context = module.getContext();
  llvm::Type *pointer = llvm::PointerType::getUnqual(context);
  auto *type =
      llvm::FunctionType::get(llvm::Type::getVoidTy(context), {pointer}, false);
  auto *invoke = llvm::Function::Create(type, llvm::Function::ExternalLinkage,
                                        invokeSymbol(function), module);
  llvm::IRBuilder<> builder(llvm::BasicBlock::Create(context, "", invoke));
  llvm::SmallVector<llvm::Value *> arguments;
  for (unsigned i = 0; i < callee->arg_size(); ++i) {
    llvm::Value *slot =
        builder.CreateConstGEP1_32(pointer, invoke->getArg(0), i);
    arguments.push_back(builder.CreateLoad(pointer, slot));
  }
  builder.CreateCall(callee, arguments);
  builder.CreateRetVoid();
}

llvm::Expected<llvm::SmallVector<char, 0>>
rlx::emitCode(mlir::ModuleOp module, llvm::ArrayRef<std::string> functions,
              const CpuTarget &target, CodeForm form) {
  if (form == CodeForm::llvmDialect) {
    llvm::SmallVector<char, 0> text;
    llvm::raw_svector_ostream(text) << module << "\n";
    return text;
  }
  llvm::Expected<std::unique_ptr<llvm::TargetMachine>> machine =
      target.createMachine();
  if (!machine)
    return machine.takeError();
  mlir::DialectRegistry registry;
  mlir::registerBuiltinDialectTranslation(registry);
  mlir::registerLLVMDialectTranslation(registry);
  module.getContext()->appendDialectRegistry(registry);

  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> llvmModule =
      mlir::translateModuleToLLVMIR(module, context);
  if (!llvmModule)
    return llvm::createStringError(
        "the module could not be translated to LLVM IR");
  llvmModule->setTargetTriple((*machine)->getTargetTriple());
  llvmModule->setDataLayout((*machine)->createDataLayout());
  // Only the entries are called from outside.
  for (llvm::Function &function : *llvmModule)
    if (!function.isDeclaration())
      function.setLinkage(llvm::GlobalValue::InternalLinkage);
  for (const std::string &function : functions)
    addInvoke(*llvmModule, function);
  if ((*machine)->getTargetTriple().isX86() &&
      !(*machine)->getMCSubtargetInfo()->checkFeatures("+avx512bf16"))
    defineRoundingToBf16(*llvmModule);
  // Without it LLVM keeps vectors of 512 bits that are in the code as they are.
  if (target.prefers256Bits())
    for (llvm::Function &function : *llvmModule)
      function.addFnAttr("min-legal-vector-width", "256");
  markLongFunctions(*llvmModule);
  if (auto error = optimize(*llvmModule, **machine))
    return error;

  llvm::SmallVector<char, 0> code;
  llvm::raw_svector_ostream stream(code);
  if (form == CodeForm::llvmIr) {
    llvmModule->print(stream, nullptr);
    return code;
  }
  llvm::legacy::PassManager passes;
  auto type = form == CodeForm::object ? llvm::CodeGenFileType::ObjectFile
                                       : llvm::CodeGenFileType::AssemblyFile;
  if ((*machine)->addPassesToEmitFile(passes, stream, nullptr, type))
    return llvm::createStringError("'" + target.triple +
                                   "' cannot emit this kind of file");
  passes.run(*llvmModule);
  return code;
}
