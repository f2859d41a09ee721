//===- ActivationLoops.cpp - Activations as integers ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/cpu/packed/ActivationLoops.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <limits>

using namespace mlir;
using namespace rlx;

namespace {
/// Lanes of the vectors that activations are quantized in; LLVM splits them
/// where registers are shorter.
constexpr int64_t run = 16;
/// The largest codes: of i16, the one whose bytes are both at most 127.
constexpr double largestI8 = 127, largestI16 = 127 * 256;

class ActivationLoops {
public:
  ActivationLoops(LoopBuilder &b, Value x, const PackedLayout &layout,
                  QuantizedActivations &result)
      : b(b), x(x), layout(layout), result(result) {}

  void emitRow(Value m, ValueRange xRow);

private:
  void emitKBlock(Value m, ValueRange xRow, Value kBlock);
  void store(Value m, Value kBlock, ValueRange values, Value scale, Value k,
             int64_t group);
  Value constantInts(int64_t value) {
    auto type = VectorType::get(run, b.getI32Type());
    return arith::ConstantOp::create(
        b, DenseElementsAttr::get(type, int32_t(value)));
  }
  /// The integer nearest to a small number, ties to even: added to 1.25 * 2^23,
  /// whose last bit counts one, it is the lowest bits. Other than a conversion,
  /// that has some result for NaNs and what infinities become, too.
  Value nearestInteger(Value numbers) {
    constexpr double start = 10485760;
    constexpr int64_t startBits = 0x4b200000;
    Value starts = arith::ConstantOp::create(
        b, DenseElementsAttr::get(VectorType::get(run, b.getF32Type()),
                                  float(start)));
    Value sum = arith::AddFOp::create(b, numbers, starts);
    Value bits =
        arith::BitcastOp::create(b, VectorType::get(run, b.getI32Type()), sum);
    return arith::SubIOp::create(b, bits, constantInts(startBits));
  }
  Value constant(double value) {
    return arith::ConstantOp::create(b, b.getF32FloatAttr(float(value)));
  }
  Value loadX(ValueRange xRow, Value k) {
    SmallVector<Value> indices(xRow);
    indices.push_back(k);
    return b.loadVector(x, indices, run);
  }

  LoopBuilder &b;
  Value x;
  const PackedLayout &layout;
  QuantizedActivations &result;
};

void ActivationLoops::emitKBlock(Value m, ValueRange xRow, Value kBlock) {
  Value begin = b.mul(kBlock, layout.kBlock);
  // Magnitudes compare as the integers of their bits do, infinities and NaNs
  // being the largest, so that these are not lost.
  VectorType bits = VectorType::get(run, b.getI32Type());
  SmallVector<Value> largest =
      b.loop(b.index(0), b.index(layout.kBlock), run, constantInts(0),
             [&](Value i, ValueRange seen) {
               Value magnitude =
                   math::AbsFOp::create(b, loadX(xRow, b.add(begin, i)));
               return SmallVector<Value>{arith::MaxSIOp::create(
                   b, seen[0], arith::BitcastOp::create(b, bits, magnitude))};
             });
  Value most = arith::BitcastOp::create(
      b, b.getF32Type(),
      vector::ReductionOp::create(b, vector::CombiningKind::MAXSI, largest[0]));
  double largestCode = result.bytes == 1 ? largestI8 : largestI16;
  auto compare = [&](arith::CmpFPredicate how, Value left,
                     double right) -> Value {
    return arith::CmpFOp::create(b, how, left, constant(right));
  };
  Value isZero = compare(arith::CmpFPredicate::OEQ, most, 0);
  Value scale = arith::DivFOp::create(b, most, constant(largestCode));
  // Subnormal scales are rounded, never down: codes would become too large.
  // Their inverses would be infinite, so that numbers are raised before.
  constexpr double smallestNormal = 0x1p-126, smallest = 0x1p-149,
                   raised = 0x1p64;
  Value isTiny = compare(arith::CmpFPredicate::OLT, scale, smallestNormal);
  auto select = [&](Value condition, Value one, Value other) -> Value {
    return arith::SelectOp::create(b, condition, one, other);
  };
  Value tiny = arith::AddFOp::create(b, scale, constant(smallest));
  scale = select(isTiny, select(isZero, constant(0), tiny), scale);
  Value raise = select(isTiny, constant(raised), constant(1));
  Value inverse = arith::DivFOp::create(b, constant(1),
                                        arith::MulFOp::create(b, scale, raise));
  inverse = select(isZero, constant(0), inverse);
  auto spread = [&](Value number) -> Value {
    return vector::BroadcastOp::create(b, VectorType::get(run, b.getF32Type()),
                                       number);
  };
  Value inverses = spread(inverse), raises = spread(raise);
  // All that a K block with a NaN or an infinity gives is NaN.
  Value isFinite = compare(arith::CmpFPredicate::OLT, most,
                           std::numeric_limits<float>::infinity());
  scale = select(isFinite, scale,
                 constant(std::numeric_limits<float>::quiet_NaN()));
  memref::StoreOp::create(b, scale, result.scales, ValueRange{kBlock, m});

  // Starts and sums are kept at the finest group that one of them needs.
  int64_t group = layout.kBlock;
  for (int64_t wanted :
       {result.initGroup, result.sumGroup, result.bsumGroup, result.pairGroup})
    if (wanted)
      group = std::min(group, wanted);
  auto zero = arith::ConstantOp::create(b, b.getI32IntegerAttr(0));
  SmallVector<Value> starts(result.bytes, zero);
  SmallVector<Value> totals = b.loop(
      b.index(0), b.index(layout.kBlock), group, starts,
      [&](Value offset, ValueRange carried) {
        SmallVector<Value> partial(result.bytes, constantInts(0)),
            next(carried);
        Value groupBegin = b.add(begin, offset);
        for (int64_t i = 0; i < group; i += run) {
          Value k = b.add(groupBegin, i);
          Value number = arith::MulFOp::create(b, loadX(xRow, k), raises);
          Value scaled = arith::MulFOp::create(b, number, inverses);
          Value code = nearestInteger(scaled);
          SmallVector<Value> bytes = {code};
          if (result.bytes == 2) {
            Value high = arith::ShRSIOp::create(
                b, arith::AddIOp::create(b, code, constantInts(128)),
                constantInts(8));
            Value low = arith::SubIOp::create(
                b, code, arith::ShLIOp::create(b, high, constantInts(8)));
            bytes = {high, low};
          }
          for (auto [part, value] : llvm::enumerate(bytes)) {
            partial[part] = arith::AddIOp::create(b, partial[part], value);
            Value packed = arith::TruncIOp::create(
                b, VectorType::get(run, b.getI8Type()), value);
            Value words = vector::BitCastOp::create(
                b, VectorType::get(run / 4, b.getI32Type()), packed);
            b.storeVector(words, result.codes,
                          ValueRange{kBlock, m, b.index(part),
                                     b.div(b.add(offset, i), 4)});
          }
        }
        SmallVector<Value> sums;
        for (int64_t part = 0; part < result.bytes; ++part) {
          sums.push_back(vector::ReductionOp::create(
              b, vector::CombiningKind::ADD, partial[part]));
          next[part] = arith::AddIOp::create(b, carried[part], sums[part]);
        }
        store(m, kBlock, sums, scale, offset, group);
        return next;
      });
  if (group != layout.kBlock)
    store(m, kBlock, totals, scale, b.index(0), layout.kBlock);
}

/// Stores the start values and sums that are wanted for groups of `group`
/// elements; `values` are the sums of each byte's codes of the group `k`
/// elements into the K block.
void ActivationLoops::store(Value m, Value kBlock, ValueRange values,
                            Value scale, Value k, int64_t group) {
  auto integer = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(b, b.getI32IntegerAttr(int32_t(value)));
  };
  if (result.initGroup == group)
    for (int64_t part = 0; part < result.bytes; ++part) {
      Value start =
          arith::MulIOp::create(b, values[part], integer(-layout.codes.bias));
      if (result.start && part + 1 == result.bytes)
        start = arith::AddIOp::create(b, start, integer(result.start));
      memref::StoreOp::create(
          b, start, result.starts,
          ValueRange{kBlock, m, b.index(part), b.div(k, group)});
    }
  Value sum = values[0];
  if (result.bytes == 2)
    sum = arith::AddIOp::create(b, arith::MulIOp::create(b, sum, integer(256)),
                                values[1]);
  if (result.bsumGroup == group) {
    Value rest = sum;
    for (int64_t part = result.bsumBytes() - 1; part >= 0; --part) {
      Value byte = arith::TruncIOp::create(b, b.getI8Type(), rest);
      memref::StoreOp::create(
          b, byte, result.bsums,
          ValueRange{kBlock, m, b.index(part), b.div(k, group)});
      // Bytes are signed: what is left takes over what this one lacks.
      rest = arith::ShRSIOp::create(
          b,
          arith::SubIOp::create(
              b, rest, arith::ExtSIOp::create(b, b.getI32Type(), byte)),
          integer(8));
    }
  }
  if (result.pairGroup == group)
    memref::StoreOp::create(b, arith::TruncIOp::create(b, b.getI16Type(), sum),
                            result.pairSums,
                            ValueRange{kBlock, m, b.div(k, group)});
  if (result.sumGroup == group) {
    Value number = arith::SIToFPOp::create(b, b.getF32Type(), sum);
    memref::StoreOp::create(b, arith::MulFOp::create(b, number, scale),
                            result.sums,
                            ValueRange{kBlock, m, b.div(k, group)});
  }
}

void ActivationLoops::emitRow(Value m, ValueRange xRow) {
  b.loop(b.index(0), b.index(layout.k / layout.kBlock), 1,
         [&](Value kBlock) { emitKBlock(m, xRow, kBlock); });
}
} // namespace

void QuantizedActivations::release(LoopBuilder &b) const {
  for (Value buffer : {codes, scales, starts, sums, bsums, pairSums})
    if (buffer)
      memref::DeallocOp::create(b, buffer);
}

QuantizedActivations rlx::emitQuantizeActivations(LoopBuilder &b, Value x,
                                                  const PackedLayout &layout,
                                                  ActivationForm form,
                                                  int64_t multiple) {
  QuantizedActivations result{form, {}, {}, {}, {}, {}, {}};
  auto type = cast<MemRefType>(x.getType());
  Value m = b.index(1);
  SmallVector<Value> sizes;
  for (int64_t i = 0; i < type.getRank() - 1; ++i) {
    sizes.push_back(b.size(x, i));
    m = arith::MulIOp::create(b, m, sizes.back());
  }
  Value padded = b.roundUp(m, multiple);
  auto allocate = [&](ArrayRef<int64_t> inner, Type element) -> Value {
    SmallVector<int64_t> shape = {layout.k / layout.kBlock,
                                  ShapedType::kDynamic};
    shape.append(inner.begin(), inner.end());
    return memref::AllocOp::create(b, MemRefType::get(shape, element),
                                   ValueRange{padded}, ValueRange(),
                                   b.getI64IntegerAttr(64));
  };
  int64_t kBlock = layout.kBlock;
  result.codes = allocate({form.bytes, kBlock / 4}, b.getI32Type());
  result.scales = allocate({}, b.getF32Type());
  if (form.initGroup)
    result.starts =
        allocate({form.bytes, kBlock / form.initGroup}, b.getI32Type());
  if (form.sumGroup)
    result.sums = allocate({kBlock / form.sumGroup}, b.getF32Type());
  if (form.bsumGroup)
    result.bsums =
        allocate({form.bsumBytes(), kBlock / form.bsumGroup}, b.getI8Type());
  if (form.pairGroup)
    result.pairSums = allocate({kBlock / form.pairGroup}, b.getI16Type());
  // What happened to lie in rows beyond the last might be subnormal numbers,
  // which some processors multiply a hundred times more slowly.
  b.parallelLoop(padded, [&](Value row) {
    Value from = multiple == 1 ? row : b.min(row, b.sub(m, b.index(1)));
    SmallVector<Value> xRow = {from};
    if (sizes.size() > 1)
      xRow = SmallVector<Value>(affine::AffineDelinearizeIndexOp::create(
                                    b, from, sizes, /*hasOuterBound=*/true)
                                    .getResults());
    ActivationLoops(b, x, layout, result).emitRow(row, xRow);
  });
  return result;
}
