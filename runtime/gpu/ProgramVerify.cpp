//===- ProgramVerify.cpp - Whether a program is one -----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every index is checked once, so that what runs the program need not.
//
//===----------------------------------------------------------------------===//
#include "runtime/gpu/ProgramSizes.h"

#include <algorithm>

namespace rlx {
namespace {

class Verifier {
public:
  explicit Verifier(const Program &program) : program(program) {}

  Status run() {
    if (Status status = sizes(); !status)
      return status;
    if (Status status = sizeChecks(); !status)
      return status;
    if (Status status = buffers(); !status)
      return status;
    for (size_t i = 0; i < program.kernels.size(); ++i)
      if (program.kernels[i].module >= program.modules.size())
        return error("kernel '{}' is in module {} of {}",
                     program.kernels[i].name, program.kernels[i].module,
                     program.modules.size());
    for (const ProgramStep &step : program.setup)
      if (Status status = this->step(step, "setup"); !status)
        return status;
    for (const ProgramStep &step : program.steps)
      if (Status status = this->step(step, "run"); !status)
        return status;
    if (program.status != Program::none &&
        (program.status >= program.buffers.size() ||
         program.buffers[program.status].kind !=
             ProgramBuffer::Kind::temporary))
      return error("the status buffer {} is no temporary", program.status);
    return setupBuffers();
  }

private:
  template <class... Args>
  Status error(fmt::format_string<Args...> format, Args &&...args) const {
    return errorf("program '{}': {}", program.name,
                  fmt::format(format, std::forward<Args>(args)...));
  }

  Status sizes() const {
    auto within = [](int64_t index, size_t count) {
      return index >= 0 && static_cast<uint64_t>(index) < count;
    };
    for (const ProgramArgument &argument : program.arguments)
      for (SizeIndex index : argument.shape)
        if (!isSize(index))
          return error("an argument has size {} of {}", index,
                       program.sizes.size());
    for (size_t i = 0; i < program.sizes.size(); ++i) {
      const ProgramSize &size = program.sizes[i];
      if (size.kind == ProgramSize::Kind::constant)
        continue;
      if (size.kind == ProgramSize::Kind::number) {
        bool isThere = within(size.a, program.arguments.size());
        const ProgramArgument *argument =
            isThere ? &program.arguments[size.a] : nullptr;
        if (!argument || argument->kind != ProgramArgument::Kind::input ||
            !argument->shape.empty() || argument->isState ||
            !isInteger(argument->type))
          return error("size {} is the number of argument {}, which is no "
                       "integer input of rank 0",
                       i, size.a);
        continue;
      }
      if (size.kind != ProgramSize::Kind::dimension) {
        if (!within(size.a, i) || !within(size.b, i))
          return error("size {} is made of sizes {} and {}, which are not "
                       "before it",
                       i, size.a, size.b);
        continue;
      }
      if (!within(size.a, program.arguments.size()) ||
          !within(size.b, program.arguments[size.a].shape.size()))
        return error("size {} is dimension {} of argument {}, which is not "
                     "there",
                     i, size.b, size.a);
      const ProgramArgument &argument = program.arguments[size.a];
      if (argument.kind != ProgramArgument::Kind::input &&
          argument.shape[size.b] >= i)
        return error("size {} is a dimension that is not known before it", i);
    }
    return {};
  }

  Status sizeChecks() const {
    auto isMissing = [&](SizeIndex index) { return !isSize(index); };
    for (const ProgramSizeCheck &check : program.sizeChecks)
      if (isMissing(check.condition) ||
          std::any_of(check.values.begin(), check.values.end(), isMissing))
        return error("the check '{}' is of a size that is not there",
                     check.message);
    return {};
  }

  Status buffers() const {
    std::vector<bool> has(program.arguments.size());
    for (size_t i = 0; i < program.buffers.size(); ++i) {
      const ProgramBuffer &buffer = program.buffers[i];
      if (!isSize(buffer.bytes))
        return error("buffer {} has size {} of {}", i, buffer.bytes,
                     program.sizes.size());
      if (buffer.kind != ProgramBuffer::Kind::argument)
        continue;
      bool isThere = buffer.argument < program.arguments.size();
      // Only weights may be in parts.
      bool isWeight = isThere && program.arguments[buffer.argument].kind ==
                                     ProgramArgument::Kind::weight;
      if (!isThere ||
          (!isWeight && (has[buffer.argument] || buffer.offset > 0)))
        return error("buffer {} holds argument {}, which is not there or has "
                     "another buffer",
                     i, buffer.argument);
      has[buffer.argument] = true;
    }
    for (size_t i = 0; i < program.arguments.size(); ++i)
      if (program.arguments[i].kind == ProgramArgument::Kind::result && !has[i])
        return error("argument {}, a result, has no buffer", i);
    return {};
  }

  Status step(const ProgramStep &step, std::string_view phase) const {
    for (uint32_t buffer : step.buffers)
      if (buffer >= program.buffers.size())
        return error("a step of the {} has buffer {} of {}", phase, buffer,
                     program.buffers.size());
    if (step.kind == ProgramStep::Kind::copy) {
      if (step.buffers.size() != 2 || !isSize(step.fromOffset) ||
          !isSize(step.toOffset) || !isSize(step.bytes))
        return error("a copy of the {} has {} buffers, expected 2, or a size "
                     "that is not there",
                     phase, step.buffers.size());
      return {};
    }
    if (step.kernel >= program.kernels.size())
      return error("a step of the {} has kernel {} of {}", phase, step.kernel,
                   program.kernels.size());
    const ProgramKernel &kernel = program.kernels[step.kernel];
    if (step.buffers.size() != kernel.buffers ||
        step.scalars.size() != kernel.scalars)
      return error("kernel '{}' takes {} buffers and {} scalars, but a step of "
                   "the {} gives {} and {}",
                   kernel.name, kernel.buffers, kernel.scalars, phase,
                   step.buffers.size(), step.scalars.size());
    for (SizeIndex index : step.scalars)
      if (!isSize(index))
        return error("a scalar of kernel '{}' is size {} of {}", kernel.name,
                     index, program.sizes.size());
    for (SizeIndex index : step.groups)
      if (!isSize(index))
        return error("the workgroups of kernel '{}' are size {} of {}",
                     kernel.name, index, program.sizes.size());
    return {};
  }

  /// The setup runs before there are inputs and results, and what it computes
  /// must not be lost.
  Status setupBuffers() const {
    std::vector<bool> written(program.buffers.size());
    for (const ProgramStep &step : program.setup)
      for (uint32_t index : step.buffers) {
        const ProgramBuffer &buffer = program.buffers[index];
        written[index] = true;
        if (buffer.kind == ProgramBuffer::Kind::temporary ||
            (buffer.kind == ProgramBuffer::Kind::argument &&
             program.arguments[buffer.argument].kind !=
                 ProgramArgument::Kind::weight))
          return error("the setup uses buffer {}, expected weights, constants "
                       "and packed buffers only",
                       index);
      }
    for (const ProgramStep &step : program.steps)
      for (uint32_t index : step.buffers)
        if (program.buffers[index].kind == ProgramBuffer::Kind::packed &&
            !written[index])
          return error("packed buffer {} is used but the setup does not write "
                       "it",
                       index);
    return {};
  }

  bool isSize(SizeIndex index) const { return index < program.sizes.size(); }

  const Program &program;
};

} // namespace

Status verifyProgram(const Program &program) { return Verifier(program).run(); }

} // namespace rlx
