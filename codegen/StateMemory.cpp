//===- StateMemory.cpp - What calls of a function hand on -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/StateMemory.h"

#include "codegen/StatusError.h"

#include <cstring>

using namespace rlx;

llvm::Expected<const TensorSignature *>
States::findState(llvm::StringRef name) const {
  const FunctionSignature &signature = function;
  std::string known;
  for (const StateSignature &state : signature.states) {
    const TensorSignature &input = signature.inputs[state.input];
    if (input.state == name)
      return &input;
    known += (known.empty() ? "'" : ", '") + input.state + "'";
  }
  if (known.empty())
    return llvm::createStringError("'" + signature.name + "' has no states");
  return llvm::createStringError("'" + signature.name + "' has no state '" +
                                 name.str() + "', expected one of " + known);
}

llvm::Error States::allocate(llvm::StringRef name,
                             llvm::ArrayRef<int64_t> shape) {
  llvm::Expected<const TensorSignature *> state = findState(name);
  if (!state)
    return state.takeError();
  std::vector<int64_t> sizes = shape.empty() ? (*state)->shape : shape.vec();
  if (llvm::any_of(sizes, [](int64_t size) { return size < 0; }))
    return llvm::createStringError("state '" + name.str() + "' is " +
                                   (*state)->describe() +
                                   ", expected sizes for it, or a tensor");
  Result<Tensor> tensor = Tensor::allocate((*state)->element, sizes);
  if (!tensor)
    return toError(tensor.status());
  if (auto error =
          (*state)->check(tensor->view(), "state '" + name.str() + "'"))
    return error;
  std::memset(tensor->data<void>(), 0, tensor->numBytes());
  views[name.str()] = tensor->view();
  owned[name.str()] = tensor.take();
  return llvm::Error::success();
}

llvm::Error States::allocateAll() {
  const FunctionSignature &signature = function;
  for (const StateSignature &state : signature.states) {
    const std::string &name = signature.inputs[state.input].state;
    if (views.count(name))
      continue;
    if (auto error = allocate(name))
      return error;
  }
  return llvm::Error::success();
}

llvm::Error States::copy(llvm::StringRef name, const TensorView &tensor) {
  llvm::Expected<const TensorSignature *> state = findState(name);
  if (!state)
    return state.takeError();
  if (auto error = (*state)->check(tensor, "state '" + name.str() + "'"))
    return error;
  if (auto error = allocate(name, tensor.shape))
    return error;
  if (tensor.numBytes() > 0)
    std::memcpy(views[name.str()].data, tensor.data, tensor.numBytes());
  return llvm::Error::success();
}

llvm::Error States::borrow(llvm::StringRef name, const TensorView &tensor) {
  llvm::Expected<const TensorSignature *> state = findState(name);
  if (!state)
    return state.takeError();
  if (auto error = (*state)->check(tensor, "state '" + name.str() + "'"))
    return error;
  owned.erase(name.str());
  views[name.str()] = tensor;
  return llvm::Error::success();
}

TensorView States::find(llvm::StringRef name) const {
  auto found = views.find(name.str());
  return found == views.end() ? TensorView() : found->second;
}

llvm::Expected<std::vector<TensorView>>
States::inputs(llvm::ArrayRef<TensorView> others) const {
  const FunctionSignature &signature = function;
  size_t expected = signature.inputs.size() - signature.states.size();
  if (others.size() != expected)
    return llvm::createStringError("expected " + std::to_string(expected) +
                                   " inputs for '" + signature.name +
                                   "' beside its states, but got " +
                                   std::to_string(others.size()));
  std::vector<TensorView> all;
  for (const TensorSignature &input : signature.inputs) {
    if (input.state.empty()) {
      all.push_back(others.front());
      others = others.drop_front();
      continue;
    }
    auto found = views.find(input.state);
    if (found == views.end())
      return llvm::createStringError("state '" + input.state + "' (" +
                                     input.type +
                                     ") is not given: expected memory for it");
    all.push_back(found->second);
  }
  return all;
}

std::vector<size_t> States::resultNumbers() const {
  const FunctionSignature &signature = function;
  std::vector<size_t> numbers;
  size_t count = signature.results.size() + signature.states.size();
  for (size_t i = 0; i < count; ++i)
    if (llvm::none_of(signature.states, [&](const StateSignature &state) {
          return state.result == i;
        }))
      numbers.push_back(i);
  return numbers;
}

std::vector<TensorView>
States::results(llvm::ArrayRef<TensorView> others) const {
  const FunctionSignature &signature = function;
  std::vector<TensorView> all(signature.results.size() +
                              signature.states.size());
  for (auto [number, view] : llvm::zip_equal(resultNumbers(), others))
    all[number] = view;
  for (const StateSignature &state : signature.states)
    all[state.result] = find(signature.inputs[state.input].state);
  return all;
}
