//===- SessionFixture.h - Programs on the devices of the tests ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Makes sessions of programs and runs them on vectors.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_TESTS_UNIT_RUNTIME_SESSIONFIXTURE_H
#define RLX_TESTS_UNIT_RUNTIME_SESSIONFIXTURE_H

#include "runtime/gpu/Session.h"
#include "tests/unit/runtime/DeviceFixture.h"
#include "tests/unit/runtime/ProgramBuilder.h"

namespace rlx::test {

using Words = std::vector<int32_t>;

inline TensorView view(Words &words) {
  return {ElementType::i32, {static_cast<int64_t>(words.size())}, words.data()};
}

class SessionTest : public DeviceTest {
protected:
  void TearDown() override {
    session.reset();
    DeviceTest::TearDown();
  }

  Result<std::unique_ptr<Session>> create(Program program,
                                          Session::Options options = {}) {
    program.form = formOf(GetParam());
    program.modules = {module};
    return Session::create(*device, std::move(program), options);
  }
  void start(const Program &program, Session::Options options = {}) {
    auto made = create(program, options);
    ASSERT_TRUE(made.ok()) << made.message();
    session = made.take();
  }
  void bind(std::string_view name, Words &words) {
    Status status = session->bindWeight(name, view(words));
    ASSERT_TRUE(status.ok()) << status.message();
  }
  void prepare() {
    Status status = session->prepare();
    ASSERT_TRUE(status.ok()) << status.message();
  }
  /// The first result for these inputs.
  Words run(std::vector<Words> inputs) {
    std::vector<TensorView> views;
    for (Words &input : inputs)
      views.push_back(view(input));
    auto shapes = session->resultShapes(views);
    EXPECT_TRUE(shapes.ok()) << shapes.message();
    if (!shapes)
      return {};
    Words output(static_cast<size_t>((*shapes)[0][0]), -77);
    TensorView result = view(output);
    auto time = session->run(views, std::span(&result, 1));
    EXPECT_TRUE(time.ok()) << time.message();
    EXPECT_TRUE(!time || *time >= 0);
    return output;
  }

  std::unique_ptr<Session> session;
};

/// With weight w and inputs x, ids of the same length:
///   y = 3 * x + table[ids], table = 2 * w + 1 + constant
struct TableProgram : ProgramBuilder {
  static constexpr int64_t rows = 16;

  TableProgram() {
    SizeIndex n, numRows = constant(rows);
    uint32_t x = hold(input(n));
    uint32_t w =
        hold(argument(ProgramArgument::Kind::weight, {numRows}, "weight"));
    uint32_t ids = hold(argument(ProgramArgument::Kind::input, {n}));
    uint32_t y = hold(argument(ProgramArgument::Kind::result, {n}));
    Words offsets(rows);
    for (int i = 0; i < rows; ++i)
      offsets[i] = 1000 * i;
    uint32_t fixed = constant(offsets);
    uint32_t doubled = packed(numRows), table = packed(numRows);
    uint32_t tripled = temporary(n), gathered = temporary(n),
             sum = temporary(n);
    program.status = temporary(constant(4));
    program.checks = {{"row id of 'test'", rows}};
    program.setup = {scale(w, doubled, numRows, 2, 1),
                     add(doubled, fixed, table, numRows)};
    program.steps = {scale(x, tripled, n, 3, 0),
                     gather(table, ids, gathered, n, rows),
                     add(tripled, gathered, sum, n), copy(sum, y, n)};
  }
};

} // namespace rlx::test

#endif // RLX_TESTS_UNIT_RUNTIME_SESSIONFIXTURE_H
