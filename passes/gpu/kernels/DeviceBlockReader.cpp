//===- DeviceBlockReader.cpp - Numbers from interleaved device blocks -----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/gpu/kernels/DeviceBlockReader.h"

#include "passes/gpu/kernels/ElementAccess.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <numeric>

using namespace mlir;
using namespace rlx;

//===----------------------------------------------------------------------===//
// Codebooks
//===----------------------------------------------------------------------===//

/// As many entries as code may name one by one; code that names more takes
/// long to compile.
static constexpr size_t mostChosen = 16;

Value rlx::emitTable(KernelBuilder &b, DenseElementsAttr values,
                     int64_t workgroup) {
  int64_t size = values.getNumElements();
  Type type = values.getElementType();
  Value table = b.sharedMemory({size}, type), source;
  if (size > int64_t(mostChosen))
    source = b.constant(values, "table");
  auto entries = values.getValues<TypedAttr>();
  auto chosen = [&](Value position) {
    Value entry = arith::ConstantOp::create(b, entries[0]);
    for (int64_t i = 1; i < size; ++i)
      entry = b.choose(b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::eq,
                                                     position, b.index(i)),
                       arith::ConstantOp::create(b, entries[i]), entry);
    return entry;
  };
  b.loop(b.threadId(gpu::Dimension::x), b.index(size), workgroup,
         [&](Value position) {
           b.storeAt(source ? b.loadAt(source, position) : chosen(position),
                     table, position);
         });
  return table;
}

/// Whether numbers of `field` are looked up, not computed.
static bool isTable(FieldAttr field) {
  return field.getCodebook() && !linearCodebook(field.getCodebook());
}

Codebooks::Codebooks(KernelBuilder &b, QuantScheme scheme, bool hasVectors,
                     int64_t workgroup)
    : b(b) {
  for (FieldAttr field : scheme.fields()) {
    if (!isTable(field))
      continue;
    SmallVector<double> entries(field.getCodebook().asArrayRef());
    if (llvm::any_of(tables,
                     [&](auto &table) { return table.first == entries; }))
      continue;
    SmallVector<float> numbers(entries.begin(), entries.end());
    auto values = DenseElementsAttr::get(
        RankedTensorType::get(entries.size(), b.getF32Type()),
        ArrayRef<float>(numbers));
    if (!hasVectors)
      tables.push_back({entries, emitTable(b, values, workgroup)});
    else if (entries.size() <= mostChosen)
      tables.push_back({entries, Value()});
    else
      tables.push_back({entries, b.constant(values, "codebook")});
  }
  if (!tables.empty() && !hasVectors)
    b.barrier();
}

int64_t Codebooks::bytes(QuantScheme scheme) {
  int64_t entries = 0;
  for (FieldAttr field : scheme.fields())
    if (isTable(field))
      entries += field.getCodebook().size();
  return entries * int64_t(sizeof(float));
}

CodeNumbers::LookUp Codebooks::lookUp() {
  return [this](ArrayRef<double> codebook, Value codes) {
    return entry(codebook, codes);
  };
}

Value Codebooks::entry(ArrayRef<double> codebook, Value codes) {
  for (auto &[entries, table] : tables)
    if (table && ArrayRef<double>(entries) == codebook) {
      auto type = dyn_cast<VectorType>(codes.getType());
      if (!type)
        return b.loadAt(table, b.toIndex(codes));
      SmallVector<Value> numbers;
      for (int64_t lane = 0; lane < type.getNumElements(); ++lane)
        numbers.push_back(b.loadAt(
            table, b.toIndex(vector::ExtractOp::create(b, codes, lane))));
      return vector::FromElementsOp::create(
          b, VectorType::get(type.getShape(), b.getF32Type()), numbers);
    }
  return choice(codebook, codes);
}

/// A tree of choices, a bit of the code at each level.
Value Codebooks::choice(ArrayRef<double> codebook, Value codes) {
  auto type = dyn_cast<VectorType>(codes.getType());
  auto constant = [&](double value) -> Value {
    return b.broadcastLike(b.f32(value),
                           type ? Value(arith::ConstantOp::create(
                                      b, b.getZeroAttr(VectorType::get(
                                             type.getShape(), b.getF32Type()))))
                                : b.f32(value));
  };
  CodeNumbers integers(b, b.getLoc());
  std::vector<Value> level;
  for (double entry : codebook)
    level.push_back(constant(entry));
  for (int64_t bit = 0; level.size() > 1; ++bit) {
    Value masked = arith::AndIOp::create(
        b, codes, integers.splat(int64_t(1) << bit, codes));
    Value isSet = arith::CmpIOp::create(b, arith::CmpIPredicate::ne, masked,
                                        integers.splat(0, codes));
    std::vector<Value> next;
    for (size_t i = 0; i < level.size(); i += 2)
      next.push_back(
          i + 1 < level.size()
              ? Value(arith::SelectOp::create(b, isSet, level[i + 1], level[i]))
              : level[i]);
    level = std::move(next);
  }
  return level.front();
}

//===----------------------------------------------------------------------===//
// Bits
//===----------------------------------------------------------------------===//

DeviceBlockReader::DeviceBlockReader(KernelBuilder &b,
                                     const DeviceBlockLayout &layout,
                                     Interleaving how, Value packed,
                                     Codebooks &books)
    : b(b), layout(layout), scheme(layout.blockScheme()), how(how),
      numbers(b, b.getLoc(), books.lookUp()) {
  int64_t lanes = hasVectors() ? how.rows : how.words;
  vectors = b.buffer(packed, VectorType::get(lanes, b.getI32Type()), "weight");
  if (!hasVectors())
    words = b.buffer(packed, b.getI32Type(), "weight_words");
  for (FieldAttr field : scheme.fields())
    planes[field] = layout.planes(field);
}

Type DeviceBlockReader::laneType(Type element) {
  return hasVectors() ? Type(VectorType::get(how.rows, element)) : element;
}

int64_t DeviceBlockReader::group(FieldAttr field) const {
  return planes.find(field)->second.front().group;
}

void DeviceBlockReader::setBlock(Value tile, Value block, Value rowOfTile) {
  Value index = b.add(b.mul(tile, layout.blocks()), block);
  recordBase = b.mul(index, layout.words() / how.words);
  row = rowOfTile;
  unit = Value();
  unitLength = layout.length();
  loaded.clear();
  known.clear();
  shared.clear();
  for (FieldAttr field : scheme.fields())
    if (group(field) == layout.length())
      shared[field.getAsOpaquePointer()] = number(field, 0);
  loaded.clear();
  known.clear();
}

void DeviceBlockReader::setUnit(Value number, int64_t length) {
  unit = number;
  unitLength = length;
  loaded.clear();
  known.clear();
}

void DeviceBlockReader::setFactor(Value by) {
  factor = by;
  known.clear();
}

/// Word `word + unit * perUnit` of the device block.
Value DeviceBlockReader::word(int64_t perUnit, int64_t word) {
  auto position = [&](int64_t divisor) {
    Value base = b.add(recordBase, word / divisor);
    if (unit && perUnit)
      base = b.add(base, b.mul(unit, perUnit / divisor));
    return base;
  };
  if (!unit)
    perUnit = 0;
  if (hasVectors()) {
    Value &vector = loaded[{perUnit, word, 1}];
    if (!vector)
      vector = b.loadAt(vectors, position(1));
    return vector;
  }
  if (perUnit % how.words != 0) {
    Value &single = loaded[{perUnit, word, 0}];
    if (!single)
      single = dynamicWord(b.add(b.mul(unit, perUnit), word));
    return single;
  }
  int64_t first = word / how.words * how.words;
  Value &vector = loaded[{perUnit, first, how.words}];
  if (!vector)
    vector =
        b.loadAt(vectors, b.add(b.mul(position(how.words), how.rows), row));
  return vector::ExtractOp::create(b, vector, word % how.words);
}

/// A word whose number in the device block is computed.
Value DeviceBlockReader::dynamicWord(Value word) {
  if (hasVectors())
    return b.loadAt(vectors, b.add(recordBase, word));
  Value group = b.add(recordBase, b.div(word, how.words));
  Value first = b.mul(b.add(b.mul(group, how.rows), row), how.words);
  return b.loadAt(words, b.add(first, b.rem(word, how.words)));
}

Value DeviceBlockReader::vectorOf(Value scalar) {
  if (!hasVectors())
    return scalar;
  return vector::BroadcastOp::create(
      b, VectorType::get(how.rows, scalar.getType()), scalar);
}

Value DeviceBlockReader::shifted(Value word, Value shift, int64_t width) {
  if (shift)
    word = arith::ShRUIOp::create(b, word, vectorOf(shift));
  if (width < wordBits)
    word = arith::AndIOp::create(
        b, word, numbers.splat((int64_t(1) << width) - 1, word));
  return word;
}

Value DeviceBlockReader::bits(const DeviceBlockPlane &plane, int64_t element) {
  int64_t group = plane.group, width = plane.width;
  int64_t items = layout.length() / group;
  bool isStatic = !unit || items == 1;
  if (isStatic || unitLength % group == 0) {
    int64_t perUnit = isStatic ? 0 : unitLength / group * width;
    int64_t bit = plane.bit(items == 1 ? 0 : element / group);
    if (perUnit % wordBits == 0) {
      int64_t shift = bit % wordBits;
      // The last bits of a word need no mask.
      Value bits = word(perUnit / wordBits, bit / wordBits);
      bool isLast = shift + width == wordBits;
      return shifted(bits, shift ? b.i32(shift) : Value(),
                     isLast ? wordBits : width);
    }
    if (plane.inBytes) {
      // A part of each byte of a word is this unit's.
      int64_t units = wordBits / perUnit;
      Value part =
          b.add(b.mul(b.rem(unit, units), perUnit / 4), bit % wordBits);
      return shifted(dynamicWord(b.add(b.div(unit, units), bit / wordBits)),
                     b.toI32(part), width);
    }
    Value position = b.add(b.mul(unit, perUnit), bit);
    Value shift = b.toI32(b.rem(position, wordBits));
    return shifted(dynamicWord(b.div(position, wordBits)), shift, width);
  }
  Value item = group % unitLength == 0
                   ? b.div(unit, group / unitLength)
                   : b.div(b.add(b.mul(unit, unitLength), element), group);
  Value position = b.add(b.mul(item, width), plane.start);
  Value shift = b.toI32(b.rem(position, wordBits));
  return shifted(dynamicWord(b.div(position, wordBits)), shift, width);
}

//===----------------------------------------------------------------------===//
// Numbers
//===----------------------------------------------------------------------===//

int64_t DeviceBlockReader::run(int64_t length) const {
  int64_t run = length;
  SmallVector<FieldAttr> fields = scheme.fields();
  for (FieldAttr field : llvm::drop_begin(fields))
    run = std::gcd(run, group(field));
  return run;
}

Value DeviceBlockReader::number(FieldAttr field, int64_t element) {
  if (Value number = shared.lookup(field.getAsOpaquePointer()))
    return number;
  int64_t item = element / std::gcd(group(field), unitLength);
  std::pair<const void *, int64_t> key(field.getAsOpaquePointer(), item);
  if (Value number = known.lookup(key))
    return number;
  Value code;
  for (const DeviceBlockPlane &plane : planes[field]) {
    Value part = bits(plane, element);
    if (plane.shift)
      part = arith::ShLIOp::create(b, part, numbers.splat(plane.shift, part));
    code = code ? Value(arith::OrIOp::create(b, code, part)) : part;
  }
  return known[key] = numbers.convert(field, code);
}

Value DeviceBlockReader::codeBytes(int64_t element) {
  Value codes;
  for (const DeviceBlockPlane &plane : planes[scheme.attr().getCode()]) {
    int64_t perUnit = unit ? unitLength * plane.width : 0;
    int64_t bit = plane.bit(element), mask = (int64_t(1) << plane.width) - 1;
    Value part = word(perUnit / wordBits, bit / wordBits);
    if (int64_t shift = bit % wordBits)
      part = arith::ShRUIOp::create(b, part, numbers.splat(shift, part));
    if (plane.width < 8)
      part = arith::AndIOp::create(b, part,
                                   numbers.splat(mask * 0x01010101, part));
    if (plane.shift)
      part = arith::ShLIOp::create(b, part, numbers.splat(plane.shift, part));
    codes = codes ? Value(arith::OrIOp::create(b, codes, part)) : part;
  }
  return codes;
}

Value DeviceBlockReader::product(ArrayRef<FieldAttr> fields, int64_t element) {
  Value result;
  for (FieldAttr field : fields) {
    Value factor = number(field, element);
    result = result ? Value(arith::MulFOp::create(b, result, factor)) : factor;
  }
  return result;
}

Value DeviceBlockReader::zero(int64_t element) {
  FieldAttr field = scheme.attr().getZero();
  return field ? number(field, element) : Value();
}

Value DeviceBlockReader::code(int64_t element) {
  Value code = number(scheme.attr().getCode(), element);
  if (Value shift = zero(element))
    code = arith::SubFOp::create(b, code, shift);
  return code;
}

// Products are kept for the run of elements that shares them.

Value DeviceBlockReader::scale(int64_t element) {
  std::pair<const void *, int64_t> key(&scheme, element / run(unitLength));
  if (Value scale = known.lookup(key))
    return scale;
  Value scale = product(scheme.attr().getScale(), element);
  // Values are rounded before they are multiplied.
  if (!factor || scheme.attr().getRounded())
    return known[key] = scale;
  if (scale)
    scale = arith::MulFOp::create(b, scale, factor);
  return known[key] = scale ? scale : factor;
}

Value DeviceBlockReader::offset(int64_t element) {
  std::pair<const void *, int64_t> key(&layout, element / run(unitLength));
  if (Value offset = known.lookup(key))
    return offset;
  Value offset = product(scheme.attr().getOffset(), element);
  if (offset && scheme.attr().getOffsetNegative())
    offset = arith::NegFOp::create(b, offset);
  if (offset && factor && !scheme.attr().getRounded())
    offset = arith::MulFOp::create(b, offset, factor);
  return known[key] = offset;
}

Value DeviceBlockReader::value(int64_t element) {
  Value number = code(element), scale = this->scale(element),
        addend = offset(element);
  if (scale && addend)
    number = b.multiplyAdd(scale, number, addend);
  else if (scale)
    number = arith::MulFOp::create(b, scale, number);
  else if (addend)
    number = arith::AddFOp::create(b, number, addend);
  Type rounded = scheme.attr().getRounded();
  if (!rounded)
    return number;
  number = roundTo(b, cast<FloatType>(rounded), number);
  return factor ? Value(arith::MulFOp::create(b, number, factor)) : number;
}
