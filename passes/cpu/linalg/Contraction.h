//===- Contraction.h - A linalg operation as a matrix product ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// c[outer, m, n] += sum over outerK, k of f(a[outer, m, k]) * g(b[outer, k, n])
// on buffers, whatever the order of the dimensions of each: f and g convert
// numbers one by one. Convolutions are such, too: a dimension of a factor may
// be indexed by a sum of loops. Which loops are m, n and k follows from how c
// and the factors lie; n is what vectors run along. Says nothing of how it is
// computed.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_CPU_LINALG_CONTRACTION_H
#define RLX_PASSES_CPU_LINALG_CONTRACTION_H

#include "passes/PassDetail.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

#include <optional>

namespace rlx {

/// A buffer and what indexes its dimensions: loops, or sums of them where there
/// are windows, or parts of them where it is packed. A tensor before there are
/// buffers.
struct ContractionOperand {
  mlir::Value memref;
  llvm::SmallVector<mlir::AffineExpr> dims;

  mlir::MemRefType type() const {
    return llvm::cast<mlir::MemRefType>(memref.getType());
  }
  bool has(unsigned loop) const;
  /// The dimension that a loop alone indexes, if there is one.
  std::optional<unsigned> dimensionOf(unsigned loop) const;
  /// Whether neighbours along `loop` are neighbours in memory.
  bool isContiguousAlong(std::optional<unsigned> loop) const;
};

/// A factor of the products, and the operations of the body that are applied to
/// its elements, in their order; none where `result` is `element`.
struct ContractionFactor : ContractionOperand {
  mlir::BlockArgument element;
  llvm::SmallVector<mlir::Operation *> conversion;
  mlir::Value result;

  mlir::Type elementType() const {
    return mlir::getElementTypeOrSelf(memref.getType());
  }
};

/// An elementwise operation that is applied to complete sums.
struct ContractionEpilogue {
  mlir::linalg::LinalgOp op;
  /// What the arguments of the body are, one by one; numbers have no
  /// dimensions. That of the sums, and one that is not read, is null.
  llvm::SmallVector<ContractionOperand> inputs;
  unsigned sums = 0; ///< Which of them are the sums.
  ContractionOperand result;
  /// Whether nobody else reads the sums, so that they need not be stored.
  bool ownsSums = false;
};

struct Contraction {
  ContractionFactor a, b;
  ContractionOperand c;
  std::optional<ContractionEpilogue> epilogue;
  /// What is multiplied and added up in the body.
  mlir::Type type;
  /// The loops; null where there is none. `outer` are those of batches and what
  /// more there are of m and n, `outerK` what more there are of k.
  std::optional<unsigned> m, n, k;
  llvm::SmallVector<unsigned> outer, outerK;
  unsigned numLoops = 0;

  /// `op` as a contraction, if it is one on buffers whose body multiplies two
  /// numbers and adds the product to a third. Loops that lie side by side in
  /// all operands become one: reshapes are created before `op`. `lanes` is how
  /// many numbers vectors have.
  /// `epilogue` is what readEpilogue gave for it.
  static std::optional<Contraction>
  of(mlir::linalg::LinalgOp op, int64_t lanes,
     std::optional<ContractionEpilogue> epilogue = {});
  /// Whether it is one; nothing is created.
  static bool isOne(mlir::linalg::LinalgOp op, int64_t lanes);
  /// A contraction on tensors whose factors are matrices or rows of them, if
  /// that is what `op` will be: each dimension is a loop of its own, there is
  /// one n, which c has side by side, and one k. Nothing is created.
  static std::optional<Contraction> ofTensors(mlir::linalg::LinalgOp op,
                                              int64_t lanes);

  /// What `epilogue` makes of what `op` writes, if it is elementwise and reads
  /// it once, at its own places.
  static std::optional<ContractionEpilogue>
  readEpilogue(mlir::linalg::LinalgOp op, mlir::linalg::LinalgOp epilogue);

  /// How long a loop is; kDynamic where it is not known.
  int64_t size(std::optional<unsigned> loop) const;
  /// Products in all; nothing where it is not known.
  std::optional<int64_t> products() const;
};

/// Reads c + f(a) * g(b) from the body, in any order: the type, the elements
/// and the conversions of a and b.
bool readContractionBody(mlir::linalg::LinalgOp op, Contraction &found);

/// Where the body of `op` multiplies products of two numbers with one that is
/// the same for all, as in `c + (a * b) * s`, has it multiply the first of the
/// two with it: `c + (a * s) * b`, which is a contraction.
void gatherFactors(mlir::linalg::LinalgOp op);

} // namespace rlx

#endif // RLX_PASSES_CPU_LINALG_CONTRACTION_H
