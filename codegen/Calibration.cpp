//===- Calibration.cpp - What a program's values are like -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/Calibration.h"

#include "codegen/Diagnostics.h"
#include "codegen/ProgramCheck.h"
#include "passes/Passes.h"
#include "passes/quantize/QuantizePasses.h"

#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/ADT/APFloat.h"

using namespace mlir;
using namespace rlx;

/// A copy of `module`, inlined, with values to observe as results.
static llvm::Expected<OwningOpRef<ModuleOp>>
observed(ModuleOp module, const CalibrationOptions &options,
         const CompileOptions &compile) {
  OwningOpRef<ModuleOp> copy = module.clone();
  DiagnosticCollector diagnostics(module.getContext(), compile.onRemark);
  if (!compile.trustProgram && failed(checkProgram(*copy)))
    return diagnostics.takeError("the program was refused");
  PassManager passes(module.getContext());
  passes.addPass(createPrepareCallsPass());
  passes.addPass(createInlinerPass({}, [](OpPassManager &) {}));
  passes.addPass(createSymbolDCEPass());
  passes.addPass(createObservePass({options.function, options.values}));
  if (failed(passes.run(*copy)) || failed(verify(*copy)))
    return diagnostics.takeError("the program cannot be observed");
  return copy;
}

void Calibration::addObservation(func::FuncOp function, unsigned result,
                                 double averaging) {
  auto name = function.getResultAttrOfType<StringAttr>(result, "rlx.observed");
  if (!name)
    return;
  auto found = llvm::find(names, name.getValue());
  size_t value = found - names.begin();
  if (found == names.end()) {
    std::vector<std::string> weights;
    for (auto weight :
         function.getResultAttrOfType<ArrayAttr>(result, "rlx.weights")
             .getAsRange<StringAttr>())
      weights.push_back(weight.str());
    names.push_back(name.str());
    values.emplace_back(name.str(), std::move(weights), averaging);
  }
  auto channels =
      function.getResultAttrOfType<IntegerAttr>(result, "rlx.channels");
  observations.push_back({result, value, channels.getInt()});
}

llvm::Expected<Calibration>
Calibration::create(ModuleOp module, const CalibrationOptions &options,
                    const CompileOptions &compile) {
  if (!(options.averaging > 0 && options.averaging <= 1))
    return llvm::createStringError(
        "expected averaging to be above 0 and at most 1, but got %g",
        options.averaging);
  auto copy = observed(module, options, compile);
  if (!copy)
    return copy.takeError();
  Calibration calibration;
  calibration.keepsRows = options.keepRows;
  auto function = (*copy)->lookupSymbol<func::FuncOp>(options.function);
  for (unsigned i = 0; i < function.getNumResults(); ++i) {
    calibration.addObservation(function, i, options.averaging);
    function.setResultAttrs(i, DictionaryAttr::get(module.getContext()));
  }
  auto executable = compileModule(**copy, compile);
  if (!executable)
    return executable.takeError();
  auto signature = (*executable)->findFunction(options.function);
  if (!signature)
    return signature.takeError();
  calibration.program = std::move(*executable);
  calibration.signature = *signature;
  return calibration;
}

/// The elements of a tensor of floats, rounded to f32.
static llvm::Expected<std::vector<float>> floatsOf(const Tensor &tensor,
                                                   llvm::StringRef name) {
  std::vector<float> values(tensor.numElements());
  auto convert = [&](const llvm::fltSemantics &semantics) {
    for (auto [i, value] : llvm::enumerate(values)) {
      llvm::APFloat number(semantics, llvm::APInt(elementBits(tensor.type()),
                                                  tensor.data<uint16_t>()[i]));
      bool losesInfo;
      number.convert(llvm::APFloat::IEEEsingle(),
                     llvm::APFloat::rmNearestTiesToEven, &losesInfo);
      value = number.convertToFloat();
    }
  };
  switch (tensor.type()) {
  case ElementType::f32:
    std::copy_n(tensor.data<float>(), values.size(), values.begin());
    return values;
  case ElementType::f64:
    std::transform(tensor.data<double>(), tensor.data<double>() + values.size(),
                   values.begin(), [](double value) { return float(value); });
    return values;
  case ElementType::f16:
    convert(llvm::APFloat::IEEEhalf());
    return values;
  case ElementType::bf16:
    convert(llvm::APFloat::BFloat());
    return values;
  default:
    return llvm::createStringError("expected value '" + name +
                                   "' to be f64, f32, f16 or bf16, but got " +
                                   std::string(elementName(tensor.type())));
  }
}

/// Adds rows to those of `name`, whatever dimension counts channels.
static void appendRows(std::vector<ValueRows> &all, llvm::StringRef name,
                       llvm::ArrayRef<float> values,
                       llvm::ArrayRef<int64_t> shape,
                       int64_t channelDimension) {
  int64_t channels = shape[channelDimension], inner = 1;
  for (int64_t size : shape.drop_front(channelDimension + 1))
    inner *= size;
  auto found = llvm::find_if(
      all, [&](const ValueRows &rows) { return rows.name == name; });
  if (found == all.end())
    found = all.insert(all.end(), {name.str(), channels, {}});
  for (size_t begin = 0; begin < values.size(); begin += channels * inner)
    for (int64_t i = 0; i < inner; ++i)
      for (int64_t k = 0; k < channels; ++k)
        found->values.push_back(values[begin + k * inner + i]);
}

llvm::Error Calibration::run(llvm::ArrayRef<TensorView> inputs,
                             const RunOptions &options) {
  auto results = program->run(signature->name, inputs, options);
  if (!results)
    return results.takeError();
  for (const Observation &observation : observations) {
    Tensor &tensor = (*results)[observation.result];
    auto numbers = floatsOf(tensor, names[observation.value]);
    if (!numbers)
      return numbers.takeError();
    if (llvm::Error error = values[observation.value].add(
            *numbers, tensor.shape(), observation.channels))
      return error;
    if (keepsRows)
      appendRows(kept, names[observation.value], *numbers, tensor.shape(),
                 observation.channels);
    tensor = Tensor(); // Its memory is not needed any more.
  }
  for (ValueCollector &value : values)
    if (llvm::Error error = value.endBatch())
      return error;
  ++batches;
  return llvm::Error::success();
}

llvm::Expected<CalibrationRecord> Calibration::record() const {
  std::vector<ValueStatistics> statistics;
  for (const ValueCollector &value : values)
    statistics.push_back(value.statistics());
  return CalibrationRecord::create(batches, std::move(statistics));
}
