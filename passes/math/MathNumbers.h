//===- MathNumbers.h - Formulas of numbers as operations --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Numbers of 32 bits, or vectors of them, with the operators of C++: what is
// written as a formula becomes operations of arith. Comparisons are false for
// NaN.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_MATH_MATHNUMBERS_H
#define RLX_PASSES_MATH_MATHNUMBERS_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace rlx::mathx {

using Builder = mlir::ImplicitLocOpBuilder;

/// A value of the program beside the builder that makes more of them.
struct Term {
  Builder *b = nullptr;
  mlir::Value value;
  explicit operator bool() const { return bool(value); }
  /// `type`, or a vector of it as this value is.
  mlir::Type like(mlir::Type type) const {
    auto vector = mlir::dyn_cast<mlir::VectorType>(value.getType());
    return vector ? mlir::Type(vector.clone(type)) : type;
  }
  mlir::Value constant(mlir::TypedAttr attribute) const {
    mlir::Type type = like(attribute.getType());
    if (auto vector = mlir::dyn_cast<mlir::VectorType>(type))
      attribute = mlir::DenseElementsAttr::get(vector, attribute);
    return mlir::arith::ConstantOp::create(*b, type, attribute);
  }
};

/// A truth.
struct Truth : Term {
  friend Truth operator&(Truth x, Truth y) {
    return {{x.b, mlir::arith::AndIOp::create(*x.b, x.value, y.value)}};
  }
  friend Truth operator|(Truth x, Truth y) {
    return {{x.b, mlir::arith::OrIOp::create(*x.b, x.value, y.value)}};
  }
};

template <typename T> T choose(Truth condition, T x, T y) {
  return {{x.b, mlir::arith::SelectOp::create(*x.b, condition.value, x.value,
                                              y.value)}};
}

/// An i32.
struct Int : Term {
  Int number(int64_t value) const {
    return {{b, constant(b->getI32IntegerAttr(int32_t(value)))}};
  }

#define RLX_INTEGER_OPERATOR(oper, Op)                                         \
  friend Int operator oper(Int x, Int y) {                                     \
    return {{x.b, mlir::arith::Op::create(*x.b, x.value, y.value)}};           \
  }                                                                            \
  friend Int operator oper(Int x, int64_t y) { return x oper x.number(y); }
  RLX_INTEGER_OPERATOR(+, AddIOp)
  RLX_INTEGER_OPERATOR(-, SubIOp)
  RLX_INTEGER_OPERATOR(*, MulIOp)
  RLX_INTEGER_OPERATOR(&, AndIOp)
  RLX_INTEGER_OPERATOR(|, OrIOp)
  RLX_INTEGER_OPERATOR(^, XOrIOp)
  RLX_INTEGER_OPERATOR(<<, ShLIOp)
  RLX_INTEGER_OPERATOR(>>, ShRUIOp)
#undef RLX_INTEGER_OPERATOR

  /// `x >> count`, the sign kept.
  Int shiftSigned(int64_t count) const {
    return {{b, mlir::arith::ShRSIOp::create(*b, value, number(count).value)}};
  }
  Truth compare(mlir::arith::CmpIPredicate predicate, Int other) const {
    return {
        {b, mlir::arith::CmpIOp::create(*b, predicate, value, other.value)}};
  }
  friend Truth operator<(Int x, int64_t y) {
    return x.compare(mlir::arith::CmpIPredicate::slt, x.number(y));
  }
  friend Truth operator>(Int x, int64_t y) {
    return x.compare(mlir::arith::CmpIPredicate::sgt, x.number(y));
  }
  friend Truth operator==(Int x, int64_t y) {
    return x.compare(mlir::arith::CmpIPredicate::eq, x.number(y));
  }
  friend Truth operator!=(Int x, int64_t y) {
    return x.compare(mlir::arith::CmpIPredicate::ne, x.number(y));
  }
};

/// An f32.
struct Num : Term {
  Num number(double value) const {
    return {{b, constant(b->getF32FloatAttr(float(value)))}};
  }

#define RLX_FLOAT_OPERATOR(oper, Op)                                           \
  friend Num operator oper(Num x, Num y) {                                     \
    return {{x.b, mlir::arith::Op::create(*x.b, x.value, y.value)}};           \
  }                                                                            \
  friend Num operator oper(Num x, double y) { return x oper x.number(y); }     \
  friend Num operator oper(double x, Num y) { return y.number(x) oper y; }
  RLX_FLOAT_OPERATOR(+, AddFOp)
  RLX_FLOAT_OPERATOR(-, SubFOp)
  RLX_FLOAT_OPERATOR(*, MulFOp)
  RLX_FLOAT_OPERATOR(/, DivFOp)
#undef RLX_FLOAT_OPERATOR

#define RLX_FLOAT_COMPARISON(oper, predicate)                                  \
  friend Truth operator oper(Num x, Num y) {                                   \
    return {{x.b, mlir::arith::CmpFOp::create(                                 \
                      *x.b, mlir::arith::CmpFPredicate::predicate, x.value,    \
                      y.value)}};                                              \
  }                                                                            \
  friend Truth operator oper(Num x, double y) { return x oper x.number(y); }
  RLX_FLOAT_COMPARISON(<, OLT)
  RLX_FLOAT_COMPARISON(>, OGT)
  RLX_FLOAT_COMPARISON(==, OEQ)
#undef RLX_FLOAT_COMPARISON

  Int bits() const {
    return {
        {b, mlir::arith::BitcastOp::create(*b, like(b->getI32Type()), value)}};
  }
};

/// The f32 of these bits.
inline Num fromBits(Int x) {
  return {{x.b, mlir::arith::BitcastOp::create(*x.b, x.like(x.b->getF32Type()),
                                               x.value)}};
}
/// The f32 nearest to an integer, and the integer that an f32 without a
/// fraction is.
inline Num toNumber(Int x) {
  return {{x.b, mlir::arith::SIToFPOp::create(*x.b, x.like(x.b->getF32Type()),
                                              x.value)}};
}
inline Int toInteger(Num x) {
  return {{x.b, mlir::arith::FPToSIOp::create(*x.b, x.like(x.b->getI32Type()),
                                              x.value)}};
}

inline Num infinityLike(Num x) {
  return x.number(std::numeric_limits<double>::infinity());
}
inline Num nanLike(Num x) {
  return x.number(std::numeric_limits<double>::quiet_NaN());
}
inline Num absolute(Num x) { return fromBits(x.bits() & 0x7fffffff); }
inline Truth hasSign(Num x) { return x.bits() < 0; }
/// The magnitude of `x` with the sign of `sign`.
inline Num withSign(Num x, Num sign) {
  return fromBits((x.bits() & 0x7fffffff) |
                  (sign.bits() & int64_t(0x80000000)));
}
inline Num negated(Num x) { return fromBits(x.bits() ^ int64_t(0x80000000)); }
inline Truth isNan(Num x) { return (x.bits() & 0x7fffffff) > 0x7f800000; }
/// Bounds that leave a NaN as it is.
inline Num atMost(Num x, double y) { return choose(x > y, x.number(y), x); }
inline Num atLeast(Num x, double y) { return choose(x < y, x.number(y), x); }
inline Num squareRoot(Num x) {
  return {{x.b, mlir::math::SqrtOp::create(*x.b, x.value)}};
}
/// `x * y + z` that a target may round once, with one instruction in place of
/// two. Only for results that are as good either way.
inline Num multiplyAdd(Num x, Num y, Num z) {
  using namespace mlir::arith;
  FastMathFlags flags = FastMathFlags::contract;
  mlir::Value product = MulFOp::create(*x.b, x.value, y.value, flags);
  return {{x.b, AddFOp::create(*x.b, product, z.value, flags)}};
}
inline Num multiplyAdd(Num x, Num y, double z) {
  return multiplyAdd(x, y, x.number(z));
}
inline Num multiplyAdd(Num x, double y, Num z) {
  return multiplyAdd(x, x.number(y), z);
}
/// `((c0 * x + c1) * x + ...) + cn`
inline Num polynomial(Num x, std::initializer_list<double> coefficients) {
  Num sum;
  for (double coefficient : coefficients)
    sum = sum ? multiplyAdd(sum, x, coefficient) : x.number(coefficient);
  return sum;
}

} // namespace rlx::mathx

#endif // RLX_PASSES_MATH_MATHNUMBERS_H
