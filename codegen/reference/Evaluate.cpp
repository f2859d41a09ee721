//===- Evaluate.cpp - What a program computes, exactly --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/reference/Evaluate.h"

#include "codegen/Diagnostics.h"
#include "codegen/reference/Interpreter.h"
#include "ir/PassedTypes.h"
#include "ir/Scheme.h"
#include "passes/dialects/DialectPasses.h"
#include "passes/dialects/LowerDialects.h"

#include "mlir/Pass/PassManager.h"

using namespace mlir;
using namespace rlx;

/// What a caller has passed for `type`, a tensor or a number.
static llvm::Expected<Datum> argument(Type type, const TensorView &passed,
                                      llvm::StringRef what) {
  auto bytes = cast<RankedTensorType>(passedType(type));
  llvm::Expected<Datum> datum = Datum::stored(bytes, passed, what);
  auto tensor = dyn_cast<RankedTensorType>(type);
  Type single = tensor ? type : RankedTensorType::get({}, type);
  if (!datum || !isPassedPacked(single)) {
    if (datum && !tensor)
      return datum->reshaped(type, {});
    return datum;
  }
  int64_t parts = elementsPerByte(type);
  std::vector<int64_t> shape = datum->shape();
  if (!shape.empty())
    shape.back() = tensor.getShape().back();
  Numbers numbers;
  numbers.reset(getElementTypeOrSelf(type), countOf(shape));
  unsigned width = widthOf(numbers.type);
  int64_t length = shape.empty() ? 1 : shape.back(),
          stored = shape.empty() ? 1 : datum->shape().back();
  for (int64_t i = 0, e = numbers.size(); i < e; ++i) {
    int64_t column = i % length, byte = i / length * stored + column / parts;
    numbers.bits[i] = wrapBits(
        datum->numbers().bits[byte] >> (column % parts * width), width);
  }
  return Datum(type, std::move(shape), std::move(numbers));
}

/// The bytes of a quantized result. Those that rounding may have made others
/// may be any.
static ReferenceTensor storedResult(const Datum &datum) {
  ArrayRef<uint8_t> stored = datum.storedBytes(), others = datum.otherBytes();
  Numbers bytes;
  bytes.reset(IntegerType::get(datum.type().getContext(), 8),
              int64_t(stored.size()));
  std::copy(stored.begin(), stored.end(), bytes.bits.begin());
  for (size_t i = 0; i < others.size(); ++i)
    if (others[i] != stored[i])
      bytes.allDeviations()[i] = unknownDeviation;
  std::vector<int64_t> shape = datum.shape();
  if (!shape.empty())
    shape.back() = datum.scheme()->rowBytes(shape.back());
  return {std::move(shape), std::move(bytes), {}};
}

/// What a caller is given for a result.
static ReferenceTensor passedResult(const Datum &datum) {
  if (datum.isQuantized())
    return storedResult(datum);
  Type type =
      datum.isTensor() ? datum.type() : RankedTensorType::get({}, datum.type());
  if (!isPassedPacked(type))
    return {datum.shape(), datum.numbers(), datum.magnitudes()};
  const Numbers &from = datum.numbers();
  int64_t parts = elementsPerByte(type);
  std::vector<int64_t> shape = datum.shape();
  int64_t length = shape.empty() ? 1 : shape.back();
  if (!shape.empty())
    shape.back() = llvm::divideCeil(uint64_t(length), uint64_t(parts));
  int64_t stored = shape.empty() ? 1 : shape.back();
  Numbers bytes;
  bytes.reset(IntegerType::get(type.getContext(), 8), countOf(shape));
  std::fill(bytes.bits.begin(), bytes.bits.end(), 0);
  unsigned width = widthOf(from.type);
  for (int64_t i = 0, e = from.size(); i < e; ++i) {
    int64_t column = i % length, byte = i / length * stored + column / parts;
    bytes.bits[byte] |= from.bits[i] << (column % parts * width);
    if (from.deviation(i) != 0)
      bytes.allDeviations()[byte] = unknownDeviation;
  }
  return {std::move(shape), std::move(bytes), {}};
}

/// Dialects that upstream lowers have no other meaning than what it makes of
/// them.
static llvm::Expected<OwningOpRef<ModuleOp>> withoutForeign(ModuleOp module) {
  OwningOpRef<ModuleOp> lowered = module.clone();
  DiagnosticCollector diagnostics(module.getContext(), nullptr);
  PassManager passes(module.getContext());
  passes.addPass(createLowerDialectsPass());
  if (failed(passes.run(*lowered)))
    return diagnostics.takeError("the program cannot be lowered");
  return lowered;
}

llvm::Expected<std::vector<ReferenceTensor>>
rlx::evaluate(ModuleOp module, WeightLookUp weights, llvm::StringRef name,
              llvm::ArrayRef<TensorView> inputs) {
  OwningOpRef<ModuleOp> lowered;
  if (hasForeignDialects(module)) {
    llvm::Expected<OwningOpRef<ModuleOp>> copy = withoutForeign(module);
    if (!copy)
      return copy.takeError();
    lowered = std::move(*copy);
    module = *lowered;
  }
  auto function = module.lookupSymbol<func::FuncOp>(name);
  if (!function || function.isExternal())
    return llvm::createStringError("the program has no function '" + name +
                                   "'");
  DiagnosticCollector diagnostics(module.getContext(), nullptr);
  std::string failure = "'" + name.str() + "' cannot be evaluated";
  Interpreter interpreter(module, weights);
  SmallVector<Datum> arguments;
  size_t next = 0;
  for (BlockArgument each : function.getArguments()) {
    auto type = dyn_cast<RankedTensorType>(each.getType());
    unsigned number = each.getArgNumber();
    if (!type && (!isKnownType(each.getType()) ||
                  function.getArgAttr(number, "rlx.weight")))
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
        argument(each.getType(), inputs[next], "input " + std::to_string(next));
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
  for (const Datum &datum : *results)
    tensors.push_back(passedResult(datum));
  return tensors;
}
