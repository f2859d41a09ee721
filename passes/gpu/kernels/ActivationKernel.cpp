//===- ActivationKernel.cpp - Activations as bytes ------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Quantizes rows of activations symmetrically, with a scale for each K block of
// K, in the layout that IntegerTileKernel reads: the rows of a K block side by
// side.
//
//===----------------------------------------------------------------------===//

#include "passes/gpu/kernels/IntegerMatmul.h"
#include "passes/gpu/kernels/MatmulKernels.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <limits>

using namespace mlir;
using namespace rlx;

namespace {
constexpr int64_t lanes = 4;

class ActivationKernel {
public:
  ActivationKernel(InterleavedMatmulOp op, KernelModule &kernels,
                   const IntegerMatmul &form);
  DeviceActivations emit(RowRange range);

private:
  Value allocate(ArrayRef<int64_t> shape, Type element);
  SmallVector<Value> load(Value row, Value first);
  Value largest(ArrayRef<Value> numbers);
  void storeCodes(ArrayRef<Value> codes, Value position);
  void emitKBlock(Value row, Value number);

  InterleavedMatmulOp op;
  const IntegerMatmul &form;
  int64_t k, kBlocks;
  KernelBuilder b;
  DeviceActivations results;
  BufferView x;
  Value xQuads, m;
  OpFoldResult hostM;
};
} // namespace

ActivationKernel::ActivationKernel(InterleavedMatmulOp op,
                                   KernelModule &kernels,
                                   const IntegerMatmul &form)
    : op(op), form(form),
      k(cast<MemRefType>(op.getX().getType()).getShape().back()),
      b(op, kernels, "quantize_activations_i8_k" + Twine(k)) {
  DeviceBlockLayout layout = MatmulShape(op).layout;
  kBlocks = layout.blocks() * layout.length() / integerKBlock;
  x = b.view(op.getX(), "x");
  if (x.isContiguous && k % lanes == 0)
    xQuads =
        b.buffer(op.getX(), VectorType::get(lanes, b.getF32Type()), "x_quads");
  hostM = b.hostSize(op.getX(), 0);
  m = b.scalar(hostM, "m");
}

/// A buffer of the host's; kDynamic is the number of rows.
Value ActivationKernel::allocate(ArrayRef<int64_t> shape, Type element) {
  OpBuilder host(op);
  SmallVector<int64_t> sizes(shape);
  SmallVector<Value> dynamic;
  for (int64_t &size : sizes)
    if (ShapedType::isDynamic(size)) {
      if (std::optional<int64_t> rows = getConstantIntValue(hostM))
        size = *rows;
      else
        dynamic.push_back(cast<Value>(hostM));
    }
  return memref::AllocOp::create(host, op.getLoc(),
                                 MemRefType::get(sizes, element), dynamic);
}

/// The K block of row `row` from element `first` on; what lies beyond K is 0.
SmallVector<Value> ActivationKernel::load(Value row, Value first) {
  bool isGuarded = kBlocks * integerKBlock > k;
  SmallVector<Value> numbers;
  for (int64_t i = 0; i < integerKBlock; i += xQuads ? lanes : 1) {
    Value position = b.add(first, i), isInside;
    if (isGuarded) {
      isInside = b.less(position, b.index(k));
      // The last quad, or element, is read instead.
      position = b.min(position, b.index(k - (xQuads ? lanes : 1)));
    }
    SmallVector<Value> loaded;
    if (xQuads) {
      Value quad = b.loadAt(xQuads, b.div(b.at(x, {row, position}), lanes));
      for (int64_t lane = 0; lane < lanes; ++lane)
        loaded.push_back(vector::ExtractOp::create(b, quad, lane));
    } else {
      loaded.push_back(b.load(x, {row, position}));
    }
    for (Value number : loaded)
      numbers.push_back(isGuarded ? b.choose(isInside, number, b.f32(0))
                                  : number);
  }
  return numbers;
}

/// The bits of the largest magnitude. Magnitudes compare as the integers of
/// their bits do, infinities and NaNs being the largest, so that these are not
/// lost.
Value ActivationKernel::largest(ArrayRef<Value> numbers) {
  constexpr int64_t magnitude = 0x7fffffff;
  Value most;
  for (Value number : numbers) {
    Value bits = arith::BitcastOp::create(b, b.getI32Type(), number);
    bits = arith::AndIOp::create(b, bits, b.i32(magnitude));
    most = most ? Value(arith::MaxSIOp::create(b, most, bits)) : bits;
  }
  return most;
}

/// Codes four to a word, four words at once; `position` counts K blocks.
void ActivationKernel::storeCodes(ArrayRef<Value> codes, Value position) {
  constexpr int64_t byteBits = 8, quads = integerKBlock / lanes / lanes;
  auto type = VectorType::get(lanes, b.getI32Type());
  Value buffer = b.buffer(results.codes, type, "codes");
  for (int64_t quad = 0; quad < quads; ++quad) {
    SmallVector<Value> words;
    for (int64_t word = 0; word < lanes; ++word) {
      Value merged;
      for (int64_t i = 0; i < lanes; ++i) {
        Value byte = codes[(quad * lanes + word) * lanes + i];
        if (i < lanes - 1)
          byte = arith::AndIOp::create(b, byte, b.i32(0xff));
        if (i)
          byte = arith::ShLIOp::create(b, byte, b.i32(i * byteBits));
        merged = merged ? Value(arith::OrIOp::create(b, merged, byte)) : byte;
      }
      words.push_back(merged);
    }
    b.storeAt(vector::FromElementsOp::create(b, type, words), buffer,
              b.add(b.mul(position, quads), quad));
  }
}

void ActivationKernel::emitKBlock(Value row, Value number) {
  constexpr double largestCode = 127, smallestNormal = 0x1p-126;
  SmallVector<Value> numbers = load(row, b.mul(number, integerKBlock));
  constexpr int64_t infinityBits = 0x7f800000;
  Value mostBits = largest(numbers);
  Value isFinite = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, mostBits,
                                         b.i32(infinityBits));
  Value most = arith::BitcastOp::create(b, b.getF32Type(), mostBits);
  Value scale = arith::MulFOp::create(b, most, b.f32(1 / largestCode));
  // Smaller scales have no inverse, and devices may take them for 0.
  Value isSmall = arith::CmpFOp::create(b, arith::CmpFPredicate::OLT, scale,
                                        b.f32(smallestNormal));
  scale = b.choose(isSmall, b.f32(smallestNormal), scale);
  Value inverse = arith::DivFOp::create(b, b.f32(1), scale);
  // All that a K block with a NaN or an infinity gives is NaN.
  scale =
      b.choose(isFinite, scale, b.f32(std::numeric_limits<float>::quiet_NaN()));
  SmallVector<Value> codes;
  for (Value x : numbers) {
    Value scaled = arith::MulFOp::create(b, x, inverse);
    scaled = b.choose(isFinite, scaled, b.f32(0));
    codes.push_back(arith::FPToSIOp::create(
        b, b.getI32Type(), math::RoundEvenOp::create(b, scaled)));
  }
  Value position = b.add(b.mul(number, m), row);
  storeCodes(codes, position);
  b.storeAt(scale, b.buffer(results.scales, b.getF32Type(), "scales"),
            position);
  if (!results.sums)
    return;
  const int64_t groups = integerKBlock / form.group;
  for (int64_t g = 0; g < groups; ++g) {
    Value sum = codes[g * form.group];
    for (int64_t i = 1; i < form.group; ++i)
      sum = arith::AddIOp::create(b, sum, codes[g * form.group + i]);
    sum = arith::SIToFPOp::create(b, b.getF32Type(), sum);
    sum = arith::MulFOp::create(b, sum, scale);
    Value at = b.add(b.mul(b.add(b.mul(number, groups), g), m), row);
    b.storeAt(sum, b.buffer(results.sums, b.getF32Type(), "sums"), at);
  }
}

DeviceActivations ActivationKernel::emit(RowRange range) {
  constexpr int64_t any = ShapedType::kDynamic, across = 8, down = 8;
  results.codes =
      allocate({kBlocks, any, integerKBlock / lanes}, b.getI32Type());
  results.scales = allocate({kBlocks, any}, b.getF32Type());
  if (form.hasOffset)
    results.sums =
        allocate({kBlocks * integerKBlock / form.group, any}, b.getF32Type());
  Value thread = b.threadId(gpu::Dimension::x);
  Value number =
      b.add(b.mul(b.groupId(gpu::Dimension::x), across), b.rem(thread, across));
  Value row =
      b.add(b.mul(b.groupId(gpu::Dimension::y), down), b.div(thread, across));
  auto choice = scf::IfOp::create(
      b, b.both(b.less(row, m), b.less(number, b.index(kBlocks))),
      /*withElse=*/false);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(choice.thenBlock());
    emitKBlock(row, number);
  }
  OpFoldResult width = b.getIndexAttr(llvm::divideCeil(kBlocks, across));
  b.finish(
      range.restrict(b, hostM,
                     {width, b.hostCeilDiv(hostM, down), b.getIndexAttr(1)}),
      across * down);
  return results;
}

DeviceActivations rlx::emitActivationKernel(InterleavedMatmulOp op,
                                            KernelModule &kernels,
                                            const IntegerMatmul &form,
                                            RowRange range) {
  return ActivationKernel(op, kernels, form).emit(range);
}
