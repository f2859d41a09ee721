//===- BlocksToKernels.cpp - Operations on buffers become kernels ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every operation of a function that computes becomes a kernel and its
// dispatch; what stays on the host is arithmetic on sizes.
//
//===----------------------------------------------------------------------===//

#include "passes/gpu/kernels/BlockReader.h"
#include "passes/gpu/kernels/LinalgKernels.h"
#include "passes/gpu/kernels/MatmulKernels.h"
#include "passes/gpu/kernels/WeightKernels.h"
#include "passes/gpu/layout/Target.h"

#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Dialect/SPIRV/IR/SPIRVDialect.h"

namespace rlx {
#define GEN_PASS_DEF_BLOCKSTOKERNELSPASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

/// The kernels of a matmul, by the number of its rows. A single row waits for
/// the weight, not for products: bytes would not make it faster.
static void emitMatmulKernels(InterleavedMatmulOp op, KernelModule &kernels) {
  constexpr int64_t rowsTogether = 4;
  int64_t m = cast<MemRefType>(op.getX().getType()).getDimSize(0);
  if (op.getIds() || m == 1)
    return emitMatvecKernel(op, kernels, 1, {});
  std::string reason;
  std::optional<IntegerMatmul> form =
      IntegerMatmul::create(MatmulShape(op).layout, kernels.target,
                            op.getActivations(), /*hasIds=*/false, reason);
  std::optional<ByteOperands> bytes;
  if (form) {
    RowRange severalRows{ShapedType::isDynamic(m) ? 2 : 0, 0};
    bytes.emplace(ByteOperands{
        *form, emitActivationKernel(op, kernels, *form, severalRows)});
  }
  const ByteOperands *operands = bytes ? &*bytes : nullptr;
  auto emitMany = [&](RowRange range) {
    if (multipliesMatrices(kernels.target, op.getActivations()))
      emitMatrixKernel(op, kernels, range);
    else if (bytes)
      emitIntegerTileKernel(op, kernels, *bytes, range);
    else if (kernels.target.getVectorWidth() > 1)
      emitPanelKernel(op, kernels, range);
    else
      emitTileKernel(op, kernels, range);
  };
  if (ShapedType::isDynamic(m)) {
    emitMatvecKernel(op, kernels, 1, {0, 2});
    emitMatvecKernel(op, kernels, rowsTogether, {2, fewRows + 1}, operands);
    emitMany({fewRows + 1, 0});
  } else if (m <= fewRows) {
    emitMatvecKernel(op, kernels, std::min(m, rowsTogether), {}, operands);
  } else {
    emitMany({});
  }
}

/// Whether a memref is all of its buffer, row by row.
static bool isWholeBuffer(Value memref) {
  return cast<MemRefType>(memref.getType()).getLayout().isIdentity() &&
         !memref.getDefiningOp<memref::ReinterpretCastOp>() &&
         !memref.getDefiningOp<memref::SubViewOp>();
}

/// Stored weights and their side operands are read as words from the first byte
/// of a buffer on: views of one are copied.
template <typename OpT>
static LogicalResult copyViews(OpT op, KernelModule &kernels) {
  DeviceWeight stored = DeviceWeight::of(op);
  for (OpOperand &operand : op->getOpOperands()) {
    Value view = operand.get();
    if (!llvm::is_contained({stored.weight, stored.scales, stored.zeroPoints,
                             stored.globalScale},
                            view) ||
        isWholeBuffer(view))
      continue;
    auto type = cast<MemRefType>(view.getType());
    ImplicitLocOpBuilder b(op.getLoc(), op);
    SmallVector<Value> sizes;
    for (int64_t i = 0; i < type.getRank(); ++i)
      if (type.isDynamicDim(i))
        sizes.push_back(memref::DimOp::create(b, view, i));
    Value plain = memref::AllocOp::create(
        b, MemRefType::get(type.getShape(), type.getElementType()), sizes);
    auto copy = memref::CopyOp::create(b, view, plain);
    if (failed(emitCopyKernel(copy, kernels)))
      return failure();
    copy.erase();
    operand.set(plain);
  }
  return success();
}

/// Packed weights are read and written as words from the first byte of a buffer
/// on, too.
static LogicalResult checkWhole(Operation *op, Value packed) {
  if (isWholeBuffer(packed))
    return success();
  return op->emitOpError()
         << "expected the packed weight to be all of a buffer, but it is a "
            "view, "
         << packed.getType() << "; copy it into a buffer of its own";
}

namespace {
struct BlocksToKernelsPass
    : rlx::impl::BlocksToKernelsPassBase<BlocksToKernelsPass> {
  void getDependentDialects(DialectRegistry &registry) const override {
    BlocksToKernelsPassBase::getDependentDialects(registry);
    // For products of bytes, which no other dialect has as an operation.
    registry.insert<spirv::SPIRVDialect>();
  }

  void runOnOperation() override {
    auto target = getOperation()->getAttrOfType<GpuAttr>(targetAttributeName);
    if (!target) {
      emitError(getOperation().getLoc())
          << "expected the module to have a target, '" << targetAttributeName
          << "'; --rlx-interleave-weights sets it";
      return signalPassFailure();
    }
    OpBuilder builder = OpBuilder::atBlockEnd(getOperation().getBody());
    KernelModule kernels;
    kernels.target = target;
    std::string name = "kernels";
    while (getOperation().lookupSymbol(name))
      name += "_";
    kernels.module =
        gpu::GPUModuleOp::create(builder, getOperation().getLoc(), name);
    kernels.module->setAttr(targetAttributeName, target);
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      // What says how large results are stays on the host.
      if (function.isExternal() || function.getName().ends_with(".shapes"))
        continue;
      function.walk(shortenExponent);
      IndexChecks checks(function);
      for (Operation &op :
           llvm::make_early_inc_range(function.front().getOperations()))
        if (failed(lower(&op, kernels, checks)))
          return signalPassFailure();
    }
  }

  /// Exponents of powers become i32, which kernels have functions for: what
  /// lies beyond is as large as it can be, and as odd or even as it was.
  static void shortenExponent(math::FPowIOp power) {
    Value exponent = power.getRhs();
    auto type = dyn_cast<IntegerType>(exponent.getType());
    if (!type || type.getWidth() == 32 || type.getWidth() > 64)
      return;
    ImplicitLocOpBuilder b(power.getLoc(), power);
    Type i32 = b.getI32Type();
    constexpr int64_t most = std::numeric_limits<int32_t>::max() - 1;
    if (type.getWidth() < 32) {
      exponent = arith::ExtSIOp::create(b, i32, exponent);
    } else if (std::optional<int64_t> known = getConstantIntValue(exponent)) {
      int64_t rest = *known & 1;
      exponent = arith::ConstantOp::create(
          b, b.getI32IntegerAttr(
                 int32_t(std::clamp(*known - rest, -most, most) + rest)));
    } else {
      auto number = [&](int64_t value) -> Value {
        return arith::ConstantOp::create(b, b.getIntegerAttr(type, value));
      };
      Value rest = arith::AndIOp::create(b, exponent, number(1));
      Value even = arith::SubIOp::create(b, exponent, rest);
      even = arith::MaxSIOp::create(b, even, number(-most));
      even = arith::MinSIOp::create(b, even, number(most));
      exponent = arith::TruncIOp::create(
          b, i32, arith::AddIOp::create(b, even, rest).getResult());
    }
    power.getRhsMutable().assign(exponent);
  }

  /// Whether there is nothing in what `op` writes.
  static bool writesNothing(Operation *op) {
    auto destination = dyn_cast<DestinationStyleOpInterface>(op);
    SmallVector<Value> written;
    if (auto copy = dyn_cast<memref::CopyOp>(op))
      written = {copy.getTarget()};
    else if (destination && destination.hasPureBufferSemantics())
      written = llvm::to_vector(destination.getDpsInits());
    return !written.empty() && llvm::all_of(written, [](Value value) {
      auto type = cast<MemRefType>(value.getType());
      return llvm::is_contained(type.getShape(), 0);
    });
  }

  LogicalResult lower(Operation *op, KernelModule &kernels,
                      IndexChecks &checks) {
    if (isa<InterleaveWeightOp, InterleavedMatmulOp, BlockDequantizeOp>(op) &&
        op->getNumResults() != 0)
      return op->emitOpError(
          "expected operands that are buffers; bufferize first");
    if (writesNothing(op)) {
      op->erase();
      return success();
    }
    if (auto weight = dyn_cast<InterleaveWeightOp>(op)) {
      if (failed(DeviceWeight::of(weight).verify(op)) ||
          failed(copyViews(weight, kernels)) ||
          failed(checkWhole(op, weight.getInit())))
        return failure();
      emitInterleaveKernel(weight, kernels);
    } else if (auto matmul = dyn_cast<InterleavedMatmulOp>(op)) {
      if (failed(checkWhole(op, matmul.getWeight())))
        return failure();
      int64_t first = 0,
              experts =
                  cast<MemRefType>(matmul.getWeight().getType()).getDimSize(0);
      if (std::optional<ArrayRef<int64_t>> part = matmul.getPart()) {
        first = (*part)[0];
        experts = part->back();
      }
      if (matmul.getIds() && first == 0)
        checks.emit(op, kernels, matmul.getIds(), experts,
                    "expert id of 'rlx.gather_matmul'");
      emitMatmulKernels(matmul, kernels);
    } else if (auto rows = dyn_cast<BlockDequantizeOp>(op)) {
      auto type = cast<MemRefType>(rows.getWeight().getType());
      if (type.hasStaticShape() && type.getNumElements() == 0)
        return op->emitOpError("expected a weight of at least one element");
      if (failed(DeviceWeight::of(rows).verify(op)) ||
          failed(copyViews(rows, kernels)))
        return failure();
      if (rows.getIds())
        checks.emit(op, kernels, rows.getIds(),
                    cast<MemRefType>(rows.getWeight().getType()).getDimSize(0),
                    "id of 'rlx.embedding'");
      emitDequantizeKernel(rows, kernels);
    } else if (auto rows = dyn_cast<BlockQuantizeOp>(op)) {
      if (failed(emitEncodeKernel(rows, kernels)))
        return failure();
    } else if (auto linalg = dyn_cast<linalg::LinalgOp>(op)) {
      if (failed(emitLinalgKernel(linalg, kernels)))
        return failure();
    } else if (auto copy = dyn_cast<memref::CopyOp>(op)) {
      if (failed(emitCopyKernel(copy, kernels)))
        return failure();
    } else if (auto store = dyn_cast<memref::StoreOp>(op)) {
      if (failed(emitStoreKernel(store, kernels)))
        return failure();
    } else if (isa<BlockFakeQuantizeOp>(op)) {
      return op->emitOpError(
          "cannot run on a device, expected a scheme with one scale a group of "
          "a row and a rule, not a search, and codes of at most 8 bits beside "
          "an offset; run the program on the CPU");
    } else if (isa<memref::DeallocOp>(op)) {
      // The runtime knows when a buffer is read for the last time.
    } else {
      return checkHost(op);
    }
    op->erase();
    return success();
  }

  /// Sizes and views may stay on the host.
  LogicalResult checkHost(Operation *op) {
    auto isNumber = [](Type type) { return type.isIntOrIndexOrFloat(); };
    bool onNumbers = llvm::all_of(op->getOperandTypes(), isNumber) &&
                     llvm::all_of(op->getResultTypes(), isNumber);
    // What kernels take of it, but for sizes, they compute themselves; it is
    // gone then.
    if (isa<arith::ConstantOp, func::ReturnOp, memref::AllocOp, memref::DimOp,
            memref::ExtractStridedMetadataOp, memref::GetGlobalOp,
            ViewLikeOpInterface, DispatchOp, CheckOp, memref::LoadOp>(op) ||
        (onNumbers && isPure(op) && op->getNumRegions() == 0))
      return success();
    return op->emitOpError()
           << "cannot run on a device, expected an operation of rlx or linalg, "
              "or arithmetic on sizes; run the program on the CPU";
  }
};
} // namespace
