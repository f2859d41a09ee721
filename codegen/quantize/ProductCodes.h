//===- ProductCodes.h - Vectors that leave codes free -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where stored bits name vectors of a table and each combination of components
// is one of them, as of the digits of a byte, elements choose their codes as if
// each had its own. What is left is to find the bits that name a combination.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_QUANTIZE_PRODUCTCODES_H
#define RLX_CODEGEN_QUANTIZE_PRODUCTCODES_H

#include "ir/FieldTerms.h"

#include <optional>
#include <vector>

namespace rlx::quantize {

class ProductCodes {
public:
  /// None where a choice of one element leaves others fewer codes, or where
  /// components of a vector have different codes.
  static std::optional<ProductCodes> create(QuantScheme scheme);

  /// Writes a code of each element, one that vectors have, into a block.
  void store(const uint8_t *codes, uint8_t *block) const;
  /// Writes the code of one element; the others keep theirs.
  void write(uint8_t *block, int64_t element, uint32_t code) const;

private:
  struct Member {
    int32_t element;
    uint8_t shift; ///< Of its component in a vector.
  };
  /// Bits that name a vector, or hold a part of one element's code.
  struct Unit {
    size_t term;
    llvm::SmallVector<int64_t, 2> firstBits; ///< Of the planes.
    int64_t byte = -1; ///< Where the bits are a whole byte.
    size_t firstMember = 0, numMembers = 0;
    size_t table = 0; ///< Its number.
  };
  struct Term {
    FieldTerm term;
    unsigned codeShift; ///< Of its part in an element's code.
    llvm::SmallVector<unsigned, 2> widths; ///< Of the planes.
  };
  /// For components of some shifts, by the bits of the vector: an index.
  struct Table {
    size_t term;
    uint64_t mask;
    std::vector<uint32_t> indexOf;
  };

  bool addTerm(QuantScheme scheme, const FieldTerm &term, unsigned codeShift);
  std::optional<size_t> tableOf(size_t term, uint64_t mask, unsigned members);
  void writeIndex(const Unit &unit, uint32_t index, uint8_t *block) const;

  std::vector<Term> terms;
  std::vector<Unit> units;
  std::vector<Member> members; ///< Of one unit after the other.
  std::vector<Table> tables;
};

} // namespace rlx::quantize

#endif // RLX_CODEGEN_QUANTIZE_PRODUCTCODES_H
