//===- SymbolsTest.cpp - Functions called like those of others ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A program's functions may be called anything: their names meet those of the C
// library, of RLX's own functions and of what it makes of a program.
//
//===----------------------------------------------------------------------===//

#include "tests/unit/codegen/TestSupport.h"

using namespace rlx;
using namespace rlx::test;

namespace symbols_test {

/// exp(x) * factor through a function of its own that is not inlined away, with
/// memory that is allocated.
std::string function(const std::string &name, const std::string &factor) {
  return "func.func @\"" + name + "\"(%x: tensor<?xf32>) -> tensor<?xf32> {\n" +
         "  %f = arith.constant dense<" + factor + R"(> : tensor<1xf32>
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?xf32>
  %s = tensor.extract %f[%c0] : tensor<1xf32>
  %i = tensor.empty(%n) : tensor<?xf32>
  %b = linalg.fill ins(%s : f32) outs(%i : tensor<?xf32>) -> tensor<?xf32>
  %e = math.exp %x : tensor<?xf32>
  %y = arith.mulf %e, %b : tensor<?xf32>
  return %y : tensor<?xf32>
}
)";
}

TEST(Symbols, AnyNamesSideBySide) {
  const char *names[] = {"main",
                         "malloc",
                         "free",
                         "aligned_alloc",
                         "memcpy",
                         "memset",
                         "expf",
                         "exp",
                         "abort",
                         "rlx.invoke.main",
                         "rlx.program.main",
                         "_mlir_ciface_main",
                         "main.parallel0",
                         "main.pack0",
                         "llvm.memcpy.p0.p0.i64",
                         "a name",
                         "\\01exp",
                         "_start"};
  std::string program;
  for (size_t i = 0; i < std::size(names); ++i)
    program += function(names[i], std::to_string(i + 1) + ".0");
  std::unique_ptr<Executable> executable = compiled(program);
  ASSERT_TRUE(executable);
  EXPECT_EQ(executable->functions().size(), std::size(names));
  ThreadPool pool(2);
  for (size_t i = 0; i < std::size(names); ++i) {
    const std::string &name = executable->functions()[i].name;
    Floats x({70000}), y({70000});
    EXPECT_SUCCESS(executable->run(name, {x}, {y}, RunOptions{&pool, {}}));
    EXPECT_FLOAT_EQ(y.values.front(), float(i + 1)) << name;
    EXPECT_FLOAT_EQ(y.values.back(), float(i + 1)) << name;
  }
}

// What generated code calls of the host.
TEST(Symbols, NamesOfTheHostAreRefused) {
  EXPECT_CONTAINS(messageOf(compileText(function("rlx_parallel_for", "1.0"))),
                  "expected a function with another name than "
                  "'rlx_parallel_for'");
}

using SymbolsOfPackers = SchemeTest;

// Packing has functions of its own.
TEST_F(SymbolsOfPackers, MeetThoseOfTheProgram) {
  constexpr int64_t n = 32, k = 64;
  RandomWeight weight(*builtin("int8/32"), {n, k}, 1, Content::smallIntegers);
  std::string types = "tensor<2x64xf32>";
  for (const std::string &type : weight.types())
    types += ", " + type;
  CompileOptions options;
  options.choices = "magic_numbers=false"; // Integers are exact.
  std::unique_ptr<Executable> executable = compiled(
      function("main.pack0", "2.0") +
          "func.func @main(%x: tensor<2x64xf32>) -> tensor<2x32xf32> {\n" +
          weight.definitions("w") + "  %y = rlx.matmul %x, %w" +
          weight.operands("w") + " {activations = i8} : (" + types +
          ") -> tensor<2x32xf32>\n  return %y : tensor<2x32xf32>\n}\n",
      options);
  ASSERT_TRUE(executable);
  weight.bind(*executable, "w");
  Floats x({2, k}), y({2, n}), zero({1}), two({1});
  for (size_t i = 0; i < x.values.size(); ++i)
    x.values[i] = i % 32 == 31 ? 127 : float(int(i * 7 % 255) - 127);
  EXPECT_SUCCESS(executable->run("main", {x}, {y}));
  EXPECT_GT(executable->packReport("main").packedBytes, 0);
  EXPECT_TRUE(isClose(y, product(x.values, weight.values(), 2, n, k), 1e-6, 1));
  EXPECT_SUCCESS(executable->run("main.pack0", {zero}, {two}));
  EXPECT_EQ(two.values[0], 2);
}

TEST(Symbols, WhatCannotBe) {
  EXPECT_CONTAINS(
      messageOf(compileText(function("main", "1.0") +
                            function("main.shapes", "2.0"))),
      "'main.shapes' is the name of what computes the sizes of the results of "
      "'main', expected another name");
  EXPECT_CONTAINS(
      messageOf(compileText(function("main", "1.0") +
                            function("main.memory", "2.0"))),
      "'main.memory' is the name of what computes the memory that calls take "
      "of 'main', expected another name");
  EXPECT_CONTAINS(messageOf(compileText(function("a\\00b", "1.0"))),
                  "has a NUL");
}

} // namespace symbols_test
