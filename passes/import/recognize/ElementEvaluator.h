//===- ElementEvaluator.h - Tensors as formulas of others -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Follows an element of a tensor back to where it comes from, through
// elementwise operations, reshapes, transposes, slices and concatenations, and
// gives its value as a formula (ElementForm.h) of an index. Nothing of the
// program is changed. What is not understood is read as it is.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_IMPORT_RECOGNIZE_ELEMENTEVALUATOR_H
#define RLX_PASSES_IMPORT_RECOGNIZE_ELEMENTEVALUATOR_H

#include "passes/import/recognize/ElementForm.h"
#include "passes/import/recognize/IndexAlgebra.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace rlx {

/// An operation that could not be looked through, and why.
struct Obstacle {
  mlir::Operation *op = nullptr;
  std::string reason;
};

class ElementEvaluator {
public:
  using Index = llvm::SmallVector<mlir::AffineExpr, 4>;

  /// For a weight of `elements` elements, whose index has the dimensions of
  /// `algebra`.
  /// With `isUnrounded`, numbers that the program rounds to f16 or bf16 may be
  /// what they were before.
  ElementEvaluator(const IndexAlgebra &algebra, int64_t elements,
                   bool isUnrounded)
      : algebra(algebra), arithmetic(elements), isUnrounded(isUnrounded) {}

  /// An operation of linalg, and where its loops are.
  struct Frame {
    mutable mlir::linalg::LinalgOp op; ///< A handle, not the operation.
    Index loops;
  };

  /// Elements of `tensor` are not looked into: they are activations. Where they
  /// are those of a sum, what is rounded of its products does not matter: sums
  /// of 16 bits are computed in f32.
  void setActivations(mlir::Value tensor, bool areSummed) {
    activations = tensor;
    mayRoundProducts = areSummed;
  }

  /// Where a tensor is indexed by a number that is read, dimension `dim` stands
  /// for that number, the id; for one, whatever is indexed by it.
  void setIdDim(unsigned dim) { idDim = dim; }
  /// Where ids are read, and how many of them there may be; nothing where none
  /// have been seen.
  struct Id {
    Read read;
    int64_t count, wrap;
  };
  const std::optional<Id> &id() const { return foundId; }

  /// The element of `tensor` at `index`.
  std::optional<ElementValue> element(mlir::Value tensor, const Index &index);
  /// A number in the body of `frame`, or outside of it.
  std::optional<ElementValue> scalar(mlir::Value value, const Frame *frame);
  /// The same as a formula.
  std::optional<ElementForm> number(mlir::Value value, const Frame *frame);

  /// `value` as an integer that follows from the loops, where it does, or from
  /// them and a small constant table.
  std::optional<mlir::AffineExpr> indexOf(const ElementValue &value);

  const FormArithmetic &forms() const { return arithmetic; }
  /// What stopped it, the first one first, as far as codes were behind it.
  llvm::ArrayRef<Obstacle> obstacles() const { return found; }
  /// Whether codes of a weight have been seen.
  bool sawCodes() const { return hasSeenCodes; }

  std::nullopt_t fail(mlir::Operation *op, const llvm::Twine &reason);

private:
  std::optional<ElementValue> lookThrough(mlir::Value tensor,
                                          const Index &index);
  std::optional<ElementValue> throughLoops(mlir::linalg::LinalgOp op,
                                           mlir::Value tensor,
                                           const Index &index);
  std::optional<ElementValue> throughGather(mlir::tensor::GatherOp op,
                                            const Index &index);
  std::optional<ElementValue> throughPieces(mlir::Operation *op,
                                            mlir::ValueRange pieces,
                                            unsigned axis, const Index &index);
  std::optional<ElementValue> ofConstant(mlir::ElementsAttr values,
                                         const Index &index);
  std::optional<ElementValue> leaf(mlir::Value tensor, const Index &index,
                                   bool isActivation);
  std::optional<mlir::AffineExpr> idOf(const Bits &bits, mlir::Value table,
                                       int64_t axis);
  std::optional<mlir::AffineExpr> fittedTable(mlir::DenseElementsAttr values,
                                              const Index &index, int64_t wrap);
  std::optional<ElementValue> lookUp(mlir::Operation *op, mlir::Value table,
                                     const Bits &code);
  std::optional<ElementValue>
  apply(mlir::Operation *op,
        llvm::function_ref<std::optional<ElementValue>(mlir::Value operand)>
            operandOf);
  /// A choice that is always the same, or an index that counts from the end.
  std::optional<ElementValue>
  chosen(mlir::arith::SelectOp op,
         llvm::function_ref<std::optional<ElementValue>(mlir::Value operand)>
             operandOf);
  /// What `op` gives, but for the type of floats that it gives it in.
  std::optional<ElementValue> computed(mlir::Operation *op,
                                       llvm::ArrayRef<ElementValue> operands);

  const IndexAlgebra &algebra;
  FormArithmetic arithmetic;
  bool isUnrounded, mayRoundProducts = false;
  mlir::Value activations;
  std::optional<unsigned> idDim;
  std::optional<Id> foundId;
  llvm::SmallVector<Obstacle> found;
  bool hasSeenCodes = false;
  unsigned steps = 0, depth = 0;
};

/// The least and the largest value of an index, which depends on one dimension
/// or none; of others, bounds of them.
IndexAlgebra::Range exactRange(const IndexAlgebra &algebra,
                               mlir::AffineExpr expr);
/// The numbers of a small constant, which may be a resource; null where they
/// are not known, or many.
mlir::DenseElementsAttr smallTable(mlir::Attribute constant);
/// Arithmetic on integers of the program, as far as it is understood.
std::optional<ElementValue> integerResult(mlir::Operation *op,
                                          llvm::ArrayRef<ElementValue> operands,
                                          const IndexAlgebra &algebra,
                                          const FormArithmetic &forms);
/// Whether `op` rounds to f16 or bf16. Small integers are not rounded.
bool roundsNumbers(mlir::Operation *op, llvm::ArrayRef<ElementValue> operands);
/// The number that the bits are as a signed integer, or an unsigned one.
std::optional<ElementForm> numberOf(const ElementValue &value, bool isSigned,
                                    mlir::MLIRContext *context);

} // namespace rlx

#endif // RLX_PASSES_IMPORT_RECOGNIZE_ELEMENTEVALUATOR_H
