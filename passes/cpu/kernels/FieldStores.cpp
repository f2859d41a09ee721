//===- FieldStores.cpp - Codes to where a description has them ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/cpu/kernels/FieldStores.h"

#include "ir/Scheme.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <map>
#include <set>
#include <tuple>

using namespace mlir;
using namespace rlx;

static constexpr int64_t byteBits = 8;

void FieldStores::add(FieldAttr field, Value codes,
                      ArrayRef<int64_t> elements) {
  int64_t width = field.width(), first = int64_t(sources.size());
  auto bytesType = VectorType::get(elements.size(), b.getI8Type());
  for (int64_t bit = 0; bit < width; bit += byteBits) {
    Value part = codes;
    if (bit)
      part = arith::ShRUIOp::create(
          b, part,
          arith::ConstantOp::create(
              b, DenseElementsAttr::get(cast<VectorType>(codes.getType()),
                                        int32_t(bit))));
    sources.push_back({arith::TruncIOp::create(b, bytesType, part),
                       std::min(byteBits, width - bit)});
  }
  int64_t block = scheme.block();
  for (auto [lane, element] : llvm::enumerate(elements)) {
    int64_t codeBit = 0;
    for (auto [number, plane] : llvm::enumerate(field.getPlanes())) {
      int64_t at = element / block * scheme.blockBytes() * byteBits +
                   firstBit(plane, element % block);
      for (int64_t end = codeBit + plane.width(); codeBit < end;) {
        int64_t take = std::min({end - codeBit, byteBits - at % byteBits,
                                 byteBits - codeBit % byteBits});
        if (int64_t(pieces.size()) <= at / byteBits)
          pieces.resize(at / byteBits + 1);
        pieces[at / byteBits].push_back(
            {fields, int(number), int(first + codeBit / byteBits),
             int64_t(lane), at % byteBits, codeBit % byteBits, take});
        at += take;
        codeBit += take;
      }
    }
  }
  ++fields;
}

void FieldStores::addBytes(Value bytes, int64_t first) {
  int64_t count = cast<VectorType>(bytes.getType()).getNumElements();
  if (int64_t(pieces.size()) < first + count)
    pieces.resize(first + count);
  for (int64_t i = 0; i < count; ++i)
    pieces[first + i].push_back(
        {fields, 0, int(sources.size()), i, 0, 0, byteBits});
  sources.push_back({bytes, byteBits});
  ++fields;
}

/// The bytes that are made of `bytes`: what takes the same bits of a source to
/// the same place is one shuffle, shift and mask.
Value FieldStores::compose(ArrayRef<SmallVector<Piece, 2>> bytes) {
  int64_t count = bytes.size();
  auto type = VectorType::get(count, b.getI8Type());
  auto splat = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(
        b, DenseElementsAttr::get(type, int8_t(value)));
  };
  std::map<std::tuple<int, int64_t, int64_t, int64_t>, SmallVector<int64_t>>
      masks;
  for (auto [i, all] : llvm::enumerate(bytes))
    for (const Piece &piece : all) {
      auto &mask =
          masks[{piece.source, piece.srcShift, piece.width, piece.dstShift}];
      mask.resize(count, -1);
      mask[i] = piece.lane;
    }
  Value result;
  for (auto &[key, mask] : masks) {
    auto [source, srcShift, width, dstShift] = key;
    auto [from, bits] = sources[source];
    int64_t lanes = cast<VectorType>(from.getType()).getNumElements();
    Value part = from, other = from;
    if (llvm::is_contained(mask, -1)) {
      other = arith::ConstantOp::create(b, b.getZeroAttr(from.getType()));
      llvm::replace(mask, int64_t(-1), lanes);
    }
    bool isWhole =
        count == lanes && llvm::equal(mask, llvm::seq<int64_t>(0, count));
    if (!isWhole)
      part = vector::ShuffleOp::create(b, from, other, mask);
    if (srcShift)
      part = arith::ShRUIOp::create(b, part, splat(srcShift));
    if (srcShift + width < bits)
      part = arith::AndIOp::create(b, part, splat((int64_t(1) << width) - 1));
    if (dstShift)
      part = arith::ShLIOp::create(b, part, splat(dstShift));
    result = result ? Value(arith::OrIOp::create(b, result, part)) : part;
  }
  return result ? result : splat(0);
}

void FieldStores::store(Value memref, ValueRange row, Value firstByte,
                        int64_t blocks) {
  pieces.resize(blocks * scheme.blockBytes());
  auto fieldsOf = [&](size_t byte) {
    std::set<std::pair<int, int>> result;
    for (const Piece &piece : pieces[byte])
      result.insert({piece.field, piece.plane});
    return result;
  };
  // Neighbours that are made of the same are stored together.
  for (size_t begin = 0, end; begin < pieces.size(); begin = end) {
    for (end = begin + 1;
         end < pieces.size() && fieldsOf(end) == fieldsOf(begin);)
      ++end;
    SmallVector<Value> indices(row);
    indices.push_back(b.add(firstByte, int64_t(begin)));
    b.storeVector(compose(ArrayRef(pieces).slice(begin, end - begin)), memref,
                  indices);
  }
}
