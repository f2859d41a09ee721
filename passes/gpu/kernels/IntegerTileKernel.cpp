//===- IntegerTileKernel.cpp - Many rows of activations, as bytes ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// TileKernel with products of bytes. Both sides lie in memory of the workgroup
// as bytes, four of K to a word, weights decoded once for all rows. Integers
// add up what a group of K gives, which its scales then bring into f32 sums.
//
//===----------------------------------------------------------------------===//

#include "passes/gpu/kernels/IntegerMatmul.h"
#include "passes/gpu/kernels/RegisterTile.h"
#include "passes/gpu/kernels/TileSteps.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <numeric>

using namespace mlir;
using namespace rlx;

namespace {

/// Elements of K between two barriers.
int64_t depthOf(const DeviceBlockLayout &layout) {
  constexpr int64_t deepest = 2 * integerKBlock;
  return std::gcd(deepest, layout.length());
}

class IntegerTileKernel {
public:
  IntegerTileKernel(InterleavedMatmulOp op, KernelModule &kernels,
                    const IntegerMatmul &form, const DeviceActivations &x);
  void emit(RowRange range);

private:
  RegisterTile tileFor(GpuAttr target) const;
  /// Bytes of workgroup memory that `tile` takes.
  int64_t memoryOf(const RegisterTile &tile, int64_t buffers) const;
  void loadWeights(Value k0);
  void loadActivations(Value k0);
  void loadNumbers(Value source, const StepMemory &target, Value first,
                   int64_t count);
  SmallVector<Value> multiplyGroup(Value step, Value group);
  SmallVector<Value> multiply(Value step, ValueRange sums);
  SmallVector<Value> line(const StepMemory &memory, Value step, Value line,
                          int64_t width, Value first, int64_t count,
                          int64_t apart);
  SmallVector<Value> ofColumns(const StepMemory &memory, Value step,
                               Value line) {
    return this->line(memory, step, line, tile.width(), tile.column,
                      tile.columns, tile.columnItems);
  }
  SmallVector<Value> ofRows(const StepMemory &memory, Value step, Value line) {
    return this->line(memory, step, line, tile.height(), tile.row, tile.rows,
                      tile.rowItems);
  }

  InterleavedMatmulOp op;
  const IntegerMatmul &form;
  MatmulShape shape;
  int64_t depth;
  RegisterTile tile;
  KernelBuilder b;
  Codebooks books;
  DeviceBlockReader reader;
  TileSteps steps;
  Value xCodes, xScales, xSums; ///< Buffers.
  /// A line for each word, K block or group of K, a column for each column or
  /// row of the result.
  StepMemory weights, scales, offsets, activations, factors, sums;
  Value table, m;
  OpFoldResult hostM;
};
} // namespace

RegisterTile IntegerTileKernel::tileFor(GpuAttr target) const {
  RegisterTile large(target, /*isLarge=*/true);
  return {target, RegisterTile::canBeLarge(op, target, memoryOf(large, 1))};
}

int64_t IntegerTileKernel::memoryOf(const RegisterTile &tile,
                                    int64_t buffers) const {
  // Words of both sides, and up to four numbers for each group.
  constexpr int64_t ofGroup = 2 * sizeof(float);
  return buffers * (tile.width() + tile.height()) *
             (depth + depth / form.group * ofGroup) +
         Codebooks::bytes(shape.layout.blockScheme()) + form.tableBytes();
}

IntegerTileKernel::IntegerTileKernel(InterleavedMatmulOp op,
                                     KernelModule &kernels,
                                     const IntegerMatmul &form,
                                     const DeviceActivations &x)
    : op(op), form(form), shape(op), depth(depthOf(shape.layout)),
      tile(tileFor(kernels.target)),
      b(op, kernels,
        "matmul_i8_" +
            shape.layout.blockScheme().displayName().split(".device").first +
            "_n" + Twine(shape.n) + "_k" + Twine(shape.k)),
      books(b, shape.layout.blockScheme(), /*hasVectors=*/false,
            tile.workgroup()),
      reader(b, shape.layout, shape.how, op.getWeight(), books),
      steps(b,
            memoryOf(tile, 2) <= kernels.target.getWorkgroupMemory() ? 2 : 1) {
  Type f32 = b.getF32Type(), i32 = b.getI32Type();
  xCodes = b.buffer(x.codes, VectorType::get(wordsOfQuad, i32), "x_codes");
  xScales = b.buffer(x.scales, f32, "x_scales");
  hostM = b.hostSize(op.getX(), 0);
  m = b.scalar(hostM, "m");
  const int64_t words = depth / bytesOfWord, groups = depth / form.group;
  weights = steps.allocate(words * tile.width(), i32);
  scales = steps.allocate(groups * tile.width(), f32);
  activations = steps.allocate(words * tile.height(), i32);
  factors = steps.allocate(depth / integerKBlock * tile.height(), f32);
  if (form.hasOffset) {
    xSums = b.buffer(x.sums, f32, "x_sums");
    offsets = steps.allocate(groups * tile.width(), f32);
    sums = steps.allocate(groups * tile.height(), f32);
  }
  table = form.emitTable(b, tile.workgroup());
  if (table)
    b.barrier();
}

/// Decodes K blocks of columns.
void IntegerTileKernel::loadWeights(Value k0) {
  const int64_t width = tile.width(), words = integerKBlock / bytesOfWord,
                groups = integerKBlock / form.group;
  auto body = [&](Value item, Value isThere) {
    Value n = b.rem(item, width), part = b.div(item, width);
    Value k = b.add(k0, b.mul(part, integerKBlock));
    tile.readColumn(b, reader, shape, n, k, integerKBlock);
    Value first = b.add(b.mul(part, words * width), n);
    for (int64_t word = 0; word < words; ++word) {
      Value bytes = reader.codeBytes(word * bytesOfWord);
      steps.stage(form.signedBytes(b, bytes, table), weights,
                  b.add(first, word * width), isThere);
    }
    first = b.add(b.mul(part, groups * width), n);
    for (int64_t g = 0; g < groups; ++g) {
      Value at = b.add(first, g * width);
      steps.stage(form.scale(b, reader, g * form.group), scales, at, isThere);
      if (form.hasOffset)
        steps.stage(form.offset(b, reader, g * form.group), offsets, at,
                    isThere);
    }
  };
  forItems(b, tile.thread, width * depth / integerKBlock, tile.workgroup(),
           body);
}

/// `count` lines of numbers of the tile's rows, from line `first` on.
void IntegerTileKernel::loadNumbers(Value source, const StepMemory &target,
                                    Value first, int64_t count) {
  const int64_t height = tile.height();
  auto body = [&](Value item, Value isThere) {
    Value row = b.add(tile.m0, b.rem(item, height));
    // Rows beyond the last one repeat it, and are not stored.
    row = b.min(row, b.sub(m, b.index(1)));
    Value line = b.add(first, b.div(item, height));
    steps.stage(b.loadAt(source, b.add(b.mul(line, m), row)), target, item,
                isThere);
  };
  forItems(b, tile.thread, height * count, tile.workgroup(), body);
}

void IntegerTileKernel::loadActivations(Value k0) {
  const int64_t height = tile.height(), quadBytes = bytesOfWord * wordsOfQuad,
                quads = integerKBlock / quadBytes;
  Value firstKBlock = b.div(k0, integerKBlock);
  auto body = [&](Value item, Value isThere) {
    Value r = b.rem(item, height), part = b.div(item, height);
    Value row = b.min(b.add(tile.m0, r), b.sub(m, b.index(1)));
    Value line = b.add(firstKBlock, b.div(part, quads));
    Value position = b.mul(b.add(b.mul(line, m), row), quads);
    Value quad = b.loadAt(xCodes, b.add(position, b.rem(part, quads)));
    Value first = b.add(b.mul(part, wordsOfQuad * height), r);
    for (int64_t i = 0; i < wordsOfQuad; ++i)
      steps.stage(vector::ExtractOp::create(b, quad, i), activations,
                  b.add(first, i * height), isThere);
  };
  forItems(b, tile.thread, height * depth / quadBytes, tile.workgroup(), body);
  loadNumbers(xScales, factors, firstKBlock, depth / integerKBlock);
  if (xSums)
    loadNumbers(xSums, sums, b.div(k0, form.group), depth / form.group);
}

/// `count` elements of a line of `width`, `apart` from each other.
SmallVector<Value> IntegerTileKernel::line(const StepMemory &memory, Value step,
                                           Value line, int64_t width,
                                           Value first, int64_t count,
                                           int64_t apart) {
  Value begin =
      b.add(steps.first(memory, step), b.add(b.mul(line, width), first));
  SmallVector<Value> loaded;
  for (int64_t i = 0; i < count; ++i)
    loaded.push_back(b.loadAt(memory.memory, b.add(begin, i * apart)));
  return loaded;
}

/// The sums of products of a group, as i32.
SmallVector<Value> IntegerTileKernel::multiplyGroup(Value step, Value group) {
  const int64_t words = form.group / bytesOfWord, columns = tile.columns;
  SmallVector<Value> initial(tile.rows * columns, b.i32(0));
  Value first = b.mul(group, words);
  return b.loop(b.index(0), b.index(words), 1, initial,
                [&](Value word, ValueRange carried) {
                  SmallVector<Value> next(carried);
                  Value line = b.add(first, word);
                  SmallVector<Value> w = ofColumns(weights, step, line),
                                     a = ofRows(activations, step, line);
                  for (int64_t i = 0; i < tile.rows; ++i)
                    for (int64_t j = 0; j < columns; ++j) {
                      Value &sum = next[i * columns + j];
                      sum = arith::AddIOp::create(b, sum,
                                                  emitByteDot(b, a[i], w[j]));
                    }
                  return next;
                });
}

SmallVector<Value> IntegerTileKernel::multiply(Value step, ValueRange carried) {
  auto addGroup = [&](Value group, ValueRange totals) {
    SmallVector<Value> products = multiplyGroup(step, group), next(totals);
    Value ofKBlock = b.div(group, integerKBlock / form.group);
    SmallVector<Value> w = ofColumns(scales, step, group),
                       a = ofRows(factors, step, ofKBlock), offset, sum;
    if (form.hasOffset) {
      offset = ofColumns(offsets, step, group);
      sum = ofRows(sums, step, group);
    }
    for (int64_t i = 0; i < tile.rows; ++i)
      for (int64_t j = 0; j < tile.columns; ++j) {
        Value &total = next[i * tile.columns + j];
        Value product = arith::SIToFPOp::create(b, b.getF32Type(),
                                                products[i * tile.columns + j]);
        Value scale = arith::MulFOp::create(b, a[i], w[j]);
        total = b.multiplyAdd(product, scale, total);
        if (form.hasOffset)
          total = b.multiplyAdd(sum[i], offset[j], total);
      }
    return next;
  };
  return b.loop(b.index(0), b.index(depth / form.group), 1, carried, addGroup);
}

void IntegerTileKernel::emit(RowRange range) {
  tile.locate(b);
  SmallVector<Value> initial(tile.rows * tile.columns, b.f32(0));
  auto load = [&](Value step) {
    Value k0 = b.mul(step, depth);
    loadWeights(k0);
    loadActivations(k0);
  };
  SmallVector<Value> totals = steps.emit(
      llvm::divideCeil(shape.k, depth), initial, load,
      [&](Value step, ValueRange carried) { return multiply(step, carried); });
  tile.store(b, op, shape, m, totals);
  b.finish(range.restrict(b, hostM, tile.groups(b, shape, hostM)),
           tile.workgroup());
}

void rlx::emitIntegerTileKernel(InterleavedMatmulOp op, KernelModule &kernels,
                                const ByteOperands &bytes, RowRange range) {
  IntegerTileKernel(op, kernels, bytes.form, bytes.x).emit(range);
}
