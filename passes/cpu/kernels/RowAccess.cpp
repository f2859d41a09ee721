//===- RowAccess.cpp - What loops of block operations share ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/cpu/kernels/RowAccess.h"

#include "ir/Scheme.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"

#include <numeric>

using namespace mlir;
using namespace rlx;

RowSteps::RowSteps(const QuantScheme &scheme, int64_t lanes)
    : block(scheme.block()), tailRun(std::gcd(block, lanes)) {
  // Blocks smaller than a vector are decoded several at once.
  bool several = block < lanes && lanes % block == 0;
  run = several ? lanes : tailRun;
  step = several ? lanes : block;
}

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

Value StoredOperands::decode(LoopBuilder &b, ValueRange row, Value block,
                             int64_t first, int64_t lanes) const {
  SmallVector<Value> indices(row);
  indices.push_back(block);
  return DecodeOp::create(b, VectorType::get(lanes, b.getF32Type()), weight,
                          indices, scales, zeroPoints, globalScale, first,
                          scheme);
}

void rlx::emitRowLoop(LoopBuilder &b, Value memref,
                      llvm::function_ref<void(ValueRange)> body) {
  SmallVector<Value> sizes;
  Value rows = b.index(1);
  for (int64_t i = 0; i < cast<MemRefType>(memref.getType()).getRank() - 1;
       ++i) {
    sizes.push_back(b.size(memref, i));
    rows = arith::MulIOp::create(b, rows, sizes.back());
  }
  b.parallelLoop(rows, [&](Value row) {
    if (sizes.size() == 1)
      return body(row);
    body(affine::AffineDelinearizeIndexOp::create(b, row, sizes,
                                                  /*hasOuterBound=*/true)
             .getResults());
  });
}

/// Calls `body` with the indices of every element of `memref`.
static void forEachElement(LoopBuilder &b, Value memref,
                           SmallVectorImpl<Value> &indices,
                           llvm::function_ref<void(ValueRange)> body) {
  if (int64_t(indices.size()) == cast<MemRefType>(memref.getType()).getRank())
    return body(indices);
  b.loop(b.index(0), b.size(memref, indices.size()), 1, [&](Value i) {
    indices.push_back(i);
    forEachElement(b, memref, indices, body);
    indices.pop_back();
  });
}

/// Whether the i32 `id` is in `0 <= id < bound`; negative ones are large
/// unsigned.
static Value isInRange(LoopBuilder &b, Value id, Value bound) {
  Value limit = arith::IndexCastOp::create(b, b.getI32Type(), bound);
  return arith::CmpIOp::create(b, arith::CmpIPredicate::ult, id, limit);
}

void rlx::emitIndexCheck(LoopBuilder &b, Value ids, Value bound,
                         StringRef what) {
  SmallVector<Value> indices;
  forEachElement(b, ids, indices, [&](ValueRange at) {
    Value id = memref::LoadOp::create(b, ids, at);
    b.branch(
        isInRange(b, id, bound), [] {},
        [&] {
          // The position counts all ids, row-major.
          Value position = b.index(0);
          for (auto [dimension, i] : llvm::enumerate(at))
            position = b.add(
                arith::MulIOp::create(b, position, b.size(ids, dimension)), i);
          Value value = arith::IndexCastOp::create(b, b.getIndexType(), id);
          ReportIndexOp::create(b, what, position, value, bound);
        });
  });
}

Value rlx::emitSafeIndex(LoopBuilder &b, Value ids, ValueRange indices,
                         Value bound) {
  Value id = memref::LoadOp::create(b, ids, indices);
  Value index = arith::IndexCastOp::create(b, b.getIndexType(), id);
  return arith::SelectOp::create(b, isInRange(b, id, bound), index, b.index(0));
}
