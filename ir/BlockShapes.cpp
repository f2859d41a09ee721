//===- BlockShapes.cpp - Operands of operations on stored bytes -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ir/BlockShapes.h"

#include "ir/ActivationGroup.h"
#include "ir/ActivationType.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace rlx;

/// Dynamic sizes agree with anything.
bool rlx::mayBeEqualSizes(int64_t a, int64_t b) {
  return a == b || ShapedType::isDynamic(a) || ShapedType::isDynamic(b);
}

InFlightDiagnostic BlockShapes::expected(StringRef label) const {
  InFlightDiagnostic diagnostic = op->emitOpError();
  diagnostic << "(" << label << ") expected ";
  return diagnostic;
}

Type BlockShapes::typeLike(Value like, ArrayRef<int64_t> shape,
                           Type element) const {
  if (isa<MemRefType>(like.getType()))
    return MemRefType::get(shape, element);
  return RankedTensorType::get(shape, element);
}

LogicalResult BlockShapes::verifyKind() const {
  std::optional<bool> areBuffers;
  for (Value value : op->getOperands()) {
    bool isBuffer = isa<MemRefType>(value.getType());
    if (areBuffers.value_or(isBuffer) != isBuffer)
      return expected("C1")
             << "all operands to be tensors, or all to be memrefs, "
                "but got "
             << op->getOperand(0).getType() << " beside " << value.getType();
    areBuffers = isBuffer;
    auto tensor = dyn_cast<RankedTensorType>(value.getType());
    if (tensor && tensor.getEncoding())
      return expected("C1") << "operands without encodings, but got " << tensor;
    auto buffer = dyn_cast<MemRefType>(value.getType());
    if (buffer && !buffer.isStrided())
      return expected("C1") << "buffers with strides, but got " << buffer;
  }
  return success();
}

LogicalResult BlockShapes::verify(StringRef label, StringRef what, Value value,
                                  ArrayRef<int64_t> shape, Type element) const {
  auto type = cast<ShapedType>(value.getType());
  bool matches = type.getRank() == int64_t(shape.size()) &&
                 type.getElementType() == element &&
                 llvm::all_of_zip(type.getShape(), shape, mayBeEqualSizes);
  if (matches)
    return success();
  return expected(label) << "'" << what << "' to be "
                         << typeLike(value, shape, element) << ", but got "
                         << type;
}

LogicalResult BlockShapes::verifyExactly(StringRef label, StringRef what,
                                         Value value, ArrayRef<int64_t> shape,
                                         Type element) const {
  auto type = cast<ShapedType>(value.getType());
  if (type.getElementType() == element && type.getShape() == shape)
    return success();
  return expected(label) << "'" << what << "' to be "
                         << typeLike(value, shape, element) << ", but got "
                         << type;
}

LogicalResult BlockShapes::verifyBytes(StringRef label, StringRef what,
                                       Value value) const {
  auto type = cast<ShapedType>(value.getType());
  if (type.getElementType().isSignlessInteger(8))
    return success();
  return expected(label) << "'" << what << "' to be of i8, but got " << type;
}

LogicalResult BlockShapes::verifyPacked(StringRef label, StringRef what,
                                        Value value,
                                        ArrayRef<int64_t> experts) const {
  SmallVector<int64_t> shape(experts);
  shape.push_back(ShapedType::kDynamic);
  if (failed(verify(label, what, value, shape,
                    IntegerType::get(op->getContext(), 8))))
    return failure();
  auto type = cast<ShapedType>(value.getType());
  if (type.hasStaticShape())
    return success();
  return expected(label) << "'" << what << "' to have a static shape, but got "
                         << type;
}

LogicalResult BlockShapes::verifyLayout(StringRef label, StringRef what,
                                        Value value, PackedAttr layout,
                                        int64_t n, int64_t k) const {
  if (k % layout.getKBlock() != 0)
    return expected(label) << "K to be a multiple of the K block, "
                           << layout.getKBlock() << ", but got " << k;
  int64_t bytes = cast<ShapedType>(value.getType()).getShape().back();
  std::optional<int64_t> needed = layout.bytes(n, k);
  if (needed == bytes)
    return success();
  InFlightDiagnostic error = expected(label)
                             << "'" << what << "' of " << n << " x " << k
                             << " elements to have ";
  return needed ? error << *needed << " bytes, but got " << bytes
                : error << "at most 2^63 bytes";
}

LogicalResult BlockShapes::verifyStatic(StringRef label, StringRef what,
                                        Value value, int64_t dimension) const {
  auto type = cast<ShapedType>(value.getType());
  if (!type.isDynamicDim(dimension))
    return success();
  return expected(label) << what << " to be static, but got " << type;
}

/// Whether `scheme` says of plain numbers of `type` that they are as they are.
static bool describesPlain(QuantScheme scheme, Type type) {
  return isa<FloatType>(type) && scheme.block() == 1 &&
         scheme.fields().size() == 1 &&
         scheme.attr().getCode().getType() == type &&
         scheme.blockBytes() * 8 == type.getIntOrFloatBitWidth();
}

FailureOr<SmallVector<int64_t>>
BlockShapes::storedShape(Value bytes, QuantScheme scheme,
                         std::optional<bool> isStacked,
                         bool mayBeDynamic) const {
  auto type = cast<ShapedType>(bytes.getType());
  int64_t rank = type.getRank();
  bool fits = isStacked ? rank == (*isStacked ? 3 : 2) : rank == 2 || rank == 3;
  bool isKnown = mayBeDynamic ? rank > 0 && !type.isDynamicDim(rank - 1)
                              : type.hasStaticShape();
  if (!fits || !isKnown) {
    expected("C2") << "the weight to have a static shape, "
                   << (!isStacked   ? "[N, bytes] or [E, N, bytes]"
                       : *isStacked ? "[E, N, bytes]"
                                    : "[N, bytes]")
                   << ", but got " << type;
    return failure();
  }
  SmallVector<int64_t> shape(type.getShape());
  Type element = type.getElementType();
  if (describesPlain(scheme, element))
    return shape;
  if (!element.isSignlessInteger(8)) {
    expected("C2") << "the bytes that '" << scheme.displayName()
                   << "' stores, of i8, but got " << type;
    return failure();
  }
  int64_t rowBytes = shape.back(), all = 1;
  if (rowBytes % scheme.blockBytes() != 0) {
    expected("C2") << "rows of whole blocks of " << scheme.blockBytes()
                   << " bytes of '" << scheme.displayName() << "', but got "
                   << type;
    return failure();
  }
  if (llvm::MulOverflow(rowBytes / scheme.blockBytes(), scheme.block(),
                        shape.back())) {
    expected("C2") << "K to fit 64 bits, but got " << type;
    return failure();
  }
  for (int64_t size : shape)
    if (!ShapedType::isDynamic(size) &&
        (size < 1 || llvm::MulOverflow(all, size, all))) {
      expected("C2") << "a weight of at least one element, the number of which "
                        "fits 64 bits, but got "
                     << type;
      return failure();
    }
  return shape;
}

LogicalResult BlockShapes::verifySides(ArrayRef<int64_t> weightShape,
                                       QuantScheme scheme, Value scales,
                                       Value zeroPoints,
                                       Value globalScale) const {
  std::pair<StringRef, Value> given[] = {{"scales", scales},
                                         {"zero_points", zeroPoints},
                                         {"global_scale", globalScale}};
  for (auto [name, value] : given) {
    std::optional<SideOperand> side = scheme.findSide(name);
    if (!side && value)
      return op->emitOpError() << "(C3) scheme '" << scheme.displayName()
                               << "' does not take '" << name << "'";
    if (!side)
      continue;
    SmallVector<int64_t> shape = side->shape(weightShape);
    if (!value)
      return op->emitOpError()
             << "(C3) scheme '" << scheme.displayName() << "' needs '" << name
             << "' of type "
             << typeLike(op->getOperand(0), shape, side->elementType);
    // The scheme says what sign an integer without one has.
    Type element = side->elementType;
    Type given = cast<ShapedType>(value.getType()).getElementType();
    if (auto integer = dyn_cast<IntegerType>(element);
        integer && given.isSignlessInteger(integer.getWidth()))
      element = given;
    if (failed(verifyExactly("C3", name, value, shape, element)))
      return failure();
  }
  return success();
}

LogicalResult BlockShapes::verifyMatmul(ArrayRef<int64_t> weightShape, Value x,
                                        Value ids, Value bias,
                                        Value init) const {
  constexpr int64_t any = ShapedType::kDynamic;
  Type f32 = Float32Type::get(op->getContext());
  auto xType = cast<ShapedType>(x.getType());
  auto initType = cast<ShapedType>(init.getType());
  int64_t n = weightShape[weightShape.size() - 2], k = weightShape.back();
  SmallVector<int64_t> xShape, yShape, biasShape = {n};
  if (ids) {
    auto idsType = cast<ShapedType>(ids.getType());
    if (failed(verify("C1", "ids", ids, {any, any},
                      IntegerType::get(op->getContext(), 32))))
      return failure();
    int64_t tokens = idsType.getDimSize(0), slots = idsType.getDimSize(1);
    xShape = {tokens, k};
    if (xType.getRank() == 3)
      xShape = {tokens, slots, k};
    yShape = {tokens, slots, n};
    biasShape = {weightShape.front(), n};
  } else {
    xShape = {xType.getRank() == 2 ? xType.getDimSize(0) : any, k};
    yShape = {xShape.front(), n};
  }
  if (failed(verify("C1", "x", x, xShape, f32)) ||
      failed(verify("C1", "init", init, yShape, f32)))
    return failure();
  if (failed(verifyStatic("C1", "K of 'x'", x, xType.getRank() - 1)) ||
      failed(verifyStatic("C1", "N of 'init'", init, initType.getRank() - 1)))
    return failure();
  if (!bias)
    return success();
  if (failed(verify("C4", "bias", bias, biasShape, f32)))
    return failure();
  return verifyStatic("C4", "N of 'bias'", bias, biasShape.size() - 1);
}

LogicalResult BlockShapes::verifyPart(StringRef label,
                                      std::optional<ArrayRef<int64_t>> part,
                                      int64_t total) const {
  if (!part)
    return success();
  bool fits = part->size() == 3 && (*part)[0] >= 0 && (*part)[1] >= 1 &&
              (*part)[2] == total && (*part)[1] <= total &&
              (*part)[0] <= total - (*part)[1];
  if (fits)
    return success();
  InFlightDiagnostic diagnostic = expected(label);
  diagnostic << "part to be [first, count, " << total
             << "] and to lie within these, but got [";
  llvm::interleaveComma(*part, diagnostic);
  return diagnostic << "]";
}

LogicalResult BlockShapes::verifyCount(StringRef label, StringRef what,
                                       int64_t count) const {
  // What registers of vectors and subgroups reach.
  constexpr int64_t most = 256;
  if (count >= 1 && count <= most && llvm::isPowerOf2_64(count))
    return success();
  return expected(label) << what << " to be a power of two of at most " << most
                         << ", but got " << count;
}

LogicalResult
BlockShapes::verifyActivations(StringRef label, Type activations,
                               bool reencoded,
                               std::optional<int64_t> group) const {
  const ActivationType *type = activationTypeOf(activations);
  if (!type)
    return expected(label) << "activations to be " << activationTypeNames()
                           << ", but got " << activations;
  if (reencoded && !type->mayReencode)
    return expected(label) << "activations to be "
                           << reencodingActivationNames()
                           << " where weights are reencoded, but got "
                           << activations;
  if (group && !type->isInteger)
    return expected(label) << "activations to be " << integerActivationNames()
                           << " where activation_group is given, but got "
                           << activations;
  if (group && !isActivationGroup(*group))
    return expected(label)
           << "activation_group to be 32, 64, 128 or 256, but got " << *group;
  return success();
}
