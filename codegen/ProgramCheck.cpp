//===- ProgramCheck.cpp - Programs that strangers may write ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/ProgramCheck.h"

#include "mlir/Conversion/ConvertToLLVM/ToLLVMInterface.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace rlx;

/// Dialects on tensors, numbers and control flow, which SizeChecks and the
/// verifiers look after. Those that nothing lowers are refused where they are
/// left over.
static bool isOnValues(StringRef dialect) {
  static const llvm::StringSet<> names = {
      "builtin", "func", "rlx", "tensor", "linalg", "arith",   "math",
      "scf",     "cf",   "ub",  "affine", "index",  "complex", "bufferization"};
  return names.contains(dialect);
}

static bool isMemory(Type type) {
  return isa<BaseMemRefType, LLVM::LLVMPointerType>(type);
}

/// Whether any value that `op` takes, gives or hands to its regions is memory.
static bool touchesMemory(Operation *op) {
  if (llvm::any_of(op->getOperandTypes(), isMemory) ||
      llvm::any_of(op->getResultTypes(), isMemory))
    return true;
  for (Region &region : op->getRegions())
    for (Block &block : region)
      if (llvm::any_of(block.getArgumentTypes(), isMemory))
        return true;
  auto function = dyn_cast<FunctionOpInterface>(op);
  return function && (llvm::any_of(function.getArgumentTypes(), isMemory) ||
                      llvm::any_of(function.getResultTypes(), isMemory));
}

static DictionaryAttr
onlyKept(DictionaryAttr attributes,
         llvm::function_ref<bool(StringRef name)> isKept) {
  SmallVector<NamedAttribute> kept;
  for (NamedAttribute attribute : attributes)
    if (isKept(attribute.getName()))
      kept.push_back(attribute);
  return DictionaryAttr::get(attributes.getContext(), kept);
}

/// Of a function, its arguments and results: MLIR hands all of them to LLVM, as
/// "passthrough" or "personality", and RLX's own are what passes say to each
/// other.
static void dropForeignAttributes(FunctionOpInterface function) {
  // What users say of arguments.
  auto isKnown = [](StringRef name) {
    return name == "rlx.weight" || name == "rlx.observe" || name == "rlx.state";
  };
  auto isState = [](StringRef name) { return name == "rlx.state"; };
  function->setDiscardableAttrs(DictionaryAttr::get(function->getContext()));
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    if (DictionaryAttr attributes = function.getArgAttrDict(i))
      function.setArgAttrs(i, onlyKept(attributes, isKnown));
  for (unsigned i = 0; i < function.getNumResults(); ++i)
    if (DictionaryAttr attributes = function.getResultAttrDict(i))
      function.setResultAttrs(i, onlyKept(attributes, isState));
}

LogicalResult rlx::checkProgram(ModuleOp module) {
  WalkResult result = module.walk<WalkOrder::PreOrder>([&](Operation *op) {
    Dialect *dialect = op->getDialect();
    if (!dialect)
      return WalkResult::advance(); // Nothing lowers it.
    // What may stand beside functions, --rlx-prepare-calls says.
    if (op->getParentOp() == module.getOperation() && !isa<func::FuncOp>(op))
      return WalkResult::skip();
    if (isa<ub::UnreachableOp>(op)) {
      op->emitOpError() << "ends the program without a result; expected "
                           "func.return, and cf.assert for what must not be";
      return WalkResult::interrupt();
    }
    bool isLowered =
        isa<LLVM::LLVMDialect>(dialect) ||
        dialect->getRegisteredInterface<ConvertToLLVMPatternInterface>();
    if (touchesMemory(op) ||
        (isLowered && !isOnValues(dialect->getNamespace()))) {
      op->emitOpError()
          << "works on memory, which nothing checks; expected operations on "
             "tensors, numbers and control flow (rlx, linalg, tensor, arith, "
             "math, scf, cf), or to be told that the program is trusted "
             "(--trusted, trustProgram)";
      return WalkResult::interrupt();
    }
    if (auto function = dyn_cast<FunctionOpInterface>(op)) {
      dropForeignAttributes(function);
      return WalkResult::advance();
    }
    for (NamedAttribute attribute : llvm::to_vector(op->getDiscardableAttrs()))
      if (attribute.getName().strref().starts_with("llvm."))
        op->removeDiscardableAttr(attribute.getName());
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}
