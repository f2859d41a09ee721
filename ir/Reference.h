//===- Reference.h - The value of an element, in double precision ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Evaluates a scheme's description element by element in double precision. This
// is what every generated decoder and kernel is compared with. It is meant to
// be obviously right, not fast.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_IR_REFERENCE_H
#define RLX_IR_REFERENCE_H

#include "ir/FieldTerms.h"
#include "ir/IndexSteps.h"

#include "llvm/Support/Error.h"

#include <vector>

namespace rlx {

/// The number that `bits` means as a value of the float type `type`.
double decodeFloat(mlir::FloatType type, uint64_t bits);
/// The number of a field's code: its codebook entry, float or integer, less the
/// bias.
double numberOf(FieldAttr field, uint64_t code);

/// The stored bytes of a weight: blocks row after row, and side tensors as
/// dense row-major little-endian arrays.
struct StoredWeight {
  llvm::ArrayRef<uint8_t> blocks;
  llvm::ArrayRef<uint8_t> scales, zeroPoints, globalScale;
};

class ReferenceDecoder {
public:
  /// For a weight of shape `[N, K]` or `[E, N, K]`. Fails where K is not a
  /// multiple of the block or a byte count is not what the scheme says.
  static llvm::Expected<ReferenceDecoder> create(QuantScheme scheme,
                                                 llvm::ArrayRef<int64_t> shape,
                                                 StoredWeight stored);

  /// The value of element k of row n; rows of experts follow each other.
  double value(int64_t row, int64_t k) const;
  /// The values of a whole row, K of them; and what is summed to give each, by
  /// magnitude: |scale| * (|code| + |zero|) + |offset|.
  void decodeRow(int64_t row, double *values,
                 double *magnitudes = nullptr) const;
  /// Whether decoding in f32 may give other values than these, but for f32's
  /// own rounding: where values are rounded to a shorter type, the next number
  /// of that type.
  bool mayRoundOtherwise() const;
  /// How far the values of a row may be from what they are where numbers beside
  /// the blocks are wrong by `relative` of their own.
  void deviationsOfRow(int64_t row, double relative, double *deviations) const;

  int64_t rows() const { return numRows; }
  int64_t columns() const { return k; }

private:
  /// A term of a field, tabulated for the elements of a block.
  struct Term {
    LookupAttr lookup;                     ///< may be null
    llvm::SmallVector<unsigned, 2> widths; ///< of its planes
    /// The first bit of each plane, by element.
    llvm::SmallVector<std::vector<int64_t>, 2> firstBits;
    /// Where the lookup's component begins in its vector, by element.
    std::vector<unsigned> shifts;
    unsigned width;
  };
  struct Source {
    FieldAttr field;
    llvm::SmallVector<Term, 2> terms;
    unsigned width = 0;                ///< bits of the code
    llvm::SmallVector<double> numbers; ///< by code, where that is less work
    llvm::SmallVector<IndexSteps, 2> index; ///< into the side tensor
    llvm::ArrayRef<uint8_t> side;
    llvm::SmallVector<int64_t> sideShape;
  };

  ReferenceDecoder(QuantScheme scheme) : scheme(scheme) {}
  Source makeSource(FieldAttr field, llvm::ArrayRef<uint8_t> side,
                    llvm::ArrayRef<int64_t> sideShape) const;
  double read(const Source &source, int64_t row, int64_t k) const;
  double exact(int64_t row, int64_t k, double &magnitude) const;
  double rounded(double value) const;

  QuantScheme scheme;
  StoredWeight stored;
  int64_t numRows = 0, rowsPerExpert = 0, k = 0;
  std::vector<Source> code, zero, scale, offset;
};

} // namespace rlx

#endif // RLX_IR_REFERENCE_H
