//===- OpenClKernelsTest.cpp - Memory and control flow in OpenCL C --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tests/unit/codegen/OpenClCTest.h"

using namespace rlx;
using namespace rlx::test;

TEST(OpenClKernels, GroupsShareMemory) {
  REQUIRE_OPENCL(device);
  // Each group of 16 sums 16 numbers by halves; work-items count themselves.
  std::vector<int32_t> x(64), y(4), counters = {0, 100, -100, 5, -1, 0};
  for (int i = 0; i < 64; ++i)
    x[i] = i * i;
  runKernel(R"(
gpu.func @k(%x: memref<?xi32>, %y: memref<?xi32>, %n: memref<?xi32>)
    workgroup(%t: memref<16xi32, #gpu.address_space<workgroup>>) kernel
    attributes {known_block_size = array<i32: 16, 1, 1>} {)" +
                std::string(constantIndices) + R"(
  %c5 = arith.constant 5 : index
  %one = arith.constant 1 : i32
  %l = gpu.thread_id x
  %g = gpu.block_id x
  %d = gpu.block_dim x
  %b = arith.muli %g, %d : index
  %i = arith.addi %b, %l : index
  %v = memref.load %x[%i] : memref<?xi32>
  memref.store %v, %t[%l] : memref<16xi32, #gpu.address_space<workgroup>>
  gpu.barrier
  %z = scf.while (%h = %c8) : (index) -> index {
    %more = arith.cmpi sgt, %h, %c0 : index
    scf.condition(%more) %h : index
  } do {
  ^bb0(%h: index):
    %active = arith.cmpi slt, %l, %h : index
    scf.if %active {
      %o = arith.addi %l, %h : index
      %p = memref.load %t[%l] : memref<16xi32, #gpu.address_space<workgroup>>
      %q = memref.load %t[%o] : memref<16xi32, #gpu.address_space<workgroup>>
      %s = arith.addi %p, %q : i32
      memref.store %s, %t[%l] : memref<16xi32, #gpu.address_space<workgroup>>
    }
    gpu.barrier
    %half = arith.shrui %h, %c1 : index
    scf.yield %half : index
  }
  %first = arith.cmpi eq, %l, %c0 : index
  scf.if %first {
    %s = memref.load %t[%c0] : memref<16xi32, #gpu.address_space<workgroup>>
    memref.store %s, %y[%g] : memref<?xi32>
  }
  %id = gpu.global_id x
  %i32 = arith.index_cast %id : index to i32
  %a0 = memref.atomic_rmw addi %one, %n[%c0] : (i32, memref<?xi32>) -> i32
  %a1 = memref.atomic_rmw mins %i32, %n[%c1] : (i32, memref<?xi32>) -> i32
  %a2 = memref.atomic_rmw maxs %i32, %n[%c2] : (i32, memref<?xi32>) -> i32
  %a3 = memref.atomic_rmw ori %i32, %n[%c3] : (i32, memref<?xi32>) -> i32
  %a4 = memref.atomic_rmw minu %i32, %n[%c4] : (i32, memref<?xi32>) -> i32
  %same = arith.cmpi eq, %a0, %a0 : i32
  %u = arith.extui %same : i1 to i32
  %a5 = memref.atomic_rmw maxu %u, %n[%c5] : (i32, memref<?xi32>) -> i32
  gpu.return
})",
            64, 16, x, y, counters);
  for (int group = 0; group < 4; ++group) {
    int sum = 0;
    for (int i = 0; i < 16; ++i)
      sum += x[group * 16 + i];
    EXPECT_EQ(y[group], sum);
  }
  EXPECT_EQ(counters, (std::vector<int32_t>{64, 0, 63, 63, 0, 1}));
}

TEST(OpenClKernels, ControlFlow) {
  REQUIRE_OPENCL(device);
  std::vector<int32_t> x = {27, 10, 3}, y(16, -1);
  runKernel(kernel("%x: memref<?xi32>, %y: memref<?xi32>", R"(
  %c5 = arith.constant 5 : index
  %c6 = arith.constant 6 : index
  %c7 = arith.constant 7 : index
  %c10 = arith.constant 10 : index
  %i0 = arith.constant 0 : i32
  %i1 = arith.constant 1 : i32
  %i2 = arith.constant 2 : i32
  %i3 = arith.constant 3 : i32
  // Steps of Collatz: the condition hands on other values than it is given.
  %start = memref.load %x[%c0] : memref<?xi32>
  %r:2 = scf.while (%n = %start, %steps = %i0) : (i32, i32) -> (i32, i32) {
    %next = arith.addi %steps, %i1 : i32
    %more = arith.cmpi ne, %n, %i1 : i32
    scf.condition(%more) %next, %n : i32, i32
  } do {
  ^bb0(%s: i32, %n: i32):
    %rest = arith.remsi %n, %i2 : i32
    %isOdd = arith.cmpi ne, %rest, %i0 : i32
    %m = scf.if %isOdd -> i32 {
      %t = arith.muli %n, %i3 : i32
      %o = arith.addi %t, %i1 : i32
      scf.yield %o : i32
    } else {
      %h = arith.divsi %n, %i2 : i32
      scf.yield %h : i32
    }
    scf.yield %m, %s : i32, i32
  }
  memref.store %r#0, %y[%c0] : memref<?xi32>
  memref.store %r#1, %y[%c1] : memref<?xi32>
  // Values that change places in a loop, through a branch.
  %p:3 = scf.for %i = %c0 to %c10 step %c3
      iter_args(%a = %i1, %b = %i2, %c = %i3) -> (i32, i32, i32) {
    %isMid = arith.cmpi eq, %i, %c3 : index
    %q:2 = scf.if %isMid -> (i32, i32) {
      scf.yield %b, %a : i32, i32
    } else {
      %s = arith.addi %a, %b : i32
      %d = arith.subi %a, %b : i32
      scf.yield %s, %d : i32, i32
    }
    scf.yield %q#1, %c, %q#0 : i32, i32, i32
  }
  memref.store %p#0, %y[%c2] : memref<?xi32>
  memref.store %p#1, %y[%c3] : memref<?xi32>
  memref.store %p#2, %y[%c4] : memref<?xi32>
  // Loops in loops that carry one value on, and one after them.
  %s0 = scf.for %i = %c0 to %c4 step %c1 iter_args(%a = %i0) -> i32 {
    %s1 = scf.for %j = %i to %c4 step %c1 iter_args(%b = %a) -> i32 {
      %ij = arith.addi %i, %j : index
      %v = arith.index_cast %ij : index to i32
      %is = arith.cmpi eq, %i, %j : index
      %n = scf.if %is -> i32 {
        %w = arith.muli %b, %i3 : i32
        scf.yield %w : i32
      } else {
        %w = arith.addi %b, %v : i32
        scf.yield %w : i32
      }
      scf.yield %n : i32
    }
    scf.yield %s1 : i32
  }
  %s2 = scf.for %i = %c0 to %c2 step %c1 iter_args(%a = %s0) -> i32 {
    %w = arith.addi %a, %i1 : i32
    scf.yield %w : i32
  }
  memref.store %s2, %y[%c5] : memref<?xi32>
  // The first value is still needed after the loop.
  %k = memref.load %x[%c1] : memref<?xi32>
  %k1 = arith.addi %k, %i1 : i32
  %s3 = scf.for %i = %c0 to %c2 step %c1 iter_args(%a = %k1) -> i32 {
    %w = arith.muli %a, %i2 : i32
    scf.yield %w : i32
  }
  %s4 = arith.subi %s3, %k1 : i32
  memref.store %s4, %y[%c6] : memref<?xi32>
  %z = memref.load %x[%c2] : memref<?xi32>
  %at = arith.index_cast %z : i32 to index
  %w = scf.index_switch %at -> i32
  case 2 {
    scf.yield %i1 : i32
  }
  case 3 {
    %t = arith.addi %z, %i3 : i32
    scf.yield %t : i32
  }
  default {
    scf.yield %i0 : i32
  }
  memref.store %w, %y[%c7] : memref<?xi32>
  // A loop that is not entered.
  %s5 = scf.for %i = %c4 to %c4 step %c1 iter_args(%a = %i3) -> i32 {
    scf.yield %i0 : i32
  }
  memref.store %s5, %y[%c8] : memref<?xi32>
)"),
            1, 1, x, y);
  int n = 27, steps = 1;
  for (; n != 1; ++steps)
    n = n % 2 ? n * 3 + 1 : n / 2;
  EXPECT_EQ(y[0], steps);
  EXPECT_EQ(y[1], 1);
  int a = 1, b = 2, c = 3;
  for (int i = 0; i < 10; i += 3) {
    int q0 = i == 3 ? b : a + b, q1 = i == 3 ? a : a - b;
    a = q1, b = c, c = q0;
  }
  EXPECT_EQ(y[2], a);
  EXPECT_EQ(y[3], b);
  EXPECT_EQ(y[4], c);
  int sum = 0;
  for (int i = 0; i < 4; ++i)
    for (int j = i; j < 4; ++j)
      sum = i == j ? sum * 3 : sum + i + j;
  EXPECT_EQ(y[5], sum + 2);
  EXPECT_EQ(y[6], 33);
  EXPECT_EQ(y[7], 6);
  EXPECT_EQ(y[8], 3);
}

TEST(OpenClKernels, VariablesInLoops) {
  REQUIRE_OPENCL(device);
  // Vectors that are carried, and changed in place or not.
  std::vector<float> x = {1, 2, 3, 4}, y(12);
  runKernel(kernel("%x: memref<?xf32>, %y: memref<?xf32>", R"(
  %ten = arith.constant 10.0 : f32
  %a = vector.load %x[%c0] : memref<?xf32>, vector<4xf32>
  %seed = vector.insert %ten, %a[0] : f32 into vector<4xf32>
  %r = scf.for %i = %c0 to %c3 step %c1 iter_args(%v = %seed) -> vector<4xf32> {
    %e = vector.extract %v[%i] : f32 from vector<4xf32>
    %s = arith.addf %e, %ten : f32
    %w = vector.insert %s, %v[%i] : f32 into vector<4xf32>
    scf.yield %w : vector<4xf32>
  }
  vector.store %r, %y[%c0] : memref<?xf32>, vector<4xf32>
  %other = vector.insert %ten, %a[3] : f32 into vector<4xf32>
  %p = scf.for %i = %c0 to %c2 step %c1 iter_args(%v = %a) -> vector<4xf32> {
    // Every time from the same vector.
    %w = vector.insert %ten, %other[%i] : f32 into vector<4xf32>
    %s = arith.addf %v, %w : vector<4xf32>
    scf.yield %s : vector<4xf32>
  }
  vector.store %p, %y[%c4] : memref<?xf32>, vector<4xf32>
  vector.store %a, %y[%c8] : memref<?xf32>, vector<4xf32>
)"),
            1, 1, x, y);
  EXPECT_EQ(y, (std::vector<float>{20, 12, 13, 4, 12, 14, 9, 24, 1, 2, 3, 4}));
}

TEST(OpenClKernels, Memory) {
  REQUIRE_OPENCL(device);
  std::vector<int8_t> bytes = {-1, 2, -3, 4};
  std::vector<uint8_t> flags = {0, 1, 2, 0};
  std::vector<uint16_t> halves = {0x3c00, 0xc000, 0x0001, 0x7bff, 0, 0, 0, 0};
  std::vector<float> y(8);
  runKernel(
      R"(
memref.global constant @table : memref<2x3xi16> = dense<[[1, -2, 300], [4, 5, -32768]]>
memref.global constant @levels : memref<4xf32> = dense<[-1.0, -0.5, 0.25, 1.0]>
)" + kernel("%b: memref<?xi8>, %f: memref<?xi1>, %h: memref<?xf16>, "
            "%y: memref<?xf32>",
            R"(
  %c5 = arith.constant 5 : index
  %c6 = arith.constant 6 : index
  %c7 = arith.constant 7 : index
  %table = memref.get_global @table : memref<2x3xi16>
  %levels = memref.get_global @levels : memref<4xf32>
  %t = memref.alloca() : memref<2x4xf32>
  scf.for %i = %c0 to %c2 step %c1 {
    scf.for %j = %c0 to %c3 step %c1 {
      %v = memref.load %table[%i, %j] : memref<2x3xi16>
      %w = arith.sitofp %v : i16 to f32
      memref.store %w, %t[%i, %j] : memref<2x4xf32>
    }
  }
  %byte = memref.load %b[%c2] : memref<?xi8>
  %index = arith.extui %byte : i8 to i32
  %i = arith.index_cast %index : i32 to index
  %k = arith.subi %i, %c0 : index
  %c250 = arith.constant 250 : index
  %l = arith.subi %k, %c250 : index
  // 253 - 250 = 3
  %level = memref.load %levels[%l] : memref<4xf32>
  memref.store %level, %y[%c0] : memref<?xf32>
  %last = memref.load %t[%c1, %c2] : memref<2x4xf32>
  memref.store %last, %y[%c1] : memref<?xf32>
  %row = vector.load %t[%c0, %c1] : memref<2x4xf32>, vector<2xf32>
  vector.store %row, %y[%c2] : memref<?xf32>, vector<2xf32>
  %flag = memref.load %f[%c2] : memref<?xi1>
  %flag0 = memref.load %f[%c0] : memref<?xi1>
  %both = arith.andi %flag, %flag0 : i1
  memref.store %flag, %f[%c3] : memref<?xi1>
  memref.store %both, %f[%c1] : memref<?xi1>
  %h4 = vector.load %h[%c0] : memref<?xf16>, vector<4xf16>
  %f4 = arith.extf %h4 : vector<4xf16> to vector<4xf32>
  vector.store %f4, %y[%c4] : memref<?xf32>, vector<4xf32>
  %third = arith.constant 0.333333343 : f32
  %h1 = memref.load %h[%c1] : memref<?xf16>
  %f1 = arith.extf %h1 : f16 to f32
  %s = arith.mulf %f1, %third : f32
  %g = arith.truncf %s : f32 to f16
  memref.store %g, %h[%c4] : memref<?xf16>
  %s2 = vector.extract_strided_slice %f4 {offsets = [0], sizes = [2], strides = [1]} : vector<4xf32> to vector<2xf32>
  %g2 = arith.truncf %s2 : vector<2xf32> to vector<2xf16>
  vector.store %g2, %h[%c6] : memref<?xf16>, vector<2xf16>
)"),
      1, 1, bytes, flags, halves, y);
  EXPECT_EQ(
      y, (std::vector<float>{1.0f, -32768, -2, 300, 1, -2, 0x1p-24f, 65504}));
  EXPECT_EQ(flags, (std::vector<uint8_t>{0, 0, 2, 1}));
  EXPECT_EQ(halves[4], 0xb955); // -2/3, to nearest
  EXPECT_EQ(halves[6], 0x3c00);
  EXPECT_EQ(halves[7], 0xc000);
}

TEST(OpenClKernels, SmallIntegersInFunctions) {
  REQUIRE_OPENCL(device);
  // C computes with ints, and functions are chosen by the type.
  std::vector<int8_t> x = {-3, 100}, y(8);
  runKernel(kernel("%x: memref<?xi8>, %y: memref<?xi8>", R"(
  %c5 = arith.constant 5 : index
  %c6 = arith.constant 6 : index
  %c7 = arith.constant 7 : index
  %five = arith.constant 5 : i8
  %minus = arith.constant -5 : i8
  %a = memref.load %x[%c0] : memref<?xi8>
  %b = memref.load %x[%c1] : memref<?xi8>
  %r0 = arith.maxui %a, %five : i8
  memref.store %r0, %y[%c0] : memref<?xi8>
  %r1 = arith.minsi %a, %minus : i8
  memref.store %r1, %y[%c1] : memref<?xi8>
  %s = arith.addi %b, %b : i8
  %r2 = arith.maxsi %s, %five : i8
  memref.store %r2, %y[%c2] : memref<?xi8>
  %t = arith.addi %b, %b : i8
  %r3 = math.ctpop %t : i8
  memref.store %r3, %y[%c3] : memref<?xi8>
  %isNegative = arith.cmpi slt, %a, %five : i8
  %u = arith.select %isNegative, %five, %b : i8
  %r4 = math.ctlz %u : i8
  memref.store %r4, %y[%c4] : memref<?xi8>
  %v = arith.select %isNegative, %minus, %b : i8
  %r5 = arith.shrui %v, %five : i8
  memref.store %r5, %y[%c5] : memref<?xi8>
  %low, %r6 = arith.mului_extended %a, %minus : i8
  memref.store %r6, %y[%c6] : memref<?xi8>
  %w = arith.select %isNegative, %minus, %b : i8
  %r7 = arith.divui %w, %five : i8
  memref.store %r7, %y[%c7] : memref<?xi8>
)"),
            1, 1, x, y);
  EXPECT_EQ(y, (std::vector<int8_t>{-3, -5, 5, 3, 5, 7,
                                    int8_t((253 * 251) >> 8), 50}));
}
