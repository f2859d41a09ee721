//===- SizeChecksOfLoops.cpp - Checks of operands that share loops --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ir/Scheme.h"
#include "passes/checks/SizeChecks.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace rlx;

//===----------------------------------------------------------------------===//
// Loops over tensors
//===----------------------------------------------------------------------===//

/// Operands that share a loop have the size of its range.
void SizeChecks::insert(linalg::LinalgOp structured) {
  if (!structured.hasPureTensorSemantics() ||
      llvm::none_of(op->getOperands(), isDynamic))
    return;
  struct Place {
    OpOperand *operand = nullptr;
    int64_t dimension = 0;
  };
  SmallVector<Place> ranges(structured.getNumLoops());
  auto eachResult =
      [&](llvm::function_ref<void(OpOperand &, int64_t, AffineExpr)> body) {
        for (OpOperand &operand : op->getOpOperands())
          if (tensorOf(operand.get()))
            for (auto [i, expr] : llvm::enumerate(
                     structured.getMatchingIndexingMap(&operand).getResults()))
              body(operand, i, expr);
      };
  eachResult([&](OpOperand &operand, int64_t i, AffineExpr expr) {
    auto dim = dyn_cast<AffineDimExpr>(expr);
    if (!dim)
      return;
    Place &range = ranges[dim.getPosition()];
    if (!range.operand) {
      range = {&operand, i};
      return;
    }
    equal(size(operand.get(), i), size(range.operand->get(), range.dimension),
          "expected dimension " + Twine(i) + " of operand " +
              Twine(operand.getOperandNumber()) + " to be {}, as dimension " +
              Twine(range.dimension) + " of operand " +
              Twine(range.operand->getOperandNumber()) + ", but got {}");
  });
  // Where an index is computed from several loops: its least and its greatest
  // value, which are at the ends of the loops.
  SmallVector<OpFoldResult> last;
  Value runs = nullptr;
  for (const Place &range : ranges) {
    if (!range.operand)
      return;
    Value extent = toValue(size(range.operand->get(), range.dimension));
    last.push_back(arith::SubIOp::create(b, extent, constant(1)).getResult());
    Value some = compare(arith::CmpIPredicate::sgt, extent, constant(0));
    runs = runs ? arith::AndIOp::create(b, runs, some).getResult() : some;
  }
  eachResult([&](OpOperand &operand, int64_t i, AffineExpr expr) {
    if (isa<AffineDimExpr>(expr))
      return;
    SmallVector<OpFoldResult> first(ranges.size(), b.getIndexAttr(0));
    AffineMap map = AffineMap::get(ranges.size(), 0, expr);
    auto at = [&](ArrayRef<OpFoldResult> indices) {
      return toValue(
          affine::makeComposedFoldedAffineApply(b, b.getLoc(), map, indices));
    };
    Value one = at(first), other = at(last);
    Value bound = toValue(size(operand.get(), i));
    Value largest = arith::MaxSIOp::create(b, one, other);
    Value inside =
        arith::AndIOp::create(b, compare(arith::CmpIPredicate::ult, one, bound),
                              compare(arith::CmpIPredicate::ult, other, bound));
    Value never = arith::XOrIOp::create(
        b, runs, arith::ConstantIntOp::create(b, b.getI1Type(), 1));
    require(arith::OrIOp::create(b, never, inside),
            "expected indices below {} in dimension " + Twine(i) +
                " of operand " + Twine(operand.getOperandNumber()) +
                ", but its loops reach {}",
            {bound, largest});
  });
}

/// Its loops are those of its input, and it is no linalg::LinalgOp.
void SizeChecks::insert(linalg::SoftmaxOp softmax) {
  Value input = softmax.getInput(), output = softmax.getOutput();
  // Of buffers, nothing is checked.
  if (!tensorOf(input) || !tensorOf(output))
    return;
  for (int64_t i = 0; i < tensorOf(input).getRank(); ++i)
    equal(size(output, i), size(input, i),
          "expected dimension " + Twine(i) +
              " of operand 1 to be {}, as of operand 0, but got {}");
}

/// arith and math on whole tensors: all are of one shape.
void SizeChecks::insertElementwise() {
  Value first;
  for (auto [number, operand] : llvm::enumerate(op->getOperands())) {
    RankedTensorType type = tensorOf(operand);
    if (!type)
      continue;
    if (!first) {
      first = operand;
      continue;
    }
    for (int64_t i = 0; i < type.getRank(); ++i)
      equal(size(operand, i), size(first, i),
            "expected dimension " + Twine(i) + " of operand " + Twine(number) +
                " to be {}, as of the first tensor, but got {}");
  }
  if (first)
    for (Value result : op->getResults())
      if (tensorOf(result))
        resultSizes(result, tensor::getMixedSizes(b, b.getLoc(), first));
}

/// A divisor is not zero, and what results fits.
void SizeChecks::division() {
  Value left = op->getOperand(0), right = op->getOperand(1);
  Type type = right.getType();
  if (!type.isIntOrIndex())
    return;
  APInt known;
  bool isKnown = matchPattern(right, m_ConstantInt(&known));
  auto number = [&](const APInt &value) -> Value {
    return arith::ConstantOp::create(b, b.getIntegerAttr(type, value));
  };
  unsigned width = type.isIndex() ? 64 : type.getIntOrFloatBitWidth();
  if (!isKnown || known.isZero())
    require(
        compare(arith::CmpIPredicate::ne, right, number(APInt::getZero(width))),
        "expected a divisor that is not 0", {});
  bool isSigned = isa<arith::DivSIOp, arith::RemSIOp, arith::CeilDivSIOp,
                      arith::FloorDivSIOp>(op);
  if (!isSigned || (isKnown && !known.isAllOnes()))
    return;
  Value isOther = compare(arith::CmpIPredicate::ne, right,
                          number(APInt::getAllOnes(width)));
  Value isLarger = compare(arith::CmpIPredicate::ne, left,
                           number(APInt::getSignedMinValue(width)));
  require(arith::OrIOp::create(b, isOther, isLarger),
          "expected a quotient that fits, but got the least number divided "
          "by -1",
          {});
}

//===----------------------------------------------------------------------===//
// Operations of rlx
//===----------------------------------------------------------------------===//

/// Side operands as the scheme describes them, C2.
void SizeChecks::sides(RankedTensorType weight, const SideValues &values) {
  std::optional<QuantScheme> scheme = QuantScheme::of(weight);
  if (!scheme)
    return;
  for (auto [name, value] : {std::pair("scales", values.scales),
                             std::pair("zero_points", values.zeroPoints),
                             std::pair("global_scale", values.globalScale)}) {
    std::optional<SideOperand> side =
        value ? scheme->findSide(name) : std::nullopt;
    if (!side)
      continue;
    for (auto [i, expected] : llvm::enumerate(side->shape(weight.getShape())))
      if (!ShapedType::isDynamic(expected))
        equal(size(value, i), b.getIndexAttr(expected),
              "expected dimension " + Twine(i) + " of " + name +
                  " to be {}, but got {}");
  }
}

/// rlx.matmul and rlx.gather_matmul.
template <typename OpT> void SizeChecks::insertMatmul(OpT matmul) {
  Value x = matmul.getX(), weight = matmul.getWeight();
  RankedTensorType type = tensorOf(weight);
  int64_t rank = type.getRank(), columns = tensorOf(x).getRank() - 1;
  auto weightSize = [&](int64_t dimension) -> OpFoldResult {
    if (type.isDynamicDim(dimension))
      return size(weight, dimension);
    return b.getIndexAttr(type.getDimSize(dimension));
  };
  equal(size(x, columns), weightSize(rank - 1),
        "expected x to have {} columns, as the weight, but got {}");
  SmallVector<OpFoldResult> sizes;
  if constexpr (std::is_same_v<OpT, GatherMatmulOp>) {
    Value ids = matmul.getIds();
    sizes = tensor::getMixedSizes(b, b.getLoc(), ids);
    for (int64_t i = 0; i < columns; ++i)
      equal(size(x, i), sizes[i],
            "expected dimension " + Twine(i) +
                " of x to be {}, as of the ids, but got {}");
  } else {
    for (int64_t i = 0; i < columns; ++i)
      sizes.push_back(size(x, i));
  }
  sizes.push_back(weightSize(rank - 2));
  if (Value bias = matmul.getBias())
    for (int64_t i = 0; i < rank - 1; ++i)
      equal(size(bias, i), weightSize(i),
            "expected dimension " + Twine(i) +
                " of the bias to be {}, as of the weight, but got {}");
  sides(type, SideValues::of(matmul));
  resultSizes(matmul.getResult(), sizes);
}

/// rlx.embedding, rlx.dequantize and rlx.quantize.
template <typename OpT> void SizeChecks::insertRows(OpT rows, Value table) {
  RankedTensorType type = tensorOf(table);
  SmallVector<OpFoldResult> sizes;
  if constexpr (std::is_same_v<OpT, EmbeddingOp>) {
    sizes = tensor::getMixedSizes(b, b.getLoc(), rows.getIds());
    sizes.push_back(type.isDynamicDim(1) ? size(table, 1)
                                         : b.getIndexAttr(type.getDimSize(1)));
  } else if constexpr (std::is_same_v<OpT, QuantizeOp>) {
    sizes = tensor::getMixedSizes(b, b.getLoc(), rows.getX());
  } else {
    for (int64_t i = 0; i < type.getRank(); ++i)
      sizes.push_back(type.isDynamicDim(i)
                          ? size(table, i)
                          : b.getIndexAttr(type.getDimSize(i)));
  }
  sides(type, SideValues::of(rows));
  resultSizes(rows->getResult(0), sizes);
}

/// Whether nothing needs more than the sizes of what `op` gives.
static bool isUnread(Operation *op) {
  SmallVector<Operation *> work = {op};
  llvm::SmallPtrSet<Operation *, 8> seen;
  while (!work.empty())
    for (Operation *user : work.pop_back_val()->getUsers()) {
      if (isa<tensor::DimOp>(user) || !seen.insert(user).second)
        continue;
      if (user->hasTrait<OpTrait::IsTerminator>() || !isMemoryEffectFree(user))
        return false;
      work.push_back(user);
    }
  return true;
}

/// Kernels check the ids that they use; of a result that nothing reads there is
/// no kernel.
void SizeChecks::unreadIds(Value ids, OpFoldResult count) {
  if (!isUnread(op))
    return;
  RankedTensorType type = tensorOf(ids);
  Value bound = toValue(count);
  Value empty = tensor::EmptyOp::create(
      b, tensor::getMixedSizes(b, b.getLoc(), ids), type.getElementType());
  if (empty.getType() != type)
    empty = tensor::CastOp::create(b, type, empty);
  auto map = linalg::MapOp::create(
      b, ids, empty, [](OpBuilder &inner, Location loc, ValueRange elements) {
        linalg::YieldOp::create(inner, loc, elements.front());
      });
  Block &body = map.getMapper().front();
  b.setInsertionPoint(body.getTerminator());
  Value id =
      arith::IndexCastOp::create(b, b.getIndexType(), body.getArgument(0));
  require(compare(arith::CmpIPredicate::ult, id, bound),
          "expected 0 <= id < {}, but got {}", {bound, id});
}

void SizeChecks::insert(MatmulOp matmul) { insertMatmul(matmul); }
void SizeChecks::insert(GatherMatmulOp matmul) {
  insertMatmul(matmul);
  unreadIds(matmul.getIds(), size(matmul.getWeight(), 0));
}
void SizeChecks::insert(EmbeddingOp rows) {
  insertRows(rows, rows.getTable());
  unreadIds(rows.getIds(), size(rows.getTable(), 0));
}
void SizeChecks::insert(DequantizeOp values) {
  insertRows(values, values.getWeight());
}
void SizeChecks::insert(QuantizeOp codes) {
  insertRows(codes, codes.getResult());
  Value importance = codes.getImportance();
  if (importance && tensorOf(importance).isDynamicDim(0))
    equal(size(importance, 0),
          b.getIndexAttr(tensorOf(codes.getResult()).getShape().back()),
          "expected importance of {} columns, but got {}");
}
