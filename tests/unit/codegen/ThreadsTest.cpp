//===- ThreadsTest.cpp - Many threads inside a run, many runs at once -----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tests/unit/codegen/Graph.h"

#include <thread>

using namespace rlx;
using namespace rlx::test;

namespace threads_test {

TEST_F(SchemeTest, AnyNumberOfThreadsGivesTheSameResult) {
  std::unique_ptr<Executable> executable = compiled(feedForward);
  ASSERT_TRUE(executable);
  FeedForward layer(&context, *executable);
  for (int64_t m : {1, 9}) {
    Floats x = Floats::random({m, FeedForward::width}, 5), alone(x.shape);
    EXPECT_SUCCESS(executable->run("main", {x}, {alone}));
    for (unsigned threads : {1, 2, 4}) {
      ThreadPool pool(threads);
      RunOptions options;
      options.pool = &pool;
      Floats y(x.shape);
      EXPECT_SUCCESS(executable->run("main", {x}, {y}, options));
      EXPECT_EQ(y.values, alone.values) << threads << " threads";
    }
  }
}

TEST_F(SchemeTest, SeveralThreadsRunAtTheSameTime) {
  std::unique_ptr<Executable> executable = compiled(feedForward);
  ASSERT_TRUE(executable);
  FeedForward layer(&context, *executable);
  constexpr int64_t callers = 4;
  std::vector<Floats> inputs, expected;
  for (int64_t i = 0; i < callers; ++i) {
    inputs.push_back(
        Floats::random({i + 1, FeedForward::width}, 100 + uint32_t(i)));
    expected.emplace_back(inputs[i].shape);
    EXPECT_SUCCESS(executable->run("main", {inputs[i]}, {expected[i]}));
  }
  ThreadPool pool(2);
  RunOptions options;
  options.pool = &pool;
  std::vector<int> wrong(callers);
  std::vector<std::thread> threads;
  for (int64_t i = 0; i < callers; ++i)
    threads.emplace_back([&, i] {
      for (int repetition = 0; repetition < 50; ++repetition) {
        Floats y(inputs[i].shape);
        llvm::Error error = executable->run("main", {inputs[i]}, {y}, options);
        wrong[i] += bool(error) || y.values != expected[i].values;
        llvm::consumeError(std::move(error));
      }
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(wrong, std::vector<int>(callers));
}

// A host that brings its own loops.
TEST_F(SchemeTest, TheHostsOwnLoops) {
  std::unique_ptr<Executable> executable = compiled(feedForward);
  ASSERT_TRUE(executable);
  FeedForward layer(&context, *executable);
  Floats x = Floats::random({2, FeedForward::width}, 6), y(x.shape),
         alone(x.shape);
  EXPECT_SUCCESS(executable->run("main", {x}, {alone}));
  int64_t calls = 0;
  RunOptions options;
  options.parallelFor.context = &calls;
  options.parallelFor.run = [](void *context, rlx_loop_body body, void *closure,
                               int64_t count) {
    ++*static_cast<int64_t *>(context);
    // Backwards, one by one.
    for (int64_t i = count; i-- > 0;)
      body(closure, i, i + 1);
  };
  EXPECT_SUCCESS(executable->run("main", {x}, {y}, options));
  EXPECT_EQ(y.values, alone.values);
  EXPECT_GE(calls, 3);
}

// With the option, neither threads nor the other rows change a bit.
TEST_F(SchemeTest, DeterministicRows) {
  constexpr int64_t n = 150, k = 1024, m = 29;
  for (std::string activations : {"f32", "i8", "i16", "i24"}) {
    SCOPED_TRACE(activations);
    RandomWeight weight(*builtin("gguf_q4k"), {n, k}, 3);
    CompileOptions options;
    options.deterministic = true;
    std::unique_ptr<Executable> executable = compiled(
        "func.func @main(%x: tensor<?x1024xf32>) -> tensor<?x150xf32> {\n" +
            weight.definitions("w") +
            "  %y = rlx.matmul %x, %w {activations = " + activations +
            "} : (tensor<?x1024xf32>, " + weight.types()[0] +
            ") -> tensor<?x150xf32>\n  return %y : tensor<?x150xf32>\n}",
        options);
    ASSERT_TRUE(executable);
    weight.bind(*executable, "w");
    Floats x = Floats::random({m, k}, 8), all({m, n}), again({m, n});
    EXPECT_SUCCESS(executable->run("main", {x}, {all}));
    for (unsigned threads : {2u, 4u}) {
      ThreadPool pool(threads);
      EXPECT_SUCCESS(executable->run("main", {x}, {again}, {&pool, {}}));
      EXPECT_EQ(all.values, again.values) << threads << " threads";
    }
    for (int64_t row = 0; row < m; ++row) {
      Floats one({1, k}, std::vector<float>(x.values.begin() + row * k,
                                            x.values.begin() + (row + 1) * k));
      Floats y({1, n});
      EXPECT_SUCCESS(executable->run("main", {one}, {y}));
      EXPECT_EQ(y.values,
                std::vector<float>(all.values.begin() + row * n,
                                   all.values.begin() + (row + 1) * n))
          << "row " << row;
    }
  }
}

} // namespace threads_test
