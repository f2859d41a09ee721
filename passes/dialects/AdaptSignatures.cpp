//===- AdaptSignatures.cpp - Arguments that a caller can pass -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Callers pass and take tensors whose elements are whole bytes. Numbers become
// tensors of rank 0; integers of 2 and 4 bits lie in bytes, the first in the
// lowest bits, and rows begin with a byte of their own.
//
//===----------------------------------------------------------------------===//

#include "ir/PassedTypes.h"
#include "passes/PassDetail.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace rlx {
#define GEN_PASS_DEF_ADAPTSIGNATURESPASS
#include "passes/dialects/DialectPasses.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

static constexpr int64_t byteBits = 8;

namespace {
/// Conversions between what callers pass and what a program computes with.
class Border {
public:
  Border(OpBuilder &builder, Location loc) : b(loc, builder) {}
  Value toProgram(Value passed, Type type);
  Value toCaller(Value value);

private:
  Value
  generic(Value input, ArrayRef<AffineMap> maps, Value output,
          ArrayRef<utils::IteratorType> types,
          llvm::function_ref<Value(OpBuilder &, Location, ValueRange)> body) {
    return linalg::GenericOp::create(
               b, output.getType(), input, output, maps, types,
               [&](OpBuilder &inner, Location loc, ValueRange values) {
                 linalg::YieldOp::create(inner, loc, body(inner, loc, values));
               })
        .getResult(0);
  }
  /// By how many bits the part of a byte is shifted that the last loop is at.
  static Value shiftOf(OpBuilder &inner, Location loc, int64_t rank,
                       int64_t bits) {
    Value part = linalg::IndexOp::create(inner, loc, rank);
    part = arith::IndexCastOp::create(inner, loc, inner.getI8Type(), part);
    Value width =
        arith::ConstantOp::create(inner, loc, inner.getI8IntegerAttr(bits));
    return arith::MulIOp::create(inner, loc, part, width);
  }
  /// `[..., n]` as `[..., bytes, parts]`.
  static SmallVector<ReassociationIndices> groups(int64_t rank) {
    SmallVector<ReassociationIndices> all;
    for (int64_t i = 0; i < rank; ++i)
      all.push_back({i});
    all.back().push_back(rank);
    return all;
  }
  Value unpack(Value bytes, RankedTensorType type);
  Value pack(Value value);

  ImplicitLocOpBuilder b;
};
} // namespace

Value Border::unpack(Value bytes, RankedTensorType type) {
  int64_t rank = type.getRank(), parts = elementsPerByte(type);
  Type element = type.getElementType();
  if (rank == 0) {
    Value byte = tensor::ExtractOp::create(b, bytes, ValueRange());
    return tensor::FromElementsOp::create(
        b, type, arith::TruncIOp::create(b, element, byte).getResult());
  }
  // One loop an element, so that it is fused into what reads the element.
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, b.getLoc(), bytes);
  sizes.back() = b.getIndexAttr(type.getShape().back());
  AffineMap whole = b.getMultiDimIdentityMap(rank);
  SmallVector<AffineExpr> byte(whole.getResults());
  byte.back() = byte.back().floorDiv(parts);
  SmallVector<utils::IteratorType> types(rank, utils::IteratorType::parallel);
  return generic(
      bytes, {AffineMap::get(rank, 0, byte, b.getContext()), whole},
      tensor::EmptyOp::create(b, sizes, element), types,
      [&](OpBuilder &inner, Location loc, ValueRange values) {
        Value at = linalg::IndexOp::create(inner, loc, rank - 1);
        at = arith::IndexCastOp::create(inner, loc, inner.getI32Type(), at);
        auto number = [&](int64_t value) -> Value {
          return arith::ConstantOp::create(inner, loc,
                                           inner.getI32IntegerAttr(value));
        };
        Value part = arith::AndIOp::create(inner, loc, at, number(parts - 1));
        Value shift =
            arith::MulIOp::create(inner, loc, part, number(byteBits / parts));
        Value wide =
            arith::ExtUIOp::create(inner, loc, inner.getI32Type(), values[0]);
        Value moved = arith::ShRUIOp::create(inner, loc, wide, shift);
        return arith::TruncIOp::create(inner, loc, element, moved).getResult();
      });
}

Value Border::pack(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  auto bytes = cast<RankedTensorType>(passedType(type));
  int64_t rank = type.getRank(), parts = elementsPerByte(type);
  Type byte = bytes.getElementType();
  if (rank == 0) {
    Value part = tensor::ExtractOp::create(b, value, ValueRange());
    return tensor::FromElementsOp::create(
        b, bytes, arith::ExtUIOp::create(b, byte, part).getResult());
  }
  int64_t rest = bytes.getShape().back() * parts - type.getShape().back();
  if (rest > 0) {
    SmallVector<OpFoldResult> low(rank, b.getIndexAttr(0)), high = low;
    high.back() = b.getIndexAttr(rest);
    SmallVector<int64_t> shape(type.getShape());
    shape.back() += rest;
    type = type.clone(shape);
    Value zero = arith::ConstantOp::create(
        b, b.getIntegerAttr(type.getElementType(), 0));
    value = tensor::PadOp::create(b, type, value, low, high, zero);
  }
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(b, b.getLoc(), value);
  sizes.back() = b.getIndexAttr(bytes.getShape().back());
  Value empty = tensor::EmptyOp::create(b, sizes, byte);
  sizes.push_back(b.getIndexAttr(parts));
  SmallVector<int64_t> shape(bytes.getShape());
  shape.push_back(parts);
  Value taken = tensor::ExpandShapeOp::create(b, type.clone(shape), value,
                                              groups(rank), sizes);
  Value zeros =
      linalg::FillOp::create(
          b, arith::ConstantOp::create(b, b.getI8IntegerAttr(0)).getResult(),
          empty)
          .getResult(0);
  AffineMap whole = b.getMultiDimIdentityMap(rank + 1);
  SmallVector<utils::IteratorType> types(rank, utils::IteratorType::parallel);
  types.push_back(utils::IteratorType::reduction);
  return generic(
      taken, {whole, whole.getMajorSubMap(rank)}, zeros, types,
      [&](OpBuilder &inner, Location loc, ValueRange values) {
        Value wide = arith::ExtUIOp::create(inner, loc, byte, values[0]);
        Value shift = shiftOf(inner, loc, rank, byteBits / parts);
        Value moved = arith::ShLIOp::create(inner, loc, wide, shift);
        return arith::OrIOp::create(inner, loc, values[1], moved).getResult();
      });
}

Value Border::toProgram(Value passed, Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (tensor)
    return unpack(passed, tensor);
  auto single = RankedTensorType::get({}, type);
  if (isPassedPacked(single))
    passed = unpack(passed, single);
  return tensor::ExtractOp::create(b, passed, ValueRange());
}

Value Border::toCaller(Value value) {
  if (!isa<RankedTensorType>(value.getType()))
    value = tensor::FromElementsOp::create(
        b, RankedTensorType::get({}, value.getType()), value);
  return isPassedPacked(value.getType()) ? pack(value) : value;
}

namespace {
struct AdaptSignaturesPass
    : rlx::impl::AdaptSignaturesPassBase<AdaptSignaturesPass> {
  void runOnOperation() override {
    llvm::StringMap<FunctionType> changed;
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      FunctionType before = function.getFunctionType();
      if (!function.isPrivate() && !function.isExternal() &&
          adaptFunction(function))
        changed[function.getName()] = before;
    }
    if (changed.empty())
      return;
    getOperation().walk([&](func::CallOp call) {
      auto found = changed.find(call.getCallee());
      if (found != changed.end())
        adaptCall(call, found->second);
    });
  }

  static bool adaptFunction(func::FuncOp function) {
    auto differs = [](Type type) { return passedType(type) != type; };
    if (llvm::none_of(function.getArgumentTypes(), differs) &&
        llvm::none_of(function.getResultTypes(), differs))
      return false;
    OpBuilder b = OpBuilder::atBlockBegin(&function.front());
    Border border(b, function.getLoc());
    SmallVector<Type> arguments, results;
    for (BlockArgument argument : function.getArguments()) {
      Type type = argument.getType();
      arguments.push_back(passedType(type));
      if (!differs(type))
        continue;
      argument.setType(arguments.back());
      note(function, argument.getArgNumber(), type);
      SmallPtrSet<Operation *, 4> users(argument.getUsers().begin(),
                                        argument.getUsers().end());
      Value inside = border.toProgram(argument, type);
      argument.replaceUsesWithIf(inside, [&](OpOperand &use) {
        return users.contains(use.getOwner());
      });
    }
    for (auto [i, type] : llvm::enumerate(function.getResultTypes())) {
      results.push_back(passedType(type));
      if (differs(type))
        function.setResultAttr(i, typeName, TypeAttr::get(type));
    }
    function.walk([&](func::ReturnOp end) {
      OpBuilder at(end);
      Border back(at, end.getLoc());
      for (OpOperand &operand : end->getOpOperands())
        if (differs(operand.get().getType()))
          operand.set(back.toCaller(operand.get()));
    });
    function.setFunctionType(b.getFunctionType(arguments, results));
    return true;
  }

  static void note(func::FuncOp function, unsigned argument, Type type) {
    function.setArgAttr(argument, typeName, TypeAttr::get(type));
  }

  static void adaptCall(func::CallOp call, FunctionType before) {
    OpBuilder b(call);
    Border border(b, call.getLoc());
    SmallVector<Type> results;
    for (OpOperand &operand : call->getOpOperands())
      if (passedType(operand.get().getType()) != operand.get().getType())
        operand.set(border.toCaller(operand.get()));
    for (Type type : before.getResults())
      results.push_back(passedType(type));
    auto adapted = func::CallOp::create(b, call.getLoc(), call.getCallee(),
                                        results, call.getOperands());
    adapted->setAttrs(call->getAttrs());
    Border after(b, call.getLoc());
    for (auto [old, result] :
         llvm::zip(call.getResults(), adapted.getResults()))
      old.replaceAllUsesWith(old.getType() == result.getType()
                                 ? Value(result)
                                 : after.toProgram(result, old.getType()));
    call.erase();
  }

  static constexpr StringLiteral typeName = "rlx.type";
};
} // namespace
