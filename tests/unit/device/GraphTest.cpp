//===- GraphTest.cpp - Ordinary operations, on devices and on the CPU -----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The same program is compiled for a device and for the CPU; results agree.
//
//===----------------------------------------------------------------------===//

#include "tests/unit/device/DeviceSupport.h"

using namespace rlx;
using namespace rlx::test;

namespace graph_test {

struct GraphProgram {
  const char *name;
  const char *text;
  /// Shapes of the inputs, which are of f32, and of the results.
  std::vector<std::vector<int64_t>> inputs, results;
};

const GraphProgram programs[] = {
    {"softmax",
     R"(
#all = affine_map<(m, n) -> (m, n)>
#row = affine_map<(m, n) -> (m)>
func.func @main(%x: tensor<?x300xf32>) -> tensor<?x300xf32> {
  %c0 = arith.constant 0 : index
  %m = tensor.dim %x, %c0 : tensor<?x300xf32>
  %lowest = arith.constant 0xFF800000 : f32
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty(%m) : tensor<?xf32>
  %w = tensor.empty(%m) : tensor<?x300xf32>
  %f = linalg.fill ins(%lowest : f32) outs(%e : tensor<?xf32>) -> tensor<?xf32>
  %most = linalg.generic {indexing_maps = [#all, #row], iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<?x300xf32>) outs(%f : tensor<?xf32>) {
    ^bb0(%v: f32, %s: f32):
      %n = arith.maximumf %v, %s : f32
      linalg.yield %n : f32
  } -> tensor<?xf32>
  %p = linalg.generic {indexing_maps = [#all, #row, #all], iterator_types = ["parallel", "parallel"]}
      ins(%x, %most : tensor<?x300xf32>, tensor<?xf32>) outs(%w : tensor<?x300xf32>) {
    ^bb0(%v: f32, %s: f32, %o: f32):
      %d = arith.subf %v, %s : f32
      %n = math.exp %d : f32
      linalg.yield %n : f32
  } -> tensor<?x300xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<?xf32>) -> tensor<?xf32>
  %sum = linalg.generic {indexing_maps = [#all, #row], iterator_types = ["parallel", "reduction"]}
      ins(%p : tensor<?x300xf32>) outs(%z : tensor<?xf32>) {
    ^bb0(%v: f32, %s: f32):
      %n = arith.addf %v, %s : f32
      linalg.yield %n : f32
  } -> tensor<?xf32>
  %y = linalg.generic {indexing_maps = [#all, #row, #all], iterator_types = ["parallel", "parallel"]}
      ins(%p, %sum : tensor<?x300xf32>, tensor<?xf32>) outs(%w : tensor<?x300xf32>) {
    ^bb0(%v: f32, %s: f32, %o: f32):
      %n = arith.divf %v, %s : f32
      linalg.yield %n : f32
  } -> tensor<?x300xf32>
  return %y : tensor<?x300xf32>
})",
     {{3, 300}},
     {{3, 300}}},
    {"slices",
     R"(
func.func @main(%x: tensor<?x10xf32>) -> (tensor<?x10xf32>, tensor<4x?xf32>) {
  %c0 = arith.constant 0 : index
  %m = tensor.dim %x, %c0 : tensor<?x10xf32>
  %left = tensor.extract_slice %x[0, 1] [%m, 4] [1, 1] : tensor<?x10xf32> to tensor<?x4xf32>
  %right = tensor.extract_slice %x[0, 2] [%m, 4] [1, 2] : tensor<?x10xf32> to tensor<?x4xf32>
  %sum = arith.addf %left, %right : tensor<?x4xf32>
  %y = tensor.insert_slice %sum into %x[0, 5] [%m, 4] [1, 1] : tensor<?x4xf32> into tensor<?x10xf32>
  %e = tensor.empty(%m) : tensor<4x?xf32>
  %t = linalg.transpose ins(%sum : tensor<?x4xf32>) outs(%e : tensor<4x?xf32>) permutation = [1, 0]
  return %y, %t : tensor<?x10xf32>, tensor<4x?xf32>
})",
     {{3, 10}},
     {{3, 10}, {4, 3}}},
    {"plain_matmul",
     R"(
func.func @main(%x: tensor<?x20xf32>, %w: tensor<20x6xf32>) -> tensor<?x2x3xf32> {
  %c0 = arith.constant 0 : index
  %m = tensor.dim %x, %c0 : tensor<?x20xf32>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty(%m) : tensor<?x6xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<?x6xf32>) -> tensor<?x6xf32>
  %p = linalg.matmul ins(%x, %w : tensor<?x20xf32>, tensor<20x6xf32>) outs(%z : tensor<?x6xf32>) -> tensor<?x6xf32>
  %y = tensor.expand_shape %p [[0], [1, 2]] output_shape [%m, 2, 3] : tensor<?x6xf32> into tensor<?x2x3xf32>
  return %y : tensor<?x2x3xf32>
})",
     {{5, 20}, {20, 6}},
     {{5, 2, 3}}},
    {"table_and_integers",
     R"(
#id = affine_map<(i, j) -> (i, j)>
func.func @main(%x: tensor<8x16xf32>, %t: tensor<8x16xf32>) -> tensor<8x16xf32> {
  %e = tensor.empty() : tensor<8x16xf32>
  %y = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<8x16xf32>) outs(%e : tensor<8x16xf32>) {
    ^bb0(%v: f32, %o: f32):
      %i = linalg.index 0 : index
      %j = linalg.index 1 : index
      %c7 = arith.constant 7 : index
      %r = arith.subi %c7, %i : index
      %u = tensor.extract %t[%r, %j] : tensor<8x16xf32>
      %k = arith.index_cast %j : index to i32
      %three = arith.constant 3 : i32
      %q = arith.divsi %k, %three : i32
      %f = arith.sitofp %q : i32 to f32
      %big = arith.cmpf ogt, %v, %u : f32
      %s = arith.select %big, %f, %u : f32
      %a = math.tanh %s : f32
      linalg.yield %a : f32
  } -> tensor<8x16xf32>
  return %y : tensor<8x16xf32>
})",
     {{8, 16}, {8, 16}},
     {{8, 16}}},
    {"whole_sum",
     R"(
func.func @main(%x: tensor<7x40xf32>) -> tensor<1xf32> {
  %c = arith.constant dense<0.5> : tensor<1xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (0)>], iterator_types = ["reduction", "reduction"]}
      ins(%x : tensor<7x40xf32>) outs(%c : tensor<1xf32>) {
    ^bb0(%v: f32, %s: f32):
      %n = arith.addf %v, %s : f32
      linalg.yield %n : f32
  } -> tensor<1xf32>
  return %y : tensor<1xf32>
})",
     {{7, 40}},
     {{1}}},
};

class DeviceGraphTest
    : public testing::TestWithParam<std::tuple<TestDevice, GraphProgram>> {};

TEST_P(DeviceGraphTest, AgreesWithTheCpu) {
  auto [wanted, program] = GetParam();
  std::string reason;
  rlx::Device *device = openDevice(wanted, reason);
  if (!device)
    GTEST_SKIP() << reason;
  std::unique_ptr<DeviceExecutable> onDevice =
      compiledFor(*device, targetOf(wanted, *device), program.text);
  std::unique_ptr<Executable> onCpu = compiled(program.text);
  ASSERT_TRUE(onDevice && onCpu);
  std::vector<Floats> inputs, got, expected;
  std::vector<TensorView> inputViews, gotViews, expectedViews;
  for (const auto &shape : program.inputs)
    inputs.push_back(Floats::random(shape, 1 + uint32_t(inputs.size())));
  for (const auto &shape : program.results) {
    got.emplace_back(shape);
    expected.emplace_back(shape);
  }
  for (Floats &input : inputs)
    inputViews.push_back(input);
  for (Floats &result : got)
    gotViews.push_back(result);
  for (Floats &result : expected)
    expectedViews.push_back(result);
  runOn(*onDevice, "main", inputViews, gotViews);
  EXPECT_SUCCESS(onCpu->run("main", inputViews, expectedViews));
  for (size_t i = 0; i < got.size(); ++i) {
    std::vector<double> wantedValues(expected[i].values.begin(),
                                     expected[i].values.end());
    EXPECT_TRUE(isClose(gotViews[i], wantedValues, 2e-6, 1)) << "result " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Programs, DeviceGraphTest,
                         testing::Combine(testing::ValuesIn(testDevices),
                                          testing::ValuesIn(programs)),
                         [](const auto &info) {
                           return std::string(std::get<0>(info.param).name) +
                                  "_" + std::get<1>(info.param).name;
                         });

} // namespace graph_test
