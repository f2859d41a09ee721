//===- Bf16Test.cpp - Conversions to bf16 ---------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Machines without an instruction for it compute it, and on all of them the
// nearest number comes out, of two the even one.
//
//===----------------------------------------------------------------------===//

#include "tests/unit/codegen/TestSupport.h"

#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

#include <bit>

using namespace rlx;
using namespace rlx::test;

namespace bf16_test {

double valueOf(uint16_t bits) {
  return std::bit_cast<float>(uint32_t(bits) << 16);
}

/// The nearest by trying all that are near.
uint16_t nearest(double x) {
  uint16_t sign = std::signbit(x) ? 0x8000 : 0;
  double magnitude = std::fabs(x);
  // Half of a step beyond the largest is infinity.
  constexpr uint16_t infinity = 0x7f80, largest = 0x7f7f;
  if (magnitude >= valueOf(largest) + std::ldexp(1, 119))
    return sign | infinity;
  uint16_t best = 0;
  auto around = int32_t(std::bit_cast<uint32_t>(float(magnitude)) >> 16);
  for (int32_t bits = around - 2; bits <= around + 2; ++bits) {
    if (bits < 0 || bits > largest)
      continue;
    double error = std::fabs(valueOf(uint16_t(bits)) - magnitude),
           least = std::fabs(valueOf(best) - magnitude);
    if (error < least || (error == least && bits % 2 == 0))
      best = uint16_t(bits);
  }
  return sign | best;
}

/// Every kind of number between two of bf16, at every exponent.
std::vector<double> numbers(bool isDouble) {
  std::vector<double> all = {0, 1e39, 1e300, 1e-300, 3.3961775e38};
  Random random(7);
  for (uint32_t bits = 0; bits < 0x7f80; bits += 37)
    for (double part : {0.0, 0.25, 0.5, 0.75}) {
      double low = valueOf(uint16_t(bits)),
             step = valueOf(uint16_t(bits + 1)) - low;
      if (!std::isfinite(step))
        continue;
      double middle = low + part * step;
      all.insert(all.end(), {middle, std::nextafter(middle, 1e300),
                             std::nextafter(middle, -1e300)});
    }
  for (size_t i = 0, n = all.size(); i < n; ++i)
    all.push_back(-all[i]);
  if (!isDouble)
    for (double &value : all)
      value = float(value);
  while (all.size() % 16 != 5) // Vectors, and what is left behind them.
    all.push_back(1);
  return all;
}

void check(const CompileOptions &options) {
  auto program = [](const char *type) {
    return std::string("func.func @main(%x: tensor<?x") + type +
           ">) -> tensor<?xbf16> {\n  %y = arith.truncf %x : tensor<?x" + type +
           "> to tensor<?xbf16>\n  return %y : tensor<?xbf16>\n}";
  };
  auto compare = [&](auto &x, const std::vector<double> &given) {
    auto executable =
        compiled(program(x.type == ElementType::f64 ? "f64" : "f32"), options);
    ASSERT_TRUE(executable);
    Buffer<uint16_t> y(ElementType::bf16, x.shape);
    EXPECT_SUCCESS(executable->run("main", {x}, {y}));
    int wrong = 0;
    for (size_t i = 0; i < given.size(); ++i)
      if (y.values[i] != nearest(given[i]) && ++wrong < 5)
        ADD_FAILURE() << given[i] << " became " << valueOf(y.values[i])
                      << ", expected " << valueOf(nearest(given[i]));
    EXPECT_EQ(wrong, 0);
  };
  std::vector<double> doubles = numbers(true), floats = numbers(false);
  Floats f32({int64_t(floats.size())},
             std::vector<float>(floats.begin(), floats.end()));
  compare(f32, floats);
  Buffer<double> f64(ElementType::f64, {int64_t(doubles.size())}, doubles);
  compare(f64, doubles);
  auto executable = compiled(program("f32"), options);
  ASSERT_TRUE(executable);
  Floats nans({3}, {std::bit_cast<float>(0x7f800001u), -NAN, INFINITY});
  Buffer<uint16_t> y(ElementType::bf16, {3});
  EXPECT_SUCCESS(executable->run("main", {nans}, {y}));
  EXPECT_TRUE(std::isnan(valueOf(y.values[0])));
  EXPECT_TRUE(std::isnan(valueOf(y.values[1])));
  EXPECT_EQ(valueOf(y.values[2]), INFINITY);
}

// Operations on bf16 round their results.
void checkSum(const CompileOptions &options) {
  auto executable = compiled(
      R"(func.func @main(%x: tensor<?xbf16>) -> tensor<?xbf16> {
  %c = arith.constant dense<1.0> : tensor<1xbf16>
  %c0 = arith.constant 0 : index
  %s = tensor.extract %c[%c0] : tensor<1xbf16>
  %n = tensor.dim %x, %c0 : tensor<?xbf16>
  %i = tensor.empty(%n) : tensor<?xbf16>
  %b = linalg.fill ins(%s : bf16) outs(%i : tensor<?xbf16>) -> tensor<?xbf16>
  %y = arith.addf %x, %b : tensor<?xbf16>
  return %y : tensor<?xbf16>
})",
      options);
  ASSERT_TRUE(executable);
  Buffer<uint16_t> x(ElementType::bf16, {4096}), y(ElementType::bf16, {4096});
  for (size_t i = 0; i < x.values.size(); ++i)
    x.values[i] = uint16_t(0x3000 + i);
  EXPECT_SUCCESS(executable->run("main", {x}, {y}));
  for (size_t i = 0; i < x.values.size(); ++i)
    EXPECT_EQ(y.values[i], nearest(float(valueOf(x.values[i]) + 1))) << i;
}

// So they do on vectors of a matmul's sums, subnormal numbers, too.
void checkEpilogue(const CompileOptions &options) {
  constexpr int64_t size = 40;
  auto executable = compiled(
      R"(func.func @main(%x: tensor<3x40xf32>, %w: tensor<40x40xf32>, %r: tensor<3x40xbf16>) -> tensor<3x40xf32> {
  %y = rlx.matmul %x, %w : (tensor<3x40xf32>, tensor<40x40xf32>) -> tensor<3x40xf32>
  %z = arith.truncf %y : tensor<3x40xf32> to tensor<3x40xbf16>
  %s = arith.addf %z, %r : tensor<3x40xbf16>
  %f = arith.extf %s : tensor<3x40xbf16> to tensor<3x40xf32>
  return %f : tensor<3x40xf32>
})",
      options);
  ASSERT_TRUE(executable);
  Floats x({3, size}), w({size, size}), y({3, size});
  Buffer<uint16_t> r(ElementType::bf16, {3, size});
  for (int64_t i = 0; i < size; ++i)
    w.values[i * size + i] = 1;
  for (size_t i = 0; i < x.values.size(); ++i) {
    x.values[i] = float(
        std::ldexp(i % 2 ? -1 - 0.013 * i : 1 + 0.017 * i, int(i % 12) - 135));
    r.values[i] = uint16_t(5 * i);
  }
  EXPECT_SUCCESS(executable->run("main", {x, w, r}, {y}));
  for (size_t i = 0; i < x.values.size(); ++i)
    EXPECT_EQ(y.values[i], valueOf(nearest(valueOf(nearest(x.values[i])) +
                                           valueOf(r.values[i]))))
        << i;
}

TEST(Bf16, RoundsOnThisMachine) {
  check({});
  checkSum({});
  checkEpilogue({});
}

TEST(Bf16, RoundsWithoutInstructions) {
  if (!llvm::Triple(llvm::sys::getProcessTriple()).isX86())
    GTEST_SKIP() << "the host is no x86 machine";
  CompileOptions options;
  auto target = CpuTarget::create("", "x86-64-v2", "");
  ASSERT_TRUE(bool(target)) << llvm::toString(target.takeError());
  if (llvm::Error error = target->checkHost())
    GTEST_SKIP() << llvm::toString(std::move(error));
  options.target = *target;
  check(options);
  checkSum(options);
  checkEpilogue(options);
}

} // namespace bf16_test
