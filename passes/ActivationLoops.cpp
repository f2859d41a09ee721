//===- ActivationLoops.cpp - Activations as integers
//-----------------------===//

#include "passes/ActivationLoops.h"

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
  void emitStretch(Value m, ValueRange xRow, Value stretch);
  void store(Value m, ValueRange values, Value scale, Value k, int64_t group);
  Value constantVector(double value) {
    auto type = VectorType::get(run, b.getF32Type());
    return arith::ConstantOp::create(
        b, DenseElementsAttr::get(type, float(value)));
  }
  Value constantInts(int64_t value) {
    auto type = VectorType::get(run, b.getI32Type());
    return arith::ConstantOp::create(
        b, DenseElementsAttr::get(type, int32_t(value)));
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

void ActivationLoops::emitStretch(Value m, ValueRange xRow, Value stretch) {
  Value begin = b.mul(stretch, layout.stretch);
  SmallVector<Value> largest =
      b.loop(b.index(0), b.index(layout.stretch), run, constantVector(0),
             [&](Value i, ValueRange seen) {
               Value magnitude =
                   math::AbsFOp::create(b, loadX(xRow, b.add(begin, i)));
               return SmallVector<Value>{
                   arith::MaximumFOp::create(b, seen[0], magnitude)};
             });
  Value most = vector::ReductionOp::create(b, vector::CombiningKind::MAXIMUMF,
                                           largest[0]);
  double largestCode = result.bytes == 1 ? largestI8 : largestI16;
  Value scale = arith::DivFOp::create(b, most, constant(largestCode));
  Value isZero =
      arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, scale, constant(0));
  Value inverse = arith::DivFOp::create(b, constant(1), scale);
  inverse = arith::SelectOp::create(b, isZero, constant(0), inverse);
  Value inverses = vector::BroadcastOp::create(
      b, VectorType::get(run, b.getF32Type()), inverse);
  memref::StoreOp::create(b, scale, result.scales, ValueRange{m, stretch});

  // Starts and sums are kept at the finest group that one of them needs.
  int64_t group = layout.stretch;
  for (int64_t wanted : {result.initGroup, result.sumGroup})
    if (wanted)
      group = std::min(group, wanted);
  auto zero = arith::ConstantOp::create(b, b.getI32IntegerAttr(0));
  SmallVector<Value> starts(result.bytes, zero);
  SmallVector<Value> totals = b.loop(
      b.index(0), b.index(layout.stretch), group, starts,
      [&](Value offset, ValueRange carried) {
        SmallVector<Value> partial(result.bytes, constantInts(0)),
            next(carried);
        Value groupBegin = b.add(begin, offset);
        for (int64_t i = 0; i < group; i += run) {
          Value k = b.add(groupBegin, i);
          Value scaled = arith::MulFOp::create(b, loadX(xRow, k), inverses);
          Value code =
              arith::FPToSIOp::create(b, VectorType::get(run, b.getI32Type()),
                                      math::RoundEvenOp::create(b, scaled));
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
                          ValueRange{m, b.index(part), b.div(k, 4)});
          }
        }
        SmallVector<Value> sums;
        for (int64_t part = 0; part < result.bytes; ++part) {
          sums.push_back(vector::ReductionOp::create(
              b, vector::CombiningKind::ADD, partial[part]));
          next[part] = arith::AddIOp::create(b, carried[part], sums[part]);
        }
        store(m, sums, scale, groupBegin, group);
        return next;
      });
  if (group != layout.stretch)
    store(m, totals, scale, begin, layout.stretch);
}

/// Stores the start values and sums that are wanted for groups of `group`
/// elements; `values` are the sums of each byte's codes of the group at `k`.
void ActivationLoops::store(Value m, ValueRange values, Value scale, Value k,
                            int64_t group) {
  auto integer = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(b, b.getI32IntegerAttr(int32_t(value)));
  };
  if (result.initGroup == group)
    for (int64_t part = 0; part < result.bytes; ++part)
      memref::StoreOp::create(
          b,
          arith::MulIOp::create(b, values[part], integer(-layout.codes.bias)),
          result.starts, ValueRange{m, b.index(part), b.div(k, group)});
  if (result.sumGroup == group) {
    Value sum = values[0];
    if (result.bytes == 2)
      sum = arith::AddIOp::create(
          b, arith::MulIOp::create(b, sum, integer(256)), values[1]);
    Value number = arith::SIToFPOp::create(b, b.getF32Type(), sum);
    memref::StoreOp::create(b, arith::MulFOp::create(b, number, scale),
                            result.sums, ValueRange{m, b.div(k, group)});
  }
}

void ActivationLoops::emitRow(Value m, ValueRange xRow) {
  b.loop(b.index(0), b.index(layout.k / layout.stretch), 1,
         [&](Value stretch) { emitStretch(m, xRow, stretch); });
}
} // namespace

void QuantizedActivations::release(LoopBuilder &b) const {
  for (Value buffer : {codes, scales, starts, sums})
    if (buffer)
      memref::DeallocOp::create(b, buffer);
}

QuantizedActivations rlx::emitQuantizeActivations(LoopBuilder &b, Value x,
                                                  const PackedLayout &layout,
                                                  int64_t bytes,
                                                  int64_t initGroup,
                                                  int64_t sumGroup) {
  QuantizedActivations result{bytes, initGroup, sumGroup, {}, {}, {}, {}};
  auto type = cast<MemRefType>(x.getType());
  Value m = b.index(1);
  SmallVector<Value> sizes;
  for (int64_t i = 0; i < type.getRank() - 1; ++i) {
    sizes.push_back(b.size(x, i));
    m = arith::MulIOp::create(b, m, sizes.back());
  }
  auto allocate = [&](ArrayRef<int64_t> inner, Type element) -> Value {
    SmallVector<int64_t> shape = {ShapedType::kDynamic};
    shape.append(inner.begin(), inner.end());
    return memref::AllocOp::create(b, MemRefType::get(shape, element),
                                   ValueRange{m}, ValueRange(),
                                   b.getI64IntegerAttr(64));
  };
  int64_t k = layout.k;
  // Rows a power of two apart would share few sets of the first cache; a cache
  // line more keeps the rows of a register tile side by side in it.
  constexpr int64_t cacheLineWords = 16;
  result.codes = allocate({bytes, k / 4 + cacheLineWords}, b.getI32Type());
  result.scales = allocate({k / layout.stretch}, b.getF32Type());
  if (initGroup)
    result.starts = allocate({bytes, k / initGroup}, b.getI32Type());
  if (sumGroup)
    result.sums = allocate({k / sumGroup}, b.getF32Type());
  b.parallelLoop(m, [&](Value row) {
    SmallVector<Value> xRow = {row};
    if (sizes.size() > 1)
      xRow = SmallVector<Value>(affine::AffineDelinearizeIndexOp::create(
                                    b, row, sizes, /*hasOuterBound=*/true)
                                    .getResults());
    ActivationLoops(b, x, layout, result).emitRow(row, xRow);
  });
  return result;
}
