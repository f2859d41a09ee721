//===- ElementOrder.h - Where elements lie in a whole tensor ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A scheme says where bits lie in a block; an order says it of a whole tensor:
// `ui4 at (n, k) -> (byte, bit)`, planes joined by `++`. A tensor that is
// stored in one order is brought into another one by following both
// descriptions, element by element; no format has a loop of its own.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_WEIGHTS_ELEMENTORDER_H
#define RLX_CODEGEN_WEIGHTS_ELEMENTORDER_H

#include "ir/Scheme.h"

#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace rlx {

/// For tensors of `rows` x `columns` elements.
class ElementOrder {
public:
  /// Reads a text. Errors: what is no plane, a position that is not a sum of
  /// what depends on n and of what depends on k, bits before the tensor's
  /// first.
  static llvm::Expected<ElementOrder> parse(mlir::MLIRContext &context,
                                            llvm::StringRef text, int64_t rows,
                                            int64_t columns);
  /// That of the codes of a scheme, in rows of whole blocks.
  static ElementOrder ofCodes(QuantScheme scheme, int64_t rows,
                              int64_t columns);
  /// Elements of so many bits, row after row.
  static ElementOrder dense(unsigned width, int64_t rows, int64_t columns);

  /// Bits of an element, all planes together.
  unsigned width() const;
  /// Bytes up to the last bit.
  int64_t bytes() const;
  /// Column j becomes what column `order[j]` is.
  void permuteColumns(llvm::ArrayRef<int64_t> order);

  uint64_t read(const uint8_t *bytes, int64_t row, int64_t column) const;
  /// Into bytes whose bits there are 0.
  void write(uint8_t *bytes, int64_t row, int64_t column, uint64_t bits) const;

  /// Whether no byte has bits of two rows.
  bool hasWholeRows(int64_t columns) const;
  friend void copyRow(const ElementOrder &from, const ElementOrder &to,
                      int64_t row, int64_t columns, const uint8_t *source,
                      uint8_t *target);

private:
  /// Bits that lie together: the first is at `ofRow[n] + ofColumn[k]`.
  struct Plane {
    unsigned width;
    std::vector<int64_t> ofRow, ofColumn;
  };
  std::vector<Plane> planes; ///< The least significant first.
};

/// Copies a row that lies as `from` says to where `to` says, as `write` does.
void copyRow(const ElementOrder &from, const ElementOrder &to, int64_t row,
             int64_t columns, const uint8_t *source, uint8_t *target);

} // namespace rlx

#endif // RLX_CODEGEN_WEIGHTS_ELEMENTORDER_H
