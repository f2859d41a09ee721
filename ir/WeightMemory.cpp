//===- WeightMemory.cpp - What a weight takes in memory -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ir/WeightMemory.h"

#include "llvm/ADT/BitVector.h"
#include "llvm/Support/CheckedArithmetic.h"

using namespace mlir;
using namespace rlx;

static std::string textOf(ArrayRef<int64_t> shape) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  llvm::interleaveComma(shape, stream);
  return "[" + text + "]";
}

/// Few enough elements that no sum of bits overflows: a block, its scales and
/// its padding have at most 2^16 bits an element.
static llvm::Expected<int64_t> countElements(ArrayRef<int64_t> shape) {
  constexpr int64_t most = int64_t(1) << 47;
  int64_t count = 1;
  for (int64_t size : shape) {
    if (size < 1)
      return llvm::createStringError(
          "expected a shape of known sizes of at least 1, but got " +
          textOf(shape));
    std::optional<int64_t> product = llvm::checkedMul(count, size);
    if (!product || *product > most)
      return llvm::createStringError(
          "expected a shape of at most 2^47 elements, but got " +
          textOf(shape));
    count = *product;
  }
  return count;
}

/// How many bits of a block `field` reads; marks them.
static int64_t markBits(FieldAttr field, int64_t block, llvm::BitVector &read) {
  int64_t before = read.count();
  for (int64_t i = 0; i < block; ++i)
    for (PlaneAttr plane : field.getPlanes()) {
      int64_t first = firstBit(plane, i);
      for (int64_t bit = first; bit < first + int64_t(plane.width()); ++bit)
        if (bit >= 0 && bit < int64_t(read.size()))
          read.set(bit);
    }
  return int64_t(read.count()) - before;
}

llvm::Expected<WeightMemory> WeightMemory::plain(int64_t elementBits,
                                                 ArrayRef<int64_t> shape) {
  llvm::Expected<int64_t> count = countElements(shape);
  if (!count)
    return count.takeError();
  WeightMemory memory;
  memory.elements = *count;
  memory.codeBits = *count * elementBits;
  return memory;
}

llvm::Expected<WeightMemory> WeightMemory::of(QuantScheme scheme,
                                              ArrayRef<int64_t> shape) {
  llvm::Expected<int64_t> count = ::countElements(shape);
  if (!count)
    return count.takeError();
  bool needsRows = !scheme.sideOperands().empty();
  if (shape.size() < (needsRows ? 2 : 1) || shape.back() % scheme.block() != 0)
    return llvm::createStringError(
        "expected K to be a multiple of the block size " +
        Twine(scheme.block()) + " of '" + scheme.displayName() +
        "', but got the shape " + textOf(shape));
  WeightMemory memory;
  memory.elements = *count;
  int64_t blocks = *count / scheme.block();
  llvm::BitVector read(scheme.blockBytes() * 8);
  SchemeAttr attribute = scheme.attr();
  llvm::SmallVector<StringRef> seen;
  auto bitsOf = [&](FieldAttr field) -> int64_t {
    if (!field.isSide())
      return blocks * markBits(field, scheme.block(), read);
    StringRef operand = field.getOperand().getValue();
    if (llvm::is_contained(seen, operand)) // read by two fields
      return 0;
    seen.push_back(operand);
    SideOperand side = *scheme.findSide(operand);
    int64_t bits = side.elementType.getIntOrFloatBitWidth();
    for (int64_t size : side.shape(shape))
      bits *= size;
    return bits;
  };
  memory.codeBits = bitsOf(attribute.getCode());
  for (FieldAttr field : attribute.getScale())
    memory.scaleBits += bitsOf(field);
  if (FieldAttr zero = attribute.getZero())
    memory.zeroBits += bitsOf(zero);
  for (FieldAttr field : attribute.getOffset())
    memory.zeroBits += bitsOf(field);
  memory.paddingBits = blocks * int64_t(read.size() - read.count());
  return memory;
}

WeightMemory &WeightMemory::operator+=(const WeightMemory &other) {
  elements += other.elements;
  codeBits += other.codeBits;
  scaleBits += other.scaleBits;
  zeroBits += other.zeroBits;
  paddingBits += other.paddingBits;
  return *this;
}
