//===- SizeChecks.cpp - Words for checks, and which an operation gets -----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/checks/SizeChecks.h"

#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace rlx;

//===----------------------------------------------------------------------===//
// Words for checks
//===----------------------------------------------------------------------===//

/// What `op` is checked before: where the iterations of a parallel loop put
/// their results together there is no place for other operations.
static Operation *placeOf(Operation *op) {
  Operation *parent = op->getParentOp();
  return isa_and_nonnull<scf::InParallelOp>(parent) ? parent : op;
}

SizeChecks::SizeChecks(Operation *op)
    : op(op), b(op->getLoc(), placeOf(op)), subject(sourceText(op)) {}

void SizeChecks::require(Value condition, const Twine &text,
                         ValueRange values) {
  APInt known;
  if (matchPattern(condition, m_ConstantInt(&known)) && !known.isZero())
    return;
  CheckOp::create(b, condition, b.getStringAttr(subject + text), values);
}

OpFoldResult SizeChecks::size(Value tensor, int64_t dimension) {
  return tensor::getMixedSize(b, b.getLoc(), tensor, dimension);
}

bool rlx::isSameSize(OpFoldResult left, OpFoldResult right) {
  if (isEqualConstantIntOrValue(left, right))
    return true;
  auto one = dyn_cast_or_null<Value>(left),
       other = dyn_cast_or_null<Value>(right);
  auto dim = one ? one.getDefiningOp<tensor::DimOp>() : nullptr;
  auto second = other ? other.getDefiningOp<tensor::DimOp>() : nullptr;
  return dim && second && dim.getSource() == second.getSource() &&
         isEqualConstantIntOrValue(OpFoldResult(dim.getIndex()),
                                   OpFoldResult(second.getIndex()));
}

void SizeChecks::equal(OpFoldResult found, OpFoldResult expected,
                       const Twine &text) {
  if (isSameSize(found, expected))
    return;
  Value left = toValue(found), right = toValue(expected);
  require(compare(arith::CmpIPredicate::eq, left, right), text, {right, left});
}

/// Whether `value` is made of sizes, and so not negative.
static bool isSize(OpFoldResult value) {
  if (std::optional<int64_t> known = getConstantIntValue(value))
    return *known >= 0;
  Operation *op = cast<Value>(value).getDefiningOp();
  return isa_and_nonnull<tensor::DimOp>(op) ||
         (isa_and_nonnull<arith::AddIOp, arith::MulIOp, arith::MaxSIOp,
                          arith::MinSIOp>(op) &&
          llvm::all_of(op->getOperands(), isSize));
}

void SizeChecks::isAbove(OpFoldResult value, int64_t bound, const Twine &text) {
  if (std::optional<int64_t> known = getConstantIntValue(value);
      (known && *known > bound) || (bound == -1 && isSize(value)))
    return;
  Value number = toValue(value);
  if (!number.getType().isIndex())
    number = arith::IndexCastOp::create(b, b.getIndexType(), number);
  require(compare(arith::CmpIPredicate::sgt, number, constant(bound)), text,
          number);
}

/// Static sizes of a result's type must be what the operands give.
void SizeChecks::resultSizes(Value result, ArrayRef<OpFoldResult> sizes) {
  for (auto [i, expected] : llvm::enumerate(tensorOf(result).getShape()))
    if (!ShapedType::isDynamic(expected))
      equal(sizes[i], b.getIndexAttr(expected),
            "expected dimension " + Twine(i) +
                " of its result to be {}, but got {}");
}

/// Sizes of new tensors.
void SizeChecks::sizes(ValueRange dynamic) {
  for (Value size : dynamic)
    isAbove(size, -1, "expected a size of at least 0, but got {}");
}

void SizeChecks::steps(ArrayRef<OpFoldResult> steps) {
  for (OpFoldResult step : steps)
    isAbove(step, 0, "expected a step of at least 1, but got {}");
}

//===----------------------------------------------------------------------===//
// All
//===----------------------------------------------------------------------===//

void SizeChecks::insert(cf::AssertOp assertion) {
  require(assertion.getArg(), assertion.getMsg(), {});
}

void SizeChecks::insert() {
  llvm::TypeSwitch<Operation *>(op)
      .Case<cf::AssertOp, tensor::CastOp, tensor::DimOp, tensor::ExpandShapeOp,
            tensor::ReshapeOp, tensor::PadOp, tensor::ConcatOp,
            tensor::GatherOp, tensor::ScatterOp, scf::ForOp, scf::ForallOp,
            scf::ParallelOp, linalg::LinalgOp, linalg::SoftmaxOp,
            linalg::PackOp, linalg::UnPackOp,
            bufferization::MaterializeInDestinationOp, MatmulOp, GatherMatmulOp,
            EmbeddingOp, DequantizeOp, QuantizeOp, tm_tensor::ScanOp,
            tm_tensor::ScatterOp, tm_tensor::SortOp, tm_tensor::TopkOp,
            tm_tensor::AttentionOp, RmsNormOp, LayerNormOp, RopeTableOp, RopeOp,
            AppendOp, AttentionOp, TopkOp>([&](auto known) { insert(known); })
      .Case<tensor::ExtractOp>([&](tensor::ExtractOp extract) {
        indices(extract.getTensor(), extract.getIndices());
      })
      .Case<tensor::InsertOp>([&](tensor::InsertOp insertion) {
        indices(insertion.getDest(), insertion.getIndices());
      })
      .Case<tensor::ExtractSliceOp>([&](tensor::ExtractSliceOp extract) {
        slice(cast<OffsetSizeAndStrideOpInterface>(extract.getOperation()),
              extract.getSource());
      })
      .Case<tensor::InsertSliceOp, tensor::ParallelInsertSliceOp>(
          [&](auto insertion) {
            auto place =
                cast<OffsetSizeAndStrideOpInterface>(insertion.getOperation());
            slice(place, insertion.getDest());
            insertedSlice(place, insertion.getSource(),
                          insertion.getDroppedDims());
          })
      .Case<tensor::EmptyOp>(
          [&](tensor::EmptyOp empty) { sizes(empty.getDynamicSizes()); })
      .Case<tensor::GenerateOp>([&](tensor::GenerateOp generate) {
        sizes(generate.getDynamicExtents());
      })
      .Case<tensor::SplatOp>(
          [&](tensor::SplatOp splat) { sizes(splat.getDynamicSizes()); })
      .Case<bufferization::AllocTensorOp>(
          [&](bufferization::AllocTensorOp alloc) {
            sizes(alloc.getDynamicSizes());
          })
      .Case<arith::DivSIOp, arith::DivUIOp, arith::RemSIOp, arith::RemUIOp,
            arith::CeilDivSIOp, arith::CeilDivUIOp, arith::FloorDivSIOp>(
          [&](auto) { division(); })
      .Default([](Operation *) {});
}
