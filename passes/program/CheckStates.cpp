//===- CheckStates.cpp - States are what they are said to be --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A state is an argument that a function reads and writes in place: its value
// after the call is one of the results, which has its name. What does not fit
// together is refused here, where the program is as its author wrote it.
//
//===----------------------------------------------------------------------===//

#include "passes/PassDetail.h"
#include "passes/program/ProgramPasses.h"

#include "llvm/ADT/StringMap.h"

namespace rlx {
#define GEN_PASS_DEF_CHECKSTATESPASS
#include "passes/program/ProgramPasses.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

static constexpr llvm::StringLiteral attributeName = "rlx.state";

/// The name of a state; null, after an error, where the mark is none.
static StringAttr nameOf(func::FuncOp function, Attribute mark,
                         const Twine &where) {
  auto name = dyn_cast<StringAttr>(mark);
  if (name && !name.empty())
    return name;
  function.emitOpError() << "expected rlx.state of " << where
                         << " to be the name of a state, a string, but got "
                         << mark;
  return {};
}

static LogicalResult check(func::FuncOp function, bool isCalled) {
  llvm::StringMap<unsigned> arguments, results;
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    Attribute mark = function.getArgAttr(i, attributeName);
    if (!mark)
      continue;
    StringAttr name = nameOf(function, mark, "argument " + Twine(i));
    if (!name)
      return failure();
    if (function.isPrivate() || function.isExternal() || isCalled)
      return function.emitOpError()
             << "has the state '" << name.getValue()
             << "', expected states in functions that the runtime calls, and "
                "no other";
    if (!isa<RankedTensorType>(function.getArgumentTypes()[i]))
      return function.emitOpError() << "expected the state '" << name.getValue()
                                    << "' to be a ranked tensor, but got "
                                    << function.getArgumentTypes()[i];
    if (function.getArgAttr(i, "rlx.weight"))
      return function.emitOpError()
             << "argument " << i << " is a weight and the state '"
             << name.getValue() << "', expected one of both";
    if (!arguments.try_emplace(name, i).second)
      return function.emitOpError()
             << "has the state '" << name.getValue() << "' twice, as arguments "
             << arguments[name] << " and " << i;
  }
  for (unsigned i = 0; i < function.getNumResults(); ++i) {
    Attribute mark = function.getResultAttr(i, attributeName);
    if (!mark)
      continue;
    StringAttr name = nameOf(function, mark, "result " + Twine(i));
    if (!name)
      return failure();
    auto argument = arguments.find(name);
    if (argument == arguments.end())
      return function.emitOpError()
             << "returns the state '" << name.getValue() << "' as result " << i
             << ", expected an argument with rlx.state = \"" << name.getValue()
             << "\", what it is before the call";
    if (!results.try_emplace(name, i).second)
      return function.emitOpError()
             << "returns the state '" << name.getValue()
             << "' twice, as results " << results[name] << " and " << i;
    Type before = function.getArgumentTypes()[argument->second],
         after = function.getResultTypes()[i];
    if (before != after)
      return function.emitOpError()
             << "expected result " << i << ", the state '" << name.getValue()
             << "', to be of " << before << " as argument " << argument->second
             << " is, but got " << after;
  }
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    if (auto name = function.getArgAttrOfType<StringAttr>(i, attributeName);
        name && !results.contains(name))
      return function.emitOpError()
             << "takes the state '" << name.getValue() << "' as argument " << i
             << ", expected a result with rlx.state = \"" << name.getValue()
             << "\", what it is after the call";
  return success();
}

namespace {
struct CheckStatesPass : rlx::impl::CheckStatesPassBase<CheckStatesPass> {
  void runOnOperation() override {
    SymbolTableCollection tables;
    SymbolUserMap users(tables, getOperation());
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (failed(check(function, !users.useEmpty(function))))
        return signalPassFailure();
  }
};
} // namespace
