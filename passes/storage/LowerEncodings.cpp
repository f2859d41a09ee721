//===- LowerEncodings.cpp - Encoded tensors become tensors of bytes -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The one pass that knows both sides of an encoding. Operations on quantized
// tensors become the block operations of RlxBlockOps.td; how those are computed
// is for BlocksToLoops.cpp.
//
//===----------------------------------------------------------------------===//

#include "ir/Scheme.h"
#include "ir/ViewOps.h"
#include "passes/support/QuantizedOperand.h"

#include "mlir/Dialect/Func/Transforms/FuncConversions.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/Transforms/Patterns.h"
#include "mlir/Transforms/DialectConversion.h"

namespace rlx {
#define GEN_PASS_DEF_LOWERENCODINGSPASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

namespace {

/// Encoded tensors become tensors of i8 with the bytes of a row as last size.
struct StorageTypeConverter : TypeConverter {
  StorageTypeConverter() {
    addConversion([](Type type) { return type; });
    addConversion([](RankedTensorType type) -> Type {
      std::optional<QuantScheme> scheme = QuantScheme::of(type);
      if (!scheme)
        return type;
      return RankedTensorType::get(scheme->storageShape(type.getShape()),
                                   IntegerType::get(type.getContext(), 8));
    });
  }
};

/// An uninitialized tensor of `type`, whose dynamic sizes are given.
Value createEmpty(OpBuilder &builder, Location loc, RankedTensorType type,
                  ArrayRef<OpFoldResult> sizes) {
  return tensor::EmptyOp::create(builder, loc, sizes, type.getElementType());
}

/// `value` as a tensor of `shape`: sizes that only the weight knew become
/// static, as loops want them, or dynamic again where the result's type says
/// so.
Value castTo(OpBuilder &builder, Location loc, Value value,
             ArrayRef<int64_t> shape) {
  auto type = cast<RankedTensorType>(value.getType());
  if (type.getShape() == shape)
    return value;
  return tensor::CastOp::create(builder, loc, type.clone(shape), value);
}

/// The sizes of `encoded`, a tensor that `bytes` stores.
SmallVector<OpFoldResult> sizesOf(OpBuilder &builder, Location loc, Value bytes,
                                  Value encoded) {
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, loc, bytes);
  sizes.back() = builder.getIndexAttr(
      cast<RankedTensorType>(encoded.getType()).getShape().back());
  return sizes;
}

/// `x`, activations, with the K of `weight`.
Value castActivations(OpBuilder &builder, Location loc, Value x, Value weight) {
  SmallVector<int64_t> shape(cast<RankedTensorType>(x.getType()).getShape());
  shape.back() = cast<RankedTensorType>(weight.getType()).getShape().back();
  return castTo(builder, loc, x, shape);
}

/// A side operand of `weight`, or a bias, with the sizes that the weight tells:
/// kernels compute addresses with them.
Value castSide(OpBuilder &builder, Location loc, Value side, Value weight,
               StringRef name) {
  if (!side)
    return side;
  auto type = cast<RankedTensorType>(weight.getType());
  if (name == "bias")
    return castTo(builder, loc, side, type.getShape().drop_back());
  return castTo(builder, loc, side,
                QuantScheme::of(type)->findSide(name)->shape(type.getShape()));
}

/// The side operands of `op`, whose weight is `weight`.
template <typename Operands>
SideValues castSides(OpBuilder &builder, Location loc, Operands operands,
                     Value weight) {
  auto cast = [&](Value side, StringRef name) {
    return castSide(builder, loc, side, weight, name);
  };
  return {cast(operands.getScales(), "scales"),
          cast(operands.getZeroPoints(), "zero_points"),
          cast(operands.getGlobalScale(), "global_scale")};
}

/// The scheme of a weight. A plain float tensor is stored like the built-in
/// scheme that is named as its element type, and stays a tensor of that type.
QuantAttr schemeOf(Value weight) {
  auto type = cast<RankedTensorType>(weight.getType());
  if (auto quant = dyn_cast_or_null<QuantAttr>(type.getEncoding()))
    return quant;
  std::string name;
  llvm::raw_string_ostream(name) << type.getElementType();
  return QuantAttr::get(type.getContext(),
                        QuantScheme::parse(type.getContext(), name)->attr());
}

/// The ids of a matmul and the sizes of its result: of rlx.matmul, none and
/// `[M, N]`; of rlx.gather_matmul, `[T, S, N]`.
std::pair<Value, SmallVector<OpFoldResult>>
idsAndSizes(OpBuilder &builder, Location loc, MatmulOpAdaptor operands) {
  return {Value(),
          {tensor::getMixedSize(builder, loc, operands.getX(), 0),
           tensor::getMixedSize(builder, loc, operands.getWeight(), 0)}};
}
std::pair<Value, SmallVector<OpFoldResult>>
idsAndSizes(OpBuilder &builder, Location loc, GatherMatmulOpAdaptor operands) {
  SmallVector<OpFoldResult> sizes =
      tensor::getMixedSizes(builder, loc, operands.getIds());
  sizes.push_back(tensor::getMixedSize(builder, loc, operands.getWeight(), 1));
  return {operands.getIds(), sizes};
}

/// rlx.matmul and rlx.gather_matmul ==> rlx.block_matmul.
template <typename OpT> struct LowerMatmul : OpConversionPattern<OpT> {
  using OpConversionPattern<OpT>::OpConversionPattern;

  LogicalResult
  matchAndRewrite(OpT op, typename OpT::Adaptor operands,
                  ConversionPatternRewriter &rewriter) const override {
    auto type = cast<RankedTensorType>(op.getType());
    Location loc = op.getLoc();
    auto [ids, sizes] = idsAndSizes(rewriter, loc, operands);
    Value init = createEmpty(rewriter, loc, type, sizes);
    Type activations = op.getActivations().value_or(rewriter.getF32Type());
    Value x = castActivations(rewriter, loc, operands.getX(), op.getWeight());
    SideValues sides = castSides(rewriter, loc, operands, op.getWeight());
    Value bias =
        castSide(rewriter, loc, operands.getBias(), op.getWeight(), "bias");
    auto matmul = BlockMatmulOp::create(
        rewriter, loc, init.getType(), x, operands.getWeight(), ids,
        sides.scales, sides.zeroPoints, sides.globalScale, bias,
        /*epilogueInputs=*/ValueRange(), init, schemeOf(op.getWeight()),
        TypeAttr::get(activations), /*tiles=*/TilesAttr(),
        /*epilogueMaps=*/ArrayAttr(), op.getReencodedAttr(),
        op.getActivationGroupAttr());
    rewriter.replaceOp(
        op, castTo(rewriter, loc, matmul.getResult(0), type.getShape()));
    return success();
  }
};

/// rlx.embedding ==> rlx.block_dequantize with ids.
struct LowerEmbedding : OpConversionPattern<EmbeddingOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(EmbeddingOp op, OpAdaptor operands,
                  ConversionPatternRewriter &rewriter) const override {
    auto type = cast<RankedTensorType>(op.getType());
    Location loc = op.getLoc();
    SmallVector<OpFoldResult> sizes =
        tensor::getMixedSizes(rewriter, loc, operands.getIds());
    auto table = cast<RankedTensorType>(op.getTable().getType());
    sizes.push_back(rewriter.getIndexAttr(table.getDimSize(1)));
    Value init = createEmpty(rewriter, loc, type, sizes);
    SideValues sides = castSides(rewriter, loc, operands, op.getTable());
    auto rows = BlockDequantizeOp::create(
        rewriter, loc, init.getType(), operands.getTable(), operands.getIds(),
        sides.scales, sides.zeroPoints, sides.globalScale, init,
        schemeOf(op.getTable()));
    rewriter.replaceOp(
        op, castTo(rewriter, loc, rows.getResult(0), type.getShape()));
    return success();
  }
};

/// rlx.dequantize ==> rlx.block_dequantize of all rows.
struct LowerDequantize : OpConversionPattern<DequantizeOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(DequantizeOp op, OpAdaptor operands,
                  ConversionPatternRewriter &rewriter) const override {
    auto type = cast<RankedTensorType>(op.getType());
    SmallVector<OpFoldResult> sizes =
        sizesOf(rewriter, op.getLoc(), operands.getWeight(), op.getWeight());
    Value init = createEmpty(rewriter, op.getLoc(), type, sizes);
    SideValues sides =
        castSides(rewriter, op.getLoc(), operands, op.getWeight());
    auto values = BlockDequantizeOp::create(
        rewriter, op.getLoc(), init.getType(), operands.getWeight(),
        /*ids=*/Value(), sides.scales, sides.zeroPoints, sides.globalScale,
        init, schemeOf(op.getWeight()));
    rewriter.replaceOp(op, castTo(rewriter, op.getLoc(), values.getResult(0),
                                  type.getShape()));
    return success();
  }
};

/// rlx.encoded_view ==> its operand, whose bytes are stored already.
struct LowerEncodedView : OpConversionPattern<EncodedViewOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(EncodedViewOp op, OpAdaptor operands,
                  ConversionPatternRewriter &rewriter) const override {
    Value codes = operands.getCodes();
    auto type = cast<RankedTensorType>(codes.getType());
    Type byte = rewriter.getI8Type();
    if (type.getElementType() != byte)
      codes = arith::BitcastOp::create(rewriter, op.getLoc(), type.clone(byte),
                                       codes);
    rewriter.replaceOp(op, codes);
    return success();
  }
};

/// rlx.quantize ==> rlx.block_quantize.
struct LowerQuantize : OpConversionPattern<QuantizeOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(QuantizeOp op, OpAdaptor operands,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    auto type = cast<RankedTensorType>(op.getResult().getType());
    auto scheme = cast<QuantAttr>(type.getEncoding());
    auto bytes = cast<RankedTensorType>(getTypeConverter()->convertType(type));
    // The result is the weight that they belong to.
    SideValues sides = castSides(rewriter, loc, operands, op.getResult());
    Value x = castTo(rewriter, loc, operands.getX(), type.getShape());
    Value importance = operands.getImportance();
    if (importance) {
      int64_t given =
          cast<RankedTensorType>(importance.getType()).getDimSize(0);
      importance =
          castTo(rewriter, loc, importance,
                 ShapedType::isDynamic(given) ? type.getShape().back() : given);
    }
    SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(rewriter, loc, x);
    sizes.back() = rewriter.getIndexAttr(bytes.getShape().back());
    SmallVector<Value> inits = {createEmpty(rewriter, loc, bytes, sizes)};
    if (!op.getSides().empty())
      for (const SideOperand &side : QuantScheme::of(type)->sideOperands())
        inits.push_back(tensor::EmptyOp::create(
            rewriter, loc, side.shape(type.getShape()), side.elementType));
    auto codes = BlockQuantizeOp::create(
        rewriter, loc, TypeRange(ValueRange(inits)), x, sides.scales,
        sides.zeroPoints, sides.globalScale, importance, inits, scheme,
        op.getRuleAttr());
    SmallVector<Value> results = {codes.getResult(0)};
    for (auto [side, result] :
         llvm::zip_equal(codes.getResults().drop_front(), op.getSides()))
      results.push_back(
          castTo(rewriter, loc, side,
                 cast<RankedTensorType>(result.getType()).getShape()));
    rewriter.replaceOp(op, results);
    return success();
  }
};

/// rlx.fake_quantize ==> rlx.block_fake_quantize.
struct LowerFakeQuantize : OpConversionPattern<FakeQuantizeOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(FakeQuantizeOp op, OpAdaptor operands,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    auto type = cast<RankedTensorType>(op.getType());
    Value init =
        createEmpty(rewriter, loc, type,
                    tensor::getMixedSizes(rewriter, loc, operands.getX()));
    rewriter.replaceOpWithNewOp<BlockFakeQuantizeOp>(
        op, init.getType(), operands.getX(), init, op.getScheme(),
        op.getRuleAttr());
    return success();
  }
};

/// Whole rows of an encoded tensor are rows of its bytes.
struct LowerRowsRead : OpConversionPattern<tensor::ExtractSliceOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(tensor::ExtractSliceOp op, OpAdaptor operands,
                  ConversionPatternRewriter &rewriter) const override {
    if (!isOfWholeRows(op, op.getSourceType(), op.getType()))
      return rewriter.notifyMatchFailure(op, "expected whole rows");
    auto type =
        cast<RankedTensorType>(getTypeConverter()->convertType(op.getType()));
    SmallVector<OpFoldResult> sizes = op.getMixedSizes();
    sizes.back() = rewriter.getIndexAttr(type.getShape().back());
    rewriter.replaceOpWithNewOp<tensor::ExtractSliceOp>(
        op, type, operands.getSource(), op.getMixedOffsets(), sizes,
        op.getMixedStrides());
    return success();
  }

  /// Whether `slice` of `whole` has all of the last dimension.
  static bool isOfWholeRows(OffsetSizeAndStrideOpInterface slice,
                            RankedTensorType whole, RankedTensorType part) {
    return whole.getRank() == part.getRank() && QuantScheme::of(whole) &&
           whole.getEncoding() == part.getEncoding() &&
           isZeroInteger(slice.getMixedOffsets().back()) &&
           part.getShape().back() == whole.getShape().back();
  }
};
struct LowerRowsWritten : OpConversionPattern<tensor::InsertSliceOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(tensor::InsertSliceOp op, OpAdaptor operands,
                  ConversionPatternRewriter &rewriter) const override {
    if (!LowerRowsRead::isOfWholeRows(op, op.getType(), op.getSourceType()))
      return rewriter.notifyMatchFailure(op, "expected whole rows");
    auto type = cast<RankedTensorType>(operands.getSource().getType());
    SmallVector<OpFoldResult> sizes = op.getMixedSizes();
    sizes.back() = rewriter.getIndexAttr(type.getShape().back());
    rewriter.replaceOpWithNewOp<tensor::InsertSliceOp>(
        op, operands.getSource(), operands.getDest(), op.getMixedOffsets(),
        sizes, op.getMixedStrides());
    return success();
  }
};

/// How many rows an encoded tensor has is how many its bytes have.
struct LowerRowCount : OpConversionPattern<tensor::DimOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(tensor::DimOp op, OpAdaptor operands,
                  ConversionPatternRewriter &rewriter) const override {
    if (!isOfRows(op))
      return rewriter.notifyMatchFailure(op, "expected a number of rows");
    rewriter.replaceOpWithNewOp<tensor::DimOp>(op, operands.getSource(),
                                               operands.getIndex());
    return success();
  }

  static bool isOfRows(tensor::DimOp op) {
    auto type = dyn_cast<RankedTensorType>(op.getSource().getType());
    std::optional<int64_t> index = op.getConstantIndex();
    return type && index && *index >= 0 && *index < type.getRank() - 1;
  }
};

/// rlx.attention ==> rlx.block_attention.
struct LowerCacheAttention : OpConversionPattern<AttentionOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(AttentionOp op, OpAdaptor operands,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    auto type = cast<RankedTensorType>(op.getType());
    SmallVector<OpFoldResult> sizes =
        tensor::getMixedSizes(rewriter, loc, operands.getQ());
    sizes.back() = rewriter.getIndexAttr(type.getShape().back());
    Value init = createEmpty(rewriter, loc, type, sizes);
    Value length = operands.getLength();
    if (!length)
      length = getValueOrCreateConstantIndexOp(
          rewriter, loc,
          tensor::getMixedSize(rewriter, loc, operands.getK(), 0));
    Value sinks = operands.getSinks();
    if (sinks)
      sinks = castTo(rewriter, loc, sinks, type.getDimSize(1));
    auto attention = BlockAttentionOp::create(
        rewriter, loc, init.getType(), operands.getQ(), operands.getK(),
        operands.getV(), length, sinks, init, schemeOf(op.getK()),
        schemeOf(op.getV()), op.getCausalAttr(), op.getWindowAttr(),
        rewriter.getF64FloatAttr(op.scaleOrDefault()), op.getSoftcapAttr());
    rewriter.replaceOp(
        op, castTo(rewriter, loc, attention.getResult(0), type.getShape()));
    return success();
  }
};

struct LowerEncodingsPass
    : rlx::impl::LowerEncodingsPassBase<LowerEncodingsPass> {
  void runOnOperation() override {
    MLIRContext *context = &getContext();
    StorageTypeConverter converter;
    RewritePatternSet patterns(context);
    ConversionTarget target(*context);
    target.markUnknownOpDynamicallyLegal(
        [&](Operation *op) -> std::optional<bool> {
          // Those of other dialects have types of their own.
          if (auto function = dyn_cast<FunctionOpInterface>(op))
            return converter.isLegal(function.getArgumentTypes()) &&
                   converter.isLegal(function.getResultTypes()) &&
                   converter.isLegal(&function.getFunctionBody());
          return converter.isLegal(op);
        });
    target
        .addIllegalOp<MatmulOp, GatherMatmulOp, EmbeddingOp, DequantizeOp,
                      QuantizeOp, FakeQuantizeOp, AttentionOp, EncodedViewOp>();
    target.addLegalOp<ModuleOp>();
    populateFunctionOpInterfaceTypeConversionPattern<func::FuncOp>(patterns,
                                                                   converter);
    populateCallOpTypeConversionPattern(patterns, converter);
    populateReturnOpTypeConversionPattern(patterns, converter);
    scf::populateSCFStructuralTypeConversions(converter, patterns);
    patterns.add<LowerMatmul<MatmulOp>, LowerMatmul<GatherMatmulOp>,
                 LowerEmbedding, LowerDequantize, LowerQuantize,
                 LowerFakeQuantize, LowerRowsRead, LowerRowsWritten,
                 LowerRowCount, LowerCacheAttention, LowerEncodedView>(
        converter, context);
    if (failed(checkOperations()) ||
        failed(
            applyFullConversion(getOperation(), target, std::move(patterns))))
      return signalPassFailure();
    // The arguments' buffers are the caller's; bufferization must copy, not
    // reuse, but for states.
    for (auto function : getOperation().getOps<func::FuncOp>())
      for (unsigned i = 0;
           !function.isExternal() && i < function.getNumArguments(); ++i)
        if (isa<TensorType>(function.getArgumentTypes()[i]))
          function.setArgAttr(i, "bufferization.writable",
                              BoolAttr::get(context, bool(function.getArgAttr(
                                                         i, "rlx.state"))));
  }

  /// What conversion would refuse gets a message that says what would work.
  LogicalResult checkOperations() {
    WalkResult result = getOperation().walk([&](Operation *op) {
      if (!isNormalMatmul(op)) {
        op->emitOpError() << "expected activations [M, K], bias and result of "
                             "f32, as --rlx-normalize-matmuls makes them";
        return WalkResult::interrupt();
      }
      // Only plain weights may have dynamic sizes; no loops are made for those.
      // Of encoded ones, those of caches may, which are dequantized.
      OpOperand *weight =
          isa<DequantizeOp>(op) ? nullptr : quantizedOperand(op);
      if (weight &&
          !cast<RankedTensorType>(weight->get().getType()).hasStaticShape()) {
        op->emitOpError()
            << "expected the weight to have a static shape, but got "
            << weight->get().getType();
        return WalkResult::interrupt();
      }
      if (isa<func::FuncOp, func::CallOp, func::ReturnOp,
              QuantizedWeightOpInterface, QuantizeOp, AttentionOp,
              EncodedViewOp, scf::ForOp, scf::IfOp, scf::WhileOp,
              scf::ConditionOp, scf::YieldOp>(op))
        return WalkResult::advance();
      auto read = dyn_cast<tensor::ExtractSliceOp>(op);
      auto written = dyn_cast<tensor::InsertSliceOp>(op);
      auto count = dyn_cast<tensor::DimOp>(op);
      if ((count && LowerRowCount::isOfRows(count)) ||
          (read && LowerRowsRead::isOfWholeRows(read, read.getSourceType(),
                                                read.getType())) ||
          (written && LowerRowsRead::isOfWholeRows(written, written.getType(),
                                                   written.getSourceType())))
        return WalkResult::advance();
      SmallVector<Type> types(op->getOperandTypes());
      llvm::append_range(types, op->getResultTypes());
      if (auto function = dyn_cast<FunctionOpInterface>(op)) {
        llvm::append_range(types, function.getArgumentTypes());
        llvm::append_range(types, function.getResultTypes());
      }
      for (Region &region : op->getRegions())
        for (Block &block : region)
          llvm::append_range(types, block.getArgumentTypes());
      for (Type type : types)
        if (QuantScheme::of(type)) {
          op->emitOpError()
              << "takes or gives the quantized tensor " << type
              << ", expected an operation of rlx; put rlx.dequantize before it";
          return WalkResult::interrupt();
        }
      return WalkResult::advance();
    });
    return failure(result.wasInterrupted());
  }
};
} // namespace
