//===- SessionTest.cpp - Programs on devices ------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs small programs with everything a program can have, on the first device
// of both APIs, and looks at how much memory they take.
//
//===----------------------------------------------------------------------===//
#include "tests/unit/runtime/SessionFixture.h"

using namespace rlx;
using namespace rlx::test;

namespace session_test {

INSTANTIATE_TEST_SUITE_P(Api, SessionTest,
                         testing::Values(DeviceApi::vulkan, DeviceApi::opencl),
                         apiTestName);

TEST_P(SessionTest, RunsForAnyShape) {
  start(TableProgram().program);
  Words weight(TableProgram::rows);
  for (int i = 0; i < TableProgram::rows; ++i)
    weight[i] = 5 * i - 30;
  bind("weight", weight);
  prepare();
  // What was bound is on the device.
  Words known = std::exchange(weight, Words(TableProgram::rows, -1));
  int32_t round = 0;
  for (size_t n : {5, 100, 0, 5, 1, 64, 0, 1000, 5}) {
    Words x(n), ids(n), expected(n);
    ++round;
    for (size_t i = 0; i < n; ++i) {
      x[i] = static_cast<int32_t>(i) * round;
      ids[i] = static_cast<int32_t>(7 * i + round) % TableProgram::rows;
      expected[i] = 3 * x[i] + 2 * known[ids[i]] + 1 + 1000 * ids[i];
    }
    ASSERT_EQ(run({x, ids}), expected) << n;
  }
}

TEST_P(SessionTest, ReportsAnIdOutOfRange) {
  start(TableProgram().program);
  Words weight(TableProgram::rows, 0);
  bind("weight", weight);
  prepare();
  Words x(200, 0), ids(200, 3), y(200);
  std::vector<TensorView> inputs = {view(x), view(ids)};
  TensorView output = view(y);
  auto tryRun = [&] { return session->run(inputs, std::span(&output, 1)); };
  for (int32_t wrong : {16, -1, 1 << 30}) {
    ids[150] = wrong;
    expectError(tryRun(),
                "row id of 'test' at position 150 is out of range, expected 0 "
                "<= index < 16, got " +
                    std::to_string(wrong));
  }
  ids[150] = 3;
  auto time = tryRun();
  ASSERT_TRUE(time.ok()) << time.message();
  EXPECT_EQ(y, Words(200, 3001));
}

TEST_P(SessionTest, BuffersOfARunShareMemory) {
  ProgramBuilder make;
  SizeIndex n;
  uint32_t from = make.hold(make.input(n));
  uint32_t y = make.hold(make.argument(ProgramArgument::Kind::result, {n}));
  for (int i = 0; i < 6; ++i) {
    uint32_t to = i == 5 ? y : make.temporary(n);
    make.program.steps.push_back(make.scale(from, to, n, 2, i));
    from = to;
  }
  start(make.program);
  prepare();
  auto check = [&](int32_t count) {
    Words got = run({counting(count)});
    for (int32_t i = 0; i < count; ++i)
      ASSERT_EQ(got[i], 64 * i + 57) << i;
  };
  check(1000);
  // Six buffers of 4000 bytes in a chain need two.
  EXPECT_EQ(session->deviceBytes(), 2 * 4000u);
  check(100);
  EXPECT_EQ(session->deviceBytes(), 2 * 4000u);
  check(2000);
  EXPECT_EQ(session->deviceBytes(), 2 * 8000u);
  EXPECT_EQ(session->peakBytes(), 2 * 8000u);
  check(1000);
  check(100);
  EXPECT_EQ(session->deviceBytes(), 2 * 8000u);
}

TEST_P(SessionTest, StatesStayOnTheDevice) {
  ProgramBuilder make;
  SizeIndex n, m;
  uint32_t x = make.hold(make.input(n)), s = make.hold(make.input(m));
  make.program.arguments[1].isState = true;
  uint32_t y = make.hold(make.argument(ProgramArgument::Kind::result, {n}));
  uint32_t sum = make.temporary(n);
  make.program.steps = {make.add(x, s, sum, n), make.copy(sum, s, n),
                        make.scale(s, y, n, 2, 1)};
  start(make.program);
  prepare();
  Words input(10, 5), state = counting(10), output(10);
  auto step = [&](const TensorView &given) {
    TensorView inputs[] = {view(input), given}, result = view(output);
    auto time = session->run(inputs, std::span(&result, 1));
    ASSERT_TRUE(time.ok()) << time.message();
  };
  auto expectAll = [&](const Words &got, int32_t factor, int32_t offset) {
    for (int32_t i = 0; i < int32_t(got.size()); ++i)
      ASSERT_EQ(got[i], factor * i + offset) << i;
  };
  expectError(session->readState(1, view(state)), "is not on the device yet");
  // Given, and read back.
  step(view(state));
  expectAll(state, 1, 5);
  expectAll(output, 2, 11);
  // Not given: what the device has.
  TensorView onDevice = {ElementType::i32, {10}, nullptr};
  for (int32_t round = 1; round < 4; ++round) {
    step(onDevice);
    expectAll(output, 2, 11 + 10 * round);
  }
  expectAll(state, 1, 5);
  Status read = session->readState(1, view(state));
  ASSERT_TRUE(read.ok()) << read.message();
  expectAll(state, 1, 20);
  expectError(session->readState(0, view(state)), "is no state");
  expectError(session->readState(2, view(state)), "has no input 2");
  Words other(11);
  expectError(session->readState(1, view(other)), "to be i32 [10] for");
  // Another size begins with zeros, and no size is one too.
  input.assign(20, 5), output.resize(20);
  step({ElementType::i32, {20}, nullptr});
  expectAll(output, 0, 11);
  input.clear(), output.clear();
  step({ElementType::i32, {0}, nullptr});
}

TEST_P(SessionTest, KeepsTheLastShapes) {
  Session::Options options;
  options.keptShapes = 2;
  start(TableProgram().program, options);
  Words weight(TableProgram::rows, 1);
  bind("weight", weight);
  prepare();
  for (size_t n : {10, 20, 30, 10, 10, 30, 20, 5})
    ASSERT_EQ(run({Words(n, 2), Words(n, 4)}), Words(n, 6 + 3 + 4000)) << n;
}

TEST_P(SessionTest, WeightsLeaveWhenTheyArePacked) {
  constexpr int64_t words = 1 << 18;
  constexpr int numWeights = 4;
  ProgramBuilder make;
  SizeIndex size = make.constant(words);
  SizeIndex n;
  uint32_t x = make.hold(make.input(n));
  uint32_t y = make.hold(make.argument(ProgramArgument::Kind::result, {n}));
  uint32_t sum = x;
  for (int i = 0; i < numWeights; ++i) {
    std::string name = "w" + std::to_string(i);
    uint32_t w =
        make.hold(make.argument(ProgramArgument::Kind::weight, {size}, name));
    uint32_t p = make.packed(size);
    make.program.setup.push_back(make.scale(w, p, size, 1, i));
    uint32_t to = i + 1 == numWeights ? y : make.temporary(n);
    make.program.steps.push_back(make.add(sum, p, to, n));
    sum = to;
  }
  // One that runs read as it is, and one that nobody does.
  uint32_t kept =
      make.hold(make.argument(ProgramArgument::Kind::weight, {size}, "kept"));
  uint32_t last = make.temporary(n);
  make.program.steps.back().buffers[2] = last;
  make.program.steps.push_back(make.add(last, kept, y, n));
  make.hold(make.argument(ProgramArgument::Kind::weight, {size}, "unused"));
  start(make.program);

  std::vector<Words> weights(numWeights + 1, Words(words));
  for (int i = 0; i <= numWeights; ++i) {
    std::iota(weights[i].begin(), weights[i].end(), i * 1000);
    bind(i == numWeights ? "kept" : "w" + std::to_string(i), weights[i]);
  }
  uint64_t lastDone = 0;
  Status status = session->prepare([&](uint64_t done, uint64_t total) {
    EXPECT_EQ(total, 4u * words * (numWeights + 1));
    EXPECT_GE(done, lastDone);
    lastDone = done;
  });
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(lastDone, 4u * words * (numWeights + 1));
  // Packed buffers, and one weight at a time.
  EXPECT_EQ(session->deviceBytes(), 4u * words * (numWeights + 1));
  EXPECT_EQ(session->peakBytes(), 4u * words * (numWeights + 1));
  Words got = run({counting(3)});
  for (int32_t i = 0; i < 3; ++i)
    EXPECT_EQ(got[i], 6 * i + 10000 + 6) << i;
}

TEST_P(SessionTest, SetupWithoutInputs) {
  // No inputs at all, a constant as result.
  ProgramBuilder make;
  SizeIndex four = make.constant(4);
  uint32_t y = make.hold(make.argument(ProgramArgument::Kind::result, {four}));
  uint32_t fixed = make.constant(Words{4, 3, 2, 1});
  uint32_t p = make.packed(four);
  make.program.setup = {make.scale(fixed, p, four, -1, 0)};
  make.program.steps = {make.copy(p, y, four)};
  start(make.program);
  prepare();
  EXPECT_EQ(run({}), (Words{-4, -3, -2, -1}));
  EXPECT_EQ(run({}), (Words{-4, -3, -2, -1}));
}

TEST_P(SessionTest, SeveralSessionsShareADevice) {
  std::vector<std::unique_ptr<Session>> sessions;
  for (int32_t i = 0; i < 3; ++i) {
    start(TableProgram().program);
    Words weight(TableProgram::rows, i);
    bind("weight", weight);
    prepare();
    sessions.push_back(std::move(session));
  }
  for (int32_t i = 0; i < 3; ++i) {
    session = std::move(sessions[i]);
    EXPECT_EQ(run({Words(70, 0), Words(70, 0)}), Words(70, 2 * i + 1));
  }
}

} // namespace session_test
