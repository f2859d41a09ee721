//===- FloatConversions.cpp - Conversions as arithmetic -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/math/FloatConversions.h"

#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/APFloat.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace rlx;
using namespace rlx::mathx;
using llvm::APFloat;

static constexpr int64_t f32Precision = 24, f32Bias = 127, f32Bits = 32;
static constexpr int64_t f32Magnitude = 0x7fffffff, f32Infinity = 0x7f800000;

//===----------------------------------------------------------------------===//
// Small floats
//===----------------------------------------------------------------------===//

namespace {
/// What there is to know of a small float, as numbers of its bits.
struct Format {
  explicit Format(FloatType type)
      : semantics(type.getFloatSemantics()), width(type.getWidth()),
        precision(APFloat::semanticsPrecision(semantics)),
        leastExponent(APFloat::semanticsMinExponent(semantics)),
        signBit(int64_t(1) << (width - 1)),
        largest(bitsOf(APFloat::getLargest(semantics))),
        beyond(nearest(std::numeric_limits<double>::infinity())),
        belowAll(nearest(-std::numeric_limits<double>::infinity())),
        nan(nearest(std::numeric_limits<double>::quiet_NaN())),
        negativeZero(nearest(-0.0)) {}

  static int64_t bitsOf(const APFloat &number) {
    return int64_t(number.bitcastToAPInt().getZExtValue());
  }
  /// The bits that a number is rounded to.
  int64_t nearest(double value) const {
    APFloat number(value);
    bool losesInfo;
    number.convert(semantics, APFloat::rmNearestTiesToEven, &losesInfo);
    return bitsOf(number);
  }
  /// Bits of an f32's significand that the type has not.
  int64_t dropped() const { return f32Precision - precision; }
  /// What the exponents' bits of f32 have more.
  int64_t bias() const { return f32Bias - 1 + leastExponent; }
  double leastNormal() const { return std::ldexp(1.0, int(leastExponent)); }
  double leastStep() const {
    return std::ldexp(1.0, int(leastExponent - precision + 1));
  }

  const llvm::fltSemantics &semantics;
  int64_t width, precision, leastExponent, signBit;
  int64_t largest, beyond, belowAll; ///< `beyond`: of infinity and what is near
  int64_t nan, negativeZero;
};
} // namespace

static int64_t bitsOfF32(double value) {
  return Format::bitsOf(APFloat(float(value)));
}

bool rlx::isSmallFloat(Type type) {
  auto small = dyn_cast<FloatType>(type);
  if (!small || small.getWidth() != 8)
    return false;
  const llvm::fltSemantics &semantics = small.getFloatSemantics();
  return APFloat::semanticsHasSignedRepr(semantics) &&
         APFloat::semanticsHasZero(semantics) &&
         APFloat::semanticsHasNaN(semantics);
}

Int rlx::smallFloatBits(FloatType type, Num x) {
  Format format(type);
  int64_t dropped = format.dropped();
  Int magnitude = x.bits() & f32Magnitude;
  Int odd = (magnitude >> dropped) & 1;
  Int rounded = magnitude + odd + ((int64_t(1) << (dropped - 1)) - 1);
  Int normal = (rounded >> dropped) - (format.bias() << (format.precision - 1));
  // Below the least normal number, steps are those of a larger one.
  double aligned = std::ldexp(format.leastStep(), f32Precision - 1);
  Int small = (absolute(x) + aligned).bits() - bitsOfF32(aligned);
  Int code = choose(magnitude < bitsOfF32(format.leastNormal()), small, normal);
  Truth isBeyond = code > format.largest;
  Int sign = (x.bits() >> (f32Bits - format.width)) & format.signBit;
  Int result = code | sign;
  if (format.negativeZero == 0)
    result = choose(code == 0, code, result);
  Int beyond = x.bits().number(format.beyond);
  if (format.beyond != format.belowAll)
    beyond = beyond | sign;
  result = choose(isBeyond, beyond, result);
  return choose(magnitude > f32Infinity, x.bits().number(format.nan), result);
}

Num rlx::smallFloatNumber(FloatType type, Int bits) {
  Format format(type);
  Int magnitude = bits & (format.signBit - 1);
  Num normal = fromBits((magnitude << format.dropped()) +
                        (format.bias() << (f32Precision - 1)));
  Num small = toNumber(magnitude) * format.leastStep();
  int64_t leastNormal = int64_t(1) << (format.precision - 1);
  Num value = choose(magnitude < leastNormal, small, normal);
  if (format.largest < format.signBit - 1) {
    Num other = nanLike(value);
    if (APFloat::semanticsHasInf(format.semantics))
      other = choose(magnitude == format.beyond, infinityLike(value), other);
    value = choose(magnitude > format.largest, other, value);
  }
  Int sign = (bits & format.signBit) << (f32Bits - format.width);
  value = fromBits(value.bits() | sign);
  // Where there is no -0, its bits are NaN's.
  if (format.negativeZero == 0)
    value = choose(bits == format.nan, nanLike(value), value);
  return value;
}

//===----------------------------------------------------------------------===//
// Numbers that are rounded again
//===----------------------------------------------------------------------===//

Num rlx::roundToOdd(ImplicitLocOpBuilder &b, Value x) {
  Term wide{&b, x};
  Num single{{&b, arith::TruncFOp::create(b, wide.like(b.getF32Type()), x)}};
  Value back = arith::ExtFOp::create(b, x.getType(), single.value);
  auto compare = [&](arith::CmpFPredicate predicate, Value left, Value right) {
    return Truth{{&b, arith::CmpFOp::create(b, predicate, left, right)}};
  };
  Truth isAway =
      compare(arith::CmpFPredicate::OGT, math::AbsFOp::create(b, back),
              math::AbsFOp::create(b, x));
  Int bits = single.bits();
  Int odd = choose(isAway, bits - 1, bits) | 1;
  return fromBits(
      choose(compare(arith::CmpFPredicate::ONE, back, x), odd, bits));
}

Num rlx::integerRoundedToOdd(ImplicitLocOpBuilder &b, Value x, bool isSigned) {
  Term term{&b, x};
  Type element = getElementTypeOrSelf(x.getType());
  unsigned width = element.getIntOrFloatBitWidth();
  Type f32 = term.like(b.getF32Type());
  if (width < f32Precision)
    return isSigned ? Num{{&b, arith::SIToFPOp::create(b, f32, x)}}
                    : Num{{&b, arith::UIToFPOp::create(b, f32, x)}};
  auto number = [&](uint64_t value) {
    APInt bits(width, value, /*isSigned=*/false, /*implicitTrunc=*/true);
    return term.constant(b.getIntegerAttr(element, bits));
  };
  auto compare = [&](arith::CmpIPredicate predicate, Value left,
                     uint64_t right) -> Value {
    return arith::CmpIOp::create(b, predicate, left, number(right));
  };
  auto select = [&](Value condition, Value yes, Value no) -> Value {
    return arith::SelectOp::create(b, condition, yes, no);
  };
  // Whether any of the lowest `count` bits is set, as a number.
  auto anyOf = [&](Value value, unsigned count) -> Value {
    Value low =
        arith::AndIOp::create(b, value, number((uint64_t(1) << count) - 1));
    return select(compare(arith::CmpIPredicate::ne, low, 0), number(1),
                  number(0));
  };
  Value isNegative;
  if (isSigned) {
    isNegative = compare(arith::CmpIPredicate::slt, x, 0);
    x = select(isNegative, arith::SubIOp::create(b, number(0), x), x);
  }
  auto f32Constant = [&](double value) {
    return Num{{&b, term.constant(b.getF32FloatAttr(float(value)))}};
  };
  // Below 2^32 in steps, then below 2^24 or a multiple of 2^8: an f32.
  Num one = f32Constant(1), scale = one;
  constexpr unsigned half = 16, drop = 8;
  for (unsigned most = 64; most > 32 && width > 32; most -= half) {
    Value isLarge = compare(arith::CmpIPredicate::uge, x, uint64_t(1) << 32);
    Value shifted = arith::OrIOp::create(
        b, arith::ShRUIOp::create(b, x, number(half)), anyOf(x, half));
    x = select(isLarge, shifted, x);
    scale = scale * choose(Truth{{&b, isLarge}},
                           f32Constant(std::ldexp(1.0, half)), one);
  }
  Value isLarge =
      compare(arith::CmpIPredicate::uge, x, uint64_t(1) << f32Precision);
  Value kept = arith::AndIOp::create(b, x, number(~uint64_t(0) << drop));
  kept = arith::OrIOp::create(
      b, kept, arith::ShLIOp::create(b, anyOf(x, drop), number(drop)));
  x = select(isLarge, kept, x);
  Num result{{&b, arith::UIToFPOp::create(b, f32, x)}};
  if (width > 32)
    result = result * scale;
  if (isSigned)
    result = choose(Truth{{&b, isNegative}}, negated(result), result);
  return result;
}

//===----------------------------------------------------------------------===//
// Operations
//===----------------------------------------------------------------------===//

/// The bits of the bf16 nearest to `x`.
static Int bf16Bits(Num x) {
  constexpr int64_t dropped = 16, quiet = 0x40;
  Int bits = x.bits(), odd = (bits >> dropped) & 1;
  Int rounded = (bits + odd + 0x7fff) >> dropped;
  return choose(isNan(x), (bits >> dropped) | quiet, rounded);
}

/// `value`, an f32, as `type`. Instructions that round to bf16 take subnormal
/// numbers for zero.
static Value narrow(ImplicitLocOpBuilder &b, Num value, Type type) {
  auto element = cast<FloatType>(getElementTypeOrSelf(type));
  if (element.isF32())
    return value.value;
  if (!isSmallFloat(element) && !element.isBF16())
    return arith::TruncFOp::create(b, type, value.value);
  Value bits = element.isBF16() ? bf16Bits(value).value
                                : smallFloatBits(element, value).value;
  Type integer = value.like(b.getIntegerType(element.getWidth()));
  return arith::BitcastOp::create(b, type,
                                  arith::TruncIOp::create(b, integer, bits));
}

Value rlx::expandConversion(Operation *op) {
  if (!isa<arith::ExtFOp, arith::TruncFOp, arith::SIToFPOp, arith::UIToFPOp,
           arith::FPToSIOp, arith::FPToUIOp>(op))
    return Value();
  Type type = op->getResult(0).getType(), to = getElementTypeOrSelf(type);
  Value x = op->getOperand(0);
  Type from = getElementTypeOrSelf(x.getType());
  ImplicitLocOpBuilder b(op->getLoc(), op);
  Term term{&b, x};
  bool isSmall = isSmallFloat(to);
  if (auto truncate = dyn_cast<arith::TruncFOp>(op)) {
    if (truncate.getRoundingmode().value_or(
            arith::RoundingMode::to_nearest_even) !=
        arith::RoundingMode::to_nearest_even)
      return Value();
    // Kernels ask for the target's instruction.
    if (to.isBF16() && from.isF32() && isa<VectorType>(type) &&
        bitEnumContainsAny(
            truncate.getFastmath().value_or(arith::FastMathFlags::none),
            arith::FastMathFlags::afn))
      return Value();
  }
  if (isSmallFloat(from)) {
    Value bits = arith::BitcastOp::create(
        b, term.like(b.getIntegerType(from.getIntOrFloatBitWidth())), x);
    bits = arith::ExtUIOp::create(b, term.like(b.getI32Type()), bits);
    Num number = smallFloatNumber(cast<FloatType>(from), Int{{&b, bits}});
    if (isa<arith::ExtFOp>(op)) {
      if (to.isF32())
        return number.value;
      bool isWider = to.getIntOrFloatBitWidth() > f32Bits;
      return isWider ? Value(arith::ExtFOp::create(b, type, number.value))
                     : narrow(b, number, type);
    }
    if (isa<arith::FPToSIOp>(op))
      return arith::FPToSIOp::create(b, type, number.value);
    if (isa<arith::FPToUIOp>(op))
      return arith::FPToUIOp::create(b, type, number.value);
    return Value();
  }
  if (isa<arith::TruncFOp>(op) && (isSmall || to.isBF16())) {
    if (from.getIntOrFloatBitWidth() > f32Bits)
      return narrow(b, roundToOdd(b, x), type);
    if (!from.isF32())
      x = arith::ExtFOp::create(b, term.like(b.getF32Type()), x);
    return narrow(b, Num{{&b, x}}, type);
  }
  // A float of f32 between them would be rounded, too.
  bool isFromInteger = isa<arith::SIToFPOp, arith::UIToFPOp>(op);
  if (isFromInteger && from.getIntOrFloatBitWidth() <= 64 &&
      (isSmall || to.isBF16()))
    return narrow(b, integerRoundedToOdd(b, x, isa<arith::SIToFPOp>(op)), type);
  return Value();
}

bool rlx::widenArithmetic(Operation *op) {
  Type type = op->getNumResults() == 1 ? op->getResult(0).getType() : Type();
  if (!type || op->getNumOperands() == 0 || op->getNumRegions() != 0 ||
      isa<CastOpInterface, arith::SelectOp>(op))
    return false;
  Type operand = op->getOperand(0).getType();
  bool rounds =
      isa<arith::AddFOp, arith::SubFOp, arith::MulFOp, arith::DivFOp,
          arith::RemFOp, arith::MaximumFOp, arith::MinimumFOp, arith::MaxNumFOp,
          arith::MinNumFOp, math::FmaOp, math::SqrtOp>(op);
  bool isBf16 = getElementTypeOrSelf(operand).isBF16();
  if (!isSmallFloat(getElementTypeOrSelf(operand)) && !(isBf16 && rounds))
    return false;
  ImplicitLocOpBuilder b(op->getLoc(), op);
  // Nothing is rounded; LLVM would make those of f32 ones of bf16 again.
  if (isBf16 && isa<arith::MaxNumFOp, arith::MinNumFOp>(op)) {
    Value x = op->getOperand(0), y = op->getOperand(1);
    auto compare = [&](arith::CmpFPredicate predicate, Value p, Value q) {
      return arith::CmpFOp::create(b, predicate, p, q).getResult();
    };
    Value isFirst =
        compare(isa<arith::MaxNumFOp>(op) ? arith::CmpFPredicate::OGT
                                          : arith::CmpFPredicate::OLT,
                x, y);
    isFirst = arith::OrIOp::create(b, isFirst,
                                   compare(arith::CmpFPredicate::UNO, y, y));
    op->getResult(0).replaceAllUsesWith(
        arith::SelectOp::create(b, isFirst, x, y));
    op->erase();
    return true;
  }
  auto widened = [&](Type of) {
    return isa<FloatType>(getElementTypeOrSelf(of))
               ? Term{&b, op->getOperand(0)}.like(b.getF32Type())
               : of;
  };
  OperationState state(op->getLoc(), op->getName());
  for (Value value : op->getOperands())
    state.operands.push_back(
        isa<FloatType>(getElementTypeOrSelf(value.getType()))
            ? arith::ExtFOp::create(b, widened(value.getType()), value)
            : value);
  state.types.push_back(widened(type));
  state.addAttributes(llvm::to_vector(op->getDiscardableAttrs()));
  state.propertiesAttr = op->getPropertiesAsAttribute();
  Value result = b.create(state)->getResult(0);
  if (result.getType() != type)
    result = arith::TruncFOp::create(b, type, result);
  op->getResult(0).replaceAllUsesWith(result);
  op->erase();
  return true;
}
