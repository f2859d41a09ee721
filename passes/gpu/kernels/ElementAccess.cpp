//===- ElementAccess.cpp - Elements of any type in buffers ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/gpu/kernels/ElementAccess.h"

#include "passes/decode/CodeNumbers.h"
#include "passes/math/FloatConversions.h"

using namespace mlir;
using namespace rlx;

/// Whether f32 takes the place of `type`.
static bool isShortFloat(Type type) {
  return type.isF16() || type.isBF16() || isSmallFloat(type);
}

/// Bits of an element in a buffer; a boolean is a byte.
static int64_t storedBits(Type type) {
  return type.isInteger(1) ? 8 : type.getIntOrFloatBitWidth();
}

/// The type by which the target addresses elements of `type` in a buffer; null
/// where they are read as words. A target that loads a type and does not
/// compute with it reads words, too: a module declares more than it loads.
static Type addressedType(Type type, GpuAttr target) {
  MLIRContext *context = type.getContext();
  int64_t bits = storedBits(type);
  if (bits >= wordBits)
    return type;
  if (bits == 8)
    return target.getStorage8() && target.getInt8()
               ? IntegerType::get(context, 8)
               : Type();
  if (!target.getStorage16())
    return Type();
  // Where a device may take subnormal halves for zero, they are put together
  // from their bits.
  if (type.isF16() && target.getFloat16() && target.getDenormals())
    return type;
  return target.getInt16() ? IntegerType::get(context, 16) : Type();
}

Type rlx::computedType(Type type, GpuAttr target) {
  if (isShortFloat(type))
    return Float32Type::get(type.getContext());
  if (!isa<IntegerType>(type) || type.getIntOrFloatBitWidth() > wordBits)
    return type;
  bool isThere = type.isInteger(1) || type.isInteger(wordBits) ||
                 (type.isInteger(8) && target.getInt8()) ||
                 (type.isInteger(16) && target.getInt16());
  return isThere ? type : IntegerType::get(type.getContext(), wordBits);
}

/// The number, with its sign, that the lowest bits of an i32 are as `type`.
static Value keepBits(KernelBuilder &b, Type type, Value value) {
  Value unused = b.i32(wordBits - type.getIntOrFloatBitWidth());
  return arith::ShRSIOp::create(b, arith::ShLIOp::create(b, value, unused),
                                unused);
}

FailureOr<ElementAccess> ElementAccess::create(Operation *op, KernelBuilder &b,
                                               Value memref, StringRef name) {
  ElementAccess access;
  access.element = cast<MemRefType>(memref.getType()).getElementType();
  Type type = access.element;
  GpuAttr target = b.target();
  bool isKnown = type.isF32() || type.isInteger(32) || isShortFloat(type) ||
                 type.isInteger(1) || type.isInteger(8) || type.isInteger(16) ||
                 (type.isInteger(64) && target.getInt64()) ||
                 (type.isF64() && target.getFloat64());
  if (!isKnown)
    return op->emitOpError()
           << "has a buffer of " << type
           << ", which the target cannot compute with; expected f32, f16, "
              "bf16, floats of 8 bits or integers of at most 32 bits";
  access.addressed = addressedType(type, target);
  access.view = b.view(memref, name,
                       access.addressed ? access.addressed : b.getI32Type());
  return access;
}

/// The f32 that the bits of a short float stand for.
static Value fromBits(KernelBuilder &b, FloatType type, Value bits) {
  if (isSmallFloat(type))
    return smallFloatNumber(type, mathx::Int{{&b, bits}}).value;
  auto *context = b.getContext();
  auto plane = PlaneAttr::get(
      context, IntegerType::get(context, 16, IntegerType::Unsigned),
      AffineMap::getConstantMap(0, context));
  auto field = FieldAttr::get(context, plane, StringAttr(), type,
                              DenseF64ArrayAttr(), 0, false);
  auto noLookUp = [](ArrayRef<double>, Value) { return Value(); };
  return CodeNumbers(b, b.getLoc(), noLookUp).convert(field, bits);
}

static Value bitsOf(KernelBuilder &b, Value number) {
  return arith::BitcastOp::create(b, b.getI32Type(), number);
}
static Value floatOf(KernelBuilder &b, Value bits) {
  return arith::BitcastOp::create(b, b.getF32Type(), bits);
}
static Value compare(KernelBuilder &b, arith::CmpIPredicate predicate, Value x,
                     int64_t y) {
  return arith::CmpIOp::create(b, predicate, x, b.i32(y));
}

namespace {
/// Constants of f16 and bf16 as f32 have them.
struct ShortFloat {
  explicit ShortFloat(FloatType type)
      : drop(type.isF16() ? 13 : 16), isHalf(type.isF16()) {}
  int64_t drop; ///< Bits of the mantissa that f32 has and it has not.
  bool isHalf;
  static constexpr int64_t signBit = 0x80000000, infinity = 0x7f800000;
};
} // namespace

Value rlx::roundTo(KernelBuilder &b, FloatType type, Value value) {
  if (isSmallFloat(type))
    return smallFloatNumber(type, smallFloatBits(type, mathx::Num{{&b, value}}))
        .value;
  ShortFloat format(type);
  // Numbers, or vectors of them.
  auto as = [&](Type element, Value number) -> Value {
    if (auto vector = dyn_cast<VectorType>(value.getType()))
      return arith::BitcastOp::create(b, vector.clone(element), number);
    return arith::BitcastOp::create(b, element, number);
  };
  auto floats = [&](double number) {
    return b.broadcastLike(b.f32(number), value);
  };
  Value bits = as(b.getI32Type(), value);
  auto ints = [&](int64_t number) {
    return b.broadcastLike(b.i32(number), bits);
  };
  auto choose = [&](arith::CmpIPredicate predicate, Value x, int64_t y, Value a,
                    Value other) -> Value {
    return arith::SelectOp::create(
        b, arith::CmpIOp::create(b, predicate, x, ints(y)), a, other);
  };
  Value magnitude = arith::AndIOp::create(b, bits, ints(~ShortFloat::signBit));
  Value sign = arith::AndIOp::create(b, bits, ints(ShortFloat::signBit));
  // To nearest, ties to even.
  Value odd = arith::AndIOp::create(
      b, arith::ShRUIOp::create(b, magnitude, ints(format.drop)), ints(1));
  Value half = ints((int64_t(1) << (format.drop - 1)) - 1);
  Value rounded =
      arith::AddIOp::create(b, magnitude, arith::AddIOp::create(b, odd, half));
  rounded =
      arith::AndIOp::create(b, rounded, ints(-(int64_t(1) << format.drop)));
  if (format.isHalf) {
    // From 2^16 on there is nothing but infinity; below 2^-14 steps are 2^-24.
    constexpr int64_t tooLarge = 0x47800000, normal = 0x38800000;
    rounded = choose(arith::CmpIPredicate::uge, rounded, tooLarge,
                     ints(ShortFloat::infinity), rounded);
    Value shifted =
        arith::AddFOp::create(b, as(b.getF32Type(), magnitude), floats(0.5));
    Value small = arith::SubFOp::create(b, shifted, floats(0.5));
    rounded = choose(arith::CmpIPredicate::ult, magnitude, normal,
                     as(b.getI32Type(), small), rounded);
  }
  // A NaN stays as it is.
  rounded = choose(arith::CmpIPredicate::ugt, magnitude, ShortFloat::infinity,
                   ints(0x7fc00000), rounded);
  return as(b.getF32Type(), arith::OrIOp::create(b, rounded, sign));
}

Value rlx::floatBits(KernelBuilder &b, FloatType type, Value value) {
  if (type.isF32())
    return bitsOf(b, value);
  if (isSmallFloat(type))
    return smallFloatBits(type, mathx::Num{{&b, value}}).value;
  ShortFloat format(type);
  Value bits = bitsOf(b, roundTo(b, type, value));
  if (!format.isHalf)
    return arith::ShRUIOp::create(b, bits, b.i32(16));
  Value magnitude = arith::AndIOp::create(b, bits, b.i32(~ShortFloat::signBit));
  Value sign = arith::ShRUIOp::create(
      b, arith::AndIOp::create(b, bits, b.i32(ShortFloat::signBit)), b.i32(16));
  constexpr int64_t biasDifference = (127 - 15) << 10, normal = 0x38800000;
  Value half = arith::SubIOp::create(
      b, arith::ShRUIOp::create(b, magnitude, b.i32(format.drop)),
      b.i32(biasDifference));
  // Subnormals count steps of 2^-24.
  Value steps = arith::FPToSIOp::create(
      b, b.getI32Type(),
      arith::MulFOp::create(b, floatOf(b, magnitude), b.f32(0x1p24)));
  half = b.choose(compare(b, arith::CmpIPredicate::ult, magnitude, normal),
                  steps, half);
  half = b.choose(
      compare(b, arith::CmpIPredicate::eq, magnitude, ShortFloat::infinity),
      b.i32(0x7c00), half);
  half = b.choose(
      compare(b, arith::CmpIPredicate::ugt, magnitude, ShortFloat::infinity),
      b.i32(0x7e00), half);
  return arith::OrIOp::create(b, half, sign);
}

Value ElementAccess::load(KernelBuilder &b, ValueRange indices) const {
  Value position = b.at(view, indices), code;
  if (addressed) {
    Value loaded = b.loadAt(view.buffer, position);
    if (addressed == element)
      return isShortFloat(element)
                 ? Value(arith::ExtFOp::create(b, b.getF32Type(), loaded))
                 : loaded;
    code = arith::ExtUIOp::create(b, b.getI32Type(), loaded);
  } else {
    int64_t bits = storedBits(element), perWord = wordBits / bits;
    Value word = b.loadAt(view.buffer, b.div(position, perWord));
    Value shift = b.toI32(b.mul(b.rem(position, perWord), bits));
    code = arith::ShRUIOp::create(b, word, shift);
    code = arith::AndIOp::create(b, code, b.i32((int64_t(1) << bits) - 1));
  }
  if (element.isInteger(1))
    return compare(b, arith::CmpIPredicate::ne, code, 0);
  if (isShortFloat(element))
    return fromBits(b, cast<FloatType>(element), code);
  if (computedType(element, b.target()) != element)
    return keepBits(b, element, code);
  return arith::TruncIOp::create(b, element, code);
}

void ElementAccess::store(KernelBuilder &b, Value value,
                          ValueRange indices) const {
  Value position = b.at(view, indices);
  if (addressed == element) {
    if (isShortFloat(element)) {
      value = roundTo(b, cast<FloatType>(element), value);
      value = arith::TruncFOp::create(b, element, value);
    }
    return b.storeAt(value, view.buffer, position);
  }
  Value code = value;
  if (isShortFloat(element))
    code = floatBits(b, cast<FloatType>(element), value);
  else if (!value.getType().isInteger(wordBits))
    code = arith::ExtUIOp::create(b, b.getI32Type(), value);
  if (addressed)
    return b.storeAt(arith::TruncIOp::create(b, addressed, code), view.buffer,
                     position);
  int64_t bits = storedBits(element), perWord = wordBits / bits;
  int64_t mask = (int64_t(1) << bits) - 1;
  code = arith::AndIOp::create(b, code, b.i32(mask));
  Value shift = b.toI32(b.mul(b.rem(position, perWord), bits));
  Value word = b.div(position, perWord);
  // Work-items that share a word write it one after the other, each its bits.
  Value others = arith::XOrIOp::create(
      b, arith::ShLIOp::create(b, b.i32(mask), shift), b.i32(-1));
  memref::AtomicRMWOp::create(b, arith::AtomicRMWKind::andi, others,
                              view.buffer, word);
  memref::AtomicRMWOp::create(b, arith::AtomicRMWKind::ori,
                              arith::ShLIOp::create(b, code, shift),
                              view.buffer, word);
}

//===----------------------------------------------------------------------===//
// Operations on values of other types
//===----------------------------------------------------------------------===//

/// Whether `op` takes its operands as numbers without a sign.
static bool isUnsigned(Operation *op) {
  if (auto comparison = dyn_cast<arith::CmpIOp>(op))
    return llvm::is_contained(
        {arith::CmpIPredicate::ult, arith::CmpIPredicate::ule,
         arith::CmpIPredicate::ugt, arith::CmpIPredicate::uge},
        comparison.getPredicate());
  return isa<arith::CeilDivUIOp, arith::DivUIOp, arith::RemUIOp, arith::ShRUIOp,
             arith::MaxUIOp, arith::MinUIOp, arith::ExtUIOp, arith::UIToFPOp,
             arith::IndexCastUIOp>(op);
}

/// Whether a product and a sum of f32 have to be rounded once where the device
/// has no operation that does: Vulkan's fma may round the product. Where the
/// flag `contract` says that this may be, as the product is exact, it is used.
static bool isFusedApart(Operation *op, GpuAttr target) {
  auto fused = dyn_cast<math::FmaOp>(op);
  return fused && target.getApi() == GpuApi::vulkan &&
         fused.getType().isF32() &&
         !bitEnumContainsAny(fused.getFastmath(),
                             arith::FastMathFlags::contract);
}

/// Refuses what no device, or none of the target's API, has.
static LogicalResult checkForm(Operation *op, GpuAttr target) {
  if (auto rounding = dyn_cast<arith::ArithRoundingModeInterface>(op)) {
    arith::RoundingModeAttr mode = rounding.getRoundingModeAttr();
    if (mode && mode.getValue() != arith::RoundingMode::to_nearest_even)
      return op->emitOpError()
             << "rounds " << arith::stringifyRoundingMode(mode.getValue())
             << " on a device, which only rounds to_nearest_even; expected "
                "that, or run the program on the CPU";
  }
  // GLSL's instructions of these are for f32 alone, and its remainder is that
  // of a rounded quotient.
  bool isDouble = op->getNumResults() == 1 && op->getNumOperands() != 0 &&
                  op->getOperand(0).getType().isF64();
  bool hasForm = !isa<math::MathDialect>(op->getDialect()) ||
                 isa<math::AbsFOp, math::SqrtOp, math::FloorOp, math::CeilOp,
                     math::RoundEvenOp>(op);
  if (isDouble && target.getApi() == GpuApi::vulkan &&
      (!hasForm || isa<arith::RemFOp>(op)))
    return op->emitOpError()
           << "of f64 has no instruction on devices of Vulkan, which add, "
              "subtract, multiply, divide, compare and convert f64; expected "
              "f32, a device of OpenCL that has float64, or the CPU";
  if (isFusedApart(op, target) && !target.getFloat64())
    return op->emitOpError()
           << "rounds once, which devices of Vulkan without float64 cannot; "
              "expected a product and a sum, another device, or the CPU";
  return success();
}

/// a * b + c of f32, rounded once to within 0.51 ulp: the product is exact in
/// f64, whose sum is rounded to f32.
static Value fusedInDouble(KernelBuilder &b, ValueRange operands) {
  auto wide = [&](Value value) {
    return arith::ExtFOp::create(b, b.getF64Type(), value);
  };
  Value product =
      arith::MulFOp::create(b, wide(operands[0]), wide(operands[1]));
  return arith::TruncFOp::create(
      b, b.getF32Type(), arith::AddFOp::create(b, product, wide(operands[2])));
}

LogicalResult rlx::cloneComputed(KernelBuilder &b, Operation *op,
                                 IRMapping &mapping) {
  auto isOther = [&](Type type) {
    return computedType(type, b.target()) != type;
  };
  auto isMissing = [&](Type type) {
    bool isOdd = isa<IntegerType>(type) && !type.isInteger(64) &&
                 type.getIntOrFloatBitWidth() > wordBits;
    return isOdd || (type.isF64() && !b.target().getFloat64()) ||
           (type.isInteger(64) && !b.target().getInt64() &&
            b.target().getApi() == GpuApi::vulkan);
  };
  for (TypeRange types :
       {TypeRange(op->getOperandTypes()), TypeRange(op->getResultTypes())})
    for (Type type : types)
      if (isMissing(type))
        return op->emitOpError()
               << "computes with " << type
               << ", which the target has not; expected f32, f16, bf16 or "
                  "integers of at most 32 bits, or run the program on the CPU";
  if (failed(checkForm(op, b.target())))
    return failure();
  if (isFusedApart(op, b.target())) {
    SmallVector<Value> operands = llvm::map_to_vector(
        op->getOperands(), [&](Value value) { return mapping.lookup(value); });
    mapping.map(op->getResult(0), fusedInDouble(b, operands));
    return success();
  }
  if (llvm::none_of(op->getOperandTypes(), isOther) &&
      llvm::none_of(op->getResultTypes(), isOther)) {
    b.clone(*op, mapping);
    return success();
  }
  Type type = op->getNumResults() == 1 ? op->getResult(0).getType() : Type();
  bool isKnown = type && op->getNumRegions() == 0 && !isa<arith::BitcastOp>(op);
  if (!isKnown)
    return op->emitOpError() << "on " << op->getOperand(0).getType()
                             << " cannot run on this device";
  Type wanted = computedType(type, b.target());
  auto result = [&](Value value) {
    if (isShortFloat(type))
      value = roundTo(b, cast<FloatType>(type), value);
    else if (wanted != type)
      value = keepBits(b, type, value);
    mapping.map(op->getResult(0), value);
    return success();
  };
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    if (auto number = dyn_cast<FloatAttr>(constant.getValue()))
      return result(b.f32(number.getValueAsDouble()));
    return result(b.i32(cast<IntegerAttr>(constant.getValue()).getInt()));
  }
  SmallVector<Value> operands;
  for (Value operand : op->getOperands()) {
    Value value = mapping.lookup(operand);
    if (isa<IntegerType>(operand.getType()) && isOther(operand.getType()) &&
        isUnsigned(op)) {
      int64_t bits = operand.getType().getIntOrFloatBitWidth();
      value = arith::AndIOp::create(b, value, b.i32((int64_t(1) << bits) - 1));
    }
    operands.push_back(value);
  }
  // What only changes the width may have nothing left to do.
  if (isa<arith::ExtFOp, arith::TruncFOp, arith::ExtSIOp, arith::ExtUIOp,
          arith::TruncIOp>(op)) {
    Value value = operands[0];
    if (value.getType() == wanted)
      return result(value);
    // From or to f64, or 64 bits.
    if (wanted.isF64())
      return result(arith::ExtFOp::create(b, wanted, value));
    if (isa<FloatType>(wanted))
      return result(isShortFloat(type)
                        ? roundToOdd(b, value).value
                        : Value(arith::TruncFOp::create(b, wanted, value)));
    // Operands have their sign, or none, in all bits.
    unsigned bits = value.getType().getIntOrFloatBitWidth();
    if (bits > wanted.getIntOrFloatBitWidth())
      return result(arith::TruncIOp::create(b, wanted, value));
    return result(isa<arith::ExtUIOp>(op)
                      ? Value(arith::ExtUIOp::create(b, wanted, value))
                      : Value(arith::ExtSIOp::create(b, wanted, value)));
  }
  // What f32 does not hold must not be rounded twice.
  if (isa<arith::SIToFPOp, arith::UIToFPOp>(op) && isShortFloat(type) &&
      op->getOperand(0).getType().getIntOrFloatBitWidth() >= wordBits)
    return result(
        integerRoundedToOdd(b, operands[0], isa<arith::SIToFPOp>(op)).value);
  OperationState state(op->getLoc(), op->getName(), operands, wanted,
                       SmallVector<NamedAttribute>(op->getDiscardableAttrs()));
  state.propertiesAttr = op->getPropertiesAsAttribute();
  return result(b.create(state)->getResult(0));
}
