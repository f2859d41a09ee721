//===- WeightForm.h - A formula as a scheme and its tensors -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The formula of a weight's elements (ElementForm.h) says where its codes and
// scales lie: that is a scheme. Codes become the stored bytes of a quantized
// tensor without being moved where rows of the weight are rows of bytes; where
// dimensions have another order, they are transposed.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_IMPORT_RECOGNIZE_WEIGHTFORM_H
#define RLX_PASSES_IMPORT_RECOGNIZE_WEIGHTFORM_H

#include "passes/import/recognize/ElementForm.h"
#include "passes/import/recognize/IndexAlgebra.h"
#include "passes/support/QuantizedOperand.h"

namespace rlx {

/// The dimensions of a weight's index in formulas.
enum WeightDim : unsigned { rowDim = 0, columnDim = 1, expertDim = 2 };

/// `[N, K]`, or `[E, N, K]` where there are experts.
struct WeightShape {
  int64_t n = 1, k = 1;
  std::optional<int64_t> experts;

  int64_t elements() const { return experts.value_or(1) * n * k; }
  llvm::SmallVector<int64_t, 3> sizes() const {
    return {n, k, experts.value_or(1)};
  }
  llvm::SmallVector<int64_t, 3> shape() const {
    llvm::SmallVector<int64_t, 3> all;
    if (experts)
      all.push_back(*experts);
    all.append({n, k});
    return all;
  }
};

/// A quantized weight with what lies beside it.
struct QuantizedWeight {
  mlir::Value weight;
  SideValues sides;
};

class WeightForm {
public:
  WeightForm(const IndexAlgebra &algebra, WeightShape shape, ElementForm form)
      : algebra(algebra), shape(shape), form(std::move(form)) {}

  /// Finds the scheme. Where there is none, says why in `reason`; nothing has
  /// been changed then.
  mlir::LogicalResult plan(std::string &reason);
  /// Makes the tensors that `plan` has found.
  QuantizedWeight build(mlir::OpBuilder &builder, mlir::Location loc) const;
  /// The stored bytes alone.
  mlir::Value buildCodes(mlir::OpBuilder &builder, mlir::Location loc) const;
  SchemeAttr getScheme() const { return scheme; }
  /// Whether codes have to be moved, other than by a transpose.
  bool movesCodes() const { return isRepacked; }

private:
  /// A side tensor: what it is made of, and what the scheme calls it.
  struct Side {
    llvm::StringRef name;
    Read read;                       ///< or
    std::optional<double> number;    ///< one that is the same everywhere
    llvm::SmallVector<int64_t> kept; ///< dimensions whose index is not 0
    mlir::Type type;                 ///< of its elements in the scheme
    /// Where they are parts of integers: for so many of K there is one, which
    /// gets an element of its own.
    int64_t unpackedGroup = 0;
  };

  mlir::LogicalResult planCodes(std::string &reason);
  mlir::LogicalResult planStoredCodes(std::string &reason);
  bool planRepackedCodes();
  mlir::Value buildRepackedCodes(mlir::OpBuilder &builder,
                                 mlir::Location loc) const;
  mlir::LogicalResult planFields(std::string &reason);
  static FieldAttr fieldOf(llvm::StringRef name, mlir::Type type,
                           mlir::AffineMap map, int64_t bias);
  FieldAttr addSide(const Read &read, llvm::ArrayRef<llvm::StringRef> names,
                    std::string &reason);
  FieldAttr addNumber(double number, llvm::ArrayRef<llvm::StringRef> names,
                      std::string &reason);
  FieldAttr addUnpackedSide(const Read &read,
                            llvm::ArrayRef<llvm::StringRef> names,
                            std::string &reason);
  mlir::Value buildUnpackedSide(const Side &side, mlir::OpBuilder &builder,
                                mlir::Location loc) const;
  /// A side with the first name that is free; null, with a reason, where there
  /// is none.
  Side *addSlot(llvm::ArrayRef<llvm::StringRef> names, std::string &reason);
  mlir::Value buildSide(const Side &side, mlir::OpBuilder &builder,
                        mlir::Location loc) const;

  const IndexAlgebra &algebra;
  WeightShape shape;
  ElementForm form;

  SchemeAttr scheme;
  llvm::SmallVector<int64_t> permutation; ///< of the codes' dimensions
  int64_t rowBytes = 0;
  bool isRepacked = false; ///< Codes are moved, one by one.
  FieldAttr code;
  int64_t block = 1, period = 1;
  mlir::AffineExpr bitPosition; ///< of a row's element k, in columnDim
  llvm::SmallVector<Side> sides;
  llvm::SmallVector<FieldAttr> scaleFields, offsetFields;
  FieldAttr zeroField;
  bool isOffsetNegative = false;
};

} // namespace rlx

#endif // RLX_PASSES_IMPORT_RECOGNIZE_WEIGHTFORM_H
