//===- PrepareCalls.cpp - Programs that can be linked ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiled code is linked with nothing but the host, and the buffers of results
// belong to the caller. What cannot be compiled for that is refused here, where
// the program is still as its author wrote it.
//
//===----------------------------------------------------------------------===//

#include "passes/PassDetail.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

namespace rlx {
#define GEN_PASS_DEF_PREPARECALLSPASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

/// Whether some result has a size that a caller does not know.
static bool hasDynamicResults(func::FuncOp function) {
  return llvm::any_of(function.getResultTypes(), [](Type type) {
    auto shaped = dyn_cast<ShapedType>(type);
    return shaped && (!shaped.hasRank() || !shaped.hasStaticShape());
  });
}

namespace {
struct PrepareCallsPass : rlx::impl::PrepareCallsPassBase<PrepareCallsPass> {
  void runOnOperation() override {
    if (failed(checkTopLevel()) || failed(collectCalls()) ||
        failed(checkRecursion()))
      signalPassFailure();
  }

  /// A program is functions, and constants of theirs.
  LogicalResult checkTopLevel() {
    for (Operation &op : *getOperation().getBody()) {
      auto symbol = dyn_cast<SymbolOpInterface>(op);
      if (symbol && symbol.getName().starts_with(hostPrefix))
        return op.emitError()
               << "expected a function with another name than '"
               << symbol.getName() << "': names that begin with '" << hostPrefix
               << "' are the host's";
      if (isa<func::FuncOp, memref::GlobalOp>(op))
        continue;
      InFlightDiagnostic error =
          op.emitError() << "expected a program of functions, func.func, but "
                            "got '"
                         << op.getName() << "' beside them";
      if (isa<ModuleOp>(op))
        error << "; move the functions of the inner module out of it";
      return error;
    }
    return success();
  }

  LogicalResult collectCalls() {
    SymbolTable symbols(getOperation());
    calls.clear();
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      WalkResult walked = function.walk([&](CallOpInterface call) {
        return WalkResult(collect(symbols, function, call));
      });
      if (walked.wasInterrupted())
        return failure();
    }
    return success();
  }

  LogicalResult collect(const SymbolTable &symbols, func::FuncOp caller,
                        CallOpInterface interface) {
    auto call = dyn_cast<func::CallOp>(interface.getOperation());
    if (!call)
      return interface.emitOpError(
          "cannot be compiled, expected calls to be func.call, which names a "
          "function of the program");
    auto callee = symbols.lookup<func::FuncOp>(call.getCallee());
    if (!callee || callee.isExternal())
      return call.emitOpError()
             << "calls '" << call.getCallee()
             << "', but the program has no function of that name with a body; "
                "nothing else is linked, a definition is needed";
    calls[caller].push_back(call);
    // What a caller cannot allocate results for, and weights, which come from
    // outside, are only compiled as a part of the caller.
    bool hasWeights =
        callee.walk([](WeightOp) { return WalkResult::interrupt(); })
            .wasInterrupted();
    if (!hasWeights && !hasDynamicResults(callee))
      return success();
    for (Operation *op : {callee.getOperation(), call.getOperation()})
      if (op->removeAttr("no_inline"))
        op->emitRemark() << "'" << callee.getName() << "' is inlined although "
                         << "it says no_inline: it has "
                         << (hasWeights ? "weights"
                                        : "results of dynamic sizes");
    return success();
  }

  /// Looks for a path of calls that leads back to where it began.
  LogicalResult checkRecursion() {
    llvm::SetVector<Operation *> done;
    for (auto &entry : calls) {
      llvm::SetVector<Operation *> path;
      if (failed(follow(entry.first, path, done)))
        return failure();
    }
    return success();
  }

  LogicalResult follow(func::FuncOp function,
                       llvm::SetVector<Operation *> &path,
                       llvm::SetVector<Operation *> &done) {
    if (done.contains(function))
      return success();
    path.insert(function);
    for (func::CallOp call : calls.lookup(function)) {
      auto callee = getOperation().lookupSymbol<func::FuncOp>(call.getCallee());
      if (path.contains(callee)) {
        InFlightDiagnostic error = call.emitOpError();
        error << "closes a circle of calls: ";
        auto begin = llvm::find(path, callee.getOperation());
        for (Operation *on : llvm::make_range(begin, path.end()))
          error << "'" << cast<func::FuncOp>(on).getName() << "' calls ";
        return error << "'" << callee.getName()
                     << "'; functions cannot call themselves, use scf.while or "
                        "scf.for";
      }
      if (failed(follow(callee, path, done)))
        return failure();
    }
    path.pop_back();
    done.insert(function);
    return success();
  }

  static constexpr StringLiteral hostPrefix = "rlx_";
  llvm::MapVector<func::FuncOp, SmallVector<func::CallOp>> calls;
};
} // namespace
