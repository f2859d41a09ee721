//===- SchemeVerifier.cpp - Whether a description makes sense -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A scheme must read every bit of its block exactly once, inside the block,
// with numbers that its bits can hold. An encoding must fit the tensor it
// stands on.
//
//===----------------------------------------------------------------------===//

#include "ir/FieldTerms.h"
#include "ir/SideIndex.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>
#include <limits>
#include <map>

using namespace mlir;
using namespace rlx;

using EmitError = llvm::function_ref<InFlightDiagnostic()>;

/// Records which plane reads which bit of the block.
namespace {
class Coverage {
public:
  Coverage(int64_t bytes) : owner(bytes * 8, 0) {}

  /// Marks the bits of `plane` for all elements. Elements may share a field's
  /// bits wholly (a scale of a group) but not in part, and codes not at all.
  LogicalResult add(EmitError emitError, StringRef what, PlaneAttr plane,
                    int64_t block, bool shared) {
    ++planes;
    llvm::DenseSet<int64_t> starts;
    int64_t bits = owner.size();
    for (int64_t i = 0; i < block; ++i) {
      for (AffineExpr expr : plane.getPosition().getResults())
        if (!evaluateWithin(expr, i, largestPosition))
          return emitError()
                 << "expected the position of '" << what
                 << "' to be computed in 31 bits, but it needs more for "
                    "element "
                 << i << " of " << AffineMapAttr::get(plane.getPosition());
      int64_t first = firstBit(plane, i);
      if (first < 0 || first > bits - int64_t(plane.width()))
        return emitError() << "expected the bits of '" << what
                           << "' to lie in the block of " << bits / 8
                           << " bytes, but the " << plane.width()
                           << " bits of element " << i << " begin at bit "
                           << first;
      constexpr int64_t widestLoad = 32;
      if (first % 8 + plane.width() > widestLoad)
        return emitError() << "expected the bits of '" << what
                           << "' to lie in 4 bytes, but the " << plane.width()
                           << " bits of element " << i << " begin at bit "
                           << first;
      if (shared && !starts.insert(first).second)
        continue;
      for (int64_t bit = first, last = first + plane.width(); bit < last;
           ++bit) {
        if (owner[bit])
          return emitError() << "bit " << bit % 8 << " of byte " << bit / 8
                             << " is read twice, the second time by '" << what
                             << "' for element " << i;
        owner[bit] = planes;
      }
    }
    return success();
  }

  int64_t unread() const { return llvm::count(owner, 0); }
  int64_t firstUnread() const { return llvm::find(owner, 0) - owner.begin(); }

private:
  /// What devices compute positions in, and all of it lies in a block.
  static constexpr int64_t largestPosition =
      std::numeric_limits<int32_t>::max();
  std::vector<int> owner;
  int planes = 0;
};
} // namespace

/// Whether every divisor in `expr` is a positive constant.
static bool hasGoodDivisors(AffineExpr expr) {
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return true;
  if (binary.getKind() != AffineExprKind::Add &&
      binary.getKind() != AffineExprKind::Mul) {
    auto divisor = dyn_cast<AffineConstantExpr>(binary.getRHS());
    if (!divisor || divisor.getValue() < 1)
      return false;
  }
  return hasGoodDivisors(binary.getLHS()) && hasGoodDivisors(binary.getRHS());
}

/// Whether the form of `expr` shows that it is not negative and never falls
/// when a dimension grows. Constants are bounded, so that shapes do not
/// overflow.
static bool growsWithDimensions(AffineExpr expr) {
  if (isa<AffineDimExpr>(expr))
    return true;
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return constant.getValue() >= 0 &&
           constant.getValue() <= SchemeAttr::largestBytes;
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  return binary && binary.getKind() != AffineExprKind::Mod &&
         growsWithDimensions(binary.getLHS()) &&
         growsWithDimensions(binary.getRHS());
}

static LogicalResult verifyMap(EmitError emitError, StringRef what,
                               PlaneAttr plane, bool side) {
  AffineMap map = plane.getPosition();
  unsigned dims = side ? 2 : 1;
  size_t pieces = plane.getBounds() ? plane.getBounds().size() + 1 : 1;
  if (map.getNumDims() != dims || map.getNumSymbols() != 0 ||
      (side ? map.getNumResults() == 0 || pieces != 1
            : map.getNumResults() != 2 * pieces))
    return emitError() << "expected the position of '" << what
                       << "' to be a map "
                       << (side ? "(n, k) -> (index, ...)"
                                : "(i) -> (byte, bit)")
                       << ", but got " << AffineMapAttr::get(map);
  if (!llvm::all_of(map.getResults(), hasGoodDivisors))
    return emitError() << "expected the position of '" << what
                       << "' to divide by positive constants only, but got "
                       << AffineMapAttr::get(map);
  if (side && !llvm::all_of(map.getResults(), growsWithDimensions))
    return emitError() << "expected the index of '" << what
                       << "' to grow with n and k, but got "
                       << AffineMapAttr::get(map);
  return success();
}

/// Kernels compute in f32: what a code means must be a number that f32 holds.
static LogicalResult verifyNumbers(EmitError emitError, StringRef what,
                                   FieldAttr field) {
  // Integers of 16 bits minus this are exact in 24 bits.
  constexpr int64_t largestBias = (1 << 24) - (1 << 16);
  int64_t bias = field.getBias();
  if (bias > largestBias || bias < -largestBias)
    return emitError() << "expected the bias of '" << what << "' to be -"
                       << largestBias << " to " << largestBias
                       << ", so that f32 holds codes minus it exactly, but "
                          "got "
                       << bias;
  if (!field.getCodebook())
    return success();
  for (double entry : field.getCodebook().asArrayRef()) {
    bool isNormal = std::abs(entry) <= std::numeric_limits<float>::max() &&
                    std::abs(entry) >= std::numeric_limits<float>::min();
    if (entry != 0 && !isNormal)
      return emitError() << "expected the codebook of '" << what
                         << "' to hold numbers that f32 can hold, 0 or "
                            "1.2e-38 to 3.4e+38 in magnitude, but got "
                         << entry;
  }
  return success();
}

/// Bounds of pieces rise within the block. Each piece is looked at for each
/// element.
static LogicalResult verifyBounds(EmitError emitError, StringRef what,
                                  DenseI64ArrayAttr bounds, int64_t block) {
  constexpr int64_t mostPieces = 256;
  if (bounds && bounds.size() >= mostPieces)
    return emitError() << "expected '" << what << "' to have at most "
                       << mostPieces << " pieces, but got "
                       << bounds.size() + 1;
  int64_t last = 0;
  for (int64_t begin : bounds ? bounds.asArrayRef() : ArrayRef<int64_t>()) {
    if (begin <= last || begin >= block)
      return emitError() << "expected the pieces of '" << what
                         << "' to begin at rising elements below " << block
                         << ", but got one at " << begin << " after one at "
                         << last;
    last = begin;
  }
  return success();
}

/// Whether a table has a vector for each index, and a vector the components
/// that elements take.
static LogicalResult verifyLookup(EmitError emitError, StringRef what,
                                  const FieldTerm &term, int64_t block) {
  LookupAttr lookup = term.lookup;
  AffineMap map = lookup.getComponent();
  unsigned bits = 0, width = lookup.width();
  for (PlaneAttr plane : term.planes) {
    bits += plane.width();
    if (!plane.getType().isUnsignedInteger())
      return emitError() << "expected the planes of '" << what
                         << "' that name vectors to be unsigned integers, but "
                            "got "
                         << plane.getType();
  }
  if (!lookup.getType().isUnsignedInteger() || width < 1 ||
      width > LookupAttr::widestPart)
    return emitError() << "expected the components of vectors of '" << what
                       << "' to be unsigned integers of 1 to "
                       << LookupAttr::widestPart << " bits, but got "
                       << lookup.getType();
  if (bits < 1 || bits > LookupAttr::widestIndex ||
      lookup.getEntries().size() != int64_t(1) << bits)
    return emitError() << "expected the table of '" << what << "' to have "
                       << (int64_t(1) << std::min(bits, 32u))
                       << " vectors for the " << bits
                       << " bits that name one, at most "
                       << LookupAttr::widestIndex << ", but it has "
                       << lookup.getEntries().size();
  if (failed(verifyBounds(emitError, what, lookup.getBounds(), block)))
    return failure();
  size_t pieces = lookup.getBounds() ? lookup.getBounds().size() + 1 : 1;
  if (map.getNumDims() != 1 || map.getNumSymbols() != 0 ||
      map.getNumResults() != pieces)
    return emitError() << "expected the component of '" << what
                       << "' to be a map (i) -> (component), but got "
                       << AffineMapAttr::get(map);
  if (!llvm::all_of(map.getResults(), hasGoodDivisors))
    return emitError() << "expected the component of '" << what
                       << "' to divide by positive constants only, but got "
                       << AffineMapAttr::get(map);
  constexpr int64_t largest = std::numeric_limits<int32_t>::max();
  int64_t most = 0, fit = LookupAttr::widestVector / width;
  for (int64_t i = 0; i < block; ++i) {
    for (AffineExpr expr : map.getResults())
      if (!evaluateWithin(expr, i, largest))
        return emitError()
               << "expected the component of '" << what
               << "' to be computed in 31 bits, but it needs more for element "
               << i << " of " << AffineMapAttr::get(map);
    int64_t component = componentOf(lookup, i);
    if (component < 0 || component >= fit)
      return emitError() << "expected element " << i << " of '" << what
                         << "' to take one of the " << fit
                         << " components of a vector of 32 bits, but it takes "
                            "number "
                         << component;
    most = std::max(most, component);
  }
  // Of digits there may be more than are needed.
  int64_t all = 0;
  bool isList = !baseOfDigits(lookup);
  for (int64_t entry : lookup.getEntries().asArrayRef()) {
    all |= entry;
    if (isList && (entry < 0 || entry >> ((most + 1) * width) != 0))
      return emitError() << "expected the vectors of '" << what << "' to have "
                         << (most + 1) * width << " bits, " << width
                         << " for each of the components that elements take, "
                            "but got "
                         << entry;
  }
  if ((all >> (most * width)) % (int64_t(1) << width) == 0)
    return emitError() << "expected the vectors of '" << what
                       << "' to have a component " << most
                       << ", which elements take, but it is 0 in all of them";
  return success();
}

static LogicalResult verifyField(EmitError emitError, StringRef what,
                                 FieldAttr field, int64_t block) {
  if (field.isSide() &&
      !llvm::is_contained({"scales", "zero_points", "global_scale"},
                          field.getOperand().getValue()))
    return emitError() << "'" << what << "' lies in the side tensor '"
                       << field.getOperand().getValue()
                       << "', expected scales, zero_points or global_scale";
  for (PlaneAttr plane : field.getPlanes()) {
    if (failed(verifyMap(emitError, what, plane, field.isSide())) ||
        failed(verifyBounds(emitError, what, plane.getBounds(), block)))
      return failure();
    if (field.getPlanes().size() > 1 && !plane.getType().isUnsignedInteger())
      return emitError() << "expected the planes of '" << what
                         << "' to be unsigned integers, but got "
                         << plane.getType();
    if (plane.width() == 0)
      return emitError() << "expected '" << what
                         << "' to have at least one bit, but got "
                         << plane.getType();
    if (plane.getType().isSignlessInteger())
      return emitError() << "expected a signed or unsigned type for '" << what
                         << "', such as 'ui" << plane.width() << "', but got "
                         << plane.getType();
  }
  if (field.isSide() && field.hasLookups())
    return emitError() << "expected '" << what
                       << "', which is looked up, to lie in the block";
  if (field.hasLookups())
    for (const FieldTerm &term : termsOf(field))
      if (term.lookup && failed(verifyLookup(emitError, what, term, block)))
        return failure();
  unsigned width = field.width();
  Type type = field.getType();
  if (DenseF64ArrayAttr codebook = field.getCodebook()) {
    constexpr unsigned widestCode = 8;
    if (width > widestCode)
      return emitError() << "expected the codes of '" << what
                         << "' to have at most " << widestCode
                         << " bits for a codebook, but got " << width;
    if (codebook.size() != int64_t(1) << width)
      return emitError() << "expected the codebook of '" << what << "' to have "
                         << (int64_t(1) << width) << " entries for codes of "
                         << width << " bits, but it has " << codebook.size();
  } else if (isa<FloatType>(type)) {
    if (!isa<Float4E2M1FNType, Float6E2M3FNType, Float6E3M2FNType,
             Float8E4M3FNType, Float8E5M2Type, Float8E8M0FNUType, Float16Type,
             BFloat16Type, Float32Type>(type))
      return emitError()
             << "'" << what << "' is of type " << type
             << ", expected f32, f16, bf16, f8E4M3FN, f8E5M2, f8E8M0FNU, "
                "f6E2M3FN, f6E3M2FN, f4E2M1FN or an integer type";
    if (width > type.getIntOrFloatBitWidth())
      return emitError() << "'" << what << "' has " << width
                         << " bits, too many for " << type;
  } else if (auto integer = dyn_cast<IntegerType>(type)) {
    constexpr unsigned widestInteger = 16;
    if (integer.isSignless() || width > widestInteger ||
        integer.getWidth() != width)
      return emitError()
             << "expected '" << what
             << "' to be read as a signed or unsigned integer of its " << width
             << " bits, at most " << widestInteger << ", but got " << type;
  } else {
    return emitError() << "'" << what << "' cannot be read as " << type;
  }
  return verifyNumbers(emitError, what, field);
}

/// Elements whose codes are looked up share bits; what they read must differ.
static LogicalResult verifyOwnCodes(EmitError emitError, FieldAttr code,
                                    int64_t block) {
  std::map<SmallVector<int64_t>, int64_t> owners;
  for (int64_t i = 0; i < block; ++i) {
    auto [owner, inserted] = owners.try_emplace(placesOf(code, i), i);
    if (!inserted)
      return emitError() << "expected each element to have a 'code' of its "
                            "own, but elements "
                         << owner->second << " and " << i
                         << " take the same components of the same vectors";
  }
  return success();
}

LogicalResult SchemeAttr::verify(EmitError emitError, StringAttr name,
                                 StringAttr ggml, int64_t block, int64_t bytes,
                                 int64_t unused, FieldAttr code, FieldAttr zero,
                                 ArrayRef<FieldAttr> scale,
                                 ArrayRef<FieldAttr> offset,
                                 bool offsetNegative, Type rounded) {
  if (name.getValue().empty())
    return emitError() << "expected a scheme to have a name";
  if (block < 1 || block > largestBlock)
    return emitError() << "expected 1 <= block <= " << largestBlock
                       << ", but got " << block;
  if (code.isSide())
    return emitError() << "expected 'code' to lie in the block";
  if (rounded && !rounded.isF16() && !rounded.isBF16())
    return emitError() << "expected values to be rounded to f16 or bf16, but "
                          "got "
                       << rounded;

  SmallVector<std::pair<std::string, FieldAttr>> fields = {{"code", code}};
  if (zero)
    fields.push_back({"zero", zero});
  for (auto [index, field] : llvm::enumerate(scale))
    fields.push_back({("scale factor " + Twine(index + 1)).str(), field});
  for (auto [index, field] : llvm::enumerate(offset))
    fields.push_back({("offset factor " + Twine(index + 1)).str(), field});

  for (auto &[what, field] : fields)
    if (failed(verifyField(emitError, what, field, block)))
      return failure();
  // Sound fields first: where `bytes` is not given, it follows from them.
  if (bytes < 1 || bytes > largestBytes)
    return emitError() << "expected 1 <= bytes <= " << largestBytes
                       << ", but got " << bytes;

  Coverage coverage(bytes);
  llvm::StringMap<PlaneAttr> sides;
  for (auto &[what, field] : fields) {
    if (field.isSide()) {
      PlaneAttr plane = field.getPlanes().front();
      auto [entry, inserted] =
          sides.try_emplace(field.getOperand().getValue(), plane);
      if (!inserted && entry->second != plane)
        return emitError() << "the side tensor '" << entry->first()
                           << "' is read in two ways, the second time by '"
                           << what << "'";
      continue;
    }
    bool isShared = field != code || field.hasLookups();
    for (PlaneAttr plane : field.getPlanes())
      if (failed(coverage.add(emitError, what, plane, block, isShared)))
        return failure();
  }
  if (code.hasLookups() && failed(verifyOwnCodes(emitError, code, block)))
    return failure();
  if (coverage.unread() != unused)
    return emitError() << coverage.unread() << " bits of the block of " << bytes
                       << " bytes belong to no field"
                       << (coverage.unread()
                               ? (", the first in byte " +
                                  Twine(coverage.firstUnread() / 8))
                                     .str()
                               : std::string())
                       << ", but 'unused' says " << unused;
  return success();
}

/// Whether every index into `side` of a weight of that shape, and the bits of
/// the whole tensor, are computed in 64 bits. Maps grow with n and k, and so do
/// all their parts: the last element has the largest.
static bool fitsSideTensor(const SideOperand &side, ArrayRef<int64_t> shape) {
  int64_t last[] = {shape[shape.size() - 2] - 1, shape.back() - 1};
  int64_t bits = side.elementType.getIntOrFloatBitWidth();
  for (int64_t size : shape.drop_back(2))
    if (llvm::MulOverflow(bits, size, bits))
      return false;
  for (AffineExpr expr : side.index.getResults()) {
    std::optional<int64_t> index = evaluateWithin(expr, last);
    int64_t size;
    if (!index || llvm::AddOverflow<int64_t>(*index, 1, size) ||
        llvm::MulOverflow(bits, size, bits))
      return false;
  }
  return true;
}

LogicalResult QuantAttr::verifyEncoding(ArrayRef<int64_t> shape,
                                        Type elementType,
                                        EmitError emitError) const {
  QuantScheme scheme(getScheme());
  if (shape.size() != 2 && shape.size() != 3)
    return emitError() << "expected a tensor encoded by '"
                       << scheme.displayName()
                       << "' to be [N, K] or [E, N, K], but its rank is "
                       << shape.size();
  // Rows that have nothing beside them may be any number, as those of caches.
  bool mayBeDynamic =
      scheme.sideOperands().empty() && !ShapedType::isDynamic(shape.back());
  if (llvm::any_of(shape, [&](int64_t size) {
        return size < 1 && !(mayBeDynamic && ShapedType::isDynamic(size));
      }))
    return emitError() << "expected a tensor encoded by '"
                       << scheme.displayName()
                       << "' to have a static shape without zeros";
  if (!elementType.isF32() && !elementType.isF16() && !elementType.isBF16())
    return emitError()
           << "expected the logical element type of a tensor encoded by '"
           << scheme.displayName() << "' to be f32, f16 or bf16, but got "
           << elementType;
  if (shape.back() % scheme.block() != 0)
    return emitError() << "expected K to be a multiple of the block size "
                       << scheme.block() << " of '" << scheme.displayName()
                       << "', but got " << shape.back();
  int64_t bytes = scheme.rowBytes(shape.back());
  for (int64_t size : shape.drop_back())
    if (!ShapedType::isDynamic(size) && llvm::MulOverflow(bytes, size, bytes))
      return emitError() << "the stored bytes of the tensor overflow 64 bits";
  for (const SideOperand &side : scheme.sideOperands())
    if (!fitsSideTensor(side, shape))
      return emitError() << "expected the index into '" << side.name
                         << "' to be computed in 64 bits, but it needs more "
                            "for the last element: "
                         << AffineMapAttr::get(side.index);
  return success();
}
