//===- OpenClVectorsTest.cpp - Vectors in OpenCL C ------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tests/unit/codegen/OpenClCTest.h"

using namespace rlx;
using namespace rlx::test;

template <typename T> static void checkSelect() {
  checkOps<T, T>(pairs<T>({0, 1, T(-1), 100, T(-100)}),
                 {{std::string(std::is_same_v<T, float>
                                   ? "$t = arith.cmpf olt, $x, $y : $T\n"
                                   : "$t = arith.cmpi slt, $x, $y : $T\n") +
                       "arith.select $t, $x, $z : $B, $T",
                   [](T x, T y, T z) { return x < y ? x : z; }}},
                 {}, {2, 4, 8, 16});
}

TEST(OpenClVectors, SelectsOfVectors) {
  checkSelect<int8_t>();
  checkSelect<int16_t>();
  checkSelect<int32_t>();
  checkSelect<int64_t>();
  checkSelect<float>();
}

TEST(OpenClVectors, ElementsOfVectors) {
  REQUIRE_OPENCL(device);
  std::vector<float> x = {1, 2, 3, 4, 5, 6, 7, 8}, y(40, -1);
  runKernel(kernel("%x: memref<?xf32>, %y: memref<?xf32>", R"(
  %c20 = arith.constant 20 : index
  %c24 = arith.constant 24 : index
  %c32 = arith.constant 32 : index
  %a = vector.load %x[%c0] : memref<?xf32>, vector<4xf32>
  %b = vector.load %x[%c4] : memref<?xf32>, vector<4xf32>
  %e = vector.extract %a[2] : f32 from vector<4xf32>
  %f = vector.extract %b[%c3] : f32 from vector<4xf32>
  // Both the old and the new vector are needed, then only the new one.
  %i = vector.insert %f, %a[1] : f32 into vector<4xf32>
  %j = vector.insert %e, %i[%c3] : f32 into vector<4xf32>
  %sum = arith.addf %a, %j : vector<4xf32>
  vector.store %sum, %y[%c0] : memref<?xf32>, vector<4xf32>
  %s = vector.shuffle %a, %b [7, 0, 5, 2] : vector<4xf32>, vector<4xf32>
  vector.store %s, %y[%c4] : memref<?xf32>, vector<4xf32>
  %r = vector.shuffle %a, %b [7, 6, 5, 4] : vector<4xf32>, vector<4xf32>
  vector.store %r, %y[%c8] : memref<?xf32>, vector<4xf32>
  %g = vector.from_elements %e, %f, %e, %f : vector<4xf32>
  %h = vector.broadcast %f : f32 to vector<4xf32>
  %gh = arith.mulf %g, %h : vector<4xf32>
  vector.store %gh, %y[%c12] : memref<?xf32>, vector<4xf32>
  %t:4 = vector.to_elements %b : vector<4xf32>
  %t01 = arith.subf %t#0, %t#1 : f32
  %t23 = arith.mulf %t#2, %t#3 : f32
  %tt = arith.addf %t01, %t23 : f32
  memref.store %tt, %y[%c16] : memref<?xf32>
  %n = vector.interleave %a, %b : vector<4xf32> -> vector<8xf32>
  vector.store %n, %y[%c24] : memref<?xf32>, vector<8xf32>
  %even, %odd = vector.deinterleave %n : vector<8xf32> -> vector<4xf32>
  vector.store %odd, %y[%c20] : memref<?xf32>, vector<4xf32>
  %p = vector.extract_strided_slice %n {offsets = [2], sizes = [4], strides = [1]} : vector<8xf32> to vector<4xf32>
  vector.store %p, %y[%c32] : memref<?xf32>, vector<4xf32>
  %one = vector.load %x[%c1] : memref<?xf32>, vector<1xf32>
  %two = vector.broadcast %one : vector<1xf32> to vector<2xf32>
  %w = vector.insert_strided_slice %two, %b {offsets = [1], strides = [1]} : vector<2xf32> into vector<4xf32>
  %c36 = arith.constant 36 : index
  vector.store %w, %y[%c36] : memref<?xf32>, vector<4xf32>
)"),
            1, 1, x, y);
  std::vector<float> expected = {
      2, 10, 6, 7, 8, 1, 6, 3, 8, 7, 6, 5, 24, 64, 24, 64, 55, -1, -1, -1,
      5, 6,  7, 8, 1, 5, 2, 6, 3, 7, 4, 8, 2,  6,  3,  7,  5,  2,  2,  8};
  EXPECT_EQ(y, expected);
}

TEST(OpenClVectors, VectorsOfBooleans) {
  REQUIRE_OPENCL(device);
  std::vector<int32_t> x = {5, -3, 0, 9}, y(16, 77);
  runKernel(kernel("%x: memref<?xi32>, %y: memref<?xi32>", R"(
  %zero = arith.constant dense<0> : vector<4xi32>
  %pattern = arith.constant dense<[true, false, false, true]> : vector<4xi1>
  %a = vector.load %x[%c0] : memref<?xi32>, vector<4xi32>
  %m = arith.cmpi sgt, %a, %zero : vector<4xi32>
  %e0 = vector.extract %m[0] : i1 from vector<4xi1>
  %e1 = vector.extract %m[%c1] : i1 from vector<4xi1>
  %n = vector.insert %e0, %m[1] : i1 into vector<4xi1>
  %o = vector.insert %e1, %n[%c3] : i1 into vector<4xi1>
  %p = arith.xori %o, %pattern : vector<4xi1>
  %ui = arith.extui %p : vector<4xi1> to vector<4xi32>
  vector.store %ui, %y[%c0] : memref<?xi32>, vector<4xi32>
  %s = vector.shuffle %m, %pattern [4, 1, 0, 7] : vector<4xi1>, vector<4xi1>
  %si = arith.extsi %s : vector<4xi1> to vector<4xi32>
  vector.store %si, %y[%c4] : memref<?xi32>, vector<4xi32>
  %all = vector.reduction <and>, %m : vector<4xi1> into i1
  %any = vector.reduction <or>, %m : vector<4xi1> into i1
  %b = vector.from_elements %all, %any, %e0, %e1 : vector<4xi1>
  %bi = arith.extui %b : vector<4xi1> to vector<4xi32>
  vector.store %bi, %y[%c8] : memref<?xi32>, vector<4xi32>
  %q = vector.broadcast %any : i1 to vector<4xi1>
  %r = arith.select %e1, %m, %q : vector<4xi1>
  %w = arith.select %r, %a, %zero : vector<4xi1>, vector<4xi32>
  vector.store %w, %y[%c12] : memref<?xi32>, vector<4xi32>
)"),
            1, 1, x, y);
  std::vector<int32_t> expected = {0, 1, 0, 1, -1, 0,  -1, -1,
                                   0, 1, 1, 0, 5,  -3, 0,  9};
  EXPECT_EQ(y, expected);
}

TEST(OpenClVectors, Reductions) {
  REQUIRE_OPENCL(device);
  std::vector<int32_t> x = {2147483647, 5, -3, 7}, y(10);
  std::vector<float> f = {1e8f, 1.0f, -1e8f, 0.5f}, g(6);
  std::string body = R"(
  %a = vector.load %x[%c0] : memref<?xi32>, vector<4xi32>
  %f4 = vector.load %f[%c0] : memref<?xf32>, vector<4xf32>
  %start = arith.constant 3.0 : f32
)";
  int next = 0;
  for (std::string kind :
       {"add", "mul", "and", "or", "xor", "minsi", "maxsi", "minui", "maxui"}) {
    std::string n = std::to_string(next++);
    body += "  %r" + n + " = vector.reduction <" + kind +
            ">, %a : vector<4xi32> into i32\n  %i" + n + " = arith.constant " +
            n + " : index\n  memref.store %r" + n + ", %y[%i" + n +
            "] : memref<?xi32>\n";
  }
  next = 0;
  for (std::string kind : {"add", "mul", "minimumf", "maximumf", "maxnumf"}) {
    std::string n = std::to_string(next++);
    body += "  %s" + n + " = vector.reduction <" + kind +
            ">, %f4 : vector<4xf32> into f32\n  %j" + n + " = arith.constant " +
            n + " : index\n  memref.store %s" + n + ", %g[%j" + n +
            "] : memref<?xf32>\n";
  }
  body += R"(
  %s = vector.reduction <add>, %f4, %start : vector<4xf32> into f32
  %c5 = arith.constant 5 : index
  memref.store %s, %g[%c5] : memref<?xf32>
)";
  runKernel(kernel("%x: memref<?xi32>, %y: memref<?xi32>, %f: memref<?xf32>, "
                   "%g: memref<?xf32>",
                   body),
            1, 1, x, y, f, g);
  uint32_t sum = 0, product = 1;
  for (int32_t value : x) {
    sum += uint32_t(value);
    product *= uint32_t(value);
  }
  std::vector<int32_t> expected = {int32_t(sum),
                                   int32_t(product),
                                   x[0] & x[1] & x[2] & x[3],
                                   x[0] | x[1] | x[2] | x[3],
                                   x[0] ^ x[1] ^ x[2] ^ x[3],
                                   -3,
                                   2147483647,
                                   5,
                                   -3,
                                   0};
  EXPECT_EQ(y, expected);
  // One after the other, from the start.
  std::vector<float> floats = {
      ((1e8f + 1.0f) + -1e8f) + 0.5f,         -5e15f, -1e8f, 1e8f, 1e8f,
      (((3.0f + 1e8f) + 1.0f) + -1e8f) + 0.5f};
  EXPECT_EQ(g, floats);
}

TEST(OpenClVectors, Bitcasts) {
  REQUIRE_OPENCL(device);
  std::vector<int8_t> x = {0, 0, -128, 63, 1, 2, 3, 4};
  std::vector<float> y(3);
  std::vector<int32_t> z(4);
  runKernel(kernel("%x: memref<?xi8>, %y: memref<?xf32>, %z: memref<?xi32>", R"(
  %a = vector.load %x[%c0] : memref<?xi8>, vector<4xi8>
  %f = vector.bitcast %a : vector<4xi8> to vector<1xf32>
  %s = vector.extract %f[0] : f32 from vector<1xf32>
  memref.store %s, %y[%c0] : memref<?xf32>
  %b = vector.load %x[%c0] : memref<?xi8>, vector<8xi8>
  %i = vector.bitcast %b : vector<8xi8> to vector<2xi32>
  vector.store %i, %z[%c0] : memref<?xi32>, vector<2xi32>
  %h = vector.bitcast %i : vector<2xi32> to vector<4xi16>
  %k = arith.extsi %h : vector<4xi16> to vector<4xi32>
  %l = vector.extract_strided_slice %k {offsets = [1], sizes = [2], strides = [1]} : vector<4xi32> to vector<2xi32>
  vector.store %l, %z[%c2] : memref<?xi32>, vector<2xi32>
)"),
            1, 1, x, y, z);
  EXPECT_EQ(y[0], 1.0f);
  EXPECT_EQ(z, (std::vector<int32_t>{0x3f800000, 0x04030201, 0x3f80, 0x0201}));
}
