//===- FieldStores.h - Codes to where a description has them ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The way back of decode/FieldExpansion.h: some blocks are put together from
// the codes of their fields, in vectors, and stored. Every position is known
// when the code is emitted.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_CPU_KERNELS_FIELDSTORES_H
#define RLX_PASSES_CPU_KERNELS_FIELDSTORES_H

#include "passes/support/LoopBuilder.h"

namespace rlx {

class FieldStores {
public:
  FieldStores(LoopBuilder &b, QuantScheme scheme) : b(b), scheme(scheme) {}

  /// The codes of `field`, a vector of i32 with no bits above the field's, of
  /// `elements`, which are counted from the first block's first.
  void add(FieldAttr field, mlir::Value codes,
           llvm::ArrayRef<int64_t> elements);
  /// Whole bytes, a vector of i8, from byte `first` on.
  void addBytes(mlir::Value bytes, int64_t first);
  /// Stores `blocks` blocks at `row` of `memref`, from byte `firstByte` of the
  /// row on. Bytes of which nothing was said become zeros.
  void store(mlir::Value memref, mlir::ValueRange row, mlir::Value firstByte,
             int64_t blocks);

private:
  /// Where some bits of a byte come from.
  struct Piece {
    int field, plane, source;
    int64_t lane, dstShift, srcShift, width;
  };
  /// A vector of i8, of which pieces are taken.
  struct Source {
    mlir::Value bytes;
    int64_t bits; ///< Of each byte that may be set.
  };
  mlir::Value compose(llvm::ArrayRef<llvm::SmallVector<Piece, 2>> bytes);

  LoopBuilder &b;
  QuantScheme scheme;
  int fields = 0;
  llvm::SmallVector<Source> sources;
  llvm::SmallVector<llvm::SmallVector<Piece, 2>> pieces; ///< Of each byte.
};

} // namespace rlx

#endif // RLX_PASSES_CPU_KERNELS_FIELDSTORES_H
