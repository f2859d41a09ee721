//===- ElementForm.h - What an element of a tensor is -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The value of an element as a formula of what is read from other tensors:
//
//   scale * (code - zero) + offset
//
// where scale and offset are products, and the whole may be rounded once. This
// is what a scheme can say (docs/schemes.md), and all that exporters write
// around weights comes down to it. Here is the arithmetic of such formulas;
// ElementEvaluator.h finds them.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_IMPORT_RECOGNIZE_ELEMENTFORM_H
#define RLX_PASSES_IMPORT_RECOGNIZE_ELEMENTFORM_H

#include "ir/Dialect.h"

#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/Value.h"

#include <optional>
#include <variant>

namespace rlx {

/// A number that is read from a tensor: some bits of one of its elements.
struct Read {
  mlir::Value tensor;
  llvm::SmallVector<mlir::AffineExpr, 4> index;
  mlir::AffineExpr bit; ///< the first one, counted from the element's lowest
  unsigned width = 0;
  /// What the bits are: a float, a signed or an unsigned integer.
  mlir::Type type;
  mlir::DenseF64ArrayAttr codebook; ///< May be null.
  int64_t bias = 0;                 ///< subtracted
  /// The other factor of a contraction, which is not looked into.
  bool isActivation = false;

  bool isSame(const Read &other) const;
  /// Elements of so many bits in all of its tensor; where that is not known,
  /// more than there are.
  int64_t numElements() const;
};

/// A product of numbers that are read, and a constant.
struct Product {
  double coefficient = 1;
  llvm::SmallVector<Read, 2> reads;

  bool isConstant() const { return reads.empty(); }
  void multiply(const Product &other);
};

/// scale * (code - zero) + offset; scale + offset where there is no code.
struct ElementForm {
  Product scale;
  std::optional<Read> code;
  std::optional<Read> zero;
  double zeroConstant = 0;
  std::optional<Product> offset;
  /// f16 or bf16 where the whole, but for activations in the scale, is rounded
  /// to it; null where it is not.
  mlir::Type rounded;

  static ElementForm constant(double value);
  static ElementForm of(Read read);
  bool isProduct() const { return !code && !offset && !rounded; }
  bool isConstant() const { return isProduct() && scale.isConstant(); }
  /// Whether it is nothing but a number that is read.
  bool isRead() const;
  bool isZero() const { return isConstant() && scale.coefficient == 0; }
};

/// Bits of an element as an integer of the program.
struct Bits {
  Read read; ///< whose type is not set
  unsigned typeWidth = 0;
  /// What lies above them in the integer: copies of their sign, or zeros.
  bool isSignExtended = false;
  unsigned leftShift = 0; ///< The integer is that much higher.
  /// Bits above may belong to it as well: a shift by a varying distance.
  bool hasMore = false;
  /// What is added to it where it is negative: an index from the end. Such an
  /// integer is an id, or not understood.
  int64_t wrap = 0;

  bool isRaw() const { return read.width == typeWidth; }
};

/// The value of an integer or float of the program: an integer that follows
/// from the loops alone (or a constant), bits that are read, or a formula.
using ElementValue = std::variant<mlir::AffineExpr, Bits, ElementForm>;

/// Arithmetic on formulas for a weight of `elements` elements. What is not of
/// the form gives nothing.
class FormArithmetic {
public:
  explicit FormArithmetic(int64_t elements) : elements(elements) {}

  std::optional<ElementForm> multiply(const ElementForm &a,
                                      const ElementForm &b) const;
  /// a + sign * b
  std::optional<ElementForm> add(const ElementForm &a, const ElementForm &b,
                                 int sign) const;
  /// Whether `read` may be the code: its tensor has an element for each of the
  /// weight. Activations, of which a formula may be, are taken for one.
  bool isDense(const Read &read) const;
  /// Whether parts of the elements of its tensor may be codes.
  bool mayHaveCodes(const Read &read) const {
    return read.numElements() >= (elements + read.width - 1) / read.width;
  }
  /// `form` rounded to `type`; nothing where it is rounded already, to another
  /// one, or has no codes, or those of an rlx.dequantize.
  std::optional<ElementForm> round(const ElementForm &form,
                                   mlir::Type type) const;
  /// Makes the one dense number of a product the code. False where there is
  /// none, or several.
  bool findCode(ElementForm &form) const;

private:
  int64_t elements;
};

} // namespace rlx

#endif // RLX_PASSES_IMPORT_RECOGNIZE_ELEMENTFORM_H
