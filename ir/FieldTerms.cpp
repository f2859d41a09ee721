//===- FieldTerms.cpp - What the code of an element is made of ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ir/FieldTerms.h"

#include "llvm/Support/MathExtras.h"

#include <cmath>

using namespace mlir;
using namespace rlx;

uint64_t FieldTerm::part(uint64_t stored, int64_t element) const {
  if (!lookup)
    return stored;
  auto vector = uint64_t(lookup.getEntries()[stored]);
  return vector >> (componentOf(lookup, element) * lookup.width()) &
         ((uint64_t(1) << lookup.width()) - 1);
}

SmallVector<FieldTerm, 2> rlx::termsOf(FieldAttr field) {
  ArrayRef<PlaneAttr> planes = field.getPlanes();
  ArrayRef<LookupAttr> lookups = field.getLookups();
  SmallVector<FieldTerm, 2> terms;
  for (int64_t i = 0; i < int64_t(planes.size());) {
    if (!lookups.empty() && lookups.front().getFirst() == i) {
      terms.push_back(
          {planes.slice(i, lookups.front().getCount()), lookups.front()});
      i += lookups.front().getCount();
      lookups = lookups.drop_front();
      continue;
    }
    terms.push_back({planes.slice(i, 1), LookupAttr()});
    ++i;
  }
  return terms;
}

int64_t rlx::componentOf(LookupAttr lookup, int64_t element) {
  return evaluate(
      lookup.getComponent().getResult(pieceOf(lookup.getBounds(), element)),
      element);
}

uint64_t rlx::readCode(FieldAttr field, int64_t element,
                       llvm::function_ref<uint64_t(PlaneAttr, int64_t)> read) {
  uint64_t code = 0;
  unsigned shift = 0;
  for (const FieldTerm &term : termsOf(field)) {
    uint64_t stored = 0;
    unsigned width = 0;
    for (PlaneAttr plane : term.planes) {
      stored |= read(plane, element) << width;
      width += plane.width();
    }
    code |= term.part(stored, element) << shift;
    shift += term.width();
  }
  return code;
}

SmallVector<int64_t> rlx::placesOf(FieldAttr field, int64_t element) {
  SmallVector<int64_t> places;
  for (PlaneAttr plane : field.getPlanes())
    places.push_back(firstBit(plane, element));
  for (LookupAttr lookup : field.getLookups())
    places.push_back(componentOf(lookup, element));
  return places;
}

/// Whether entries are those of a line, if codes are signed or not.
static bool isLine(ArrayRef<double> entries, LinearCodebook line) {
  int64_t half = int64_t(entries.size()) / 2;
  for (auto [code, entry] : llvm::enumerate(entries)) {
    int64_t integer = int64_t(code);
    if (line.isSigned && integer >= half)
      integer -= 2 * half;
    float number = float(line.step) * float(integer),
          sum = line.start ? number + float(line.start) : number;
    if (double(number) != line.step * double(integer) || double(sum) != entry ||
        std::signbit(sum) != std::signbit(entry) ||
        line.step * double(integer) + line.start != entry)
      return false;
  }
  return true;
}

std::optional<LinearCodebook> rlx::linearCodebook(DenseF64ArrayAttr codebook) {
  constexpr int64_t mostInTable = 4;
  ArrayRef<double> entries = codebook.asArrayRef();
  if (int64_t(entries.size()) <= mostInTable)
    return std::nullopt;
  for (bool isSigned : {false, true})
    if (LinearCodebook line{entries[1] - entries[0], entries[0], isSigned};
        isLine(entries, line))
      return line;
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Tables with a name in the language
//===----------------------------------------------------------------------===//

SmallVector<int64_t> rlx::parityVectors(unsigned indexBits) {
  SmallVector<int64_t> vectors;
  for (int64_t index = 0; index < int64_t(1) << indexBits; ++index)
    vectors.push_back(index | int64_t(llvm::popcount(uint64_t(index)) & 1)
                                  << indexBits);
  return vectors;
}

SmallVector<int64_t> rlx::digitVectors(unsigned indexBits, int64_t base,
                                       unsigned width) {
  int64_t count = int64_t(1) << indexBits, digits = 0;
  for (int64_t numbers = base;
       numbers <= count && (digits + 1) * width <= LookupAttr::widestVector;
       numbers *= base)
    ++digits;
  SmallVector<int64_t> vectors;
  for (int64_t index = 0; index < count; ++index) {
    int64_t vector = 0, fraction = index;
    for (int64_t digit = 0; digit < digits; ++digit) {
      fraction *= base;
      vector |= fraction / count << (digit * width);
      fraction %= count;
    }
    vectors.push_back(vector);
  }
  return vectors;
}

unsigned rlx::indexBits(LookupAttr lookup) {
  return llvm::Log2_64(lookup.getEntries().size());
}

std::optional<int64_t> rlx::baseOfDigits(LookupAttr lookup) {
  ArrayRef<int64_t> entries = lookup.getEntries();
  int64_t largest = int64_t(1) << lookup.width();
  // The last vector has the largest digit in front.
  int64_t base = (entries.back() & (largest - 1)) + 1;
  if (base < 2 || ArrayRef<int64_t>(digitVectors(indexBits(lookup), base,
                                                 lookup.width())) != entries)
    return std::nullopt;
  return base;
}
