//===- StateFiles.cpp - States of a program in files ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/run/StateFiles.h"

#include "codegen/StatusError.h"
#include "runtime/Npy.h"

using namespace rlx;

/// `name=path` of an option.
static llvm::Expected<std::pair<std::string, std::string>>
splitOption(llvm::StringRef option, llvm::StringRef text) {
  auto [name, path] = text.rsplit('=');
  if (name.empty() || path.empty())
    return llvm::createStringError(
        "expected " + option + " to be name=file.npy, but got '" + text + "'");
  return std::make_pair(name.str(), path.str());
}

llvm::Expected<States> rlx::readStates(const RunCommandLine &given,
                                       const FunctionSignature &function) {
  States states(function);
  for (const std::string &text : given.states) {
    auto named = splitOption("--state", text);
    if (!named)
      return named.takeError();
    std::optional<ElementType> expected;
    for (const TensorSignature &input : function.inputs)
      if (input.state == named->first)
        expected = input.element;
    Result<Tensor> tensor = readNpy(named->second, expected);
    if (!tensor)
      return toError(tensor.status());
    if (auto error = states.copy(named->first, tensor->view()))
      return error;
  }
  if (auto error = states.allocateAll())
    return error;
  return states;
}

llvm::Error rlx::writeStates(const RunCommandLine &given,
                             const States &states) {
  std::vector<OutputFile> files;
  for (const std::string &text : given.keptStates) {
    auto named = splitOption("--keep-state", text);
    if (!named)
      return named.takeError();
    auto state = states.findState(named->first);
    if (!state)
      return state.takeError();
    Result<OutputFile> file =
        beginNpy(named->second, states.find(named->first));
    if (!file)
      return toError(file.status());
    files.push_back(file.take());
  }
  return toError(OutputFile::commitAll(files));
}
