//===- GatheredRows.h - Rows that ids name ----------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A tensor whose rows are those of a dequantized table, named by ids, or rows
// of codes and scales that are dequantized afterwards, is rlx.embedding.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_IMPORT_RECOGNIZE_GATHEREDROWS_H
#define RLX_PASSES_IMPORT_RECOGNIZE_GATHEREDROWS_H

#include "passes/import/recognize/ElementEvaluator.h"
#include "passes/import/recognize/WeightForm.h"

#include <memory>

namespace rlx {

/// Whether `op` gathers: it reads a tensor at places that numbers of the
/// program name.
bool gathersElements(mlir::Operation *op);

/// Ids as i32, a tensor of `sizes`, whose dimensions are `dims` in the index at
/// which they are read. An id that i32 has not is one that is out of range.
mlir::Value gatheredIds(mlir::OpBuilder &builder, mlir::Location loc,
                        const ElementEvaluator::Id &from,
                        llvm::ArrayRef<mlir::AffineExpr> dims,
                        llvm::ArrayRef<mlir::OpFoldResult> sizes);

class GatheredRows {
public:
  /// The last of the elementwise operations from `gather` on that gives rows of
  /// a quantized table. Obstacles are added to `found` where codes have been
  /// seen. `isUnrounded` is that of ElementEvaluator.
  static std::optional<GatheredRows>
  match(mlir::Operation *gather, bool isUnrounded,
        llvm::SmallVectorImpl<Obstacle> &found);

  /// The operation whose result is replaced.
  mlir::Operation *last() const { return rows.getDefiningOp(); }
  /// The ids, all of which rlx.embedding checks.
  const ElementEvaluator::Id &ids() const { return *id; }
  /// Of the dimensions of formulas.
  llvm::ArrayRef<int64_t> sizes() const { return indices->getSizes(); }
  /// The scheme; null where the table has one already.
  SchemeAttr getScheme() const;
  /// Replaces the result by an rlx.embedding.
  void replace(mlir::OpBuilder &builder) const;

private:
  explicit GatheredRows(mlir::Value rows) : rows(rows) {}
  bool evaluate(bool isUnrounded, llvm::SmallVectorImpl<Obstacle> &found);
  void setAlgebra();
  /// The dimension of the ids that is dimension `i` of the rows.
  std::optional<int64_t> placeOf(int64_t i) const;

  mlir::Value rows;
  WeightShape shape;
  std::unique_ptr<IndexAlgebra> indices;
  std::optional<ElementEvaluator::Id> id;
  std::optional<WeightForm> form; ///< of a table that is no `table`
  DequantizeOp table;             ///< that has been dequantized as it is
};

} // namespace rlx

#endif // RLX_PASSES_IMPORT_RECOGNIZE_GATHEREDROWS_H
