//===- RowFactors.cpp - A weight's rows in the range of f16 ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/gpu/kernels/RowFactors.h"

#include "ir/Reference.h"

using namespace mlir;
using namespace rlx;

// Of f32.
static constexpr int64_t mantissaBits = 23, exponentOfOne = 127;

/// The largest magnitude of a field's numbers; 0 where there are too many to
/// look at.
static double largestNumber(FieldAttr field) {
  constexpr unsigned widest = 12;
  if (field.width() > widest)
    return 0;
  double largest = 0;
  for (uint64_t code = 0; code < uint64_t(1) << field.width(); ++code) {
    double number = std::fabs(numberOf(field, code));
    if (std::isfinite(number))
      largest = std::max(largest, number);
  }
  return largest;
}

static double largestDifference(SchemeAttr scheme) {
  double largest = largestNumber(scheme.getCode());
  if (!scheme.getZero() || largest == 0)
    return largest;
  double zero = largestNumber(scheme.getZero());
  return zero == 0 ? 0 : largest + zero;
}

RowFactors::RowFactors(KernelBuilder &b, const MatmulShape &shape,
                       DeviceBlockReader &reader, int64_t columns,
                       int64_t workgroup)
    : b(b), shape(shape), reader(reader), columns(columns),
      workgroup(workgroup),
      largest(largestDifference(shape.layout.blockScheme().attr())),
      factors(b.sharedMemory({columns}, b.getF32Type())) {}

/// The larger of `bound` and a bound of the magnitudes in a unit of a device
/// block: from scales and offsets alone where few codes bound the rest.
Value RowFactors::boundOfUnit(Value number, Value bound) {
  const int64_t unit = shape.unit();
  reader.setUnit(number, unit);
  auto magnitude = [&](Value value) -> Value {
    return math::AbsFOp::create(b, value);
  };
  int64_t run = largest != 0 ? reader.run(unit) : 1;
  for (int64_t i = 0; i < unit; i += run) {
    Value most;
    if (largest != 0) {
      Value scale = reader.scale(i), offset = reader.offset(i);
      most = b.f32(largest);
      if (scale)
        most = arith::MulFOp::create(b, magnitude(scale), most);
      if (offset)
        most = arith::AddFOp::create(b, most, magnitude(offset));
    } else {
      most = magnitude(reader.value(i));
    }
    bound = arith::MaxNumFOp::create(b, bound, most);
  }
  return bound;
}

void RowFactors::emit(
    Value thread, llvm::function_ref<void(Value column, Value block)> select) {
  const int64_t units = shape.layout.length() / shape.unit();
  // Several work-items share a row.
  const int64_t parts = std::max<int64_t>(1, workgroup / columns);
  Value bounds = b.sharedMemory({columns * parts}, b.getF32Type());
  reader.setFactor(Value());
  b.loop(thread, b.index(columns * parts), workgroup, [&](Value item) {
    Value column = b.rem(item, columns);
    SmallVector<Value> bound =
        b.loop(b.div(item, columns), b.index(shape.layout.blocks()), parts,
               b.f32(0), [&](Value block, ValueRange carried) {
                 select(column, block);
                 return b.loop(b.index(0), b.index(units), 1, carried,
                               [&](Value number, ValueRange bound) {
                                 return SmallVector<Value>{
                                     boundOfUnit(number, bound[0])};
                               });
               });
    b.storeAt(bound[0], bounds, item);
  });
  b.barrier();
  b.loop(thread, b.index(columns), workgroup, [&](Value column) {
    Value bound = b.loadAt(bounds, column);
    for (int64_t part = 1; part < parts; ++part)
      bound = arith::MaxNumFOp::create(
          b, bound, b.loadAt(bounds, b.add(column, part * columns)));
    // A bound of 2^e to 2^(e + 1) is brought to where the largest numbers of
    // f16 are, 2^14 to 2^15. Factors, and their inverses, are normal numbers.
    constexpr int64_t ofF16 = 14, least = 20, most = 234;
    Value exponent = arith::ShRUIOp::create(
        b, arith::BitcastOp::create(b, b.getI32Type(), bound),
        b.i32(mantissaBits));
    exponent = arith::MaxUIOp::create(b, exponent, b.i32(least));
    exponent = arith::MinUIOp::create(b, exponent, b.i32(most));
    Value opposite =
        arith::SubIOp::create(b, b.i32(2 * exponentOfOne + ofF16), exponent);
    Value bits = arith::ShLIOp::create(b, opposite, b.i32(mantissaBits));
    b.storeAt(arith::BitcastOp::create(b, b.getF32Type(), bits), factors,
              column);
  });
  b.barrier();
}

Value RowFactors::factor(Value column) { return b.loadAt(factors, column); }

Value RowFactors::inverse(Value column) {
  Value bits = arith::BitcastOp::create(b, b.getI32Type(), factor(column));
  bits =
      arith::SubIOp::create(b, b.i32(2 * exponentOfOne << mantissaBits), bits);
  return arith::BitcastOp::create(b, b.getF32Type(), bits);
}
