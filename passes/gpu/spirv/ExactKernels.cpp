//===- ExactKernels.cpp - Kernels whose numbers are not the driver's ------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Vulkan bounds few functions, and some loosely: pow may lose a NaN, atan2 be
// wrong by 4096 units in the last place, the maximum of a number and a NaN be
// either, a remainder be that of a rounded quotient. Additions,
// multiplications and operations on bits are all that is relied on here.
//
//===----------------------------------------------------------------------===//

#include "passes/gpu/spirv/ExactKernels.h"

#include "passes/math/MathFunctions.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace rlx;
using namespace rlx::mathx;

/// The larger of two numbers, or the smaller: 0.0 is above -0.0.
static Num larger(Num x, Num y, bool isMaximum, bool keepsNan) {
  Int bits = isMaximum ? x.bits() & y.bits() : x.bits() | y.bits();
  Num equal =
      choose(x == y, fromBits(bits), keepsNan ? x + y : choose(isNan(x), y, x));
  Truth isX = isMaximum ? x > y : x < y, isY = isMaximum ? x < y : x > y;
  return choose(isX, x, choose(isY, y, equal));
}

/// The same of f64, without its bits.
static Value largerDouble(Operation *op) {
  bool isMaximum = isa<arith::MaximumFOp, arith::MaxNumFOp>(op),
       keepsNan = isa<arith::MaximumFOp, arith::MinimumFOp>(op);
  ImplicitLocOpBuilder b(op->getLoc(), op);
  Value x = op->getOperand(0), y = op->getOperand(1);
  auto compare = [&](arith::CmpFPredicate predicate, Value p, Value q) {
    return arith::CmpFOp::create(b, predicate, p, q).getResult();
  };
  auto select = [&](Value condition, Value yes, Value no) -> Value {
    return arith::SelectOp::create(b, condition, yes, no);
  };
  auto negated = [&](Value p) -> Value { return arith::NegFOp::create(b, p); };
  using P = arith::CmpFPredicate;
  Value sum = arith::AddFOp::create(b, x, y), zero = sum;
  if (!isMaximum)
    zero = negated(arith::AddFOp::create(b, negated(x), negated(y)));
  Value none = arith::ConstantOp::create(b, b.getZeroAttr(x.getType()));
  Value equal = select(compare(P::OEQ, x, none), zero, x);
  Value other = keepsNan ? sum : select(compare(P::UNO, x, x), y, x);
  Value rest = select(compare(P::OEQ, x, y), equal, other);
  P isFirst = isMaximum ? P::OGT : P::OLT;
  return select(compare(isFirst, x, y), x,
                select(compare(isFirst, y, x), y, rest));
}

/// The remainder of a division rounded towards zero, with the sign of `x`: long
/// division of the mantissas, a few bits of the quotient at a time.
static Num remainder(Num x, Num y) {
  constexpr int64_t step = 7, infinity = 0x7f800000;
  mathx::Builder &b = *x.b;
  auto split = [](Num number) -> std::pair<Int, Int> {
    Int bits = number.bits() & 0x7fffffff, exponent = bits >> 23;
    Truth isNormal = exponent > 0;
    Int mantissa = bits & 0x7fffff;
    return {choose(isNormal, mantissa | 0x800000, mantissa),
            choose(isNormal, exponent, bits.number(1))};
  };
  auto rem = [&](Int dividend, Int divisor) {
    return Int{{&b, arith::RemUIOp::create(b, dividend.value, divisor.value)}};
  };
  auto [mx, ex] = split(x);
  auto [my, ey] = split(y);
  my = choose(my == 0, my.number(1), my);
  Int distance = ex - ey;
  distance = choose(distance < 0, distance.number(0), distance);
  Value count = arith::IndexCastUIOp::create(
      b, b.getIndexType(),
      arith::DivUIOp::create(b, distance.value, distance.number(step).value));
  Value zero = arith::ConstantIndexOp::create(b, 0);
  Value one = arith::ConstantIndexOp::create(b, 1);
  auto loop =
      scf::ForOp::create(b, zero, count, one, ValueRange{rem(mx, my).value});
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Int carried{{&b, loop.getRegionIterArgs()[0]}};
    scf::YieldOp::create(b, rem(carried << step, my).value);
  }
  Int left{{&b, loop.getResult(0)}};
  Int last = rem(distance, distance.number(step));
  left = rem(left << last, my);
  Int n = ey - 150, half = n.shiftSigned(1);
  Num result = toNumber(left) * fromBits((half + 127) << 23) *
               fromBits(((n - half) + 127) << 23);
  Int xBits = x.bits() & 0x7fffffff, yBits = y.bits() & 0x7fffffff;
  result = choose(xBits.compare(arith::CmpIPredicate::slt, yBits), x, result);
  Truth isNone = (xBits > infinity - 1) | (yBits > infinity) | (yBits == 0);
  return choose(isNone, nanLike(x), withSign(result, x));
}

/// `x^n`, `n` an i32.
static Num integerPower(Num x, Int n) {
  Num power = mathx::pow(absolute(x), toNumber(n));
  Truth isNegative = hasSign(x) & ((n & 1) != 0);
  Num signedPower = choose(isNegative, negated(power), power);
  // The sign of a NaN is nobody's.
  return choose(n == 0, x.number(1), signedPower);
}

/// The number of zeros below the lowest one of an i32.
static Value trailingZeros(Int x) {
  Int below = (x ^ -1) & (x - 1);
  return math::CtPopOp::create(*x.b, below.value);
}

/// The integer beside `x` that is nearer to zero. SPIR-V's Trunc has no
/// operation in MLIR.
static Num truncated(Num x) {
  // From 2^23 on there are no fractions; a NaN is not below it.
  Truth hasFraction = absolute(x) < 8388608;
  Num small = choose(hasFraction, x, x.number(0));
  return choose(hasFraction, withSign(toNumber(toInteger(small)), x), x);
}

/// The remainder of a division rounded towards zero. MLIR's way to SPIR-V takes
/// the least number for a positive one, since its magnitude is itself.
static Value signedRemainder(arith::RemSIOp op) {
  ImplicitLocOpBuilder b(op.getLoc(), op);
  Value x = op.getLhs(), y = op.getRhs();
  Value whole = arith::MulIOp::create(b, arith::DivSIOp::create(b, x, y), y);
  return arith::SubIOp::create(b, x, whole);
}

/// What replaces a maximum or minimum; null for other operations.
static Value replacementOfMaximum(Operation *op) {
  if (!isa<arith::MaximumFOp, arith::MinimumFOp, arith::MaxNumFOp,
           arith::MinNumFOp>(op))
    return Value();
  Type type = getElementTypeOrSelf(op->getResult(0).getType());
  if (type.isF64())
    return largerDouble(op);
  if (!type.isF32())
    return Value();
  mathx::Builder b(op->getLoc(), op);
  return larger(Num{{&b, op->getOperand(0)}}, Num{{&b, op->getOperand(1)}},
                isa<arith::MaximumFOp, arith::MaxNumFOp>(op),
                isa<arith::MaximumFOp, arith::MinimumFOp>(op))
      .value;
}

/// What replaces `op` in exact kernels, or in all; null for nothing.
static Value replacementOf(Operation *op, bool isExact) {
  if (op->getNumResults() != 1)
    return Value();
  mathx::Builder b(op->getLoc(), op);
  auto number = [&](unsigned i) { return Num{{&b, op->getOperand(i)}}; };
  auto integer = [&](unsigned i) { return Int{{&b, op->getOperand(i)}}; };
  Type type = getElementTypeOrSelf(op->getResult(0).getType());
  if (auto zeros = dyn_cast<math::CountTrailingZerosOp>(op))
    return type.isInteger(32) ? trailingZeros(integer(0)) : Value();
  if (auto power = dyn_cast<math::FPowIOp>(op))
    return type.isF32() && getElementTypeOrSelf(power.getRhs()).isInteger(32)
               ? integerPower(number(0), integer(1)).value
               : Value();
  if (auto remainder = dyn_cast<arith::RemSIOp>(op))
    return isExact ? signedRemainder(remainder) : Value();
  if (isa<math::TruncOp>(op) && type.isF32())
    return truncated(number(0)).value;
  if (Value expanded = expandMath(op))
    return expanded;
  if (!isExact)
    return Value();
  if (Value maximum = replacementOfMaximum(op))
    return maximum;
  if (!type.isF32())
    return Value();
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case([&](arith::RemFOp) {
        return isa<VectorType>(op->getResult(0).getType())
                   ? Value()
                   : remainder(number(0), number(1)).value;
      })
      .Default(Value());
}

void rlx::expandMaxima(gpu::GPUModuleOp kernels,
                       const llvm::StringSet<> &exact) {
  SmallVector<Operation *> operations;
  kernels.walk([&](Operation *op) {
    auto kernel = op->getParentOfType<gpu::GPUFuncOp>();
    if (kernel && exact.contains(kernel.getName()))
      operations.push_back(op);
  });
  for (Operation *op : operations)
    if (Value replacement = replacementOfMaximum(op)) {
      op->getResult(0).replaceAllUsesWith(replacement);
      op->erase();
    }
}

LogicalResult rlx::expandForVulkan(gpu::GPUModuleOp kernels,
                                   const llvm::StringSet<> &exact) {
  SmallVector<Operation *> operations;
  kernels.walk([&](Operation *op) {
    if (isa_and_nonnull<math::MathDialect, arith::ArithDialect>(
            op->getDialect()))
      operations.push_back(op);
  });
  for (Operation *op : operations) {
    // Two results, two functions.
    if (auto both = dyn_cast<math::SincosOp>(op)) {
      OpBuilder b(op);
      Value x = both.getOperand();
      Value sin = math::SinOp::create(b, op->getLoc(), x);
      Value cos = math::CosOp::create(b, op->getLoc(), x);
      both.replaceAllUsesWith(ValueRange{sin, cos});
      op->erase();
      for (Value value : {sin, cos})
        if (Value expanded = replacementOf(value.getDefiningOp(), true)) {
          value.replaceAllUsesWith(expanded);
          value.getDefiningOp()->erase();
        }
      continue;
    }
    bool isExact =
        exact.contains(op->getParentOfType<gpu::GPUFuncOp>().getName());
    if (Value replacement = replacementOf(op, isExact)) {
      op->getResult(0).replaceAllUsesWith(replacement);
      op->erase();
    }
  }
  return success();
}

void rlx::forbidContraction(spirv::FuncOp kernel) {
  auto unit = UnitAttr::get(kernel.getContext());
  kernel.walk([&](Operation *op) {
    if (isa<spirv::FAddOp, spirv::FSubOp, spirv::FMulOp, spirv::FDivOp,
            spirv::FNegateOp>(op))
      op->setAttr("no_contraction", unit);
  });
}
