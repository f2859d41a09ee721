//===- Session.cpp - Weights and the setup of a program -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What happens once: kernels, weights, packed buffers. Runs are in
// SessionRun.cpp.
//
//===----------------------------------------------------------------------===//
#include "runtime/gpu/Session.h"

#include "runtime/TensorChecks.h"
#include "runtime/Text.h"

#include <algorithm>

namespace rlx {
namespace {

/// Buffers are read in vectors.
constexpr uint64_t granularity = 16;

bool isByte(ElementType type) {
  return type == ElementType::u8 || type == ElementType::i8;
}

} // namespace

Result<std::unique_ptr<Session>>
Session::create(Device &device, Program program, const Options &options) {
  std::unique_ptr<Session> session(
      new Session(device, std::move(program), options));
  if (auto status = session->start(); !status)
    return status;
  return session;
}

Status Session::start() {
  if (auto status = verifyProgram(program); !status)
    return status;
  auto values = evaluateSizes(program, {});
  if (!values)
    return values.status();
  fixedValues = values.take();
  findUses();
  if (auto status = checkFixedBuffers(); !status)
    return status;
  return createKernels();
}

Status Session::createKernels() {
  for (const ProgramKernel &kernel : program.kernels) {
    KernelSource source;
    source.form = program.form;
    source.code = program.modules[kernel.module];
    source.entry = kernel.name;
    source.workgroup = kernel.workgroup;
    source.buffers = kernel.buffers;
    source.scalars = kernel.scalars;
    source.subgroup = kernel.subgroup;
    source.moduleUsesSubgroups = program.usesSubgroups;
    auto created = device.createKernel(source);
    if (!created)
      return created.status();
    kernels.push_back(created.take());
  }
  // The driver has its own form of them now.
  program.modules.clear();
  return {};
}

void Session::findUses() {
  lastSetupUse.assign(program.buffers.size(), -1);
  usedByRuns.assign(program.buffers.size(), false);
  for (size_t i = 0; i < program.setup.size(); ++i)
    for (uint32_t buffer : program.setup[i].buffers)
      lastSetupUse[buffer] = static_cast<int64_t>(i);
  for (const ProgramStep &step : program.steps)
    for (uint32_t buffer : step.buffers)
      usedByRuns[buffer] = true;
  bufferOfArgument.assign(program.arguments.size(), Program::none);
  for (uint32_t i = program.buffers.size(); i-- > 0;)
    if (program.buffers[i].kind == ProgramBuffer::Kind::argument)
      bufferOfArgument[program.buffers[i].argument] = i;
  bindings.resize(program.arguments.size());
  stateShapes.resize(program.arguments.size());
  resident.resize(program.buffers.size());
}

const ProgramArgument *Session::stateOf(uint32_t index) const {
  const ProgramBuffer &buffer = program.buffers[index];
  if (buffer.kind != ProgramBuffer::Kind::argument)
    return nullptr;
  const ProgramArgument &argument = program.arguments[buffer.argument];
  return argument.isState ? &argument : nullptr;
}

bool Session::isFixed(uint32_t index) const {
  const ProgramBuffer &buffer = program.buffers[index];
  switch (buffer.kind) {
  case ProgramBuffer::Kind::argument:
    return program.arguments[buffer.argument].kind ==
           ProgramArgument::Kind::weight;
  case ProgramBuffer::Kind::packed:
  case ProgramBuffer::Kind::constant:
    return true;
  case ProgramBuffer::Kind::temporary:
    break;
  }
  return false;
}

bool Session::isUsed(uint32_t index) const {
  return usedByRuns[index] || lastSetupUse[index] >= 0;
}

std::string Session::nameOf(uint32_t index) const {
  const ProgramBuffer &buffer = program.buffers[index];
  switch (buffer.kind) {
  case ProgramBuffer::Kind::argument: {
    const ProgramArgument &argument = program.arguments[buffer.argument];
    if (argument.kind == ProgramArgument::Kind::weight)
      return "weight " + quoted(argument.name);
    size_t position = 0;
    for (uint32_t i = 0; i < buffer.argument; ++i)
      position += program.arguments[i].kind == argument.kind;
    return fmt::format("{} {}",
                       argument.kind == ProgramArgument::Kind::input ? "input"
                                                                     : "output",
                       position);
  }
  case ProgramBuffer::Kind::packed:
    return fmt::format("packed buffer {}", index);
  case ProgramBuffer::Kind::constant:
    return fmt::format("constant {}", index);
  case ProgramBuffer::Kind::temporary:
    break;
  }
  return fmt::format("temporary {}", index);
}

/// What stays on the device must fit, and the setup must be known now.
Status Session::checkFixedBuffers() {
  uint64_t limit = device.info().bufferBytes;
  for (uint32_t i = 0; i < program.buffers.size(); ++i) {
    if (!isFixed(i))
      continue;
    const ProgramBuffer &buffer = program.buffers[i];
    std::string name = nameOf(i);
    auto bytes = countOf(fixedValues, buffer.bytes, name);
    if (!bytes)
      return bytes.status();
    if (*bytes > limit && isUsed(i))
      return errorf("{} of '{}' has {} bytes, but {} ({}) allows buffers of at "
                    "most {} bytes",
                    name, program.name, *bytes, device.info().label(),
                    device.info().name, limit);
    uint64_t needed = buffer.data.size();
    if (buffer.kind == ProgramBuffer::Kind::argument) {
      const ProgramArgument &argument = program.arguments[buffer.argument];
      auto shape = shapeOf(fixedValues, argument, name);
      if (!shape)
        return shape.status();
      auto count = countElements(*shape);
      if (!count)
        return errorf("{}: shape {} has too many elements", name,
                      describeShape(*shape));
      needed = static_cast<uint64_t>(*count) * elementBytes(argument.type);
      bindings[buffer.argument].bytes = needed;
      if (buffer.offset > needed)
        return errorf("{} of '{}' has a part from byte {} on, but {} bytes",
                      name, program.name, buffer.offset, needed);
      // A part of a weight, or all of it.
      needed = std::min(needed - buffer.offset, *bytes);
      weightBytes += isUsed(i) ? needed : 0;
    }
    if (needed > *bytes)
      return errorf("{} of '{}' needs {} bytes, but its buffer has {}", name,
                    program.name, needed, *bytes);
  }
  for (const ProgramStep &step : program.setup)
    if (step.kind == ProgramStep::Kind::dispatch)
      for (SizeIndex index : step.groups)
        if (auto count =
                countOf(fixedValues, index,
                        fmt::format("setup kernel '{}'",
                                    program.kernels[step.kernel].name));
            !count)
          return count.status();
  return {};
}

Status Session::bindWeight(std::string_view name, const TensorView &tensor) {
  for (const ProgramArgument &argument : program.arguments) {
    if (argument.kind != ProgramArgument::Kind::weight || argument.name != name)
      continue;
    std::string what = "weight " + quoted(name);
    auto shape = shapeOf(fixedValues, argument, what);
    if (!shape)
      return shape.status();
    bool sameType = tensor.type == argument.type ||
                    (isByte(tensor.type) && isByte(argument.type));
    if (!sameType || tensor.shape != *shape)
      return errorf("expected {} to be {} {} for '{}', but got {}", what,
                    elementName(argument.type), describeShape(*shape),
                    program.name, tensor.describe());
    if (auto status = checkTensor(tensor, what); !status)
      return status;
  }
  // A shape that is wrong has been refused, one of an unknown name is not used.
  auto count = countElements(tensor.shape);
  uint64_t bytes =
      count ? static_cast<uint64_t>(*count) * elementBytes(tensor.type) : 0;
  return bindWeight(
      name, std::span(static_cast<const std::byte *>(tensor.data), bytes));
}

Status Session::bindWeight(std::string_view name,
                           std::span<const std::byte> bytes) {
  bool found = false;
  std::string nearest;
  for (size_t i = 0; i < program.arguments.size(); ++i) {
    const ProgramArgument &argument = program.arguments[i];
    if (argument.kind != ProgramArgument::Kind::weight)
      continue;
    if (nearest.empty() ||
        editDistance(argument.name, name) < editDistance(nearest, name))
      nearest = argument.name;
    if (argument.name != name)
      continue;
    found = true;
    if (bufferOfArgument[i] == Program::none)
      continue;
    if (bytes.size() != bindings[i].bytes)
      return errorf("expected weight {} to have {} bytes for '{}', but got {}",
                    quoted(name), bindings[i].bytes, program.name,
                    bytes.size());
    bindings[i].data = bytes.data();
    bindings[i].bound = true;
  }
  if (found)
    return {};
  return errorf("'{}' has no weight {}{}", program.name, quoted(name),
                nearest.empty() ? "" : "; the nearest is " + quoted(nearest));
}

Result<std::unique_ptr<Buffer>> Session::allocate(uint64_t bytes,
                                                  const std::string &what) {
  uint64_t rounded = std::max<uint64_t>(bytes, 1);
  if (rounded <= UINT64_MAX - granularity)
    rounded = (rounded + granularity - 1) / granularity * granularity;
  // The limit itself need not be a multiple.
  if (bytes <= device.info().bufferBytes)
    rounded = std::min(rounded, device.info().bufferBytes);
  auto buffer = device.allocate(rounded);
  if (!buffer)
    return errorf("{} of '{}': {}", what, program.name, buffer.message());
  usedBytes += (*buffer)->size();
  mostBytes = std::max(mostBytes, usedBytes);
  return buffer.take();
}

void Session::release(std::unique_ptr<Buffer> &buffer) {
  if (buffer)
    usedBytes -= buffer->size();
  buffer.reset();
}

Status Session::makeResident(uint32_t index, const TransferProgress &progress) {
  if (resident[index])
    return {};
  const ProgramBuffer &buffer = program.buffers[index];
  auto made = allocate(static_cast<uint64_t>(*fixedValues[buffer.bytes]),
                       nameOf(index));
  if (!made)
    return made.status();
  resident[index] = made.take();
  if (buffer.kind == ProgramBuffer::Kind::constant)
    return device.upload(*resident[index], 0, buffer.data);
  if (buffer.kind != ProgramBuffer::Kind::argument)
    return {};
  const Binding &binding = bindings[buffer.argument];
  auto whole = std::span(binding.data, binding.bytes);
  auto part = whole.subspan(
      buffer.offset,
      std::min<uint64_t>(whole.size() - buffer.offset,
                         static_cast<uint64_t>(*fixedValues[buffer.bytes])));
  Status status =
      device.upload(*resident[index], 0, part, [&](uint64_t done, uint64_t) {
        if (progress)
          progress(uploadedBytes + done, weightBytes);
      });
  uploadedBytes += part.size();
  return status;
}

Status Session::setUp(const TransferProgress &progress) {
  for (size_t i = 0; i < program.setup.size(); ++i) {
    const ProgramStep &step = program.setup[i];
    for (uint32_t buffer : step.buffers)
      if (auto status = makeResident(buffer, progress); !status)
        return status;
    auto command = makeCommand(step, fixedValues, nullptr);
    if (!command)
      return command.status();
    auto commands = device.record(std::span(&*command, 1));
    if (!commands)
      return commands.status();
    if (auto time = device.run(**commands); !time)
      return time.status();
    for (uint32_t buffer : step.buffers)
      if (lastSetupUse[buffer] == static_cast<int64_t>(i) &&
          !usedByRuns[buffer])
        release(resident[buffer]);
  }
  for (uint32_t i = 0; i < program.buffers.size(); ++i)
    if (isFixed(i) && usedByRuns[i])
      if (auto status = makeResident(i, progress); !status)
        return status;
  if (program.status == Program::none)
    return {};
  auto made = allocate(granularity, "the status");
  if (!made)
    return made.status();
  zeros = made.take();
  std::byte none[granularity] = {};
  return device.upload(*zeros, 0, none);
}

Status Session::prepare(const TransferProgress &progress) {
  for (uint32_t i = 0; i < program.buffers.size(); ++i) {
    const ProgramBuffer &buffer = program.buffers[i];
    if (buffer.kind == ProgramBuffer::Kind::argument && isFixed(i) &&
        isUsed(i) && !bindings[buffer.argument].bound)
      return errorf("{} of '{}' is not bound", nameOf(i), program.name);
  }
  uploadedBytes = 0;
  discard();
  Status status = setUp(progress);
  prepared = status.ok();
  if (!prepared)
    discard();
  return status;
}

/// As if nothing had been prepared. Recorded commands name its buffers.
void Session::discard() {
  plans.clear();
  for (auto &buffer : resident)
    release(buffer);
  for (auto &shape : stateShapes)
    shape.reset();
  release(zeros);
  prepared = false;
}

} // namespace rlx
