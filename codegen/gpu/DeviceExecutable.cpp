//===- DeviceExecutable.cpp - A program compiled for a device -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/gpu/DeviceExecutable.h"

#include "codegen/StatusError.h"

#include <chrono>

using namespace rlx;

llvm::Expected<std::unique_ptr<DeviceExecutable>>
DeviceExecutable::compile(mlir::ModuleOp module, Device &device,
                          const CompileOptions &options,
                          CompileReport *report) {
  return compile(module, device, DeviceTarget::of(device.info()), options,
                 report);
}

llvm::Expected<std::unique_ptr<DeviceExecutable>> DeviceExecutable::compile(
    mlir::ModuleOp module, Device &device, const DeviceTarget &target,
    const CompileOptions &options, CompileReport *report) {
  auto start = std::chrono::steady_clock::now();
  llvm::Expected<DevicePrograms> compiled =
      compileForDevice(module, target, options);
  if (!compiled)
    return compiled.takeError();
  std::unique_ptr<DeviceExecutable> executable(new DeviceExecutable(device));
  executable->signatures = std::move(compiled->signatures);
  executable->programs = std::move(compiled->programs);
  executable->entries.resize(executable->programs.size());
  if (report) {
    std::chrono::duration<double, std::milli> elapsed =
        std::chrono::steady_clock::now() - start;
    *report = {elapsed.count(), false};
  }
  return executable;
}

llvm::Expected<const FunctionSignature *>
DeviceExecutable::findFunction(llvm::StringRef name) const {
  return rlx::findFunction(signatures, name);
}

llvm::Error
DeviceExecutable::bindWeights(std::shared_ptr<const WeightFile> file) {
  for (Entry &entry : entries)
    entry.prepared = false;
  return weights.bind(std::move(file));
}

llvm::Error DeviceExecutable::bindWeight(llvm::StringRef name,
                                         const TensorView &tensor) {
  for (Entry &entry : entries)
    entry.prepared = false;
  return weights.bind(name, tensor);
}

/// The session of a function, made when it is first asked for.
llvm::Expected<DeviceExecutable::Entry *>
DeviceExecutable::entry(llvm::StringRef function) {
  llvm::Expected<const FunctionSignature *> signature = findFunction(function);
  if (!signature)
    return signature.takeError();
  size_t index = *signature - signatures.data();
  Entry &entry = entries[index];
  if (!entry.session) {
    Result<std::unique_ptr<Session>> session =
        Session::create(device, programs[index]);
    if (!session)
      return toError(session.status());
    entry.session = session.take();
  }
  return &entry;
}

llvm::Error DeviceExecutable::prepare(llvm::StringRef function,
                                      const TransferProgress &progress) {
  llvm::Expected<Entry *> found = entry(function);
  if (!found)
    return found.takeError();
  if ((*found)->prepared)
    return llvm::Error::success();
  const FunctionSignature &signature = signatures[*found - entries.data()];
  if (auto error = weights.check(signature))
    return error;
  if (auto error = weights.checkUnchanged(signature))
    return error;
  Session &session = *(*found)->session;
  for (const TensorSignature &weight : signature.weights)
    if (Status status =
            session.bindWeight(weight.weight, weights.find(weight.weight));
        !status)
      return toError(status);
  if (Status status = session.prepare(progress); !status)
    return toError(status);
  // What was read meanwhile may be of either state.
  if (auto error = weights.checkUnchanged(signature))
    return error;
  (*found)->prepared = true;
  return llvm::Error::success();
}

llvm::Expected<double>
DeviceExecutable::run(llvm::StringRef function,
                      llvm::ArrayRef<TensorView> inputs,
                      llvm::ArrayRef<TensorView> outputs) {
  if (auto error = prepare(function))
    return error;
  llvm::Expected<Entry *> found = entry(function);
  if (!found)
    return found.takeError();
  const FunctionSignature &signature = signatures[*found - entries.data()];
  if (auto error = weights.checkOutputs(signature, outputs))
    return error;
  Result<double> time = (*found)->session->run(inputs, outputs);
  if (!time)
    return toError(time.status());
  return *time;
}

llvm::Expected<std::vector<Tensor>>
DeviceExecutable::run(llvm::StringRef function,
                      llvm::ArrayRef<TensorView> inputs) {
  llvm::Expected<Entry *> found = entry(function);
  if (!found)
    return found.takeError();
  Result<std::vector<Session::Shape>> shapes =
      (*found)->session->resultShapes(inputs);
  if (!shapes)
    return toError(shapes.status());
  const FunctionSignature &signature = signatures[*found - entries.data()];
  std::vector<Tensor> outputs;
  std::vector<TensorView> views;
  for (auto [result, shape] : llvm::zip_equal(signature.results, *shapes)) {
    Result<Tensor> tensor = Tensor::allocate(result.element, shape);
    if (!tensor)
      return toError(tensor.status());
    outputs.push_back(tensor.take());
    views.push_back(outputs.back().view());
  }
  llvm::Expected<double> time = run(function, inputs, views);
  if (!time)
    return time.takeError();
  return outputs;
}

llvm::Error DeviceExecutable::readState(llvm::StringRef function,
                                        llvm::StringRef name,
                                        const TensorView &tensor) {
  llvm::Expected<Entry *> found = entry(function);
  if (!found)
    return found.takeError();
  const FunctionSignature &signature = signatures[*found - entries.data()];
  for (const StateSignature &state : signature.states)
    if (signature.inputs[state.input].state == name)
      return toError((*found)->session->readState(state.input, tensor));
  return llvm::createStringError("'" + function.str() + "' has no state '" +
                                 name.str() + "'");
}

uint64_t DeviceExecutable::peakBytes(llvm::StringRef function) const {
  for (size_t i = 0; i < signatures.size(); ++i)
    if (signatures[i].name == function && entries[i].session)
      return entries[i].session->peakBytes();
  return 0;
}
