//===- ReferenceLinalgTest.cpp - linalg, evaluated ------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tests/unit/codegen/ReferenceTest.h"

#include <cmath>

using namespace rlx;
using namespace rlx::test;

namespace reference_linalg_test {

using List = std::vector<double>;
using ReferenceLinalgTest = ReferenceTest;

TEST_F(ReferenceLinalgTest, NamedOperations) {
  Floats a({2, 3}, {1, 2, 3, 4, 5, 6}), b({3, 2}, {1, 0, 0, 1, 1, 1});
  auto all = results(R"(
func.func @main(%a: tensor<2x3xf32>, %b: tensor<3x2xf32>)
    -> (tensor<2x2xf32>, tensor<2xf32>, tensor<3x2xf32>, tensor<2x3x2xf32>, tensor<2x3xf32>, tensor<2x3xf32>) {
  %zero = arith.constant 1.0 : f32
  %e0 = tensor.empty() : tensor<2x2xf32>
  %z0 = linalg.fill ins(%zero : f32) outs(%e0 : tensor<2x2xf32>) -> tensor<2x2xf32>
  %product = linalg.matmul ins(%a, %b : tensor<2x3xf32>, tensor<3x2xf32>) outs(%z0 : tensor<2x2xf32>) -> tensor<2x2xf32>
  %e1 = tensor.empty() : tensor<2xf32>
  %z1 = linalg.fill ins(%zero : f32) outs(%e1 : tensor<2xf32>) -> tensor<2xf32>
  %most = linalg.reduce { arith.maximumf } ins(%a : tensor<2x3xf32>) outs(%z1 : tensor<2xf32>) dimensions = [1]
  %e2 = tensor.empty() : tensor<3x2xf32>
  %turned = linalg.transpose ins(%a : tensor<2x3xf32>) outs(%e2 : tensor<3x2xf32>) permutation = [1, 0]
  %e3 = tensor.empty() : tensor<2x3x2xf32>
  %wide = linalg.broadcast ins(%a : tensor<2x3xf32>) outs(%e3 : tensor<2x3x2xf32>) dimensions = [2]
  %e4 = tensor.empty() : tensor<2x3xf32>
  %mapped = linalg.map { arith.mulf } ins(%a, %a : tensor<2x3xf32>, tensor<2x3xf32>) outs(%e4 : tensor<2x3xf32>)
  %added = linalg.add ins(%a, %a : tensor<2x3xf32>, tensor<2x3xf32>) outs(%e4 : tensor<2x3xf32>) -> tensor<2x3xf32>
  return %product, %most, %turned, %wide, %mapped, %added
      : tensor<2x2xf32>, tensor<2xf32>, tensor<3x2xf32>, tensor<2x3x2xf32>, tensor<2x3xf32>, tensor<2x3xf32>
})",
                     {a, b});
  ASSERT_EQ(all.size(), 6u);
  EXPECT_EQ(numbersOf(all[0]), (List{5, 6, 11, 12}));
  EXPECT_EQ(numbersOf(all[1]), (List{3, 6}));
  EXPECT_EQ(numbersOf(all[2]), (List{1, 4, 2, 5, 3, 6}));
  EXPECT_EQ(numbersOf(all[3]), (List{1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6}));
  EXPECT_EQ(numbersOf(all[4]), (List{1, 4, 9, 16, 25, 36}));
  EXPECT_EQ(numbersOf(all[5]), (List{2, 4, 6, 8, 10, 12}));
  // 1 + 1 + 3 squared, and the square roots of such.
  ASSERT_EQ(all[0].magnitudes.size(), 4u);
  EXPECT_NEAR(all[0].magnitudes[0], std::sqrt(1 + 1 + 9), 1e-12);
}

TEST_F(ReferenceLinalgTest, WindowsOverlap) {
  Floats x({1, 4, 4, 1}), w({2, 2, 1, 1}, {1, 2, 3, 4}), window({2, 2});
  for (int i = 0; i < 16; ++i)
    x.values[i] = float(i);
  auto all = results(R"(
func.func @main(%x: tensor<1x4x4x1xf32>, %w: tensor<2x2x1x1xf32>, %s: tensor<2x2xf32>)
    -> (tensor<1x3x3x1xf32>, tensor<1x2x2x1xf32>) {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<1x3x3x1xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<1x3x3x1xf32>) -> tensor<1x3x3x1xf32>
  %c = linalg.conv_2d_nhwc_hwcf ins(%x, %w : tensor<1x4x4x1xf32>, tensor<2x2x1x1xf32>) outs(%z : tensor<1x3x3x1xf32>) -> tensor<1x3x3x1xf32>
  %e2 = tensor.empty() : tensor<1x2x2x1xf32>
  %z2 = linalg.fill ins(%zero : f32) outs(%e2 : tensor<1x2x2x1xf32>) -> tensor<1x2x2x1xf32>
  %p = linalg.pooling_nhwc_max {strides = dense<2> : tensor<2xi64>} ins(%x, %s : tensor<1x4x4x1xf32>, tensor<2x2xf32>) outs(%z2 : tensor<1x2x2x1xf32>) -> tensor<1x2x2x1xf32>
  return %c, %p : tensor<1x3x3x1xf32>, tensor<1x2x2x1xf32>
})",
                     {x, w, window});
  ASSERT_EQ(all.size(), 2u);
  List expected;
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 3; ++j) {
      int at = 4 * i + j;
      expected.push_back(at + 2 * (at + 1) + 3 * (at + 4) + 4 * (at + 5));
    }
  EXPECT_EQ(numbersOf(all[0]), expected);
  EXPECT_EQ(numbersOf(all[1]), (List{5, 7, 13, 15}));
}

// Two outputs that depend on each other, step by step; batches and their ends.
TEST_F(ReferenceLinalgTest, ReductionsOfAnyBody) {
  constexpr int64_t rows = 600, columns = 7;
  Floats x = Floats::random({rows, columns}, 3);
  auto all = results(R"(
#all = affine_map<(m, k) -> (m, k)>
#row = affine_map<(m, k) -> (m)>
func.func @main(%x: tensor<?x?xf32>) -> (tensor<?xf32>, tensor<?xi32>, tensor<f32>) {
  %c0 = arith.constant 0 : index
  %m = tensor.dim %x, %c0 : tensor<?x?xf32>
  %low = arith.constant -1.0e+30 : f32
  %none = arith.constant -1 : i32
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty(%m) : tensor<?xf32>
  %most = linalg.fill ins(%low : f32) outs(%e : tensor<?xf32>) -> tensor<?xf32>
  %f = tensor.empty(%m) : tensor<?xi32>
  %where = linalg.fill ins(%none : i32) outs(%f : tensor<?xi32>) -> tensor<?xi32>
  %r:2 = linalg.generic {indexing_maps = [#all, #row, #row], iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<?x?xf32>) outs(%most, %where : tensor<?xf32>, tensor<?xi32>) {
  ^bb0(%v: f32, %best: f32, %at: i32):
    %k = linalg.index 1 : index
    %i = arith.index_cast %k : index to i32
    %better = arith.cmpf ogt, %v, %best : f32
    %b = arith.select %better, %v, %best : f32
    %j = arith.select %better, %i, %at : i32
    linalg.yield %b, %j : f32, i32
  } -> (tensor<?xf32>, tensor<?xi32>)
  %t = tensor.empty() : tensor<f32>
  %z = linalg.fill ins(%zero : f32) outs(%t : tensor<f32>) -> tensor<f32>
  %sum = linalg.generic {indexing_maps = [#all, affine_map<(m, k) -> ()>], iterator_types = ["reduction", "reduction"]}
      ins(%x : tensor<?x?xf32>) outs(%z : tensor<f32>) {
  ^bb0(%v: f32, %s: f32):
    %c = arith.cmpf olt, %v, %zero : f32
    %w = scf.if %c -> f32 {
      %n = arith.negf %v : f32
      scf.yield %n : f32
    } else {
      scf.yield %v : f32
    }
    %n = arith.addf %s, %w : f32
    linalg.yield %n : f32
  } -> tensor<f32>
  return %r#0, %r#1, %sum : tensor<?xf32>, tensor<?xi32>, tensor<f32>
})",
                     {x});
  ASSERT_EQ(all.size(), 3u);
  double sum = 0;
  for (int64_t m = 0; m < rows; ++m) {
    auto row = llvm::ArrayRef(x.values).slice(m * columns, columns);
    auto best = std::max_element(row.begin(), row.end());
    EXPECT_EQ(all[0].numbers.values[m], *best);
    EXPECT_EQ(int64_t(all[1].numbers.bits[m]), best - row.begin());
    for (float value : row)
      sum += std::fabs(value);
  }
  EXPECT_NEAR(all[2].numbers.values[0], sum, 1e-9 * sum);
  EXPECT_GT(all[2].numbers.deviation(0), 0);
  EXPECT_LT(all[2].numbers.deviation(0), 1e-4 * sum);
}

TEST_F(ReferenceLinalgTest, BodiesReadOtherTensors) {
  Floats table({4}, {10, 20, 30, 40});
  Ids ids({3}, {2, 0, 3});
  const char *program = R"(
#id = affine_map<(i) -> (i)>
func.func @main(%t: tensor<?xf32>, %ids: tensor<3xi32>) -> tensor<3xf32> {
  %e = tensor.empty() : tensor<3xf32>
  %r = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
      ins(%ids : tensor<3xi32>) outs(%e : tensor<3xf32>) {
  ^bb0(%n: i32, %o: f32):
    %i = arith.index_cast %n : i32 to index
    %k = linalg.index 0 : index
    %v = tensor.extract %t[%i] : tensor<?xf32>
    %j = affine.apply affine_map<(d0) -> (d0 * 2)>(%k)
    %w = arith.index_cast %j : index to i32
    %f = arith.sitofp %w : i32 to f32
    %s = arith.addf %v, %f : f32
    linalg.yield %s : f32
  } -> tensor<3xf32>
  return %r : tensor<3xf32>
})";
  EXPECT_EQ(numbers(program, {table, ids}), (List{30, 12, 44}));
  ids.values[1] = 4;
  EXPECT_CONTAINS(refusal(program, {table, ids}),
                  "'tensor.extract' op expected index 0 to be 0 to 3, but got "
                  "4");
}

TEST_F(ReferenceLinalgTest, SizesMustAgree) {
  Floats a({2, 3}), b({4, 2});
  EXPECT_CONTAINS(refusal(R"(
func.func @main(%a: tensor<?x?xf32>, %b: tensor<?x?xf32>, %c: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %r = linalg.matmul ins(%a, %b : tensor<?x?xf32>, tensor<?x?xf32>) outs(%c : tensor<?x?xf32>) -> tensor<?x?xf32>
  return %r : tensor<?x?xf32>
})",
                          {a, b, a}),
                  "'linalg.matmul' op expected dimension 0 of operand 1 to "
                  "have 3 elements as dimension 1 of operand 0 has, but got 4");
  Floats x({1, 4, 4, 1}), w({3, 3, 1, 1}), y({1, 3, 3, 1});
  EXPECT_CONTAINS(refusal(R"(
func.func @main(%x: tensor<?x?x?x?xf32>, %w: tensor<?x?x?x?xf32>, %y: tensor<?x?x?x?xf32>) -> tensor<?x?x?x?xf32> {
  %r = linalg.conv_2d_nhwc_hwcf ins(%x, %w : tensor<?x?x?x?xf32>, tensor<?x?x?x?xf32>) outs(%y : tensor<?x?x?x?xf32>) -> tensor<?x?x?x?xf32>
  return %r : tensor<?x?x?x?xf32>
})",
                          {x, w, y}),
                  "expected dimension 1 of operand 0 to have at least 5 "
                  "elements for its loops, but got 4");
}

TEST_F(ReferenceLinalgTest, WithoutABody) {
  Floats x({2, 3}, {1, 2, 3, -1, -1, -1});
  auto all = results(R"(
func.func @main(%x: tensor<2x3xf32>) -> (tensor<2x3xf32>, tensor<1x2x2x2xf32>, tensor<2x3xf32>) {
  %e = tensor.empty() : tensor<2x3xf32>
  %s = linalg.softmax dimension(1) ins(%x : tensor<2x3xf32>) outs(%e : tensor<2x3xf32>) -> tensor<2x3xf32>
  %pad = arith.constant 9.0 : f32
  %f = tensor.empty() : tensor<1x2x2x2xf32>
  %p = linalg.pack %x padding_value(%pad : f32) inner_dims_pos = [0, 1] inner_tiles = [2, 2] into %f : tensor<2x3xf32> -> tensor<1x2x2x2xf32>
  %u = linalg.unpack %p inner_dims_pos = [0, 1] inner_tiles = [2, 2] into %e : tensor<1x2x2x2xf32> -> tensor<2x3xf32>
  return %s, %p, %u : tensor<2x3xf32>, tensor<1x2x2x2xf32>, tensor<2x3xf32>
})",
                     {x});
  ASSERT_EQ(all.size(), 3u);
  double sum = std::exp(-2) + std::exp(-1) + 1;
  EXPECT_NEAR(all[0].numbers.values[0], std::exp(-2) / sum, 1e-15);
  EXPECT_NEAR(all[0].numbers.values[5], 1.0 / 3, 1e-15);
  EXPECT_EQ(numbersOf(all[1]), (List{1, 2, -1, -1, 3, 9, -1, 9}));
  EXPECT_EQ(numbersOf(all[2]), (List{1, 2, 3, -1, -1, -1}));
}

// What is not written is anything, and what depends on it.
TEST_F(ReferenceLinalgTest, WhatIsNotWrittenIsNotKnown) {
  Floats x({2}, {1, 2});
  auto all = results(R"(
func.func @main(%x: tensor<2xf32>) -> tensor<4xf32> {
  %e = tensor.empty() : tensor<4xf32>
  %r = tensor.insert_slice %x into %e[1] [2] [1] : tensor<2xf32> into tensor<4xf32>
  %s = arith.addf %r, %r : tensor<4xf32>
  return %s : tensor<4xf32>
})",
                     {x});
  EXPECT_EQ(all[0].numbers.deviation(0), INFINITY);
  EXPECT_EQ(all[0].numbers.values[1], 2);
  EXPECT_LT(all[0].numbers.deviation(1), 1e-6);
}

} // namespace reference_linalg_test
