//===- RowBytes.h - Where some rows are written -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_CODEGEN_QUANTIZE_ROWBYTES_H
#define RLX_CODEGEN_QUANTIZE_ROWBYTES_H

#include "codegen/quantize/WeightPlan.h"

namespace rlx::quantize {

/// Writes codes of fields to the blocks of the rows from `begin` on, and to the
/// whole side tensors.
class RowBytes {
public:
  RowBytes(const WeightPlan &plan, int64_t begin, QuantizedBytes bytes);

  /// An element; rows count through all experts.
  struct Place {
    int64_t row, column;
  };
  /// The block that has it.
  uint8_t *blockAt(Place place) const {
    return bytes.blocks.data() +
           (place.row - begin) * plan.scheme.rowBytes(plan.columns) +
           place.column / plan.scheme.block() * plan.scheme.blockBytes();
  }
  void writeCode(Place place, uint32_t code) const {
    plan.codeBits.write(blockAt(place), place.column % plan.scheme.block(),
                        code);
  }
  /// The code of a field that the element reads.
  void writeCell(const Cell &cell, Place place, uint32_t code) const;
  /// What they write.
  uint32_t readCode(Place place) const {
    return plan.codeBits.read(blockAt(place),
                              place.column % plan.scheme.block());
  }
  uint32_t readField(int field, Place place) const;
  /// Sums of codes, where the plan's rule has a place for them.
  void writeSums(int64_t row) const;

private:
  llvm::MutableArrayRef<uint8_t> sideOf(llvm::StringRef operand) const;
  /// The first bit of what a place reads of a side tensor.
  int64_t sideBit(int field, Place place) const;

  const WeightPlan &plan;
  int64_t begin;
  QuantizedBytes bytes;
  /// Of each field that lies in a side tensor: its place, and the sizes of the
  /// tensor but for the experts.
  struct Side {
    mlir::AffineMap index;
    llvm::SmallVector<int64_t> sizes;
    llvm::MutableArrayRef<uint8_t> bytes;
  };
  llvm::SmallVector<std::optional<Side>> sides;
};

} // namespace rlx::quantize

#endif // RLX_CODEGEN_QUANTIZE_ROWBYTES_H
