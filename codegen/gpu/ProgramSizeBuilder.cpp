//===- ProgramSizeBuilder.cpp - Sizes as operations on the inputs' --------===//

#include "codegen/gpu/ProgramSizeBuilder.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace rlx;
using Kind = ProgramSize::Kind;

/// The value of an operation on constants; nothing for a division by zero.
static std::optional<int64_t> fold(Kind kind, int64_t a, int64_t b) {
  switch (kind) {
  case Kind::add:
    return a + b;
  case Kind::subtract:
    return a - b;
  case Kind::multiply:
    return a * b;
  case Kind::divide:
    return b ? std::optional(a / b) : std::nullopt;
  case Kind::ceilDivide:
    return b ? std::optional((a + b - 1) / b) : std::nullopt;
  case Kind::remainder:
    return b ? std::optional(a % b) : std::nullopt;
  case Kind::minimum:
    return std::min(a, b);
  case Kind::maximum:
    return std::max(a, b);
  default:
    return std::nullopt;
  }
}

SizeIndex ProgramSizeBuilder::add(Kind kind, int64_t a, int64_t b) {
  if (kind != Kind::constant && kind != Kind::dimension) {
    const ProgramSize &x = program.sizes[a], &y = program.sizes[b];
    if (x.kind == Kind::constant && y.kind == Kind::constant)
      if (std::optional<int64_t> value = fold(kind, x.a, y.a))
        return constant(*value);
    bool keepsOther = kind == Kind::multiply || kind == Kind::divide ||
                      kind == Kind::ceilDivide;
    if (keepsOther && y.kind == Kind::constant && y.a == 1)
      return a;
    if (kind == Kind::multiply && x.kind == Kind::constant && x.a == 1)
      return b;
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

bool ProgramSizeBuilder::tryAdd(Operation *op) {
  auto set = [&](Value value, std::optional<SizeIndex> size) {
    if (size)
      values[value] = *size;
    return size.has_value();
  };
  if (auto constantOp = dyn_cast<arith::ConstantOp>(op)) {
    auto value = dyn_cast<IntegerAttr>(constantOp.getValue());
    return !value || set(op->getResult(0), constant(value.getInt()));
  }
  if (auto dim = dyn_cast<memref::DimOp>(op)) {
    auto shape = shapes.find(dim.getSource());
    std::optional<int64_t> position = dim.getConstantIndex();
    return shape != shapes.end() && position &&
           set(op->getResult(0), shape->second[*position]);
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
  if (isa<arith::IndexCastOp, arith::IndexCastUIOp>(op))
    return set(op->getResult(0), operands[0]);
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
  std::optional<Kind> kind =
      llvm::TypeSwitch<Operation *, std::optional<Kind>>(op)
          .Case<arith::AddIOp>([](auto) { return Kind::add; })
          .Case<arith::SubIOp>([](auto) { return Kind::subtract; })
          .Case<arith::MulIOp>([](auto) { return Kind::multiply; })
          .Case<arith::DivUIOp, arith::DivSIOp, arith::FloorDivSIOp>(
              [](auto) { return Kind::divide; })
          .Case<arith::CeilDivUIOp, arith::CeilDivSIOp>(
              [](auto) { return Kind::ceilDivide; })
          .Case<arith::RemUIOp, arith::RemSIOp>(
              [](auto) { return Kind::remainder; })
          .Case<arith::MinUIOp, arith::MinSIOp>(
              [](auto) { return Kind::minimum; })
          .Case<arith::MaxUIOp, arith::MaxSIOp>(
              [](auto) { return Kind::maximum; })
          .Default(std::nullopt);
  return kind && set(op->getResult(0), add(*kind, operands[0], operands[1]));
}
