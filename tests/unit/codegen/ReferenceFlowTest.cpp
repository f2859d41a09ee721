//===- ReferenceFlowTest.cpp - Control flow and tensors, evaluated --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tests/unit/codegen/ReferenceTest.h"

using namespace rlx;
using namespace rlx::test;

namespace reference_flow_test {

using List = std::vector<double>;
using ReferenceFlowTest = ReferenceTest;

TEST_F(ReferenceFlowTest, Loops) {
  Floats x({3}, {1, 2, 3});
  auto all = results(R"(
func.func @main(%x: tensor<3xf32>) -> (tensor<3xf32>, tensor<1xi64>, tensor<4xf32>, tensor<1xi32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c4 = arith.constant 4 : index
  %sum = scf.for %i = %c0 to %c4 step %c2 iter_args(%t = %x) -> tensor<3xf32> {
    %u = arith.addf %t, %x : tensor<3xf32>
    scf.yield %u : tensor<3xf32>
  }
  %one = arith.constant 1 : i64
  %hundred = arith.constant 100 : i64
  %power = scf.while (%n = %one) : (i64) -> i64 {
    %more = arith.cmpi slt, %n, %hundred : i64
    scf.condition(%more) %n : i64
  } do {
  ^bb0(%n: i64):
    %twice = arith.addi %n, %n : i64
    scf.yield %twice : i64
  }
  %first = tensor.from_elements %power : tensor<1xi64>
  %empty = tensor.empty() : tensor<4xf32>
  %filled = scf.forall (%i) in (4) shared_outs(%o = %empty) -> tensor<4xf32> {
    %w = arith.index_cast %i : index to i32
    %f = arith.sitofp %w : i32 to f32
    %v = tensor.from_elements %f : tensor<1xf32>
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %v into %o[%i] [1] [1] : tensor<1xf32> into tensor<4xf32>
    }
  }
  %zero = arith.constant 0 : i32
  %total = scf.parallel (%i) = (%c0) to (%c4) step (%c1) init (%zero) -> i32 {
    %w = arith.index_cast %i : index to i32
    scf.reduce(%w : i32) {
    ^bb0(%a: i32, %b: i32):
      %s = arith.addi %a, %b : i32
      scf.reduce.return %s : i32
    }
  }
  %second = tensor.from_elements %total : tensor<1xi32>
  return %sum, %first, %filled, %second : tensor<3xf32>, tensor<1xi64>, tensor<4xf32>, tensor<1xi32>
})",
                     {x});
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(numbersOf(all[0]), (List{3, 6, 9}));
  EXPECT_EQ(numbersOf(all[1]), List{128});
  EXPECT_EQ(numbersOf(all[2]), (List{0, 1, 2, 3}));
  EXPECT_EQ(numbersOf(all[3]), List{6});
}

TEST_F(ReferenceFlowTest, ChoicesBlocksAndCalls) {
  Ids n({1}, {0});
  const char *program = R"(
func.func private @factorial(%n: i32) -> i32 {
  %one = arith.constant 1 : i32
  %small = arith.cmpi sle, %n, %one : i32
  cf.cond_br %small, ^end(%one : i32), ^more
^more:
  %less = arith.subi %n, %one : i32
  %rest = func.call @factorial(%less) : (i32) -> i32
  %all = arith.muli %n, %rest : i32
  cf.br ^end(%all : i32)
^end(%r: i32):
  return %r : i32
}
func.func @main(%t: tensor<1xi32>) -> tensor<3xi32> {
  %c0 = arith.constant 0 : index
  %n = tensor.extract %t[%c0] : tensor<1xi32>
  %f = func.call @factorial(%n) : (i32) -> i32
  %i = arith.index_cast %n : i32 to index
  %s = scf.index_switch %i -> i32
  case 3 {
    %a = arith.constant 33 : i32
    scf.yield %a : i32
  }
  default {
    %b = arith.constant 44 : i32
    scf.yield %b : i32
  }
  cf.switch %n : i32, [
    default: ^other,
    5: ^five
  ]
^five:
  %five = arith.constant 55 : i32
  cf.br ^end(%five : i32)
^other:
  %none = arith.constant -1 : i32
  cf.br ^end(%none : i32)
^end(%z: i32):
  %r = tensor.from_elements %f, %s, %z : tensor<3xi32>
  return %r : tensor<3xi32>
})";
  n.values[0] = 5;
  EXPECT_EQ(numbers(program, {n}), (List{120, 44, 55}));
  n.values[0] = 3;
  EXPECT_EQ(numbers(program, {n}), (List{6, 33, -1}));
  n.values[0] = 1000;
  EXPECT_CONTAINS(refusal(program, {n}),
                  "'func.call' op cannot be verified: expected at most 200 "
                  "calls inside each other");
}

TEST_F(ReferenceFlowTest, AssertionsThatFailAreErrors) {
  Ids n({1}, {4});
  EXPECT_CONTAINS(refusal(R"(
func.func @main(%t: tensor<1xi32>) -> tensor<1xi32> {
  %c0 = arith.constant 0 : index
  %n = tensor.extract %t[%c0] : tensor<1xi32>
  %five = arith.constant 5 : i32
  %fits = arith.cmpi eq, %n, %five : i32
  cf.assert %fits, "expected 5 rows"
  return %t : tensor<1xi32>
})",
                          {n}),
                  "'cf.assert' op expected 5 rows");
}

TEST_F(ReferenceFlowTest, Slices) {
  Floats x({2, 4}, {0, 1, 2, 3, 4, 5, 6, 7}), y({2}, {10, 20});
  auto all = results(R"(
func.func @main(%x: tensor<2x4xf32>, %y: tensor<2xf32>)
    -> (tensor<2x2xf32>, tensor<2xf32>, tensor<2x4xf32>, tensor<2x4xf32>) {
  %a = tensor.extract_slice %x[0, 1] [2, 2] [1, 2] : tensor<2x4xf32> to tensor<2x2xf32>
  %b = tensor.extract_slice %x[0, 2] [2, 1] [1, 1] : tensor<2x4xf32> to tensor<2xf32>
  %c = tensor.insert_slice %y into %x[1, 0] [1, 2] [1, 3] : tensor<2xf32> into tensor<2x4xf32>
  return %a, %b, %c, %x : tensor<2x2xf32>, tensor<2xf32>, tensor<2x4xf32>, tensor<2x4xf32>
})",
                     {x, y});
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(numbersOf(all[0]), (List{1, 3, 5, 7}));
  EXPECT_EQ(numbersOf(all[1]), (List{2, 6}));
  EXPECT_EQ(numbersOf(all[2]), (List{0, 1, 2, 3, 10, 5, 6, 20}));
  EXPECT_EQ(numbersOf(all[3]), (List{0, 1, 2, 3, 4, 5, 6, 7}));
}

TEST_F(ReferenceFlowTest, WhatDoesNotFitIsAnError) {
  Floats x({3}, {1, 2, 3});
  Ids n({1}, {3});
  auto refused = [&](const std::string &body) {
    return refusal("func.func @main(%x: tensor<?xf32>, %n: tensor<1xi32>) -> "
                   "tensor<?xf32> {\n%c0 = arith.constant 0 : index\n%e = "
                   "tensor.extract %n[%c0] : tensor<1xi32>\n%i = "
                   "arith.index_cast %e : i32 to index\n" +
                       body + "\n}",
                   {x, n});
  };
  EXPECT_CONTAINS(
      refused("%a = tensor.extract_slice %x[1] [%i] [1] : tensor<?xf32> to "
              "tensor<?xf32>\nreturn %a : tensor<?xf32>"),
      "'tensor.extract_slice' op expected the slice to lie in size 3 of "
      "dimension 0, but got offset 1, size 3, stride 1");
  EXPECT_CONTAINS(refused("%v = tensor.extract %x[%i] : tensor<?xf32>\n%a = "
                          "tensor.splat %v[%i] : tensor<?xf32>\nreturn %a : "
                          "tensor<?xf32>"),
                  "'tensor.extract' op expected index 0 to be 0 to 2, but got "
                  "3");
  EXPECT_CONTAINS(
      refused("%a = tensor.cast %x : tensor<?xf32> to tensor<100xf32>\n%b = "
              "tensor.cast %a : tensor<100xf32> to tensor<?xf32>\nreturn %b : "
              "tensor<?xf32>"),
      "'tensor.cast' op expected the result to be of 'tensor<100xf32>', but "
      "got sizes [3]");
  EXPECT_CONTAINS(
      refused(
          "%a = linalg.add ins(%x, %x : tensor<?xf32>, tensor<?xf32>) "
          "outs(%x : tensor<?xf32>) -> tensor<?xf32>\n%v = vector.broadcast "
          "%i : index to vector<4xindex>\nreturn %a : tensor<?xf32>"),
      "cannot be verified: ");
}

TEST_F(ReferenceFlowTest, Shapes) {
  Floats x({2, 3}, {1, 2, 3, 4, 5, 6});
  Ids ids({2, 1}, {1, 0});
  auto all = results(R"(
func.func @main(%x: tensor<?x?xf32>, %ids: tensor<2x1xi32>)
    -> (tensor<?xf32>, tensor<?x?x1xf32>, tensor<4x5xf32>, tensor<?x?xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x2xindex>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %m = tensor.dim %x, %c0 : tensor<?x?xf32>
  %n = tensor.dim %x, %c1 : tensor<?x?xf32>
  %flat = tensor.collapse_shape %x [[0, 1]] : tensor<?x?xf32> into tensor<?xf32>
  %three = tensor.expand_shape %flat [[0, 1, 2]] output_shape [%n, %m, 1] : tensor<?xf32> into tensor<?x?x1xf32>
  %static = tensor.cast %x : tensor<?x?xf32> to tensor<2x3xf32>
  %pad = arith.constant 9.0 : f32
  %padded = tensor.pad %static low[1, 0] high[1, 2] {
  ^bb0(%i: index, %j: index):
    tensor.yield %pad : f32
  } : tensor<2x3xf32> to tensor<4x5xf32>
  %both = tensor.concat dim(1) %x, %x : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  %rows = tensor.gather %static[%ids] gather_dims([0]) : (tensor<2x3xf32>, tensor<2x1xi32>) -> tensor<2x1x3xf32>
  %rows2 = tensor.collapse_shape %rows [[0, 1], [2]] : tensor<2x1x3xf32> into tensor<2x3xf32>
  %scattered = tensor.scatter %rows into %static[%ids] scatter_dims([0]) unique : (tensor<2x1x3xf32>, tensor<2x3xf32>, tensor<2x1xi32>) -> tensor<2x3xf32>
  %generated = tensor.generate {
  ^bb0(%i: index, %j: index):
    %s = arith.addi %i, %j : index
    tensor.yield %s : index
  } : tensor<2x2xindex>
  return %flat, %three, %padded, %both, %rows2, %scattered, %generated
      : tensor<?xf32>, tensor<?x?x1xf32>, tensor<4x5xf32>, tensor<?x?xf32>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<2x2xindex>
})",
                     {x, ids});
  ASSERT_EQ(all.size(), 7u);
  EXPECT_EQ(all[0].shape, std::vector<int64_t>{6});
  EXPECT_EQ(all[1].shape, (std::vector<int64_t>{3, 2, 1}));
  EXPECT_EQ(numbersOf(all[2]),
            (List{9, 9, 9, 9, 9, 1, 2, 3, 9, 9, 4, 5, 6, 9, 9, 9, 9, 9, 9, 9}));
  EXPECT_EQ(numbersOf(all[3]), (List{1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6}));
  EXPECT_EQ(numbersOf(all[4]), (List{4, 5, 6, 1, 2, 3}));
  EXPECT_EQ(numbersOf(all[5]), (List{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(numbersOf(all[6]), (List{0, 1, 1, 2}));
}

} // namespace reference_flow_test
