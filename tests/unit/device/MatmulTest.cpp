//===- MatmulTest.cpp - Matmuls of every scheme on devices ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each scheme is compiled for each device, for a number of rows of activations
// that is dynamic, with sizes that are no multiple of any tile. Results are
// compared with the reference decoder and sums in double precision.
//
//===----------------------------------------------------------------------===//

#include "tests/unit/device/DeviceSupport.h"

using namespace rlx;
using namespace rlx::test;

namespace matmul_test {

constexpr double f32Bound = 2e-6;

using Parameters = std::tuple<TestDevice, std::string>;

class DeviceSchemeMatmulTest : public SchemeTest,
                               public testing::WithParamInterface<Parameters> {
};

TEST_P(DeviceSchemeMatmulTest, MatchesTheReference) {
  auto [wanted, name] = GetParam();
  std::string reason;
  rlx::Device *device = openDevice(wanted, reason);
  if (!device)
    GTEST_SKIP() << reason;
  std::optional<QuantScheme> scheme = schemeOf(name);
  ASSERT_TRUE(scheme);
  std::vector<std::string> names = allSchemes();
  uint32_t number = uint32_t(llvm::find(names, name) - names.begin());
  // Together the schemes take all kinds of remainders.
  constexpr int64_t columns[] = {37, 70, 64, 5}, lengths[] = {300, 37, 520};
  int64_t block = scheme->block();
  int64_t k = std::max<int64_t>(1, lengths[number % 3] / block) * block;
  RandomWeight weight(*scheme, {columns[number % 4], k}, number);
  std::unique_ptr<DeviceExecutable> executable = compiledFor(
      *device, targetOf(wanted, *device), matmulFunction("main", weight));
  ASSERT_TRUE(executable);
  for (Content content : {Content::random, Content::withNans}) {
    SCOPED_TRACE("content " + std::to_string(int(content)));
    RandomWeight filled(*scheme, weight.shape, number, content);
    filled.bind(*executable, "main");
    std::vector<double> values = filled.values();
    int64_t n = weight.shape[0];
    for (int64_t m : {1, 3, 64}) {
      Floats x = Floats::random({m, k}, number + uint32_t(m)), y({m, n});
      runOn(*executable, "main", {x}, {y});
      std::vector<double> expected = product(x.values, values, m, n, k);
      double bound = f32Bound * cancellation(x.values, values, expected, k);
      EXPECT_TRUE(isClose(y, expected, bound, number)) << "M = " << m;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Schemes, DeviceSchemeMatmulTest,
                         testing::Combine(testing::ValuesIn(testDevices),
                                          testing::ValuesIn(allSchemes())),
                         variantTestName<TestDevice>);

} // namespace matmul_test
