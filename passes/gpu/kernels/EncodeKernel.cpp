//===- EncodeKernel.cpp - Rows of short floats into a cache ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Of rlx.block_quantize, devices run what writes floats of whole bytes and
// nothing else: each byte is a part of one of them.
//
//===----------------------------------------------------------------------===//

#include "ir/Scheme.h"
#include "passes/gpu/kernels/ElementAccess.h"
#include "passes/gpu/kernels/LinalgKernels.h"
#include "passes/gpu/layout/DeviceBlockLayout.h"

using namespace mlir;
using namespace rlx;

/// Whether a scheme's blocks are single floats, stored as they are.
static bool isPlainFloat(QuantScheme scheme) {
  FieldAttr code = scheme.attr().getCode();
  Type type = code.getType();
  return scheme.fields().size() == 1 && scheme.block() == 1 &&
         !scheme.attr().getRounded() &&
         (type.isF16() || type.isBF16() || type.isF32()) &&
         code.getPlanes().size() == 1 && code.getBias() == 0 &&
         scheme.blockBytes() * 8 == type.getIntOrFloatBitWidth();
}

LogicalResult rlx::emitEncodeKernel(BlockQuantizeOp op, KernelModule &kernels) {
  QuantScheme scheme(op.getScheme().getScheme());
  if (!isPlainFloat(scheme))
    return op->emitOpError()
           << "cannot run on a device for '" << scheme.displayName()
           << "', expected a scheme of floats without scales, as f16 and bf16 "
              "are; run the program on the CPU";
  auto element = cast<FloatType>(scheme.attr().getCode().getType());
  KernelBuilder b(op, kernels, "encode_" + scheme.displayName());
  FailureOr<ElementAccess> from =
      ElementAccess::create(op, b, op.getX(), "from");
  FailureOr<ElementAccess> to =
      ElementAccess::create(op, b, op.getInit(), "to");
  if (failed(from) || failed(to))
    return failure();
  int64_t bytes = scheme.blockBytes();
  constexpr int64_t byteBits = 8, workgroup = 64;
  Type byte = b.getIntegerType(byteBits);
  OpFoldResult count = b.hostElements(op.getInit());
  b.forEach(count, workgroup, [&](Value point) {
    SmallVector<Value> indices = b.delinearize(point, op.getInit());
    SmallVector<Value> source = indices;
    source.back() = b.div(source.back(), bytes);
    Value bits = floatBits(b, element, from->load(b, source));
    Value part = b.toI32(b.mul(b.rem(indices.back(), bytes), byteBits));
    // As a signed byte, which is how those are computed with.
    Value left = arith::SubIOp::create(b, b.i32(wordBits - byteBits), part);
    Value value = arith::ShRSIOp::create(
        b, arith::ShLIOp::create(b, bits, left), b.i32(wordBits - byteBits));
    if (computedType(byte, b.target()) == byte)
      value = arith::TruncIOp::create(b, byte, value);
    to->store(b, value, indices);
  });
  return success();
}
