//===- RowBytes.cpp - Where some rows are written -------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/quantize/RowBytes.h"

using namespace rlx;
using namespace rlx::quantize;

llvm::MutableArrayRef<uint8_t> RowBytes::sideOf(llvm::StringRef operand) const {
  if (operand == "scales")
    return bytes.scales;
  return operand == "zero_points" ? bytes.zeroPoints : bytes.globalScale;
}

void RowBytes::writeCell(const Cell &cell, Place place, uint32_t code) const {
  FieldAttr field = plan.numbers.list.fields[cell.field];
  if (!field.isSide()) {
    plan.fieldBits[cell.field]->write(blockAt(place),
                                      place.column % plan.scheme.block(), code);
    return;
  }
  llvm::StringRef operand = field.getOperand().getValue();
  SideOperand side = *plan.scheme.findSide(operand);
  llvm::SmallVector<int64_t> sizes = side.shape(plan.shape);
  int64_t index = place.row / plan.rowsPerExpert();
  for (auto [expr, size] : llvm::zip_equal(
           side.index.getResults(),
           llvm::ArrayRef(sizes).take_back(side.index.getNumResults())))
    index =
        index * size +
        rlx::evaluate(expr, {place.row % plan.rowsPerExpert(), place.column});
  unsigned width = field.width();
  writeBits(sideOf(operand).data(), index * width, width, code);
}

void RowBytes::writeSums(int64_t row) const {
  auto [length, firstByte] = *plan.rule.sums;
  for (int64_t column = 0; column < plan.columns; column += length) {
    uint8_t *block = blockAt({row, column});
    int64_t first = column % plan.scheme.block();
    double sum = 0;
    for (int64_t i = first; i < first + length; ++i)
      sum += plan.numbers.code.number(plan.codeBits.read(block, i));
    int64_t at = firstByte + 2 * (first / length);
    writeBits(block, 8 * at, 16, uint16_t(int16_t(sum)));
  }
}
