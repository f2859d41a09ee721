//===- CodeNumbers.cpp - From codes to numbers ----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/decode/CodeNumbers.h"

#include "ir/Reference.h"
#include "passes/decode/TableInMemory.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/APFloat.h"

#include <cmath>

using namespace mlir;
using namespace rlx;

/// The type of f32, i32, ... lanes beside `lanes`.
Type CodeNumbers::like(Value lanes, Type type) const {
  if (auto vector = dyn_cast<VectorType>(lanes.getType()))
    return VectorType::get(vector.getShape(), type);
  return type;
}

Value CodeNumbers::splat(int64_t value, Value lanes) {
  Type type = like(lanes, builder.getI32Type());
  if (auto vector = dyn_cast<VectorType>(type))
    return arith::ConstantOp::create(
        builder, loc, DenseElementsAttr::get(vector, int32_t(value)));
  return arith::ConstantOp::create(builder, loc,
                                   builder.getI32IntegerAttr(int32_t(value)));
}

Value CodeNumbers::splat(int64_t value, int64_t lanes) {
  auto type = VectorType::get(lanes, builder.getI32Type());
  return arith::ConstantOp::create(
      builder, loc, DenseElementsAttr::get(type, int32_t(value)));
}

/// A constant of f32 like `lanes`.
Value CodeNumbers::number(double value, Value lanes) {
  Type type = like(lanes, builder.getF32Type());
  if (auto vector = dyn_cast<VectorType>(type))
    return arith::ConstantOp::create(
        builder, loc, DenseElementsAttr::get(vector, float(value)));
  return arith::ConstantOp::create(builder, loc,
                                   builder.getF32FloatAttr(float(value)));
}

/// Entry `codes` of a table of at most 256 numbers.
Value CodeNumbers::lookUp(ArrayRef<double> table, Value codes) {
  if (deviceLookUp)
    return deviceLookUp(table, codes);
  int64_t lanes = cast<VectorType>(codes.getType()).getNumElements();
  SmallVector<float> entries(table.begin(), table.end());
  auto tableType = VectorType::get(entries.size(), builder.getF32Type());
  auto values = DenseElementsAttr::get(tableType, ArrayRef<float>(entries));
  // Back ends turn elements of a vector into one permutation where the table
  // fits a register, and store a larger one for each lane anew.
  constexpr size_t mostInRegister = 16;
  if (entries.size() > mostInRegister) {
    auto numbers = cast<VectorType>(like(codes, builder.getF32Type()));
    auto constant = [&](Type element, TypedAttr value) -> Value {
      auto type = VectorType::get(lanes, element);
      return arith::ConstantOp::create(builder, loc,
                                       DenseElementsAttr::get(type, value));
    };
    Value begin = arith::ConstantIndexOp::create(builder, loc, 0);
    return vector::GatherOp::create(
        builder, loc, numbers, tableInMemory(builder, loc, values),
        ValueRange{begin}, codes,
        constant(builder.getI1Type(), builder.getBoolAttr(true)),
        constant(builder.getF32Type(), builder.getF32FloatAttr(0)));
  }
  Value entry = arith::ConstantOp::create(builder, loc, values);
  SmallVector<Value> numbers;
  for (int64_t lane = 0; lane < lanes; ++lane) {
    Value code = vector::ExtractOp::create(builder, loc, codes, lane);
    Value index = arith::IndexCastUIOp::create(builder, loc,
                                               builder.getIndexType(), code);
    numbers.push_back(vector::ExtractOp::create(builder, loc, entry,
                                                ArrayRef<OpFoldResult>{index}));
  }
  return vector::FromElementsOp::create(
      builder, loc, cast<VectorType>(like(codes, builder.getF32Type())),
      numbers);
}

//===----------------------------------------------------------------------===//
// Floats
//===----------------------------------------------------------------------===//

namespace {
/// How the bits of a float type of at most 16 bits relate to those of f32.
struct FloatBits {
  explicit FloatBits(FloatType type) {
    const llvm::fltSemantics &semantics = type.getFloatSemantics();
    mantissa = llvm::APFloat::semanticsPrecision(semantics) - 1;
    bias = 1 - llvm::APFloat::semanticsMinExponent(semantics);
    hasSign = llvm::APFloat::semanticsHasSignedRepr(semantics);
    // A float without mantissa has no subnormals: the exponent field counts
    // from 0.
    if (mantissa == 0)
      bias = -llvm::APFloat::semanticsMinExponent(semantics);
    width = type.getWidth();
    shift = f32Mantissa - mantissa;
    magnitudes = int64_t(1) << (width - hasSign);
  }
  static constexpr int f32Mantissa = 23, f32Bias = 127;
  int mantissa, bias, width, shift;
  bool hasSign;
  int64_t magnitudes;
};
} // namespace

/// Selects the reference's number for those codes of at most 8 bits where
/// `computed` is another.
Value CodeNumbers::selectCodes(FieldAttr field, Value magnitude, Value result,
                               llvm::function_ref<float(int64_t)> computed,
                               int64_t magnitudes) {
  auto type = cast<FloatType>(field.getType());
  for (int64_t code = 0; code < magnitudes; ++code) {
    double wanted = decodeFloat(type, code);
    if (field.getNanAsZero() && std::isnan(wanted))
      wanted = 0;
    if (double(computed(code)) == wanted)
      continue;
    Value isCode = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq,
                                         magnitude, splat(code, magnitude));
    result = arith::SelectOp::create(builder, loc, isCode,
                                     number(wanted, magnitude), result);
  }
  return result;
}

/// `result` with the sign bit of codes of a float of `width` bits.
Value CodeNumbers::withSign(Value result, Value codes, int width) {
  int64_t signBit = int64_t(1) << (width - 1);
  Value sign =
      arith::AndIOp::create(builder, loc, codes, splat(signBit, codes));
  sign = arith::ShLIOp::create(builder, loc, sign,
                               splat(int64_t(32 - width), codes));
  Value bits = arith::BitcastOp::create(
      builder, loc, like(codes, builder.getI32Type()), result);
  bits = arith::OrIOp::create(builder, loc, bits, sign);
  return arith::BitcastOp::create(builder, loc,
                                  like(codes, builder.getF32Type()), bits);
}

/// A float of at most 8 bits. Exponent and mantissa are moved to where f32 has
/// them; a product with a power of two mends the bias, for subnormals too.
/// Codes for which that is not the number (infinities, NaNs, a zero exponent
/// that is not subnormal) are found by comparing with the reference, and
/// selected.
Value CodeNumbers::decodeSmallFloat(FieldAttr field, Value codes) {
  FloatBits bits(cast<FloatType>(field.getType()));
  double unbias = std::ldexp(1.0, FloatBits::f32Bias - bits.bias);
  Value magnitude = codes;
  if (bits.hasSign)
    magnitude = arith::AndIOp::create(builder, loc, codes,
                                      splat(bits.magnitudes - 1, codes));
  Value moved = arith::ShLIOp::create(builder, loc, magnitude,
                                      splat(int64_t(bits.shift), codes));
  Value result = arith::BitcastOp::create(
      builder, loc, like(codes, builder.getF32Type()), moved);
  if (unbias != 1)
    result = arith::MulFOp::create(builder, loc, result, number(unbias, codes));
  auto computed = [&](int64_t code) {
    return float(llvm::bit_cast<float>(uint32_t(code << bits.shift)) * unbias);
  };
  result = selectCodes(field, magnitude, result, computed, bits.magnitudes);
  if (!bits.hasSign || field.width() < unsigned(bits.width))
    return result;
  return withSign(result, codes, bits.width);
}

/// A float of at most 16 bits without subnormal f32 on the way: the exponent is
/// mended by an addition of integers, subnormals are converted as integers.
Value CodeNumbers::assembleFloat(FieldAttr field, Value codes) {
  FloatBits bits(cast<FloatType>(field.getType()));
  Type f32 = like(codes, builder.getF32Type());
  Value magnitude = codes;
  if (bits.hasSign)
    magnitude = arith::AndIOp::create(builder, loc, codes,
                                      splat(bits.magnitudes - 1, codes));
  Value moved = arith::ShLIOp::create(builder, loc, magnitude,
                                      splat(int64_t(bits.shift), codes));
  int64_t mend = int64_t(FloatBits::f32Bias - bits.bias)
                 << FloatBits::f32Mantissa;
  bool isSameRange = mend == 0;
  if (!isSameRange)
    moved = arith::AddIOp::create(builder, loc, moved, splat(mend, codes));
  int64_t subnormals = int64_t(1) << bits.mantissa;
  double unit = std::ldexp(1.0, 1 - bits.bias - bits.mantissa);
  // Halves and their like: the last exponent is infinity and NaNs.
  bool isWide = bits.width > 8;
  if (isWide && !isSameRange) {
    int64_t firstSpecial = bits.magnitudes - subnormals;
    Value isSpecial =
        arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::uge,
                              magnitude, splat(firstSpecial, codes));
    Value special =
        arith::OrIOp::create(builder, loc, moved, splat(0x7f800000, codes));
    moved = arith::SelectOp::create(builder, loc, isSpecial, special, moved);
  }
  Value result = arith::BitcastOp::create(builder, loc, f32, moved);
  if (bits.mantissa > 0 && !isSameRange) {
    Value isSubnormal =
        arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ult,
                              magnitude, splat(subnormals, codes));
    Value small = arith::MulFOp::create(
        builder, loc, arith::SIToFPOp::create(builder, loc, f32, magnitude),
        number(unit, codes));
    result = arith::SelectOp::create(builder, loc, isSubnormal, small, result);
  }
  if (!isWide) {
    auto computed = [&](int64_t code) {
      if (bits.mantissa > 0 && !isSameRange && code < subnormals)
        return float(code * unit);
      return llvm::bit_cast<float>(uint32_t((code << bits.shift) + mend));
    };
    result = selectCodes(field, magnitude, result, computed, bits.magnitudes);
  }
  if (bits.hasSign && field.width() >= unsigned(bits.width))
    result = withSign(result, codes, bits.width);
  if (isWide && field.getNanAsZero()) {
    // By bits: a device may assume that there are no NaNs.
    Value isNan = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ugt,
                                        moved, splat(0x7f800000, codes));
    result =
        arith::SelectOp::create(builder, loc, isNan, number(0, codes), result);
  }
  return result;
}

//===----------------------------------------------------------------------===//
// All fields
//===----------------------------------------------------------------------===//

Value CodeNumbers::integers(FieldAttr field, Value code) {
  if (field.getType().isSignedInteger())
    code = signExtended(field.width(), code);
  if (field.getBias())
    code =
        arith::SubIOp::create(builder, loc, code, splat(field.getBias(), code));
  return code;
}

Value CodeNumbers::signExtended(unsigned width, Value code) {
  constexpr unsigned wide = 32;
  if (width >= wide)
    return code;
  Value unused = splat(int64_t(wide - width), code);
  code = arith::ShLIOp::create(builder, loc, code, unused);
  return arith::ShRSIOp::create(builder, loc, code, unused);
}

/// step * code + start; both operations are exact.
Value CodeNumbers::linearNumbers(LinearCodebook line, unsigned width,
                                 Value code) {
  if (line.isSigned)
    code = signExtended(width, code);
  Value result = arith::SIToFPOp::create(
      builder, loc, like(code, builder.getF32Type()), code);
  if (line.step != 1)
    result =
        arith::MulFOp::create(builder, loc, result, number(line.step, code));
  if (line.start != 0)
    result =
        arith::AddFOp::create(builder, loc, result, number(line.start, code));
  return result;
}

Value CodeNumbers::convert(FieldAttr field, Value code) {
  Type f32s = like(code, builder.getF32Type());
  Value result;
  if (DenseF64ArrayAttr codebook = field.getCodebook()) {
    auto line = linearCodebook(codebook);
    result = line ? linearNumbers(*line, field.width(), code)
                  : lookUp(codebook, code);
  } else if (auto type = dyn_cast<FloatType>(field.getType())) {
    if (deviceLookUp && type.getWidth() <= 16) {
      result = assembleFloat(field, code);
    } else if (type.getWidth() <= 8) {
      result = decodeSmallFloat(field, code);
    } else {
      if (type.getWidth() < 32)
        code = arith::TruncIOp::create(builder, loc,
                                       like(code, builder.getI16Type()), code);
      result = arith::BitcastOp::create(builder, loc, like(code, type), code);
      if (type.getWidth() < 32)
        result = arith::ExtFOp::create(builder, loc, f32s, result);
      if (field.getNanAsZero()) {
        Value isNan = arith::CmpFOp::create(
            builder, loc, arith::CmpFPredicate::UNO, result, result);
        result = arith::SelectOp::create(builder, loc, isNan, number(0, code),
                                         result);
      }
    }
  } else {
    return arith::SIToFPOp::create(builder, loc, f32s, integers(field, code));
  }
  if (field.getBias())
    result = arith::SubFOp::create(builder, loc, result,
                                   number(double(field.getBias()), code));
  return result;
}
