//===- ProgramSizeBuilder.cpp - Sizes as operations on the inputs' --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/gpu/ProgramSizeBuilder.h"

#include "runtime/gpu/ProgramSizes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace rlx;
using Kind = ProgramSize::Kind;

SizeIndex ProgramSizeBuilder::add(Kind kind, int64_t a, int64_t b) {
  if (kind != Kind::constant && kind != Kind::dimension &&
      kind != Kind::number) {
    const ProgramSize &x = program.sizes[a], &y = program.sizes[b];
    if (x.kind == Kind::constant && y.kind == Kind::constant)
      if (std::optional<int64_t> value = applySize(kind, x.a, y.a))
        return constant(*value);
    bool keepsOther = kind == Kind::multiply || kind == Kind::divide ||
                      kind == Kind::ceilDivide;
    if (keepsOther && y.kind == Kind::constant && y.a == 1)
      return a;
    if (kind == Kind::multiply && x.kind == Kind::constant && x.a == 1)
      return b;
    if (kind == Kind::add && x.kind == Kind::constant && x.a == 0)
      return b;
    bool hasZero = y.kind == Kind::constant && y.a == 0;
    if ((kind == Kind::add || kind == Kind::subtract) && hasZero)
      return a;
  }
  auto [entry, inserted] =
      known.try_emplace({int(kind), a, b}, program.sizes.size());
  if (inserted)
    program.sizes.push_back({kind, a, b});
  return entry->second;
}

std::optional<SizeIndex> ProgramSizeBuilder::find(Value value) const {
  auto found = values.find(value);
  if (found != values.end())
    return found->second;
  return std::nullopt;
}

bool ProgramSizeBuilder::isNonNegative(SizeIndex index) const {
  const ProgramSize &size = program.sizes[index];
  switch (size.kind) {
  case Kind::constant:
    return size.a >= 0;
  case Kind::dimension:
  case Kind::equal:
  case Kind::less:
    return true;
  case Kind::subtract:
  case Kind::number:
    return false;
  case Kind::maximum:
    return isNonNegative(size.a) || isNonNegative(size.b);
  default:
    return isNonNegative(size.a) && isNonNegative(size.b);
  }
}

SizeIndex ProgramSizeBuilder::opposite(SizeIndex truth) {
  return add(Kind::subtract, constant(1), truth);
}

SizeIndex ProgramSizeBuilder::choose(SizeIndex condition, SizeIndex a,
                                     SizeIndex b) {
  return add(Kind::add, add(Kind::multiply, condition, a),
             add(Kind::multiply, opposite(condition), b));
}

SizeIndex ProgramSizeBuilder::compare(arith::CmpIPredicate predicate,
                                      SizeIndex a, SizeIndex b) {
  using P = arith::CmpIPredicate;
  // As unsigned numbers, negative ones are the largest.
  auto lessUnsigned = [&](SizeIndex x, SizeIndex y) {
    SizeIndex result = add(Kind::less, x, y);
    if (isNonNegative(x) && isNonNegative(y))
      return result;
    SizeIndex zero = constant(0);
    SizeIndex areOfOneSign =
        add(Kind::equal, add(Kind::less, x, zero), add(Kind::less, y, zero));
    return choose(areOfOneSign, result, opposite(result));
  };
  switch (predicate) {
  case P::eq:
    return add(Kind::equal, a, b);
  case P::ne:
    return opposite(add(Kind::equal, a, b));
  case P::slt:
    return add(Kind::less, a, b);
  case P::sle:
    return opposite(add(Kind::less, b, a));
  case P::sgt:
    return add(Kind::less, b, a);
  case P::sge:
    return opposite(add(Kind::less, a, b));
  case P::ult:
    return lessUnsigned(a, b);
  case P::ule:
    return opposite(lessUnsigned(b, a));
  case P::ugt:
    return lessUnsigned(b, a);
  case P::uge:
    return opposite(lessUnsigned(a, b));
  }
  llvm_unreachable("all predicates are known");
}

/// Quotients of arith are rounded towards zero, those of programs down or up.
SizeIndex ProgramSizeBuilder::quotient(SizeIndex a, SizeIndex b) {
  if (isNonNegative(a) && isNonNegative(b))
    return add(Kind::divide, a, b);
  SizeIndex zero = constant(0);
  SizeIndex areOfOneSign =
      add(Kind::equal, add(Kind::less, a, zero), add(Kind::less, b, zero));
  return choose(areOfOneSign, add(Kind::divide, a, b),
                add(Kind::ceilDivide, a, b));
}

std::optional<SizeIndex> ProgramSizeBuilder::apply(Operation *op,
                                                   ArrayRef<SizeIndex> x) {
  auto simple = [](Kind kind) {
    return [kind](auto) { return std::optional(kind); };
  };
  bool isTruth = op->getResult(0).getType().isInteger(1);
  std::optional<Kind> kind =
      isTruth
          ? llvm::TypeSwitch<Operation *, std::optional<Kind>>(op)
                .Case<arith::AndIOp, arith::MulIOp>(simple(Kind::multiply))
                .Case<arith::OrIOp>(simple(Kind::maximum))
                .Default(std::nullopt)
          : llvm::TypeSwitch<Operation *, std::optional<Kind>>(op)
                .Case<arith::AddIOp>(simple(Kind::add))
                .Case<arith::SubIOp>(simple(Kind::subtract))
                .Case<arith::MulIOp>(simple(Kind::multiply))
                .Case<arith::DivUIOp, arith::FloorDivSIOp>(simple(Kind::divide))
                .Case<arith::CeilDivUIOp, arith::CeilDivSIOp>(
                    simple(Kind::ceilDivide))
                .Case<arith::RemUIOp>(simple(Kind::remainder))
                .Case<arith::MinUIOp, arith::MinSIOp>(simple(Kind::minimum))
                .Case<arith::MaxUIOp, arith::MaxSIOp>(simple(Kind::maximum))
                .Default(std::nullopt);
  if (kind)
    return add(*kind, x[0], x[1]);
  using Result = std::optional<SizeIndex>;
  return llvm::TypeSwitch<Operation *, Result>(op)
      .Case<arith::IndexCastOp, arith::IndexCastUIOp, arith::ExtUIOp>(
          [&](auto cast) -> Result {
            // As a signed number, a truth is -1.
            bool isSigned = isa<arith::IndexCastOp>(cast) &&
                            cast.getIn().getType().isInteger(1);
            return isTruth || isSigned ? Result() : x[0];
          })
      .Case([&](arith::ExtSIOp cast) -> Result {
        return cast.getIn().getType().isInteger(1)
                   ? add(Kind::subtract, constant(0), x[0])
                   : x[0];
      })
      .Case([&](arith::CmpIOp compareOp) -> Result {
        if (compareOp.getLhs().getType().isInteger(1))
          return compareOp.getPredicate() == arith::CmpIPredicate::eq ||
                         compareOp.getPredicate() == arith::CmpIPredicate::ne
                     ? Result(compare(compareOp.getPredicate(), x[0], x[1]))
                     : std::nullopt;
        return compare(compareOp.getPredicate(), x[0], x[1]);
      })
      .Case([&](arith::XOrIOp) -> Result {
        if (!isTruth)
          return std::nullopt;
        return opposite(add(Kind::equal, x[0], x[1]));
      })
      .Case([&](arith::SelectOp) { return choose(x[0], x[1], x[2]); })
      .Case([&](arith::DivSIOp) -> Result {
        return isTruth ? Result() : quotient(x[0], x[1]);
      })
      .Case([&](arith::RemSIOp) -> Result {
        if (isTruth)
          return std::nullopt;
        if (isNonNegative(x[0]) && isNonNegative(x[1]))
          return add(Kind::remainder, x[0], x[1]);
        return add(Kind::subtract, x[0],
                   add(Kind::multiply, quotient(x[0], x[1]), x[1]));
      })
      .Default(std::nullopt);
}

std::optional<SizeIndex>
ProgramSizeBuilder::apply(AffineExpr expr, ArrayRef<SizeIndex> dims,
                          ArrayRef<SizeIndex> symbols) {
  if (auto value = dyn_cast<AffineConstantExpr>(expr))
    return constant(value.getValue());
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return dims[dim.getPosition()];
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return symbols[symbol.getPosition()];
  auto binary = cast<AffineBinaryOpExpr>(expr);
  std::optional<SizeIndex> lhs = apply(binary.getLHS(), dims, symbols);
  std::optional<SizeIndex> rhs = apply(binary.getRHS(), dims, symbols);
  if (!lhs || !rhs)
    return std::nullopt;
  switch (binary.getKind()) {
  case AffineExprKind::Add:
    return add(Kind::add, *lhs, *rhs);
  case AffineExprKind::Mul:
    return add(Kind::multiply, *lhs, *rhs);
  case AffineExprKind::FloorDiv:
    return add(Kind::divide, *lhs, *rhs);
  case AffineExprKind::CeilDiv:
    return add(Kind::ceilDivide, *lhs, *rhs);
  case AffineExprKind::Mod:
    return add(Kind::remainder, *lhs, *rhs);
  default:
    return std::nullopt;
  }
}

std::optional<SizeIndex> ProgramSizeBuilder::sizeOf(Value memref,
                                                    int64_t dimension) {
  auto shape = shapes.find(memref);
  if (shape != shapes.end())
    return shape->second[dimension];
  if (auto cast = memref.getDefiningOp<memref::CastOp>())
    return sizeOf(cast.getSource(), dimension);
  auto view = memref.getDefiningOp<memref::ReinterpretCastOp>();
  if (!view)
    return std::nullopt;
  OpFoldResult size = view.getConstifiedMixedSizes()[dimension];
  if (std::optional<int64_t> known = getConstantIntValue(size))
    return constant(*known);
  return find(cast<Value>(size));
}

bool ProgramSizeBuilder::tryAdd(Operation *op) {
  auto set = [&](Value value, std::optional<SizeIndex> size) {
    if (size)
      values[value] = *size;
    return size.has_value();
  };
  if (auto constantOp = dyn_cast<arith::ConstantOp>(op)) {
    auto value = dyn_cast<IntegerAttr>(constantOp.getValue());
    if (!value)
      return true;
    bool isTruth = value.getType().isInteger(1);
    return set(op->getResult(0),
               constant(isTruth ? !value.getValue().isZero() : value.getInt()));
  }
  if (auto dim = dyn_cast<memref::DimOp>(op)) {
    std::optional<int64_t> position = dim.getConstantIndex();
    return position &&
           set(op->getResult(0), sizeOf(dim.getSource(), *position));
  }
  if (auto load = dyn_cast<memref::LoadOp>(op)) {
    auto number = numbers.find(load.getMemRef());
    return number != numbers.end() && set(load.getResult(), number->second);
  }
  if (auto metadata = dyn_cast<memref::ExtractStridedMetadataOp>(op)) {
    auto found = shapes.find(metadata.getSource());
    if (found == shapes.end())
      return false;
    SmallVector<SizeIndex> shape = found->second;
    set(metadata.getOffset(), constant(0));
    SizeIndex stride = constant(1);
    for (int64_t i = shape.size() - 1; i >= 0; --i) {
      set(metadata.getSizes()[i], shape[i]);
      set(metadata.getStrides()[i], stride);
      stride = add(Kind::multiply, stride, shape[i]);
    }
    return true;
  }
  SmallVector<SizeIndex> operands;
  for (Value operand : op->getOperands()) {
    std::optional<SizeIndex> size = find(operand);
    if (!size)
      return false;
    operands.push_back(*size);
  }
  auto affineBound = [&](AffineMap map, Kind kind) {
    ArrayRef<SizeIndex> all(operands);
    std::optional<SizeIndex> result;
    for (AffineExpr expr : map.getResults()) {
      std::optional<SizeIndex> next =
          apply(expr, all.take_front(map.getNumDims()),
                all.drop_front(map.getNumDims()));
      if (!next)
        return false;
      result = result ? add(kind, *result, *next) : *next;
    }
    return set(op->getResult(0), result);
  };
  if (auto applyOp = dyn_cast<affine::AffineApplyOp>(op))
    return affineBound(applyOp.getAffineMap(), Kind::add);
  if (auto minOp = dyn_cast<affine::AffineMinOp>(op))
    return affineBound(minOp.getMap(), Kind::minimum);
  if (auto maxOp = dyn_cast<affine::AffineMaxOp>(op))
    return affineBound(maxOp.getMap(), Kind::maximum);
  return op->getNumResults() == 1 && !operands.empty() &&
         set(op->getResult(0), apply(op, operands));
}
