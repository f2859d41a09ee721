//===- DeviceOps.cpp - The target of device kernels -----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ir/BlockShapes.h"

#include "mlir/IR/DialectImplementation.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace rlx;

LogicalResult
GpuAttr::verify(llvm::function_ref<InFlightDiagnostic()> emitError, GpuApi api,
                bool, bool, bool, bool, bool, bool, bool, bool, bool denormals,
                bool nonfinite, bool, int64_t subgroupSize, bool, bool,
                DenseI64ArrayAttr cooperativeMatrix, int64_t vectorWidth,
                int64_t workgroupSize, int64_t workgroupMemory,
                int64_t bufferBytes) {
  auto isPowerOfTwo = [](int64_t value, int64_t most) {
    return value >= 1 && value <= most && (value & (value - 1)) == 0;
  };
  if (!isPowerOfTwo(subgroupSize, 128))
    return emitError() << "expected subgroup_size to be a power of two of at "
                          "most 128, but got "
                       << subgroupSize;
  if (api == GpuApi::opencl)
    for (auto [name, value] :
         {std::pair("denormals", denormals), {"nonfinite", nonfinite}})
      if (value)
        return emitError() << name
                           << " is for vulkan; kernels of opencl do "
                              "not ask for it";
  if (cooperativeMatrix) {
    auto isSide = [&](int64_t side) { return isPowerOfTwo(side, 64); };
    if (cooperativeMatrix.size() != 3 ||
        !llvm::all_of(cooperativeMatrix.asArrayRef(), isSide))
      return emitError()
             << "expected cooperative_matrix to be [M, N, K], powers "
                "of two of at most 64, but got "
             << Attribute(cooperativeMatrix);
    if (api == GpuApi::opencl)
      return emitError() << "cooperative_matrix is for vulkan; opencl has none";
  }
  if (!isPowerOfTwo(vectorWidth, 16))
    return emitError() << "expected vector_width to be a power of two of at "
                          "most 16, but got "
                       << vectorWidth;
  if (vectorWidth > 1 && api == GpuApi::vulkan)
    return emitError()
           << "vector_width is for opencl; the work-items of vulkan "
              "are lanes";
  if (workgroupSize < 64 || workgroupSize > 1 << 16)
    return emitError() << "expected workgroup_size to be 64 to 65536, but got "
                       << workgroupSize;
  if (workgroupMemory < 16384)
    return emitError() << "expected workgroup_memory to be at least 16384 "
                          "bytes, but got "
                       << workgroupMemory;
  if (bufferBytes < 1 << 16)
    return emitError() << "expected buffer_bytes to be at least 65536, but got "
                       << bufferBytes;
  return success();
}

//===----------------------------------------------------------------------===//
// Interleaved weights
//===----------------------------------------------------------------------===//

static constexpr int64_t wordBits = 32;

/// C4: a device block is whole groups of words, and no plane crosses one.
static LogicalResult verifyDeviceBlock(const BlockShapes &shapes,
                                       QuantScheme deviceBlock, int64_t rows,
                                       int64_t words) {
  if (failed(shapes.verifyCount("C5", "rows", rows)) ||
      failed(shapes.verifyCount("C5", "words", words)))
    return failure();
  if (deviceBlock.blockBytes() * 8 % (words * wordBits) != 0)
    return shapes.expected("C4")
           << "a device block of whole groups of " << words << " words, but '"
           << deviceBlock.displayName() << "' has " << deviceBlock.blockBytes()
           << " bytes";
  for (FieldAttr field : deviceBlock.fields()) {
    if (field.isSide())
      return shapes.expected("C4")
             << "all fields of '" << deviceBlock.displayName()
             << "' to lie in the device block";
    for (PlaneAttr plane : field.getPlanes()) {
      int64_t width = plane.width();
      auto staysInWord = [&](int64_t i) {
        return firstBit(plane, i) % wordBits + width <= wordBits;
      };
      if (width > wordBits || !llvm::isPowerOf2_64(width) ||
          !llvm::all_of(llvm::seq<int64_t>(deviceBlock.block()), staysInWord))
        return shapes.expected("C4")
               << "planes of '" << deviceBlock.displayName()
               << "' of 1, 2, 4, 8, 16 or 32 bits, none across a word";
    }
  }
  return success();
}

/// The shape of the words that hold `count` rows of K elements.
static FailureOr<SmallVector<int64_t>>
interleavedShape(const BlockShapes &shapes, QuantScheme deviceBlock, int64_t n,
                 int64_t k, int64_t rows) {
  int64_t tiles = llvm::divideCeil(n, rows), words = 0;
  if (llvm::MulOverflow(int64_t(llvm::divideCeil(k, deviceBlock.block())),
                        deviceBlock.blockBytes() * 8 / wordBits * rows,
                        words)) {
    shapes.expected("C1") << "a weight whose words fit 64 bits, but K is " << k;
    return failure();
  }
  return SmallVector<int64_t>{tiles, words};
}

LogicalResult InterleaveWeightOp::verify() {
  BlockShapes shapes(*this);
  QuantScheme scheme(getScheme().getScheme()),
      deviceBlock(getDeviceBlock().getScheme());
  if (failed(shapes.verifyKind()))
    return failure();
  auto weight = shapes.weightShape(getWeight(), scheme, std::nullopt);
  if (failed(weight) ||
      failed(shapes.verifySides(*weight, scheme, getScales(), getZeroPoints(),
                                getGlobalScale())) ||
      failed(verifyDeviceBlock(shapes, deviceBlock, getRows(), getWords())) ||
      failed(shapes.verifyPart("C6", getPart(), weight->front())))
    return failure();
  auto sameNumber = [](FieldAttr a, FieldAttr b) {
    return a.width() == b.width() && a.getType() == b.getType() &&
           a.getCodebook() == b.getCodebook() && a.getBias() == b.getBias() &&
           a.getNanAsZero() == b.getNanAsZero();
  };
  SmallVector<FieldAttr> fields = scheme.fields();
  if (!llvm::equal(fields, deviceBlock.fields(), sameNumber))
    return shapes.expected("C4")
           << "'" << deviceBlock.displayName() << "' to have the fields of '"
           << scheme.displayName() << "', with the same numbers";
  SmallVector<int64_t> taken = *weight;
  if (std::optional<ArrayRef<int64_t>> part = getPart())
    taken.front() = (*part)[1];
  auto shape = interleavedShape(shapes, deviceBlock, taken[taken.size() - 2],
                                taken.back(), getRows());
  if (failed(shape))
    return failure();
  if (taken.size() == 3)
    shape->insert(shape->begin(), taken.front());
  return shapes.verifyExactly("C1", "init", getInit(), *shape,
                              IntegerType::get(getContext(), wordBits));
}

LogicalResult InterleavedMatmulOp::verify() {
  BlockShapes shapes(*this);
  QuantScheme deviceBlock(getDeviceBlock().getScheme());
  if (failed(shapes.verifyKind()) ||
      failed(verifyDeviceBlock(shapes, deviceBlock, getRows(), getWords())) ||
      failed(shapes.verifyActivations("C3", getActivations(),
                                      /*reencoded=*/false,
                                      getActivationGroup())))
    return failure();
  if (getActivationGroup() && (!getActivations().isInteger(8) ||
                               *getActivationGroup() != deviceActivationGroup))
    return shapes.expected("C3")
           << "activation_group to be " << deviceActivationGroup
           << ", and activations i8 where it is given, but got "
           << *getActivationGroup() << " and " << getActivations();
  auto sizeOf = [](Value value, bool isFirst) {
    ArrayRef<int64_t> shape = cast<ShapedType>(value.getType()).getShape();
    return shape.empty() ? int64_t(1) : isFirst ? shape.front() : shape.back();
  };
  SmallVector<int64_t> weight = {sizeOf(getInit(), /*isFirst=*/false),
                                 sizeOf(getX(), /*isFirst=*/false)};
  std::optional<ArrayRef<int64_t>> part = getPart();
  if (getIds())
    weight.insert(weight.begin(), part && part->size() == 3
                                      ? part->back()
                                      : sizeOf(getWeight(), /*isFirst=*/true));
  if (failed(shapes.verifyMatmul(weight, getX(), getIds(), getBias(),
                                 getInit())) ||
      failed(shapes.verifyPart("C6", part, weight.front())))
    return failure();
  SmallVector<int64_t> taken = weight;
  if (part)
    taken.front() = (*part)[1];
  if (llvm::any_of(taken, [](int64_t size) { return size < 1; }))
    return shapes.expected("C1")
           << "no size of the weight to be 0, but got " << getX().getType()
           << " and " << getInit().getType();
  auto shape = interleavedShape(shapes, deviceBlock, taken[taken.size() - 2],
                                taken.back(), getRows());
  if (failed(shape))
    return failure();
  if (getIds())
    shape->insert(shape->begin(), taken.front());
  return shapes.verifyExactly("C2", "weight", getWeight(), *shape,
                              IntegerType::get(getContext(), wordBits));
}

//===----------------------------------------------------------------------===//
// rlx.dispatch
//===----------------------------------------------------------------------===//

LogicalResult DispatchOp::verifySymbolUses(SymbolTableCollection &symbols) {
  // Kernels that were converted already go by other names.
  auto kernel = symbols.lookupNearestSymbolFrom<FunctionOpInterface>(
      *this, getKernelAttr());
  if (!kernel)
    return success();
  unsigned buffers =
      llvm::count_if(kernel.getArgumentTypes(), llvm::IsaPred<MemRefType>);
  unsigned scalars = kernel.getNumArguments() - buffers;
  if (buffers != getBuffers().size() || scalars != getScalars().size())
    return emitOpError() << "(C1) expected " << buffers << " buffers and "
                         << scalars << " scalars for " << getKernel()
                         << ", but got " << getBuffers().size() << " and "
                         << getScalars().size();
  return success();
}
