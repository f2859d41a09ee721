//===- Evaluate.cpp - What a program computes, exactly --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/reference/Evaluate.h"

#include "codegen/Diagnostics.h"
#include "codegen/reference/Interpreter.h"

using namespace mlir;
using namespace rlx;

llvm::Expected<std::vector<ReferenceTensor>>
rlx::evaluate(ModuleOp module, WeightLookUp weights, llvm::StringRef name,
              llvm::ArrayRef<TensorView> inputs) {
  auto function = module.lookupSymbol<func::FuncOp>(name);
  if (!function || function.isExternal())
    return llvm::createStringError("the program has no function '" + name +
                                   "'");
  DiagnosticCollector diagnostics(module.getContext(), nullptr);
  std::string failure = "'" + name.str() + "' cannot be evaluated";
  Interpreter interpreter(module, weights);
  SmallVector<Datum> arguments;
  size_t next = 0;
  for (BlockArgument argument : function.getArguments()) {
    auto type = dyn_cast<RankedTensorType>(argument.getType());
    unsigned number = argument.getArgNumber();
    if (!type)
      return llvm::createStringError("expected argument " + Twine(number) +
                                     " of '" + name + "' to be a tensor");
    if (auto weight =
            function.getArgAttrOfType<StringAttr>(number, "rlx.weight")) {
      FailureOr<Datum> datum = interpreter.weight(function, weight, type);
      if (failed(datum))
        return diagnostics.takeError(failure);
      arguments.push_back(*datum);
      continue;
    }
    if (next == inputs.size())
      break;
    llvm::Expected<Datum> datum =
        Datum::stored(type, inputs[next], "input " + std::to_string(next));
    if (!datum)
      return datum.takeError();
    ++next;
    arguments.push_back(std::move(*datum));
  }
  if (next != inputs.size() || arguments.size() != function.getNumArguments())
    return llvm::createStringError("expected as many inputs as '" + name +
                                   "' takes, but got " + Twine(inputs.size()));
  FailureOr<Interpreter::Results> results =
      interpreter.call(function, function, arguments);
  if (failed(results))
    return diagnostics.takeError(failure);
  std::vector<ReferenceTensor> tensors;
  for (const Datum &datum : *results) {
    if (!datum.isTensor() || datum.isQuantized())
      return llvm::createStringError("'" + name +
                                     "' cannot be verified: it returns what is "
                                     "no tensor of numbers");
    tensors.push_back({datum.shape(), datum.numbers(), datum.magnitudes()});
  }
  return tensors;
}
