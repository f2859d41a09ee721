//===- SessionRun.cpp - Runs of a program ---------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Checks inputs, records commands for new shapes, replays them.
//
//===----------------------------------------------------------------------===//
#include "runtime/gpu/Session.h"

#include "runtime/TensorChecks.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace rlx {
namespace {

/// Words that kernels report to.
constexpr uint64_t statusBytes = 16;

/// Bytes are bytes: i8 tensors may come as u8 and the other way round.
bool sameElement(ElementType a, ElementType b) {
  auto isByte = [](ElementType type) {
    return type == ElementType::u8 || type == ElementType::i8;
  };
  return a == b || (isByte(a) && isByte(b));
}

std::span<std::byte> bytesOf(const TensorView &tensor) {
  return {static_cast<std::byte *>(tensor.data),
          static_cast<size_t>(tensor.numBytes())};
}

/// Whether a tensor is what an argument expects, its shape aside.
Status checkTensor(const TensorView &tensor, const ProgramArgument &argument,
                   const std::string &what) {
  if (!sameElement(tensor.type, argument.type) ||
      tensor.shape.size() != argument.shape.size())
    return errorf("expected {} to be {} of {} dimensions, but got {} {}", what,
                  elementName(argument.type), argument.shape.size(),
                  elementName(tensor.type), describeShape(tensor.shape));
  return checkTensorSize(tensor, what);
}

Status checkShape(const TensorView &tensor, const std::vector<int64_t> &shape,
                  const std::string &what, const std::string &program) {
  if (tensor.shape == shape)
    return {};
  return errorf("expected {} to be {} {} for '{}', but got {}", what,
                elementName(tensor.type), describeShape(shape), program,
                tensor.describe());
}

} // namespace

Result<std::vector<Session::Shape>>
Session::checkInputs(std::span<const TensorView> inputs) const {
  std::vector<Shape> shapes;
  std::vector<bool> areNumbers = findNumbers(program);
  for (size_t i = 0; i < program.arguments.size(); ++i) {
    const ProgramArgument &argument = program.arguments[i];
    if (argument.kind != ProgramArgument::Kind::input)
      continue;
    size_t index = shapes.size();
    if (index < inputs.size())
      if (auto status = checkTensor(inputs[index], argument,
                                    fmt::format("input {}", index));
          !status)
        return status;
    shapes.push_back(index < inputs.size() ? inputs[index].shape : Shape());
    if (areNumbers[i] && index < inputs.size() && inputs[index].data)
      shapes.back() = {integerOf(inputs[index])};
  }
  if (shapes.size() != inputs.size())
    return errorf("expected {} inputs for '{}', but got {}", shapes.size(),
                  program.name, inputs.size());
  // Sizes of arguments say what fixed dimensions are, and which are equal.
  auto values = evaluateSizes(program, shapes);
  if (!values)
    return values.status();
  size_t index = 0;
  for (const ProgramArgument &argument : program.arguments) {
    if (argument.kind != ProgramArgument::Kind::input)
      continue;
    std::string what = fmt::format("input {}", index);
    auto shape = shapeOf(*values, argument, what);
    if (!shape)
      return shape.status();
    if (auto status = checkShape(inputs[index], *shape, what, program.name);
        !status)
      return status;
    ++index;
  }
  return shapes;
}

Result<std::vector<Session::Shape>>
Session::resultShapes(const SizeValues &values) const {
  std::vector<Shape> shapes;
  for (const ProgramArgument &argument : program.arguments) {
    if (argument.kind != ProgramArgument::Kind::result)
      continue;
    std::string what = fmt::format("output {}", shapes.size());
    auto shape = shapeOf(values, argument, what);
    if (!shape)
      return shape.status();
    if (!countElements(*shape))
      return errorf("{} of '{}': shape {} has too many elements", what,
                    program.name, describeShape(*shape));
    shapes.push_back(shape.take());
  }
  return shapes;
}

Result<std::vector<Session::Shape>>
Session::resultShapes(std::span<const TensorView> inputs) const {
  auto shapes = checkInputs(inputs);
  if (!shapes)
    return shapes.status();
  auto values = evaluateSizes(program, *shapes);
  if (!values)
    return values.status();
  return resultShapes(*values);
}

Status Session::checkOutputs(const Plan &plan,
                             std::span<const TensorView> outputs) const {
  if (outputs.size() != plan.results.size())
    return errorf("expected {} outputs for '{}', but got {}",
                  plan.results.size(), program.name, outputs.size());
  size_t index = 0;
  for (const ProgramArgument &argument : program.arguments) {
    if (argument.kind != ProgramArgument::Kind::result)
      continue;
    const TensorView &output = outputs[index];
    std::string what = fmt::format("output {}", index);
    if (auto status = checkTensor(output, argument, what); !status)
      return status;
    if (auto status =
            checkShape(output, plan.results[index], what, program.name);
        !status)
      return status;
    if (!output.data && output.numElements() != 0)
      return errorf("{} has no data", what);
    ++index;
  }
  return {};
}

Buffer *Session::bufferOf(const Plan *plan, uint32_t index) const {
  if (resident[index])
    return resident[index].get();
  return plan ? slots[plan->slotOf[index]].get() : nullptr;
}

Result<Command> Session::makeCommand(const ProgramStep &step,
                                     const SizeValues &values,
                                     const Plan *plan) const {
  Command command;
  for (uint32_t buffer : step.buffers)
    command.buffers.push_back(bufferOf(plan, buffer));
  if (step.kind == ProgramStep::Kind::copy) {
    command.kind = Command::Kind::copy;
    std::pair<SizeIndex, uint64_t *> fields[] = {
        {step.fromOffset, &command.fromOffset},
        {step.toOffset, &command.toOffset},
        {step.bytes, &command.bytes}};
    for (auto [index, field] : fields) {
      auto value = countOf(values, index, "copy");
      if (!value)
        return value.status();
      *field = *value;
    }
    return command;
  }
  std::string what =
      fmt::format("kernel '{}'", program.kernels[step.kernel].name);
  command.kernel = kernels[step.kernel].get();
  for (SizeIndex index : step.scalars) {
    std::optional<int64_t> value = values[index];
    if (!value || *value < std::numeric_limits<int32_t>::min() ||
        *value > std::numeric_limits<int32_t>::max())
      return errorf("{}: expected scalar {} to fit in 32 bits, but got {}",
                    what, command.scalars.size(),
                    value ? std::to_string(*value) : "an unknown size");
    command.scalars.push_back(static_cast<int32_t>(*value));
  }
  for (unsigned i = 0; i < 3; ++i) {
    auto count = countOf(values, step.groups[i], what);
    if (!count)
      return count.status();
    if (*count > std::numeric_limits<uint32_t>::max())
      return errorf("{}: expected a number of workgroups of 32 bits, but got "
                    "{}",
                    what, *count);
    command.groups[i] = static_cast<uint32_t>(*count);
  }
  return command;
}

/// Assigns slots to what lives only during a run. Inputs come before its first
/// step, results are taken out after the last.
Result<MemoryPlan> Session::planBuffers(const SizeValues &values,
                                        Plan &plan) const {
  int64_t numSteps = static_cast<int64_t>(program.steps.size());
  std::vector<LiveRange> ranges(program.buffers.size());
  for (LiveRange &range : ranges)
    range.first = numSteps, range.last = -1;
  auto touch = [&](uint32_t buffer, int64_t step) {
    ranges[buffer].first = std::min(ranges[buffer].first, step);
    ranges[buffer].last = std::max(ranges[buffer].last, step);
  };
  for (int64_t i = 0; i < numSteps; ++i)
    for (uint32_t buffer : program.steps[i].buffers)
      touch(buffer, i);
  std::vector<uint32_t> members;
  std::vector<LiveRange> used;
  for (uint32_t i = 0; i < program.buffers.size(); ++i) {
    const ProgramBuffer &buffer = program.buffers[i];
    bool argument = buffer.kind == ProgramBuffer::Kind::argument;
    if (isFixed(i) || stateOf(i))
      continue;
    if (argument &&
        program.arguments[buffer.argument].kind == ProgramArgument::Kind::input)
      touch(i, -1);
    else if (argument)
      touch(i, numSteps);
    if (i == program.status) {
      touch(i, -1);
      touch(i, numSteps);
    }
    if (ranges[i].last < ranges[i].first)
      continue;
    auto bytes = countOf(values, buffer.bytes, nameOf(i));
    if (!bytes)
      return bytes.status();
    if (*bytes > device.info().bufferBytes)
      return errorf("{} of '{}' has {} bytes, but {} ({}) allows buffers of at "
                    "most {} bytes",
                    nameOf(i), program.name, *bytes, device.info().label(),
                    device.info().name, device.info().bufferBytes);
    ranges[i].bytes = *bytes;
    if (i == program.status)
      ranges[i].bytes = std::max(*bytes, statusBytes);
    members.push_back(i);
    used.push_back(ranges[i]);
  }
  MemoryPlan memory = planMemory(used);
  plan.slotOf.assign(program.buffers.size(), Program::none);
  for (size_t i = 0; i < members.size(); ++i)
    plan.slotOf[members[i]] = memory.slotOf[i];
  return memory;
}

Status Session::growSlots(const MemoryPlan &memory) {
  slots.resize(std::max(slots.size(), memory.slotBytes.size()));
  std::vector<size_t> small;
  for (size_t i = 0; i < memory.slotBytes.size(); ++i)
    if (!slots[i] || slots[i]->size() < memory.slotBytes[i])
      small.push_back(i);
  if (small.empty())
    return {};
  // What was recorded uses the old buffers.
  plans.clear();
  for (size_t index : small)
    release(slots[index]);
  for (size_t index : small) {
    auto made = allocate(memory.slotBytes[index], "memory for a run");
    if (!made)
      return made.status();
    slots[index] = made.take();
  }
  return {};
}

/// Arguments must fit their buffers.
Status Session::checkRunBuffers(const SizeValues &values,
                                const Plan &plan) const {
  size_t input = 0, result = 0;
  for (size_t i = 0; i < program.arguments.size(); ++i) {
    const ProgramArgument &argument = program.arguments[i];
    if (argument.kind == ProgramArgument::Kind::weight)
      continue;
    Shape shape = argument.kind == ProgramArgument::Kind::input
                      ? plan.inputs[input++]
                      : plan.results[result++];
    shape.resize(argument.shape.size()); // of numbers
    uint32_t buffer = bufferOfArgument[i];
    if (buffer == Program::none)
      continue;
    auto bytes = countOf(values, program.buffers[buffer].bytes, nameOf(buffer));
    if (!bytes)
      return bytes.status();
    uint64_t needed = static_cast<uint64_t>(*countElements(shape)) *
                      elementBytes(argument.type);
    if (needed > *bytes)
      return errorf("{} of '{}' needs {} bytes, but its buffer has {}",
                    nameOf(buffer), program.name, needed, *bytes);
    if (argument.kind == ProgramArgument::Kind::result && needed > 0 &&
        !usedByRuns[buffer])
      return errorf("{} of '{}' is not written by any step", nameOf(buffer),
                    program.name);
  }
  return {};
}

Result<Session::Plan> Session::makePlan(std::vector<Shape> inputs) {
  auto values = evaluateSizes(program, inputs);
  if (!values)
    return values.status();
  auto results = resultShapes(*values);
  if (!results)
    return results.status();
  Plan plan;
  plan.inputs = std::move(inputs);
  plan.results = results.take();
  if (auto status = checkRunBuffers(*values, plan); !status)
    return status;
  auto memory = planBuffers(*values, plan);
  if (!memory)
    return memory.status();
  if (auto status = growSlots(*memory); !status)
    return status;
  std::vector<Command> commands;
  if (program.status != Program::none) {
    Command clear;
    clear.kind = Command::Kind::copy;
    clear.buffers = {zeros.get(), bufferOf(&plan, program.status)};
    clear.bytes = statusBytes;
    commands.push_back(std::move(clear));
  }
  for (const ProgramStep &step : program.steps) {
    auto command = makeCommand(step, *values, &plan);
    if (!command)
      return command.status();
    commands.push_back(command.take());
  }
  auto recorded = device.record(commands);
  if (!recorded)
    return recorded.status();
  plan.commands = recorded.take();
  return plan;
}

Result<Session::Plan *> Session::findPlan(std::vector<Shape> inputs) {
  auto known = std::find_if(plans.begin(), plans.end(), [&](const Plan &plan) {
    return plan.inputs == inputs;
  });
  if (known == plans.end()) {
    auto made = makePlan(std::move(inputs));
    if (!made)
      return made.status();
    plans.push_front(made.take());
    while (plans.size() > std::max(1u, options.keptShapes))
      plans.pop_back();
  } else {
    plans.splice(plans.begin(), plans, known);
  }
  return &plans.front();
}

Status Session::checkStatus(const Plan &plan) {
  if (program.status == Program::none)
    return {};
  int32_t words[statusBytes / sizeof(int32_t)];
  if (auto status = device.download(*bufferOf(&plan, program.status), 0,
                                    std::as_writable_bytes(std::span(words)));
      !status)
    return status;
  if (words[0] == 0)
    return {};
  size_t index = static_cast<uint32_t>(words[0]) - 1;
  if (index >= program.checks.size())
    return errorf("'{}': a kernel reports check {}, but there are {}",
                  program.name, index, program.checks.size());
  const ProgramCheck &check = program.checks[index];
  return errorf("{} at position {} is out of range, expected 0 <= index < {}, "
                "got {}",
                check.what, words[1], check.bound, words[2]);
}

Result<double> Session::run(std::span<const TensorView> inputs,
                            std::span<const TensorView> outputs) {
  if (!prepared)
    return errorf("'{}' is not prepared: expected prepare() before run()",
                  program.name);
  auto shapes = checkInputs(inputs);
  if (!shapes)
    return shapes.status();
  std::vector<TensorView> given;
  size_t number = 0;
  for (const ProgramArgument &argument : program.arguments) {
    if (argument.kind != ProgramArgument::Kind::input)
      continue;
    const TensorView &tensor = inputs[number++];
    if (tensor.data)
      given.push_back(tensor);
    else if (tensor.numElements() != 0 && !argument.isState)
      return errorf("input {} has no data", number - 1);
  }
  auto values = evaluateSizes(program, *shapes);
  if (!values)
    return values.status();
  if (auto status = makeStates(*values, *shapes); !status)
    return status;
  auto found = findPlan(shapes.take());
  if (!found)
    return found.status();
  const Plan &plan = **found;
  if (auto status = checkOutputs(plan, outputs); !status)
    return status;
  if (auto status = checkOutputMemory(given, outputs); !status)
    return status;

  size_t input = 0;
  for (size_t i = 0; i < program.arguments.size(); ++i) {
    if (program.arguments[i].kind != ProgramArgument::Kind::input)
      continue;
    const TensorView &tensor = inputs[input++];
    if (bufferOfArgument[i] == Program::none || tensor.numElements() == 0 ||
        !tensor.data)
      continue;
    if (auto status = device.upload(*bufferOf(&plan, bufferOfArgument[i]), 0,
                                    bytesOf(tensor));
        !status)
      return status;
  }
  auto time = device.run(*plan.commands);
  if (!time)
    return time.status();
  if (auto status = checkStatus(plan); !status)
    return status;
  size_t result = 0;
  input = 0;
  for (size_t i = 0; i < program.arguments.size(); ++i) {
    const ProgramArgument &argument = program.arguments[i];
    if (argument.kind == ProgramArgument::Kind::weight)
      continue;
    const TensorView &tensor = argument.kind == ProgramArgument::Kind::input
                                   ? inputs[input++]
                                   : outputs[result++];
    bool isRead = argument.kind == ProgramArgument::Kind::result ||
                  (argument.isState && tensor.data &&
                   bufferOfArgument[i] != Program::none);
    if (tensor.numElements() == 0 || !isRead)
      continue;
    if (auto status = device.download(*bufferOf(&plan, bufferOfArgument[i]), 0,
                                      bytesOf(tensor));
        !status)
      return status;
  }
  return time;
}

} // namespace rlx
