//===- ConvertRuntimeCalls.cpp - Calls of the host through its C ABI ------===//
//
// Lowers rlx.parallel_for and rlx.report_index to calls of the functions in
// runtime/KernelAbi.h. Works on operands that are already of LLVM types but for
// the casts that conversion left.
//
//===----------------------------------------------------------------------===//

#include "passes/ConvertRuntimeCalls.h"
#include "passes/PassDetail.h"

#include "mlir/Conversion/ConvertToLLVM/ToLLVMInterface.h"
#include "mlir/Conversion/LLVMCommon/Pattern.h"

using namespace mlir;
using namespace rlx;

/// The declaration of a host function, added where the module lacks it.
static LLVM::LLVMFuncOp hostFunction(ModuleOp module, OpBuilder &builder,
                                     StringRef name, ArrayRef<Type> arguments) {
  if (auto known = module.lookupSymbol<LLVM::LLVMFuncOp>(name))
    return known;
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(module.getBody());
  auto type = LLVM::LLVMFunctionType::get(
      LLVM::LLVMVoidType::get(builder.getContext()), arguments);
  return LLVM::LLVMFuncOp::create(builder, module.getLoc(), name, type);
}

namespace {
/// Captures go through a struct on the stack; `<body>.closure` unpacks it.
struct ConvertParallelFor : ConvertOpToLLVMPattern<ParallelForOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;

  LogicalResult
  matchAndRewrite(ParallelForOp op, OpAdaptor operands,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    auto module = op->getParentOfType<ModuleOp>();
    Type pointer = LLVM::LLVMPointerType::get(op.getContext());
    Type i64 = rewriter.getI64Type();
    SmallVector<Type> fields(operands.getCaptures().getTypes());
    auto closureType =
        LLVM::LLVMStructType::getLiteral(op.getContext(), fields);

    Value one = LLVM::ConstantOp::create(rewriter, loc, i64,
                                         rewriter.getI64IntegerAttr(1));
    Value closure =
        LLVM::AllocaOp::create(rewriter, loc, pointer, closureType, one);
    for (auto [index, value] : llvm::enumerate(operands.getCaptures())) {
      Value field =
          LLVM::GEPOp::create(rewriter, loc, pointer, closureType, closure,
                              ArrayRef<LLVM::GEPArg>{0, int32_t(index)});
      LLVM::StoreOp::create(rewriter, loc, value, field);
    }
    LLVM::LLVMFuncOp unpack = createUnpacking(op, closureType, rewriter);
    Value body = LLVM::AddressOfOp::create(rewriter, loc, unpack);
    LLVM::LLVMFuncOp host = hostFunction(module, rewriter, "rlx_parallel_for",
                                         {pointer, pointer, i64});
    rewriter.replaceOpWithNewOp<LLVM::CallOp>(
        op, host, ValueRange{body, closure, operands.getCount()});
    return success();
  }

  LLVM::LLVMFuncOp createUnpacking(ParallelForOp op,
                                   LLVM::LLVMStructType closureType,
                                   ConversionPatternRewriter &rewriter) const {
    OpBuilder::InsertionGuard guard(rewriter);
    Location loc = op.getLoc();
    auto module = op->getParentOfType<ModuleOp>();
    rewriter.setInsertionPointToEnd(module.getBody());
    Type pointer = LLVM::LLVMPointerType::get(op.getContext());
    Type i64 = rewriter.getI64Type();
    auto type = LLVM::LLVMFunctionType::get(
        LLVM::LLVMVoidType::get(op.getContext()), {pointer, i64, i64});
    auto function = LLVM::LLVMFuncOp::create(rewriter, loc,
                                             (op.getBody() + ".closure").str(),
                                             type, LLVM::Linkage::Internal);
    Block *entry = function.addEntryBlock(rewriter);
    rewriter.setInsertionPointToStart(entry);
    const auto *converter = getTypeConverter();
    SmallVector<Value> arguments;
    auto cast = [&](Value value, Type original) {
      if (value.getType() == original)
        return value;
      return UnrealizedConversionCastOp::create(rewriter, loc, original, value)
          .getResult(0);
    };
    arguments.push_back(cast(entry->getArgument(1), rewriter.getIndexType()));
    arguments.push_back(cast(entry->getArgument(2), rewriter.getIndexType()));
    for (auto [index, capture] : llvm::enumerate(op.getCaptures())) {
      Value field = LLVM::GEPOp::create(
          rewriter, loc, pointer, closureType, entry->getArgument(0),
          ArrayRef<LLVM::GEPArg>{0, int32_t(index)});
      Type converted = converter->convertType(capture.getType());
      arguments.push_back(
          cast(LLVM::LoadOp::create(rewriter, loc, converted, field),
               capture.getType()));
    }
    func::CallOp::create(rewriter, loc, op.getBodyAttr(), TypeRange(),
                         arguments);
    LLVM::ReturnOp::create(rewriter, loc, ValueRange());
    return function;
  }
};

struct ConvertReportIndex : ConvertOpToLLVMPattern<ReportIndexOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;

  LogicalResult
  matchAndRewrite(ReportIndexOp op, OpAdaptor operands,
                  ConversionPatternRewriter &rewriter) const override {
    auto module = op->getParentOfType<ModuleOp>();
    Type pointer = LLVM::LLVMPointerType::get(op.getContext());
    Type i64 = rewriter.getI64Type();
    LLVM::LLVMFuncOp host = hostFunction(module, rewriter, "rlx_report_index",
                                         {pointer, i64, i64, i64});
    Value text = textConstant(op, rewriter);
    rewriter.replaceOpWithNewOp<LLVM::CallOp>(
        op, host,
        ValueRange{text, operands.getPosition(), operands.getValue(),
                   operands.getBound()});
    return success();
  }

  /// The address of a NUL-terminated constant that holds the operation's text.
  Value textConstant(ReportIndexOp op,
                     ConversionPatternRewriter &rewriter) const {
    auto module = op->getParentOfType<ModuleOp>();
    std::string text = op.getWhat().str() + '\0';
    LLVM::GlobalOp global;
    for (auto known : module.getOps<LLVM::GlobalOp>())
      if (known.getName().starts_with("rlx.text.") &&
          known.getValueAttr() == rewriter.getStringAttr(text))
        global = known;
    if (!global) {
      OpBuilder::InsertionGuard guard(rewriter);
      rewriter.setInsertionPointToStart(module.getBody());
      auto type = LLVM::LLVMArrayType::get(rewriter.getI8Type(), text.size());
      int number = llvm::count_if(
          module.getOps<LLVM::GlobalOp>(), [](LLVM::GlobalOp known) {
            return known.getName().starts_with("rlx.text.");
          });
      global = LLVM::GlobalOp::create(
          rewriter, op.getLoc(), type, /*isConstant=*/true,
          LLVM::Linkage::Internal, ("rlx.text." + Twine(number)).str(),
          rewriter.getStringAttr(text));
    }
    return LLVM::AddressOfOp::create(rewriter, op.getLoc(), global);
  }
};

struct RlxToLLVM : ConvertToLLVMPatternInterface {
  using ConvertToLLVMPatternInterface::ConvertToLLVMPatternInterface;
  void loadDependentDialects(MLIRContext *context) const final {
    context->loadDialect<LLVM::LLVMDialect>();
  }
  void populateConvertToLLVMConversionPatterns(
      ConversionTarget &target, LLVMTypeConverter &converter,
      RewritePatternSet &patterns) const final {
    // What the unpacking function casts from; reconciled in the end.
    target.addLegalOp<UnrealizedConversionCastOp>();
    patterns.add<ConvertParallelFor, ConvertReportIndex>(converter);
  }
};
} // namespace

void rlx::registerRuntimeCallConversion(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *, RlxDialect *dialect) {
    dialect->addInterfaces<RlxToLLVM>();
  });
}
