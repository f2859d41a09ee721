//===- SessionStates.cpp - What stays on the device between runs ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Buffers of inputs that runs write in place.
//
//===----------------------------------------------------------------------===//
#include "runtime/gpu/Session.h"

#include "runtime/TensorChecks.h"

namespace rlx {

Status Session::makeStates(const SizeValues &values,
                           const std::vector<Shape> &inputs) {
  size_t input = 0;
  for (size_t i = 0; i < program.arguments.size(); ++i) {
    if (program.arguments[i].kind != ProgramArgument::Kind::input)
      continue;
    const Shape &shape = inputs[input++];
    uint32_t index = bufferOfArgument[i];
    if (!program.arguments[i].isState || index == Program::none ||
        stateShapes[i] == shape)
      continue;
    auto bytes = countOf(values, program.buffers[index].bytes, nameOf(index));
    if (!bytes)
      return bytes.status();
    if (*bytes > device.info().bufferBytes)
      return errorf("{} of '{}' has {} bytes, but {} ({}) allows buffers of at "
                    "most {} bytes",
                    nameOf(index), program.name, *bytes, device.info().label(),
                    device.info().name, device.info().bufferBytes);
    // What was recorded uses the old buffer.
    plans.clear();
    release(resident[index]);
    stateShapes[i].reset();
    auto made = allocate(*bytes, nameOf(index));
    if (!made)
      return made.status();
    resident[index] = made.take();
    std::vector<std::byte> nothing(*bytes);
    if (auto status = device.upload(*resident[index], 0, nothing); !status)
      return status;
    stateShapes[i] = shape;
  }
  return {};
}

Status Session::readState(size_t input, const TensorView &tensor) {
  size_t position = 0;
  for (size_t i = 0; i < program.arguments.size(); ++i) {
    const ProgramArgument &argument = program.arguments[i];
    if (argument.kind != ProgramArgument::Kind::input || position++ != input)
      continue;
    std::string what = fmt::format("input {}", input);
    if (!argument.isState)
      return errorf("{} of '{}' is no state", what, program.name);
    if (!stateShapes[i])
      return errorf(
          "{} of '{}' is not on the device yet, expected a run before", what,
          program.name);
    if (elementBytes(tensor.type) != elementBytes(argument.type) ||
        tensor.shape != *stateShapes[i])
      return errorf("expected {} to be {} {} for '{}', but got {}", what,
                    elementName(argument.type), describeShape(*stateShapes[i]),
                    program.name, tensor.describe());
    if (auto status = checkTensor(tensor, what); !status)
      return status;
    if (tensor.numElements() == 0)
      return {};
    return device.download(*resident[bufferOfArgument[i]], 0,
                           {static_cast<std::byte *>(tensor.data),
                            static_cast<size_t>(tensor.numBytes())});
  }
  return errorf("'{}' has no input {}", program.name, input);
}

} // namespace rlx
