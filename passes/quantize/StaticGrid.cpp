//===- StaticGrid.cpp - Quantization with constant scales -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/quantize/StaticGrid.h"

#include "mlir/IR/Matchers.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace rlx;

static std::string textOf(float number) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%g", double(number));
  return text;
}

std::string StaticGrid::difference(const StaticGrid &other) const {
  if (storage != other.storage || isSigned != other.isSigned) {
    auto name = [](const StaticGrid &grid) {
      return llvm::formatv("{0}{1}", grid.isSigned ? "i" : "u",
                           grid.storage.getWidth());
    };
    return llvm::formatv("codes are {0} and {1}", name(*this), name(other));
  }
  if (channels != other.channels)
    return "scales follow different dimensions";
  if (scales.size() != other.scales.size())
    return llvm::formatv("there are {0} and {1} scales", scales.size(),
                         other.scales.size());
  for (auto [a, b] : llvm::zip(scales, other.scales))
    if (a != b)
      return "scales are " + textOf(a) + " and " + textOf(b);
  for (auto [a, b] : llvm::zip(zeros, other.zeros))
    if (a != b)
      return llvm::formatv("zero points are {0} and {1}", a, b);
  return "";
}

CodeRange rlx::rangeOf(IntegerType storage, bool isSigned) {
  int64_t count = int64_t(1) << storage.getWidth();
  return isSigned ? CodeRange{-count / 2, count / 2 - 1}
                  : CodeRange{0, count - 1};
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

namespace {
/// One loop over all elements of a tensor.
class ElementLoop {
public:
  ElementLoop(OpBuilder &builder, Location loc, Value input,
              const StaticGrid &grid)
      : builder(builder), loc(loc), grid(grid), inputs{input},
        type(cast<RankedTensorType>(input.getType())),
        maps{builder.getMultiDimIdentityMap(type.getRank())} {
    if (!grid.isPerChannel())
      return;
    addChannels(llvm::map_to_vector(grid.scales, [](float s) { return s; }));
    if (!grid.isZero())
      addChannels(llvm::map_to_vector(
          grid.zeros, [](int64_t zero) { return float(zero); }));
  }

  /// `body` computes an element from that of the input, the scale and the zero
  /// point, which is null where all are 0.
  Value create(
      Type element,
      llvm::function_ref<Value(OpBuilder &, Value x, Value scale, Value zero)>
          body) {
    maps.push_back(maps.front());
    Value empty = tensor::EmptyOp::create(
        builder, loc, tensor::getMixedSizes(builder, loc, inputs[0]), element);
    SmallVector<utils::IteratorType> iterators(type.getRank(),
                                               utils::IteratorType::parallel);
    auto resultType = RankedTensorType::get(type.getShape(), element);
    // Sizes that are constants in the type are so in the loop.
    if (empty.getType() != resultType)
      empty = tensor::CastOp::create(builder, loc, resultType, empty);
    auto op = linalg::GenericOp::create(
        builder, loc, resultType, inputs, ValueRange{empty}, maps, iterators,
        [&](OpBuilder &b, Location, ValueRange arguments) {
          Value scale, zero;
          if (grid.isPerChannel()) {
            scale = arguments[1];
            zero = grid.isZero() ? Value() : arguments[2];
          } else {
            scale = constant(b, grid.scales[0]);
            zero = grid.isZero() ? Value() : constant(b, float(grid.zeros[0]));
          }
          linalg::YieldOp::create(b, loc, body(b, arguments[0], scale, zero));
        });
    return op.getResult(0);
  }

  Value constant(OpBuilder &b, float number) {
    return arith::ConstantOp::create(b, loc, b.getF32FloatAttr(number));
  }

private:
  void addChannels(ArrayRef<float> numbers) {
    auto vector =
        RankedTensorType::get(int64_t(numbers.size()), builder.getF32Type());
    inputs.push_back(arith::ConstantOp::create(
        builder, loc, DenseElementsAttr::get(vector, numbers)));
    maps.push_back(AffineMap::get(type.getRank(), 0,
                                  builder.getAffineDimExpr(grid.channels)));
  }

  OpBuilder &builder;
  Location loc;
  const StaticGrid &grid;
  SmallVector<Value> inputs;
  RankedTensorType type;
  SmallVector<AffineMap> maps;
};
} // namespace

Value rlx::createQuantize(OpBuilder &builder, Location loc, Value x,
                          const StaticGrid &grid, CodeRange range) {
  ElementLoop loop(builder, loc, x, grid);
  return loop.create(
      grid.storage, [&](OpBuilder &b, Value in, Value scale, Value zero) {
        Value t = arith::DivFOp::create(b, loc, in, scale);
        t = math::RoundOp::create(b, loc, t);
        if (zero)
          t = arith::AddFOp::create(b, loc, t, zero);
        t = arith::MaxNumFOp::create(b, loc, t,
                                     loop.constant(b, float(range.least)));
        t = arith::MinNumFOp::create(b, loc, t,
                                     loop.constant(b, float(range.most)));
        return grid.isSigned
                   ? Value(arith::FPToSIOp::create(b, loc, grid.storage, t))
                   : Value(arith::FPToUIOp::create(b, loc, grid.storage, t));
      });
}

Value rlx::createDequantize(OpBuilder &builder, Location loc, Value codes,
                            const StaticGrid &grid) {
  ElementLoop loop(builder, loc, codes, grid);
  Type f32 = builder.getF32Type();
  return loop.create(f32, [&](OpBuilder &b, Value in, Value scale, Value zero) {
    Value t = grid.isSigned ? Value(arith::SIToFPOp::create(b, loc, f32, in))
                            : Value(arith::UIToFPOp::create(b, loc, f32, in));
    if (zero)
      t = arith::SubFOp::create(b, loc, t, zero);
    return Value(arith::MulFOp::create(b, loc, t, scale));
  });
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

namespace {
/// Reads the body of a loop that goes over all elements of its first input and
/// may have constants by channel behind it.
class ElementBody {
public:
  static std::optional<ElementBody> of(Operation *op) {
    auto generic = dyn_cast<linalg::GenericOp>(op);
    if (!generic || !generic.hasPureTensorSemantics() ||
        generic.getNumDpsInits() != 1 || generic.getNumDpsInputs() < 1 ||
        generic.getNumParallelLoops() != generic.getNumLoops())
      return std::nullopt;
    for (OpOperand *operand :
         {generic.getDpsInputOperand(0), generic.getDpsInitOperand(0)})
      if (!generic.getMatchingIndexingMap(operand).isIdentity())
        return std::nullopt;
    if (generic.getMatchingBlockArgument(generic.getDpsInitOperand(0))
            .use_empty())
      return ElementBody(generic);
    return std::nullopt;
  }

  linalg::GenericOp op;
  Value input() { return op.getDpsInputOperand(0)->get(); }
  Value element() { return op.getBlock()->getArgument(0); }
  Value yielded() { return op.getBlock()->getTerminator()->getOperand(0); }

  /// The numbers that `value` has: one, or one for each index of a dimension.
  struct Constants {
    SmallVector<float> numbers;
    int64_t channels = -1;
  };
  std::optional<Constants> constantsOf(Value value) {
    FloatAttr number;
    if (matchPattern(value, m_Constant(&number)))
      return number.getType().isF32()
                 ? std::optional(
                       Constants{{number.getValue().convertToFloat()}})
                 : std::nullopt;
    auto argument = dyn_cast<BlockArgument>(value);
    if (!argument || argument.getOwner() != op.getBlock() ||
        argument.getArgNumber() == 0 ||
        argument.getArgNumber() >= unsigned(op.getNumDpsInputs()))
      return std::nullopt;
    OpOperand *operand = op.getDpsInputOperand(argument.getArgNumber());
    AffineMap map = op.getMatchingIndexingMap(operand);
    auto dimension = map.getNumResults() == 1
                         ? dyn_cast<AffineDimExpr>(map.getResult(0))
                         : AffineDimExpr(nullptr);
    DenseFPElementsAttr numbers;
    if (!dimension || !matchPattern(operand->get(), m_Constant(&numbers)) ||
        !numbers.getElementType().isF32())
      return std::nullopt;
    Constants result;
    result.channels = dimension.getPosition();
    llvm::append_range(result.numbers, numbers.getValues<float>());
    return result;
  }

  /// Sets a grid's scales and zero points; `zero` may be null.
  bool setNumbers(StaticGrid &grid, Value scale, Value zero) {
    std::optional<Constants> scales = constantsOf(scale);
    if (!scales)
      return false;
    grid.scales = scales->numbers;
    grid.channels = scales->channels;
    grid.zeros.assign(grid.scales.size(), 0);
    if (!zero)
      return true;
    std::optional<Constants> zeros = constantsOf(zero);
    if (!zeros || (zeros->channels >= 0 && zeros->channels != grid.channels) ||
        (zeros->channels >= 0 && zeros->numbers.size() != grid.scales.size()))
      return false;
    for (auto [i, target] : llvm::enumerate(grid.zeros)) {
      float number = zeros->numbers[zeros->channels < 0 ? 0 : i];
      if (number != std::trunc(number) || std::fabs(number) > 1 << 16)
        return false;
      target = int64_t(number);
    }
    return true;
  }

private:
  explicit ElementBody(linalg::GenericOp op) : op(op) {}
};
} // namespace

/// Scales such that (code - zero) * scale, divided by scale again, rounds to
/// the same code: neither product nor quotient leaves the normal numbers.
static bool areScalesUsual(const StaticGrid &grid) {
  constexpr float mostCodes = 1 << 17;
  return llvm::all_of(grid.scales, [](float scale) {
    return scale >= std::numeric_limits<float>::min() &&
           scale <= std::numeric_limits<float>::max() / mostCodes;
  });
}

static std::optional<IntegerType> storageOf(Value tensor) {
  auto type = dyn_cast<IntegerType>(getElementTypeOrSelf(tensor.getType()));
  if (type && type.isSignless() &&
      (type.getWidth() == 8 || type.getWidth() == 16))
    return type;
  return std::nullopt;
}

/// The operand of `value` beside a constant, which becomes `number`, where it
/// is a FirstT or a SecondT.
template <typename FirstT, typename SecondT>
static Value withoutBound(Value value, double &number) {
  Operation *op = value.getDefiningOp();
  FloatAttr constant;
  if (!isa_and_nonnull<FirstT, SecondT>(op) ||
      !matchPattern(op->getOperand(1), m_Constant(&constant)))
    return nullptr;
  number = constant.getValueAsDouble();
  return op->getOperand(0);
}

std::optional<StaticQuantize> rlx::matchQuantize(Operation *op) {
  std::optional<ElementBody> body = ElementBody::of(op);
  if (!body || !getElementTypeOrSelf(body->input().getType()).isF32())
    return std::nullopt;
  std::optional<IntegerType> storage = storageOf(op->getResult(0));
  Operation *conversion = body->yielded().getDefiningOp();
  if (!storage ||
      !isa_and_nonnull<arith::FPToSIOp, arith::FPToUIOp>(conversion))
    return std::nullopt;
  StaticGrid grid;
  grid.storage = *storage;
  grid.isSigned = isa<arith::FPToSIOp>(conversion);
  double least = 0, most = 0;
  Value t = withoutBound<arith::MinNumFOp, arith::MinimumFOp>(
      conversion->getOperand(0), most);
  if (t)
    t = withoutBound<arith::MaxNumFOp, arith::MaximumFOp>(t, least);
  if (!t)
    return std::nullopt;
  Value zero;
  if (auto add = t.getDefiningOp<arith::AddFOp>()) {
    zero = add.getRhs();
    t = add.getLhs();
  }
  Operation *round = t.getDefiningOp();
  if (!isa_and_nonnull<math::RoundOp, math::RoundEvenOp>(round))
    return std::nullopt;
  auto divide = round->getOperand(0).getDefiningOp<arith::DivFOp>();
  if (!divide || divide.getLhs() != body->element() ||
      !body->setNumbers(grid, divide.getRhs(), zero) || !areScalesUsual(grid))
    return std::nullopt;
  CodeRange range{int64_t(least), int64_t(most)};
  if (least != std::trunc(least) || most != std::trunc(most) || least > most ||
      !rangeOf(grid.storage, grid.isSigned).holds(range))
    return std::nullopt;
  return StaticQuantize{body->op, body->input(), std::move(grid), range};
}

std::optional<StaticDequantize> rlx::matchDequantize(Operation *op) {
  if (!op)
    return std::nullopt;
  std::optional<ElementBody> body = ElementBody::of(op);
  if (!body || !getElementTypeOrSelf(op->getResult(0).getType()).isF32())
    return std::nullopt;
  std::optional<IntegerType> storage = storageOf(body->input());
  auto product = body->yielded().getDefiningOp<arith::MulFOp>();
  if (!storage || !product)
    return std::nullopt;
  Value t = product.getLhs(), zero;
  if (auto subtract = t.getDefiningOp<arith::SubFOp>()) {
    zero = subtract.getRhs();
    t = subtract.getLhs();
  }
  Operation *conversion = t.getDefiningOp();
  if (!isa_and_nonnull<arith::SIToFPOp, arith::UIToFPOp>(conversion) ||
      conversion->getOperand(0) != body->element())
    return std::nullopt;
  StaticGrid grid;
  grid.storage = *storage;
  grid.isSigned = isa<arith::SIToFPOp>(conversion);
  if (!body->setNumbers(grid, product.getRhs(), zero) || !areScalesUsual(grid))
    return std::nullopt;
  return StaticDequantize{body->op, body->input(), std::move(grid)};
}
