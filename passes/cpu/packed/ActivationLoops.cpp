//===- ActivationLoops.cpp - Activations as integers ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/cpu/packed/ActivationLoops.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace rlx;

namespace {
/// Lanes of the vectors that activations are quantized in; LLVM splits them
/// where registers are shorter.
constexpr int64_t run = 16;
/// The largest code of so many bytes: that whose first one is 127.
double largestCodeOf(int64_t bytes) {
  return std::ldexp(127.0, int(8 * (bytes - 1)));
}

class ActivationLoops {
public:
  ActivationLoops(LoopBuilder &b, Value x, const PackedLayout &layout,
                  QuantizedActivations &result)
      : b(b), x(x), layout(layout), result(result) {}

  void emitRow(Value m, ValueRange xRow);

private:
  /// A scale, and what numbers are multiplied with in turn to become codes.
  struct Factors {
    Value scale, raise, inverse;
  };
  Value largestBits(ValueRange xRow, Value begin);
  Factors factorsOf(Value most);
  SmallVector<Value> storeCodes(Value m, ValueRange xRow, Value kBlock,
                                Value offset, int64_t group,
                                const Factors &factors);
  void emitKBlock(Value m, ValueRange xRow, Value kBlock);
  void emitGroups(Value m, ValueRange xRow, Value kBlock);
  int64_t finestGroup() const;
  Value wholeSum(ValueRange values);
  Value codesOf(Value numbers);
  SmallVector<Value> bytesOf(Value codes);
  void store(Value m, Value kBlock, ValueRange values, Value scale, Value k,
             int64_t group, Value fraction = {});
  Value storeFractions(Value m, Value kBlock, Value scales);
  Value constantInts(int64_t value, int64_t count = run) {
    auto type = VectorType::get(count, b.getI32Type());
    return arith::ConstantOp::create(
        b, DenseElementsAttr::get(type, int32_t(value)));
  }
  /// The integer nearest to a small number, ties to even: added to 1.25 * 2^23,
  /// whose last bit counts one, it is the lowest bits. Other than a conversion,
  /// that has some result for NaNs and what infinities become, too.
  Value nearestInteger(Value numbers) {
    constexpr double start = 10485760;
    constexpr int64_t startBits = 0x4b200000;
    auto f32s = cast<VectorType>(numbers.getType());
    int64_t count = f32s.getNumElements();
    Value starts = arith::ConstantOp::create(
        b, DenseElementsAttr::get(f32s, float(start)));
    Value sum = arith::AddFOp::create(b, numbers, starts);
    Value bits = arith::BitcastOp::create(
        b, VectorType::get(count, b.getI32Type()), sum);
    return arith::SubIOp::create(b, bits, constantInts(startBits, count));
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

/// The bits of the largest magnitude of the group `begin` elements into the
/// row. Magnitudes compare as the integers of their bits do, infinities and
/// NaNs being the largest, so that these are not lost.
Value ActivationLoops::largestBits(ValueRange xRow, Value begin) {
  VectorType bits = VectorType::get(run, b.getI32Type());
  auto add = [&](Value seen, Value k) -> Value {
    Value magnitude = math::AbsFOp::create(b, loadX(xRow, k));
    return arith::MaxSIOp::create(b, seen,
                                  arith::BitcastOp::create(b, bits, magnitude));
  };
  Value largest = constantInts(0);
  if (layout.scalesActivationsByGroup())
    for (int64_t i = 0; i < layout.activationGroup; i += run)
      largest = add(largest, b.add(begin, i));
  else
    largest = b.loop(b.index(0), b.index(layout.kBlock), run, largest,
                     [&](Value i, ValueRange seen) {
                       return SmallVector<Value>{add(seen[0], b.add(begin, i))};
                     })[0];
  return vector::ReductionOp::create(b, vector::CombiningKind::MAXSI, largest);
}

/// The scales of numbers whose largest magnitudes are `most`, and what codes
/// are products with: numbers, or a vector of those of several groups.
ActivationLoops::Factors ActivationLoops::factorsOf(Value most) {
  double largestCode = largestCodeOf(result.bytes);
  auto constant = [&](double value) -> Value {
    auto vector = dyn_cast<VectorType>(most.getType());
    return vector
               ? arith::ConstantOp::create(
                     b, DenseElementsAttr::get(vector, float(value)))
               : arith::ConstantOp::create(b, b.getF32FloatAttr(float(value)));
  };
  auto compare = [&](arith::CmpFPredicate how, Value left,
                     double right) -> Value {
    return arith::CmpFOp::create(b, how, left, constant(right));
  };
  auto select = [&](Value condition, Value one, Value other) -> Value {
    return arith::SelectOp::create(b, condition, one, other);
  };
  Value isZero = compare(arith::CmpFPredicate::OEQ, most, 0);
  Value scale = arith::DivFOp::create(b, most, constant(largestCode));
  // Subnormal scales are rounded, never down: codes would become too large.
  // Their inverses would be infinite, so that numbers are raised before.
  constexpr double smallestNormal = 0x1p-126, smallest = 0x1p-149,
                   raised = 0x1p64;
  Value isTiny = compare(arith::CmpFPredicate::OLT, scale, smallestNormal);
  Value tiny = arith::AddFOp::create(b, scale, constant(smallest));
  scale = select(isTiny, select(isZero, constant(0), tiny), scale);
  Value raise = select(isTiny, constant(raised), constant(1));
  Value inverse = arith::DivFOp::create(b, constant(1),
                                        arith::MulFOp::create(b, scale, raise));
  inverse = select(isZero, constant(0), inverse);
  // All that a group with a NaN or an infinity gives is NaN.
  Value isFinite = compare(arith::CmpFPredicate::OLT, most,
                           std::numeric_limits<float>::infinity());
  scale = select(isFinite, scale,
                 constant(std::numeric_limits<float>::quiet_NaN()));
  return {scale, raise, inverse};
}

/// The codes of a run of numbers, ties to even.
Value ActivationLoops::codesOf(Value numbers) {
  // What the nearest integer can be told of.
  constexpr int64_t mostBytes = 2;
  if (result.bytes <= mostBytes)
    return nearestInteger(numbers);
  // The first bytes, then the last one of what these leave, which is exact.
  auto f32s = cast<VectorType>(numbers.getType());
  auto constant = [&](double value) -> Value {
    return arith::ConstantOp::create(
        b, DenseElementsAttr::get(f32s, float(value)));
  };
  constexpr double base = 256;
  Value first =
      nearestInteger(arith::MulFOp::create(b, numbers, constant(1 / base)));
  Value rest = vector::FMAOp::create(b, arith::SIToFPOp::create(b, f32s, first),
                                     constant(-base), numbers);
  return arith::AddIOp::create(b,
                               arith::ShLIOp::create(b, first, constantInts(8)),
                               nearestInteger(rest));
}

/// Codes as signed bytes, the most significant first.
SmallVector<Value> ActivationLoops::bytesOf(Value codes) {
  SmallVector<Value> bytes(result.bytes);
  for (int64_t part = result.bytes - 1; part > 0; --part) {
    Value high = arith::ShRSIOp::create(
        b, arith::AddIOp::create(b, codes, constantInts(128)), constantInts(8));
    bytes[part] = arith::SubIOp::create(
        b, codes, arith::ShLIOp::create(b, high, constantInts(8)));
    codes = high;
  }
  bytes[0] = codes;
  return bytes;
}

/// Stores the codes of the `group` elements that are `offset` elements into a K
/// block. Returns the sum of each byte's codes.
SmallVector<Value> ActivationLoops::storeCodes(Value m, ValueRange xRow,
                                               Value kBlock, Value offset,
                                               int64_t group,
                                               const Factors &factors) {
  auto spread = [&](Value number) -> Value {
    return vector::BroadcastOp::create(b, VectorType::get(run, b.getF32Type()),
                                       number);
  };
  Value raises = spread(factors.raise), inverses = spread(factors.inverse);
  Value begin = b.add(b.mul(kBlock, layout.kBlock), offset);
  SmallVector<Value> partial(result.bytes, constantInts(0)), sums;
  for (int64_t i = 0; i < group; i += run) {
    Value number =
        arith::MulFOp::create(b, loadX(xRow, b.add(begin, i)), raises);
    Value codes = codesOf(arith::MulFOp::create(b, number, inverses));
    for (auto [part, value] : llvm::enumerate(bytesOf(codes))) {
      partial[part] = arith::AddIOp::create(b, partial[part], value);
      Value packed = arith::TruncIOp::create(
          b, VectorType::get(run, b.getI8Type()), value);
      Value words = vector::BitCastOp::create(
          b, VectorType::get(run / 4, b.getI32Type()), packed);
      b.storeVector(
          words, result.codes,
          ValueRange{kBlock, m, b.index(part), b.div(b.add(offset, i), 4)});
    }
  }
  for (Value sum : partial)
    sums.push_back(
        vector::ReductionOp::create(b, vector::CombiningKind::ADD, sum));
  return sums;
}

/// A K block that has one scale.
void ActivationLoops::emitKBlock(Value m, ValueRange xRow, Value kBlock) {
  Value most = arith::BitcastOp::create(
      b, b.getF32Type(), largestBits(xRow, b.mul(kBlock, layout.kBlock)));
  Factors factors = factorsOf(most);
  memref::StoreOp::create(b, factors.scale, result.scales,
                          ValueRange{kBlock, m});
  int64_t group = finestGroup();
  auto zero = arith::ConstantOp::create(b, b.getI32IntegerAttr(0));
  SmallVector<Value> starts(result.bytes, zero);
  SmallVector<Value> totals =
      b.loop(b.index(0), b.index(layout.kBlock), group, starts,
             [&](Value offset, ValueRange carried) {
               SmallVector<Value> next,
                   sums = storeCodes(m, xRow, kBlock, offset, group, factors);
               for (auto [before, sum] : llvm::zip_equal(carried, sums))
                 next.push_back(arith::AddIOp::create(b, before, sum));
               store(m, kBlock, sums, factors.scale, offset, group);
               return next;
             });
  if (group != layout.kBlock)
    store(m, kBlock, totals, factors.scale, b.index(0), layout.kBlock);
}

/// A K block that has several scales, all of which are computed at once.
void ActivationLoops::emitGroups(Value m, ValueRange xRow, Value kBlock) {
  int64_t count = layout.activationGroups();
  Value begin = b.mul(kBlock, layout.kBlock);
  SmallVector<Value> bits;
  for (int64_t g = 0; g < count; ++g)
    bits.push_back(largestBits(xRow, b.add(begin, g * layout.activationGroup)));
  Value most = vector::FromElementsOp::create(
      b, VectorType::get(count, b.getI32Type()), bits);
  Factors all = factorsOf(arith::BitcastOp::create(
      b, VectorType::get(count, b.getF32Type()), most));
  b.storeVector(all.scale, result.scales, ValueRange{kBlock, m, b.index(0)});
  Value fractions =
      result.scaleGroup ? storeFractions(m, kBlock, all.scale) : Value();
  int64_t group = std::min(finestGroup(), layout.activationGroup);
  Value zero = arith::ConstantOp::create(b, b.getF32FloatAttr(0));
  SmallVector<Value> total = b.loop(
      b.index(0), b.index(layout.kBlock), group, zero,
      [&](Value offset, ValueRange carried) {
        Value index = b.div(offset, layout.activationGroup);
        auto of = [&](Value vector) -> Value {
          return vector::ExtractOp::create(b, vector, OpFoldResult(index));
        };
        Factors factors = {of(all.scale), of(all.raise), of(all.inverse)};
        SmallVector<Value> sums =
            storeCodes(m, xRow, kBlock, offset, group, factors);
        store(m, kBlock, sums, factors.scale, offset, group,
              fractions ? of(fractions) : Value());
        Value number = arith::MulFOp::create(
            b, arith::SIToFPOp::create(b, b.getF32Type(), wholeSum(sums)),
            factors.scale);
        return SmallVector<Value>{arith::AddFOp::create(b, carried[0], number)};
      });
  if (result.sumGroup == layout.kBlock)
    memref::StoreOp::create(b, total[0], result.sums,
                            ValueRange{kBlock, m, b.index(0)});
}

/// Stores the largest scale of a K block, a NaN if there is one, and all scales
/// as fractions of it, which it returns as i32.
Value ActivationLoops::storeFractions(Value m, Value kBlock, Value scales) {
  constexpr double one = 32768, largest = 32767;
  auto f32s = cast<VectorType>(scales.getType());
  int64_t count = f32s.getNumElements();
  auto constant = [&](double value) -> Value {
    return arith::ConstantOp::create(
        b, DenseElementsAttr::get(f32s, float(value)));
  };
  Value most =
      vector::ReductionOp::create(b, vector::CombiningKind::MAXIMUMF, scales);
  Value whole =
      arith::ConstantOp::create(b, b.getF32FloatAttr(float(one / largest)));
  memref::StoreOp::create(b, arith::MulFOp::create(b, most, whole),
                          result.units, ValueRange{kBlock, m});
  // Of zeros, and of NaNs, whose unit is one: any fractions.
  Value spread = vector::BroadcastOp::create(b, f32s, most);
  Value ratios = arith::DivFOp::create(b, scales, spread);
  Value isRatio =
      arith::CmpFOp::create(b, arith::CmpFPredicate::OLE, ratios, constant(1));
  ratios = arith::SelectOp::create(b, isRatio, ratios, constant(0));
  Value fractions =
      nearestInteger(arith::MulFOp::create(b, ratios, constant(largest)));
  SmallVector<int64_t> groups;
  for (int64_t k = 0; k < layout.kBlock; k += result.scaleGroup)
    groups.push_back(k / layout.activationGroup);
  Value shorts = arith::TruncIOp::create(
      b, VectorType::get(count, b.getI16Type()), fractions);
  b.storeVector(vector::ShuffleOp::create(b, shorts, shorts, groups),
                result.pairScales, ValueRange{kBlock, m, b.index(0)});
  return fractions;
}

/// Starts and sums are kept at the finest group that one of them needs.
int64_t ActivationLoops::finestGroup() const {
  int64_t group = layout.kBlock;
  for (int64_t wanted :
       {result.initGroup, result.sumGroup, result.bsumGroup, result.pairGroup})
    if (wanted)
      group = std::min(group, wanted);
  return group;
}

/// The sum of codes of those of their bytes.
Value ActivationLoops::wholeSum(ValueRange values) {
  Value sum = values[0];
  for (Value next : values.drop_front()) {
    Value base = arith::ConstantOp::create(b, b.getI32IntegerAttr(256));
    sum = arith::AddIOp::create(b, arith::MulIOp::create(b, sum, base), next);
  }
  return sum;
}

/// Stores the start values and sums that are wanted for groups of `group`
/// elements; `values` are the sums of each byte's codes of the group `k`
/// elements into the K block.
void ActivationLoops::store(Value m, Value kBlock, ValueRange values,
                            Value scale, Value k, int64_t group,
                            Value fraction) {
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
  Value sum = wholeSum(values);
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
  if (result.pairGroup == group) {
    Value pair = sum;
    if (fraction) {
      // 12 bits, 15 and 3 more: i32 has them.
      constexpr int64_t bits = 15;
      Value product =
          arith::MulIOp::create(b, arith::MulIOp::create(b, sum, fraction),
                                integer(ActivationForm::scaledSums));
      product =
          arith::AddIOp::create(b, product, integer(int64_t(1) << (bits - 1)));
      pair = arith::ShRSIOp::create(b, product, integer(bits));
    }
    memref::StoreOp::create(b, arith::TruncIOp::create(b, b.getI16Type(), pair),
                            result.pairSums,
                            ValueRange{kBlock, m, b.div(k, group)});
  }
  if (result.sumGroup == group) {
    Value number = arith::SIToFPOp::create(b, b.getF32Type(), sum);
    memref::StoreOp::create(b, arith::MulFOp::create(b, number, scale),
                            result.sums,
                            ValueRange{kBlock, m, b.div(k, group)});
  }
}

void ActivationLoops::emitRow(Value m, ValueRange xRow) {
  b.loop(b.index(0), b.index(layout.k / layout.kBlock), 1, [&](Value kBlock) {
    layout.scalesActivationsByGroup() ? emitGroups(m, xRow, kBlock)
                                      : emitKBlock(m, xRow, kBlock);
  });
}
} // namespace

SmallVector<Value> QuantizedActivations::buffers() const {
  SmallVector<Value> all = {codes, scales,   starts, sums,
                            bsums, pairSums, units,  pairScales};
  llvm::erase(all, Value());
  return all;
}

void QuantizedActivations::release(LoopBuilder &b) const {
  for (Value buffer : buffers())
    memref::DeallocOp::create(b, buffer);
}

QuantizedActivations rlx::emitQuantizeActivations(LoopBuilder &b, Value x,
                                                  const PackedLayout &layout,
                                                  ActivationForm form,
                                                  int64_t multiple) {
  QuantizedActivations result{form, {}, {}, {}, {}, {}, {}, {}, {}};
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
  SmallVector<int64_t> scales;
  if (layout.scalesActivationsByGroup())
    scales.push_back(layout.activationGroups());
  result.scales = allocate(scales, b.getF32Type());
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
  if (form.scaleGroup) {
    result.units = allocate({}, b.getF32Type());
    result.pairScales = allocate({kBlock / form.scaleGroup}, b.getI16Type());
  }
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
