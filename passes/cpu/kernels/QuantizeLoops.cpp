//===- QuantizeLoops.cpp - Loops for rlx.block_quantize -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// For each element, t = (x - offset) / scale + zero, and the code whose number
// is nearest to t. Its bits go where the planes say. All is derived from the
// description, element by element: an importer's tool, not a kernel.
//
// Where the scale is 0, the quotient counts as 0. Integer codes round halves
// away from zero and saturate; small floats and codebooks take the nearest
// finite number, ties to the even code; f16, bf16 and f32 convert as IEEE says.
// A NaN gets the code of a NaN, or that of the number nearest to 0 where there
// is none.
//
//===----------------------------------------------------------------------===//

#include "ir/Reference.h"
#include "passes/cpu/kernels/LoopKernels.h"
#include "passes/cpu/kernels/RowAccess.h"
#include "passes/decode/FieldExpansion.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace rlx;

namespace {

/// Codes whose numbers follow no rule that arithmetic could use.
constexpr unsigned widestTable = 8;

/// The codes of a field in the order of their numbers: the code of t is
/// `codes[j]`, j being how many of `thresholds` t reaches.
struct CodeTable {
  explicit CodeTable(FieldAttr field);
  SmallVector<float>
      thresholds; ///< as many as there are codes, padded with NaN
  SmallVector<int8_t> codes;
  int64_t nanCode; ///< what a NaN becomes
  /// What -0 becomes, which no threshold tells from +0, where there are both.
  std::optional<int64_t> negativeZero;
};

class QuantizeLoops {
public:
  QuantizeLoops(BlockQuantizeOp op, int64_t lanes)
      : b(op.getLoc(), op), op(op), lanes(lanes),
        scheme(op.getScheme().getScheme()), code(scheme.attr().getCode()) {}
  LogicalResult emit();

private:
  bool isPlainFloat() const;
  void emitVector(ValueRange row, Value k);
  void emitElement(ValueRange row, Value k);
  Value product(FieldExpansion &expansion, ArrayRef<FieldAttr> fields, Value k);
  Value emitCode(Value t);
  Value emitIntegerCode(Value t);
  Value emitTableCode(Value t);
  void storeCode(ValueRange row, Value k, Value bits);
  void storePlane(ValueRange row, PlaneAttr plane, Value k, Value bits);
  bool coversWholeBytes(PlaneAttr plane) const;

  Value f32(double value) {
    return arith::ConstantOp::create(b, b.getF32FloatAttr(float(value)));
  }
  Value i64(int64_t value) {
    return arith::ConstantOp::create(b, b.getI64IntegerAttr(value));
  }
  Value scalar(Value vectorOfOne) {
    return vector::ExtractOp::create(b, vectorOfOne, 0);
  }
  Value isNan(Value t) {
    return arith::CmpFOp::create(b, arith::CmpFPredicate::UNO, t, t);
  }
  Value select(Value condition, Value yes, Value no) {
    return arith::SelectOp::create(b, condition, yes, no);
  }

  LoopBuilder b;
  BlockQuantizeOp op;
  int64_t lanes;
  QuantScheme scheme;
  FieldAttr code;
  std::optional<CodeTable> table;
  Value thresholds, codes; ///< the table in memory
};

CodeTable::CodeTable(FieldAttr field) {
  SmallVector<std::pair<double, int64_t>> numbers;
  int64_t count = int64_t(1) << field.width();
  std::optional<int64_t> nan;
  for (int64_t i = 0; i < count; ++i) {
    double number = numberOf(field, i);
    if (std::isnan(number) && !nan)
      nan = i;
    if (std::isfinite(number))
      numbers.push_back({number, i});
  }
  // -0 stands before +0, so that a small negative number keeps its sign. Of
  // codes with one number, the first is used.
  llvm::stable_sort(numbers, [](const auto &a, const auto &b) {
    return a.first < b.first || (a.first == b.first &&
                                 std::signbit(a.first) > std::signbit(b.first));
  });
  auto same = [](const auto &a, const auto &b) {
    return a.first == b.first && std::signbit(a.first) == std::signbit(b.first);
  };
  numbers.erase(std::unique(numbers.begin(), numbers.end(), same),
                numbers.end());

  for (size_t i = 0; i < numbers.size(); ++i) {
    codes.push_back(int8_t(numbers[i].second));
    if (numbers[i].first == 0 && std::signbit(numbers[i].first))
      negativeZero = numbers[i].second;
    if (i == 0)
      continue;
    // t reaches the upper of two numbers beyond their middle, or in the middle
    // where the upper code is even. A middle that is no f32 is never met.
    double middle = (numbers[i - 1].first + numbers[i].first) / 2;
    float threshold = float(middle);
    if (double(threshold) > middle)
      threshold =
          std::nextafter(threshold, -std::numeric_limits<float>::infinity());
    bool tieGoesUp = double(threshold) == middle && numbers[i].second % 2 == 0;
    if (!tieGoesUp)
      threshold =
          std::nextafter(threshold, std::numeric_limits<float>::infinity());
    thresholds.push_back(threshold);
  }
  thresholds.resize(count, std::numeric_limits<float>::quiet_NaN());
  codes.resize(count, 0);
  nanCode = nan.value_or(uint8_t(
      codes[llvm::count_if(thresholds, [](float t) { return 0 >= t; })]));
}

//===----------------------------------------------------------------------===//
// Codes
//===----------------------------------------------------------------------===//

Value QuantizeLoops::emitIntegerCode(Value t) {
  int64_t count = int64_t(1) << code.width(), bias = code.getBias();
  int64_t first = code.getType().isSignedInteger() ? -count / 2 : 0;
  // Halves away from zero, then into the range: what f32 holds exactly
  // converts.
  Value rounded = math::RoundOp::create(b, select(isNan(t), f32(0), t));
  rounded = arith::MaximumFOp::create(b, rounded, f32(double(first - bias)));
  rounded = arith::MinimumFOp::create(b, rounded,
                                      f32(double(first + count - 1 - bias)));
  Value number = arith::FPToSIOp::create(b, b.getI64Type(), rounded);
  return arith::AddIOp::create(b, number, i64(bias));
}

Value QuantizeLoops::emitTableCode(Value t) {
  // Binary search for how many thresholds t reaches.
  Value found = b.index(0);
  for (int64_t step = int64_t(table->codes.size()) / 2; step >= 1; step /= 2) {
    Value last = b.add(found, step - 1);
    Value threshold = memref::LoadOp::create(b, thresholds, last);
    Value reached =
        arith::CmpFOp::create(b, arith::CmpFPredicate::OGE, t, threshold);
    found = select(reached, b.add(found, step), found);
  }
  Value bits = memref::LoadOp::create(b, codes, found);
  bits = arith::ExtUIOp::create(b, b.getI64Type(), bits);
  if (table->negativeZero) {
    constexpr auto signBit = int64_t(std::numeric_limits<int32_t>::min());
    Value tBits = arith::BitcastOp::create(b, b.getI32Type(), t);
    Value isNegativeZero = arith::CmpIOp::create(
        b, arith::CmpIPredicate::eq, tBits,
        arith::ConstantOp::create(b, b.getI32IntegerAttr(int32_t(signBit))));
    bits = select(isNegativeZero, i64(*table->negativeZero), bits);
  }
  return select(isNan(t), i64(table->nanCode), bits);
}

/// The code for `t` as an i64; bits above the code's are not zero.
Value QuantizeLoops::emitCode(Value t) {
  if (code.isInteger())
    return emitIntegerCode(t);
  if (table)
    return emitTableCode(t);
  auto type = cast<FloatType>(code.getType());
  if (code.getBias())
    t = arith::AddFOp::create(b, t, f32(double(code.getBias())));
  if (type.getWidth() < 32)
    t = arith::TruncFOp::create(b, type, t);
  Value bits =
      arith::BitcastOp::create(b, b.getIntegerType(type.getWidth()), t);
  return arith::ExtUIOp::create(b, b.getI64Type(), bits);
}

//===----------------------------------------------------------------------===//
// Bits
//===----------------------------------------------------------------------===//

/// Whether the plane's bits are whole bytes that nothing else shares.
bool QuantizeLoops::coversWholeBytes(PlaneAttr plane) const {
  if (plane.width() % 8 != 0)
    return false;
  for (int64_t i = 0; i < scheme.block(); ++i)
    if (firstBit(plane, i) % 8 != 0)
      return false;
  return true;
}

/// Writes the lowest bits of `bits` to where `plane` has them for element `k`.
void QuantizeLoops::storePlane(ValueRange row, PlaneAttr plane, Value k,
                               Value bits) {
  MLIRContext *context = b.getContext();
  int64_t width = plane.width();
  AffineExpr element = getAffineDimExpr(0, context);
  AffineMap position = plane.getPosition();
  AffineExpr inBlock = element % scheme.block();
  auto of = [&](unsigned result) {
    return position.getResult(result).replaceDimsAndSymbols({inBlock}, {});
  };
  // Counted from the first bit of the row.
  AffineExpr bit =
      (element.floorDiv(scheme.block()) * scheme.blockBytes() + of(0)) * 8 +
      of(1);
  auto apply = [&](AffineExpr expr) -> Value {
    return affine::AffineApplyOp::create(b, AffineMap::get(1, 0, expr),
                                         ValueRange{k});
  };
  auto byteAt = [&](Value byte) {
    SmallVector<Value> indices(row);
    indices.push_back(byte);
    return indices;
  };
  Value firstByte = apply(bit.floorDiv(8));
  if (coversWholeBytes(plane)) {
    for (int64_t i = 0; i < width / 8; ++i) {
      Value byte = arith::ShRUIOp::create(b, bits, i64(8 * i));
      byte = arith::TruncIOp::create(b, b.getI8Type(), byte);
      memref::StoreOp::create(b, byte, op.getInit(),
                              byteAt(b.add(firstByte, i)));
    }
    return;
  }
  int64_t mostBytes = 0;
  for (int64_t i = 0; i < scheme.block(); ++i)
    mostBytes = std::max<int64_t>(
        mostBytes, llvm::divideCeil(firstBit(plane, i) % 8 + width, 8));
  bits = arith::AndIOp::create(b, bits, i64((int64_t(1) << width) - 1));
  Value shift = arith::IndexCastUIOp::create(b, b.getI64Type(), apply(bit % 8));
  bits = arith::ShLIOp::create(b, bits, shift);
  Value lastByte =
      mostBytes > 1 ? apply((bit + (width - 1)).floorDiv(8)) : firstByte;
  for (int64_t i = 0; i < mostBytes; ++i) {
    // An element that reaches fewer bytes adds zeros to its last one.
    Value at = i == 0 ? firstByte : b.min(b.add(firstByte, i), lastByte);
    Value part = arith::ShRUIOp::create(b, bits, i64(8 * i));
    part = arith::TruncIOp::create(b, b.getI8Type(), part);
    Value held = memref::LoadOp::create(b, op.getInit(), byteAt(at));
    memref::StoreOp::create(b, arith::OrIOp::create(b, held, part),
                            op.getInit(), byteAt(at));
  }
}

void QuantizeLoops::storeCode(ValueRange row, Value k, Value bits) {
  int64_t shift = 0;
  for (PlaneAttr plane : code.getPlanes()) {
    Value planeBits =
        shift ? Value(arith::ShRUIOp::create(b, bits, i64(shift))) : bits;
    storePlane(row, plane, k, planeBits);
    shift += plane.width();
  }
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

/// The product of `fields` for element `k`, or null where there are none.
Value QuantizeLoops::product(FieldExpansion &expansion,
                             ArrayRef<FieldAttr> fields, Value k) {
  Value result;
  for (FieldAttr field : fields) {
    Value number = scalar(expansion.sideNumber(field, k));
    result = result ? Value(arith::MulFOp::create(b, result, number)) : number;
  }
  return result;
}

void QuantizeLoops::emitElement(ValueRange row, Value k) {
  SchemeAttr attribute = scheme.attr();
  BlockAddress address{op.getInit(),       SmallVector<Value>(row),
                       b.index(0),         op.getScales(),
                       op.getZeroPoints(), op.getGlobalScale()};
  FieldExpansion expansion(b, b.getLoc(), scheme, address, /*elements=*/0);
  SmallVector<Value> indices(row);
  indices.push_back(k);
  Value t = memref::LoadOp::create(b, op.getX(), indices);
  if (Value offset = product(expansion, attribute.getOffset(), k))
    t = attribute.getOffsetNegative()
            ? Value(arith::AddFOp::create(b, t, offset))
            : Value(arith::SubFOp::create(b, t, offset));
  if (Value scale = product(expansion, attribute.getScale(), k)) {
    Value isZero =
        arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, scale, f32(0));
    t = select(isZero, f32(0), arith::DivFOp::create(b, t, scale));
  }
  if (attribute.getZero())
    t = arith::AddFOp::create(b, t, product(expansion, attribute.getZero(), k));
  storeCode(row, k, emitCode(t));
}

/// Whether a block is one float, as it is.
bool QuantizeLoops::isPlainFloat() const {
  return scheme.fields().size() == 1 && scheme.block() == 1 &&
         code.getBias() == 0 && code.getPlanes().size() == 1 &&
         (code.getType().isF16() || code.getType().isBF16()) &&
         code.width() == code.getType().getIntOrFloatBitWidth() &&
         scheme.blockBytes() * 8 == code.width();
}

/// Some neighbours of a row as floats of 16 bits.
void QuantizeLoops::emitVector(ValueRange row, Value k) {
  SmallVector<Value> from(row), to(row);
  from.push_back(k);
  to.push_back(b.mul(k, scheme.blockBytes()));
  Value x = b.loadVector(op.getX(), from, lanes);
  Value codes =
      arith::TruncFOp::create(b, VectorType::get(lanes, code.getType()), x);
  Value bytes = vector::BitCastOp::create(
      b, VectorType::get(lanes * scheme.blockBytes(), b.getI8Type()), codes);
  b.storeVector(bytes, op.getInit(), to);
}

LogicalResult QuantizeLoops::emit() {
  bool isTable = !code.isInteger() && code.width() <= widestTable;
  if (!code.isInteger() && !isTable &&
      code.width() != code.getType().getIntOrFloatBitWidth())
    return op.emitOpError()
           << "codes of " << code.width() << " bits that are read as "
           << code.getType() << " cannot be computed, expected all of its bits";
  if (isTable) {
    table.emplace(code);
    auto allocate = [&](DenseElementsAttr values) -> Value {
      auto type = cast<VectorType>(values.getType());
      auto memory = MemRefType::get(type.getShape(), type.getElementType());
      Value table = memref::AllocOp::create(b, memory);
      b.storeVector(arith::ConstantOp::create(b, values), table, b.index(0));
      return table;
    };
    int64_t count = table->codes.size();
    thresholds =
        allocate(DenseElementsAttr::get(VectorType::get(count, b.getF32Type()),
                                        ArrayRef<float>(table->thresholds)));
    codes = allocate(DenseElementsAttr::get(
        VectorType::get(count, b.getI8Type()), ArrayRef<int8_t>(table->codes)));
  }
  int64_t rowLength = cast<MemRefType>(op.getX().getType()).getShape().back();
  bool needsZeros = scheme.attr().getUnused() != 0 ||
                    !llvm::all_of(code.getPlanes(), [&](PlaneAttr plane) {
                      return coversWholeBytes(plane);
                    });
  emitRowLoop(b, op.getInit(), [&](ValueRange row) {
    if (needsZeros)
      b.loop(b.index(0), b.index(scheme.rowBytes(rowLength)), 1,
             [&](Value byte) {
               SmallVector<Value> indices(row);
               indices.push_back(byte);
               Value zero = arith::ConstantOp::create(b, b.getI8IntegerAttr(0));
               memref::StoreOp::create(b, zero, op.getInit(), indices);
             });
    int64_t whole = isPlainFloat() ? rowLength / lanes * lanes : 0;
    if (whole > 0)
      b.loop(b.index(0), b.index(whole), lanes,
             [&](Value k) { emitVector(row, k); });
    if (whole != rowLength)
      b.loop(b.index(whole), b.index(rowLength), 1,
             [&](Value k) { emitElement(row, k); });
  });
  if (isTable) {
    memref::DeallocOp::create(b, codes);
    memref::DeallocOp::create(b, thresholds);
  }
  return success();
}
} // namespace

LogicalResult rlx::emitQuantizeLoops(BlockQuantizeOp op,
                                     const CpuProperties &cpu) {
  return QuantizeLoops(op, cpu.lanes()).emit();
}
