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

/// The most elements of K, a power of two or 192, that divide `k`. A tile's
/// sums wait in memory between K blocks: 192 is for rows of 576, 960 or 2880,
/// which no power of two above 64 divides.
static int64_t longestKBlock(int64_t k) {
  return k % 192 == 0 && k % 256 != 0 ? 192 : std::gcd(int64_t(256), k);
}

std::optional<PackedLayout> PackedLayout::create(QuantScheme scheme, int64_t k,
                                                 int64_t lanes,
                                                 int64_t activationGroup,
                                                 std::string &reason) {
  std::optional<IntegerCodes> codes =
      IntegerCodes::of(scheme.attr().getCode(), reason);
  if (!codes)
    return std::nullopt;
  if (scheme.attr().getRounded()) {
    reason = "its values are rounded";
    return std::nullopt;
  }
  if (k % kStep != 0) {
    reason = "K is no multiple of " + std::to_string(kStep);
    return std::nullopt;
  }
  // Sums of products of a K block with bytes of activations, and of a group
  // with activations of 16 bits, fit 32 bits then.
  constexpr int64_t largestCode = (1 << 11) - 1;
  if (codes->largest() > largestCode) {
    reason = "codes minus their bias reach " +
             std::to_string(codes->largest()) +
             ", with which sums of products may not fit 32 bits; expected at "
             "most " +
             std::to_string(largestCode);
    return std::nullopt;
  }

  // How far each field reaches along K, which may be longer than a block. What
  // does not change at the ends of K steps lies in the header; all else lies in
  // the K steps, in groups that divide its own.
  constexpr int64_t shortestGroup = 16;
  SmallVector<FieldAttr> fields = scheme.fields();
  llvm::DenseMap<FieldAttr, bool> isInner;
  int64_t kBlock = longestKBlock(k), sumGroup = kStep;
  for (FieldAttr field : llvm::drop_begin(fields)) {
    int64_t group = groupLength(scheme, field, k);
    isInner[field] = group <= kStep || group % kStep != 0;
    if (isInner[field])
      sumGroup = std::gcd(sumGroup, group);
    else
      kBlock = std::gcd(kBlock, group);
  }
  if (sumGroup < shortestGroup) {
    reason = "scales change within " + std::to_string(shortestGroup) +
             " elements of K";
    return std::nullopt;
  }

  FieldAttr dotMinimum = dotMinimumOf(
      scheme.attr(), [&](FieldAttr field) { return isInner[field]; });
  // Minima multiply sums of a whole K block, which has one scale then.
  bool hasGroups = activationGroup < kBlock;
  if (kBlock / sumGroup % 4 != 0 || hasGroups)
    dotMinimum = nullptr;
  SmallVector<int64_t> header, steps;
  int64_t minimum = 0;
  for (auto [index, field] : llvm::enumerate(fields))
    if (field == dotMinimum)
      minimum = int64_t(index);
    else if (index > 0)
      (isInner[field] ? steps : header).push_back(int64_t(index));
  MLIRContext *context = scheme.attr().getContext();
  auto list = [&](ArrayRef<int64_t> some) {
    return some.empty() ? DenseI64ArrayAttr()
                        : DenseI64ArrayAttr::get(context, some);
  };
  // The bytes follow from the rest.
  auto attrOf = [&](int64_t blockBytes) {
    return PackedAttr::get(context, lanes, kBlock, sumGroup, blockBytes,
                           list(header), list(steps), minimum,
                           hasGroups ? activationGroup : 0);
  };
  PackedLayout layout(scheme, std::move(*codes), k, attrOf(1));
  layout.attr = attrOf(layout.kBlockBytes());
  return layout;
}

PackedLayout::PackedLayout(QuantScheme scheme, IntegerCodes integers, int64_t k,
                           PackedAttr attr)
    : codes(std::move(integers)), lanes(attr.getLanes()), k(k),
      kBlock(attr.getKBlock()),
      activationGroup(attr.getActivationGroup() ? attr.getActivationGroup()
                                                : kBlock),
      sumGroup(attr.getGroup()), attr(attr) {
  SmallVector<FieldAttr> fields = scheme.fields();
  bits = packBits(kStep / 4, codes.width);
  kStepBytes = codeVectors() * 4 * lanes;
  auto bytesOf = [](FieldAttr field) {
    return field.width() <= 8 ? 1 : field.width() <= 16 ? 2 : 4;
  };
  auto indices = [](DenseI64ArrayAttr some) {
    return some ? some.asArrayRef() : ArrayRef<int64_t>();
  };
  auto addMinimum = [&] {
    FieldAttr field = fields[attr.getMinimum()];
    dotMinimum = {field, sumGroup, 1, headerBytes};
    int64_t vectors = dotMinimumVectors();
    bool fill = vectors * field.width() % 8 == 0;
    dotMinimumBits = packBits(vectors, fill ? field.width() : 8);
    headerBytes += storedDotMinimumVectors() * 4 * lanes;
  };
  // Fields lie in the order of their numbers.
  for (int64_t index : indices(attr.getHeader())) {
    if (attr.getMinimum() && !dotMinimum && attr.getMinimum() < index)
      addMinimum();
    int64_t bytes = bytesOf(fields[index]);
    outer.push_back({fields[index], kBlock, bytes, headerBytes});
    headerBytes += bytes * lanes;
  }
  if (attr.getMinimum() && !dotMinimum)
    addMinimum();
  for (int64_t index : indices(attr.getSteps())) {
    FieldAttr field = fields[index];
    int64_t bytes = bytesOf(field), groups = kStep / sumGroup;
    int64_t together = groups * field.width() <= 8 ? groups : 1;
    inner.push_back({field, sumGroup, bytes, kStepBytes, together});
    kStepBytes += bytes * lanes * groups / together;
  }
}

PackedLayout PackedLayout::of(QuantAttr quant, int64_t k, PackedAttr attr) {
  QuantScheme scheme(quant.getScheme());
  std::string reason;
  return PackedLayout(
      scheme, *IntegerCodes::of(scheme.attr().getCode(), reason), k, attr);
}

PackedLayout PackedLayout::of(PackedMatmulOp op) {
  return of(op.getScheme(),
            cast<ShapedType>(op.getX().getType()).getShape().back(),
            op.getLayout());
}

PackedLayout PackedLayout::of(PackWeightOp op) {
  QuantScheme scheme(op.getScheme().getScheme());
  int64_t bytes = cast<ShapedType>(op.getWeight().getType()).getShape().back();
  return of(op.getScheme(), bytes / scheme.blockBytes() * scheme.block(),
            op.getLayout());
}

PackedLayout PackedLayout::reencoded() const {
  PackedLayout plain = *this;
  plain.codes = IntegerCodes();
  plain.codes.width = 8;
  plain.codes.bias = 128;
  plain.codes.below = 256;
  plain.activationGroup = kBlock;
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
