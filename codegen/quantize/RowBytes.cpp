//===- RowBytes.cpp - Where some rows are written -------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/quantize/RowBytes.h"

using namespace rlx;
using namespace rlx::quantize;

RowBytes::RowBytes(const WeightPlan &plan, int64_t begin, QuantizedBytes bytes)
    : plan(plan), begin(begin), bytes(bytes) {
  for (FieldAttr field : plan.numbers.list.fields) {
    std::optional<Side> &place = sides.emplace_back();
    if (!field.isSide())
      continue;
    llvm::StringRef operand = field.getOperand().getValue();
    SideOperand side = *plan.scheme.findSide(operand);
    llvm::SmallVector<int64_t> sizes = side.shape(plan.shape);
    place.emplace(side.index,
                  llvm::SmallVector<int64_t>(llvm::ArrayRef(sizes).take_back(
                      side.index.getNumResults())),
                  sideOf(operand));
  }
}

llvm::MutableArrayRef<uint8_t> RowBytes::sideOf(llvm::StringRef operand) const {
  if (operand == "scales")
    return bytes.scales;
  return operand == "zero_points" ? bytes.zeroPoints : bytes.globalScale;
}

void RowBytes::writeCell(const Cell &cell, Place place, uint32_t code) const {
  if (!sides[cell.field]) {
    plan.fieldBits[cell.field]->write(blockAt(place),
                                      place.column % plan.scheme.block(), code);
    return;
  }
  writeBits(sides[cell.field]->bytes.data(), sideBit(cell.field, place),
            plan.numbers.list.fields[cell.field].width(), code);
}

uint32_t RowBytes::readField(int field, Place place) const {
  if (!sides[field])
    return plan.fieldBits[field]->read(blockAt(place),
                                       place.column % plan.scheme.block());
  return uint32_t(readBits(sides[field]->bytes.data(), sideBit(field, place),
                           plan.numbers.list.fields[field].width()));
}

int64_t RowBytes::sideBit(int field, Place place) const {
  const Side &side = *sides[field];
  int64_t index = place.row / plan.rowsPerExpert();
  for (auto [expr, size] : llvm::zip_equal(side.index.getResults(), side.sizes))
    index =
        index * size +
        rlx::evaluate(expr, {place.row % plan.rowsPerExpert(), place.column});
  return index * int64_t(plan.numbers.list.fields[field].width());
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
