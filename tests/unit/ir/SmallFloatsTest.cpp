//===- SmallFloatsTest.cpp - Every code of every small float --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tests/unit/ir/TestSupport.h"

#include "mlir/IR/BuiltinTypes.h"

using namespace rlx;
using namespace rlx::test;

namespace small_floats_test {

std::vector<uint8_t> allBytes() {
  std::vector<uint8_t> bytes(256);
  for (size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = uint8_t(i);
  return bytes;
}

TEST_F(SchemeTest, EveryCodeOfE4m3) {
  auto codes = allBytes();
  expectValues(builtin("fp8e4m3"), {2, 128}, {codes, {}, {}, {}},
               [](int64_t n, int64_t k) { return e4m3(uint8_t(n * 128 + k)); });
}

TEST_F(SchemeTest, EveryCodeOfE5m2) {
  auto codes = allBytes();
  expectValues(builtin("fp8e5m2"), {2, 128}, {codes, {}, {}, {}},
               [](int64_t n, int64_t k) { return e5m2(uint8_t(n * 128 + k)); });
}

// The ends of the ranges as the standards state them, so that the formulas of
// TestSupport.h are checked too.
TEST_F(SchemeTest, EndsOfRanges) {
  auto e4m3Type = mlir::Float8E4M3FNType::get(&context);
  EXPECT_EQ(decodeFloat(e4m3Type, 0x7e), 448);
  EXPECT_EQ(decodeFloat(e4m3Type, 0x38), 1);
  EXPECT_EQ(decodeFloat(e4m3Type, 0x01), 0x1p-9);
  EXPECT_TRUE(std::isnan(decodeFloat(e4m3Type, 0x7f)));
  EXPECT_TRUE(std::isnan(decodeFloat(e4m3Type, 0xff)));
  EXPECT_TRUE(sameNumber(decodeFloat(e4m3Type, 0x80), -0.0));
  auto e5m2Type = mlir::Float8E5M2Type::get(&context);
  EXPECT_EQ(decodeFloat(e5m2Type, 0x7b), 57344);
  EXPECT_EQ(decodeFloat(e5m2Type, 0x01), 0x1p-16);
  EXPECT_EQ(decodeFloat(e5m2Type, 0x7c), INFINITY);
  EXPECT_EQ(decodeFloat(e5m2Type, 0xfc), -INFINITY);
  EXPECT_TRUE(std::isnan(decodeFloat(e5m2Type, 0x7d)));
  auto e8m0Type = mlir::Float8E8M0FNUType::get(&context);
  EXPECT_EQ(decodeFloat(e8m0Type, 0), 0x1p-127);
  EXPECT_EQ(decodeFloat(e8m0Type, 127), 1);
  EXPECT_EQ(decodeFloat(e8m0Type, 254), 0x1p127);
  EXPECT_TRUE(std::isnan(decodeFloat(e8m0Type, 255)));
  EXPECT_EQ(decodeFloat(mlir::Float4E2M1FNType::get(&context), 7), 6);
  EXPECT_EQ(decodeFloat(mlir::Float6E3M2FNType::get(&context), 0x1f), 28);
  EXPECT_EQ(decodeFloat(mlir::Float6E2M3FNType::get(&context), 0x1f), 7.5);
  EXPECT_EQ(decodeFloat(mlir::Float16Type::get(&context), 0x7bff), 65504);
  EXPECT_EQ(decodeFloat(mlir::Float16Type::get(&context), 1), 0x1p-24);
  EXPECT_EQ(decodeFloat(mlir::BFloat16Type::get(&context), 0x3f80), 1);
  EXPECT_EQ(decodeFloat(mlir::Float32Type::get(&context), 0x80000001),
            -0x1p-149);
}

// Exhaustive, as all bits of a scheme's own tables go through this.
TEST_F(SchemeTest, EveryCodeOfE2m1AndE8m0) {
  for (int code = 0; code < 16; ++code)
    EXPECT_TRUE(
        sameNumber(decodeFloat(mlir::Float4E2M1FNType::get(&context), code),
                   e2m1(uint8_t(code))))
        << code;
  for (int code = 0; code < 256; ++code)
    EXPECT_TRUE(
        sameNumber(decodeFloat(mlir::Float8E8M0FNUType::get(&context), code),
                   e8m0(uint8_t(code))))
        << code;
}

} // namespace small_floats_test
