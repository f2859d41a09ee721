//===- NestingTest.cpp - Texts that parsers can read ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ir/Nesting.h"

#include "llvm/ADT/StringExtras.h"

#include <gtest/gtest.h>

using namespace rlx;

namespace nesting_test {

std::string check(const std::string &text) {
  return llvm::toString(checkNesting(text, "p.mlir"));
}

std::string repeated(llvm::StringRef text, size_t count) {
  std::string all;
  for (size_t i = 0; i < count; ++i)
    all += text;
  return all;
}

constexpr const char *tooDeep =
    "expected at most 256 brackets inside each other, but got more";
constexpr const char *tooLong =
    "expected at most 1024 operators in an expression, but got more";

TEST(Nesting, EachBracketCounts) {
  for (auto [open, close] : {std::pair("(", ")"), std::pair("[", "]"),
                             std::pair("{", "}"), std::pair("<", ">")}) {
    EXPECT_EQ(check(repeated(open, 256) + repeated(close, 256)), "") << open;
    EXPECT_EQ(check("\n\n" + repeated(open, 257)),
              std::string("'p.mlir' line 3: ") + tooDeep)
        << open;
    // Beside each other they do not nest.
    EXPECT_EQ(check(repeated(std::string(open) + close, 1000)), "") << open;
  }
  EXPECT_EQ(check(repeated("([{<", 64) + repeated(">}])", 64)), "");
  EXPECT_NE(check(repeated("([{<", 65)), "");
}

TEST(Nesting, StringsCommentsAndArrowsDoNotCount) {
  EXPECT_EQ(check("\"" + repeated("(", 1000) + "\""), "");
  EXPECT_EQ(check("\"\\\"" + repeated("(", 1000) + "\""), "");
  EXPECT_EQ(check("// " + repeated("(", 1000) + "\nx"), "");
  EXPECT_NE(check("\"a\"" + repeated("(", 257)), "");
  EXPECT_NE(check("// comment\n" + repeated("(", 257)), "");
  EXPECT_EQ(check(repeated("() -> ()\n", 1000)), "");
  // Comparisons open nothing for those that close around them.
  EXPECT_EQ(check(repeated("(d0) : (d0 - 10 >= 0, d0 <= 3)\n", 1000)), "");
  EXPECT_EQ(check(repeated("(a < b)\n", 1000)), "");
}

TEST(Nesting, AliasesStandForWhatTheyAre) {
  std::string chain = "#a0 = [1]\n";
  for (int i = 1; i < 300; ++i)
    chain += "#a" + std::to_string(i) + " = [#a" + std::to_string(i - 1) +
             "] // [[[[\n";
  EXPECT_EQ(check(chain), std::string("'p.mlir' line 257: ") + tooDeep);
  std::string types = "!t0 = i32\n";
  for (int i = 1; i < 300; ++i)
    types += "!t" + std::to_string(i) + " =\n  tuple\n<!t" +
             std::to_string(i - 1) + ">\n";
  EXPECT_NE(check(types), "");
  // Those that do not refer to each other are as deep as they are.
  std::string flat;
  for (int i = 0; i < 1000; ++i)
    flat += "#map" + std::to_string(i) + " = affine_map<(d0) -> (d0)>\n";
  flat += "module {\n";
  for (int i = 0; i < 1000; ++i)
    flat += "  \"use\"() {map = #map" + std::to_string(i) + "} : () -> ()\n";
  EXPECT_EQ(check(flat + "}\n#loc = loc(unknown)\n"), "");
}

// MLIR's parser does not survive them.
TEST(Nesting, ArraysOfIndices) {
  std::string expected = "expected a type of a fixed width in 'array<...>', as "
                         "i64, but got 'index'";
  for (const char *array :
       {"array<index: 1>", "array<index>", "array < // comment\"\n index : 1>",
        "array<!a: 1>", "array<!b: 1>"})
    EXPECT_NE(check("!a = index\n!b = !a\n\"a.b\"() {x = " +
                    std::string(array) + "} : () -> ()")
                  .find(expected),
              std::string::npos)
        << array;
  for (const char *fine :
       {"array<i64: 1>", "!llvm.array<4 x i8>", "memref<4xindex>",
        "array, index", "!a = i32\n#x = array<!a: 1>",
        "array<i1: true> {i = 0 : index}"})
    EXPECT_EQ(check(fine), "") << fine;
}

TEST(Nesting, ExpressionsHaveALength) {
  auto map = [](const std::string &expression) {
    return "#map = affine_map<(d0) -> (" + expression + ")>";
  };
  for (const char *operation : {" + d0", " - d0", " * 2", " floordiv 2",
                                " ceildiv 2", " mod 2", "-d0", "+(d0)"}) {
    EXPECT_EQ(check(map("d0" + repeated(operation, 1000))), "") << operation;
    EXPECT_EQ(check(map("d0" + repeated(operation, 1025))),
              std::string("'p.mlir' line 1: ") + tooLong)
        << operation;
  }
  EXPECT_NE(check(map(repeated("-", 1025) + "d0")), "");
  // Numbers of lists and of operations have no expression in common.
  EXPECT_EQ(check("dense<[" + repeated("-1.0, ", 5000) + "0.0]>"), "");
  EXPECT_EQ(check(repeated("%c-1 = arith.constant -1 : index\n", 5000)), "");
  EXPECT_EQ(check(repeated("scf.yield %a#0\n", 5000)), "");
}

} // namespace nesting_test
