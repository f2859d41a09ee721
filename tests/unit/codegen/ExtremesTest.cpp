//===- ExtremesTest.cpp - Infinities, NaNs, and numbers near them ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What activations that are no ordinary numbers give with integer kernels: a
// row with an infinity or a NaN gives NaN, and no other row notices. Numbers
// near the smallest keep what their type can hold. Codes keep the sign of zero.
//
//===----------------------------------------------------------------------===//

#include "tests/unit/codegen/MatmulPrograms.h"

#include <limits>

using namespace rlx;
using namespace rlx::test;

namespace extremes_test {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr const char *schemes[] = {"gguf_q8_0",   "gguf_q4k",
                                   "gguf_q6k",    "int8/32",
                                   "gguf_iq4_nl", "fp8e4m3/tensor"};

class ExtremesTest : public SchemeTest,
                     public testing::WithParamInterface<const char *> {
protected:
  static constexpr int64_t n = 19, k = 512;
  static constexpr double kernelBound = 1e-5;
};

TEST_P(ExtremesTest, NonFiniteRowsAreNan) {
  std::string type = GetParam();
  for (const char *name : schemes) {
    SCOPED_TRACE(name);
    RandomWeight weight(*builtin(name), {n, k}, 3);
    CompileOptions options;
    options.choices = "i16_pairs=false magic_numbers=false min_m_panel=8";
    std::unique_ptr<Executable> executable =
        compiled(matmulFunction("main", weight, type), options);
    ASSERT_TRUE(executable);
    weight.bind(*executable, "main");
    std::vector<double> values = weight.values();
    for (int64_t m : {3, 24})
      for (float odd : {infinity, -infinity, std::nanf("")}) {
        Floats x({m, k}, integers(m, k, 127, 5)), y({m, n});
        std::vector<float> finite = x.values;
        x.values[k + 300] = odd;
        EXPECT_SUCCESS(executable->run("main", {x}, {y}));
        std::vector<double> expected = product(finite, values, m, n, k);
        std::fill_n(expected.begin() + n, n,
                    std::numeric_limits<double>::quiet_NaN());
        EXPECT_TRUE(isClose(y, expected, kernelBound, 5))
            << odd << ", M = " << m;
      }
  }
}

TEST_P(ExtremesTest, TinyNumbersAreNotZero) {
  std::string type = GetParam();
  // Of f32 near its smallest numbers, i16 and i24 have more bits.
  double bound = type == "i8" ? 1.2e-2 : 1e-3;
  for (const char *name : schemes) {
    SCOPED_TRACE(name);
    RandomWeight weight(*builtin(name), {n, k}, 3);
    std::unique_ptr<Executable> executable =
        compiled(matmulFunction("main", weight, type));
    ASSERT_TRUE(executable);
    weight.bind(*executable, "main");
    std::vector<double> values = weight.values();
    for (int exponent : {-110, -118, -124, -132, -138, 100}) {
      Floats x({1, k}, integers(1, k, 127, 5)), y({1, n});
      for (float &number : x.values)
        number = std::ldexp(number, exponent);
      EXPECT_SUCCESS(executable->run("main", {x}, {y}));
      EXPECT_TRUE(isClose(y, product(x.values, values, 1, n, k), bound, 5))
          << "2^" << exponent;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Activations, ExtremesTest,
                         testing::Values("i8", "i16", "i24"),
                         [](const auto &info) { return info.param; });

// All codes of small floats and of a codebook, zeros of both signs among them.
TEST_F(SchemeTest, ZerosKeepTheirSign) {
  for (const char *code :
       {"f8E4M3FN at (i) -> (i, 0)", "f8E5M2 at (i) -> (i, 0)",
        "f4E2M1FN at (i) -> (i, 0), unused = 1024",
        "f6E2M3FN at (i) -> (i, 0), unused = 512",
        "f6E3M2FN at (i) -> (i, 0), unused = 512",
        "ui1 at (i) -> (i, 0) as [-0.0, 0.0], unused = 1792",
        "ui5 at (i) -> (i, 0) as [-0.0, 0.0, 0.25, 0.5, 1, 2, 3, 4, 5, 6, 7, "
        "8, "
        "9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, "
        "26, 27, -0.0], unused = 768"}) {
    SCOPED_TRACE(code);
    std::optional<QuantScheme> scheme =
        described(std::string("#rlx.scheme<\"codes\", block = 256, code = ") +
                  code + ">");
    ASSERT_TRUE(scheme);
    RandomWeight weight(*scheme, {1, 256}, 1);
    for (int i = 0; i < 256; ++i)
      weight.blocks[i] = uint8_t(i);
    std::unique_ptr<Executable> executable = compiled(valuesFunction(weight));
    ASSERT_TRUE(executable);
    weight.bind(*executable, "values");
    Floats y({1, 256});
    EXPECT_SUCCESS(executable->run("values", {}, {y}));
    std::vector<double> expected = weight.values();
    for (int i = 0; i < 256; ++i)
      EXPECT_TRUE(sameNumber(y.values[i], expected[i]))
          << "code " << i << ": " << y.values[i] << ", expected "
          << expected[i];
  }
}

} // namespace extremes_test
