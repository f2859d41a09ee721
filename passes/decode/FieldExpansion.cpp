//===- FieldExpansion.cpp - Reading a scheme's fields on vectors ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/decode/FieldExpansion.h"

#include "ir/SideIndex.h"
#include "passes/decode/CodeNumbers.h"
#include "passes/decode/TableInMemory.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/ADT/SmallVectorExtras.h"

#include <map>

using namespace mlir;
using namespace rlx;

FieldExpansion::FieldExpansion(OpBuilder &builder, Location loc,
                               QuantScheme scheme, const BlockAddress &address,
                               ArrayRef<int64_t> elements)
    : builder(builder), loc(loc), scheme(scheme), address(address),
      elements(elements) {}

VectorType FieldExpansion::vectorOf(int64_t lanes, Type type) const {
  return VectorType::get(lanes, type);
}

Value FieldExpansion::constants(ArrayRef<int32_t> values) {
  return arith::ConstantOp::create(
      builder, loc,
      DenseElementsAttr::get(vectorOf(values.size(), builder.getI32Type()),
                             values));
}

//===----------------------------------------------------------------------===//
// Bits
//===----------------------------------------------------------------------===//

int64_t FieldExpansion::bitOf(PlaneAttr plane, int64_t element) const {
  int64_t block = scheme.block();
  return element / block * scheme.blockBytes() * 8 +
         firstBit(plane, element % block);
}

bool FieldExpansion::isUniform(FieldAttr field) const {
  if (!field.isSide()) {
    auto isSame = [&](auto placeOf) {
      return llvm::all_of(elements, [&](int64_t element) {
        return placeOf(element) == placeOf(elements.front());
      });
    };
    return llvm::all_of(field.getPlanes(),
                        [&](PlaneAttr plane) {
                          return isSame([&](int64_t element) {
                            return bitOf(plane, element);
                          });
                        }) &&
           llvm::all_of(field.getLookups(), [&](LookupAttr lookup) {
             return isSame([&](int64_t element) {
               return componentOf(lookup, element % scheme.block());
             });
           });
  }
  if (elements.size() == 1)
    return true;
  // The first lane's k is a multiple of the number of lanes.
  int64_t bytes = cast<MemRefType>(address.weight.getType()).getShape().back();
  if (ShapedType::isDynamic(bytes))
    return false;
  int64_t k = bytes / scheme.blockBytes() * scheme.block();
  int64_t group = groupLength(scheme, field, k);
  return group == k || group % int64_t(elements.size()) == 0;
}

ArrayRef<int64_t> FieldExpansion::lanesOf(FieldAttr field) const {
  return isUniform(field) ? ArrayRef(elements).take_front(1)
                          : ArrayRef(elements);
}

/// `count` bytes of the row from byte `first` of the block on.
Value FieldExpansion::loadBytes(int64_t first, int64_t count) {
  if (!firstByte) {
    Value bytes =
        arith::ConstantIndexOp::create(builder, loc, scheme.blockBytes());
    firstByte = arith::MulIOp::create(builder, loc, address.block, bytes);
  }
  Value offset = arith::ConstantIndexOp::create(builder, loc, first);
  SmallVector<Value> indices = address.rowIndices;
  indices.push_back(arith::AddIOp::create(builder, loc, firstByte, offset));
  return vector::LoadOp::create(builder, loc,
                                vectorOf(count, builder.getI8Type()),
                                address.weight, indices);
}

/// One byte a lane, `bytes` counted from the start of the block.
Value FieldExpansion::gatherBytes(ArrayRef<int64_t> bytes) {
  int64_t first = *llvm::min_element(bytes), last = *llvm::max_element(bytes);
  constexpr int64_t widestWindow = 64;
  if (last - first >= widestWindow) {
    // Too far apart for one load: byte by byte.
    SmallVector<Value> lanes;
    for (int64_t byte : bytes)
      lanes.push_back(
          vector::ExtractOp::create(builder, loc, loadBytes(byte, 1), 0));
    return vector::FromElementsOp::create(
        builder, loc, vectorOf(bytes.size(), builder.getI8Type()), lanes);
  }
  Value window = loadBytes(first, last - first + 1);
  SmallVector<int64_t> mask;
  for (int64_t byte : bytes)
    mask.push_back(byte - first);
  // The window itself only where no lane repeats a byte.
  if (llvm::equal(mask, llvm::seq<int64_t>(0, last - first + 1)))
    return window;
  return vector::ShuffleOp::create(builder, loc, window, window, mask);
}

/// The plane's bits for each of `lanes`, as a vector of i32.
Value FieldExpansion::planeBits(PlaneAttr plane, ArrayRef<int64_t> lanes) {
  int64_t width = plane.width(), count = lanes.size();
  VectorType i32s = vectorOf(count, builder.getI32Type());
  SmallVector<int64_t> bits;
  for (int64_t element : lanes)
    bits.push_back(bitOf(plane, element));

  // Whole bytes, side by side: one load of the wider type.
  bool adjacent = width % 8 == 0 && llvm::isPowerOf2_64(width);
  for (int64_t lane = 0; lane < count; ++lane)
    adjacent &= bits[lane] % 8 == 0 && bits[lane] == bits[0] + lane * width;
  if (adjacent) {
    Value bytes = loadBytes(bits[0] / 8, count * width / 8);
    Type type = builder.getIntegerType(width);
    if (width > 8)
      bytes =
          vector::BitCastOp::create(builder, loc, vectorOf(count, type), bytes);
    return width == 32 ? bytes
                       : arith::ExtUIOp::create(builder, loc, i32s, bytes);
  }

  int64_t widest = 0;
  for (int64_t bit : bits)
    widest = std::max(widest, bit % 8 + width);
  int64_t containerBytes = widest <= 8 ? 1 : 4;
  SmallVector<int64_t> bytes;
  SmallVector<int32_t> shifts;
  for (int64_t bit : bits) {
    int64_t last = (bit + width - 1) / 8;
    for (int64_t i = 0; i < containerBytes; ++i)
      bytes.push_back(std::min(bit / 8 + i, last));
    shifts.push_back(bit % 8);
  }
  Value container = gatherBytes(bytes);
  container =
      containerBytes == 1
          ? Value(arith::ExtUIOp::create(builder, loc, i32s, container))
          : Value(vector::BitCastOp::create(builder, loc, i32s, container));
  if (llvm::any_of(shifts, [](int32_t shift) { return shift != 0; }))
    container =
        arith::ShRUIOp::create(builder, loc, container, constants(shifts));
  bool filled = containerBytes == 1 && llvm::all_of(shifts, [&](int32_t shift) {
                  return shift + width == 8;
                });
  if (filled)
    return container;
  return arith::AndIOp::create(
      builder, loc, container,
      CodeNumbers(builder, loc).splat((int64_t(1) << width) - 1, count));
}

/// The code of a field in a side tensor, as an i32. `toElement` maps (n,
/// position) to the element's (n, k).
Value FieldExpansion::sideCode(FieldAttr field, AffineMap toElement,
                               Value position) {
  StringRef name = field.getOperand().getValue();
  Value side = name == "scales"        ? address.scales
               : name == "zero_points" ? address.zeroPoints
                                       : address.globalScale;
  AffineMap index = field.getPlanes().front().getPosition().compose(toElement);
  SmallVector<Value> indices(ArrayRef(address.rowIndices).drop_back());
  for (unsigned i = 0; i < index.getNumResults(); ++i)
    indices.push_back(affine::AffineApplyOp::create(
        builder, loc, index.getSubMap(i),
        ValueRange{address.rowIndices.back(), position}));
  Value code = memref::LoadOp::create(builder, loc, side, indices);
  Type integer = builder.getIntegerType(code.getType().getIntOrFloatBitWidth());
  if (auto type = dyn_cast<IntegerType>(code.getType());
      type && !type.isSignless())
    // Bits are bits; the same type of LLVM in the end.
    code = UnrealizedConversionCastOp::create(builder, loc, integer, code)
               .getResult(0);
  else if (code.getType() != integer)
    code = arith::BitcastOp::create(builder, loc, integer, code);
  if (integer != builder.getI32Type())
    code = arith::ExtUIOp::create(builder, loc, builder.getI32Type(), code);
  return code;
}

/// The codes of a field in a side tensor.
Value FieldExpansion::sideCodes(FieldAttr field, ArrayRef<int64_t> lanes) {
  MLIRContext *context = builder.getContext();
  SmallVector<Value> codes;
  for (int64_t element : lanes) {
    // (n, block) -> (n, k of the element)
    AffineMap toElement = AffineMap::get(
        2, 0,
        {getAffineDimExpr(0, context),
         getAffineDimExpr(1, context) * scheme.block() + element},
        context);
    codes.push_back(sideCode(field, toElement, address.block));
  }
  return vector::FromElementsOp::create(
      builder, loc, vectorOf(codes.size(), builder.getI32Type()), codes);
}

Value FieldExpansion::sideNumber(FieldAttr field, Value k) {
  AffineMap same = AffineMap::getMultiDimIdentityMap(2, builder.getContext());
  Value code = sideCode(field, same, k);
  return CodeNumbers(builder, loc)
      .convert(field,
               vector::FromElementsOp::create(
                   builder, loc, vectorOf(1, builder.getI32Type()), code));
}

/// `bits`, moved up by `shift`, beside `code`, which may be null.
static Value joined(OpBuilder &builder, Location loc, Value code, Value bits,
                    int64_t shift, int64_t lanes) {
  if (!code)
    return bits;
  bits = arith::ShLIOp::create(builder, loc, bits,
                               CodeNumbers(builder, loc).splat(shift, lanes));
  return arith::OrIOp::create(builder, loc, code, bits);
}

/// The bits of all of `planes`, the first one lowest.
Value FieldExpansion::joinedPlanes(ArrayRef<PlaneAttr> planes,
                                   ArrayRef<int64_t> lanes) {
  Value code;
  int64_t shift = 0;
  for (PlaneAttr plane : planes) {
    code = joined(builder, loc, code, planeBits(plane, lanes), shift,
                  lanes.size());
    shift += plane.width();
  }
  return code;
}

/// The vectors of a table that `indices` name, one an i32.
Value FieldExpansion::vectorsOf(LookupAttr lookup, Value indices) {
  int64_t largest = *llvm::max_element(lookup.getEntries().asArrayRef());
  Type element = builder.getIntegerType(llvm::isUInt<8>(largest)    ? 8
                                        : llvm::isUInt<16>(largest) ? 16
                                                                    : 32);
  SmallVector<APInt> entries;
  for (int64_t entry : lookup.getEntries().asArrayRef())
    entries.emplace_back(element.getIntOrFloatBitWidth(), uint64_t(entry));
  Value table = tableInMemory(
      builder, loc,
      DenseElementsAttr::get(vectorOf(entries.size(), element), entries));
  // Few vectors serve many lanes: loads are as good as a gather.
  SmallVector<Value> vectors;
  auto type = cast<VectorType>(indices.getType());
  for (int64_t lane = 0; lane < type.getNumElements(); ++lane) {
    Value index = arith::IndexCastUIOp::create(
        builder, loc, builder.getIndexType(),
        vector::ExtractOp::create(builder, loc, indices, lane));
    Value entry = memref::LoadOp::create(builder, loc, table, index);
    if (element != builder.getI32Type())
      entry = arith::ExtUIOp::create(builder, loc, builder.getI32Type(), entry);
    vectors.push_back(entry);
  }
  return vector::FromElementsOp::create(builder, loc, type, vectors);
}

/// What `term` gives `lanes` of the vectors that its planes name.
Value FieldExpansion::lookedUp(const FieldTerm &term, ArrayRef<int64_t> lanes) {
  LookupAttr lookup = term.lookup;
  CodeNumbers constant(builder, loc);
  int64_t count = lanes.size();
  // Lanes of the same vector look it up once.
  std::map<SmallVector<int64_t>, int64_t> known;
  SmallVector<int64_t> readers, readerOf, components;
  for (int64_t element : lanes) {
    auto bits = llvm::map_to_vector(
        term.planes, [&](PlaneAttr plane) { return bitOf(plane, element); });
    auto [entry, inserted] = known.try_emplace(bits, readers.size());
    if (inserted)
      readers.push_back(element);
    readerOf.push_back(entry->second);
    components.push_back(componentOf(lookup, element % scheme.block()));
  }
  auto toLanes = [&](Value ofReaders) -> Value {
    if (readers.size() == lanes.size())
      return ofReaders;
    return vector::ShuffleOp::create(builder, loc, ofReaders, ofReaders,
                                     readerOf);
  };
  Value indices = joinedPlanes(term.planes, readers);

  if (std::optional<int64_t> base = baseOfDigits(lookup)) {
    // A digit is what a product with the base carries over the point; earlier
    // ones are carried away first.
    int64_t point = indexBits(lookup);
    Value fraction = toLanes(indices);
    SmallVector<int32_t> powers;
    for (int64_t component : components) {
      uint32_t power = 1;
      for (int64_t i = 0; i < component; ++i)
        power *= uint32_t(*base);
      powers.push_back(int32_t(power));
    }
    if (llvm::any_of(powers, [](int32_t power) { return power != 1; })) {
      fraction =
          arith::MulIOp::create(builder, loc, fraction, constants(powers));
      fraction = arith::AndIOp::create(
          builder, loc, fraction,
          constant.splat((int64_t(1) << point) - 1, count));
    }
    fraction = arith::MulIOp::create(builder, loc, fraction,
                                     constant.splat(*base, count));
    return arith::ShRUIOp::create(builder, loc, fraction,
                                  constant.splat(point, count));
  }

  Value vectors = toLanes(vectorsOf(lookup, indices));
  SmallVector<int32_t> shifts;
  for (int64_t component : components)
    shifts.push_back(int32_t(component * lookup.width()));
  if (llvm::any_of(shifts, [](int32_t shift) { return shift != 0; }))
    vectors = arith::ShRUIOp::create(builder, loc, vectors, constants(shifts));
  return arith::AndIOp::create(
      builder, loc, vectors,
      constant.splat((int64_t(1) << lookup.width()) - 1, count));
}

Value FieldExpansion::codes(FieldAttr field) {
  ArrayRef<int64_t> lanes = lanesOf(field);
  if (field.isSide())
    return sideCodes(field, lanes);
  Value code;
  int64_t shift = 0;
  for (const FieldTerm &term : termsOf(field)) {
    Value bits = term.lookup ? lookedUp(term, lanes)
                             : planeBits(term.planes.front(), lanes);
    code = joined(builder, loc, code, bits, shift, lanes.size());
    shift += term.width();
  }
  return code;
}

Value FieldExpansion::numbers(FieldAttr field) {
  return CodeNumbers(builder, loc).convert(field, codes(field));
}

Value FieldExpansion::plainNumbers() {
  auto type = cast<MemRefType>(address.weight.getType()).getElementType();
  SmallVector<Value> indices = address.rowIndices;
  Value first = arith::ConstantIndexOp::create(builder, loc, elements.front());
  indices.push_back(arith::AddIOp::create(builder, loc, address.block, first));
  Value number = vector::LoadOp::create(
      builder, loc, vectorOf(elements.size(), type), address.weight, indices);
  if (type.isF32())
    return number;
  return arith::ExtFOp::create(
      builder, loc, vectorOf(elements.size(), builder.getF32Type()), number);
}
