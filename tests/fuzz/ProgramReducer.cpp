//===- ProgramReducer.cpp - Less of a program that fails ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Returns one value after the other in place of the results, in the order of
// the program, and keeps the first that fails: what it does not depend on goes.
//
//===----------------------------------------------------------------------===//

#include "tests/fuzz/ProgramReducer.h"

#include "codegen/Compiler.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace rlx;
using namespace rlx::fuzz;

/// Makes the function return `value` only, and removes what nobody needs.
static void returnOnly(mlir::func::FuncOp function, mlir::Value value) {
  mlir::Operation *end = function.front().getTerminator();
  mlir::OpBuilder builder(end);
  mlir::func::ReturnOp::create(builder, end->getLoc(), value);
  end->erase();
  function.setType(mlir::FunctionType::get(
      function.getContext(), function.getArgumentTypes(), value.getType()));
  for (bool changed = true; changed;) {
    changed = false;
    llvm::SmallVector<mlir::Operation *> dead;
    for (mlir::Operation &op : function.front())
      if (mlir::isOpTriviallyDead(&op) ||
          (llvm::isa<mlir::func::CallOp>(op) && op.use_empty()))
        dead.push_back(&op);
    for (mlir::Operation *op : llvm::reverse(dead)) {
      op->erase();
      changed = true;
    }
  }
}

static std::string textOf(mlir::ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module.print(stream);
  return text;
}

int rlx::fuzz::reduceProgram(const RandomProgram &program,
                             const std::vector<RunTarget> &targets,
                             llvm::raw_ostream &stream) {
  std::vector<RunTarget> failing;
  auto failure = [&](const RandomProgram &candidate,
                     const std::vector<RunTarget> &on) -> std::string {
    for (const RunOutcome &outcome :
         runInChild([&] { return candidate; }, on)) {
      if (outcome.verdict != Verdict::wrong)
        continue;
      failing = {on.front()};
      for (const RunTarget &target : on)
        if (outcome.target.rfind(target.name, 0) == 0)
          failing = {target};
      return outcome.target + ": " + outcome.message;
    }
    return "";
  };
  std::string first = failure(program, targets);
  if (first.empty()) {
    stream << "nothing is wrong\n";
    return 0;
  }
  RandomProgram best = program;
  std::string how = first;
  std::unique_ptr<mlir::MLIRContext> context = createContext();
  auto module = parseText(*context, program.text);
  if (!module) {
    stream << llvm::toString(module.takeError()) << "\n";
    return 1;
  }
  auto main = (*module)->lookupSymbol<mlir::func::FuncOp>("main");
  if (main.getBody().hasOneBlock()) {
    size_t values = 0;
    for (mlir::Operation &op : main.front())
      values += op.getNumResults();
    for (size_t wanted = 0; wanted < values; ++wanted) {
      mlir::OwningOpRef<mlir::ModuleOp> copy((*module)->clone());
      auto function = copy->lookupSymbol<mlir::func::FuncOp>("main");
      size_t at = 0;
      mlir::Value value;
      for (mlir::Operation &op : function.front())
        for (mlir::Value result : op.getResults())
          if (at++ == wanted)
            value = result;
      auto type = llvm::dyn_cast<mlir::RankedTensorType>(value.getType());
      if (!type || type.getEncoding())
        continue;
      returnOnly(function, value);
      RandomProgram candidate = program;
      candidate.text = textOf(*copy);
      candidate.results.clear();
      std::string message = failure(candidate, failing);
      if (message.empty())
        continue;
      best = candidate;
      how = message;
      break;
    }
  }
  for (const Data &input : best.inputs)
    stream << "// input: "
           << TensorView{input.type, input.shape, nullptr}.describe() << "\n";
  stream << "// " << how << "\n" << best.text;
  return 1;
}
