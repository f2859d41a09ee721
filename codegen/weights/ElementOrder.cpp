//===- ElementOrder.cpp - Where elements lie in a whole tensor ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/weights/ElementOrder.h"

#include "ir/Nesting.h"
#include "ir/SideIndex.h"

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Diagnostics.h"

#include <algorithm>
#include <cstring>

using namespace mlir;
using namespace rlx;

/// Whether an expression is a sum of terms that depend on one dimension each.
static bool isSumOfDimensions(AffineExpr expr) {
  if (!expr.isFunctionOfDim(0) || !expr.isFunctionOfDim(1))
    return true;
  auto binary = cast<AffineBinaryOpExpr>(expr);
  if (binary.getKind() == AffineExprKind::Add)
    return isSumOfDimensions(binary.getLHS()) &&
           isSumOfDimensions(binary.getRHS());
  return binary.getKind() == AffineExprKind::Mul &&
         isSumOfDimensions(binary.getLHS()) &&
         isSumOfDimensions(binary.getRHS());
}

/// `TYPE at MAP`: the width of the type, and the map.
static llvm::Expected<std::pair<unsigned, AffineMap>>
parsePlane(MLIRContext &context, StringRef text) {
  if (llvm::Error error = checkNesting(text, "the order of codes"))
    return error;
  auto [typeText, mapText] = text.split(" at ");
  ScopedDiagnosticHandler silence(&context,
                                  [](Diagnostic &) { return success(); });
  Type type = parseType(typeText.trim(), &context);
  auto map = dyn_cast_or_null<AffineMapAttr>(
      parseAttribute(("affine_map<" + mapText.trim() + ">").str(), &context));
  constexpr unsigned widest = 32;
  if (!type || !type.isIntOrFloat() || type.getIntOrFloatBitWidth() == 0 ||
      type.getIntOrFloatBitWidth() > widest || !map ||
      map.getValue().getNumDims() != 2 || map.getValue().getNumSymbols() != 0 ||
      map.getValue().getNumResults() != 2)
    return llvm::createStringError(
        "expected an order 'TYPE at (n, k) -> (byte, bit)', but got '" + text +
        "'");
  return std::pair(type.getIntOrFloatBitWidth(), map.getValue());
}

llvm::Expected<ElementOrder> ElementOrder::parse(MLIRContext &context,
                                                 StringRef text, int64_t rows,
                                                 int64_t columns) {
  ElementOrder order;
  SmallVector<StringRef> texts;
  text.split(texts, "++");
  for (StringRef planeText : texts) {
    auto parsed = parsePlane(context, planeText.trim());
    if (!parsed)
      return parsed.takeError();
    auto [width, map] = *parsed;
    if (!llvm::all_of(map.getResults(), isSumOfDimensions))
      return llvm::createStringError(
          "expected a position that is a sum of what depends on n and of what "
          "depends on k, but got '" +
          planeText + "'");
    Plane plane{width, {}, {}};
    // Positions of tensors have 64 bits; half of them leaves room for sums.
    constexpr int64_t most = int64_t(1) << 56;
    bool isFit = true;
    auto bitAt = [&](int64_t n, int64_t k) -> int64_t {
      auto byte = evaluateWithin(map.getResult(0), {n, k}, most);
      auto bit = evaluateWithin(map.getResult(1), {n, k}, most);
      isFit &= byte && bit;
      return isFit ? 8 * *byte + *bit : 0;
    };
    int64_t first = bitAt(0, 0);
    for (int64_t n = 0; n < rows; ++n)
      plane.ofRow.push_back(bitAt(n, 0));
    for (int64_t k = 0; k < columns; ++k)
      plane.ofColumn.push_back(bitAt(0, k) - first);
    if (!isFit ||
        *llvm::min_element(plane.ofRow) + *llvm::min_element(plane.ofColumn) <
            0)
      return llvm::createStringError(
          "expected positions inside a tensor, but got '" + planeText + "'");
    order.planes.push_back(std::move(plane));
  }
  return order;
}

ElementOrder ElementOrder::ofCodes(QuantScheme scheme, int64_t rows,
                                   int64_t columns) {
  ElementOrder order;
  for (PlaneAttr from : scheme.attr().getCode().getPlanes()) {
    Plane plane{from.width(), {}, {}};
    for (int64_t n = 0; n < rows; ++n)
      plane.ofRow.push_back(8 * scheme.rowBytes(columns) * n);
    for (int64_t k = 0; k < columns; ++k)
      plane.ofColumn.push_back(8 * scheme.blockBytes() * (k / scheme.block()) +
                               firstBit(from, k % scheme.block()));
    order.planes.push_back(std::move(plane));
  }
  return order;
}

ElementOrder ElementOrder::dense(unsigned width, int64_t rows,
                                 int64_t columns) {
  Plane plane{width, {}, {}};
  for (int64_t n = 0; n < rows; ++n)
    plane.ofRow.push_back(int64_t(width) * columns * n);
  for (int64_t k = 0; k < columns; ++k)
    plane.ofColumn.push_back(int64_t(width) * k);
  ElementOrder order;
  order.planes.push_back(std::move(plane));
  return order;
}

unsigned ElementOrder::width() const {
  unsigned width = 0;
  for (const Plane &plane : planes)
    width += plane.width;
  return width;
}

int64_t ElementOrder::bytes() const {
  int64_t bits = 0;
  for (const Plane &plane : planes)
    bits = std::max(bits, *llvm::max_element(plane.ofRow) +
                              *llvm::max_element(plane.ofColumn) +
                              int64_t(plane.width));
  return (bits + 7) / 8;
}

void ElementOrder::permuteColumns(ArrayRef<int64_t> order) {
  for (Plane &plane : planes) {
    std::vector<int64_t> permuted;
    for (int64_t column : order)
      permuted.push_back(plane.ofColumn[column]);
    plane.ofColumn = std::move(permuted);
  }
}

uint64_t ElementOrder::read(const uint8_t *bytes, int64_t row,
                            int64_t column) const {
  uint64_t bits = 0;
  unsigned shift = 0;
  for (const Plane &plane : planes) {
    int64_t first = plane.ofRow[row] + plane.ofColumn[column];
    int64_t last = (first + plane.width - 1) / 8;
    uint64_t window = 0;
    for (int64_t byte = first / 8; byte <= last; ++byte)
      window |= uint64_t(bytes[byte]) << (8 * (byte - first / 8));
    uint64_t mask = (uint64_t(1) << plane.width) - 1;
    bits |= (window >> (first % 8) & mask) << shift;
    shift += plane.width;
  }
  return bits;
}

bool ElementOrder::hasWholeRows(int64_t columns) const {
  // Rows that follow each other, each from a whole byte on.
  for (const Plane &plane : planes) {
    int64_t first = plane.ofColumn.front(), last = first;
    for (int64_t k = 0; k < columns; ++k) {
      first = std::min(first, plane.ofColumn[k] / 8 * 8);
      last = std::max(last, plane.ofColumn[k] + int64_t(plane.width));
    }
    for (size_t n = 0; n < plane.ofRow.size(); ++n)
      if (plane.ofRow[n] % 8 != 0 ||
          (n > 0 && plane.ofRow[n] - plane.ofRow[n - 1] < last - first))
        return false;
  }
  return true;
}

void rlx::copyRow(const ElementOrder &from, const ElementOrder &to, int64_t row,
                  int64_t columns, const uint8_t *source, uint8_t *target) {
  const ElementOrder::Plane &a = from.planes.front(), &b = to.planes.front();
  bool areBytes = from.planes.size() == 1 && to.planes.size() == 1 &&
                  a.width == b.width && a.width % 8 == 0;
  auto follows = [](const ElementOrder::Plane &plane, int64_t k) {
    return plane.ofColumn[k] - plane.ofColumn[k - 1] == plane.width;
  };
  for (int64_t k = 0; k < columns;) {
    int64_t begin = k++, first = a.ofRow[row] + a.ofColumn[begin],
            place = b.ofRow[row] + b.ofColumn[begin];
    if (!areBytes || first % 8 != 0 || place % 8 != 0) {
      to.write(target, row, begin, from.read(source, row, begin));
      continue;
    }
    // Bytes that lie side by side in both.
    while (k < columns && follows(a, k) && follows(b, k))
      ++k;
    std::memcpy(target + place / 8, source + first / 8,
                (k - begin) * (a.width / 8));
  }
}

void ElementOrder::write(uint8_t *bytes, int64_t row, int64_t column,
                         uint64_t bits) const {
  for (const Plane &plane : planes) {
    int64_t first = plane.ofRow[row] + plane.ofColumn[column];
    int64_t last = (first + plane.width - 1) / 8;
    uint64_t mask = (uint64_t(1) << plane.width) - 1;
    uint64_t window = (bits & mask) << (first % 8);
    for (int64_t byte = first / 8; byte <= last; ++byte)
      bytes[byte] |= uint8_t(window >> (8 * (byte - first / 8)));
    bits >>= plane.width;
  }
}
