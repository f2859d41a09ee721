//===- CodeNumbers.cpp - From codes to numbers on vectors
//------------------===//

#include "passes/CodeNumbers.h"

#include "ir/Reference.h"

#include "llvm/ADT/APFloat.h"

#include <cmath>

using namespace mlir;
using namespace rlx;

VectorType CodeNumbers::vectorOf(int64_t lanes, Type type) const {
  return VectorType::get(lanes, type);
}

Value CodeNumbers::splat(int64_t value, int64_t lanes) {
  return arith::ConstantOp::create(
      builder, loc,
      DenseElementsAttr::get(vectorOf(lanes, builder.getI32Type()),
                             int32_t(value)));
}

Value CodeNumbers::splat(double value, int64_t lanes) {
  return arith::ConstantOp::create(
      builder, loc,
      DenseElementsAttr::get(vectorOf(lanes, builder.getF32Type()),
                             float(value)));
}

/// Entry `codes` of a table of at most 256 numbers.
Value CodeNumbers::lookUp(ArrayRef<double> table, Value codes) {
  int64_t lanes = cast<VectorType>(codes.getType()).getNumElements();
  SmallVector<float> entries(table.begin(), table.end());
  // Back ends turn this into one permutation where the table fits a register.
  VectorType tableType = vectorOf(entries.size(), builder.getF32Type());
  Value entry = arith::ConstantOp::create(
      builder, loc,
      DenseElementsAttr::get(tableType, ArrayRef<float>(entries)));
  SmallVector<Value> numbers;
  for (int64_t lane = 0; lane < lanes; ++lane) {
    Value code = vector::ExtractOp::create(builder, loc, codes, lane);
    Value index = arith::IndexCastUIOp::create(builder, loc,
                                               builder.getIndexType(), code);
    numbers.push_back(vector::ExtractOp::create(builder, loc, entry,
                                                ArrayRef<OpFoldResult>{index}));
  }
  return vector::FromElementsOp::create(
      builder, loc, vectorOf(lanes, builder.getF32Type()), numbers);
}

/// A float of at most 8 bits. Exponent and mantissa are moved to where f32 has
/// them; a product with a power of two mends the bias, for subnormals too.
/// Codes for which that is not the number (infinities, NaNs, a zero exponent
/// that is not subnormal) are found by comparing with the reference, and
/// selected.
Value CodeNumbers::decodeSmallFloat(FieldAttr field, Value codes) {
  auto type = cast<FloatType>(field.getType());
  const llvm::fltSemantics &semantics = type.getFloatSemantics();
  constexpr int f32MantissaBits = 23, f32Bias = 127;
  int mantissaBits = llvm::APFloat::semanticsPrecision(semantics) - 1;
  int bias = 1 - llvm::APFloat::semanticsMinExponent(semantics);
  bool hasSign = llvm::APFloat::semanticsHasSignedRepr(semantics);
  // A float without mantissa has no subnormals: the exponent field counts from
  // 0.
  if (mantissaBits == 0)
    bias = -llvm::APFloat::semanticsMinExponent(semantics);
  int width = type.getWidth();
  int64_t lanes = cast<VectorType>(codes.getType()).getNumElements();
  int64_t magnitudes = int64_t(1) << (width - hasSign);
  int shift = f32MantissaBits - mantissaBits;
  double unbias = std::ldexp(1.0, f32Bias - bias);

  Value magnitude = codes;
  if (hasSign)
    magnitude = arith::AndIOp::create(builder, loc, codes,
                                      splat(magnitudes - 1, lanes));
  Value bits = arith::ShLIOp::create(builder, loc, magnitude,
                                     splat(int64_t(shift), lanes));
  VectorType f32s = vectorOf(lanes, builder.getF32Type());
  Value number = arith::BitcastOp::create(builder, loc, f32s, bits);
  if (unbias != 1)
    number = arith::MulFOp::create(builder, loc, number, splat(unbias, lanes));
  for (int64_t code = 0; code < magnitudes; ++code) {
    double wanted = decodeFloat(type, code);
    float moved =
        float(llvm::bit_cast<float>(uint32_t(code << shift)) * unbias);
    if (field.getNanAsZero() && std::isnan(wanted))
      wanted = 0;
    if (double(moved) == wanted)
      continue;
    Value isCode = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq,
                                         magnitude, splat(code, lanes));
    number = arith::SelectOp::create(builder, loc, isCode, splat(wanted, lanes),
                                     number);
  }
  if (!hasSign)
    return number;
  int64_t signBit = int64_t(1) << (width - 1);
  if (field.width() < unsigned(width))
    return number;
  Value sign =
      arith::AndIOp::create(builder, loc, codes, splat(signBit, lanes));
  sign = arith::ShLIOp::create(builder, loc, sign,
                               splat(int64_t(32 - width), lanes));
  Value numberBits = arith::BitcastOp::create(
      builder, loc, vectorOf(lanes, builder.getI32Type()), number);
  numberBits = arith::OrIOp::create(builder, loc, numberBits, sign);
  return arith::BitcastOp::create(builder, loc, f32s, numberBits);
}

Value CodeNumbers::integers(FieldAttr field, Value code) {
  int64_t lanes = cast<VectorType>(code.getType()).getNumElements();
  if (field.getType().isSignedInteger()) {
    Value unused = splat(32 - int64_t(field.width()), lanes);
    code = arith::ShLIOp::create(builder, loc, code, unused);
    code = arith::ShRSIOp::create(builder, loc, code, unused);
  }
  if (field.getBias())
    code = arith::SubIOp::create(builder, loc, code,
                                 splat(field.getBias(), lanes));
  return code;
}

Value CodeNumbers::convert(FieldAttr field, Value code) {
  int64_t lanes = cast<VectorType>(code.getType()).getNumElements();
  VectorType f32s = vectorOf(lanes, builder.getF32Type());
  Value number;
  if (DenseF64ArrayAttr codebook = field.getCodebook()) {
    number = lookUp(codebook, code);
  } else if (auto type = dyn_cast<FloatType>(field.getType())) {
    if (type.getWidth() <= 8) {
      number = decodeSmallFloat(field, code);
    } else {
      VectorType floats = vectorOf(lanes, type);
      if (type.getWidth() < 32)
        code = arith::TruncIOp::create(
            builder, loc, vectorOf(lanes, builder.getI16Type()), code);
      number = arith::BitcastOp::create(builder, loc, floats, code);
      if (type.getWidth() < 32)
        number = arith::ExtFOp::create(builder, loc, f32s, number);
      if (field.getNanAsZero()) {
        Value isNan = arith::CmpFOp::create(
            builder, loc, arith::CmpFPredicate::UNO, number, number);
        number = arith::SelectOp::create(builder, loc, isNan, splat(0.0, lanes),
                                         number);
      }
    }
  } else {
    return arith::SIToFPOp::create(builder, loc, f32s, integers(field, code));
  }
  if (field.getBias())
    number = arith::SubFOp::create(builder, loc, number,
                                   splat(double(field.getBias()), lanes));
  return number;
}
