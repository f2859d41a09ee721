//===- LowerEncodings.cpp - Encoded tensors become tensors of bytes --------===//
//
// The one pass that knows both sides of an encoding. Operations on quantized
// tensors become the block operations of RlxBlockOps.td; how those are computed
// is for BlocksToLoops.cpp.
//
//===----------------------------------------------------------------------===//

#include "passes/PassDetail.h"

#include "mlir/Dialect/Func/Transforms/FuncConversions.h"
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

/// rlx.matmul ==> rlx.block_matmul.
struct LowerMatmul : OpConversionPattern<MatmulOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(MatmulOp op, OpAdaptor operands,
                                ConversionPatternRewriter &rewriter) const override {
    auto type = cast<RankedTensorType>(op.getType());
    Location loc = op.getLoc();
    OpFoldResult m = tensor::getMixedSize(rewriter, loc, operands.getX(), 0);
    OpFoldResult n = tensor::getMixedSize(rewriter, loc, operands.getWeight(), 0);
    Value init = createEmpty(rewriter, loc, type, {m, n});
    Type activations = op.getActivations().value_or(rewriter.getF32Type());
    rewriter.replaceOpWithNewOp<BlockMatmulOp>(
        op, init.getType(), operands.getX(), operands.getWeight(), /*ids=*/Value(),
        operands.getScales(), operands.getZeroPoints(), operands.getGlobalScale(),
        operands.getBias(), init, schemeOf(op.getWeight()), TypeAttr::get(activations));
    return success();
  }
};

/// rlx.gather_matmul ==> rlx.block_matmul with ids.
struct LowerGatherMatmul : OpConversionPattern<GatherMatmulOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(GatherMatmulOp op, OpAdaptor operands,
                                ConversionPatternRewriter &rewriter) const override {
    auto type = cast<RankedTensorType>(op.getType());
    Location loc = op.getLoc();
    SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(rewriter, loc, operands.getIds());
    sizes.push_back(rewriter.getIndexAttr(type.getDimSize(2)));
    Value init = createEmpty(rewriter, loc, type, sizes);
    Type activations = op.getActivations().value_or(rewriter.getF32Type());
    rewriter.replaceOpWithNewOp<BlockMatmulOp>(
        op, type, operands.getX(), operands.getWeight(), operands.getIds(),
        operands.getScales(), operands.getZeroPoints(), operands.getGlobalScale(),
        operands.getBias(), init, schemeOf(op.getWeight()), TypeAttr::get(activations));
    return success();
  }
};

/// rlx.embedding ==> rlx.block_dequantize with ids.
struct LowerEmbedding : OpConversionPattern<EmbeddingOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(EmbeddingOp op, OpAdaptor operands,
                                ConversionPatternRewriter &rewriter) const override {
    auto type = cast<RankedTensorType>(op.getType());
    Location loc = op.getLoc();
    SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(rewriter, loc, operands.getIds());
    sizes.push_back(rewriter.getIndexAttr(type.getShape().back()));
    Value init = createEmpty(rewriter, loc, type, sizes);
    rewriter.replaceOpWithNewOp<BlockDequantizeOp>(
        op, type, operands.getTable(), operands.getIds(), operands.getScales(),
        operands.getZeroPoints(), operands.getGlobalScale(), init, schemeOf(op.getTable()));
    return success();
  }
};

/// rlx.dequantize ==> rlx.block_dequantize of all rows.
struct LowerDequantize : OpConversionPattern<DequantizeOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(DequantizeOp op, OpAdaptor operands,
                                ConversionPatternRewriter &rewriter) const override {
    auto type = cast<RankedTensorType>(op.getType());
    Value init = tensor::EmptyOp::create(
        rewriter, op.getLoc(), cast<RankedTensorType>(op.getWeight().getType()).getShape(),
        type.getElementType());
    rewriter.replaceOpWithNewOp<BlockDequantizeOp>(
        op, init.getType(), operands.getWeight(), /*ids=*/Value(), operands.getScales(),
        operands.getZeroPoints(), operands.getGlobalScale(), init, schemeOf(op.getWeight()));
    return success();
  }
};

/// rlx.quantize ==> rlx.block_quantize.
struct LowerQuantize : OpConversionPattern<QuantizeOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult matchAndRewrite(QuantizeOp op, OpAdaptor operands,
                                ConversionPatternRewriter &rewriter) const override {
    auto type = cast<RankedTensorType>(op.getType());
    auto scheme = cast<QuantAttr>(type.getEncoding());
    auto bytes = cast<RankedTensorType>(getTypeConverter()->convertType(type));
    Value init = tensor::EmptyOp::create(rewriter, op.getLoc(), bytes.getShape(),
                                         bytes.getElementType());
    rewriter.replaceOpWithNewOp<BlockQuantizeOp>(
        op, bytes, operands.getX(), operands.getScales(), operands.getZeroPoints(),
        operands.getGlobalScale(), init, scheme);
    return success();
  }
};

struct LowerEncodingsPass : rlx::impl::LowerEncodingsPassBase<LowerEncodingsPass> {
  void runOnOperation() override {
    MLIRContext *context = &getContext();
    StorageTypeConverter converter;
    RewritePatternSet patterns(context);
    ConversionTarget target(*context);
    target.markUnknownOpDynamicallyLegal([&](Operation *op) -> std::optional<bool> {
      if (auto function = dyn_cast<FunctionOpInterface>(op))
        return converter.isSignatureLegal(cast<FunctionType>(function.getFunctionType())) &&
               converter.isLegal(&function.getFunctionBody());
      return converter.isLegal(op);
    });
    target.addIllegalOp<MatmulOp, GatherMatmulOp, EmbeddingOp, DequantizeOp, QuantizeOp>();
    target.addLegalOp<ModuleOp>();
    populateFunctionOpInterfaceTypeConversionPattern<func::FuncOp>(patterns, converter);
    populateCallOpTypeConversionPattern(patterns, converter);
    populateReturnOpTypeConversionPattern(patterns, converter);
    scf::populateSCFStructuralTypeConversions(converter, patterns);
    patterns.add<LowerMatmul, LowerGatherMatmul, LowerEmbedding, LowerDequantize, LowerQuantize>(
        converter, context);
    if (failed(checkOperations()) ||
        failed(applyFullConversion(getOperation(), target, std::move(patterns))))
      return signalPassFailure();
    // The arguments' buffers are the caller's; bufferization must copy, not reuse.
    for (auto function : getOperation().getOps<func::FuncOp>())
      for (unsigned i = 0; i < function.getNumArguments(); ++i)
        if (isa<TensorType>(function.getArgument(i).getType()))
          function.setArgAttr(i, "bufferization.writable", BoolAttr::get(context, false));
  }

  /// What conversion would refuse gets a message that says what would work.
  LogicalResult checkOperations() {
    WalkResult result = getOperation().walk([&](Operation *op) {
      if (isa<FunctionOpInterface, CallOpInterface, MatmulOp, GatherMatmulOp, EmbeddingOp,
              DequantizeOp, QuantizeOp>(op) ||
          op->hasTrait<OpTrait::ReturnLike>() || isa<scf::SCFDialect>(op->getDialect()))
        return WalkResult::advance();
      for (Type type : llvm::concat<Type>(SmallVector<Type>(op->getOperandTypes()),
                                          SmallVector<Type>(op->getResultTypes())))
        if (QuantScheme::of(type)) {
          op->emitOpError() << "takes or gives the quantized tensor " << type
                            << ", expected an operation of rlx; put rlx.dequantize before it";
          return WalkResult::interrupt();
        }
      return WalkResult::advance();
    });
    return failure(result.wasInterrupted());
  }
};
} // namespace
