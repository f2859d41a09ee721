//===- IntegerArithmetic.cpp - Integers of up to 64 bits ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/reference/Elementwise.h"
#include "codegen/reference/Reach.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace rlx;

namespace {
int64_t s(uint64_t bits, unsigned width) { return signedBits(bits, width); }

//===----------------------------------------------------------------------===//
// What is defined for all numbers
//===----------------------------------------------------------------------===//

using Binary = uint64_t(uint64_t a, uint64_t b, unsigned w);

uint64_t add(uint64_t a, uint64_t b, unsigned) { return a + b; }
uint64_t subtract(uint64_t a, uint64_t b, unsigned) { return a - b; }
uint64_t multiply(uint64_t a, uint64_t b, unsigned) { return a * b; }
uint64_t bitAnd(uint64_t a, uint64_t b, unsigned) { return a & b; }
uint64_t bitOr(uint64_t a, uint64_t b, unsigned) { return a | b; }
uint64_t bitXor(uint64_t a, uint64_t b, unsigned) { return a ^ b; }
uint64_t maxS(uint64_t a, uint64_t b, unsigned w) {
  return s(a, w) > s(b, w) ? a : b;
}
uint64_t minS(uint64_t a, uint64_t b, unsigned w) {
  return s(a, w) < s(b, w) ? a : b;
}
uint64_t maxU(uint64_t a, uint64_t b, unsigned) { return std::max(a, b); }
uint64_t minU(uint64_t a, uint64_t b, unsigned) { return std::min(a, b); }
// Shifts by the width or more have no value that anyone may use.
uint64_t shiftLeft(uint64_t a, uint64_t b, unsigned w) {
  return b < w ? a << b : 0;
}
uint64_t shiftRightU(uint64_t a, uint64_t b, unsigned w) {
  return b < w ? a >> b : 0;
}
uint64_t shiftRightS(uint64_t a, uint64_t b, unsigned w) {
  return uint64_t(s(a, w) >> std::min<uint64_t>(b, w - 1));
}

/// The deviation of F(a, b) of two integers that are not exact. A sum is off by
/// what its terms are, as is a choice or what is done to answers of
/// comparisons. Of others nothing is known.
template <Binary *F> double deviationOf(double a, double b, unsigned width) {
  if (a == 0 && b == 0)
    return 0;
  if (F == add || F == subtract)
    return combineDeviations(a, b);
  bool isChoice = F == maxS || F == minS || F == maxU || F == minU;
  bool isLogic = F == bitAnd || F == bitOr || F == bitXor;
  return isChoice || (isLogic && width == 1) ? std::fmax(a, b)
                                             : unknownDeviation;
}

/// The same of any other function: exact where all operands are.
void doubtInexact(const ElementwiseCall &call) {
  for (const ColumnView &operand : call.operands) {
    if (operand.isExact())
      continue;
    for (Numbers &result : call.results)
      for (int64_t i = 0; i < call.count; ++i)
        if (operand.deviation(i) != 0)
          result.allDeviations()[i] = unknownDeviation;
  }
}

template <Binary *F> LogicalResult binary(const ElementwiseCall &call) {
  unsigned width = widthOf(call.result().type);
  ColumnView a = call.operands[0], b = call.operands[1];
  for (int64_t i = 0; i < call.count; ++i)
    call.result().bits[i] = wrapBits(F(a.bits(i), b.bits(i), width), width);
  if (!a.isExact() || !b.isExact())
    for (int64_t i = 0; i < call.count; ++i)
      call.result().allDeviations()[i] =
          deviationOf<F>(a.deviation(i), b.deviation(i), width);
  return success();
}

//===----------------------------------------------------------------------===//
// Quotients
//===----------------------------------------------------------------------===//

uint64_t divideU(uint64_t a, uint64_t b, unsigned) { return a / b; }
uint64_t remainderU(uint64_t a, uint64_t b, unsigned) { return a % b; }
uint64_t ceilU(uint64_t a, uint64_t b, unsigned) {
  return a / b + (a % b != 0);
}
uint64_t divideS(uint64_t a, uint64_t b, unsigned w) {
  return uint64_t(s(a, w) / s(b, w));
}
uint64_t remainderS(uint64_t a, uint64_t b, unsigned w) {
  return uint64_t(s(a, w) % s(b, w));
}
uint64_t floorS(uint64_t a, uint64_t b, unsigned w) {
  return uint64_t(llvm::divideFloorSigned(s(a, w), s(b, w)));
}
uint64_t ceilS(uint64_t a, uint64_t b, unsigned w) {
  return uint64_t(llvm::divideCeilSigned(s(a, w), s(b, w)));
}

template <Binary *F, bool isSigned>
LogicalResult quotient(const ElementwiseCall &call) {
  unsigned width = widthOf(call.result().type);
  uint64_t least = wrapBits(uint64_t(1) << (width - 1), width),
           minusOne = wrapBits(~uint64_t(0), width);
  for (int64_t i = 0; i < call.count; ++i) {
    uint64_t a = call.operands[0].bits(i), b = call.operands[1].bits(i);
    if (b == 0)
      return call.op->emitOpError() << "expected a divisor other than 0";
    if (isSigned && a == least && b == minusOne)
      return call.op->emitOpError()
             << "expected a quotient of " << width << " bits, but got "
             << s(a, width) << " divided by -1";
    call.result().bits[i] = wrapBits(F(a, b, width), width);
  }
  doubtInexact(call);
  return success();
}

//===----------------------------------------------------------------------===//
// Others
//===----------------------------------------------------------------------===//

LogicalResult compareIntegers(const ElementwiseCall &call) {
  auto how = cast<arith::CmpIOp>(call.op).getPredicate();
  for (int64_t i = 0; i < call.count; ++i) {
    APInt a(64, uint64_t(call.operands[0].signedValue(i))),
        b(64, uint64_t(call.operands[1].signedValue(i)));
    call.result().bits[i] = arith::applyCmpPredicate(how, a, b);
    double deviation = combineDeviations(call.operands[0].deviation(i),
                                         call.operands[1].deviation(i));
    if (deviation > 0)
      call.result().allDeviations()[i] = doubtOf(
          double(a.getSExtValue()) - double(b.getSExtValue()), deviation);
  }
  return success();
}

using Unary = uint64_t(uint64_t a, unsigned w);
uint64_t absolute(uint64_t a, unsigned w) { return s(a, w) < 0 ? -a : a; }
uint64_t leadingZeros(uint64_t a, unsigned w) {
  return llvm::countl_zero(a) - (64 - w);
}
uint64_t trailingZeros(uint64_t a, unsigned w) {
  return std::min<uint64_t>(llvm::countr_zero(a), w);
}
uint64_t ones(uint64_t a, unsigned) { return llvm::popcount(a); }

template <Unary *F> LogicalResult unary(const ElementwiseCall &call) {
  unsigned width = widthOf(call.result().type);
  for (int64_t i = 0; i < call.count; ++i)
    call.result().bits[i] = wrapBits(F(call.operands[0].bits(i), width), width);
  doubtInexact(call);
  return success();
}

/// math.ipowi: negative exponents give the whole part of the quotient.
LogicalResult power(const ElementwiseCall &call) {
  unsigned width = widthOf(call.result().type);
  for (int64_t i = 0; i < call.count; ++i) {
    int64_t base = call.operands[0].signedValue(i),
            exponent = call.operands[1].signedValue(i);
    uint64_t result = 1;
    if (exponent < 0) {
      if (base == 0)
        return call.op->emitOpError()
               << "expected a base other than 0 for exponent " << exponent;
      result = base == 1 ? 1 : base == -1 ? (exponent % 2 ? -1 : 1) : 0;
    }
    uint64_t factor = uint64_t(base);
    for (int64_t left = exponent; left > 0; left /= 2, factor *= factor)
      if (left % 2)
        result *= factor;
    call.result().bits[i] = wrapBits(result, width);
  }
  doubtInexact(call);
  return success();
}

/// The lower and the upper half of a product.
template <bool isSigned> LogicalResult product(const ElementwiseCall &call) {
  unsigned width = widthOf(call.result().type);
  for (int64_t i = 0; i < call.count; ++i) {
    uint64_t a = call.operands[0].bits(i), b = call.operands[1].bits(i);
    auto extend = [&](uint64_t bits) {
      APInt number(width, bits, /*isSigned=*/false, /*implicitTrunc=*/true);
      return isSigned ? number.sext(2 * width) : number.zext(2 * width);
    };
    APInt all = extend(a) * extend(b);
    call.results[0].bits[i] = all.trunc(width).getZExtValue();
    call.results[1].bits[i] = all.lshr(width).trunc(width).getZExtValue();
  }
  doubtInexact(call);
  return success();
}

LogicalResult sumAndCarry(const ElementwiseCall &call) {
  unsigned width = widthOf(call.results[0].type);
  for (int64_t i = 0; i < call.count; ++i) {
    uint64_t a = call.operands[0].bits(i), b = call.operands[1].bits(i);
    uint64_t sum = wrapBits(a + b, width);
    call.results[0].bits[i] = sum;
    call.results[1].bits[i] = sum < a;
  }
  doubtInexact(call);
  return success();
}

struct Entry {
  ElementwiseFunction columns;
  IntegerFunction numbers;
};
template <Binary *F> Entry entry() { return {binary<F>, F}; }

const llvm::StringMap<Entry> &binaries() {
  static const llvm::StringMap<Entry> table = {
      {"arith.addi", entry<add>()},
      {"arith.subi", entry<subtract>()},
      {"arith.muli", entry<multiply>()},
      {"arith.andi", entry<bitAnd>()},
      {"arith.ori", entry<bitOr>()},
      {"arith.xori", entry<bitXor>()},
      {"arith.maxsi", entry<maxS>()},
      {"arith.minsi", entry<minS>()},
      {"arith.maxui", entry<maxU>()},
      {"arith.minui", entry<minU>()},
      {"arith.shli", entry<shiftLeft>()},
      {"arith.shrui", entry<shiftRightU>()},
      {"arith.shrsi", entry<shiftRightS>()}};
  return table;
}
} // namespace

IntegerFunction rlx::findIntegerFunction(Operation *op) {
  return binaries().lookup(op->getName().getStringRef()).numbers;
}

void rlx::addIntegerArithmetic(ElementwiseTable &table) {
  for (const auto &known : binaries())
    table[known.getKey()] = known.getValue().columns;
  table["arith.divui"] = quotient<divideU, false>;
  table["arith.remui"] = quotient<remainderU, false>;
  table["arith.ceildivui"] = quotient<ceilU, false>;
  table["arith.divsi"] = quotient<divideS, true>;
  table["arith.remsi"] = quotient<remainderS, true>;
  table["arith.floordivsi"] = quotient<floorS, true>;
  table["arith.ceildivsi"] = quotient<ceilS, true>;
  table["arith.cmpi"] = compareIntegers;
  table["arith.mulsi_extended"] = product<true>;
  table["arith.mului_extended"] = product<false>;
  table["arith.addui_extended"] = sumAndCarry;
  table["math.absi"] = unary<absolute>;
  table["math.ctlz"] = unary<leadingZeros>;
  table["math.cttz"] = unary<trailingZeros>;
  table["math.ctpop"] = unary<ones>;
  table["math.ipowi"] = power;
}
