//===- Scheme.h - What follows from a scheme's description ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// QuantScheme answers questions about a scheme: sizes, exact bits per element,
// what it needs beside its blocks, where the bits of an element lie. It reads
// nothing but the description; decoding itself is in Reference.h (one element,
// double precision) and in the passes (vectors).
//
//===----------------------------------------------------------------------===//

#ifndef RLX_IR_SCHEME_H
#define RLX_IR_SCHEME_H

#include "ir/Dialect.h"

#include <optional>

namespace rlx {

/// The value of `expr` for the given dimensions. `expr` has no symbols.
int64_t evaluate(mlir::AffineExpr expr, llvm::ArrayRef<int64_t> dims);

/// Which of the maps that begin at `bounds`, which may be null, is that of
/// `element`; the first one begins at 0.
unsigned pieceOf(mlir::DenseI64ArrayAttr bounds, int64_t element);

/// The first bit of `plane` for element `element` of a block, counted from the
/// block's first byte, least significant bit first. `element` may lie beyond
/// the block only where `evaluate` of the map stays meaningful; callers reduce
/// it.
int64_t firstBit(PlaneAttr plane, int64_t element);

/// A tensor that lies beside the blocks: its operand name, element type and the
/// index into it for element (n, k).
struct SideOperand {
  llvm::StringRef name;
  mlir::Type elementType;
  mlir::AffineMap index;

  /// The operand's shape for a weight of shape `[N, K]`, or `[E] + shape` for
  /// `[E, N, K]`.
  llvm::SmallVector<int64_t> shape(llvm::ArrayRef<int64_t> weightShape) const;
};

/// A ratio in lowest terms.
struct Ratio {
  int64_t numerator = 0;
  int64_t denominator = 1;
  Ratio() = default;
  Ratio(int64_t numerator, int64_t denominator);
  double value() const { return double(numerator) / double(denominator); }
};

class QuantScheme {
public:
  explicit QuantScheme(SchemeAttr attribute) : attribute(attribute) {}

  /// The scheme of a tensor type with a `#rlx.quant` encoding, if it has one.
  static std::optional<QuantScheme> of(mlir::Type type);
  /// The built-in scheme of that display name or ggml spelling. Fails without a
  /// message; `unknownSchemeMessage` gives one.
  static std::optional<QuantScheme> parse(mlir::MLIRContext *context,
                                          llvm::StringRef name);
  static std::string unknownSchemeMessage(llvm::StringRef name);

  SchemeAttr attr() const { return attribute; }
  llvm::StringRef displayName() const { return attribute.getName().getValue(); }
  bool isBuiltin() const;
  /// The ggml type stored like this, or an empty string.
  llvm::StringRef ggmlName() const;
  bool isGguf() const { return !ggmlName().empty(); }

  /// Elements per block, along K.
  int64_t block() const { return attribute.getBlock(); }
  /// Stored bytes per block, without side tensors.
  int64_t blockBytes() const { return attribute.getBytes(); }
  int64_t ggufBlockSize() const { return isGguf() ? block() : 0; }
  int64_t ggufBlockBytes() const { return isGguf() ? blockBytes() : 0; }
  /// Bytes of a row of K elements; K is a multiple of the block.
  int64_t rowBytes(int64_t k) const { return k / block() * blockBytes(); }
  /// Bytes of a whole weight, without side tensors.
  int64_t storageBytes(llvm::ArrayRef<int64_t> shape) const;
  /// The shape of the stored bytes: K replaced by the bytes of a row.
  llvm::SmallVector<int64_t> storageShape(llvm::ArrayRef<int64_t> shape) const;

  /// Bits per element of the blocks alone, exactly.
  Ratio payloadBits() const { return Ratio(blockBytes() * 8, block()); }
  /// Bits per element of a weight of that shape with its side tensors, exactly.
  Ratio totalBits(llvm::ArrayRef<int64_t> shape) const;
  /// `payloadBits` times ten, halves rounded up.
  int64_t bitsPerElementX10() const;
  int64_t bitsPerElement() const { return bitsPerElementX10() / 10; }

  llvm::SmallVector<SideOperand> sideOperands() const;
  bool hasScale() const { return findSide("scales").has_value(); }
  bool hasZeroPoint() const { return findSide("zero_points").has_value(); }
  bool hasGlobalScale() const { return findSide("global_scale").has_value(); }
  bool scaleIsFp8() const;
  std::optional<SideOperand> findSide(llvm::StringRef name) const;
  /// 16 for 4-bit float codes with an fp8 side scale per 16 elements, else 0.
  int64_t nvfp4GroupSize() const;

  /// All fields: code, zero, scale factors, offset factors.
  llvm::SmallVector<FieldAttr> fields() const;
  /// The largest divisor of the block such that `field` is the same for all
  /// elements of each aligned run of that length in the first block of the
  /// first row. For whole rows, which kernels need of side fields, see
  /// SideIndex.h.
  int64_t groupLength(FieldAttr field) const;

  friend bool operator==(const QuantScheme &a, const QuantScheme &b) {
    return a.attribute == b.attribute;
  }

private:
  SchemeAttr attribute;
};

/// One built-in scheme or family of schemes, as written in BuiltinSchemes.cpp.
struct BuiltinScheme {
  llvm::StringRef pattern; ///< `gguf_q4_0`, or `int8/$b` with a parameter.
  llvm::StringRef body;    ///< The description; `$b` stands for the parameter.
  llvm::StringRef
      samples; ///< Names to list, separated by spaces; empty: pattern.
};
llvm::ArrayRef<BuiltinScheme> builtinSchemes();
/// Every built-in name that has no parameters, and the usual ones of the
/// others.
llvm::SmallVector<std::string> builtinSchemeNames();

} // namespace rlx

#endif // RLX_IR_SCHEME_H
