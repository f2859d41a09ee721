//===- LoopsTest.cpp - The inner loops on all processors ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Whatever vectors a processor has, numbers and sums have the same bits, so
// that files do not depend on the machine that quantized them.
//
//===----------------------------------------------------------------------===//

#include "codegen/quantize/CodeLoops.h"
#include "tests/unit/quantize/TestSupport.h"

using namespace rlx;
using namespace rlx::quantize;
using namespace rlx::test;

namespace loops_test {

bool sameSums(const Sums &a, const Sums &b) {
  return sameNumber(a.q, b.q) && sameNumber(a.qq, b.qq) &&
         sameNumber(a.xq, b.xq) && sameNumber(a.error, b.error);
}

TEST(Loops, GiveTheSameOnAllProcessors) {
  const double values[] = {-3, -1, 0.5, 2, 7},
               middles[] = {-2, -0.25, 1.25, 4.5};
  for (int64_t count : {1, 7, 8, 16, 31, 256}) {
    std::vector<float> drawn = Random(uint32_t(count)).floats(2 * count);
    std::vector<double> x(drawn.begin(), drawn.begin() + count), w;
    for (int64_t i = 0; i < count; ++i)
      w.push_back(std::fabs(drawn[count + i]));
    Samples samples{x.data(), w.data(), count};
    Line line{0.37, -0.1};
    const CodeLoops &first = CodeLoops::all().front();
    std::vector<double> integers(count), few(count), q(count);
    Sums integerSums = first.integers(samples, line, -8, 7, integers.data()),
         fewSums = first.few(samples, line, values, middles, 5, few.data());
    for (int64_t i = 0; i < count; ++i) {
      double t = (x[i] - line.base) / line.scale;
      EXPECT_LE(std::fabs(std::clamp(t, -8.0, 7.0) - integers[i]), 0.5 + 1e-9);
      for (double value : values)
        EXPECT_LE(std::fabs(t - few[i]), std::fabs(t - value) + 1e-9);
    }
    for (const CodeLoops &loops : CodeLoops::all()) {
      EXPECT_TRUE(sameSums(loops.integers(samples, line, -8, 7, q.data()),
                           integerSums));
      EXPECT_EQ(q, integers);
      EXPECT_TRUE(sameSums(loops.given(samples, line, q.data()), integerSums));
      EXPECT_TRUE(sameSums(
          loops.few(samples, line, values, middles, 5, q.data()), fewSums));
      EXPECT_EQ(q, few);
    }
  }
}

} // namespace loops_test
