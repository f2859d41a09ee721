//===- PropagateQdq.cpp - Codes are moved instead of numbers --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One walk in the order of the program: an operation whose operand has just
// been replaced by numbers of codes is met later. Numbers grow with codes, as
// scales are positive, so that the largest number has the largest code.
//
//===----------------------------------------------------------------------===//

#include "passes/quantize/CodeMoves.h"
#include "passes/quantize/QuantizePasses.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/TypeSwitch.h"

namespace rlx {
#define GEN_PASS_DEF_PROPAGATEQDQPASS
#include "passes/quantize/QuantizePasses.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

namespace {
/// Codes that take the place of numbers, with the grid that they are of; or why
/// there are none.
struct Moved {
  Value codes;
  StaticGrid grid;
  std::string reason;

  static Moved refused(const Twine &reason) {
    return {nullptr, {}, reason.str()};
  }
};

/// Makes the operation on codes that stands for one on numbers.
class Mover {
public:
  Mover(Operation *op, OpBuilder &builder) : op(op), builder(builder) {}

  /// None where `op` is no operation that could be moved.
  std::optional<Moved> run();

private:
  Moved collapse(tensor::CollapseShapeOp op, const StaticDequantize &from);
  Moved expand(tensor::ExpandShapeOp op, const StaticDequantize &from);
  Moved slice(tensor::ExtractSliceOp op, const StaticDequantize &from);
  Moved transpose(linalg::TransposeOp op, const StaticDequantize &from);
  Moved maximum(const MaximumWith &maximum, const StaticDequantize &from);
  template <typename OpT> Moved pool(OpT op, const StaticDequantize &from);
  std::optional<Moved> concat(tensor::ConcatOp op);

  /// The result's type with codes as elements.
  RankedTensorType codesType(const StaticGrid &grid) const {
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    return RankedTensorType::get(type.getShape(), grid.storage);
  }
  /// A tensor of codes of the result's sizes, which are those of `like`.
  Value emptyLike(Value like, const StaticGrid &grid) {
    Value empty = tensor::EmptyOp::create(
        builder, op->getLoc(),
        tensor::getMixedSizes(builder, op->getLoc(), like), grid.storage);
    RankedTensorType type = codesType(grid);
    return empty.getType() == type
               ? empty
               : tensor::CastOp::create(builder, op->getLoc(), type, empty);
  }

  Operation *op;
  OpBuilder &builder;
};
} // namespace

static constexpr llvm::StringLiteral mixesChannels =
    "channels with scales of their own would be put together";

Moved Mover::collapse(tensor::CollapseShapeOp collapse,
                      const StaticDequantize &from) {
  StaticGrid grid = from.grid;
  if (grid.isPerChannel())
    for (auto [i, group] : llvm::enumerate(collapse.getReassociationIndices()))
      if (llvm::is_contained(group, from.grid.channels)) {
        if (group.size() != 1)
          return Moved::refused(mixesChannels);
        grid.channels = i;
      }
  return {tensor::CollapseShapeOp::create(builder, op->getLoc(),
                                          codesType(grid), from.codes,
                                          collapse.getReassociation()),
          grid,
          {}};
}

Moved Mover::expand(tensor::ExpandShapeOp expand,
                    const StaticDequantize &from) {
  StaticGrid grid = from.grid;
  if (grid.isPerChannel()) {
    ReassociationIndices group =
        expand.getReassociationIndices()[grid.channels];
    if (group.size() != 1)
      return Moved::refused(
          "a dimension whose indices have scales of their own "
          "is divided");
    grid.channels = group[0];
  }
  return {tensor::ExpandShapeOp::create(
              builder, op->getLoc(), codesType(grid), from.codes,
              expand.getReassociationIndices(), expand.getMixedOutputShape()),
          grid,
          {}};
}

Moved Mover::slice(tensor::ExtractSliceOp slice, const StaticDequantize &from) {
  StaticGrid grid = from.grid;
  if (grid.isPerChannel()) {
    int64_t i = grid.channels, size = int64_t(grid.scales.size());
    bool isWhole = isConstantIntValue(slice.getMixedOffsets()[i], 0) &&
                   isConstantIntValue(slice.getMixedSizes()[i], size) &&
                   isConstantIntValue(slice.getMixedStrides()[i], 1);
    llvm::SmallBitVector dropped = slice.getDroppedDims();
    if (!isWhole || dropped.test(i))
      return Moved::refused("channels with scales of their own are cut off");
    for (int64_t before = 0; before < i; ++before)
      grid.channels -= dropped.test(before);
  }
  return {tensor::ExtractSliceOp::create(builder, op->getLoc(), codesType(grid),
                                         from.codes, slice.getMixedOffsets(),
                                         slice.getMixedSizes(),
                                         slice.getMixedStrides()),
          grid,
          {}};
}

Moved Mover::transpose(linalg::TransposeOp transpose,
                       const StaticDequantize &from) {
  StaticGrid grid = from.grid;
  for (auto [to, dimension] : llvm::enumerate(transpose.getPermutation()))
    if (grid.isPerChannel() && dimension == from.grid.channels)
      grid.channels = to;
  Value empty = emptyLike(transpose.getInit(), grid);
  auto moved = linalg::TransposeOp::create(builder, op->getLoc(), from.codes,
                                           empty, transpose.getPermutation());
  return {moved->getResult(0), grid, {}};
}

/// max((code - zero) * scale, 0) is (max(code, zero) - zero) * scale.
Moved Mover::maximum(const MaximumWith &maximum, const StaticDequantize &from) {
  const StaticGrid &grid = from.grid;
  auto bound = dyn_cast<FloatAttr>(maximum.bound);
  if (!bound || !bound.getValue().isZero())
    return Moved::refused(
        "a maximum with another number than 0 need not have a "
        "code");
  int64_t zero = grid.zeros.front();
  if (llvm::any_of(grid.zeros, [&](int64_t other) { return other != zero; }))
    return Moved::refused("channels have zero points of their own");
  if (!rangeOf(grid.storage, grid.isSigned).holds({zero, zero}))
    return Moved::refused("the zero point is no code");
  Location loc = op->getLoc();
  RankedTensorType type = codesType(grid);
  Value empty = emptyLike(from.codes, grid);
  SmallVector<AffineMap> maps(2,
                              builder.getMultiDimIdentityMap(type.getRank()));
  SmallVector<utils::IteratorType> iterators(type.getRank(),
                                             utils::IteratorType::parallel);
  auto loop = linalg::GenericOp::create(
      builder, loc, TypeRange(type), ValueRange{from.codes}, ValueRange{empty},
      maps, iterators, [&](OpBuilder &b, Location, ValueRange arguments) {
        Value code = arith::ConstantOp::create(
            b, loc, b.getIntegerAttr(grid.storage, zero));
        Value most =
            grid.isSigned
                ? Value(arith::MaxSIOp::create(b, loc, arguments[0], code))
                : Value(arith::MaxUIOp::create(b, loc, arguments[0], code));
        linalg::YieldOp::create(b, loc, most);
      });
  return {loop.getResult(0), grid, {}};
}

template <typename OpT>
Moved Mover::pool(OpT pool, const StaticDequantize &from) {
  const StaticGrid &grid = from.grid;
  if (!grid.isSigned)
    return Moved::refused("codes without a sign are pooled as if they had one");
  if (grid.isPerChannel() &&
      pool.getMatchingIndexingMap(pool.getDpsInputOperand(0))
              .getResult(grid.channels) !=
          pool.getMatchingIndexingMap(pool.getDpsInitOperand(0))
              .getResult(grid.channels))
    return Moved::refused(mixesChannels);
  // What pooling begins with is below all numbers.
  auto init = dyn_cast_or_null<FloatAttr>(splatOf(pool.getDpsInits()[0]));
  int64_t least = rangeOf(grid.storage, grid.isSigned).least;
  double lowest = 0;
  for (auto [scale, zero] : llvm::zip(grid.scales, grid.zeros))
    lowest = std::min(lowest, double(scale) * double(least - zero));
  if (!init || !(init.getValueAsDouble() <= lowest))
    return Moved::refused(
        "pooling begins with a number that may be the largest");
  Location loc = op->getLoc();
  Value empty = emptyLike(pool.getDpsInits()[0], grid);
  Value first = arith::ConstantOp::create(
      builder, loc, builder.getIntegerAttr(grid.storage, least));
  Value filled =
      linalg::FillOp::create(builder, loc, first, empty).getResult(0);
  auto codes = OpT::create(builder, loc, TypeRange(codesType(grid)),
                           ValueRange{from.codes, pool.getDpsInputs()[1]},
                           ValueRange{filled}, pool.getStridesAttr(),
                           pool.getDilationsAttr());
  return {codes->getResult(0), grid, {}};
}

std::optional<Moved> Mover::concat(tensor::ConcatOp concat) {
  std::optional<StaticGrid> grid;
  SmallVector<Value> codes;
  bool isPartly = false;
  std::string difference;
  for (Value input : concat.getInputs()) {
    std::optional<StaticDequantize> from =
        matchDequantize(input.getDefiningOp());
    if (!from) {
      isPartly = true;
      continue;
    }
    if (grid && difference.empty())
      difference = grid->difference(from->grid);
    if (!grid)
      grid = from->grid;
    codes.push_back(from->codes);
  }
  if (!grid)
    return std::nullopt;
  if (isPartly)
    return Moved::refused("only some of the operands are numbers of codes");
  if (!difference.empty())
    return Moved::refused(difference);
  if (grid->channels == int64_t(concat.getDim()))
    return Moved::refused(mixesChannels);
  return Moved{tensor::ConcatOp::create(builder, op->getLoc(), codesType(*grid),
                                        concat.getDim(), codes),
               *grid,
               {}};
}

std::optional<Moved> Mover::run() {
  if (auto several = dyn_cast<tensor::ConcatOp>(op))
    return concat(several);
  std::optional<MaximumWith> bounded = matchMaximum(op);
  Value source = bounded            ? bounded->input
                 : isMaxPooling(op) ? op->getOperand(0)
                                    : movedBy(op);
  std::optional<StaticDequantize> from =
      source ? matchDequantize(source.getDefiningOp()) : std::nullopt;
  if (!from)
    return std::nullopt;
  if (bounded)
    return maximum(*bounded, *from);
  return llvm::TypeSwitch<Operation *, Moved>(op)
      .Case([&](tensor::CollapseShapeOp op) { return collapse(op, *from); })
      .Case([&](tensor::ExpandShapeOp op) { return expand(op, *from); })
      .Case([&](tensor::ExtractSliceOp op) { return slice(op, *from); })
      .Case([&](linalg::TransposeOp op) { return transpose(op, *from); })
      .Case([&](tensor::CastOp cast) {
        return Moved{tensor::CastOp::create(builder, op->getLoc(),
                                            codesType(from->grid), from->codes),
                     from->grid,
                     {}};
      })
      .Case<linalg::PoolingNhwcMaxOp, linalg::PoolingNchwMaxOp,
            linalg::PoolingNwcMaxOp, linalg::PoolingNcwMaxOp,
            linalg::PoolingNdhwcMaxOp>(
          [&](auto op) { return pool(op, *from); });
}

namespace {
struct PropagateQdqPass : rlx::impl::PropagateQdqPassBase<PropagateQdqPass> {
  void runOnOperation() override {
    SmallVector<Operation *> operations;
    getOperation().walk([&](Operation *op) {
      if (op->getNumResults() == 1 &&
          isa<RankedTensorType>(op->getResult(0).getType()))
        operations.push_back(op);
    });
    SmallVector<Operation *> replaced;
    for (Operation *op : operations) {
      OpBuilder builder(op);
      std::optional<Moved> moved = Mover(op, builder).run();
      if (!moved)
        continue;
      if (!moved->codes) {
        op->emitRemark() << "numbers of codes are not moved as codes: "
                         << moved->reason;
        continue;
      }
      Value numbers =
          createDequantize(builder, op->getLoc(), moved->codes, moved->grid);
      op->getResult(0).replaceAllUsesWith(numbers);
      replaced.push_back(op);
    }
    // With them, loops whose numbers nobody asks for.
    for (Operation *op : llvm::reverse(replaced)) {
      llvm::SetVector<Operation *> sources;
      for (Value operand : op->getOperands())
        if (Operation *source = operand.getDefiningOp())
          sources.insert(source);
      op->erase();
      for (Operation *source : sources)
        if (source->use_empty() && matchDequantize(source))
          source->erase();
    }
  }
};
} // namespace
