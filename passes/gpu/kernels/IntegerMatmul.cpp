//===- IntegerMatmul.cpp - Matmuls on bytes for devices -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/gpu/kernels/IntegerMatmul.h"

#include "mlir/Dialect/SPIRV/IR/SPIRVOps.h"

#include <numeric>

using namespace mlir;
using namespace rlx;

/// `byte` in each byte of an i32.
static int64_t fourTimes(int64_t byte) { return (byte & 0xff) * 0x01010101; }

std::optional<IntegerMatmul>
IntegerMatmul::create(const DeviceBlockLayout &layout, GpuAttr target,
                      Type activations, bool hasIds, std::string &reason) {
  if (!activations.isInteger(8)) {
    reason = "there are no kernels for this type";
    return std::nullopt;
  }
  if (!target.getIntegerDot()) {
    reason = "it has no integer dot product";
    return std::nullopt;
  }
  if (target.getVectorWidth() > 1) {
    reason = "its work-items compute vectors of f32";
    return std::nullopt;
  }
  if (hasIds) {
    reason = "'rlx.gather_matmul' multiplies single rows";
    return std::nullopt;
  }
  SchemeAttr scheme = layout.blockScheme().attr();
  if (scheme.getRounded()) {
    reason = "values are rounded";
    return std::nullopt;
  }
  IntegerMatmul matmul;
  std::optional<IntegerCodes> codes =
      IntegerCodes::of(scheme.getCode(), reason);
  if (!codes)
    return std::nullopt;
  matmul.codes = std::move(*codes);
  matmul.group = integerKBlock;
  SmallVector<FieldAttr> fields = layout.blockScheme().fields();
  for (FieldAttr field : llvm::drop_begin(fields))
    matmul.group = std::gcd(matmul.group, layout.planes(field).front().group);
  constexpr int64_t shortestGroup = 16, mostOfByte = 127;
  if (matmul.group < shortestGroup) {
    reason = "scales change within " + std::to_string(shortestGroup) +
             " elements of K";
    return std::nullopt;
  }
  // Bytes are the numbers themselves where these fit.
  int64_t bias = matmul.codes.bias;
  bool fits = bias >= 0 && bias <= mostOfByte + 1 &&
              matmul.codes.below - 1 - bias <= mostOfByte;
  matmul.shift = fits ? bias : mostOfByte + 1;
  matmul.rest = matmul.shift - bias;
  matmul.hasOffset =
      matmul.rest != 0 || scheme.getZero() || !scheme.getOffset().empty();
  return matmul;
}

Value IntegerMatmul::emitTable(KernelBuilder &b, int64_t workgroup) const {
  if (codes.table.empty())
    return Value();
  SmallVector<int32_t> entries;
  for (int64_t code : codes.table)
    entries.push_back((int64_t(uint8_t(code)) - shift) & 0xff);
  return rlx::emitTable(
      b,
      DenseElementsAttr::get(
          RankedTensorType::get(entries.size(), b.getI32Type()),
          ArrayRef<int32_t>(entries)),
      workgroup);
}

Value IntegerMatmul::signedBytes(KernelBuilder &b, Value bytes,
                                 Value table) const {
  constexpr int64_t byteBits = 8, signBit = 128;
  if (table) {
    Value result;
    for (int64_t i = 0; i < 4; ++i) {
      Value code = bytes;
      if (i)
        code = arith::ShRUIOp::create(b, code, b.i32(i * byteBits));
      // Above the highest byte there is nothing.
      if (i < 3)
        code = arith::AndIOp::create(b, code, b.i32(0xff));
      Value byte = b.loadAt(table, b.toIndex(code));
      if (i)
        byte = arith::ShLIOp::create(b, byte, b.i32(i * byteBits));
      result = result ? Value(arith::OrIOp::create(b, result, byte)) : byte;
    }
    return result;
  }
  // Of codes of 8 bits, 128 is subtracted by their highest bit.
  int64_t flip = codes.flip;
  bool isWide = codes.width == byteBits;
  if (isWide)
    flip ^= shift;
  if (flip)
    bytes = arith::XOrIOp::create(b, bytes, b.i32(fourTimes(flip)));
  if (isWide || shift == 0)
    return bytes;
  // The highest bit, which codes leave free, keeps the bytes apart.
  Value sign = b.i32(fourTimes(signBit));
  bytes = arith::OrIOp::create(b, bytes, sign);
  bytes = arith::SubIOp::create(b, bytes, b.i32(fourTimes(shift)));
  return arith::XOrIOp::create(b, bytes, sign);
}

Value IntegerMatmul::scale(KernelBuilder &b, DeviceBlockReader &reader,
                           int64_t element) const {
  Value scale = reader.scale(element);
  if (codes.unit == 1)
    return scale ? scale : b.f32(1);
  Value unit = b.f32(codes.unit);
  return scale ? Value(arith::MulFOp::create(b, scale, unit)) : unit;
}

Value IntegerMatmul::offset(KernelBuilder &b, DeviceBlockReader &reader,
                            int64_t element) const {
  Value shifted;
  if (rest)
    shifted = b.f32(double(rest) * codes.unit);
  if (Value zero = reader.zero(element))
    shifted = shifted ? Value(arith::SubFOp::create(b, shifted, zero))
                      : Value(arith::NegFOp::create(b, zero));
  Value scale = reader.scale(element), offset = reader.offset(element);
  if (shifted && scale)
    shifted = arith::MulFOp::create(b, shifted, scale);
  if (shifted && offset)
    return arith::AddFOp::create(b, shifted, offset);
  return shifted ? shifted : offset;
}

Value rlx::emitByteDot(KernelBuilder &b, Value x, Value y) {
  auto packed = spirv::PackedVectorFormatAttr::get(
      b.getContext(), spirv::PackedVectorFormat::PackedVectorFormat4x8Bit);
  return spirv::SDotOp::create(b, b.getI32Type(), x, y, packed);
}
