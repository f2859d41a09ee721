//===- WeightContraction.h - Contractions with a weight ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads a contraction of linalg, in whatever order its loops and operands are,
// as y[lead..., n...] += x[lead..., k...] * w[n..., k...], and what follows it
// element by element as a scale and a bias of it.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_IMPORT_RECOGNIZE_WEIGHTCONTRACTION_H
#define RLX_PASSES_IMPORT_RECOGNIZE_WEIGHTCONTRACTION_H

#include "passes/import/recognize/ElementEvaluator.h"
#include "passes/import/recognize/WeightForm.h"

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace rlx {

/// Where the number of the expert of a row is read.
using ExpertId = ElementEvaluator::Id;

/// The activations as codes, and the index of an element of them.
struct ActivationForm {
  ElementForm form;
  ElementEvaluator::Index index;
};

class WeightContraction {
public:
  /// `op` with operand `x` as activations. Fails where it is not a sum of
  /// products with them. `isUnrounded` is that of ElementEvaluator.
  static std::optional<WeightContraction> match(mlir::linalg::LinalgOp op,
                                                unsigned x, bool isUnrounded,
                                                std::string &reason);

  /// The formula of the weight, without the activations; nothing where it is
  /// not known, or the weight is not quantized. Obstacles are added to `found`
  /// where codes have been seen.
  std::optional<ElementForm> readWeight(llvm::SmallVectorImpl<Obstacle> &found);
  /// Scales and a bias that elementwise operations apply to the result, where
  /// the weight has no scale of its own. The last of them is what will be
  /// replaced.
  void readEpilogue(ElementForm &weight);
  void forgetEpilogue();

  const WeightShape &weightShape() const { return shape; }
  const IndexAlgebra &algebra() const { return *indices; }
  mlir::Operation *contraction() const { return op; }
  /// Where experts are named by ids.
  const std::optional<ExpertId> &expertId() const { return id; }
  /// The formula of the activations; nothing where they are no codes.
  std::optional<ActivationForm> readActivations() const;
  /// Replaces the operation by `sums`, of integers, times what `x` and `weight`
  /// are.
  void scaleSums(mlir::ImplicitLocOpBuilder &b, mlir::Value sums,
                 const Product &x, const Product &weight);
  /// Replaces the operation by one of rlx with `weight`.
  void replace(mlir::OpBuilder &builder, const QuantizedWeight &weight);
  /// The value that is replaced.
  mlir::Value result() const { return last; }

private:
  WeightContraction(mlir::linalg::LinalgOp op, bool isUnrounded)
      : op(op), last(op->getResult(0)), isUnrounded(isUnrounded) {}
  ElementEvaluator::Index loopsOf() const;
  std::optional<ElementForm> evaluate(llvm::SmallVectorImpl<Obstacle> &found);
  std::optional<ElementForm> afterwards(mlir::Value value) const;
  void setAlgebra();
  /// Replaces the result by `y`, which has its shape, plus `rest`, if any.
  void finish(mlir::OpBuilder &builder, mlir::Value y, mlir::Value rest);
  mlir::Value buildMatmul(mlir::OpBuilder &builder,
                          const QuantizedWeight &weight,
                          mlir::Value bias) const;
  mlir::Value buildExperts(mlir::OpBuilder &builder,
                           const QuantizedWeight &weight) const;
  mlir::Value expertIds(mlir::OpBuilder &builder, mlir::Location loc) const;

  mlir::linalg::LinalgOp op;
  mlir::Value x, product, init, last;
  bool isUnrounded;
  llvm::SmallVector<unsigned> lead, rows, columns; ///< loops
  llvm::SmallVector<int64_t> sizes;                ///< of all loops
  WeightShape shape;
  std::optional<ExpertId> id; ///< that names the expert
  std::optional<IndexAlgebra> indices;
  std::optional<Read> bias; ///< [n], added behind the scales
};

} // namespace rlx

#endif // RLX_PASSES_IMPORT_RECOGNIZE_WEIGHTCONTRACTION_H
