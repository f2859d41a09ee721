//===- Conversions.cpp - Numbers of one type as those of another ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/reference/Elementwise.h"
#include "codegen/reference/Reach.h"

#include "ir/Reference.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/APFloat.h"

#include <cmath>

using namespace mlir;
using namespace rlx;

namespace {
/// The result is off by as much as the operand.
void keepDeviations(const ElementwiseCall &call) {
  ColumnView x = call.operands[0];
  if (!x.isExact())
    for (int64_t i = 0; i < call.count; ++i)
      call.result().allDeviations()[i] = x.deviation(i);
}

LogicalResult extendFloat(const ElementwiseCall &call) {
  ColumnView x = call.operands[0];
  for (int64_t i = 0; i < call.count; ++i)
    call.result().values[i] = x.value(i);
  keepDeviations(call);
  return success();
}

/// Rounded where the result is rounded at all.
void roundAll(const ElementwiseCall &call,
              llvm::function_ref<double(int64_t)> value,
              llvm::function_ref<double(int64_t)> deviation) {
  Rounding rounding(call.result().type);
  std::vector<double> &deviations = call.result().allDeviations();
  for (int64_t i = 0; i < call.count; ++i) {
    double exact = value(i), spread = deviation(i);
    // What the type has is not rounded.
    if (spread != 0 || rounding.nearest(exact) != exact)
      rounding.apply(exact, spread);
    call.result().values[i] = exact;
    deviations[i] = spread;
  }
}

LogicalResult truncateFloat(const ElementwiseCall &call) {
  auto mode = cast<arith::TruncFOp>(call.op).getRoundingmode();
  if (mode && *mode != arith::RoundingMode::to_nearest_even)
    return call.op->emitOpError()
           << "cannot be verified: it does not round to the nearest";
  ColumnView x = call.operands[0];
  roundAll(
      call, [&](int64_t i) { return x.value(i); },
      [&](int64_t i) { return x.deviation(i); });
  return success();
}

template <bool isSigned>
LogicalResult integerToFloat(const ElementwiseCall &call) {
  ColumnView x = call.operands[0];
  roundAll(
      call,
      [&](int64_t i) {
        return isSigned ? double(x.signedValue(i)) : double(x.bits(i));
      },
      [&](int64_t i) { return x.deviation(i); });
  return success();
}

/// Towards zero; what does not fit has no value that anyone may use. A number
/// that may lie on the other side of a step may become another.
template <bool isSigned>
LogicalResult floatToInteger(const ElementwiseCall &call) {
  unsigned width = widthOf(call.result().type);
  ColumnView x = call.operands[0];
  for (int64_t i = 0; i < call.count; ++i) {
    llvm::APSInt whole(width, /*isUnsigned=*/!isSigned);
    bool isExact;
    llvm::APFloat(x.value(i))
        .convertToInteger(whole, llvm::APFloat::rmTowardZero, &isExact);
    call.result().bits[i] = whole.getZExtValue();
    auto truncated = [](double x) { return std::trunc(x); };
    double deviation = x.deviation(i);
    if (deviation > 0)
      deviation = reachOfUnary(truncated, x.value(i), deviation,
                               std::trunc(x.value(i)), 0);
    if (deviation > 0)
      call.result().allDeviations()[i] = deviation;
  }
  return success();
}

template <bool isSigned> LogicalResult resize(const ElementwiseCall &call) {
  unsigned width = widthOf(call.result().type);
  ColumnView x = call.operands[0];
  for (int64_t i = 0; i < call.count; ++i)
    call.result().bits[i] =
        wrapBits(isSigned ? uint64_t(x.signedValue(i)) : x.bits(i), width);
  keepDeviations(call);
  return success();
}

/// Bits of a float that the program rounds, and this does not, are not known.
LogicalResult bitcast(const ElementwiseCall &call) {
  const Numbers &from = *call.operands[0].numbers;
  Numbers &to = call.result();
  for (int64_t i = 0; i < call.count; ++i) {
    uint64_t bits;
    if (auto type = dyn_cast<FloatType>(from.type)) {
      double value = call.operands[0].value(i);
      if (call.operands[0].deviation(i) != 0 ||
          (!std::isnan(value) && Rounding(type).nearest(value) != value))
        return call.op->emitOpError()
               << "cannot be verified: it uses the bits of a number that was "
                  "rounded, which is not done in double precision";
      llvm::APFloat number(value);
      bool losesInfo;
      number.convert(type.getFloatSemantics(),
                     llvm::APFloat::rmNearestTiesToEven, &losesInfo);
      bits = number.bitcastToAPInt().getZExtValue();
    } else {
      bits = call.operands[0].bits(i);
      if (call.operands[0].deviation(i) != 0)
        to.allDeviations()[i] = std::numeric_limits<double>::infinity();
    }
    if (auto type = dyn_cast<FloatType>(to.type))
      to.values[i] = decodeFloat(type, bits);
    else
      to.bits[i] = bits;
  }
  return success();
}

/// Of scales, f8E8M0FNU has the exponent alone.
template <bool divides> LogicalResult scale(const ElementwiseCall &call) {
  ColumnView x = call.operands[0], by = call.operands[1];
  Rounding exponent(Float8E8M0FNUType::get(call.op->getContext()));
  auto factor = [&](int64_t i) {
    double value = exponent.nearest(by.value(i));
    return divides ? 1 / value : value;
  };
  roundAll(
      call, [&](int64_t i) { return x.value(i) * factor(i); },
      [&](int64_t i) { return x.deviation(i) * factor(i); });
  return success();
}
} // namespace

void rlx::addConversions(ElementwiseTable &table) {
  table["arith.extf"] = extendFloat;
  table["arith.truncf"] = truncateFloat;
  table["arith.sitofp"] = integerToFloat<true>;
  table["arith.uitofp"] = integerToFloat<false>;
  table["arith.fptosi"] = floatToInteger<true>;
  table["arith.fptoui"] = floatToInteger<false>;
  table["arith.extsi"] = resize<true>;
  table["arith.extui"] = resize<false>;
  table["arith.trunci"] = resize<false>;
  table["arith.index_cast"] = resize<true>;
  table["arith.index_castui"] = resize<false>;
  table["arith.bitcast"] = bitcast;
  table["tensor.bitcast"] = bitcast;
  table["arith.scaling_extf"] = scale<false>;
  table["arith.scaling_truncf"] = scale<true>;
}

ElementwiseFunction rlx::findElementwise(Operation *op) {
  static const ElementwiseTable table = [] {
    ElementwiseTable all;
    addFloatArithmetic(all);
    addFloatFunctions(all);
    addIntegerArithmetic(all);
    addConversions(all);
    return all;
  }();
  return table.lookup(op->getName().getStringRef());
}
