//===- RoundActivations.cpp - Activations rounded, computed in f32 --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// For matmuls whose weights have no integer kernel: activations are rounded to
// what their type can hold and stay f32.
//
//===----------------------------------------------------------------------===//

#include "ir/ActivationType.h"
#include "passes/cpu/kernels/RowAccess.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"

using namespace mlir;
using namespace rlx;

namespace {
/// Rounds the elements `begin` to `end` of a row to integers of at most
/// `largest` times one scale. They all become NaN where one is infinite or NaN.
void roundGroup(LoopBuilder &b, Value x, Value rounded, SmallVector<Value> row,
                Value begin, Value end, double largest) {
  auto constant = [&](double value) -> Value {
    return arith::ConstantOp::create(b, b.getF32FloatAttr(float(value)));
  };
  auto at = [&](Value k) {
    SmallVector<Value> indices = row;
    indices.push_back(k);
    return indices;
  };
  SmallVector<Value> most =
      b.loop(begin, end, 1, constant(0), [&](Value k, ValueRange seen) {
        Value magnitude =
            math::AbsFOp::create(b, memref::LoadOp::create(b, x, at(k)));
        return SmallVector<Value>{
            arith::MaximumFOp::create(b, seen[0], magnitude)};
      });
  // Subnormal scales are rounded; one that becomes 0 would lose all numbers.
  constexpr double smallestNormal = 0x1p-126, smallest = 0x1p-149;
  Value scale = arith::DivFOp::create(b, most[0], constant(largest));
  Value isTiny = arith::CmpFOp::create(b, arith::CmpFPredicate::OLT, scale,
                                       constant(smallestNormal));
  Value isZero =
      arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, most[0], constant(0));
  Value tiny = arith::SelectOp::create(
      b, isZero, constant(1),
      arith::AddFOp::create(b, scale, constant(smallest)));
  scale = arith::SelectOp::create(b, isTiny, tiny, scale);
  b.loop(begin, end, 1, [&](Value k) {
    Value quotient =
        arith::DivFOp::create(b, memref::LoadOp::create(b, x, at(k)), scale);
    Value value =
        arith::MulFOp::create(b, math::RoundEvenOp::create(b, quotient), scale);
    memref::StoreOp::create(b, value, rounded, at(k));
  });
}

/// The nearest number that bf16 has, as f32: ties to even. In integers, because
/// targets without bf16 would call a function of the C library's.
Value roundToBf16(LoopBuilder &b, Value value) {
  Type i32 = b.getI32Type();
  auto integer = [&](uint32_t constant) -> Value {
    return arith::ConstantOp::create(b, b.getI32IntegerAttr(int32_t(constant)));
  };
  Value bits = arith::BitcastOp::create(b, i32, value);
  Value isOdd = arith::AndIOp::create(
      b, arith::ShRUIOp::create(b, bits, integer(16)), integer(1));
  Value up = arith::AddIOp::create(
      b, bits, arith::AddIOp::create(b, isOdd, integer(0x7fff)));
  Value kept = arith::AndIOp::create(b, up, integer(0xffff0000));
  Value isNan =
      arith::CmpFOp::create(b, arith::CmpFPredicate::UNO, value, value);
  return arith::SelectOp::create(
      b, isNan, value, arith::BitcastOp::create(b, b.getF32Type(), kept));
}

/// The nearest number that f16 has, as f32: ties to even, infinity beyond its
/// range. In f32, for the same reason.
Value roundToF16(LoopBuilder &b, Value value) {
  Type f32 = b.getF32Type(), i32 = b.getI32Type();
  auto integer = [&](uint32_t constant) -> Value {
    return arith::ConstantOp::create(b, b.getI32IntegerAttr(int32_t(constant)));
  };
  auto number = [&](float constant) -> Value {
    return arith::ConstantOp::create(b, b.getF32FloatAttr(constant));
  };
  auto compare = [&](arith::CmpFPredicate how, Value left, Value right) {
    return arith::CmpFOp::create(b, how, left, right);
  };
  Value magnitude = math::AbsFOp::create(b, value);
  Value bits = arith::BitcastOp::create(b, i32, magnitude);
  Value isOdd = arith::AndIOp::create(
      b, arith::ShRUIOp::create(b, bits, integer(13)), integer(1));
  Value up = arith::AddIOp::create(
      b, bits, arith::AddIOp::create(b, isOdd, integer(0xfff)));
  Value normal = arith::BitcastOp::create(
      b, f32, arith::AndIOp::create(b, up, integer(0xffffe000)));
  // Numbers of f16 below 2^-14 are multiples of 2^-24, as numbers of f32 from
  // 0.5 on are.
  Value half = number(0.5f);
  Value subnormal =
      arith::SubFOp::create(b, arith::AddFOp::create(b, magnitude, half), half);
  Value rounded = arith::SelectOp::create(
      b, compare(arith::CmpFPredicate::OLT, magnitude, number(0x1p-14f)),
      subnormal, normal);
  rounded = arith::SelectOp::create(
      b, compare(arith::CmpFPredicate::OGT, rounded, number(65504.0f)),
      number(std::numeric_limits<float>::infinity()), rounded);
  Value isNan = compare(arith::CmpFPredicate::UNO, value, value);
  return arith::SelectOp::create(b, isNan, value,
                                 math::CopySignOp::create(b, rounded, value));
}
} // namespace

Value rlx::emitRoundedActivations(LoopBuilder &b, Value x, Type activations,
                                  int64_t group) {
  auto type = cast<MemRefType>(x.getType());
  SmallVector<Value> dynamic, sizes;
  Value rows = b.index(1);
  for (int64_t i = 0; i < type.getRank() - 1; ++i) {
    sizes.push_back(b.size(x, i));
    rows = arith::MulIOp::create(b, rows, sizes.back());
    if (type.isDynamicDim(i))
      dynamic.push_back(sizes.back());
  }
  int64_t k = type.getShape().back();
  Value rounded = memref::AllocOp::create(
      b, MemRefType::get(type.getShape(), type.getElementType()), dynamic,
      ValueRange(), b.getI64IntegerAttr(64));
  b.parallelLoop(rows, [&](Value index) {
    SmallVector<Value> row = {index};
    if (sizes.size() > 1)
      row = SmallVector<Value>(affine::AffineDelinearizeIndexOp::create(
                                   b, index, sizes, /*hasOuterBound=*/true)
                                   .getResults());
    if (isa<FloatType>(activations)) {
      b.loop(b.index(0), b.index(k), 1, [&](Value column) {
        SmallVector<Value> at = row;
        at.push_back(column);
        Value value = memref::LoadOp::create(b, x, at);
        value =
            activations.isBF16() ? roundToBf16(b, value) : roundToF16(b, value);
        memref::StoreOp::create(b, value, rounded, at);
      });
      return;
    }
    double largest = activationTypeOf(activations)->largestCode;
    b.loop(b.index(0), b.index(k), group, [&](Value begin) {
      roundGroup(b, x, rounded, row, begin,
                 b.min(b.add(begin, group), b.index(k)), largest);
    });
  });
  return rounded;
}
