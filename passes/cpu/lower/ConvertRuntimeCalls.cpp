//===- ConvertRuntimeCalls.cpp - Calls of the host through its C ABI ------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Lowers rlx.parallel_for, rlx.report_index, rlx.check, the allocation of
// memrefs and quantizing by a search to calls of the functions in
// runtime/cpu/KernelAbi.h. Works on
// operands that are already of LLVM types but for the casts that conversion
// left.
//
//===----------------------------------------------------------------------===//

#include "passes/cpu/lower/ConvertRuntimeCalls.h"

#include "ir/Scheme.h"
#include "passes/PassDetail.h"
#include "passes/support/SourceText.h"

#include "mlir/Conversion/ConvertToLLVM/ToLLVMInterface.h"
#include "mlir/Conversion/LLVMCommon/Pattern.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace rlx;

/// The declaration of a host function, added where the module lacks it.
static LLVM::LLVMFuncOp hostFunction(ModuleOp module, OpBuilder &builder,
                                     StringRef name, ArrayRef<Type> arguments,
                                     Type result = nullptr) {
  if (auto known = module.lookupSymbol<LLVM::LLVMFuncOp>(name))
    return known;
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(module.getBody());
  if (!result)
    result = LLVM::LLVMVoidType::get(builder.getContext());
  auto type = LLVM::LLVMFunctionType::get(result, arguments);
  return LLVM::LLVMFuncOp::create(builder, module.getLoc(), name, type);
}

/// The address of a NUL-terminated constant that holds `text`.
static Value textConstant(Operation *op, StringRef content,
                          OpBuilder &rewriter) {
  auto module = op->getParentOfType<ModuleOp>();
  std::string text = content.str() + '\0';
  LLVM::GlobalOp global;
  int number = 0;
  for (auto known : module.getOps<LLVM::GlobalOp>()) {
    if (!known.getName().starts_with("rlx.text."))
      continue;
    ++number;
    if (known.getValueAttr() == rewriter.getStringAttr(text))
      global = known;
  }
  if (!global) {
    OpBuilder::InsertionGuard guard(rewriter);
    rewriter.setInsertionPointToStart(module.getBody());
    auto type = LLVM::LLVMArrayType::get(rewriter.getI8Type(), text.size());
    global = LLVM::GlobalOp::create(
        rewriter, op->getLoc(), type,
        /*isConstant=*/true, LLVM::Linkage::Internal,
        ("rlx.text." + Twine(number)).str(), rewriter.getStringAttr(text));
  }
  return LLVM::AddressOfOp::create(rewriter, op->getLoc(), global);
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
    SmallVector<Type> fields(operands.getCaptures().getTypes());
    if (!module || !llvm::all_of(fields, LLVM::isCompatibleType))
      return rewriter.notifyMatchFailure(
          op, "expected captures of LLVM's types, in a module");
    Type pointer = LLVM::LLVMPointerType::get(op.getContext());
    Type i64 = rewriter.getI64Type();
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
    if (!module)
      return rewriter.notifyMatchFailure(op, "expected a module around it");
    Type pointer = LLVM::LLVMPointerType::get(op.getContext());
    Type i64 = rewriter.getI64Type();
    LLVM::LLVMFuncOp host = hostFunction(module, rewriter, "rlx_report_index",
                                         {pointer, i64, i64, i64});
    Value text = textConstant(op, op.getWhat(), rewriter);
    rewriter.replaceOpWithNewOp<LLVM::CallOp>(
        op, host,
        ValueRange{text, operands.getPosition(), operands.getValue(),
                   operands.getBound()});
    return success();
  }
};

/// Goes on where the condition holds, else calls a function that does not
/// return.
struct ConvertCheck : ConvertOpToLLVMPattern<CheckOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;

  LogicalResult
  matchAndRewrite(CheckOp op, OpAdaptor operands,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    auto module = op->getParentOfType<ModuleOp>();
    if (!module || !isa<FunctionOpInterface>(op->getParentOp()))
      return rewriter.notifyMatchFailure(op, "loops must be branches by now");
    Type pointer = LLVM::LLVMPointerType::get(op.getContext());
    Type i64 = rewriter.getI64Type();
    LLVM::LLVMFuncOp host =
        hostFunction(module, rewriter, "rlx_fail", {pointer, pointer, i64});
    host.setPassthroughAttr(rewriter.getStrArrayAttr({"noreturn", "cold"}));

    Block *before = op->getBlock();
    Block *after = rewriter.splitBlock(before, Block::iterator(op));
    Block *failure = rewriter.createBlock(before->getParent());
    Value text = textConstant(op, op.getMessage(), rewriter);
    auto constant = [&](int64_t value) -> Value {
      return LLVM::ConstantOp::create(rewriter, loc, i64,
                                      rewriter.getI64IntegerAttr(value));
    };
    int64_t count = operands.getValues().size();
    Value values = LLVM::AllocaOp::create(
        rewriter, loc, pointer, i64, constant(std::max<int64_t>(count, 1)));
    for (auto [index, value] : llvm::enumerate(operands.getValues()))
      LLVM::StoreOp::create(
          rewriter, loc, value,
          LLVM::GEPOp::create(rewriter, loc, pointer, i64, values,
                              ArrayRef<LLVM::GEPArg>{int32_t(index)}));
    LLVM::CallOp::create(rewriter, loc, host,
                         ValueRange{text, values, constant(count)});
    LLVM::UnreachableOp::create(rewriter, loc);
    rewriter.setInsertionPointToEnd(before);
    LLVM::CondBrOp::create(rewriter, loc, operands.getCondition(), after,
                           failure);
    rewriter.eraseOp(op);
    return success();
  }
};

/// Memory from the host, which ends the run where there is none.
struct ConvertAlloc : ConvertOpToLLVMPattern<memref::AllocOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;

  LogicalResult
  matchAndRewrite(memref::AllocOp op, OpAdaptor operands,
                  ConversionPatternRewriter &rewriter) const override {
    MemRefType type = op.getType();
    if (!isConvertibleAndHasIdentityMaps(type))
      return rewriter.notifyMatchFailure(op, "expected the identity layout");
    Location loc = op.getLoc();
    auto module = op->getParentOfType<ModuleOp>();
    if (!module)
      return rewriter.notifyMatchFailure(op, "expected a module around it");
    SmallVector<Value> sizes, strides;
    Value bytes;
    getMemRefDescriptorSizes(loc, type, operands.getDynamicSizes(), rewriter,
                             sizes, strides, bytes, /*sizeInBytes=*/true);
    Type pointer = LLVM::LLVMPointerType::get(op.getContext());
    Type i64 = rewriter.getI64Type();
    LLVM::LLVMFuncOp host =
        hostFunction(module, rewriter, "rlx_allocate", {i64, i64}, pointer);
    bytes = checkedBytes(op, operands.getDynamicSizes(), bytes, rewriter);
    Value alignment = LLVM::ConstantOp::create(
        rewriter, loc, i64,
        rewriter.getI64IntegerAttr(
            op.getAlignment().value_or(bufferAlignment)));
    Value memory =
        LLVM::CallOp::create(rewriter, loc, host, ValueRange{bytes, alignment})
            .getResult();
    Value descriptor = createMemRefDescriptor(loc, type, memory, memory, sizes,
                                              strides, rewriter);
    rewriter.replaceOp(op, descriptor);
    return success();
  }

private:
  /// In bytes: of the widest vectors that there are.
  static constexpr int64_t bufferAlignment = 64;

  /// `bytes`, or a negative number where the product of the sizes wrapped.
  Value checkedBytes(memref::AllocOp op, ValueRange dynamicSizes, Value bytes,
                     OpBuilder &b) const {
    if (dynamicSizes.empty())
      return bytes;
    // A product of doubles is exact enough to tell 2^62 from what wrapped.
    Location loc = op.getLoc();
    Type f64 = b.getF64Type();
    auto constant = [&](double value) -> Value {
      return LLVM::ConstantOp::create(b, loc, f64, b.getF64FloatAttr(value));
    };
    double known = 16; // No element is larger.
    for (int64_t size : op.getType().getShape())
      if (!ShapedType::isDynamic(size))
        known *= double(size);
    Value product = constant(known);
    for (Value size : dynamicSizes)
      product = LLVM::FMulOp::create(b, loc, product,
                                     LLVM::SIToFPOp::create(b, loc, f64, size));
    constexpr double most = 0x1p62;
    Value fits = LLVM::FCmpOp::create(b, loc, LLVM::FCmpPredicate::ole, product,
                                      constant(most));
    Value none = LLVM::ConstantOp::create(b, loc, b.getI64Type(),
                                          b.getI64IntegerAttr(-1));
    return LLVM::SelectOp::create(b, loc, fits, bytes, none);
  }
};

struct ConvertDealloc : ConvertOpToLLVMPattern<memref::DeallocOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;

  LogicalResult
  matchAndRewrite(memref::DeallocOp op, OpAdaptor operands,
                  ConversionPatternRewriter &rewriter) const override {
    auto module = op->getParentOfType<ModuleOp>();
    if (!module || !isa<MemRefType>(op.getMemref().getType()))
      return rewriter.notifyMatchFailure(op, "expected a ranked memref");
    Location loc = op.getLoc();
    Type pointer = LLVM::LLVMPointerType::get(op.getContext());
    LLVM::LLVMFuncOp host =
        hostFunction(module, rewriter, "rlx_release", {pointer});
    Value memory =
        MemRefDescriptor(operands.getMemref()).allocatedPtr(rewriter, loc);
    rewriter.replaceOpWithNewOp<LLVM::CallOp>(op, host, memory);
    return success();
  }
};

/// rlx_quantize_rows or rlx_fake_quantize_rows, which get texts, sizes and
/// addresses: KernelAbi.h says in which order.
template <typename OpT> struct ConvertQuantize : ConvertOpToLLVMPattern<OpT> {
  using ConvertOpToLLVMPattern<OpT>::ConvertOpToLLVMPattern;

  LogicalResult
  matchAndRewrite(OpT op, typename OpT::Adaptor operands,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    auto module = op->template getParentOfType<ModuleOp>();
    auto x = dyn_cast<MemRefType>(op.getX().getType());
    if (!module || !x)
      return rewriter.notifyMatchFailure(op, "expected buffers, in a module");
    Type pointer = LLVM::LLVMPointerType::get(op.getContext());
    Type i64 = rewriter.getI64Type();
    // The sizes, behind their number.
    SmallVector<Value> sizes = {constant(rewriter, loc, x.getRank())};
    MemRefDescriptor descriptor(operands.getX());
    for (int64_t i = 0; i < x.getRank(); ++i)
      sizes.push_back(descriptor.size(rewriter, loc, unsigned(i)));
    SmallVector<Value> buffers = {
        descriptor.bufferPtr(rewriter, loc, *this->getTypeConverter(), x)};
    bool isFake = addBuffers(op, operands, buffers, sizes, rewriter);
    std::string scheme;
    llvm::raw_string_ostream(scheme) << op.getSchemeAttr();
    std::string what = sourceText(op);
    what.erase(what.rfind("block_"), StringRef("block_").size());
    LLVM::LLVMFuncOp host =
        hostFunction(module, rewriter,
                     isFake ? "rlx_fake_quantize_rows" : "rlx_quantize_rows",
                     {pointer, pointer, pointer, pointer, pointer});
    rewriter.replaceOpWithNewOp<LLVM::CallOp>(
        op, host,
        ValueRange{textConstant(op, what, rewriter),
                   textConstant(op, scheme, rewriter),
                   textConstant(op, op.getRule().value_or(""), rewriter),
                   array(rewriter, loc, i64, sizes),
                   array(rewriter, loc, pointer, buffers)});
    return success();
  }

private:
  Value constant(OpBuilder &b, Location loc, int64_t value) const {
    return LLVM::ConstantOp::create(b, loc, b.getI64Type(),
                                    b.getI64IntegerAttr(value));
  }
  /// The address of `values`, in memory of the call.
  Value array(OpBuilder &b, Location loc, Type type, ValueRange values) const {
    Type pointer = LLVM::LLVMPointerType::get(b.getContext());
    Value memory = LLVM::AllocaOp::create(
        b, loc, pointer, type, constant(b, loc, int64_t(values.size())));
    for (auto [index, value] : llvm::enumerate(values))
      LLVM::StoreOp::create(
          b, loc, value,
          LLVM::GEPOp::create(b, loc, pointer, type, memory,
                              ArrayRef<LLVM::GEPArg>{int32_t(index)}));
    return memory;
  }
  Value addressOf(OpBuilder &b, Location loc, Value descriptor,
                  Type type) const {
    return MemRefDescriptor(descriptor)
        .bufferPtr(b, loc, *this->getTypeConverter(), cast<MemRefType>(type));
  }
  bool addBuffers(BlockQuantizeOp op, BlockQuantizeOp::Adaptor operands,
                  SmallVector<Value> &buffers, SmallVector<Value> &sizes,
                  OpBuilder &b) const {
    Location loc = op.getLoc();
    Value null = LLVM::ZeroOp::create(
        b, loc, LLVM::LLVMPointerType::get(b.getContext()));
    Value importance = op.getImportance();
    buffers.push_back(importance ? addressOf(b, loc, operands.getImportance(),
                                             importance.getType())
                                 : null);
    sizes.push_back(constant(
        b, loc,
        importance ? cast<MemRefType>(importance.getType()).getDimSize(0) : 0));
    buffers.push_back(
        addressOf(b, loc, operands.getInits().front(), op.getInit().getType()));
    QuantScheme scheme(op.getScheme().getScheme());
    size_t next = 1;
    for (StringRef name : {"scales", "zero_points", "global_scale"}) {
      bool isThere = scheme.findSide(name).has_value();
      buffers.push_back(isThere ? addressOf(b, loc, operands.getInits()[next],
                                            op.getInits()[next].getType())
                                : null);
      next += isThere;
    }
    return false;
  }
  bool addBuffers(BlockFakeQuantizeOp op, BlockFakeQuantizeOp::Adaptor operands,
                  SmallVector<Value> &buffers, SmallVector<Value> &sizes,
                  OpBuilder &b) const {
    buffers.push_back(
        addressOf(b, op.getLoc(), operands.getInit(), op.getInit().getType()));
    return true;
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
    patterns.add<ConvertParallelFor, ConvertReportIndex, ConvertCheck,
                 ConvertQuantize<BlockQuantizeOp>,
                 ConvertQuantize<BlockFakeQuantizeOp>>(converter);
    // Before those of upstream, which call the C library.
    constexpr unsigned first = 2;
    patterns.add<ConvertAlloc, ConvertDealloc>(converter, first);
  }
};
} // namespace

void rlx::registerRuntimeCallConversion(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *, RlxDialect *dialect) {
    dialect->addInterfaces<RlxToLLVM>();
  });
}
