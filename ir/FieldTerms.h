//===- FieldTerms.h - What the code of an element is made of ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A field's code is a row of terms, the least significant first. A term is a
// plane, whose bits it is, or a lookup: planes whose bits name a vector, of
// which an element takes one component. Everything that reads codes goes
// through terms; what only has to know which bits belong to a field goes
// through planes.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_IR_FIELDTERMS_H
#define RLX_IR_FIELDTERMS_H

#include "ir/Scheme.h"

namespace rlx {

struct FieldTerm {
  llvm::ArrayRef<PlaneAttr> planes; ///< One where there is no lookup.
  LookupAttr lookup;                ///< May be null.

  /// Bits of the element's code that the term gives.
  unsigned width() const {
    return lookup ? lookup.width() : planes.front().width();
  }
  /// The term's part of the code of `element`, given the bits of all planes,
  /// the first one lowest.
  uint64_t part(uint64_t stored, int64_t element) const;
};

/// The terms of `field`, whose memory they are in.
llvm::SmallVector<FieldTerm, 2> termsOf(FieldAttr field);

/// Which component of the vector `element` of a block takes.
int64_t componentOf(LookupAttr lookup, int64_t element);

/// The code of `element`; `read` gives the stored bits of a plane.
uint64_t
readCode(FieldAttr field, int64_t element,
         llvm::function_ref<uint64_t(PlaneAttr plane, int64_t element)> read);

/// Where an element's code lies: the first bits of all planes, and the
/// components that it takes. Elements with the same places share the code.
llvm::SmallVector<int64_t> placesOf(FieldAttr field, int64_t element);

/// A codebook whose entry for `code` is step * code + start, exactly, in double
/// precision and in f32.
struct LinearCodebook {
  double step, start;
  bool isSigned = false; ///< The code is two's complement.
};
/// Whether `codebook` is one. Those of four entries and less are tables.
std::optional<LinearCodebook> linearCodebook(mlir::DenseF64ArrayAttr codebook);

//===----------------------------------------------------------------------===//
// Tables with a name in the language
//===----------------------------------------------------------------------===//

/// Vectors of bits: those of the index, and above them one that makes the
/// number of ones even.
llvm::SmallVector<int64_t> parityVectors(unsigned indexBits);
/// Vectors of `width` bits a component: the digits in base `base` that follow
/// the point in index / 2^indexBits, the first one lowest; as many as an index
/// tells apart and 32 bits hold.
llvm::SmallVector<int64_t> digitVectors(unsigned indexBits, int64_t base,
                                        unsigned width);
/// The bits of the planes that name a vector.
unsigned indexBits(LookupAttr lookup);
/// The base where the vectors are digits.
std::optional<int64_t> baseOfDigits(LookupAttr lookup);

} // namespace rlx

#endif // RLX_IR_FIELDTERMS_H
