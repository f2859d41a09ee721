//===- DeviceBlockLayout.cpp - How weights lie for devices ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/gpu/layout/DeviceBlockLayout.h"

#include "ir/SideIndex.h"

#include "mlir/IR/Builders.h"
#include "llvm/Support/MathExtras.h"

#include <numeric>

using namespace mlir;
using namespace rlx;

int64_t rlx::runLength(QuantScheme scheme, FieldAttr field, int64_t k,
                       int64_t deviceBlock) {
  int64_t group = groupLength(scheme, field, k);
  // What is the same for the whole row is so beyond its end.
  return group == k && field.isSide() ? deviceBlock
                                      : std::gcd(group, deviceBlock);
}

namespace {
/// A plane that is yet to be placed.
struct PlacedPlane {
  size_t field;
  unsigned width, shift;
  int64_t group, items, start = 0;

  /// Bits it takes: whole words, or a power of two within one.
  int64_t bits() const {
    int64_t needed = items * width;
    return needed > wordBits ? llvm::alignTo(needed, wordBits)
                             : int64_t(llvm::PowerOf2Ceil(needed));
  }
  /// The bit of item `item`, counted from the start.
  AffineExpr bit(AffineExpr item) const {
    int64_t perWord = wordBits / width;
    if (group > 1 || width >= 8 || items % perWord != 0)
      return item * width;
    return item.floorDiv(perWord) * wordBits + item % 4 * 8 +
           (item % perWord).floorDiv(4) * width;
  }
};
} // namespace

DeviceBlockLayout DeviceBlockLayout::create(QuantScheme scheme, int64_t k,
                                            int64_t words) {
  constexpr int64_t longest = 256, unit = 32;
  const int64_t length = k >= longest ? longest : llvm::alignTo(k, unit);
  MLIRContext *context = scheme.attr().getContext();
  SmallVector<FieldAttr> fields = scheme.fields();
  std::vector<PlacedPlane> planes;
  for (auto [index, field] : llvm::enumerate(fields)) {
    int64_t group = runLength(scheme, field, k, length);
    unsigned shift = 0;
    for (unsigned width : {32u, 16u, 8u, 4u, 2u, 1u}) {
      if (!(field.width() & width))
        continue;
      planes.push_back({index, width, shift, group, length / group});
      shift += width;
    }
  }
  // Falling sizes leave no gaps: what is smaller than a word is a power of two.
  std::vector<PlacedPlane *> order;
  for (PlacedPlane &plane : planes)
    order.push_back(&plane);
  llvm::stable_sort(order,
                    [](auto *a, auto *b) { return a->bits() > b->bits(); });
  int64_t bits = 0, used = 0;
  for (PlacedPlane *plane : order) {
    plane->start = bits;
    bits += plane->bits();
    used += plane->items * plane->width;
  }
  bits = llvm::alignTo(bits, words * wordBits);

  auto placed = [&](size_t index) {
    FieldAttr field = fields[index];
    SmallVector<PlaneAttr> attributes;
    for (const PlacedPlane &plane : planes) {
      if (plane.field != index)
        continue;
      AffineExpr item = getAffineDimExpr(0, context).floorDiv(plane.group);
      AffineExpr bit = plane.items == 1
                           ? getAffineConstantExpr(plane.start % 8, context)
                           : plane.start % 8 + plane.bit(item);
      auto position = AffineMap::get(
          1, 0, {getAffineConstantExpr(plane.start / 8, context), bit},
          context);
      auto type = IntegerType::get(context, plane.width, IntegerType::Unsigned);
      attributes.push_back(PlaneAttr::get(context, type, position));
    }
    return FieldAttr::get(context, attributes, StringAttr(), field.getType(),
                          field.getCodebook(), field.getBias(),
                          field.getNanAsZero());
  };
  SchemeAttr source = scheme.attr();
  size_t next = 0;
  FieldAttr code = placed(next++), zero;
  if (source.getZero())
    zero = placed(next++);
  SmallVector<FieldAttr> scale, offset;
  for (size_t i = 0; i < source.getScale().size(); ++i)
    scale.push_back(placed(next++));
  for (size_t i = 0; i < source.getOffset().size(); ++i)
    offset.push_back(placed(next++));
  auto name = StringAttr::get(context,
                              scheme.displayName() + ".device" + Twine(length));
  auto deviceBlock = SchemeAttr::get(
      context, name, StringAttr(), length, bits / 8, bits - used, code, zero,
      scale, offset, source.getOffsetNegative(), source.getRounded());
  return DeviceBlockLayout(QuantScheme(deviceBlock), k);
}

SmallVector<DeviceBlockPlane> DeviceBlockLayout::planes(FieldAttr field) const {
  SmallVector<DeviceBlockPlane> planes;
  int64_t shift = 0;
  for (PlaneAttr plane : field.getPlanes()) {
    int64_t start = firstBit(plane, 0), group = 1;
    while (group < length() && firstBit(plane, group) == start)
      ++group;
    bool inBytes = group == 1 && plane.width() < 8 && length() > 1 &&
                   firstBit(plane, 1) == start + 8;
    planes.push_back({start, plane.width(), shift, group, inBytes});
    shift += plane.width();
  }
  return planes;
}
