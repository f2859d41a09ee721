//===- SessionErrorsTest.cpp - What sessions refuse -----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every sentence names the argument, what was expected and what was found; and
// a session that refused something works on.
//
//===----------------------------------------------------------------------===//
#include "tests/unit/runtime/SessionFixture.h"

using namespace rlx;
using namespace rlx::test;

namespace session_errors_test {

class SessionErrorsTest : public SessionTest {};
INSTANTIATE_TEST_SUITE_P(Api, SessionErrorsTest,
                         testing::Values(DeviceApi::vulkan, DeviceApi::opencl),
                         apiTestName);

TEST_P(SessionErrorsTest, Weights) {
  start(TableProgram().program);
  Words weight(TableProgram::rows, 1), small(3);
  expectError(session->bindWeight("wieght", view(weight)), "'main'",
              "no weight 'wieght'", "nearest is 'weight'");
  expectError(session->bindWeight("weight", view(small)),
              "weight 'weight' to be i32 [16]", "i32 [3]");
  TensorView floats = view(weight);
  floats.type = ElementType::f32;
  expectError(session->bindWeight("weight", floats), "got f32 [16]");
  floats.type = ElementType::i32;
  floats.data = nullptr;
  expectError(session->bindWeight("weight", floats), "no data");
  expectError(session->bindWeight("weight", std::as_bytes(std::span(small))),
              "to have 64 bytes", "got 12");
  expectError(session->prepare(), "weight 'weight'", "not bound");
  Words x(1), y(1);
  TensorView inputs[] = {view(x), view(x)}, output = view(y);
  expectError(session->run(inputs, std::span(&output, 1)), "not prepared");
  ASSERT_TRUE(
      session->bindWeight("weight", std::as_bytes(std::span(weight))).ok());
  prepare();
  if (auto status = session->prepare(); !status)
    FAIL() << status.message();
  EXPECT_EQ(run({x, x}), Words(1, 3));
}

TEST_P(SessionErrorsTest, Inputs) {
  start(TableProgram().program);
  Words weight(TableProgram::rows, 1);
  bind("weight", weight);
  prepare();
  Words x(4, 0), ids(4, 0), y(4), other(5);
  auto tryRun = [&](std::vector<TensorView> inputs,
                    std::vector<TensorView> outputs) {
    return session->run(inputs, outputs);
  };
  auto changed = [&](auto change) {
    TensorView tensor = view(x);
    change(tensor);
    return tensor;
  };
  auto floats = changed([](auto &t) { t.type = ElementType::f32; });
  auto matrix = changed([](auto &t) { t.shape = {2, 2}; });
  auto negative = changed([](auto &t) { t.shape = {-4}; });
  auto empty = changed([](auto &t) { t.data = nullptr; });
  expectError(tryRun({view(x)}, {view(y)}), "expected 2 inputs", "got 1");
  expectError(tryRun({view(x), view(ids), view(x)}, {view(y)}), "got 3");
  expectError(tryRun({floats, view(ids)}, {view(y)}), "input 0 to be i32",
              "got f32 [4]");
  expectError(tryRun({matrix, view(ids)}, {view(y)}), "1 dimensions", "[2, 2]");
  expectError(tryRun({negative, view(ids)}, {view(y)}), "input 0", "[-4]");
  expectError(tryRun({view(x), view(other)}, {view(y)}),
              "input 1 to be i32 [4] for 'main'", "got i32 [5]");
  expectError(tryRun({view(x), empty}, {view(y)}), "input 1 has no data");
  expectError(tryRun({view(x), view(ids)}, {}), "expected 1 outputs", "got 0");
  expectError(tryRun({view(x), view(ids)}, {floats}), "output 0 to be i32");
  expectError(tryRun({view(x), view(ids)}, {view(other)}),
              "output 0 to be i32 [4]", "got i32 [5]");
  expectError(tryRun({view(x), view(ids)}, {empty}), "output 0 has no data");
  auto huge = changed([](auto &t) { t.shape = {int64_t{1} << 62}; });
  expectError(tryRun({huge, view(ids)}, {view(y)}), "input 0 is too large");
  expectError(tryRun({view(x), view(ids)}, {view(ids)}),
              "output 0 shares memory with input 1");
  std::vector<TensorView> inputs = {view(x), view(other)};
  expectError(session->resultShapes(inputs), "input 1");
  EXPECT_TRUE(tryRun({view(x), view(ids)}, {view(y)}).ok());
}

TEST_P(SessionErrorsTest, WhatDoesNotFitTheDevice) {
  uint64_t limit = device->info().bufferBytes;
  auto words = static_cast<int64_t>(limit / 4 + 1);
  ProgramBuilder make;
  SizeIndex one = make.constant(1);
  uint32_t huge = make.hold(make.argument(ProgramArgument::Kind::weight,
                                          {make.constant(words)}, "huge"));
  make.program.steps = {make.scale(huge, huge, one, 1, 0)};
  expectError(create(make.program), "weight 'huge' of 'main'",
              std::to_string(4 * words) + " bytes",
              "at most " + std::to_string(limit) + " bytes",
              device->info().name);

  // Of a run: known when the inputs are.
  ProgramBuilder square;
  SizeIndex n;
  uint32_t x = square.hold(square.input(n));
  uint32_t y = square.hold(square.argument(ProgramArgument::Kind::result, {n}));
  uint32_t large = square.temporary(
      square.size(ProgramSize::Kind::multiply, n, square.times(n, 1 << 20)));
  square.program.steps = {square.scale(x, large, n, 1, 0),
                          square.scale(large, y, n, 1, 0)};
  start(square.program);
  prepare();
  Words in(1 << 10), out(1 << 10);
  TensorView input = view(in), output = view(out);
  expectError(session->run(std::span(&input, 1), std::span(&output, 1)),
              "temporary 2", "at most " + std::to_string(limit));
  EXPECT_EQ(run({counting(2)}), counting(2));
}

TEST_P(SessionErrorsTest, WrongPrograms) {
  ProgramBuilder make;
  SizeIndex n;
  uint32_t x = make.hold(make.input(n));
  uint32_t y = make.hold(make.argument(ProgramArgument::Kind::result, {n}));
  make.program.steps = {make.scale(x, y, n, 1, 0)};
  Words in(4), out(4);
  TensorView input = view(in), output = view(out);
  auto refuse = [&](auto change, auto... parts) {
    Program program = make.program;
    change(program);
    session.reset();
    start(program);
    ASSERT_TRUE(session);
    prepare();
    expectError(session->run(std::span(&input, 1), std::span(&output, 1)),
                parts...);
  };
  auto size = [](Program &program, int64_t value) {
    program.sizes.push_back({ProgramSize::Kind::constant, value, 0});
    return static_cast<SizeIndex>(program.sizes.size() - 1);
  };
  refuse([&](Program &p) { p.steps[0].scalars[1] = size(p, int64_t{1} << 31); },
         "kernel 'scale'", "scalar 1", "32 bits", "2147483648");
  refuse([&](Program &p) { p.steps[0].groups[1] = size(p, int64_t{1} << 32); },
         "kernel 'scale'", "4294967296");
  refuse([&](Program &p) { p.steps[0].groups[1] = size(p, -1); },
         "kernel 'scale'", "not negative", "-1");
  refuse([&](Program &p) { p.buffers[0].bytes = size(p, 12); },
         "input 0 of 'main' needs 16 bytes", "has 12");
  refuse([&](Program &p) { p.steps.clear(); }, "output 0 of 'main'",
         "not written");
  refuse([&](Program &p) { p.arguments[1].shape = {size(p, -4)}; }, "output 0",
         "got -4");

  Program program = make.program;
  program.kernels[0].name = "absent";
  auto refused = create(program);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.message().find("'absent'"), std::string::npos)
      << refused.message();
  program = make.program;
  program.steps[0].kernel = 9;
  expectError(create(program), "kernel 9 of 3");
  // A weight whose shape is known too late.
  program = make.program;
  program.arguments.push_back(
      {ProgramArgument::Kind::weight, "w", ElementType::i32, {n}});
  program.buffers.push_back(
      {ProgramBuffer::Kind::argument, 2, program.buffers[0].bytes, {}, 0, {}});
  expectError(create(program), "weight 'w'", "does not depend on inputs");
}

} // namespace session_errors_test
