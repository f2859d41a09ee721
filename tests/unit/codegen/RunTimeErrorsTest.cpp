//===- RunTimeErrorsTest.cpp - Sizes that only show at run time -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each program is given inputs that do not fit: the run ends with one error
// that says where, what was expected and what was found, and the executable
// goes on with inputs that fit.
//
//===----------------------------------------------------------------------===//

#include "tests/unit/codegen/TestSupport.h"

using namespace rlx;
using namespace rlx::test;

namespace run_time_errors_test {

/// Values of any type for one argument.
struct Input {
  Input(Floats floats) : floats(std::move(floats)) {}
  Input(Ids ids) : ids(std::move(ids)) {}
  TensorView view() { return floats ? TensorView(*floats) : TensorView(*ids); }
  std::optional<Floats> floats;
  std::optional<Ids> ids;
};

Floats ones(std::vector<int64_t> shape) {
  Floats tensor(shape);
  std::fill(tensor.values.begin(), tensor.values.end(), 1.0f);
  return tensor;
}

struct Case {
  const char *name;
  const char *program;
  std::vector<Input> wrong; ///< Inputs that do not fit,
  const char *message;      ///< what the run says of them,
  std::vector<Input> right; ///< and inputs that do.
};

llvm::Error runOn(Executable &executable, std::vector<Input> inputs,
                  const RunOptions &options) {
  std::vector<TensorView> views;
  for (Input &input : inputs)
    views.push_back(input.view());
  auto outputs = executable.run("main", views, options);
  return outputs ? llvm::Error::success() : outputs.takeError();
}

class RunTimeErrorsTest : public testing::TestWithParam<Case> {};

TEST_P(RunTimeErrorsTest, EndsTheRunAndNothingElse) {
  auto executable = compiled(GetParam().program);
  ASSERT_TRUE(executable);
  ThreadPool pool(2);
  for (ThreadPool *threads : {static_cast<ThreadPool *>(nullptr), &pool}) {
    RunOptions options;
    options.pool = threads;
    EXPECT_CONTAINS(messageOf(runOn(*executable, GetParam().wrong, options)),
                    GetParam().message);
    EXPECT_SUCCESS(runOn(*executable, GetParam().right, options));
  }
}

const Case cases[] = {
    {"Gather",
     R"(
func.func @main(%x: tensor<?x3xf32>, %i: tensor<2x1xi32>) -> tensor<2x1x3xf32> {
  %y = tensor.gather %x[%i] gather_dims([0]) : (tensor<?x3xf32>, tensor<2x1xi32>) -> tensor<2x1x3xf32>
  return %y : tensor<2x1x3xf32>
})",
     {ones({4, 3}), Ids({2, 1}, {1, -1})},
     "expected 0 <= index < 4 in dimension 0, but got -1",
     {ones({4, 3}), Ids({2, 1}, {3, 0})}},
    {"Scatter",
     R"(
func.func @main(%x: tensor<?x1x3xf32>, %z: tensor<4x3xf32>, %i: tensor<?x1xi32>) -> tensor<4x3xf32> {
  %y = tensor.scatter %x into %z[%i] scatter_dims([0]) unique : (tensor<?x1x3xf32>, tensor<4x3xf32>, tensor<?x1xi32>) -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
})",
     {ones({3, 1, 3}), ones({4, 3}), Ids({2, 1}, {1, 2})},
     "'tensor.scatter' expected dimension 0 of the source to be 2, but got 3",
     {ones({2, 1, 3}), ones({4, 3}), Ids({2, 1}, {3, 0})}},
    {"ResidualFirst",
     R"(
func.func @main(%x: tensor<?x64xf32>, %w: tensor<8x64xf32>, %r: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %y = rlx.matmul %x, %w : (tensor<?x64xf32>, tensor<8x64xf32>) -> tensor<?x8xf32>
  %z = arith.addf %r, %y : tensor<?x8xf32>
  return %z : tensor<?x8xf32>
})",
     {ones({4, 64}), ones({8, 64}), ones({1, 8})},
     "4:8: 'arith.addf' expected dimension 0 of operand 1 to be 1, as of the "
     "first tensor, but got 4",
     {ones({4, 64}), ones({8, 64}), ones({4, 8})}},
    {"ResidualLast",
     R"(
func.func @main(%x: tensor<?x64xf32>, %w: tensor<8x64xf32>, %r: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %y = rlx.matmul %x, %w : (tensor<?x64xf32>, tensor<8x64xf32>) -> tensor<?x8xf32>
  %z = arith.addf %y, %r : tensor<?x8xf32>
  return %z : tensor<?x8xf32>
})",
     {ones({4, 64}), ones({8, 64}), ones({1, 8})},
     "'arith.addf' expected dimension 0 of operand 1 to be 4, as of the first "
     "tensor, but got 1",
     {ones({4, 64}), ones({8, 64}), ones({4, 8})}},
    {"Columns",
     R"(
func.func @main(%x: tensor<?x?xf32>, %w: tensor<8x64xf32>) -> tensor<?x8xf32> {
  %y = rlx.matmul %x, %w : (tensor<?x?xf32>, tensor<8x64xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
})",
     {ones({3, 10}), ones({8, 64})},
     "3:8: 'rlx.matmul' expected x to have 64 columns, as the weight, but got "
     "10",
     {ones({3, 64}), ones({8, 64})}},
    {"StaticRows",
     R"(
func.func @main(%x: tensor<?x64xf32>, %w: tensor<8x64xf32>) -> tensor<3x8xf32> {
  %y = rlx.matmul %x, %w : (tensor<?x64xf32>, tensor<8x64xf32>) -> tensor<3x8xf32>
  return %y : tensor<3x8xf32>
})",
     {ones({4, 64}), ones({8, 64})},
     "'rlx.matmul' expected dimension 0 of its result to be 3, but got 4",
     {ones({3, 64}), ones({8, 64})}},
    {"Bias",
     R"(
func.func @main(%x: tensor<3x64xf32>, %w: tensor<8x64xf32>, %b: tensor<?xf32>) -> tensor<3x8xf32> {
  %y = rlx.matmul %x, %w bias(%b) : (tensor<3x64xf32>, tensor<8x64xf32>, tensor<?xf32>) -> tensor<3x8xf32>
  return %y : tensor<3x8xf32>
})",
     {ones({3, 64}), ones({8, 64}), ones({2})},
     "'rlx.matmul' expected dimension 0 of the bias to be 8, as of the weight, "
     "but got 2",
     {ones({3, 64}), ones({8, 64}), ones({8})}},
    {"TokensOfIds",
     R"(
func.func @main(%x: tensor<?x64xf32>, %w: tensor<4x8x64xf32>, %i: tensor<?x2xi32>) -> tensor<?x2x8xf32> {
  %y = rlx.gather_matmul %x, %w, %i : (tensor<?x64xf32>, tensor<4x8x64xf32>, tensor<?x2xi32>) -> tensor<?x2x8xf32>
  return %y : tensor<?x2x8xf32>
})",
     {ones({1, 64}), ones({4, 8, 64}), Ids({2, 2}, {0, 1, 2, 3})},
     "'rlx.gather_matmul' expected dimension 0 of x to be 2, as of the ids, "
     "but "
     "got 1",
     {ones({2, 64}), ones({4, 8, 64}), Ids({2, 2}, {0, 1, 2, 3})}},
    {"SlotsOfIds",
     R"(
func.func @main(%x: tensor<?x?x64xf32>, %w: tensor<4x8x64xf32>, %i: tensor<?x?xi32>) -> tensor<?x?x8xf32> {
  %y = rlx.gather_matmul %x, %w, %i : (tensor<?x?x64xf32>, tensor<4x8x64xf32>, tensor<?x?xi32>) -> tensor<?x?x8xf32>
  return %y : tensor<?x?x8xf32>
})",
     {ones({1, 1, 64}), ones({4, 8, 64}), Ids({1, 3}, {0, 1, 2})},
     "expected dimension 1 of x to be 3, as of the ids, but got 1",
     {ones({1, 3, 64}), ones({4, 8, 64}), Ids({1, 3}, {0, 1, 2})}},
    {"Cast",
     R"(
func.func @main(%x: tensor<?xf32>) -> tensor<100xf32> {
  %y = tensor.cast %x : tensor<?xf32> to tensor<100xf32>
  return %y : tensor<100xf32>
})",
     {ones({3})},
     "3:8: 'tensor.cast' expected dimension 0 to be 100, but got 3",
     {ones({100})}},
    {"ElementBeyondTheEnd",
     R"(
func.func @main(%x: tensor<?xf32>, %i: tensor<1xi32>) -> tensor<1xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.extract %i[%c0] : tensor<1xi32>
  %at = arith.index_cast %n : i32 to index
  %v = tensor.extract %x[%at] : tensor<?xf32>
  %y = tensor.from_elements %v : tensor<1xf32>
  return %y : tensor<1xf32>
})",
     {ones({3}), Ids({1}, {3})},
     "6:8: 'tensor.extract' expected 0 <= index < 3 in dimension 0, but got 3",
     {ones({3}), Ids({1}, {2})}},
    {"NegativeElementInALoop",
     R"(
func.func @main(%x: tensor<5x3xf32>, %i: tensor<?xi32>) -> tensor<?x3xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %i, %c0 : tensor<?xi32>
  %e = tensor.empty(%n) : tensor<?x3xf32>
  %r = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]} ins(%i : tensor<?xi32>) outs(%e : tensor<?x3xf32>) {
  ^bb0(%a: i32, %o: f32):
    %k = arith.index_cast %a : i32 to index
    %j = linalg.index 1 : index
    %v = tensor.extract %x[%k, %j] : tensor<5x3xf32>
    linalg.yield %v : f32
  } -> tensor<?x3xf32>
  return %r : tensor<?x3xf32>
})",
     {ones({5, 3}), Ids({3}, {0, 4, -1})},
     "'tensor.extract' expected 0 <= index < 5 in dimension 0, but got -1",
     {ones({5, 3}), Ids({3}, {0, 4, 1})}},
    {"SliceOutOfRange",
     R"(
func.func @main(%x: tensor<?x4xf32>, %i: tensor<1xi32>) -> tensor<2x4xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.extract %i[%c0] : tensor<1xi32>
  %at = arith.index_cast %n : i32 to index
  %y = tensor.extract_slice %x[%at, 0] [2, 4] [1, 1] : tensor<?x4xf32> to tensor<2x4xf32>
  return %y : tensor<2x4xf32>
})",
     {ones({6, 4}), Ids({1}, {5})},
     "'tensor.extract_slice' expected a slice inside of 6 elements in "
     "dimension 0, but got 2 elements from 5 on with a stride of 1",
     {ones({6, 4}), Ids({1}, {4})}},
    {"CachePosition",
     R"(
func.func @main(%cache: tensor<64x4xf32>, %rows: tensor<?x4xf32>, %i: tensor<1xi32>) -> tensor<64x4xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.extract %i[%c0] : tensor<1xi32>
  %at = arith.index_cast %n : i32 to index
  %t = tensor.dim %rows, %c0 : tensor<?x4xf32>
  %y = tensor.insert_slice %rows into %cache[%at, 0] [%t, 4] [1, 1] : tensor<?x4xf32> into tensor<64x4xf32>
  return %y : tensor<64x4xf32>
})",
     {ones({64, 4}), ones({5, 4}), Ids({1}, {62})},
     "'tensor.insert_slice' expected a slice inside of 64 elements in "
     "dimension 0, but got 5 elements from 62 on with a stride of 1",
     {ones({64, 4}), ones({5, 4}), Ids({1}, {59})}},
    {"NegativeCachePosition",
     R"(
func.func @main(%cache: tensor<64x4xf32>, %rows: tensor<?x4xf32>, %i: tensor<1xi32>) -> tensor<64x4xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.extract %i[%c0] : tensor<1xi32>
  %at = arith.index_cast %n : i32 to index
  %t = tensor.dim %rows, %c0 : tensor<?x4xf32>
  %y = tensor.insert_slice %rows into %cache[%at, 0] [%t, 4] [1, 1] : tensor<?x4xf32> into tensor<64x4xf32>
  return %y : tensor<64x4xf32>
})",
     {ones({64, 4}), ones({5, 4}), Ids({1}, {-3})},
     "but got 5 elements from -3 on with a stride of 1",
     {ones({64, 4}), ones({5, 4}), Ids({1}, {0})}},
    {"InsertedSizes",
     R"(
func.func @main(%cache: tensor<64x4xf32>, %rows: tensor<?x4xf32>, %a: tensor<?xf32>) -> tensor<64x4xf32> {
  %c0 = arith.constant 0 : index
  %t = tensor.dim %a, %c0 : tensor<?xf32>
  %y = tensor.insert_slice %rows into %cache[0, 0] [%t, 4] [1, 1] : tensor<?x4xf32> into tensor<64x4xf32>
  return %y : tensor<64x4xf32>
})",
     {ones({64, 4}), ones({5, 4}), ones({3})},
     "'tensor.insert_slice' expected dimension 0 of the inserted tensor to be "
     "3, but got 5",
     {ones({64, 4}), ones({3, 4}), ones({3})}},
    {"Division",
     R"(
func.func @main(%x: tensor<?xi32>, %y: tensor<?xi32>) -> tensor<?xi32> {
  %z = arith.divsi %x, %y : tensor<?xi32>
  return %z : tensor<?xi32>
})",
     {Ids({3}, {1, 2, 3}), Ids({3}, {1, 0, 3})},
     "3:8: 'arith.divsi' expected a divisor that is not 0",
     {Ids({3}, {1, 2, 3}), Ids({3}, {1, 2, 3})}},
    {"QuotientThatDoesNotFit",
     R"(
func.func @main(%x: tensor<3xi32>, %y: tensor<3xi32>) -> tensor<3xi32> {
  %z = arith.remsi %x, %y : tensor<3xi32>
  return %z : tensor<3xi32>
})",
     {Ids({3}, {1, INT32_MIN, 3}), Ids({3}, {1, -1, 3})},
     "'arith.remsi' expected a quotient that fits, but got the least number "
     "divided by -1",
     {Ids({3}, {1, INT32_MIN, 3}), Ids({3}, {1, 1, -1})}},
    {"Assertion",
     R"(
func.func @main(%x: tensor<?x6xf32>) -> tensor<?x6xf32> {
  %c0 = arith.constant 0 : index
  %c5 = arith.constant 5 : index
  %n = tensor.dim %x, %c0 : tensor<?x6xf32>
  %ok = arith.cmpi eq, %n, %c5 : index
  cf.assert %ok, "expected 5 rows {}"
  return %x : tensor<?x6xf32>
})",
     {ones({4, 6})},
     "7:3: 'cf.assert' expected 5 rows {}",
     {ones({5, 6})}},
    {"Reshape",
     R"(
func.func @main(%x: tensor<?xf32>, %a: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %d0 = tensor.dim %a, %c0 : tensor<?x?xf32>
  %d1 = tensor.dim %a, %c1 : tensor<?x?xf32>
  %y = tensor.expand_shape %x [[0, 1]] output_shape [%d0, %d1] : tensor<?xf32> into tensor<?x?xf32>
  return %y : tensor<?x?xf32>
})",
     {ones({7}), ones({2, 3})},
     "'tensor.expand_shape' expected dimension 0 to have as many elements as "
     "its parts, 6, but got 7",
     {ones({6}), ones({2, 3})}},
    {"Generic",
     R"(
#i = affine_map<(i) -> (i)>
func.func @main(%x: tensor<?xf32>, %b: tensor<?xf32>) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %n = tensor.dim %b, %c0 : tensor<?xf32>
  %e = tensor.empty(%n) : tensor<?xf32>
  %y = linalg.generic {indexing_maps = [#i, #i, #i], iterator_types = ["parallel"]} ins(%x, %b : tensor<?xf32>, tensor<?xf32>) outs(%e : tensor<?xf32>) {
  ^bb0(%p: f32, %q: f32, %o: f32):
    %t = arith.addf %p, %q : f32
    linalg.yield %t : f32
  } -> tensor<?xf32>
  return %y : tensor<?xf32>
})",
     {ones({5}), ones({800})},
     "'linalg.generic' expected dimension 0 of operand 1 to be 5, as dimension "
     "0 of operand 0, but got 800",
     {ones({5}), ones({5})}},
    {"Convolution",
     R"(
func.func @main(%x: tensor<?xf32>, %k: tensor<3xf32>, %o: tensor<?xf32>) -> tensor<?xf32> {
  %y = linalg.conv_1d ins(%x, %k : tensor<?xf32>, tensor<3xf32>) outs(%o : tensor<?xf32>) -> tensor<?xf32>
  return %y : tensor<?xf32>
})",
     {ones({6}), ones({3}), ones({5})},
     "'linalg.conv_1d' expected indices below 6 in dimension 0 of operand 0, "
     "but its loops reach 6",
     {ones({6}), ones({3}), ones({4})}},
    {"TooLarge",
     R"(
func.func @main(%n: tensor<2xi32>) -> tensor<1xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %a = tensor.extract %n[%c0] : tensor<2xi32>
  %b = tensor.extract %n[%c1] : tensor<2xi32>
  %i = arith.index_cast %a : i32 to index
  %j = arith.index_cast %b : i32 to index
  %z = arith.constant 1.0 : f32
  %e = tensor.empty(%i, %j, %i) : tensor<?x?x?xf32>
  %f = linalg.fill ins(%z : f32) outs(%e : tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
  %g = math.exp %f : tensor<?x?x?xf32>
  %v = tensor.extract %g[%c1, %c0, %c0] : tensor<?x?x?xf32>
  %w = tensor.extract %f[%c1, %c0, %c0] : tensor<?x?x?xf32>
  %s = arith.addf %v, %w : f32
  %y = tensor.from_elements %s : tensor<1xf32>
  return %y : tensor<1xf32>
})",
     {Ids({2}, {1 << 30, 1 << 30})},
     "cannot allocate a tensor of 2^63 bytes or more",
     {Ids({2}, {2, 3})}},
    {"NegativeSize",
     R"(
func.func @main(%n: tensor<1xi32>) -> tensor<?xf32> {
  %c0 = arith.constant 0 : index
  %a = tensor.extract %n[%c0] : tensor<1xi32>
  %i = arith.index_cast %a : i32 to index
  %z = arith.constant 1.0 : f32
  %f = tensor.splat %z[%i] : tensor<?xf32>
  return %f : tensor<?xf32>
})",
     {Ids({1}, {-5})},
     "'tensor.splat' expected a size of at least 0, but got -5",
     {Ids({1}, {5})}},
};

INSTANTIATE_TEST_SUITE_P(, RunTimeErrorsTest, testing::ValuesIn(cases),
                         [](const auto &info) {
                           return std::string(info.param.name);
                         });

} // namespace run_time_errors_test
