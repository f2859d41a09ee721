//===- OpenClArithmetic.cpp - Arithmetic as expressions -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/opencl/OpenClArithmetic.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SPIRV/IR/SPIRVOps.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace rlx;
using namespace rlx::opencl;

static ClType resultType(Operation *op) {
  return *ClType::of(op->getResult(0).getType());
}
static ClType operandType(Operation *op, unsigned i = 0) {
  return *ClType::of(op->getOperand(i).getType());
}

Expression opencl::convert(ClType to, const Expression &x) {
  if (!to.isVector())
    return cast(to.name(), x);
  if (x.splat)
    return splatOf(to, cast(to.element().name(), *x.splat));
  return call("convert_" + to.name(), x);
}

Expression opencl::canonicalMask(ClType compared,
                                 const Expression &comparison) {
  if (!compared.isVector() || compared.mask().bits == 32)
    return comparison;
  return call("convert_int" + std::to_string(compared.count), comparison);
}

Expression OpenClArithmetic::toElement(ClType vector,
                                       const Expression &scalar) {
  if (!vector.isBool())
    return scalar;
  if (scalar.text == "true" || scalar.text == "false")
    return Expression(scalar.text == "true" ? "-1" : "0");
  return prefix("-", cast("int", scalar));
}

Expression OpenClArithmetic::fromElement(ClType vector,
                                         const Expression &element) {
  return vector.isBool() ? binary(element, "!=", Expression("0")) : element;
}

bool OpenClArithmetic::areNonNegative(Operation *op) const {
  return llvm::all_of(op->getOperands(), [&](Value operand) {
    return ranges.isNonNegative(operand);
  });
}

std::optional<Expression> OpenClArithmetic::constant(TypedAttr value) {
  std::optional<ClType> type = ClType::of(value.getType());
  if (!type)
    return std::nullopt;
  auto element = [&](Attribute attribute) -> std::optional<Expression> {
    if (auto number = dyn_cast<FloatAttr>(attribute)) {
      Expression literal(floatLiteral(number.getValue()));
      if (literal.text[0] == '-')
        literal.precedence = Precedence::unary;
      return literal;
    }
    APInt bits = cast<IntegerAttr>(attribute).getValue();
    if (bits.getBitWidth() > type->bits) { // index
      if (!bits.isSignedIntN(type->bits))
        return std::nullopt;
      bits = bits.trunc(type->bits);
    }
    Expression literal(integerLiteral(type->element(), bits));
    if (literal.text[0] == '-')
      literal.precedence = Precedence::unary;
    return type->isVector() ? toElement(*type, literal) : literal;
  };
  if (isa<FloatAttr, IntegerAttr>(value))
    return element(value);
  auto dense = dyn_cast<DenseElementsAttr>(value);
  if (!dense)
    return std::nullopt;
  SmallVector<Expression> values;
  for (Attribute attribute : dense.getValues<Attribute>()) {
    std::optional<Expression> printed = element(attribute);
    if (!printed)
      return std::nullopt;
    values.push_back(std::move(*printed));
  }
  if (!type->isVector())
    return values.front();
  return dense.isSplat() ? splatOf(*type, values.front())
                         : vectorOf(*type, values);
}

//===----------------------------------------------------------------------===//
// Integers
//===----------------------------------------------------------------------===//

Expression OpenClArithmetic::wrapping(ClType type, const Expression &left,
                                      llvm::StringRef oper,
                                      const Expression &right) {
  // Small integers are computed with as ints, which hold the result.
  if (type.isPromoted())
    return cast(type.name(), binary(left, oper, right));
  return fromUnsigned(type, binary(type, toUnsigned(type, left), oper,
                                   toUnsigned(type, right)));
}

Expression OpenClArithmetic::carryOf(ClType type, const Expression &sum,
                                     const Expression &operand) {
  return canonicalMask(type, binary(type, toUnsigned(type, sum), "<",
                                    toUnsigned(type, operand)));
}

Expression OpenClArithmetic::highProduct(ClType type, const Expression &left,
                                         const Expression &right,
                                         bool isUnsigned) {
  if (!isUnsigned)
    return call("mul_hi", {exactly(type, left), exactly(type, right)});
  return fromUnsigned(type, call("mul_hi", {exactlyUnsigned(type, left),
                                            exactlyUnsigned(type, right)}));
}

static bool isMinusOne(ClType type, const Expression &x) {
  const Expression &element = x.splat ? *x.splat : x;
  return element.text == "-1" || element.text == "-1L" ||
         (type.isBool() && element.text == "true");
}

std::optional<Expression>
OpenClArithmetic::printInteger(Operation *op, ArrayRef<Expression> x) {
  ClType type = resultType(op);
  if (type.isBool())
    return printBoolean(op, x);
  auto arithmetic = [&](llvm::StringRef oper) {
    return ranges.mayOverflow(op) ? wrapping(type, x[0], oper, x[1])
                                  : binary(type, x[0], oper, x[1]);
  };
  // By contract an index is positive as an unsigned number.
  bool isIndex = getElementTypeOrSelf(op->getResult(0)).isIndex();
  auto unsignedBinary = [&](llvm::StringRef oper) {
    if (isIndex || areNonNegative(op))
      return binary(type, x[0], oper, x[1]);
    return fromUnsigned(type, binary(type, toUnsigned(type, x[0]), oper,
                                     toUnsigned(type, x[1])));
  };
  auto function = [&](llvm::StringRef name, bool isUnsigned) {
    if (isUnsigned && !areNonNegative(op))
      return fromUnsigned(type, call(name, {exactlyUnsigned(type, x[0]),
                                            exactlyUnsigned(type, x[1])}));
    return call(name, {exactly(type, x[0]), exactly(type, x[1])});
  };
  // Rounding up and down is simple where the divisor is a positive constant
  // and nothing is negative.
  auto plainDivisor = [&]() -> std::optional<int64_t> {
    std::optional<APInt> divisor =
        ranges.of(op->getOperand(1)).getConstantValue();
    if (type.isVector() || !divisor || !divisor->isStrictlyPositive() ||
        !ranges.isNonNegative(op->getOperand(0)))
      return std::nullopt;
    return divisor->getSExtValue();
  };
  return llvm::TypeSwitch<Operation *, std::optional<Expression>>(op)
      .Case([&](arith::AddIOp) { return arithmetic("+"); })
      .Case([&](arith::SubIOp) {
        return x[0].text == "0" && !ranges.mayOverflow(op) ? prefix("-", x[1])
                                                           : arithmetic("-");
      })
      .Case([&](arith::MulIOp) { return arithmetic("*"); })
      .Case([&](arith::DivSIOp) { return binary(type, x[0], "/", x[1]); })
      .Case([&](arith::RemSIOp) { return binary(type, x[0], "%", x[1]); })
      .Case([&](arith::DivUIOp) { return unsignedBinary("/"); })
      .Case([&](arith::RemUIOp) { return unsignedBinary("%"); })
      .Case([&](arith::FloorDivSIOp) {
        return plainDivisor() ? binary(x[0], "/", x[1])
                              : call(helpers.use(Helper::floorDivide, type), x);
      })
      .Case([&](arith::CeilDivSIOp) {
        std::optional<int64_t> divisor = plainDivisor();
        if (!divisor || !isIndex)
          return call(helpers.use(Helper::ceilDivide, type), x);
        Expression add(std::to_string(*divisor - 1));
        return binary(binary(x[0], "+", add), "/", x[1]);
      })
      .Case([&](arith::CeilDivUIOp) {
        return fromUnsigned(
            type, call(helpers.use(Helper::ceilDivideUnsigned, type),
                       {toUnsigned(type, x[0]), toUnsigned(type, x[1])}));
      })
      .Case([&](arith::AndIOp) { return binary(type, x[0], "&", x[1]); })
      .Case([&](arith::OrIOp) { return binary(type, x[0], "|", x[1]); })
      .Case([&](arith::XOrIOp) {
        return isMinusOne(type, x[1]) ? prefix("~", x[0])
                                      : binary(type, x[0], "^", x[1]);
      })
      .Case([&](arith::ShLIOp) {
        Expression shifted = binary(type, x[0], "<<", x[1]);
        return type.isPromoted() ? cast(type.name(), shifted) : shifted;
      })
      .Case([&](arith::ShRSIOp) { return binary(type, x[0], ">>", x[1]); })
      .Case([&](arith::ShRUIOp) {
        if (isIndex || ranges.isNonNegative(op->getOperand(0)))
          return binary(type, x[0], ">>", x[1]);
        return fromUnsigned(type,
                            binary(type, toUnsigned(type, x[0]), ">>", x[1]));
      })
      .Case([&](arith::MaxSIOp) { return function("max", false); })
      .Case([&](arith::MinSIOp) { return function("min", false); })
      .Case([&](arith::MaxUIOp) { return function("max", true); })
      .Case([&](arith::MinUIOp) { return function("min", true); })
      .Default(std::nullopt);
}

std::optional<Expression>
OpenClArithmetic::printBoolean(Operation *op, ArrayRef<Expression> x) {
  ClType type = resultType(op);
  if (isa<arith::AndIOp, arith::MulIOp, arith::MinUIOp, arith::MaxSIOp>(op))
    return binary(x[0], type.isVector() ? "&" : "&&", x[1]);
  if (isa<arith::OrIOp, arith::MaxUIOp, arith::MinSIOp>(op))
    return binary(x[0], type.isVector() ? "|" : "||", x[1]);
  if (isa<arith::XOrIOp, arith::AddIOp, arith::SubIOp>(op)) {
    if (isMinusOne(type, x[1]))
      return prefix(type.isVector() ? "~" : "!", x[0]);
    return binary(x[0], type.isVector() ? "^" : "!=", x[1]);
  }
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Floats
//===----------------------------------------------------------------------===//

std::optional<Expression> OpenClArithmetic::printFloat(Operation *op,
                                                       ArrayRef<Expression> x) {
  ClType type = resultType(op);
  return llvm::TypeSwitch<Operation *, std::optional<Expression>>(op)
      .Case([&](arith::AddFOp) { return binary(type, x[0], "+", x[1]); })
      .Case([&](arith::SubFOp) { return binary(type, x[0], "-", x[1]); })
      .Case([&](arith::MulFOp) { return binary(type, x[0], "*", x[1]); })
      .Case([&](arith::DivFOp) { return binary(type, x[0], "/", x[1]); })
      .Case([&](arith::RemFOp) { return call("fmod", x); })
      .Case([&](arith::NegFOp) { return prefix("-", x[0]); })
      .Case([&](arith::MaxNumFOp) { return call("fmax", x); })
      .Case([&](arith::MinNumFOp) { return call("fmin", x); })
      .Case([&](arith::MaximumFOp) {
        return call(helpers.use(Helper::maximum, type), x);
      })
      .Case([&](arith::MinimumFOp) {
        return call(helpers.use(Helper::minimum, type), x);
      })
      .Default(std::nullopt);
}

static llvm::StringRef functionOf(Operation *op) {
  return llvm::TypeSwitch<Operation *, llvm::StringRef>(op)
      .Case([](math::AbsFOp) { return "fabs"; })
      .Case([](math::RoundEvenOp) { return "rint"; })
      .Case([](math::PowFOp) { return "pow"; })
      .Case<math::FmaOp, vector::FMAOp>([](auto) { return "fma"; })
      .Case<math::AcosOp, math::AcoshOp, math::AsinOp, math::AsinhOp,
            math::AtanOp, math::AtanhOp, math::Atan2Op, math::CbrtOp,
            math::CeilOp, math::CopySignOp, math::CosOp, math::CoshOp,
            math::SinOp, math::SinhOp, math::ErfOp, math::ErfcOp, math::ExpOp,
            math::Exp2Op, math::ExpM1Op, math::FloorOp, math::LogOp,
            math::Log10Op, math::Log1pOp, math::Log2Op, math::RsqrtOp,
            math::SqrtOp, math::TanOp, math::TanhOp, math::RoundOp,
            math::TruncOp>([](auto op) {
        return op.getOperationName().drop_front(strlen("math."));
      })
      .Default(llvm::StringRef());
}

std::optional<Expression> OpenClArithmetic::printMath(Operation *op,
                                                      ArrayRef<Expression> x) {
  if (llvm::StringRef function = functionOf(op); !function.empty())
    return call(function, x);
  ClType type = operandType(op);
  if (isa<math::IsNaNOp, math::IsInfOp, math::IsFiniteOp, math::IsNormalOp>(op))
    return canonicalMask(type, call(op->getName().stripDialect(), x));
  if (type.isBool())
    return std::nullopt;
  if (isa<math::AbsIOp>(op))
    return fromUnsigned(type, call("abs", exactly(type, x[0])));
  if (isa<math::CountLeadingZerosOp>(op))
    return call("clz", exactly(type, x[0]));
  if (isa<math::CtPopOp>(op))
    return call("popcount", exactly(type, x[0]));
  if (isa<math::CountTrailingZerosOp>(op))
    return fromUnsigned(type, call(helpers.use(Helper::trailingZeros, type),
                                   toUnsigned(type, x[0])));
  if (isa<math::FPowIOp>(op) && operandType(op, 1).bits == 32)
    return call("pown", x);
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Comparisons
//===----------------------------------------------------------------------===//

std::optional<Expression>
OpenClArithmetic::printComparison(Operation *op, ArrayRef<Expression> x) {
  ClType type = operandType(op);
  auto comparison = [&](llvm::StringRef oper) {
    return canonicalMask(type, binary(type, x[0], oper, x[1]));
  };
  if (auto compare = dyn_cast<arith::CmpIOp>(op)) {
    using P = arith::CmpIPredicate;
    P predicate = compare.getPredicate();
    auto ordered = [&](llvm::StringRef oper, bool isUnsigned) {
      // A scalar i1 is 0 or 1 here, and 0 or -1 as a signed number.
      if (type.isBool() && !type.isVector())
        return isUnsigned ? binary(x[0], oper, x[1]) : binary(x[1], oper, x[0]);
      if (!isUnsigned || (!type.isBool() && areNonNegative(op)))
        return comparison(oper);
      return canonicalMask(type, binary(type, toUnsigned(type, x[0]), oper,
                                        toUnsigned(type, x[1])));
    };
    bool isUnsigned = predicate == P::ult || predicate == P::ule ||
                      predicate == P::ugt || predicate == P::uge;
    switch (predicate) {
    case P::eq:
      return comparison("==");
    case P::ne:
      return comparison("!=");
    case P::slt:
    case P::ult:
      return ordered("<", isUnsigned);
    case P::sle:
    case P::ule:
      return ordered("<=", isUnsigned);
    case P::sgt:
    case P::ugt:
      return ordered(">", isUnsigned);
    case P::sge:
    case P::uge:
      return ordered(">=", isUnsigned);
    }
  }
  auto negated = [&](const Expression &comparison) {
    return canonicalMask(type, prefix(type.isVector() ? "~" : "!", comparison));
  };
  auto test = [&](llvm::StringRef name) {
    return canonicalMask(type, call(name, x));
  };
  using P = arith::CmpFPredicate;
  auto always = [&](bool truth) {
    Expression scalar(truth ? "true" : "false");
    ClType result = resultType(op);
    return type.isVector() ? splatOf(result, toElement(result, scalar))
                           : scalar;
  };
  switch (cast<arith::CmpFOp>(op).getPredicate()) {
  case P::AlwaysFalse:
    return always(false);
  case P::AlwaysTrue:
    return always(true);
  case P::OEQ:
    return comparison("==");
  case P::OGT:
    return comparison(">");
  case P::OGE:
    return comparison(">=");
  case P::OLT:
    return comparison("<");
  case P::OLE:
    return comparison("<=");
  case P::UNE:
    return comparison("!=");
  case P::ONE:
    return test("islessgreater");
  case P::ORD:
    return test("isordered");
  case P::UNO:
    return test("isunordered");
  case P::UEQ:
    return negated(call("islessgreater", x));
  case P::UGT:
    return negated(binary(type, x[0], "<=", x[1]));
  case P::UGE:
    return negated(binary(type, x[0], "<", x[1]));
  case P::ULT:
    return negated(binary(type, x[0], ">=", x[1]));
  case P::ULE:
    return negated(binary(type, x[0], ">", x[1]));
  }
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// All
//===----------------------------------------------------------------------===//

std::optional<Expression> OpenClArithmetic::print(Operation *op,
                                                  ArrayRef<Expression> x) {
  if (isa<ub::PoisonOp>(op))
    return constant(cast<TypedAttr>(
        Builder(op->getContext()).getZeroAttr(op->getResult(0).getType())));
  if (auto select = dyn_cast<arith::SelectOp>(op)) {
    ClType type = resultType(op), condition = operandType(op);
    // The condition's elements must be as wide as the values'.
    if (condition.isVector() && type.mask().bits != 32)
      return conditional(convert(type.mask(), x[0]), x[1], x[2]);
    return conditional(x[0], x[1], x[2]);
  }
  if (isa<arith::CmpIOp, arith::CmpFOp>(op))
    return printComparison(op, x);
  if (isa<CastOpInterface>(op) && isa<arith::ArithDialect>(op->getDialect()))
    return printConversion(op, x[0]);
  if (isa<arith::ArithDialect>(op->getDialect()))
    return resultType(op).isFloat() ? printFloat(op, x) : printInteger(op, x);
  if (isa<math::MathDialect>(op->getDialect()))
    return printMath(op, x);
  if (isa<vector::FMAOp>(op))
    return call("fma", x);
  if (auto dot = dyn_cast<spirv::SDotOp>(op);
      dot && dot.getFormat() && dot.getType().isInteger(32))
    return call(helpers.use(Helper::byteDot, resultType(op)), x);
  if (isa<vector::VectorDialect>(op->getDialect()))
    return printVector(op, x);
  return std::nullopt;
}
