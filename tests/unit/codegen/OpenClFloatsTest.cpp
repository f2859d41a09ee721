//===- OpenClFloatsTest.cpp - Floats in OpenCL C --------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tests/unit/codegen/OpenClCTest.h"

using namespace rlx;
using namespace rlx::test;

using Limits = std::numeric_limits<float>;

static const std::vector<float> interesting = {0.0f,
                                               -0.0f,
                                               1.0f,
                                               -1.0f,
                                               0.1f,
                                               -3.5f,
                                               2.5f,
                                               1e10f,
                                               -7e-20f,
                                               Limits::max(),
                                               Limits::min(),
                                               Limits::denorm_min(),
                                               -3e-42f,
                                               Limits::infinity(),
                                               -Limits::infinity(),
                                               Limits::quiet_NaN(),
                                               Limits::lowest(),
                                               16777217.0f,
                                               0.49999997f,
                                               1.00000012f};

using FloatCase = OpCase<float, float>;

TEST(OpenClFloats, Arithmetic) {
  auto maximum = [](float x, float y, float) {
    if (std::isnan(x) || std::isnan(y))
      return Limits::quiet_NaN();
    if (x == y)
      return std::signbit(x) ? y : x;
    return std::max(x, y);
  };
  auto minimum = [](float x, float y, float) {
    if (std::isnan(x) || std::isnan(y))
      return Limits::quiet_NaN();
    if (x == y)
      return std::signbit(x) ? x : y;
    return std::min(x, y);
  };
  checkOps<float, float>(
      pairs(interesting),
      {
          {"arith.addf $x, $y : $T",
           [](float x, float y, float) { return x + y; }},
          {"arith.subf $x, $y : $T",
           [](float x, float y, float) { return x - y; }},
          {"arith.mulf $x, $y : $T",
           [](float x, float y, float) { return x * y; }},
          {"arith.divf $x, $y : $T",
           [](float x, float y, float) { return x / y; }},
          {"arith.negf $x : $T", [](float x, float, float) { return -x; }},
          {"$t = arith.negf $x : $T\narith.negf $t : $T",
           [](float x, float, float) { return x; }},
          {"arith.maximumf $x, $y : $T", maximum},
          {"arith.minimumf $x, $y : $T", minimum},
          {"math.absf $x : $T",
           [](float x, float, float) { return std::fabs(x); }},
          {"math.copysign $x, $y : $T",
           [](float x, float y, float) { return std::copysign(x, y); }},
          {"math.sqrt $x : $T",
           [](float x, float, float) { return std::sqrt(x); }},
          {"math.ceil $x : $T",
           [](float x, float, float) { return std::ceil(x); }},
          {"math.floor $x : $T",
           [](float x, float, float) { return std::floor(x); }},
          {"math.round $x : $T",
           [](float x, float, float) { return std::round(x); }},
          {"math.roundeven $x : $T",
           [](float x, float, float) { return std::nearbyint(x); }},
          {"math.trunc $x : $T",
           [](float x, float, float) { return std::trunc(x); }},
          {"math.fma $x, $y, $z : $T",
           [](float x, float y, float z) { return std::fma(x, y, z); }},
          // Rounded twice: nothing is contracted.
          {"$t = arith.mulf $x, $y : $T\narith.addf $t, $z : $T",
           [](float x, float y, float z) {
             volatile float product = x * y;
             return product + z;
           }},
          // In this order.
          {"$t = arith.addf $y, $z : $T\narith.addf $x, $t : $T",
           [](float x, float y, float z) {
             volatile float sum = y + z;
             return x + sum;
           }},
          {"$t = arith.subf $y, $z : $T\narith.subf $x, $t : $T",
           [](float x, float y, float z) {
             volatile float difference = y - z;
             return x - difference;
           }},
          {"$t = arith.mulf $y, $z : $T\narith.divf $x, $t : $T",
           [](float x, float y, float z) {
             volatile float product = y * z;
             return x / product;
           }},
      });
  // Which zero a number with a missing operand is, is open.
  std::vector<std::array<float, 3>> inputs;
  for (auto &triple : pairs(interesting))
    if (triple[0] != 0 || triple[1] != 0)
      inputs.push_back(triple);
  checkOps<float, float>(
      inputs, {{"arith.maxnumf $x, $y : $T",
                [](float x, float y, float) { return std::fmax(x, y); }},
               {"arith.minnumf $x, $y : $T",
                [](float x, float y, float) { return std::fmin(x, y); }}});
  inputs.clear();
  for (float x : {0.0f, -0.0f, 5.5f, -5.5f, 1e5f, Limits::infinity()})
    for (float y : {1.0f, -2.0f, 0.75f, Limits::infinity()})
      inputs.push_back({x, y, 0});
  checkOps<float, float>(
      inputs, {{"arith.remf $x, $y : $T",
                [](float x, float y, float) { return std::fmod(x, y); }}});
}

TEST(OpenClFloats, Comparisons) {
  std::vector<OpCase<float, bool>> cases;
  auto compare = [&](std::string predicate, auto ordered, bool ifUnordered) {
    cases.push_back({"arith.cmpf " + predicate + ", $x, $y : $T",
                     [=](float x, float y, float) {
                       return std::isnan(x) || std::isnan(y) ? ifUnordered
                                                             : ordered(x, y);
                     }});
  };
  auto equal = [](float x, float y) { return x == y; };
  auto unequal = [](float x, float y) { return x != y; };
  auto less = [](float x, float y) { return x < y; };
  auto lessEqual = [](float x, float y) { return x <= y; };
  auto greater = [](float x, float y) { return x > y; };
  auto greaterEqual = [](float x, float y) { return x >= y; };
  auto always = [](float, float) { return true; };
  auto never = [](float, float) { return false; };
  compare("oeq", equal, false);
  compare("one", unequal, false);
  compare("olt", less, false);
  compare("ole", lessEqual, false);
  compare("ogt", greater, false);
  compare("oge", greaterEqual, false);
  compare("ord", always, false);
  compare("ueq", equal, true);
  compare("une", unequal, true);
  compare("ult", less, true);
  compare("ule", lessEqual, true);
  compare("ugt", greater, true);
  compare("uge", greaterEqual, true);
  compare("uno", never, true);
  compare("true", always, true);
  compare("false", never, false);
  auto test = [&](std::string op, bool (*function)(float)) {
    cases.push_back({"math." + op + " $x : $T",
                     [=](float x, float, float) { return function(x); }});
  };
  test("isnan", [](float x) { return std::isnan(x); });
  test("isinf", [](float x) { return std::isinf(x); });
  test("isfinite", [](float x) { return std::isfinite(x); });
  test("isnormal", [](float x) { return std::isnormal(x); });
  checkOps<float, bool>(pairs(interesting), cases, {}, {1, 4, 16});
}

TEST(OpenClFloats, Conversions) {
  std::vector<float> small;
  for (float x : {0.0f, -0.0f, 0.5f, -0.5f, 1.9f, -1.9f, 100.7f, -100.3f})
    small.push_back(x);
  auto toByte = [](float x, float, float) { return int8_t(x); };
  checkOps<float, int8_t>(pairs(small),
                          {{"arith.fptosi $x : $T to $R", toByte}});
  checkOps<float, int32_t>(
      pairs(small), {{"arith.fptosi $x : $T to $R",
                      [](float x, float, float) { return int32_t(x); }}});
  checkOps<float, int32_t>(
      pairs<float>({0.0f, 0.9f, 7.5f, 3e9f, 4294967040.0f}),
      {{"arith.fptoui $x : $T to $R",
        [](float x, float, float) { return int32_t(uint32_t(x)); }}});
  checkOps<float, int64_t>(
      pairs<float>({0.0f, -0.9f, -7.5e12f, 9e18f}),
      {{"arith.fptosi $x : $T to $R",
        [](float x, float, float) { return int64_t(x); }}});
  checkOps<float, int32_t>(
      pairs(interesting),
      {{"$t = arith.mulf $x, $x : $T\narith.bitcast $x : $T to $R",
        [](float x, float, float) { return std::bit_cast<int32_t>(x); }}});
  std::vector<int32_t> numbers = {
      0, 1, -1, 16777217, -16777219, 99, 2147483647, -2147483647 - 1, 33554435};
  checkOps<int32_t, float>(
      pairs(numbers),
      {{"arith.sitofp $x : $T to $R",
        [](int32_t x, int32_t, int32_t) { return float(x); }},
       {"arith.uitofp $x : $T to $R",
        [](int32_t x, int32_t, int32_t) { return float(uint32_t(x)); }},
       {"arith.bitcast $x : $T to $R",
        [](int32_t x, int32_t, int32_t) { return std::bit_cast<float>(x); }}});
  checkOps<int8_t, float>(
      pairs<int8_t>({0, 1, -1, 127, -128}),
      {{"arith.sitofp $x : $T to $R",
        [](int8_t x, int8_t, int8_t) { return float(x); }},
       {"arith.uitofp $x : $T to $R",
        [](int8_t x, int8_t, int8_t) { return float(uint8_t(x)); }}});
}

TEST(OpenClFloats, Functions) {
  std::vector<FloatCase> cases;
  auto add = [&](std::string op, double (*function)(double)) {
    cases.push_back({"math." + op + " $x : $T", [=](float x, float, float) {
                       return float(function(x));
                     }});
  };
  add("exp", std::exp);
  add("exp2", std::exp2);
  add("expm1", std::expm1);
  add("sin", std::sin);
  add("cos", std::cos);
  add("tan", std::tan);
  add("sinh", std::sinh);
  add("cosh", std::cosh);
  add("tanh", std::tanh);
  add("asinh", std::asinh);
  add("atan", std::atan);
  add("cbrt", std::cbrt);
  add("erf", std::erf);
  add("erfc", std::erfc);
  cases.push_back({"math.atan2 $x, $y : $T", [](float x, float y, float) {
                     return float(std::atan2(double(x), double(y)));
                   }});
  cases.push_back({"$t, $u = math.sincos $x : $T\narith.divf $t, $u : $T",
                   [](float x, float, float) {
                     return float(std::sin(double(x))) /
                            float(std::cos(double(x)));
                   }});
  checkOps<float, float>(
      pairs<float>({-2.5f, -1.0f, -0.125f, 0.5f, 1.0f, 3.0f}), cases, {4e-6});
  cases.clear();
  add("log", std::log);
  add("log2", std::log2);
  add("log10", std::log10);
  add("log1p", std::log1p);
  add("rsqrt", [](double x) { return 1 / std::sqrt(x); });
  cases.push_back({"math.powf $x, $y : $T", [](float x, float y, float) {
                     return float(std::pow(double(x), double(y)));
                   }});
  checkOps<float, float>(pairs<float>({0.125f, 0.5f, 1.5f, 3.0f, 10.0f}), cases,
                         {4e-6});
  cases.clear();
  add("acos", std::acos);
  add("asin", std::asin);
  add("atanh", std::atanh);
  checkOps<float, float>(pairs<float>({-0.9f, -0.125f, 0.5f, 0.75f}), cases,
                         {4e-6});
}

TEST(OpenClFloats, Constants) {
  // Each as a scalar and a splat, found again by its bits.
  std::vector<FloatCase> scalars, vectors;
  for (uint32_t bits :
       {0u, 0x80000000u, 1u, 0x80000001u, 0x007fffffu, 0x00800000u, 0x3dcccccdu,
        0x7f7fffffu, 0xff7fffffu, 0x7f800000u, 0xff800000u, 0x7fc00000u,
        0x4b800001u, 0x2edbe6ffu, 0xc2f6e979u, 0x501502f9u, 0x5f000000u}) {
    float value = std::bit_cast<float>(bits);
    char literal[32];
    snprintf(literal, sizeof(literal), "0x%08X", bits);
    auto expected = [=](float x, float, float) {
      return std::copysign(value, x);
    };
    auto text = [&](std::string constant) {
      return "$t = arith.constant " + constant +
             " : $T\nmath.copysign $t, $x : $T";
    };
    scalars.push_back({text(literal), expected});
    vectors.push_back({text("dense<" + std::string(literal) + ">"), expected});
  }
  checkOps<float, float>(pairs<float>({1.0f, -1.0f}), scalars, {}, {1});
  checkOps<float, float>(pairs<float>({1.0f, -1.0f}), vectors, {}, {4});
  // The sign of a zero survives arithmetic and inlining.
  checkOps<float, float>(
      pairs(interesting),
      {{"$t = arith.constant -0.0 : $T\narith.addf $x, $t : $T",
        [](float x, float, float) { return x; }},
       {"$t = arith.constant -1.5 : $T\narith.subf $x, $t : $T",
        [](float x, float, float) { return x + 1.5f; }},
       {"$t = arith.constant -1.5 : $T\n$u = arith.negf $t : $T\n"
        "arith.mulf $x, $u : $T",
        [](float x, float, float) { return x * 1.5f; }}},
      {}, {1});
}
