//===- IntegerRows.cpp - Products of bytes for a few rows -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/gpu/kernels/IntegerRows.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace rlx;

IntegerRows::IntegerRows(KernelBuilder &b, const IntegerMatmul &form,
                         const DeviceActivations &x, Value m, int64_t workgroup)
    : b(b), form(form), m(m) {
  auto quad = VectorType::get(wordsOfQuad, b.getI32Type());
  codes = b.buffer(x.codes, quad, "x_codes");
  scales = b.buffer(x.scales, b.getF32Type(), "x_scales");
  if (x.sums)
    sums = b.buffer(x.sums, b.getF32Type(), "x_sums");
  table = form.emitTable(b, workgroup);
  if (table)
    b.barrier();
}

/// Word `word` of the K block whose quads begin at `first`; `quads` are those
/// that have been loaded.
Value IntegerRows::word(Value first, int64_t word, SmallVector<Value> &quads) {
  if (word % wordsOfQuad == 0)
    quads.push_back(b.loadAt(codes, b.add(first, word / wordsOfQuad)));
  return vector::ExtractOp::create(b, quads.back(), word % wordsOfQuad);
}

SmallVector<Value> IntegerRows::multiply(DeviceBlockReader &reader, Value k,
                                         int64_t length, ValueRange carried) {
  const int64_t quads = integerKBlock / bytesOfWord / wordsOfQuad,
                groups = integerKBlock / form.group,
                words = form.group / bytesOfWord;
  SmallVector<Value> totals(carried);
  for (int64_t begin = 0; begin < length; begin += integerKBlock) {
    Value number = b.add(b.div(k, integerKBlock), begin / integerKBlock);
    SmallVector<Value> positions;
    SmallVector<SmallVector<Value>> loaded(rows.size());
    for (Value row : rows)
      positions.push_back(b.add(b.mul(number, m), row));
    for (int64_t g = 0; g < groups; ++g) {
      SmallVector<Value> products(rows.size());
      for (int64_t i = 0; i < words; ++i) {
        int64_t ofKBlock = g * words + i;
        Value bytes = form.signedBytes(
            b, reader.codeBytes(begin + ofKBlock * bytesOfWord), table);
        for (auto [r, product] : llvm::enumerate(products)) {
          Value x = word(b.mul(positions[r], quads), ofKBlock, loaded[r]);
          Value dot = emitByteDot(b, x, bytes);
          product =
              product ? Value(arith::AddIOp::create(b, product, dot)) : dot;
        }
      }
      int64_t first = begin + g * form.group;
      Value scale = form.scale(b, reader, first), offset;
      if (sums)
        offset = form.offset(b, reader, first);
      for (auto [r, total] : llvm::enumerate(totals)) {
        Value product = arith::SIToFPOp::create(b, b.getF32Type(), products[r]);
        Value factor =
            arith::MulFOp::create(b, b.loadAt(scales, positions[r]), scale);
        total = b.multiplyAdd(product, factor, total);
        if (!offset)
          continue;
        Value line = b.add(b.mul(number, groups), g);
        Value sum = b.loadAt(sums, b.add(b.mul(line, m), rows[r]));
        total = b.multiplyAdd(sum, offset, total);
      }
    }
  }
  return totals;
}
