//===- MemoryTest.cpp - What a run allocates, before it runs --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tests/unit/codegen/TestSupport.h"

#include "runtime/cpu/ScratchMemory.h"

using namespace rlx;
using namespace rlx::test;

namespace memory_test {

/// A softmax between two products: what is hidden has 1024 columns.
constexpr const char *attention = R"(
func.func @main(%x: tensor<?x64xf32>, %w: tensor<64x1024xf32>, %v: tensor<1024x32xf32>) -> tensor<?x32xf32> {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %m = tensor.dim %x, %c0 : tensor<?x64xf32>
  %e = tensor.empty(%m) : tensor<?x1024xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<?x1024xf32>) -> tensor<?x1024xf32>
  %a = linalg.matmul ins(%x, %w : tensor<?x64xf32>, tensor<64x1024xf32>) outs(%f : tensor<?x1024xf32>) -> tensor<?x1024xf32>
  %b = linalg.softmax dimension(1) ins(%a : tensor<?x1024xf32>) outs(%e : tensor<?x1024xf32>) -> tensor<?x1024xf32>
  %e2 = tensor.empty(%m) : tensor<?x32xf32>
  %f2 = linalg.fill ins(%zero : f32) outs(%e2 : tensor<?x32xf32>) -> tensor<?x32xf32>
  %c = linalg.matmul ins(%b, %v : tensor<?x1024xf32>, tensor<1024x32xf32>) outs(%f2 : tensor<?x32xf32>) -> tensor<?x32xf32>
  return %c : tensor<?x32xf32>
}
)";

int64_t bytesOf(const Executable &executable, std::vector<TensorView> inputs,
                unsigned threads) {
  auto bytes = executable.memoryBytes("main", inputs, threads);
  if (bytes)
    return *bytes;
  ADD_FAILURE() << llvm::toString(bytes.takeError());
  return 0;
}

/// The runtime's blocks are a quarter larger than what is asked for at most.
TEST(Memory, IsWhatARunTakes) {
  auto executable = compiled(attention);
  ASSERT_TRUE(executable);
  Floats w({64, 1024}), v({1024, 32});
  int64_t smaller = 0;
  for (int64_t rows : {1, 100, 10000, 30000})
    for (unsigned threads : {1, 2}) {
      Floats x({rows, 64});
      int64_t bytes = bytesOf(*executable, {x, w, v}, threads);
      EXPECT_GE(bytes, 2 * rows * 1024 * 4);
      EXPECT_GE(bytes, smaller);
      smaller = bytes;
      ThreadPool pool(threads);
      int64_t before = ScratchMemory::ofProcess().peakBytes();
      auto outputs = executable->run("main", {x, w, v}, RunOptions{&pool, {}});
      ASSERT_TRUE(bool(outputs)) << llvm::toString(outputs.takeError());
      int64_t after = ScratchMemory::ofProcess().peakBytes();
      EXPECT_LE(after, std::max(before, bytes + bytes / 4));
      // Only then it is this run's.
      if (rows == 30000 && threads == 2 && after > before)
        EXPECT_GE(after, bytes);
    }
}

TEST(Memory, OfCalledFunctionsAndBranches) {
  auto executable = compiled(R"(
func.func private @layer(%x: tensor<?xf32>) -> tensor<?xf32> attributes {no_inline} {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %n = tensor.dim %x, %c0 : tensor<?xf32>
  %e = tensor.empty(%n, %n) : tensor<?x?xf32>
  %outer = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i)>, affine_map<(i, j) -> (j)>, affine_map<(i, j) -> (i, j)>],
      iterator_types = ["parallel", "parallel"]} ins(%x, %x : tensor<?xf32>, tensor<?xf32>) outs(%e : tensor<?x?xf32>) {
    ^bb0(%a: f32, %b: f32, %o: f32):
      %p = arith.mulf %a, %b : f32
      linalg.yield %p : f32
  } -> tensor<?x?xf32>
  %e1 = tensor.empty(%n) : tensor<?xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e1 : tensor<?xf32>) -> tensor<?xf32>
  %y = linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (j, i)>, affine_map<(i, j) -> (i)>],
      iterator_types = ["parallel", "reduction"]} ins(%outer, %outer : tensor<?x?xf32>, tensor<?x?xf32>) outs(%f : tensor<?xf32>) {
    ^bb0(%a: f32, %b: f32, %o: f32):
      %p = arith.mulf %a, %b : f32
      %s = arith.addf %p, %o : f32
      linalg.yield %s : f32
  } -> tensor<?xf32>
  return %y : tensor<?xf32>
}
func.func @main(%x: tensor<?xf32>, %n: i64) -> tensor<?xf32> {
  %limit = arith.constant 3 : i64
  %isMore = arith.cmpi sgt, %n, %limit : i64
  %a = scf.if %isMore -> tensor<?xf32> {
    %1 = func.call @layer(%x) : (tensor<?xf32>) -> tensor<?xf32>
    %2 = func.call @layer(%1) : (tensor<?xf32>) -> tensor<?xf32>
    scf.yield %2 : tensor<?xf32>
  } else {
    scf.yield %x : tensor<?xf32>
  }
  return %a : tensor<?xf32>
}
)");
  ASSERT_TRUE(executable);
  Buffer<int64_t> number(ElementType::i64, {});
  for (int64_t size : {10, 1000}) {
    int64_t bytes = bytesOf(*executable, {Floats({size}), number}, 1);
    EXPECT_GE(bytes, size * size * 4);
    // Each call's, once.
    EXPECT_LT(bytes, 2 * (size * size * 4 + 8 * size * 4) + (1 << 16));
  }
}

TEST(Memory, WhatDependsOnMoreThanSizes) {
  auto executable = compiled(R"(
func.func @main(%x: tensor<4xi64>) -> tensor<i64> {
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0 : i64
  %sum = tensor.empty() : tensor<4xi64>
  %twice = linalg.add ins(%x, %x : tensor<4xi64>, tensor<4xi64>) outs(%sum : tensor<4xi64>) -> tensor<4xi64>
  %n = tensor.extract %twice[%c1] : tensor<4xi64>
  %size = arith.index_cast %n : i64 to index
  %e = tensor.empty(%size) : tensor<?xi64>
  %f = linalg.fill ins(%n : i64) outs(%e : tensor<?xi64>) -> tensor<?xi64>
  %p = tensor.empty(%size) : tensor<?xi64>
  %rows = linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%f : tensor<?xi64>) outs(%p : tensor<?xi64>) {
    ^bb0(%a: i64, %o: i64):
      %i = linalg.index 0 : index
      %c = arith.index_cast %i : index to i64
      %s = arith.muli %a, %c : i64
      linalg.yield %s : i64
  } -> tensor<?xi64>
  %last = tensor.extract %rows[%c1] : tensor<?xi64>
  %y = tensor.from_elements %last : tensor<i64>
  return %y : tensor<i64>
}
)");
  ASSERT_TRUE(executable);
  Buffer<int64_t> x(ElementType::i64, {4}, {1, 2, 3, 4});
  EXPECT_CONTAINS(messageOf(executable->memoryBytes("main", {x})),
                  "the memory that 'main' takes depends on what it computes");
  EXPECT_CONTAINS(messageOf(executable->memoryBytes("other", {x})),
                  "no public function 'other'");
  EXPECT_CONTAINS(messageOf(executable->memoryBytes("main", {})),
                  "expected 1 inputs");
}

} // namespace memory_test
