//===- ExpandDecode.cpp - rlx.decode from the scheme's description --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// value = product(scale) * (number(code) - zero) +- product(offset), rounded to
// a shorter type where the scheme says so, with what is the same for all lanes
// computed once. Reading fields is in
// FieldExpansion.cpp.
//
//===----------------------------------------------------------------------===//

#include "passes/decode/FieldExpansion.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/Sequence.h"

namespace rlx {
#define GEN_PASS_DEF_EXPANDDECODEPASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

/// Makes a vector of one lane into one of `lanes`.
static Value widen(OpBuilder &builder, Location loc, Value value,
                   int64_t lanes) {
  auto type = cast<VectorType>(value.getType());
  if (type.getNumElements() == lanes)
    return value;
  Value scalar = vector::ExtractOp::create(builder, loc, value, 0);
  return vector::BroadcastOp::create(
      builder, loc, VectorType::get(lanes, type.getElementType()), scalar);
}

/// The product of `fields`, one lane where all of them are uniform. Uniform
/// factors are multiplied first.
static Value product(OpBuilder &builder, Location loc,
                     FieldExpansion &expansion, ArrayRef<FieldAttr> fields,
                     int64_t lanes) {
  Value uniform, varying;
  for (FieldAttr field : fields) {
    Value number = expansion.numbers(field);
    Value &factor = expansion.isUniform(field) ? uniform : varying;
    factor = factor ? Value(arith::MulFOp::create(builder, loc, factor, number))
                    : number;
  }
  if (!uniform || !varying)
    return uniform ? uniform : varying;
  return arith::MulFOp::create(builder, loc,
                               widen(builder, loc, uniform, lanes), varying);
}

/// The values of the scheme before they are rounded to a shorter type.
static Value expandExact(OpBuilder &builder, DecodeOp op) {
  Location loc = op.getLoc();
  QuantScheme scheme(op.getScheme().getScheme());
  SchemeAttr attribute = scheme.attr();
  int64_t lanes = cast<VectorType>(op.getType()).getNumElements();
  int64_t first = op.getFirst();
  BlockAddress address{
      op.getWeight(),         SmallVector<Value>(op.getIndices().drop_back()),
      op.getIndices().back(), op.getScales(),
      op.getZeroPoints(),     op.getGlobalScale()};
  SmallVector<int64_t> elements =
      llvm::to_vector(llvm::seq(first, first + lanes));
  FieldExpansion expansion(builder, loc, scheme, address, elements);
  if (isa<FloatType>(
          cast<MemRefType>(op.getWeight().getType()).getElementType()))
    return expansion.plainNumbers();

  Value value =
      widen(builder, loc, expansion.numbers(attribute.getCode()), lanes);
  if (FieldAttr zero = attribute.getZero())
    value = arith::SubFOp::create(
        builder, loc, value,
        widen(builder, loc, expansion.numbers(zero), lanes));
  Value scale = product(builder, loc, expansion, attribute.getScale(), lanes);
  Value offset = product(builder, loc, expansion, attribute.getOffset(), lanes);
  if (offset && attribute.getOffsetNegative())
    offset = arith::NegFOp::create(builder, loc, offset);
  if (scale)
    scale = widen(builder, loc, scale, lanes);
  if (offset)
    offset = widen(builder, loc, offset, lanes);
  if (scale && offset)
    return math::FmaOp::create(builder, loc, scale, value, offset);
  if (scale)
    return arith::MulFOp::create(builder, loc, scale, value);
  if (offset)
    return arith::AddFOp::create(builder, loc, value, offset);
  return value;
}

static Value expand(OpBuilder &builder, DecodeOp op) {
  Value value = expandExact(builder, op);
  Type rounded = op.getScheme().getScheme().getRounded();
  if (!rounded)
    return value;
  Type type = value.getType();
  Value shorter = arith::TruncFOp::create(
      builder, op.getLoc(), cast<VectorType>(type).clone(rounded), value);
  return arith::ExtFOp::create(builder, op.getLoc(), type, shorter);
}

namespace {
struct ExpandDecodePass : rlx::impl::ExpandDecodePassBase<ExpandDecodePass> {
  void runOnOperation() override {
    getOperation().walk([](DecodeOp op) {
      OpBuilder builder(op);
      op.replaceAllUsesWith(expand(builder, op));
      op.erase();
    });
  }
};
} // namespace
