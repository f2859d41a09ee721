//===- OpenClVectors.cpp - Conversions and ops on vectors as expressions --===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/opencl/OpenClArithmetic.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace rlx;
using namespace rlx::opencl;

//===----------------------------------------------------------------------===//
// Conversions
//===----------------------------------------------------------------------===//

std::optional<Expression> OpenClArithmetic::extend(ClType from, ClType to,
                                                   const Expression &x,
                                                   bool isUnsigned,
                                                   bool isNonNegative) {
  if (from.isBool() && to.isBool())
    return x;
  if (from.isBool() && !from.isVector()) {
    Expression number = cast(to.name(), x);
    return isUnsigned ? number : prefix("-", number);
  }
  if (from.isBool()) {
    Expression mask = to.bits == 32 ? x : convert(to, x);
    Expression one = splatOf(to, Expression("1"));
    return isUnsigned ? binary(to, mask, "&", one) : mask;
  }
  if (!isUnsigned || isNonNegative)
    return convert(to, x);
  return convert(to, toUnsigned(from, x));
}

Expression OpenClArithmetic::truncate(ClType from, ClType to,
                                      const Expression &x) {
  if (!to.isBool())
    return convert(to, x);
  auto number = [&](llvm::StringRef text) {
    Expression literal(text.str());
    return from.isVector() ? splatOf(from, literal) : literal;
  };
  return canonicalMask(
      from, binary(from, binary(from, x, "&", number("1")), "!=", number("0")));
}

std::optional<Expression>
OpenClArithmetic::printConversion(Operation *op, const Expression &x) {
  ClType from = *ClType::of(op->getOperand(0).getType());
  ClType to = *ClType::of(op->getResult(0).getType());
  bool isNonNegative =
      !from.isFloat() && ranges.isNonNegative(op->getOperand(0));
  auto resize = [&](bool isUnsigned) -> std::optional<Expression> {
    if (from == to)
      return x;
    return from.bits < to.bits ? extend(from, to, x, isUnsigned, isNonNegative)
                               : truncate(from, to, x);
  };
  return llvm::TypeSwitch<Operation *, std::optional<Expression>>(op)
      .Case<arith::ExtSIOp, arith::IndexCastOp>(
          [&](auto) { return resize(false); })
      .Case<arith::ExtUIOp, arith::IndexCastUIOp>(
          [&](auto) { return resize(true); })
      .Case([&](arith::TruncIOp) { return resize(true); })
      .Case([&](arith::SIToFPOp) {
        if (from.isBool() && !from.isVector())
          return convert(to, prefix("-", cast("int", x)));
        return convert(to, x);
      })
      .Case([&](arith::UIToFPOp) {
        if (from.isBool() && from.isVector())
          return convert(to, binary(x, "&", Expression("1")));
        return convert(
            to, from.isBool() || isNonNegative ? x : toUnsigned(from, x));
      })
      .Case([&](arith::FPToSIOp) -> std::optional<Expression> {
        if (to.isBool())
          return std::nullopt;
        return convert(to, x);
      })
      .Case([&](arith::FPToUIOp) -> std::optional<Expression> {
        if (to.isBool())
          return std::nullopt;
        return fromUnsigned(to, to.isVector()
                                    ? call("convert_" + to.unsignedName(), x)
                                    : cast(to.unsignedName(), x));
      })
      .Case([&](arith::ExtFOp) {
        if (!x.isWidenedHalf)
          return convert(to, x);
        Expression widened = x;
        widened.isWidenedHalf = false;
        return widened;
      })
      .Case([&](arith::TruncFOp op) -> std::optional<Expression> {
        if (op.getRoundingmode().value_or(
                arith::RoundingMode::to_nearest_even) !=
            arith::RoundingMode::to_nearest_even)
          return std::nullopt;
        return convert(to, x);
      })
      .Case([&](arith::BitcastOp) -> std::optional<Expression> {
        if (from == to)
          return x;
        return call("as_" + to.name(), exactly(from, x));
      })
      .Default(std::nullopt);
}

//===----------------------------------------------------------------------===//
// Vectors
//===----------------------------------------------------------------------===//

bool OpenClArithmetic::repeatsOperands(Operation *op) {
  return isa<vector::ShuffleOp, vector::InterleaveOp, vector::ReductionOp,
             arith::AddUIExtendedOp, arith::MulUIExtendedOp,
             arith::MulSIExtendedOp, math::SincosOp, vector::ToElementsOp,
             vector::DeinterleaveOp>(op);
}

/// An element of a vector or, where there is but one, the scalar.
static Expression elementOf(ClType type, const Expression &x, int64_t i) {
  return type.isVector() ? elements(x, type, i) : x;
}

std::optional<Expression>
OpenClArithmetic::printVector(Operation *op, ArrayRef<Expression> x) {
  ClType to = *ClType::of(op->getResult(0).getType());
  std::optional<ClType> from;
  if (op->getNumOperands())
    from = ClType::of(op->getOperand(0).getType());
  auto scalars = [&](ArrayRef<Expression> values) {
    return to.isVector() ? vectorOf(to, values) : values.front();
  };
  return llvm::TypeSwitch<Operation *, std::optional<Expression>>(op)
      .Case([&](vector::BroadcastOp) {
        if (*from == to)
          return x[0];
        return splatOf(to, toElement(to, x[0]));
      })
      .Case([&](vector::FromElementsOp) {
        if (!to.isVector())
          return x[0];
        SmallVector<Expression> values;
        for (const Expression &value : x)
          values.push_back(toElement(to, value));
        return vectorOf(to, values);
      })
      .Case([&](vector::ExtractOp extract) -> std::optional<Expression> {
        if (*from == to)
          return x[0];
        if (extract.hasDynamicPosition())
          return std::nullopt;
        int64_t position = extract.getStaticPosition().back();
        if (position < 0) // Poison.
          position = 0;
        return fromElement(*from, elements(x[0], *from, position));
      })
      .Case([&](vector::ExtractStridedSliceOp slice) {
        int64_t offset = cast<IntegerAttr>(slice.getOffsets()[0]).getInt();
        auto positions = llvm::to_vector(
            llvm::seq<int64_t>(offset, offset + int64_t(to.count)));
        if (*from == to)
          return x[0];
        Expression part = elements(x[0], *from, positions);
        return to.isVector() ? part : fromElement(*from, part);
      })
      .Case([&](vector::ShuffleOp shuffle) -> std::optional<Expression> {
        ArrayRef<int64_t> mask = shuffle.getMask();
        // One swizzle where all elements come from one vector.
        for (int64_t side : {0, 1}) {
          int64_t count = from->count, offset = side * count;
          bool isOneSided = llvm::all_of(mask, [&](int64_t i) {
            return i < 0 || (i >= offset && i < offset + count);
          });
          if (!isOneSided || !from->isVector() || !to.isVector())
            continue;
          auto positions = llvm::map_to_vector(mask, [&](int64_t i) {
            return std::max<int64_t>(i - offset, 0);
          });
          if (llvm::equal(positions, llvm::seq<int64_t>(0, count)))
            return x[side];
          return elements(x[side], *from, positions);
        }
        SmallVector<Expression> values;
        for (int64_t i : mask) {
          i = std::max<int64_t>(i, 0);
          int64_t side = i >= from->count;
          Expression value = elementOf(*from, x[side], i - side * from->count);
          // Elements of a vector of i1 stay as they are.
          if (from->isVector() && !to.isVector())
            value = fromElement(*from, value);
          else if (!from->isVector())
            value = toElement(to, value);
          values.push_back(std::move(value));
        }
        return scalars(values);
      })
      .Case([&](vector::InterleaveOp) {
        SmallVector<Expression> values;
        for (int64_t i : llvm::seq<int64_t>(0, from->count))
          for (const Expression &side : x)
            values.push_back(from->isVector() ? elementOf(*from, side, i)
                                              : toElement(to, side));
        return vectorOf(to, values);
      })
      .Case([&](vector::StepOp) {
        SmallVector<Expression> values;
        for (unsigned i : llvm::seq(0u, to.count))
          values.push_back(Expression(std::to_string(i)));
        return scalars(values);
      })
      .Case([&](vector::BitCastOp) -> std::optional<Expression> {
        if (*from == to)
          return x[0];
        if (from->isBool() || to.isBool())
          return std::nullopt;
        return call("as_" + to.name(), exactly(*from, x[0]));
      })
      .Case([&](vector::ShapeCastOp) -> std::optional<Expression> {
        if (*from == to)
          return x[0];
        return std::nullopt;
      })
      .Case([&](vector::ReductionOp op) { return printReduction(op, x); })
      .Default(std::nullopt);
}

std::optional<Expression>
OpenClArithmetic::printReduction(vector::ReductionOp op,
                                 ArrayRef<Expression> x) {
  using Kind = vector::CombiningKind;
  ClType vector = *ClType::of(op.getVector().getType());
  ClType type = vector.element();
  Kind kind = op.getKind();
  if (type.isBool() && vector.isVector()) {
    bool isAll = kind == Kind::AND || kind == Kind::MUL ||
                 kind == Kind::MINUI || kind == Kind::MAXSI;
    bool isAny = kind == Kind::OR || kind == Kind::MAXUI || kind == Kind::MINSI;
    if (x.size() > 1 || (!isAll && !isAny))
      return std::nullopt;
    return call(isAll ? "all" : "any", x[0]);
  }
  auto combine = [&](const Expression &a,
                     const Expression &b) -> std::optional<Expression> {
    auto unsignedCall = [&](llvm::StringRef name) {
      return fromUnsigned(type, call(name, {exactlyUnsigned(type, a),
                                            exactlyUnsigned(type, b)}));
    };
    auto signedCall = [&](llvm::StringRef name) {
      return call(name, {exactly(type, a), exactly(type, b)});
    };
    switch (kind) {
    case Kind::ADD:
      return type.isFloat() ? binary(a, "+", b) : wrapping(type, a, "+", b);
    case Kind::MUL:
      return type.isFloat() ? binary(a, "*", b) : wrapping(type, a, "*", b);
    case Kind::AND:
      return binary(a, "&", b);
    case Kind::OR:
      return binary(a, "|", b);
    case Kind::XOR:
      return binary(a, "^", b);
    case Kind::MINSI:
      return signedCall("min");
    case Kind::MAXSI:
      return signedCall("max");
    case Kind::MINUI:
      return unsignedCall("min");
    case Kind::MAXUI:
      return unsignedCall("max");
    case Kind::MINNUMF:
      return call("fmin", {a, b});
    case Kind::MAXNUMF:
      return call("fmax", {a, b});
    case Kind::MINIMUMF:
      return call(helpers.use(Helper::minimum, type), {a, b});
    case Kind::MAXIMUMF:
      return call(helpers.use(Helper::maximum, type), {a, b});
    }
    return std::nullopt;
  };
  // In the order of the elements, which is that of the op, after the start.
  std::optional<Expression> result;
  if (x.size() > 1)
    result = x[1];
  for (int64_t i : llvm::seq<int64_t>(0, vector.count)) {
    Expression element = elementOf(vector, x[0], i);
    result = result ? combine(*result, element) : element;
    if (!result)
      return std::nullopt;
  }
  return result;
}
