//===- FieldBits.h - The bits of a field in a block -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes codes to where a description says that they lie, and reads them.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_QUANTIZE_FIELDBITS_H
#define RLX_CODEGEN_QUANTIZE_FIELDBITS_H

#include "ir/FieldTerms.h"

#include <vector>

namespace rlx::quantize {

/// `width` bits from bit `first` on, least significant first.
void writeBits(uint8_t *bytes, int64_t first, unsigned width, uint32_t bits);
uint32_t readBits(const uint8_t *bytes, int64_t first, unsigned width);

class FieldBits {
public:
  /// For a field of the block.
  FieldBits(QuantScheme scheme, FieldAttr field);

  /// For fields without lookups.
  void write(uint8_t *block, int64_t element, uint32_t code) const;
  uint32_t read(const uint8_t *block, int64_t element) const;

private:
  struct Plane {
    unsigned width;
    bool isNarrow = true;           ///< No element's bits cross a byte.
    std::vector<int64_t> firstBits; ///< Of each element.
  };
  llvm::SmallVector<Plane, 2> planes;
  llvm::SmallVector<FieldTerm, 2> terms; ///< Of a field that is looked up.
};

} // namespace rlx::quantize

#endif // RLX_CODEGEN_QUANTIZE_FIELDBITS_H
