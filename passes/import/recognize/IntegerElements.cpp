//===- IntegerElements.cpp - Masks, shifts and extensions of codes --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What integer operations of a body do to bits that are read. An integer is
// the bits of one element, moved and extended, or follows from the loops alone;
// what is neither is not understood. Nothing here wraps around.
//
//===----------------------------------------------------------------------===//

#include "passes/import/recognize/ElementEvaluator.h"

#include "ir/Scheme.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

#include <limits>

using namespace mlir;
using namespace rlx;

static std::optional<int64_t> constantOf(const ElementValue &value) {
  if (auto *expr = std::get_if<AffineExpr>(&value))
    if (auto constant = dyn_cast<AffineConstantExpr>(*expr))
      return constant.getValue();
  return std::nullopt;
}

std::optional<ElementForm> rlx::numberOf(const ElementValue &value,
                                         bool isSigned, MLIRContext *context) {
  if (auto *form = std::get_if<ElementForm>(&value))
    return *form;
  if (std::optional<int64_t> constant = constantOf(value))
    return ElementForm::constant(double(*constant));
  auto *bits = std::get_if<Bits>(&value);
  if (!bits || bits->leftShift != 0 || bits->hasMore || bits->wrap != 0)
    return std::nullopt;
  if (!bits->isRaw())
    isSigned = bits->isSignExtended;
  Read read = bits->read;
  read.type =
      IntegerType::get(context, read.width,
                       isSigned ? IntegerType::Signed : IntegerType::Unsigned);
  return ElementForm::of(read);
}

namespace {
/// Bits of `type`, of which `read` are given by the element.
struct IntegerArithmetic {
  const IndexAlgebra &algebra;
  unsigned typeWidth;

  using Result = std::optional<ElementValue>;

  Result onIndices(Operation *op, ArrayRef<AffineExpr> operands) const;
  Result shift(Bits bits, const ElementValue &distance, bool isSigned) const;
  static Result shiftLeft(Bits bits, int64_t distance);
  static Result mask(Bits bits, int64_t mask);
  Result extend(Bits bits, bool isSigned) const;
  Result truncate(Bits bits) const;
  Result fits(AffineExpr expr) const;
};
} // namespace

/// An integer of the loops is one that its type can hold.
IntegerArithmetic::Result IntegerArithmetic::fits(AffineExpr expr) const {
  IndexAlgebra::Range range = algebra.range(expr);
  if (typeWidth < 64 && (!llvm::isIntN(typeWidth, range.low) ||
                         !llvm::isIntN(typeWidth, range.high)))
    return std::nullopt;
  return expr;
}

IndexAlgebra::Range rlx::exactRange(const IndexAlgebra &algebra,
                                    AffineExpr expr) {
  IndexAlgebra::Range range = algebra.range(expr);
  constexpr int64_t mostValues = 1 << 16;
  ArrayRef<int64_t> sizes = algebra.getSizes();
  std::optional<unsigned> dim;
  for (unsigned i = 0; i < sizes.size(); ++i)
    if (expr.isFunctionOfDim(i)) {
      if (dim || sizes[i] > mostValues)
        return range;
      dim = i;
    }
  if (!dim)
    return range;
  SmallVector<int64_t> at(sizes.size(), 0);
  range = {std::numeric_limits<int64_t>::max(),
           std::numeric_limits<int64_t>::min()};
  for (int64_t &value = at[*dim]; value < sizes[*dim]; ++value) {
    int64_t result = evaluate(expr, at);
    range = {std::min(range.low, result), std::max(range.high, result)};
  }
  return range;
}

IntegerArithmetic::Result
IntegerArithmetic::onIndices(Operation *op,
                             ArrayRef<AffineExpr> operands) const {
  AffineExpr a = operands.front(), b = operands.back();
  auto constant = dyn_cast<AffineConstantExpr>(b);
  int64_t by = constant ? constant.getValue() : 0;
  bool isNatural = algebra.range(a).low >= 0;
  if (auto compare = dyn_cast<arith::CmpIOp>(op)) {
    // Of indices that are not negative, signed and unsigned agree.
    IndexAlgebra::Range left = exactRange(algebra, a),
                        right = exactRange(algebra, b);
    isNatural = left.low >= 0;
    bool isBelow = left.high < right.low, isAbove = left.low >= right.high;
    using Predicate = arith::CmpIPredicate;
    Predicate predicate = compare.getPredicate();
    bool isSigned = predicate == Predicate::slt || predicate == Predicate::sge;
    bool isUnsigned =
        predicate == Predicate::ult || predicate == Predicate::uge;
    if ((!isBelow && !isAbove) ||
        !(isSigned || (isUnsigned && isNatural && right.low >= 0)))
      return std::nullopt;
    bool isLess = predicate == Predicate::slt || predicate == Predicate::ult;
    return algebra.constant(isBelow == isLess);
  }
  return llvm::TypeSwitch<Operation *, Result>(op)
      .Case<arith::AddIOp>([&](auto) { return fits(algebra.add(a, b)); })
      .Case<arith::SubIOp>(
          [&](auto) { return fits(algebra.add(a, algebra.mul(b, -1))); })
      .Case<arith::MulIOp>([&](auto) -> Result {
        if (!constant) {
          auto other = dyn_cast<AffineConstantExpr>(a);
          return other ? fits(algebra.mul(b, other.getValue())) : std::nullopt;
        }
        return fits(algebra.mul(a, by));
      })
      .Case<arith::DivUIOp, arith::DivSIOp, arith::FloorDivSIOp>(
          [&](auto) -> Result {
            if (by < 1 || !isNatural)
              return std::nullopt;
            return algebra.floorDiv(a, by);
          })
      .Case<arith::RemUIOp, arith::RemSIOp>([&](auto) -> Result {
        if (by < 1 || !isNatural)
          return std::nullopt;
        return algebra.mod(a, by);
      })
      .Case<arith::AndIOp>([&](auto) -> Result {
        if (by < 0 || !constant || !llvm::isPowerOf2_64(uint64_t(by) + 1) ||
            !isNatural)
          return std::nullopt;
        return algebra.mod(a, by + 1);
      })
      .Case<arith::ShRUIOp, arith::ShRSIOp>([&](auto) -> Result {
        if (!constant || by < 0 || by >= int64_t(typeWidth) || !isNatural)
          return std::nullopt;
        return algebra.floorDiv(a, int64_t(1) << by);
      })
      .Case<arith::ShLIOp>([&](auto) -> Result {
        if (!constant || by < 0 || by >= 32)
          return std::nullopt;
        return fits(algebra.mul(a, int64_t(1) << by));
      })
      .Case<arith::ExtSIOp, arith::TruncIOp, arith::IndexCastOp>(
          [&](auto) { return fits(a); })
      .Case<arith::ExtUIOp, arith::IndexCastUIOp>([&](auto) -> Result {
        if (!isNatural)
          return std::nullopt;
        return fits(a);
      })
      .Default([](Operation *) -> Result { return std::nullopt; });
}

IntegerArithmetic::Result IntegerArithmetic::shift(Bits bits,
                                                   const ElementValue &distance,
                                                   bool isSigned) const {
  auto *expr = std::get_if<AffineExpr>(&distance);
  if (!expr || bits.read.bias != 0)
    return std::nullopt;
  IndexAlgebra::Range range = exactRange(algebra, *expr);
  if (range.low < 0 || range.high >= int64_t(bits.typeWidth))
    return std::nullopt;
  if (bits.leftShift != 0) {
    // (x << a) >> a: the sign is the highest bit that is left.
    if (range.low != range.high || range.low > int64_t(bits.leftShift))
      return std::nullopt;
    bool reachesTop = bits.read.width + bits.leftShift == bits.typeWidth;
    bits.leftShift -= unsigned(range.low);
    if (reachesTop)
      bits.isSignExtended = isSigned;
    else if (bits.isSignExtended)
      return std::nullopt;
    return bits;
  }
  // Of zeros above the bits, only zeros come down.
  if (isSigned && bits.isRaw())
    bits.isSignExtended = true;
  else if (!isSigned && bits.isRaw())
    bits.isSignExtended = false;
  else if (!isSigned && bits.isSignExtended)
    return std::nullopt;
  if (range.high >= int64_t(bits.read.width))
    return std::nullopt;
  bits.hasMore |= range.low != range.high;
  bits.read.width -= unsigned(range.high);
  bits.read.bit = algebra.add(bits.read.bit, *expr);
  return bits;
}

IntegerArithmetic::Result IntegerArithmetic::shiftLeft(Bits bits,
                                                       int64_t distance) {
  if (distance < 0 || distance >= int64_t(bits.typeWidth) || bits.hasMore ||
      bits.read.bias != 0)
    return std::nullopt;
  bits.leftShift += unsigned(distance);
  if (bits.leftShift >= bits.typeWidth)
    return std::nullopt;
  bits.read.width = std::min(bits.read.width, bits.typeWidth - bits.leftShift);
  return bits;
}

/// `mask` keeps the lowest bits, or a run of bits, which are shifted later.
IntegerArithmetic::Result IntegerArithmetic::mask(Bits bits, int64_t mask) {
  uint64_t kept = uint64_t(mask);
  if (bits.typeWidth < 64)
    kept &= (uint64_t(1) << bits.typeWidth) - 1;
  if (!llvm::isShiftedMask_64(kept) || bits.leftShift != 0 ||
      bits.read.bias != 0)
    return std::nullopt;
  unsigned first = llvm::countr_zero(kept), count = llvm::popcount(kept);
  bool isBeyond = first + count > bits.read.width;
  if (first >= bits.read.width || (isBeyond && bits.hasMore))
    return std::nullopt;
  // Copies of the sign above the bits would be kept.
  if (isBeyond && bits.isSignExtended && !bits.isRaw())
    return std::nullopt;
  bits.read.width = std::min(count, bits.read.width - first);
  bits.hasMore = false;
  bits.isSignExtended = false;
  if (first != 0)
    bits.read.bit = bits.read.bit + int64_t(first);
  bits.leftShift = first;
  return bits;
}

IntegerArithmetic::Result IntegerArithmetic::extend(Bits bits,
                                                    bool isSigned) const {
  if (bits.leftShift != 0)
    return std::nullopt;
  if (bits.isRaw())
    bits.isSignExtended = isSigned;
  else if (!isSigned && bits.isSignExtended)
    return std::nullopt;
  bits.typeWidth = typeWidth;
  return bits;
}

IntegerArithmetic::Result IntegerArithmetic::truncate(Bits bits) const {
  if (bits.leftShift != 0)
    return std::nullopt;
  if (typeWidth <= bits.read.width) {
    bits.read.width = typeWidth;
    bits.hasMore = false;
    bits.isSignExtended = false;
  }
  bits.typeWidth = typeWidth;
  return bits;
}

/// The least and the largest number that bits less a bias are, if they are
/// extended.
static std::optional<std::pair<double, double>> rangeOf(const Read &read) {
  auto type = dyn_cast_or_null<IntegerType>(read.type);
  if (!type || read.width > 32)
    return std::nullopt;
  double count = double(uint64_t(1) << read.width), bias = double(read.bias);
  if (type.isUnsigned())
    return std::pair{-bias, count - 1 - bias};
  return std::pair{-count / 2 - bias, count / 2 - 1 - bias};
}

/// Of an integer or an index.
static unsigned widthOf(Value value) {
  Type type = getElementTypeOrSelf(value.getType());
  return type.isIndex() ? IndexType::kInternalStorageBitWidth
                        : type.getIntOrFloatBitWidth();
}

/// Sums and differences of numbers that are too small to wrap around.
static std::optional<ElementValue> exactSum(Operation *op, ElementValue a,
                                            ElementValue b,
                                            const FormArithmetic &forms) {
  MLIRContext *context = op->getContext();
  unsigned typeWidth = widthOf(op->getResult(0));
  auto extent = [&](const ElementForm &form) -> std::optional<double> {
    if (form.isConstant())
      return std::abs(form.scale.coefficient);
    if (!form.isRead())
      return std::nullopt;
    auto range = rangeOf(form.scale.reads.front());
    if (!range)
      return std::nullopt;
    return std::max(std::abs(range->first), std::abs(range->second));
  };
  // Whether a raw integer is signed is not known before it is extended; a sum
  // of such ones may wrap around.
  std::optional<ElementForm> one = numberOf(a, /*isSigned=*/true, context),
                             other = numberOf(b, /*isSigned=*/true, context);
  if (!one || !other)
    return std::nullopt;
  std::optional<double> size = extent(*one), more = extent(*other);
  // Differences of differences are rare.
  if (!size || !more ||
      *size + *more >= double(uint64_t(1) << (std::min(typeWidth, 53u) - 1)))
    return std::nullopt;
  int sign = isa<arith::SubIOp>(op) ? -1 : 1;
  std::optional<ElementForm> sum = forms.add(*one, *other, sign);
  if (!sum)
    return std::nullopt;
  return *sum;
}

std::optional<ElementValue> rlx::integerResult(Operation *op,
                                               ArrayRef<ElementValue> operands,
                                               const IndexAlgebra &algebra,
                                               const FormArithmetic &forms) {
  IntegerArithmetic arithmetic{algebra, widthOf(op->getResult(0))};
  if (llvm::all_of(operands, [](const ElementValue &value) {
        return std::holds_alternative<AffineExpr>(value);
      })) {
    SmallVector<AffineExpr> indices;
    for (const ElementValue &value : operands)
      indices.push_back(std::get<AffineExpr>(value));
    return arithmetic.onIndices(op, indices);
  }
  SmallVector<ElementValue, 2> values(operands);
  // The bits come first where the order does not matter.
  bool commutes = isa<arith::AndIOp, arith::MulIOp>(op);
  if (commutes && values.size() == 2 &&
      !std::holds_alternative<Bits>(values[0]))
    std::swap(values[0], values[1]);
  if (isa<arith::AddIOp, arith::SubIOp>(op))
    return exactSum(op, values[0], values[1], forms);
  if (auto *form = std::get_if<ElementForm>(&values[0]))
    return isa<arith::ExtSIOp>(op) ? std::optional<ElementValue>(*form)
                                   : std::nullopt;
  auto *bits = std::get_if<Bits>(&values[0]);
  bool isIndex = isa<arith::IndexCastOp, arith::ExtSIOp>(op);
  if (!bits || (bits->wrap != 0 && !isIndex))
    return std::nullopt;
  std::optional<int64_t> by =
      values.size() > 1 ? constantOf(values[1]) : std::nullopt;
  auto isPower = [&] { return by && *by > 0 && llvm::isPowerOf2_64(*by); };
  // Of bits whose sign is not one of the integer, signed and unsigned agree.
  bool isNatural = !bits->isRaw() && !bits->isSignExtended;
  using Result = std::optional<ElementValue>;
  return llvm::TypeSwitch<Operation *, Result>(op)
      .Case<arith::AndIOp>([&](auto) -> Result {
        return by ? IntegerArithmetic::mask(*bits, *by) : std::nullopt;
      })
      .Case<arith::ShRUIOp>(
          [&](auto) { return arithmetic.shift(*bits, values[1], false); })
      .Case<arith::ShRSIOp>(
          [&](auto) { return arithmetic.shift(*bits, values[1], true); })
      .Case<arith::ShLIOp>([&](auto) -> Result {
        return by ? IntegerArithmetic::shiftLeft(*bits, *by) : std::nullopt;
      })
      .Case<arith::DivUIOp, arith::DivSIOp, arith::FloorDivSIOp>(
          [&](auto) -> Result {
            bool isUnsigned = isa<arith::DivUIOp>(op);
            if (!isPower() || (!isUnsigned && !isNatural))
              return std::nullopt;
            return arithmetic.shift(
                *bits, algebra.constant(llvm::Log2_64(uint64_t(*by))), false);
          })
      .Case<arith::RemUIOp, arith::RemSIOp>([&](auto) -> Result {
        bool isUnsigned = isa<arith::RemUIOp>(op);
        if (!isPower() || (!isUnsigned && !isNatural))
          return std::nullopt;
        return IntegerArithmetic::mask(*bits, *by - 1);
      })
      .Case<arith::ExtSIOp, arith::IndexCastOp>(
          [&](auto) { return arithmetic.extend(*bits, true); })
      .Case<arith::ExtUIOp, arith::IndexCastUIOp>(
          [&](auto) { return arithmetic.extend(*bits, false); })
      .Case<arith::TruncIOp>([&](auto) { return arithmetic.truncate(*bits); })
      .Default([](Operation *) -> Result { return std::nullopt; });
}
