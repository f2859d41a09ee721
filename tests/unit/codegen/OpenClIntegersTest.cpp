//===- OpenClIntegersTest.cpp - Integers in OpenCL C ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tests/unit/codegen/OpenClCTest.h"

#include <random>

using namespace rlx;
using namespace rlx::test;

template <typename T> static std::vector<T> interestingIntegers() {
  using Limits = std::numeric_limits<T>;
  return {0,
          1,
          2,
          7,
          T(-1),
          T(-2),
          T(-7),
          T(100),
          T(-100),
          Limits::max(),
          T(Limits::max() - 1),
          Limits::min(),
          T(Limits::min() + 1),
          T(Limits::max() / 3)};
}

template <typename T> static void checkIntegers() {
  using U = std::make_unsigned_t<T>;
  constexpr int bits = 8 * sizeof(T);
  std::vector<T> values = interestingIntegers<T>();
  checkOps<T, T>(
      pairs(values),
      {
          {"arith.addi $x, $y : $T",
           [](T x, T y, T) { return T(U(x) + U(y)); }},
          {"arith.subi $x, $y : $T",
           [](T x, T y, T) { return T(U(x) - U(y)); }},
          {"arith.muli $x, $y : $T",
           [](T x, T y, T) { return T(uint64_t(x) * uint64_t(y)); }},
          {"arith.andi $x, $y : $T", [](T x, T y, T) { return T(x & y); }},
          {"arith.ori $x, $y : $T", [](T x, T y, T) { return T(x | y); }},
          {"arith.xori $x, $y : $T", [](T x, T y, T) { return T(x ^ y); }},
          {"arith.maxsi $x, $y : $T",
           [](T x, T y, T) { return std::max(x, y); }},
          {"arith.minsi $x, $y : $T",
           [](T x, T y, T) { return std::min(x, y); }},
          {"arith.maxui $x, $y : $T",
           [](T x, T y, T) { return T(std::max(U(x), U(y))); }},
          {"arith.minui $x, $y : $T",
           [](T x, T y, T) { return T(std::min(U(x), U(y))); }},
          // A chain that wraps, and one that mixes signs.
          {"$t = arith.muli $x, $y : $T\n$u = arith.addi $t, $z : $T\n"
           "arith.muli $u, $x : $T",
           [](T x, T y, T z) {
             uint64_t u = uint64_t(x) * uint64_t(y) + uint64_t(z);
             return T(u * uint64_t(x));
           }},
          {"$t = arith.addi $x, $y : $T\n$u = arith.subi $z, $t : $T\n"
           "arith.maxsi $u, $x : $T",
           [](T x, T y, T z) { return std::max(T(U(z) - U(x) - U(y)), x); }},
      });
  // Divisors that are not zero, quotients that fit.
  using Valid = std::function<bool(T, T)>;
  Valid divides = [](T x, T y) {
    return y != 0 && !(x == std::numeric_limits<T>::min() && y == -1);
  };
  auto floorDivide = [](T x, T y, T) {
    return T(x / y - (x % y != 0 && (x < 0) != (y < 0)));
  };
  auto ceilDivide = [](T x, T y, T) {
    return T(x / y + (x % y != 0 && (x < 0) == (y < 0)));
  };
  checkOps<T, T>(
      pairs<T>(values, divides),
      {
          {"arith.divsi $x, $y : $T", [](T x, T y, T) { return T(x / y); }},
          {"arith.remsi $x, $y : $T", [](T x, T y, T) { return T(x % y); }},
          {"arith.divui $x, $y : $T",
           [](T x, T y, T) { return T(U(x) / U(y)); }},
          {"arith.remui $x, $y : $T",
           [](T x, T y, T) { return T(U(x) % U(y)); }},
          {"arith.ceildivui $x, $y : $T",
           [](T x, T y, T) { return T(U(x) / U(y) + (U(x) % U(y) != 0)); }},
          {"arith.floordivsi $x, $y : $T", floorDivide},
          {"arith.ceildivsi $x, $y : $T", ceilDivide},
      });
  Valid shifts = [](T, T y) { return y >= 0 && y < bits; };
  checkOps<T, T>(
      pairs<T>(values, shifts),
      {
          {"arith.shli $x, $y : $T", [](T x, T y, T) { return T(U(x) << y); }},
          {"arith.shrui $x, $y : $T", [](T x, T y, T) { return T(U(x) >> y); }},
          {"arith.shrsi $x, $y : $T", [](T x, T y, T) { return T(x >> y); }},
          {"$t = arith.shrui $x, $y : $T\narith.shrsi $t, $y : $T",
           [](T x, T y, T) { return T(T(U(x) >> y) >> y); }},
      });
  checkOps<T, T>(
      pairs(values),
      {
          {"math.absi $x : $T", [](T x, T, T) { return T(x < 0 ? -U(x) : x); }},
          {"math.ctlz $x : $T",
           [](T x, T, T) { return T(std::countl_zero(U(x))); }},
          {"math.cttz $x : $T",
           [](T x, T, T) { return T(std::countr_zero(U(x))); }},
          {"math.ctpop $x : $T",
           [](T x, T, T) { return T(std::popcount(U(x))); }},
      });
  std::vector<OpCase<T, bool>> comparisons;
  auto compare = [&](std::string predicate, auto expected) {
    comparisons.push_back({"arith.cmpi " + predicate + ", $x, $y : $T",
                           [=](T x, T y, T) { return expected(x, y); }});
  };
  compare("eq", [](T x, T y) { return x == y; });
  compare("ne", [](T x, T y) { return x != y; });
  compare("slt", [](T x, T y) { return x < y; });
  compare("sle", [](T x, T y) { return x <= y; });
  compare("sgt", [](T x, T y) { return x > y; });
  compare("sge", [](T x, T y) { return x >= y; });
  compare("ult", [](T x, T y) { return U(x) < U(y); });
  compare("ule", [](T x, T y) { return U(x) <= U(y); });
  compare("ugt", [](T x, T y) { return U(x) > U(y); });
  compare("uge", [](T x, T y) { return U(x) >= U(y); });
  checkOps<T, bool>(pairs(values), comparisons, {}, {1, 2, 16});
}

TEST(OpenClIntegers, Bytes) { checkIntegers<int8_t>(); }
TEST(OpenClIntegers, Shorts) { checkIntegers<int16_t>(); }
TEST(OpenClIntegers, Ints) { checkIntegers<int32_t>(); }
TEST(OpenClIntegers, Longs) { checkIntegers<int64_t>(); }

TEST(OpenClIntegers, Booleans) {
  using Inputs = std::vector<std::array<bool, 3>>;
  Inputs inputs;
  for (int i = 0; i < 8; ++i)
    inputs.push_back({bool(i & 1), bool(i & 2), bool(i & 4)});
  using Case = OpCase<bool, bool>;
  std::vector<Case> cases = {
      {"arith.andi $x, $y : $T", [](bool x, bool y, bool) { return x && y; }},
      {"arith.ori $x, $y : $T", [](bool x, bool y, bool) { return x || y; }},
      {"arith.xori $x, $y : $T", [](bool x, bool y, bool) { return x != y; }},
      {"arith.addi $x, $y : $T", [](bool x, bool y, bool) { return x != y; }},
      {"arith.subi $x, $y : $T", [](bool x, bool y, bool) { return x != y; }},
      {"arith.muli $x, $y : $T", [](bool x, bool y, bool) { return x && y; }},
      {"arith.maxui $x, $y : $T", [](bool x, bool y, bool) { return x || y; }},
      {"arith.minui $x, $y : $T", [](bool x, bool y, bool) { return x && y; }},
      {"arith.maxsi $x, $y : $T", [](bool x, bool y, bool) { return x && y; }},
      {"arith.minsi $x, $y : $T", [](bool x, bool y, bool) { return x || y; }},
      {"arith.select $x, $y, $z : $R, $T",
       [](bool x, bool y, bool z) { return x ? y : z; }},
      {"arith.cmpi eq, $x, $y : $T",
       [](bool x, bool y, bool) { return x == y; }},
      {"arith.cmpi ult, $x, $y : $T",
       [](bool x, bool y, bool) { return x < y; }},
      {"arith.cmpi uge, $x, $y : $T",
       [](bool x, bool y, bool) { return x >= y; }},
      {"arith.cmpi slt, $x, $y : $T",
       [](bool x, bool y, bool) { return -int(x) < -int(y); }},
      {"arith.cmpi sge, $x, $y : $T",
       [](bool x, bool y, bool) { return -int(x) >= -int(y); }},
      {"$t = arith.andi $x, $y : $T\n$u = arith.ori $t, $z : $T\n"
       "arith.xori $u, $x : $T",
       [](bool x, bool y, bool z) { return ((x && y) || z) != x; }}};
  std::vector<Case> scalars = cases, vectors = cases;
  // A scalar condition, which is another type for vectors.
  scalars[10].text = "arith.select $x, $y, $z : $T";
  checkOps<bool, bool>(inputs, scalars, {}, {1});
  checkOps<bool, bool>(inputs, vectors, {}, {4, 16});

  checkOps<bool, int32_t>(
      inputs,
      {{"arith.extui $x : $T to $R", [](bool x, bool, bool) { return x; }},
       {"arith.extsi $x : $T to $R",
        [](bool x, bool, bool) { return -int(x); }}});
  checkOps<bool, int8_t>(
      inputs,
      {{"arith.extui $x : $T to $R", [](bool x, bool, bool) { return x; }},
       {"arith.extsi $x : $T to $R",
        [](bool x, bool, bool) { return -int(x); }}});
  checkOps<bool, int64_t>(
      inputs,
      {{"arith.extui $x : $T to $R", [](bool x, bool, bool) { return x; }},
       {"arith.extsi $x : $T to $R",
        [](bool x, bool, bool) { return -int(x); }}});
  checkOps<bool, float>(
      inputs,
      {{"arith.uitofp $x : $T to $R", [](bool x, bool, bool) { return x; }},
       {"arith.sitofp $x : $T to $R",
        [](bool x, bool, bool) { return x ? -1.0f : 0.0f; }}});
}

template <typename From, typename To> static void checkResize() {
  using U = std::make_unsigned_t<From>;
  std::vector<OpCase<From, To>> cases;
  if constexpr (sizeof(From) < sizeof(To)) {
    cases.push_back({"arith.extsi $x : $T to $R",
                     [](From x, From, From) { return To(x); }});
    cases.push_back({"arith.extui $x : $T to $R",
                     [](From x, From, From) { return To(U(x)); }});
  } else {
    cases.push_back({"arith.trunci $x : $T to $R",
                     [](From x, From, From) { return To(x); }});
    // Of a result that wraps.
    cases.push_back({"$t = arith.addi $x, $y : $T\narith.trunci $t : $T to $R",
                     [](From x, From y, From) { return To(U(x) + U(y)); }});
  }
  checkOps<From, To>(pairs(interestingIntegers<From>()), cases);
}

TEST(OpenClIntegers, Resizes) {
  checkResize<int8_t, int16_t>();
  checkResize<int8_t, int32_t>();
  checkResize<int8_t, int64_t>();
  checkResize<int16_t, int32_t>();
  checkResize<int32_t, int64_t>();
  checkResize<int64_t, int32_t>();
  checkResize<int32_t, int16_t>();
  checkResize<int32_t, int8_t>();
  checkResize<int16_t, int8_t>();
  checkOps<int32_t, bool>(pairs(interestingIntegers<int32_t>()),
                          {{"arith.trunci $x : $T to $R",
                            [](int x, int, int) { return bool(x & 1); }}});
  checkOps<int8_t, bool>(pairs(interestingIntegers<int8_t>()),
                         {{"arith.trunci $x : $T to $R",
                           [](int x, int, int) { return bool(x & 1); }}});
}

TEST(OpenClIntegers, ExtendedResults) {
  auto inputs = pairs(interestingIntegers<int32_t>());
  checkOps<int32_t, int32_t>(
      inputs,
      {{"$t, $u = arith.mulsi_extended $x, $y : $T\narith.xori $t, $u : $T",
        [](int32_t x, int32_t y, int32_t) {
          int64_t p = int64_t(x) * y;
          return int32_t(p) ^ int32_t(p >> 32);
        }},
       {"$t, $u = arith.mului_extended $x, $y : $T\narith.xori $t, $u : $T",
        [](int32_t x, int32_t y, int32_t) {
          uint64_t p = uint64_t(uint32_t(x)) * uint32_t(y);
          return int32_t(p) ^ int32_t(p >> 32);
        }}});
}

/// Random programs: whatever is put into one expression keeps its meaning.
template <typename T> static void checkRandomPrograms(uint32_t seed) {
  using U = std::make_unsigned_t<T>;
  constexpr int bits = 8 * sizeof(T);
  std::mt19937 random(seed);
  auto pick = [&](size_t n) { return size_t(random() % n); };
  std::vector<OpCase<T, T>> cases;
  for (int program = 0; program < 12; ++program) {
    using Value = std::function<T(T, T, T)>;
    std::vector<Value> values = {[](T x, T, T) { return x; },
                                 [](T, T y, T) { return y; },
                                 [](T, T, T z) { return z; }};
    std::vector<std::string> names = {"$x", "$y", "$z"};
    std::string text, p = "%p" + std::to_string(program) + "_";
    constexpr int length = 14;
    for (int step = 0; step < length; ++step) {
      // The newest values most of the time, so that expressions become deep.
      auto operand = [&] {
        return pick(3) ? values.size() - 1 -
                             pick(std::min<size_t>(3, values.size()))
                       : pick(values.size());
      };
      size_t i = operand(), j = operand();
      Value a = values[i], b = values[j];
      std::string name = p + std::to_string(step), shift = name + "c";
      auto op = [&](const char *opName, auto function) {
        text += name + " = " + opName + " " + names[i] + ", " + names[j] +
                " : $T\n";
        values.push_back(
            [=](T x, T y, T z) { return T(function(a(x, y, z), b(x, y, z))); });
      };
      int amount = int(1 + pick(bits - 1));
      auto shiftOp = [&](const char *opName, auto function) {
        text += shift + " = arith.constant " + "$D" + std::to_string(amount) +
                "$D : $T\n" + name + " = " + opName + " " + names[i] + ", " +
                shift + " : $T\n";
        values.push_back(
            [=](T x, T y, T z) { return T(function(a(x, y, z), amount)); });
      };
      switch (pick(12)) {
      case 0:
      case 1:
        op("arith.addi", [](T s, T t) { return U(s) + U(t); });
        break;
      case 2:
        op("arith.subi", [](T s, T t) { return U(s) - U(t); });
        break;
      case 3:
        op("arith.muli", [](T s, T t) { return uint64_t(s) * uint64_t(t); });
        break;
      case 4:
        op("arith.andi", [](T s, T t) { return s & t; });
        break;
      case 5:
        op("arith.ori", [](T s, T t) { return s | t; });
        break;
      case 6:
        op("arith.xori", [](T s, T t) { return s ^ t; });
        break;
      case 7:
        op("arith.maxsi", [](T s, T t) { return std::max(s, t); });
        break;
      case 8:
        op("arith.minui", [](T s, T t) { return std::min(U(s), U(t)); });
        break;
      case 9:
        shiftOp("arith.shli", [](T s, int n) { return U(s) << n; });
        break;
      case 10:
        shiftOp("arith.shrui", [](T s, int n) { return U(s) >> n; });
        break;
      default:
        shiftOp("arith.shrsi", [](T s, int n) { return s >> n; });
      }
      names.push_back(name);
    }
    text += "arith.xori " + names.back() + ", $x : $T";
    Value last = values.back();
    cases.push_back(
        {text, [=](T x, T y, T z) { return T(last(x, y, z) ^ x); }});
  }
  auto withConstants = [&](bool isVector) {
    auto copy = cases;
    for (auto &c : copy) {
      // dense<N> for vectors.
      size_t open = 0;
      while ((open = c.text.find("$D")) != std::string::npos) {
        c.text.replace(open, 2, isVector ? "dense<" : "");
        size_t close = c.text.find("$D");
        c.text.replace(close, 2, isVector ? ">" : "");
      }
    }
    return copy;
  };
  SCOPED_TRACE("seed " + std::to_string(seed));
  auto inputs = pairs(interestingIntegers<T>());
  checkOps<T, T>(inputs, withConstants(false), {}, {1});
  checkOps<T, T>(inputs, withConstants(true), {}, {8});
}

TEST(OpenClIntegers, ProductsOfBytes) {
  std::vector<int32_t> words = {
      0,          -1,         0x7f7f7f7f,           int32_t(0x80808080u),
      0x01ff807f, 0x00000080, int32_t(0x80000000u), 0x12345678};
  checkOps<int32_t, int32_t>(
      pairs(words),
      {{"spirv.SDot $x, $y, <PackedVectorFormat4x8Bit> : $T -> $T",
        [](int32_t x, int32_t y, int32_t) {
          int32_t sum = 0;
          for (int shift = 0; shift < 32; shift += 8)
            sum += int32_t(int8_t(x >> shift)) * int8_t(y >> shift);
          return sum;
        }}},
      {}, {1});
}

TEST(OpenClIntegers, RandomPrograms) {
  checkRandomPrograms<int32_t>(1);
  checkRandomPrograms<int32_t>(2);
  checkRandomPrograms<int8_t>(3);
  checkRandomPrograms<int16_t>(4);
  checkRandomPrograms<int64_t>(5);
}
