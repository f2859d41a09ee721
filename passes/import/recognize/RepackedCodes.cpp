//===- RepackedCodes.cpp - Codes that lie where no row of bytes is --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Codes of a few bits in words, across rows, or in an order of their own, as
// AWQ and GPTQ store them, are put into rows of bytes, one after the other,
// the first one lowest; zero points into bytes of their own. Of a weight that
// is done once, when weights are bound.
//
//===----------------------------------------------------------------------===//

#include "passes/import/recognize/WeightForm.h"

#include "ir/Scheme.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

#include <numeric>

using namespace mlir;
using namespace rlx;

static constexpr int64_t packedBits = 8;

/// How many codes of so many bits are in a byte.
static int64_t codesOfByte(unsigned width) {
  return packedBits % width == 0 ? packedBits / width : 1;
}

bool WeightForm::planRepackedCodes() {
  const Read &read = *form.code;
  auto type = cast<RankedTensorType>(read.tensor.getType());
  auto element = dyn_cast<IntegerType>(type.getElementType());
  if (!type.hasStaticShape() || !element || element.getWidth() < packedBits ||
      !isa<IntegerType>(read.type) || read.width > packedBits ||
      shape.k % codesOfByte(read.width) != 0)
    return false;
  period = codesOfByte(read.width);
  rowBytes = shape.k / period;
  bitPosition = algebra.mul(algebra.dim(columnDim), packedBits / period);
  isRepacked = true;
  return true;
}

namespace {
/// Emits indices, which are not negative, nor are parts that are divided.
class IndexEmitter {
public:
  IndexEmitter(ImplicitLocOpBuilder &b, ValueRange dims) : b(b), dims(dims) {}

  Value emit(AffineExpr expr) {
    if (auto dim = dyn_cast<AffineDimExpr>(expr))
      return dims[dim.getPosition()];
    if (auto constant = dyn_cast<AffineConstantExpr>(expr))
      return arith::ConstantIndexOp::create(b, constant.getValue());
    auto binary = cast<AffineBinaryOpExpr>(expr);
    Value lhs = emit(binary.getLHS()), rhs = emit(binary.getRHS());
    switch (binary.getKind()) {
    case AffineExprKind::Add:
      return arith::AddIOp::create(b, lhs, rhs);
    case AffineExprKind::Mul:
      return arith::MulIOp::create(b, lhs, rhs);
    case AffineExprKind::Mod:
      return arith::RemUIOp::create(b, lhs, rhs);
    default:
      return arith::DivUIOp::create(b, lhs, rhs);
    }
  }

private:
  ImplicitLocOpBuilder &b;
  ValueRange dims;
};
} // namespace

/// `read` for what `dims` are, as an i32: the bits at its place.
static Value emitBits(ImplicitLocOpBuilder &b, const Read &read,
                      ValueRange dims) {
  IndexEmitter indices(b, dims);
  SmallVector<Value> at;
  for (AffineExpr expr : read.index)
    at.push_back(indices.emit(expr));
  Value word = tensor::ExtractOp::create(b, read.tensor, at);
  Type element = word.getType(), i32 = b.getI32Type();
  Value distance =
      arith::IndexCastUIOp::create(b, element, indices.emit(read.bit));
  word = arith::ShRUIOp::create(b, word, distance);
  constexpr unsigned wordBits = 32;
  unsigned bits = element.getIntOrFloatBitWidth();
  if (bits > wordBits)
    word = arith::TruncIOp::create(b, i32, word);
  else if (bits < wordBits)
    word = arith::ExtUIOp::create(b, i32, word);
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(b, b.getI32IntegerAttr(int32_t(value)));
  };
  if (!cast<IntegerType>(read.type).isSigned())
    return arith::AndIOp::create(b, word,
                                 constant((int64_t(1) << read.width) - 1));
  Value above = constant(wordBits - read.width);
  word = arith::ShLIOp::create(b, word, above);
  return arith::ShRSIOp::create(b, word, above);
}

/// A tensor of bytes, each of which `body` computes of the loops.
static Value bytesOfLoops(
    OpBuilder &builder, Location loc, ArrayRef<int64_t> sizes,
    llvm::function_ref<Value(ImplicitLocOpBuilder &, ValueRange)> body) {
  unsigned rank = unsigned(sizes.size());
  Value empty =
      tensor::EmptyOp::create(builder, loc, sizes, builder.getI8Type());
  SmallVector<utils::IteratorType> kinds(rank, utils::IteratorType::parallel);
  return linalg::GenericOp::create(
             builder, loc, empty.getType(), ValueRange(), empty,
             ArrayRef<AffineMap>{builder.getMultiDimIdentityMap(rank)}, kinds,
             [&](OpBuilder &inner, Location innerLoc, ValueRange) {
               ImplicitLocOpBuilder b(innerLoc, inner);
               SmallVector<Value> loops;
               for (unsigned i = 0; i < rank; ++i)
                 loops.push_back(linalg::IndexOp::create(b, i));
               Value byte =
                   arith::TruncIOp::create(b, b.getI8Type(), body(b, loops));
               linalg::YieldOp::create(b, byte);
             })
      .getResult(0);
}

Value WeightForm::buildRepackedCodes(OpBuilder &builder, Location loc) const {
  SmallVector<int64_t> stored = shape.shape();
  stored.back() = rowBytes;
  Read read = *form.code;
  unsigned width = read.width;
  // What lies above a code belongs to the next one.
  read.type = builder.getIntegerType(width, /*isSigned=*/false);
  return bytesOfLoops(
      builder, loc, stored, [&](ImplicitLocOpBuilder &b, ValueRange loops) {
        auto index = [&](int64_t value) -> Value {
          return arith::ConstantIndexOp::create(b, value);
        };
        Value byte;
        for (int64_t i = 0; i < period; ++i) {
          SmallVector<Value, 3> dims(3, index(0));
          dims[rowDim] = loops[loops.size() - 2];
          dims[columnDim] = loops.back();
          if (period > 1)
            dims[columnDim] =
                arith::MulIOp::create(b, loops.back(), index(period));
          if (i > 0)
            dims[columnDim] =
                arith::AddIOp::create(b, dims[columnDim], index(i));
          if (shape.experts)
            dims[expertDim] = loops.front();
          Value code = emitBits(b, read, dims);
          if (i > 0)
            code = arith::ShLIOp::create(
                b, code,
                arith::ConstantOp::create(
                    b, b.getI32IntegerAttr(int32_t(i * width))));
          byte = byte ? Value(arith::OrIOp::create(b, byte, code)) : code;
        }
        return byte;
      });
}

//===----------------------------------------------------------------------===//
// Zero points
//===----------------------------------------------------------------------===//

FieldAttr WeightForm::addUnpackedSide(const Read &read,
                                      ArrayRef<StringRef> names,
                                      std::string &reason) {
  RankedTensorType type = cast<RankedTensorType>(read.tensor.getType());
  constexpr int64_t mostColumns = 1 << 20;
  if (!type.hasStaticShape() || shape.experts || shape.k > mostColumns) {
    reason = "scales or zero points are parts of numbers";
    return nullptr;
  }
  // For how many elements of K, at the first row and at the last one, it is the
  // same.
  int64_t group = shape.k;
  auto placeAt = [&](int64_t n, int64_t k) {
    SmallVector<int64_t> place = {evaluate(read.bit, {n, k, 0})};
    for (AffineExpr expr : read.index)
      place.push_back(evaluate(expr, {n, k, 0}));
    return place;
  };
  for (int64_t n : {int64_t(0), shape.n - 1})
    for (int64_t k = 1; k < shape.k && group > 1; ++k)
      if (placeAt(n, k) != placeAt(n, k - 1))
        group = std::gcd(group, k);
  // And so it is at all others.
  AffineExpr column = algebra.dim(columnDim);
  AffineExpr first = algebra.mul(algebra.floorDiv(column, group), group);
  SmallVector<AffineExpr> places(read.index.begin(), read.index.end());
  places.push_back(read.bit);
  for (AffineExpr place : places)
    if (algebra.simplify(place.replace(column, first)) !=
        algebra.simplify(place)) {
      reason = "scales or zero points are parts of numbers, at places that "
               "follow no rule";
      return nullptr;
    }
  IntegerType bits = cast<IntegerType>(read.type);
  Type element =
      IntegerType::get(type.getContext(), packedBits, bits.getSignedness());
  MLIRContext *context = type.getContext();
  AffineExpr n = getAffineDimExpr(0, context), k = getAffineDimExpr(1, context);
  AffineMap index = AffineMap::get(2, 0, {n, k.floorDiv(group)}, context);
  Side *side = addSlot(names, reason);
  if (!side)
    return nullptr;
  side->read = read;
  side->type = element;
  side->unpackedGroup = group;
  return fieldOf(side->name, element, index, read.bias);
}

Value WeightForm::buildUnpackedSide(const Side &side, OpBuilder &builder,
                                    Location loc) const {
  return bytesOfLoops(
      builder, loc, {shape.n, shape.k / side.unpackedGroup},
      [&](ImplicitLocOpBuilder &b, ValueRange loops) {
        Value group = arith::ConstantIndexOp::create(b, side.unpackedGroup);
        Value zero = arith::ConstantIndexOp::create(b, 0);
        return emitBits(
            b, side.read,
            {loops[0], arith::MulIOp::create(b, loops[1], group), zero});
      });
}
