//===- InsertChecks.cpp - What only shows at run time is checked ----------===//
//
// Operations on tensors are undefined where sizes and indices do not fit. This
// pass puts an rlx.check before each that types alone cannot vouch for. It runs
// on the program as it was written: whatever comes later may rely on what was
// checked here. A check of sizes costs some instructions a call; only indices
// and divisors inside of loops are checked there.
//
//===----------------------------------------------------------------------===//

#include "passes/PassDetail.h"
#include "passes/PlainConstants.h"
#include "passes/QuantizedOperand.h"
#include "passes/RankReductions.h"
#include "passes/SourceText.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"

namespace rlx {
#define GEN_PASS_DEF_INSERTCHECKSPASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

namespace {

/// Builds the checks before one operation.
class Checks {
public:
  explicit Checks(Operation *op)
      : op(op), b(op->getLoc(), op), subject(sourceText(op)) {}

  void insert();
  void insertElementwise();

private:
  void insert(cf::AssertOp assertion);
  void insert(tensor::CastOp cast);
  void insert(tensor::DimOp dim);
  void insert(tensor::ExpandShapeOp expand);
  void insert(tensor::ReshapeOp reshape);
  void insert(tensor::PadOp pad);
  void insert(tensor::ConcatOp concat);
  void insert(linalg::LinalgOp structured);
  void insert(scf::ForOp loop) {
    isAbove(loop.getStep(), 0, "expected a step of at least 1, but got {}");
  }
  template <typename OpT> void insertMatmul(OpT matmul);
  template <typename OpT> void insertRows(OpT rows, Value table);
  void indices(Value tensor, ValueRange indices);
  template <typename OpT> void slice(OpT slice, Value whole);
  void insertedSlice(OffsetSizeAndStrideOpInterface slice, Value source,
                     const llvm::SmallBitVector &dropped);
  void division();
  void sizes(ValueRange dynamic);
  void resultSizes(Value result, ArrayRef<OpFoldResult> sizes);
  void sides(RankedTensorType weight, const SideValues &values);

  /// Adds a check unless `condition` is known to hold.
  void require(Value condition, const Twine &text, ValueRange values);
  /// `text` has a place for what is expected, and one for what is found.
  void equal(OpFoldResult found, OpFoldResult expected, const Twine &text);
  void isAbove(OpFoldResult value, int64_t bound, const Twine &text);
  OpFoldResult size(Value tensor, int64_t dimension);
  Value toValue(OpFoldResult size) {
    return getValueOrCreateConstantIndexOp(b, b.getLoc(), size);
  }
  Value compare(arith::CmpIPredicate predicate, Value left, Value right) {
    return arith::CmpIOp::create(b, predicate, left, right);
  }
  Value constant(int64_t value) {
    return arith::ConstantIndexOp::create(b, value);
  }

  Operation *op;
  ImplicitLocOpBuilder b;
  std::string subject;
};

RankedTensorType tensorOf(Value value) {
  return dyn_cast<RankedTensorType>(value.getType());
}

bool isDynamic(Value value) {
  RankedTensorType type = tensorOf(value);
  return type && !type.hasStaticShape();
}

//===----------------------------------------------------------------------===//
// Words for checks
//===----------------------------------------------------------------------===//

void Checks::require(Value condition, const Twine &text, ValueRange values) {
  APInt known;
  if (matchPattern(condition, m_ConstantInt(&known)) && !known.isZero())
    return;
  CheckOp::create(b, condition, b.getStringAttr(subject + text), values);
}

OpFoldResult Checks::size(Value tensor, int64_t dimension) {
  return tensor::getMixedSize(b, b.getLoc(), tensor, dimension);
}

/// Whether two sizes are the same value, or the same size of one tensor.
static bool isSame(OpFoldResult left, OpFoldResult right) {
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

void Checks::equal(OpFoldResult found, OpFoldResult expected,
                   const Twine &text) {
  if (isSame(found, expected))
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

void Checks::isAbove(OpFoldResult value, int64_t bound, const Twine &text) {
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
void Checks::resultSizes(Value result, ArrayRef<OpFoldResult> sizes) {
  for (auto [i, expected] : llvm::enumerate(tensorOf(result).getShape()))
    if (!ShapedType::isDynamic(expected))
      equal(sizes[i], b.getIndexAttr(expected),
            "expected dimension " + Twine(i) +
                " of its result to be {}, but got {}");
}

/// Sizes of new tensors.
void Checks::sizes(ValueRange dynamic) {
  for (Value size : dynamic)
    isAbove(size, -1, "expected a size of at least 0, but got {}");
}

//===----------------------------------------------------------------------===//
// Indices
//===----------------------------------------------------------------------===//

/// The extent of the loop that `index` counts, where it is one of linalg's and
/// known.
std::optional<int64_t> knownExtent(Value index) {
  auto counter = index.getDefiningOp<linalg::IndexOp>();
  auto parent =
      counter ? counter->getParentOfType<linalg::LinalgOp>() : nullptr;
  if (!parent)
    return std::nullopt;
  int64_t extent = parent.getStaticLoopRanges()[counter.getDim()];
  return ShapedType::isDynamic(extent) ? std::nullopt : std::optional(extent);
}

void Checks::indices(Value tensor, ValueRange indices) {
  for (auto [i, index] : llvm::enumerate(indices)) {
    OpFoldResult length = size(tensor, i);
    std::optional<int64_t> known = getConstantIntValue(length);
    std::optional<int64_t> at = getConstantIntValue(index);
    std::optional<int64_t> extent = knownExtent(index);
    if (known &&
        ((at && *at >= 0 && *at < *known) || (extent && *extent <= *known)))
      continue;
    // Negative ones are large unsigned.
    Value bound = toValue(length);
    require(compare(arith::CmpIPredicate::ult, index, bound),
            "expected 0 <= index < {} in dimension " + Twine(i) +
                ", but got {}",
            {bound, index});
  }
}

/// Offsets and sizes of a slice of `whole`.
template <typename OpT> void Checks::slice(OpT slice, Value whole) {
  SmallVector<OpFoldResult> offsets = slice.getMixedOffsets(),
                            lengths = slice.getMixedSizes(),
                            strides = slice.getMixedStrides();
  for (size_t i = 0; i < offsets.size(); ++i) {
    OpFoldResult total = size(whole, i);
    std::optional<int64_t> offset = getConstantIntValue(offsets[i]),
                           length = getConstantIntValue(lengths[i]),
                           stride = getConstantIntValue(strides[i]),
                           known = getConstantIntValue(total);
    if (offset && length && stride && known)
      continue; // The verifier has seen it.
    if (offset == 0 && stride == 1 && isSame(lengths[i], total))
      continue;
    isAbove(lengths[i], -1,
            "expected a size of at least 0 in dimension " + Twine(i) +
                ", but got {}");
    Value first = toValue(offsets[i]), count = toValue(lengths[i]),
          step = toValue(strides[i]), all = toValue(total);
    Value last = arith::AddIOp::create(
        b, first,
        arith::MulIOp::create(b, step,
                              arith::SubIOp::create(b, count, constant(1))));
    // An empty slice may begin at the end. The stride is bounded so that the
    // product above does not wrap.
    auto isInside = [&](Value index) {
      return compare(arith::CmpIPredicate::ult, index, all);
    };
    Value isEmpty = compare(arith::CmpIPredicate::eq, count, constant(0));
    Value atMost = compare(arith::CmpIPredicate::ule, first, all);
    Value inside = arith::AndIOp::create(b, isInside(first), isInside(last));
    if (!stride) {
      Value isSane = compare(arith::CmpIPredicate::ule, step, all);
      inside = arith::AndIOp::create(b, inside, isSane);
    }
    Value fits = arith::AndIOp::create(
        b, compare(arith::CmpIPredicate::ule, count, all), inside);
    if (stride == 0)
      fits = inside;
    if (length && *length > 0)
      isEmpty = nullptr;
    Value holds = isEmpty
                      ? arith::OrIOp::create(
                            b, arith::AndIOp::create(b, isEmpty, atMost), fits)
                            .getResult()
                      : fits;
    require(holds,
            "expected a slice inside of {} elements in dimension " + Twine(i) +
                ", but got {} elements from {} on with a stride of {}",
            {all, count, first, step});
  }
}

/// What is inserted must have the sizes of where it goes.
void Checks::insertedSlice(OffsetSizeAndStrideOpInterface slice, Value source,
                           const llvm::SmallBitVector &dropped) {
  int64_t from = 0;
  for (auto [i, length] : llvm::enumerate(slice.getMixedSizes())) {
    if (dropped.test(i))
      continue;
    equal(size(source, from), length,
          "expected dimension " + Twine(from) +
              " of the inserted tensor to be {}, but got {}");
    ++from;
  }
}

//===----------------------------------------------------------------------===//
// Operations of tensor
//===----------------------------------------------------------------------===//

void Checks::insert(tensor::CastOp cast) {
  if (!isDynamic(cast.getSource()) || !tensorOf(cast.getDest()))
    return;
  for (auto [i, to] : llvm::enumerate(tensorOf(cast.getDest()).getShape()))
    if (!ShapedType::isDynamic(to))
      equal(size(cast.getSource(), i), b.getIndexAttr(to),
            "expected dimension " + Twine(i) + " to be {}, but got {}");
}

void Checks::insert(tensor::DimOp dim) {
  RankedTensorType type = tensorOf(dim.getSource());
  if (!type || dim.getConstantIndex())
    return;
  Value rank = constant(type.getRank());
  require(compare(arith::CmpIPredicate::ult, dim.getIndex(), rank),
          "expected 0 <= dimension < {}, but got {}", {rank, dim.getIndex()});
}

void Checks::insert(tensor::ExpandShapeOp expand) {
  if (!isDynamic(expand.getResult()))
    return;
  SmallVector<OpFoldResult> sizes = expand.getMixedOutputShape();
  for (auto [i, group] : llvm::enumerate(expand.getReassociationIndices())) {
    if (llvm::none_of(group, [&](int64_t dim) {
          return tensorOf(expand.getResult()).isDynamicDim(dim);
        }))
      continue;
    Value product;
    for (int64_t dim : group) {
      isAbove(sizes[dim], -1, "expected a size of at least 0, but got {}");
      Value factor = toValue(sizes[dim]);
      product = product ? arith::MulIOp::create(b, product, factor).getResult()
                        : factor;
    }
    equal(size(expand.getSrc(), i), product,
          "expected dimension " + Twine(i) +
              " to have as many elements as its parts, {}, but got {}");
  }
}

void Checks::insert(tensor::ReshapeOp reshape) {
  RankedTensorType from = tensorOf(reshape.getSource()),
                   to = tensorOf(reshape.getResult());
  if (!from || !to || (from.hasStaticShape() && to.hasStaticShape()))
    return;
  auto multiply = [&](Value product, Value factor) -> Value {
    return product ? arith::MulIOp::create(b, product, factor) : factor;
  };
  Value before = constant(1), after = constant(1);
  for (int64_t i = 0; i < from.getRank(); ++i)
    before = multiply(before, toValue(size(reshape.getSource(), i)));
  for (int64_t i = 0; i < to.getRank(); ++i) {
    Value number = tensor::ExtractOp::create(b, reshape.getShape(),
                                             ValueRange(constant(i)));
    if (!number.getType().isIndex())
      number = arith::IndexCastOp::create(b, b.getIndexType(), number);
    isAbove(number, -1, "expected a size of at least 0, but got {}");
    if (!to.isDynamicDim(i))
      equal(number, b.getIndexAttr(to.getDimSize(i)),
            "expected dimension " + Twine(i) +
                " of its result to be {}, but got {}");
    after = multiply(after, number);
  }
  equal(before, after, "expected {} elements, but got {}");
}

void Checks::insert(tensor::PadOp pad) {
  SmallVector<OpFoldResult> low = pad.getMixedLowPad(),
                            high = pad.getMixedHighPad(), sizes;
  for (size_t i = 0; i < low.size(); ++i) {
    for (OpFoldResult side : {low[i], high[i]})
      isAbove(side, -1,
              "expected padding of at least 0 in dimension " + Twine(i) +
                  ", but got {}");
    OpFoldResult from = size(pad.getSource(), i);
    Value sum = arith::AddIOp::create(b, toValue(from), toValue(low[i]));
    sizes.push_back(
        arith::AddIOp::create(b, sum, toValue(high[i])).getResult());
  }
  if (isDynamic(pad.getSource()) ||
      llvm::any_of(
          llvm::concat<OpFoldResult>(low, high),
          [](OpFoldResult side) { return !getConstantIntValue(side); }))
    resultSizes(pad.getResult(), sizes);
}

void Checks::insert(tensor::ConcatOp concat) {
  ValueRange inputs = concat.getInputs();
  for (auto [number, input] : llvm::enumerate(inputs))
    for (int64_t i = 0; i < tensorOf(input).getRank(); ++i)
      if (number > 0 && i != int64_t(concat.getDim()))
        equal(size(input, i), size(inputs[0], i),
              "expected dimension " + Twine(i) + " of operand " +
                  Twine(number) + " to be {}, as of operand 0, but got {}");
  RankedTensorType type = tensorOf(concat.getResult());
  if (llvm::any_of(inputs, isDynamic) && !type.isDynamicDim(concat.getDim())) {
    Value sum = constant(0);
    for (Value input : inputs)
      sum =
          arith::AddIOp::create(b, sum, toValue(size(input, concat.getDim())));
    equal(sum, b.getIndexAttr(type.getDimSize(concat.getDim())),
          "expected operands of {} elements together, but got {}");
  }
}

//===----------------------------------------------------------------------===//
// Loops over tensors
//===----------------------------------------------------------------------===//

/// Operands that share a loop have the size of its range.
void Checks::insert(linalg::LinalgOp structured) {
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

/// arith and math on whole tensors: all are of one shape.
void Checks::insertElementwise() {
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
void Checks::division() {
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
void Checks::sides(RankedTensorType weight, const SideValues &values) {
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
template <typename OpT> void Checks::insertMatmul(OpT matmul) {
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
    sizes = {size(x, 0)};
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
template <typename OpT> void Checks::insertRows(OpT rows, Value table) {
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

//===----------------------------------------------------------------------===//
// All
//===----------------------------------------------------------------------===//

void Checks::insert(cf::AssertOp assertion) {
  require(assertion.getArg(), assertion.getMsg(), {});
  assertion.erase();
}

void Checks::insert() {
  llvm::TypeSwitch<Operation *>(op)
      .Case<cf::AssertOp, tensor::CastOp, tensor::DimOp, tensor::ExpandShapeOp,
            tensor::ReshapeOp, tensor::PadOp, tensor::ConcatOp, scf::ForOp,
            linalg::LinalgOp>([&](auto known) { insert(known); })
      .Case<tensor::ExtractOp>([&](tensor::ExtractOp extract) {
        indices(extract.getTensor(), extract.getIndices());
      })
      .Case<tensor::InsertOp>([&](tensor::InsertOp insertion) {
        indices(insertion.getDest(), insertion.getIndices());
      })
      .Case<tensor::ExtractSliceOp>([&](tensor::ExtractSliceOp extract) {
        slice(extract, extract.getSource());
      })
      .Case<tensor::InsertSliceOp, tensor::ParallelInsertSliceOp>(
          [&](auto insertion) {
            slice(insertion, insertion.getDest());
            insertedSlice(
                cast<OffsetSizeAndStrideOpInterface>(insertion.getOperation()),
                insertion.getSource(), insertion.getDroppedDims());
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
      .Case<MatmulOp, GatherMatmulOp>(
          [&](auto matmul) { insertMatmul(matmul); })
      .Case<EmbeddingOp>(
          [&](EmbeddingOp rows) { insertRows(rows, rows.getTable()); })
      .Case<DequantizeOp>(
          [&](DequantizeOp values) { insertRows(values, values.getWeight()); })
      .Case<QuantizeOp>(
          [&](QuantizeOp codes) { insertRows(codes, codes.getResult()); })
      .Case<arith::DivSIOp, arith::DivUIOp, arith::RemSIOp, arith::RemUIOp,
            arith::CeilDivSIOp, arith::CeilDivUIOp, arith::FloorDivSIOp>(
          [&](auto) { division(); })
      .Default([](Operation *) {});
}

/// Whether `op` computes with each element of tensors by itself. A select of
/// whole tensors by one condition does not: they may differ in size.
bool isElementwise(Operation *op) {
  return OpTrait::hasElementwiseMappableTraits(op) &&
         llvm::any_of(op->getOperandTypes(), llvm::IsaPred<RankedTensorType>) &&
         (!isa<arith::SelectOp>(op) ||
          isa<RankedTensorType>(op->getOperand(0).getType()));
}

/// Whether `op` divides tensors of integers.
bool dividesTensors(Operation *op) {
  return isa<arith::DivSIOp, arith::DivUIOp, arith::RemSIOp, arith::RemUIOp,
             arith::CeilDivSIOp, arith::CeilDivUIOp, arith::FloorDivSIOp>(op) &&
         isElementwise(op);
}

struct InsertChecksPass : rlx::impl::InsertChecksPassBase<InsertChecksPass> {
  void runOnOperation() override {
    SmallVector<Operation *> all;
    getOperation()->walk([&](Operation *op) { all.push_back(op); });
    for (Operation *op : all)
      if (isElementwise(op)) {
        Checks(op).insertElementwise();
        if (dividesTensors(op))
          divideEach(op);
      } else {
        Checks(op).insert();
      }
    // From here on sizes become known, and with them types.
    splitRankReductions(getOperation());
    makeScalarsPlain(getOperation());
  }

  /// Divisors of elements are checked where they are divided by: a division of
  /// tensors becomes one inside of linalg.map.
  void divideEach(Operation *op) {
    ImplicitLocOpBuilder b(op->getLoc(), op);
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    Value empty = tensor::EmptyOp::create(
        b, tensor::getMixedSizes(b, b.getLoc(), op->getOperand(0)),
        type.getElementType());
    if (empty.getType() != type)
      empty = tensor::CastOp::create(b, type, empty);
    auto map = linalg::MapOp::create(
        b, op->getOperands(), empty,
        [&](OpBuilder &inner, Location loc, ValueRange elements) {
          OperationState state(loc, op->getName(), elements.take_front(2),
                               type.getElementType());
          Operation *division = inner.create(state);
          linalg::YieldOp::create(inner, loc, division->getResults());
          Checks(division).insert();
        });
    op->replaceAllUsesWith(map->getResults());
    op->erase();
  }
};
} // namespace
