//===- PackedLayout.cpp - How packed weights lie in memory ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/cpu/packed/PackedLayout.h"

#include "ir/Reference.h"
#include "ir/SideIndex.h"

#include <cmath>
#include <numeric>

using namespace mlir;
using namespace rlx;

SmallVector<PackedBits> rlx::packBits(int64_t count, unsigned width) {
  SmallVector<PackedBits> bits;
  int64_t stored = count * width / 8;
  unsigned whole = 8 / width;
  for (int64_t codes = 0; codes < stored * whole; ++codes)
    bits.push_back(
        {codes, 0, width, codes / whole, unsigned(codes % whole) * width});
  int64_t vector = 0;
  unsigned position = whole * width;
  for (int64_t codes = stored * whole; codes < count; ++codes)
    for (unsigned shift = 0; shift < width;) {
      if (position == 8) {
        ++vector;
        position = whole * width;
      }
      unsigned length = std::min(width - shift, 8 - position);
      bits.push_back({codes, shift, length, vector, position});
      shift += length;
      position += length;
    }
  return bits;
}

/// The factor of the offset that dot products can multiply with sums: the only
/// one that changes within a K block, used nowhere else, an unsigned integer of
/// at most 8 bits. The sums of a K block then fit 32 bits.
static FieldAttr dotMinimumOf(SchemeAttr scheme,
                              llvm::function_ref<bool(FieldAttr)> isInner) {
  FieldAttr found;
  for (FieldAttr field : scheme.getOffset()) {
    if (!isInner(field))
      continue;
    if (found)
      return nullptr;
    found = field;
  }
  bool isBytes = found && found.isInteger() && found.width() <= 8 &&
                 !found.getType().isSignedInteger() && found.getBias() == 0;
  if (!isBytes || scheme.getZero() ||
      llvm::is_contained(scheme.getScale(), found))
    return nullptr;
  return found;
}

std::optional<PackedLayout> PackedLayout::create(QuantScheme scheme, int64_t k,
                                                 int64_t lanes,
                                                 std::string &reason) {
  std::optional<IntegerCodes> codes =
      IntegerCodes::of(scheme.attr().getCode(), reason);
  if (!codes)
    return std::nullopt;
  if (k % kStep != 0) {
    reason = "K is no multiple of " + std::to_string(kStep);
    return std::nullopt;
  }
  PackedLayout layout(std::move(*codes));
  layout.lanes = lanes;
  layout.k = k;

  // Sums of products of a K block with bytes of activations, and of a group
  // with activations of 16 bits, fit 32 bits then.
  constexpr int64_t largestCode = (1 << 11) - 1;
  if (layout.codes.largest() > largestCode) {
    reason = "codes minus their bias reach " +
             std::to_string(layout.codes.largest()) +
             ", with which sums of products may not fit 32 bits; expected at "
             "most " +
             std::to_string(largestCode);
    return std::nullopt;
  }

  // How far each field reaches along K, which may be longer than a block. What
  // does not change at the ends of K steps is outer; all else is inner, in
  // groups that divide its own.
  constexpr int64_t longestKBlock = 256;
  SmallVector<FieldAttr> fields = scheme.fields();
  fields.erase(fields.begin()); // the code
  llvm::DenseMap<FieldAttr, bool> isInner;
  layout.kBlock = std::gcd(longestKBlock, k);
  layout.sumGroup = kStep;
  for (FieldAttr field : fields) {
    int64_t group = groupLength(scheme, field, k);
    isInner[field] = group <= kStep || group % kStep != 0;
    if (isInner[field])
      layout.sumGroup = std::gcd(layout.sumGroup, group);
    else
      layout.kBlock = std::gcd(layout.kBlock, group);
  }
  constexpr int64_t shortestGroup = 16;
  if (layout.sumGroup < shortestGroup) {
    reason = "scales change within " + std::to_string(shortestGroup) +
             " elements of K";
    return std::nullopt;
  }

  layout.bits = packBits(kStep / 4, layout.codes.width);
  layout.kStepBytes = layout.codeVectors() * 4 * lanes;
  FieldAttr dotMinimum = dotMinimumOf(
      scheme.attr(), [&](FieldAttr field) { return isInner[field]; });
  if (layout.kBlock / layout.sumGroup % 4 != 0)
    dotMinimum = nullptr;
  for (FieldAttr field : fields) {
    if (field == dotMinimum) {
      layout.dotMinimum = {field, layout.sumGroup, 1, layout.headerBytes};
      int64_t vectors = layout.dotMinimumVectors();
      bool fill = vectors * field.width() % 8 == 0;
      layout.dotMinimumBits = packBits(vectors, fill ? field.width() : 8);
      layout.headerBytes += layout.storedDotMinimumVectors() * 4 * lanes;
      continue;
    }
    int64_t bytes = field.width() <= 8 ? 1 : field.width() <= 16 ? 2 : 4;
    if (!isInner[field]) {
      layout.outer.push_back({field, layout.kBlock, bytes, layout.headerBytes});
      layout.headerBytes += bytes * lanes;
    } else {
      int64_t groups = kStep / layout.sumGroup;
      int64_t together = groups * field.width() <= 8 ? groups : 1;
      layout.inner.push_back(
          {field, layout.sumGroup, bytes, layout.kStepBytes, together});
      layout.kStepBytes += bytes * lanes * groups / together;
    }
  }
  return layout;
}

PackedLayout PackedLayout::reencoded() const {
  PackedLayout plain = *this;
  plain.codes = IntegerCodes();
  plain.codes.width = 8;
  plain.codes.bias = 128;
  plain.codes.below = 256;
  plain.bits = packBits(kStep / 4, plain.codes.width);
  plain.outer.clear();
  plain.inner.clear();
  plain.dotMinimum.reset();
  plain.dotMinimumBits.clear();
  plain.headerBytes = 0;
  plain.kStepBytes = plain.codeVectors() * 4 * lanes;
  return plain;
}

PackedLayout PackedLayout::widened() const {
  constexpr int64_t bytes = 256;
  PackedLayout wide = *this;
  unsigned distance = 0;
  while ((codes.below - 1) << (distance + 1) < bytes)
    ++distance;
  wide.codes.bias <<= distance;
  wide.codes.below = ((codes.below - 1) << distance) + 1;
  wide.codes.unit = std::ldexp(codes.unit, -int(distance));
  for (int8_t &entry : wide.codes.table)
    entry = int8_t(uint8_t(entry) << distance);
  if (codes.table.empty())
    for (PackedBits &some : wide.bits)
      some.shift += distance;
  return wide;
}
