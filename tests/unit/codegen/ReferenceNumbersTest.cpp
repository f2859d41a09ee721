//===- ReferenceNumbersTest.cpp - arith and math, evaluated ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tests/unit/codegen/ReferenceTest.h"

#include <cmath>

using namespace rlx;
using namespace rlx::test;

namespace reference_numbers_test {

class ReferenceNumbersTest : public ReferenceTest {
protected:
  /// `op` on tensors of those numbers, by a text such as `math.exp %a`.
  std::vector<ReferenceTensor> onFloats(const std::string &op,
                                        std::vector<float> a,
                                        std::vector<float> b = {}) {
    std::string t = "tensor<" + std::to_string(a.size()) + "xf32>";
    b.resize(a.size());
    Floats x({int64_t(a.size())}, a), y({int64_t(b.size())}, b);
    return results("func.func @main(%a: " + t + ", %b: " + t + ") -> " + t +
                       " {\n  %r = " + op + " : " + t + "\n  return %r : " + t +
                       "\n}",
                   {x, y});
  }
  /// `op` on integers of 8 bits.
  int64_t onBytes(const std::string &op, int8_t a, int8_t b) {
    TensorView x{ElementType::i8, {1}, &a}, y{ElementType::i8, {1}, &b};
    return int64_t(numbers(
        "func.func @main(%a: tensor<1xi8>, %b: tensor<1xi8>) -> tensor<1xi8> "
        "{\n  %r = " +
            op + " : tensor<1xi8>\n  return %r : tensor<1xi8>\n}",
        {x, y})[0]);
  }
};

TEST_F(ReferenceNumbersTest, FunctionsOfOneFloat) {
  struct Case {
    const char *name;
    double (*function)(double);
    double low, high;
  };
  const Case cases[] = {
      {"math.absf", std::fabs, -9, 9},
      {"math.sqrt", std::sqrt, 0, 9},
      {"math.cbrt", std::cbrt, -9, 9},
      {"math.exp", std::exp, -9, 9},
      {"math.exp2", std::exp2, -9, 9},
      {"math.expm1", std::expm1, -1e-6, 1e-6},
      {"math.log", std::log, 0.1, 9},
      {"math.log2", std::log2, 0.1, 9},
      {"math.log10", std::log10, 0.1, 9},
      {"math.log1p", std::log1p, -1e-6, 1e-6},
      {"math.sin", std::sin, -9, 9},
      {"math.cos", std::cos, -9, 9},
      {"math.tan", std::tan, -1.5, 1.5},
      {"math.asin", std::asin, -0.9, 0.9},
      {"math.acos", std::acos, -0.9, 0.9},
      {"math.atan", std::atan, -9, 9},
      {"math.sinh", std::sinh, -9, 9},
      {"math.cosh", std::cosh, -9, 9},
      {"math.tanh", std::tanh, -2, 2},
      {"math.asinh", std::asinh, -9, 9},
      {"math.acosh", std::acosh, 1.1, 9},
      {"math.atanh", std::atanh, -0.9, 0.9},
      {"math.erf", std::erf, -2, 2},
      {"math.erfc", std::erfc, -2, 2},
      {"math.floor", std::floor, -9, 9},
      {"math.ceil", std::ceil, -9, 9},
      {"math.trunc", std::trunc, -9, 9},
      {"math.round", std::round, -9, 9},
      {"math.rsqrt", [](double x) { return 1 / std::sqrt(x); }, 0.1, 9},
      {"arith.negf", [](double x) { return -x; }, -9, 9}};
  for (const Case &one : cases) {
    SCOPED_TRACE(one.name);
    std::vector<float> x;
    for (int i = 0; i <= 20; ++i)
      x.push_back(float(one.low + (one.high - one.low) * i / 20));
    auto all = onFloats(std::string(one.name) + " %a", x);
    ASSERT_EQ(all.size(), 1u);
    const Numbers &numbers = all[0].numbers;
    for (size_t i = 0; i < x.size(); ++i) {
      double expected = one.function(x[i]);
      EXPECT_EQ(numbers.values[i], expected) << x[i];
      // Some ulps of f32, of the result or as much as a change of x gives.
      double change = std::fabs(one.function(x[i] * (1 + 1e-7)) - expected) +
                      1e-7 * std::fabs(expected);
      EXPECT_LE(numbers.deviation(i), 10 * change + 1e-30) << x[i];
    }
  }
}

TEST_F(ReferenceNumbersTest, DeviationsFollowSlopes) {
  // The squares of 1/3 are rounded, then rounded again as far as it matters.
  auto all = onFloats("arith.mulf %a, %a", {0.3f, 0, 3e38f, 1e-30f});
  EXPECT_NEAR(all[0].numbers.deviation(0), 0.09 * 0x1p-24, 1e-12);
  EXPECT_EQ(all[0].numbers.deviation(1), 0);
  EXPECT_EQ(all[0].numbers.values[2], INFINITY);
  // Some devices have no subnormals.
  EXPECT_GE(all[0].numbers.deviation(3), 0.9e-60);
  Floats x({1}, {0.3f});
  auto two = results(R"(
func.func @main(%x: tensor<1xf32>) -> (tensor<1xf32>, tensor<1xf32>, tensor<1xf16>) {
  %a = arith.mulf %x, %x : tensor<1xf32>
  %b = arith.mulf %a, %a : tensor<1xf32>
  %c = arith.subf %a, %a : tensor<1xf32>
  %h = arith.truncf %a : tensor<1xf32> to tensor<1xf16>
  return %b, %c, %h : tensor<1xf32>, tensor<1xf32>, tensor<1xf16>
})",
                     {x});
  double a = double(0.3f) * 0.3f;
  // b depends twice on what a is off, and is rounded itself.
  EXPECT_NEAR(two[0].numbers.deviation(0), a * a * 0x1p-24 * std::sqrt(5),
              1e-14);
  EXPECT_EQ(two[1].numbers.deviation(0), 0);
  // f16 has far less bits: whatever a is, it becomes the same.
  EXPECT_EQ(two[2].numbers.values[0], 0.09002685546875);
  EXPECT_LE(two[2].numbers.deviation(0), 1e-7);
}

TEST_F(ReferenceNumbersTest, DeviationsFollowBends) {
  // %a and %b are x and y and off by 1, as (x + 2^24) - 2^24 is. `lines` make
  // %r of them, of the type `result`.
  auto after = [&](const std::string &result, const std::string &lines, float x,
                   float y = 0) {
    std::string tensor = "tensor<" + result + ">";
    auto all = results("func.func @main(%s: tensor<f32>, %t: tensor<f32>) -> " +
                           tensor + R"( {
  %x = tensor.extract %s[] : tensor<f32>
  %y = tensor.extract %t[] : tensor<f32>
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  %far = arith.constant 16777216.0 : f32
  %xfar = arith.addf %x, %far : f32
  %a = arith.subf %xfar, %far : f32
  %yfar = arith.addf %y, %far : f32
  %b = arith.subf %yfar, %far : f32
  )" + lines + "\n  %out = tensor.from_elements %r : " +
                           tensor + "\n  return %out : " + tensor + "\n}",
                       {Floats({}, {x}), Floats({}, {y})});
    return all.empty() ? -1 : all[0].numbers.deviation(0);
  };
  auto one = [&](const std::string &op, float x, float y = 0) {
    return after("f32", "%r = " + op + " : f32", x, y);
  };
  // The slope of tanh at -3 is 0.01, but the result may be 1 as well as -1.
  EXPECT_GE(one("math.tanh %a", -3), 2.0 / 8);
  EXPECT_LE(one("math.tanh %a", -3), 2.0 / 2);
  // Far off nothing bends, and what is off there stays off by as little.
  EXPECT_LE(one("math.tanh %a", -30), 1e-6);
  // cos and a square have no slope at 0, nor has a product of zeros.
  EXPECT_GE(one("math.cos %a", 0), 0.4);
  EXPECT_LE(one("math.cos %a", 0), 2);
  EXPECT_GE(one("arith.mulf %a, %a", 0), 1);
  EXPECT_GE(one("arith.mulf %a, %b", 0, 0), 1);
  EXPECT_LE(one("arith.mulf %a, %b", 0, 0), 8);
  EXPECT_GE(one("math.fma %a, %b, %one", 0, 0), 1);
  // The logarithm of what may be negative is unknown; of 100 it is not.
  EXPECT_EQ(one("math.log %a", 2), INFINITY);
  EXPECT_LE(one("math.log %a", 100), 0.02);
  // The other operand may be the larger one.
  EXPECT_GE(one("arith.maximumf %a, %zero", -2), 0.25);
  EXPECT_EQ(one("arith.maximumf %a, %zero", -20), 0);
  EXPECT_GE(one("math.clampf %a to [%zero, %one]", -2), 0.1);
  EXPECT_EQ(one("math.clampf %a to [%zero, %one]", -20), 0);
  // What is chosen by a comparison that may have the other answer.
  auto chosen = [&](float x) {
    return after("f32",
                 "%q = arith.cmpf ogt, %a, %zero : f32\n"
                 "  %r = arith.select %q, %one, %zero : f32",
                 x);
  };
  EXPECT_EQ(chosen(0), 1);
  EXPECT_NEAR(chosen(-2), 0.5, 0.1);
  EXPECT_EQ(chosen(-20), 0);
  // The same through integers.
  auto counted = [&](float x) {
    return after("f32",
                 "%q = arith.cmpf ogt, %a, %zero : f32\n"
                 "  %i = arith.extui %q : i1 to i32\n"
                 "  %j = arith.addi %i, %i : i32\n"
                 "  %r = arith.sitofp %j : i32 to f32",
                 x);
  };
  EXPECT_GE(counted(0), 1);
  EXPECT_EQ(counted(-20), 0);
  auto whole = [&](float x) {
    return after("i32", "%r = arith.fptosi %a : f32 to i32", x);
  };
  EXPECT_GE(whole(2), 0.5);
  EXPECT_LE(whole(2), 2);
}

TEST_F(ReferenceNumbersTest, BothSidesOfATieAreAllowed) {
  // 1 + 2^-11 lies between two numbers of f16; the sum may lie on either side.
  Floats x({2}, {1, 1}), y({2}, {0x1p-11f, 0x1.1p-11f});
  auto all = results(R"(
func.func @main(%x: tensor<2xf32>, %y: tensor<2xf32>) -> tensor<2xf16> {
  %a = arith.addf %x, %y : tensor<2xf32>
  %h = arith.truncf %a : tensor<2xf32> to tensor<2xf16>
  return %h : tensor<2xf16>
})",
                     {x, y});
  EXPECT_GE(all[0].numbers.deviation(0), 0x1p-11);
  EXPECT_LE(all[0].numbers.deviation(1), 0x1p-22);
}

TEST_F(ReferenceNumbersTest, FunctionsOfTwoFloats) {
  float nan = NAN, inf = INFINITY;
  auto values = [&](const char *op, float a, float b) {
    return onFloats(std::string(op) + " %a, %b", {a}, {b})[0].numbers.values[0];
  };
  EXPECT_EQ(values("arith.addf", 1, 2), 3);
  EXPECT_EQ(values("arith.subf", 1, 2), -1);
  EXPECT_EQ(values("arith.divf", 1, 4), 0.25);
  EXPECT_EQ(values("arith.divf", 1, 0), inf);
  EXPECT_EQ(values("arith.remf", -7, 4), -3);
  EXPECT_EQ(values("arith.maximumf", 1, 2), 2);
  EXPECT_TRUE(std::isnan(values("arith.maximumf", nan, 2)));
  EXPECT_EQ(values("arith.maxnumf", nan, 2), 2);
  EXPECT_EQ(values("arith.minimumf", 1, -inf), -inf);
  EXPECT_TRUE(std::signbit(values("arith.minimumf", 0.0f, -0.0f)));
  EXPECT_FALSE(std::signbit(values("arith.maximumf", -0.0f, 0.0f)));
  EXPECT_EQ(values("math.powf", 2, 10), 1024);
  EXPECT_EQ(values("math.powf", 0, 0), 1);
  EXPECT_TRUE(std::isnan(values("math.powf", -1, 0.5f)));
  EXPECT_EQ(values("math.atan2", 1, -1), std::atan2(1, -1));
  EXPECT_EQ(values("math.copysign", 3, -0.0f), -3);
}

TEST_F(ReferenceNumbersTest, Integers) {
  struct Case {
    const char *name;
    int a, b, expected;
  };
  const Case cases[] = {{"addi", 127, 1, -128}, {"subi", -128, 1, 127},
                        {"muli", 100, 3, 44},   {"divsi", -7, 2, -3},
                        {"divui", -7, 2, 124},  {"remsi", -7, 2, -1},
                        {"remui", -7, 2, 1},    {"floordivsi", -7, 2, -4},
                        {"ceildivsi", 7, 2, 4}, {"ceildivui", -7, 2, 125},
                        {"andi", 6, 3, 2},      {"ori", 6, 3, 7},
                        {"xori", 6, 3, 5},      {"shli", 3, 7, -128},
                        {"shrsi", -8, 2, -2},   {"shrui", -8, 2, 62},
                        {"maxsi", -1, 1, 1},    {"maxui", -1, 1, -1},
                        {"minsi", -1, 1, -1},   {"minui", -1, 1, 1}};
  for (const Case &one : cases)
    EXPECT_EQ(
        onBytes(std::string("arith.") + one.name + " %a, %b", one.a, one.b),
        one.expected)
        << one.name;
  EXPECT_EQ(onBytes("math.ctlz %a", 8, 0), 4);
  EXPECT_EQ(onBytes("math.cttz %a", 8, 0), 3);
  EXPECT_EQ(onBytes("math.cttz %a", 0, 0), 8);
  EXPECT_EQ(onBytes("math.ctpop %a", -1, 0), 8);
  EXPECT_EQ(onBytes("math.absi %a", -5, 0), 5);
  EXPECT_EQ(onBytes("math.ipowi %a, %b", -3, 3), -27);
  EXPECT_EQ(onBytes("math.ipowi %a, %b", -1, -3), -1);
}

TEST_F(ReferenceNumbersTest, WhatIsNotDefinedIsAnError) {
  int8_t a = 5, zero = 0, least = -128, one = -1;
  auto refused = [&](const char *op, int8_t &x, int8_t &y) {
    return refusal(
        "func.func @main(%a: tensor<1xi8>, %b: tensor<1xi8>) -> tensor<1xi8> "
        "{\n  %r = " +
            std::string(op) +
            " %a, %b : tensor<1xi8>\n  return %r : tensor<1xi8>\n}",
        {TensorView{ElementType::i8, {1}, &x},
         TensorView{ElementType::i8, {1}, &y}});
  };
  for (const char *op : {"arith.divsi", "arith.divui", "arith.remsi",
                         "arith.remui", "arith.floordivsi", "arith.ceildivui"})
    EXPECT_CONTAINS(refused(op, a, zero),
                    "'" + std::string(op) +
                        "' op expected a divisor other than 0");
  EXPECT_CONTAINS(refused("arith.divsi", least, one),
                  "expected a quotient of 8 bits, but got -128 divided by -1");
  Floats x({2}), y({3});
  EXPECT_CONTAINS(refusal(R"(
func.func @main(%x: tensor<?xf32>, %y: tensor<?xf32>) -> tensor<?xf32> {
  %r = arith.addf %x, %y : tensor<?xf32>
  return %r : tensor<?xf32>
})",
                          {x, y}),
                  "'arith.addf' op expected operand 1 to have sizes [2] as "
                  "those before it have, but got [3]");
}

TEST_F(ReferenceNumbersTest, Conversions) {
  Floats x({4}, {1.0009765625f, 300, -2.7f, 1e9f});
  auto all = results(R"(
func.func @main(%x: tensor<4xf32>)
    -> (tensor<4xbf16>, tensor<4xf8E4M3FN>, tensor<4xi32>, tensor<4xi1>, tensor<4xf32>, tensor<4xi32>) {
  %b = arith.truncf %x : tensor<4xf32> to tensor<4xbf16>
  %f = arith.truncf %x : tensor<4xf32> to tensor<4xf8E4M3FN>
  %i = arith.fptosi %x : tensor<4xf32> to tensor<4xi32>
  %c = arith.cmpf ogt, %x, %x : tensor<4xf32>
  %j = arith.constant dense<[16777217, -1, 2, 3]> : tensor<4xi32>
  %s = arith.sitofp %j : tensor<4xi32> to tensor<4xf32>
  %o = arith.bitcast %x : tensor<4xf32> to tensor<4xi32>
  return %b, %f, %i, %c, %s, %o : tensor<4xbf16>, tensor<4xf8E4M3FN>, tensor<4xi32>, tensor<4xi1>, tensor<4xf32>, tensor<4xi32>
})",
                     {x});
  ASSERT_EQ(all.size(), 6u);
  EXPECT_EQ(all[0].numbers.values,
            (std::vector<double>{1, 300, -2.703125, 998244352}));
  EXPECT_EQ(all[1].numbers.values[1], 288);
  EXPECT_TRUE(std::isnan(all[1].numbers.values[3]));
  EXPECT_EQ(numbersOf(all[2]), (std::vector<double>{1, 300, -2, 1e9}));
  EXPECT_EQ(numbersOf(all[3]), (std::vector<double>{0, 0, 0, 0}));
  // f32 has no such number: the value stays, and may be off.
  EXPECT_EQ(all[4].numbers.values[0], 16777217);
  EXPECT_GE(all[4].numbers.deviation(0), 0.9);
  EXPECT_EQ(all[4].numbers.deviation(1), 0);
  EXPECT_EQ(all[5].numbers.bits[1], 0x43960000u);
}

} // namespace reference_numbers_test
