//===- GatheredRows.cpp - Rows that ids name ------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/import/recognize/GatheredRows.h"
#include "passes/import/ContractionInit.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <limits>

using namespace mlir;
using namespace rlx;

/// Dimensions of formulas beside those of a table: those of the ids.
static constexpr unsigned firstIdDim = 3;

bool rlx::gathersElements(Operation *op) {
  if (isa<tensor::GatherOp>(op))
    return true;
  auto loops = dyn_cast<linalg::LinalgOp>(op);
  if (!loops || loops.getNumParallelLoops() != loops.getNumLoops())
    return false;
  return llvm::any_of(*loops.getBlock(), [](Operation &inner) {
    return isa<tensor::ExtractOp>(inner);
  });
}

Value rlx::gatheredIds(OpBuilder &builder, Location loc,
                       const ElementEvaluator::Id &from,
                       ArrayRef<AffineExpr> dims,
                       ArrayRef<OpFoldResult> sizes) {
  const Read &read = from.read;
  unsigned rank = unsigned(sizes.size());
  SmallVector<AffineExpr> index;
  for (AffineExpr expr : read.index)
    index.push_back(expr.replaceDims(dims));
  AffineMap whole = builder.getMultiDimIdentityMap(rank);
  Value empty =
      tensor::EmptyOp::create(builder, loc, sizes, builder.getI32Type());
  SmallVector<utils::IteratorType> kinds(rank, utils::IteratorType::parallel);
  return linalg::GenericOp::create(
             builder, loc, empty.getType(), read.tensor, empty,
             ArrayRef<AffineMap>{
                 AffineMap::get(rank, 0, index, builder.getContext()), whole},
             kinds,
             [&](OpBuilder &inner, Location loc, ValueRange values) {
               Value id = values[0];
               constexpr unsigned idBits = 32;
               auto constant = [&](int64_t value) -> Value {
                 return arith::ConstantOp::create(
                     inner, loc, inner.getIntegerAttr(id.getType(), value));
               };
               if (from.wrap != 0) {
                 Value isNegative = arith::CmpIOp::create(
                     inner, loc, arith::CmpIPredicate::slt, id, constant(0));
                 id = arith::SelectOp::create(
                     inner, loc, isNegative,
                     arith::AddIOp::create(inner, loc, id, constant(from.wrap)),
                     id);
               }
               if (id.getType().getIntOrFloatBitWidth() > idBits) {
                 id = arith::MaxSIOp::create(inner, loc, id, constant(-1));
                 id = arith::MinSIOp::create(
                     inner, loc, id,
                     constant(std::numeric_limits<int32_t>::max()));
                 id = arith::TruncIOp::create(inner, loc, inner.getI32Type(),
                                              id);
               }
               linalg::YieldOp::create(inner, loc, id);
             })
      .getResult(0);
}

void GatheredRows::setAlgebra() {
  auto type = cast<RankedTensorType>(rows.getType());
  constexpr int64_t anySize = int64_t(1) << 40;
  SmallVector<int64_t> sizes(shape.sizes());
  for (int64_t size : type.getShape().drop_back())
    sizes.push_back(ShapedType::isDynamic(size) ? anySize : size);
  indices = std::make_unique<IndexAlgebra>(rows.getContext(), sizes);
}

std::optional<int64_t> GatheredRows::placeOf(int64_t i) const {
  for (auto [place, expr] : llvm::enumerate(id->read.index))
    if (expr == indices->dim(firstIdDim + unsigned(i)))
      return int64_t(place);
  return std::nullopt;
}

bool GatheredRows::evaluate(bool isUnrounded,
                            SmallVectorImpl<Obstacle> &found) {
  auto type = cast<RankedTensorType>(rows.getType());
  Operation *op = rows.getDefiningOp();
  ElementEvaluator evaluator(*indices, shape.elements(), isUnrounded);
  evaluator.setIdDim(rowDim);
  ElementEvaluator::Index index;
  for (int64_t i = 0; i + 1 < type.getRank(); ++i)
    index.push_back(indices->simplify(indices->dim(firstIdDim + unsigned(i))));
  index.push_back(indices->simplify(indices->dim(columnDim)));
  std::optional<ElementValue> value = evaluator.element(rows, index);
  id = evaluator.id();
  // Columns that numbers name are something else.
  if (!id || llvm::any_of(id->read.index, [](AffineExpr expr) {
        return expr.isFunctionOfDim(columnDim);
      }))
    return false;
  if (shape.n != id->count) {
    // How many rows there are is known from here on.
    shape.n = id->count;
    setAlgebra();
    return evaluate(isUnrounded, found);
  }
  auto fail = [&](const Twine &reason) {
    if (evaluator.sawCodes()) {
      llvm::append_range(found, evaluator.obstacles());
      found.push_back({op, reason.str()});
    }
    return false;
  };
  auto *number = value ? std::get_if<ElementForm>(&*value) : nullptr;
  if (!number || !evaluator.forms().findCode(*number))
    // Other things than tables are indexed, too.
    return !evaluator.obstacles().empty() &&
           fail("the table is not scale * (code - zero) + offset");
  const Read &code = *number->code;
  table = code.tensor.getDefiningOp<DequantizeOp>();
  constexpr unsigned plainBits = 16;
  if (isa<FloatType>(code.type) && code.width >= plainBits && !table)
    return false;
  bool isOwn = true;
  auto check = [&](const Read &read) {
    for (AffineExpr expr : read.index)
      for (int64_t i = 0; i + 1 < type.getRank(); ++i)
        isOwn &= !expr.isFunctionOfDim(firstIdDim + unsigned(i));
  };
  check(code);
  for (const Read &read : number->scale.reads)
    check(read);
  if (number->zero)
    check(*number->zero);
  if (number->offset)
    for (const Read &read : number->offset->reads)
      check(read);
  for (int64_t i = 0; i + 1 < type.getRank(); ++i)
    isOwn &= !type.isDynamicDim(i) || placeOf(i).has_value();
  if (!isOwn)
    return fail("rows are not those of a table alone");
  if (table) {
    bool isBare = number->scale.isConstant() &&
                  number->scale.coefficient == 1 && !number->zero &&
                  number->zeroConstant == 0 && !number->offset;
    auto stored = cast<RankedTensorType>(table.getWeight().getType());
    ElementEvaluator::Index whole = {
        indices->simplify(indices->dim(rowDim)),
        indices->simplify(indices->dim(columnDim))};
    if (!isBare || code.index != whole ||
        stored.getShape() != ArrayRef<int64_t>{shape.n, shape.k})
      return fail("the table is changed before its rows are taken");
    return true;
  }
  std::string reason;
  form.emplace(*indices, shape, *number);
  return succeeded(form->plan(reason)) || fail(reason);
}

std::optional<GatheredRows>
GatheredRows::match(Operation *gather, bool isUnrounded,
                    SmallVectorImpl<Obstacle> &found) {
  if (gather->getNumResults() != 1)
    return std::nullopt;
  std::optional<GatheredRows> best;
  SmallVector<Obstacle> first;
  for (Operation *op = gather;;) {
    Value value = op->getResult(0);
    auto type = dyn_cast<RankedTensorType>(value.getType());
    Type element = type ? type.getElementType() : Type();
    bool isFloat =
        type && (element.isF32() || element.isF16() || element.isBF16());
    if (isFloat && type.getRank() > 1 &&
        !ShapedType::isDynamic(type.getShape().back())) {
      GatheredRows rows(value);
      rows.shape.k = type.getShape().back();
      rows.setAlgebra();
      SmallVector<Obstacle> obstacles;
      if (rows.evaluate(isUnrounded, obstacles))
        best.emplace(std::move(rows));
      else if (first.empty())
        first = obstacles;
    }
    if (!value.hasOneUse())
      break;
    Operation *user = *value.getUsers().begin();
    auto loops = dyn_cast<linalg::LinalgOp>(user);
    bool isElementwise =
        loops ? loops.getNumParallelLoops() == loops.getNumLoops() &&
                    loops.hasPureTensorSemantics()
              : OpTrait::hasElementwiseMappableTraits(user) ||
                    isa<tensor::CollapseShapeOp, tensor::ExpandShapeOp>(user);
    if (!isElementwise || user->getNumResults() != 1 ||
        user->getBlock() != gather->getBlock())
      break;
    op = user;
  }
  if (!best)
    llvm::append_range(found, first);
  return best;
}

SchemeAttr GatheredRows::getScheme() const {
  return form ? form->getScheme() : SchemeAttr();
}

void GatheredRows::replace(OpBuilder &builder) const {
  Location loc = rows.getLoc();
  auto type = cast<RankedTensorType>(rows.getType());
  int64_t rank = type.getRank() - 1;
  SmallVector<AffineExpr> dims(firstIdDim + rank,
                               builder.getAffineConstantExpr(0));
  SmallVector<OpFoldResult> sizes;
  for (int64_t i = 0; i < rank; ++i) {
    dims[firstIdDim + i] = builder.getAffineDimExpr(unsigned(i));
    // Sizes are those of the ids: the rows are about to go.
    sizes.push_back(
        type.isDynamicDim(i)
            ? tensor::getMixedSize(builder, loc, id->read.tensor, *placeOf(i))
            : OpFoldResult(builder.getIndexAttr(type.getDimSize(i))));
  }
  Value ids = gatheredIds(builder, loc, *id, dims, sizes);
  QuantizedWeight weight;
  if (DequantizeOp op = table)
    weight = {op.getWeight(), SideValues::of(op)};
  else
    weight = form->build(builder, loc);
  Value y = EmbeddingOp::create(builder, loc, type, weight.weight, ids,
                                weight.sides.scales, weight.sides.zeroPoints,
                                weight.sides.globalScale);
  Value(rows).replaceAllUsesWith(y);
}
