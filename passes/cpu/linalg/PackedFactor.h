//===- PackedFactor.h - A factor of a contraction, packed once --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Panels of a weight, one after the other, as contractions read them:
// `[K blocks, groups of columns, words of a block, lanes x words' numbers]`. A
// lane is a column, a word some neighbours along k; elements are as they were.
// The layout is an indexing map, so that the operation stays one of linalg.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_CPU_LINALG_PACKEDFACTOR_H
#define RLX_PASSES_CPU_LINALG_PACKEDFACTOR_H

#include "mlir/IR/AffineExpr.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/MathExtras.h"

namespace rlx {

struct PackedFactor {
  static constexpr int64_t rank = 4;

  int64_t lanes = 1; ///< columns of a group
  int64_t wordK = 1; ///< numbers of a word
  int64_t kc = 1;    ///< K of a block, a multiple of wordK

  /// What indexes the packed tensor at column `n` and row `k`.
  llvm::SmallVector<mlir::AffineExpr> dims(mlir::AffineExpr n,
                                           mlir::AffineExpr k) const {
    mlir::AffineExpr inBlock = k % kc;
    mlir::AffineExpr lane = n % lanes;
    return {k.floorDiv(kc), n.floorDiv(lanes), inBlock.floorDiv(wordK),
            wordK == 1 ? lane : lane * wordK + k % wordK};
  }
  llvm::SmallVector<int64_t> shape(int64_t n, int64_t k) const {
    return {int64_t(llvm::divideCeil(k, kc)),
            int64_t(llvm::divideCeil(n, lanes)), kc / wordK, lanes * wordK};
  }
};

} // namespace rlx

#endif // RLX_PASSES_CPU_LINALG_PACKEDFACTOR_H
