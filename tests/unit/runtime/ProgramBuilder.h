//===- ProgramBuilder.h - Programs for tests ------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Makes programs of the test kernels in few words. All elements are i32.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_TESTS_UNIT_RUNTIME_PROGRAMBUILDER_H
#define RLX_TESTS_UNIT_RUNTIME_PROGRAMBUILDER_H

#include "runtime/gpu/Program.h"

namespace rlx::test {

struct ProgramBuilder {
  using Size = ProgramSize::Kind;
  Program program;

  ProgramBuilder() {
    program.name = "main";
    program.modules.emplace_back();
    program.kernels = {{"scale", 0, {64, 1, 1}, 2, 3},
                       {"add", 0, {64, 1, 1}, 3, 1},
                       {"gather", 0, {64, 1, 1}, 4, 2}};
    constant(1); // Size 0.
  }

  SizeIndex size(Size kind, int64_t a, int64_t b) {
    program.sizes.push_back({kind, a, b});
    return static_cast<SizeIndex>(program.sizes.size() - 1);
  }
  SizeIndex constant(int64_t value) { return size(Size::constant, value, 0); }
  SizeIndex dimension(uint32_t argument, int64_t index) {
    return size(Size::dimension, argument, index);
  }
  SizeIndex times(SizeIndex a, int64_t factor) {
    return size(Size::multiply, a, constant(factor));
  }

  uint32_t argument(ProgramArgument::Kind kind, std::vector<SizeIndex> shape,
                    std::string name = {}) {
    program.arguments.push_back(
        {kind, std::move(name), ElementType::i32, std::move(shape)});
    return static_cast<uint32_t>(program.arguments.size() - 1);
  }
  /// An input of one dimension that may have any size, `length`.
  uint32_t input(SizeIndex &length) {
    auto next = static_cast<uint32_t>(program.arguments.size());
    length = dimension(next, 0);
    return argument(ProgramArgument::Kind::input, {length});
  }

  /// Buffers of so many words.
  uint32_t buffer(ProgramBuffer::Kind kind, SizeIndex words,
                  uint32_t argument = 0) {
    program.buffers.push_back({kind, argument, times(words, 4), {}, 0, {}});
    return static_cast<uint32_t>(program.buffers.size() - 1);
  }
  uint32_t hold(uint32_t argument) {
    return buffer(ProgramBuffer::Kind::argument,
                  program.arguments[argument].shape[0], argument);
  }
  uint32_t temporary(SizeIndex words) {
    return buffer(ProgramBuffer::Kind::temporary, words);
  }
  uint32_t packed(SizeIndex words) {
    return buffer(ProgramBuffer::Kind::packed, words);
  }
  uint32_t constant(const std::vector<int32_t> &words) {
    uint32_t index = buffer(ProgramBuffer::Kind::constant,
                            constant(static_cast<int64_t>(words.size())));
    auto bytes = std::as_bytes(std::span(words));
    program.buffers[index].data.assign(bytes.begin(), bytes.end());
    return index;
  }

  ProgramStep dispatch(uint32_t kernel, std::vector<uint32_t> buffers,
                       std::vector<SizeIndex> scalars) {
    ProgramStep step;
    step.kernel = kernel;
    step.buffers = std::move(buffers);
    step.groups = {size(Size::ceilDivide, scalars[0], constant(64)), 0, 0};
    step.scalars = std::move(scalars);
    return step;
  }
  ProgramStep scale(uint32_t from, uint32_t to, SizeIndex count, int64_t factor,
                    int64_t bias) {
    return dispatch(0, {from, to}, {count, constant(factor), constant(bias)});
  }
  ProgramStep add(uint32_t a, uint32_t b, uint32_t to, SizeIndex count) {
    return dispatch(1, {a, b, to}, {count});
  }
  ProgramStep gather(uint32_t table, uint32_t ids, uint32_t to, SizeIndex count,
                     int64_t bound) {
    return dispatch(2, {table, ids, to, program.status},
                    {count, constant(bound)});
  }
  ProgramStep copy(uint32_t from, uint32_t to, SizeIndex words) {
    ProgramStep step;
    step.kind = ProgramStep::Kind::copy;
    step.buffers = {from, to};
    step.fromOffset = step.toOffset = constant(0);
    step.bytes = times(words, 4);
    return step;
  }
};

} // namespace rlx::test

#endif // RLX_TESTS_UNIT_RUNTIME_PROGRAMBUILDER_H
