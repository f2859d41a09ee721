//===- BlockReader.cpp - Fields of stored blocks, element by element ------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/gpu/kernels/BlockReader.h"

#include "ir/FieldTerms.h"
#include "ir/SideIndex.h"
#include "passes/gpu/kernels/ElementAccess.h"

#include <limits>
#include <numeric>

using namespace mlir;
using namespace rlx;

int64_t DeviceWeight::rank() const {
  return cast<MemRefType>(weight.getType()).getRank();
}

SmallVector<int64_t> DeviceWeight::shape() const {
  auto type = cast<MemRefType>(weight.getType());
  SmallVector<int64_t> shape(type.getShape());
  // A plain tensor's elements are its blocks.
  if (type.getElementType().isInteger(8))
    shape.back() = shape.back() / scheme.blockBytes() * scheme.block();
  return shape;
}

LogicalResult DeviceWeight::verify(Operation *op) const {
  SmallVector<int64_t> sizes = shape();
  int64_t last[] = {sizes[sizes.size() - 2] - 1, sizes.back() - 1};
  for (const SideOperand &side : scheme.sideOperands())
    for (AffineExpr expr : side.index.getResults())
      if (!evaluateWithin(expr, last, std::numeric_limits<int32_t>::max()))
        return op->emitError()
               << "expected the index into '" << side.name
               << "' to be computed in 31 bits on a device, but it needs more "
                  "for the last element: "
               << AffineMapAttr::get(side.index)
               << "; run the program on the CPU";
  return success();
}

BlockReader::Words BlockReader::wordsOf(Value memref, StringRef name) {
  auto type = cast<MemRefType>(memref.getType());
  int64_t bits = type.getElementTypeBitWidth();
  return {b.buffer(memref, b.getI32Type(), name),
          int64_t(llvm::divideCeil(type.getNumElements() * bits, wordBits)),
          bits, SmallVector<int64_t>(type.getShape()), Value()};
}

BlockReader::BlockReader(KernelBuilder &b, const DeviceWeight &stored,
                         CodeNumbers::LookUp lookUp, ArrayRef<int64_t> part)
    : b(b), stored(stored), numbers(b, b.getLoc(), std::move(lookUp)) {
  auto type = cast<MemRefType>(stored.weight.getType());
  int64_t slices = type.getDimSize(0), count = slices;
  if (!part.empty()) {
    firstSlice = part[0];
    count = part[1];
  }
  int64_t bits = type.getElementTypeBitWidth();
  weight = {
      b.bufferPart(stored.weight, firstSlice, count, b.getI32Type(), "stored"),
      ShapedType::kDynamic, bits, SmallVector<int64_t>(type.getShape()),
      Value()};
  if (type.hasStaticShape()) {
    weight.count = llvm::divideCeil(
        type.getNumElements() / slices * count * bits, wordBits);
  } else {
    OpFoldResult all =
        b.hostMul(b.hostElements(stored.weight), b.getIndexAttr(bits));
    weight.last =
        b.sub(b.scalar(b.hostCeilDiv(all, wordBits), "words"), b.index(1));
  }
  std::pair<StringRef, Value> given[] = {{"scales", stored.scales},
                                         {"zero_points", stored.zeroPoints},
                                         {"global_scale", stored.globalScale}};
  for (auto [name, value] : given)
    if (value)
      sides[name] = wordsOf(value, name);
  for (FieldAttr field : stored.scheme.fields())
    for (LookupAttr lookup : field.getLookups()) {
      ArrayRef<int64_t> entries = lookup.getEntries();
      SmallVector<int32_t> vectors(entries.begin(), entries.end());
      auto tensor = RankedTensorType::get(vectors.size(), b.getI32Type());
      tables[lookup] =
          b.constant(DenseElementsAttr::get(tensor, ArrayRef<int32_t>(vectors)),
                     "vectors");
    }
}

/// Whether bits of `plane` may lie in two words for some element.
bool BlockReader::mayCross(PlaneAttr plane, const Words &words) const {
  // Blocks begin at multiples of this many bits.
  int64_t step = std::gcd(stored.scheme.blockBytes() * 8, wordBits);
  for (int64_t i = 0; i < stored.scheme.block(); ++i)
    for (int64_t begin = 0; begin < wordBits; begin += step)
      if ((firstBit(plane, i) + begin) % wordBits + plane.width() > wordBits)
        return true;
  return false;
}

/// `expr` for an element of a block. Devices divide unsigned numbers: dividends
/// that are negative for some element are raised by whole divisors, of which
/// quotients are relieved.
Value BlockReader::position(AffineExpr expr, Value element) {
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return b.apply(expr, element);
  Value lhs = position(binary.getLHS(), element),
        rhs = position(binary.getRHS(), element);
  if (binary.getKind() == AffineExprKind::Add)
    return b.createOrFold<arith::AddIOp>(lhs, rhs);
  if (binary.getKind() == AffineExprKind::Mul)
    return b.mul(lhs, rhs);
  int64_t least = 0;
  for (int64_t i = 0; i < stored.scheme.block(); ++i)
    least = std::min(least, evaluate(binary.getLHS(), i));
  int64_t divisor = cast<AffineConstantExpr>(binary.getRHS()).getValue();
  int64_t raised = llvm::divideCeil(-least, divisor);
  lhs = b.add(lhs, raised * divisor);
  if (binary.getKind() == AffineExprKind::Mod)
    return b.rem(lhs, divisor);
  Value quotient = binary.getKind() == AffineExprKind::FloorDiv
                       ? b.createOrFold<arith::DivUIOp>(lhs, rhs)
                       : b.createOrFold<arith::CeilDivUIOp>(lhs, rhs);
  return raised ? b.sub(quotient, b.index(raised)) : quotient;
}

/// The value of the piece that `element` lies in.
Value BlockReader::ofPiece(DenseI64ArrayAttr bounds, Value element,
                           ArrayRef<Value> pieces) {
  Value value = pieces.back();
  for (size_t i = pieces.size() - 1; i > 0; --i)
    value =
        b.choose(b.less(element, b.index(bounds[i - 1])), pieces[i - 1], value);
  return value;
}

/// The same position without negative numbers; only their sum counts, and is
/// not negative where an element lies.
std::pair<Value, Value> BlockReader::byteAndBit(AffineExpr byteExpr,
                                                AffineExpr bitExpr,
                                                Value element) {
  Value byte = position(byteExpr, element), bit = position(bitExpr, element);
  for (int64_t i = 0; i < stored.scheme.block(); ++i)
    if (evaluate(byteExpr, i) < 0 || evaluate(bitExpr, i) < 0) {
      Value first = b.createOrFold<arith::AddIOp>(b.mul(byte, 8), bit);
      return {b.div(first, 8), b.rem(first, 8)};
    }
  return {byte, bit};
}

/// Where `plane` has its bits for `element`.
std::pair<Value, Value> BlockReader::byteAndBit(PlaneAttr plane,
                                                Value element) {
  AffineMap map = plane.getPosition();
  SmallVector<Value> bytes, bits;
  for (unsigned i = 0; i < map.getNumResults(); i += 2) {
    auto [byte, bit] =
        byteAndBit(map.getResult(i), map.getResult(i + 1), element);
    bytes.push_back(byte);
    bits.push_back(bit);
  }
  return {ofPiece(plane.getBounds(), element, bytes),
          ofPiece(plane.getBounds(), element, bits)};
}

/// The component that `element` takes of vector `index` of a table.
Value BlockReader::lookedUp(LookupAttr lookup, Value index, Value element) {
  Value vector = b.loadAt(tables.find(lookup)->second, b.toIndex(index));
  SmallVector<Value> components;
  for (AffineExpr expr : lookup.getComponent().getResults())
    components.push_back(position(expr, element));
  Value component = ofPiece(lookup.getBounds(), element, components);
  Value shift = b.toI32(b.mul(component, int64_t(lookup.width())));
  return arith::AndIOp::create(b, arith::ShRUIOp::create(b, vector, shift),
                               b.i32((int64_t(1) << lookup.width()) - 1));
}

/// `width` bits from bit `bit` of byte `byte` on; `bit` may be 8 or more.
Value BlockReader::bits(const Words &words, Value byte, Value bit,
                        int64_t width, bool mayCross) {
  Value last = words.last ? words.last : b.index(words.count - 1);
  Value position = b.add(b.mul(b.rem(byte, 4), 8), bit);
  Value index = b.add(b.div(byte, 4), b.div(position, wordBits));
  Value shift = b.toI32(b.rem(position, wordBits));
  Value code = arith::ShRUIOp::create(
      b, b.loadAt(words.buffer, b.min(index, last)), shift);
  if (mayCross) {
    Value next = b.loadAt(words.buffer, b.min(b.add(index, 1), last));
    // A shift by the whole width has no result; two shifts have.
    Value left = arith::SubIOp::create(b, b.i32(wordBits - 1), shift);
    next = arith::ShLIOp::create(b, arith::ShLIOp::create(b, next, b.i32(1)),
                                 left);
    code = arith::OrIOp::create(b, code, next);
  }
  if (width == wordBits)
    return code;
  return arith::AndIOp::create(b, code, b.i32((int64_t(1) << width) - 1));
}

/// A side operand's code for element (row, k).
Value BlockReader::sideCode(FieldAttr field, Value expert, Value row, Value k) {
  const Words &side = sides.find(field.getOperand().getValue())->second;
  AffineMap map = field.getPlanes().front().getPosition();
  Value linear = expert;
  unsigned dimension = expert ? 1 : 0;
  for (AffineExpr expr : map.getResults()) {
    Value position = b.apply(expr, {row, k});
    linear = linear ? b.add(b.mul(linear, side.shape[dimension]), position)
                    : position;
    ++dimension;
  }
  if (!linear)
    linear = b.index(0);
  int64_t bytes = side.elementBits / 8;
  return bits(side, b.mul(linear, bytes), b.index(0), side.elementBits,
              /*mayCross=*/false);
}

Value BlockReader::code(FieldAttr field, Value expert, Value row, Value k) {
  if (field.isSide())
    return sideCode(field, expert, row, k);
  const QuantScheme &scheme = stored.scheme;
  SmallVector<int64_t> shape = stored.shape();
  Value slice = expert ? expert : row;
  if (firstSlice)
    slice = b.sub(slice, b.index(firstSlice));
  Value rows = expert ? b.add(b.mul(slice, shape[1]), row) : slice;
  Value block = b.add(b.mul(rows, shape.back() / scheme.block()),
                      b.div(k, scheme.block()));
  Value first = b.mul(block, scheme.blockBytes());
  Value element = b.rem(k, scheme.block());
  auto join = [&](Value code, Value part, int64_t shift) {
    if (shift)
      part = arith::ShLIOp::create(b, part, b.i32(shift));
    return code ? Value(arith::OrIOp::create(b, code, part)) : part;
  };
  Value code;
  int64_t shift = 0;
  for (const FieldTerm &term : termsOf(field)) {
    Value stored;
    int64_t width = 0;
    for (PlaneAttr plane : term.planes) {
      auto [byte, bit] = byteAndBit(plane, element);
      stored = join(stored,
                    bits(weight, b.add(first, byte), bit, plane.width(),
                         mayCross(plane, weight)),
                    width);
      width += plane.width();
    }
    if (term.lookup)
      stored = lookedUp(term.lookup, stored, element);
    code = join(code, stored, shift);
    shift += term.width();
  }
  return code;
}

Value BlockReader::product(ArrayRef<FieldAttr> fields, Value expert, Value row,
                           Value k) {
  Value result;
  for (FieldAttr field : fields) {
    Value factor = numbers.convert(field, code(field, expert, row, k));
    result = result ? Value(arith::MulFOp::create(b, result, factor)) : factor;
  }
  return result;
}

Value BlockReader::value(Value expert, Value row, Value k) {
  SchemeAttr attribute = stored.scheme.attr();
  FieldAttr codes = attribute.getCode();
  Value value = numbers.convert(codes, code(codes, expert, row, k));
  if (FieldAttr zero = attribute.getZero())
    value = arith::SubFOp::create(
        b, value, numbers.convert(zero, code(zero, expert, row, k)));
  Value scale = product(attribute.getScale(), expert, row, k);
  Value offset = product(attribute.getOffset(), expert, row, k);
  if (offset && attribute.getOffsetNegative())
    offset = arith::NegFOp::create(b, offset);
  if (scale && offset)
    value = b.multiplyAdd(scale, value, offset);
  else if (scale)
    value = arith::MulFOp::create(b, scale, value);
  else if (offset)
    value = arith::AddFOp::create(b, value, offset);
  Type rounded = attribute.getRounded();
  return rounded ? roundTo(b, cast<FloatType>(rounded), value) : value;
}
