//===- ProgramTest.cpp - Sizes, checks and memory of programs -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What needs no device.
//
//===----------------------------------------------------------------------===//
#include "runtime/gpu/MemoryPlan.h"
#include "runtime/gpu/ProgramSizes.h"
#include "tests/unit/runtime/ProgramBuilder.h"
#include "tests/unit/runtime/TestSupport.h"

#include <climits>
#include <random>

using namespace rlx;
using namespace rlx::test;

namespace program_test {

using Size = ProgramSize::Kind;

TEST(ProgramSizesTest, AllOperations) {
  struct Case {
    Size kind;
    int64_t a, b, expected;
  };
  const Case cases[] = {{Size::add, 3, -5, -2},
                        {Size::subtract, 3, 5, -2},
                        {Size::multiply, -3, 5, -15},
                        {Size::divide, 7, 2, 3},
                        {Size::divide, -7, 2, -4},
                        {Size::divide, 7, -2, -4},
                        {Size::divide, -7, -2, 3},
                        {Size::divide, -8, 2, -4},
                        {Size::ceilDivide, 7, 2, 4},
                        {Size::ceilDivide, 8, 2, 4},
                        {Size::ceilDivide, -7, 2, -3},
                        {Size::ceilDivide, 0, 64, 0},
                        {Size::remainder, 7, 3, 1},
                        {Size::remainder, -7, 3, 2},
                        {Size::remainder, 7, -3, -2},
                        {Size::minimum, -2, 4, -2},
                        {Size::maximum, -2, 4, 4},
                        {Size::ceilDivide, 1, 64, 1},
                        {Size::equal, -3, -3, 1},
                        {Size::equal, 3, -3, 0},
                        {Size::less, -1, 0, 1},
                        {Size::less, 2, 2, 0},
                        {Size::less, INT64_MAX, INT64_MIN, 0},
                        {Size::divide, INT64_MIN, 1, INT64_MIN}};
  for (const Case &one : cases) {
    ProgramBuilder make;
    SizeIndex a = make.constant(one.a), b = make.constant(one.b);
    SizeIndex result = make.size(one.kind, a, b);
    auto values = evaluateSizes(make.program, {});
    ASSERT_TRUE(values.ok()) << values.message();
    EXPECT_EQ((*values)[result], one.expected)
        << int(one.kind) << ": " << one.a << ", " << one.b;
  }
}

TEST(ProgramSizesTest, RefusesWhatHasNoValue) {
  auto evaluate = [](Size kind, int64_t a, int64_t b) {
    ProgramBuilder make;
    SizeIndex first = make.constant(a), second = make.constant(b);
    make.size(kind, first, second);
    return evaluateSizes(make.program, {});
  };
  for (Size kind : {Size::divide, Size::ceilDivide, Size::remainder}) {
    expectError(evaluate(kind, 5, 0), "'main'", "divides 5 by zero");
    expectError(evaluate(kind, INT64_MIN, -1), "does not fit in 64 bits");
  }
  expectError(evaluate(Size::add, INT64_MAX, 1), "does not fit");
  expectError(evaluate(Size::subtract, INT64_MIN, 1), "does not fit");
  expectError(evaluate(Size::multiply, INT64_MAX, 2), "does not fit");
}

TEST(ProgramSizesTest, InputsMayBeUnknown) {
  ProgramBuilder make;
  SizeIndex fixed = make.constant(7);
  make.argument(ProgramArgument::Kind::weight, {fixed}, "w");
  SizeIndex n, m;
  make.input(n);
  make.input(m);
  SizeIndex sum = make.size(Size::add, n, m);
  SizeIndex ofWeight = make.dimension(0, 0);
  // Divides by zero only where n is m.
  make.size(Size::divide, sum, make.size(Size::subtract, n, m));
  ASSERT_TRUE(verifyProgram(make.program).ok());
  auto values = evaluateSizes(make.program, {});
  ASSERT_TRUE(values.ok()) << values.message();
  EXPECT_FALSE((*values)[sum]);
  EXPECT_EQ((*values)[ofWeight], 7);
  expectError(countOf(*values, sum, "thing"), "thing", "depend on inputs");
  std::vector<std::vector<int64_t>> shapes = {{3}, {4}};
  values = evaluateSizes(make.program, shapes);
  ASSERT_TRUE(values.ok()) << values.message();
  EXPECT_EQ((*values)[sum], 7);
  shapes = {{3}, {3}};
  expectError(evaluateSizes(make.program, shapes), "divides 6 by zero");
}

// A position: an integer input without sizes, which the host reads.
TEST(ProgramSizesTest, NumbersOfInputs) {
  ProgramBuilder make;
  uint32_t position = make.argument(ProgramArgument::Kind::input, {});
  make.program.arguments[position].type = ElementType::i64;
  SizeIndex number = make.size(Size::number, position, 0);
  SizeIndex next = make.size(Size::add, number, make.constant(1));
  ASSERT_TRUE(verifyProgram(make.program).ok());
  EXPECT_EQ(findNumbers(make.program), std::vector<bool>{true});
  for (const std::vector<std::vector<int64_t>> &inputs :
       {std::vector<std::vector<int64_t>>{}, {{}}, {{41}}}) {
    auto values = evaluateSizes(make.program, inputs);
    ASSERT_TRUE(values.ok()) << values.message();
    bool isKnown = !inputs.empty() && !inputs[0].empty();
    EXPECT_EQ((*values)[next],
              isKnown ? std::optional<int64_t>(42) : std::nullopt);
  }
  int8_t byte = -3;
  EXPECT_EQ(integerOf({ElementType::i8, {}, &byte}), -3);
  uint16_t wide = 65535;
  EXPECT_EQ(integerOf({ElementType::u16, {}, &wide}), 65535);
  // Floats, states and tensors are none.
  make.program.arguments[position].type = ElementType::f32;
  expectError(verifyProgram(make.program), "no integer input of rank 0");
  make.program.arguments[position].type = ElementType::i64;
  make.program.arguments[position].isState = true;
  expectError(verifyProgram(make.program), "no integer input of rank 0");
}

// The first check that does not hold is the error, before any division that it
// guards; one of unknown sizes waits for them.
TEST(ProgramSizesTest, ChecksComeFirst) {
  ProgramBuilder make;
  SizeIndex n, m;
  make.input(n);
  make.input(m);
  SizeIndex zero = make.constant(0);
  SizeIndex isLess = make.size(Size::less, n, m);
  SizeIndex isPositive = make.size(Size::less, zero, n);
  make.size(Size::divide, m, n);
  make.program.sizeChecks = {
      {isLess, "expected less than {}, but got {}", {m, n}},
      {isPositive, "expected some", {}}};
  ASSERT_TRUE(verifyProgram(make.program).ok());
  EXPECT_TRUE(evaluateSizes(make.program, {}).ok());
  auto evaluate = [&](int64_t x, int64_t y) {
    std::vector<std::vector<int64_t>> shapes = {{x}, {y}};
    return evaluateSizes(make.program, shapes);
  };
  EXPECT_TRUE(evaluate(3, 4).ok());
  EXPECT_EQ(evaluate(4, 3).message(), "expected less than 3, but got 4");
  EXPECT_EQ(evaluate(0, 3).message(), "expected some");
  make.program.sizeChecks[1].values = {77};
  expectError(verifyProgram(make.program), "'expected some'", "not there");
}

TEST(ProgramVerifyTest, FindsWhatLeadsNowhere) {
  ProgramBuilder make;
  SizeIndex n;
  uint32_t x = make.hold(make.input(n));
  uint32_t y = make.hold(make.argument(ProgramArgument::Kind::result, {n}));
  uint32_t w = make.hold(
      make.argument(ProgramArgument::Kind::weight, {make.constant(4)}, "w"));
  uint32_t p = make.packed(make.constant(4));
  make.program.status = make.temporary(make.constant(4));
  make.program.setup = {make.scale(w, p, make.constant(4), 1, 0)};
  make.program.steps = {make.gather(p, x, y, n, 4), make.copy(x, y, n)};
  ASSERT_TRUE(verifyProgram(make.program).ok())
      << verifyProgram(make.program).message();

  auto refuse = [&](auto change, auto... parts) {
    Program program = make.program;
    change(program);
    expectError(verifyProgram(program), "program 'main'", parts...);
  };
  uint32_t far = 1000;
  refuse(
      [&](Program &p) {
        p.sizes[1] = {Size::add, 0, 1};
      },
      "size 1", "not before it");
  refuse(
      [&](Program &p) {
        p.sizes.push_back({Size::add, -1, 0});
      },
      "sizes -1 and 0");
  refuse(
      [&](Program &p) {
        p.sizes.push_back({Size::dimension, 0, 1});
      },
      "dimension 1 of argument 0");
  refuse(
      [&](Program &p) {
        p.sizes.push_back({Size::dimension, far, 0});
      },
      "argument 1000");
  refuse(
      [&](Program &p) {
        p.sizes[0] = {Size::dimension, 2, 0};
      },
      "not known before it");
  refuse([&](Program &p) { p.arguments[0].shape[0] = far; }, "size 1000");
  refuse([&](Program &p) { p.buffers[0].bytes = far; }, "buffer 0");
  refuse([&](Program &p) { p.buffers[0].argument = far; }, "argument 1000");
  refuse([&](Program &p) { p.buffers[0].argument = 1; }, "buffer 1",
         "another buffer");
  refuse([&](Program &p) { p.buffers[0].offset = 4; }, "buffer 0");
  refuse(
      [&](Program &p) { p.buffers[1].kind = ProgramBuffer::Kind::temporary; },
      "argument 1", "no buffer");
  refuse([&](Program &p) { p.kernels[1].module = 3; }, "'add'", "module 3");
  refuse([&](Program &p) { p.steps[0].kernel = 3; }, "kernel 3 of 3");
  refuse([&](Program &p) { p.steps[0].buffers[1] = far; }, "run",
         "buffer 1000");
  refuse([&](Program &p) { p.setup[0].buffers.pop_back(); }, "'scale'",
         "setup gives 1 and 3");
  refuse([&](Program &p) { p.steps[0].scalars[0] = far; }, "'gather'",
         "size 1000");
  refuse([&](Program &p) { p.steps[0].groups[2] = far; }, "'gather'",
         "workgroups");
  refuse([&](Program &p) { p.steps[1].buffers.push_back(0); }, "3 buffers");
  refuse([&](Program &p) { p.steps[1].toOffset = far; }, "copy");
  refuse([&](Program &p) { p.status = far; }, "status buffer 1000");
  refuse([&](Program &p) { p.status = 0; }, "status buffer 0");
  refuse([&](Program &p) { p.setup[0].buffers[0] = 0; }, "setup uses buffer 0");
  refuse([&](Program &p) { p.setup.clear(); }, "packed buffer 3",
         "does not write it");
}

TEST(MemoryPlanTest, SharesWhatIsNotNeededAtTheSameTime) {
  // A chain: each is read by the step that writes the next.
  std::vector<LiveRange> chain;
  for (int64_t i = 0; i < 6; ++i)
    chain.push_back({100, i - 1, i});
  EXPECT_EQ(planMemory(chain).slotBytes, (std::vector<uint64_t>{100, 100}));

  // The small one goes into the smaller of the two that are free.
  std::vector<LiveRange> ranges = {
      {100, 0, 1}, {50, 0, 1}, {40, 2, 3}, {90, 2, 2}};
  MemoryPlan plan = planMemory(ranges);
  EXPECT_EQ(plan.slotBytes, (std::vector<uint64_t>{100, 50}));
  EXPECT_EQ(plan.slotOf, (std::vector<uint32_t>{0, 1, 1, 0}));
  EXPECT_TRUE(planMemory({}).slotBytes.empty());
}

TEST(MemoryPlanTest, NeverSharesAtTheSameTime) {
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    std::vector<LiveRange> ranges(random() % 40);
    for (LiveRange &range : ranges) {
      range.bytes = random() % 1000;
      range.first = int64_t(random() % 20) - 1;
      range.last = range.first + random() % 6;
    }
    MemoryPlan plan = planMemory(ranges);
    EXPECT_TRUE(std::is_sorted(plan.slotBytes.rbegin(), plan.slotBytes.rend()));
    for (size_t i = 0; i < ranges.size(); ++i) {
      ASSERT_GE(plan.slotBytes[plan.slotOf[i]], ranges[i].bytes);
      for (size_t j = 0; j < i; ++j)
        ASSERT_TRUE(plan.slotOf[i] != plan.slotOf[j] ||
                    ranges[i].last < ranges[j].first ||
                    ranges[j].last < ranges[i].first);
    }
  }
}

} // namespace program_test
