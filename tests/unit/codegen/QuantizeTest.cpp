//===- QuantizeTest.cpp - The nearest code of any number ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// rlx.quantize and rlx.dequantize after each other, for codes of all kinds and
// numbers that are codes, lie between two of them, in the middle or beside it,
// or are infinite, huge, subnormal, zeros of both signs or NaN.
//
//===----------------------------------------------------------------------===//

#include "tests/unit/codegen/TestSupport.h"

#include <limits>

using namespace rlx;
using namespace rlx::test;

namespace quantize_test {

constexpr float infinity = std::numeric_limits<float>::infinity();

/// The numbers that codes of at most 8 bits mean, by code.
std::vector<double> numbersOf(FieldAttr code) {
  std::vector<double> numbers;
  for (uint64_t i = 0; i < uint64_t(1) << code.width(); ++i)
    numbers.push_back(numberOf(code, i));
  return numbers;
}

/// What `t` becomes, by the text of the operation: the next number below it or
/// above it, whichever is nearer. Of codes that mean the same, the first
/// counts.
double nearest(FieldAttr code, float t) {
  std::vector<double> numbers = numbersOf(code);
  if (std::isnan(t)) {
    for (double number : numbers)
      if (std::isnan(number))
        return number;
    t = 0;
  }
  auto isFinite = [&](size_t i) { return std::isfinite(numbers[i]); };
  auto find = [&](auto isBetter) {
    std::optional<size_t> best;
    for (size_t i = 0; i < numbers.size(); ++i)
      if (isFinite(i) && isBetter(numbers[i], best ? &numbers[*best] : nullptr))
        best = i;
    return best;
  };
  std::optional<size_t> below = find([&](double number, const double *best) {
    return number <= t && (!best || number > *best);
  });
  std::optional<size_t> above = find([&](double number, const double *best) {
    return number >= t && (!best || number < *best);
  });
  if (!below || !above)
    return numbers[below ? *below : *above];
  double down = t - numbers[*below], up = numbers[*above] - t;
  bool tieGoesUp = code.isInteger() ? t > 0 : *above % 2 == 0;
  double chosen =
      numbers[up < down || (up == down && tieGoesUp) ? *above : *below];
  // Zeros have the sign of what became one, where there are both.
  for (double number : numbers)
    if (number == 0 && chosen == 0 && std::signbit(number) == std::signbit(t))
      return number;
  return chosen;
}

class QuantizeTest : public SchemeTest,
                     public testing::WithParamInterface<const char *> {};

TEST_P(QuantizeTest, TakesTheNearestCode) {
  std::string text =
      std::string("#rlx.scheme<\"codes\", block = 4, ") + GetParam() + ">";
  std::optional<QuantScheme> scheme = described(text);
  ASSERT_TRUE(scheme);
  FieldAttr code = scheme->attr().getCode();
  std::vector<float> x = {0.0f,   -0.0f,   infinity,      -infinity,
                          3e38f,  -3e38f,  1e-45f,        -1e-45f,
                          1e-30f, -1e-30f, std::nanf(""), -std::nanf("")};
  std::vector<double> numbers = numbersOf(code);
  llvm::erase_if(numbers, [](double number) { return !std::isfinite(number); });
  llvm::sort(numbers);
  for (size_t i = 0; i < numbers.size(); ++i) {
    x.push_back(float(numbers[i]));
    if (i == 0)
      continue;
    auto middle = float((numbers[i - 1] + numbers[i]) / 2);
    for (float some : {middle, std::nextafter(middle, infinity),
                       std::nextafter(middle, -infinity)})
      x.push_back(some);
  }
  for (float some : Random(7).floats(64))
    x.push_back(some);
  x.resize(llvm::alignTo(x.size(), 4));
  std::string k = std::to_string(x.size()),
              type = "tensor<1x" + k + "xf32, " +
                     printed(QuantAttr::get(&context, scheme->attr())) + ">";
  std::string program =
      "func.func @main(%x: tensor<1x" + k + "xf32>) -> tensor<1x" + k +
      "xf32> {\n  %q = rlx.quantize %x : (tensor<1x" + k + "xf32>) -> " + type +
      "\n  %v = rlx.dequantize %q : (" + type + ") -> tensor<1x" + k +
      "xf32>\n  return %v : tensor<1x" + k + "xf32>\n}";
  std::unique_ptr<Executable> executable = compiled(program);
  ASSERT_TRUE(executable);
  Floats input({1, int64_t(x.size())}, x), output({1, int64_t(x.size())});
  EXPECT_SUCCESS(executable->run("main", {input}, {output}));
  // The reference chooses the same codes.
  std::unique_ptr<mlir::MLIRContext> other = createContext();
  auto module = parseText(*other, program);
  ASSERT_TRUE(bool(module));
  auto verification = verify(**module, *executable, "main", {input}, {output});
  if (!verification)
    FAIL() << llvm::toString(verification.takeError());
  EXPECT_SUCCESS(verification->check());
  for (size_t i = 0; i < x.size(); ++i) {
    double expected = nearest(code, x[i]);
    EXPECT_TRUE(sameNumber(output.values[i], float(expected)))
        << x[i] << " became " << output.values[i] << ", expected " << expected;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Codes, QuantizeTest,
    testing::Values("code = si4 at (i) -> (0, 4 * i)",
                    "code = ui4 at (i) -> (0, 4 * i) - 8",
                    "code = si8 at (i) -> (i, 0) - -300",
                    "code = ui1 at (i) -> (0, 2 * i + 1), unused = 4",
                    "code = f8E4M3FN at (i) -> (i, 0)",
                    "code = f8E5M2 at (i) -> (i, 0)",
                    "code = f8E8M0FNU at (i) -> (i, 0)",
                    "code = f6E2M3FN at (i) -> (0, 6 * i)",
                    "code = f6E3M2FN at (i) -> (0, 6 * i)",
                    "code = f4E2M1FN at (i) -> (0, 4 * i)",
                    "code = ui2 at (i) -> (0, 2 * i) as [-0.0, 1.5, 0.0, -7]",
                    "code = ui3 at (i) -> (0, 3 * i) as [3, 3, -1, 0, 8, 1, 2, "
                    "100], unused = 4"));

} // namespace quantize_test
