//===- RuleLoops.cpp - Loops that choose scales by a rule -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Of each group of a row the extremes, of these a scale, of this the codes: in
// vectors, one pass over the data, two where a group is longer than registers.
// rlx.block_quantize writes the codes to where the description has them,
// rlx.block_fake_quantize what they mean. What numbers become is said by
// rules/RuleArithmetic.h.
//
// Numbers that are not finite end the run. Extremes are found as integers, for
// which NaNs are numbers beyond infinities.
//
//===----------------------------------------------------------------------===//

#include "passes/cpu/kernels/FieldStores.h"
#include "passes/cpu/kernels/LoopKernels.h"
#include "passes/cpu/kernels/RowAccess.h"
#include "passes/rules/RuleArithmetic.h"
#include "passes/rules/RulePlan.h"
#include "passes/support/QuantizedOperand.h"
#include "passes/support/SourceText.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace rlx;
using namespace rlx::mathx;

static constexpr int64_t magnitudeBits = 0x7fffffff, largestFinite = 0x7f7fffff;

namespace {
/// Where numbers are read, and where their codes, or what these mean, are
/// written.
struct Buffers {
  Value x, init;
  SideValues sides;
  bool isFake;
};

class RuleLoops {
public:
  RuleLoops(Operation *op, const RulePlan &plan, const Buffers &buffers)
      : b(op->getLoc(), op), op(op), plan(plan), buffers(buffers),
        arithmetic(b, plan) {}
  void emit();

private:
  using Extremes = RuleArithmetic::Extremes;
  using Scale = RuleArithmetic::Scale;
  /// What extremes are found of, for each lane or of all.
  struct Found {
    Int magnitude, least, most; ///< The last two in the order of integers.
  };

  void emitUnit(ValueRange row, Value first);
  void emitLongGroup(ValueRange row, Value first);
  Found find(Num x);
  Found merge(const Found &a, const Found &b);
  Found reduce(const Found &lanes);
  Truth isBad(const Found &found);
  Extremes extremesOf(const Found &found, Num x, ValueRange row, Value first);
  Num firstOf(Truth isIt, Num x, ValueRange row, Value first);
  void emitFailure(Truth isBad);
  void write(ValueRange row, Value first, Int codes, ArrayRef<Scale> scales);
  void writeSides(ValueRange row, Value k, const Scale &scale);
  void addSums(FieldStores &stores, Int codes);

  Num load(ValueRange row, Value first, int64_t lanes) {
    return {{&b, b.loadVector(buffers.x, at(row, first), lanes)}};
  }
  static SmallVector<Value> at(ValueRange row, Value last) {
    SmallVector<Value> indices(row);
    indices.push_back(last);
    return indices;
  }
  /// Some neighbours of a vector.
  template <typename T> T slice(T vector, int64_t first, int64_t lanes) {
    auto type = cast<VectorType>(vector.value.getType());
    if (type.getNumElements() == lanes)
      return vector;
    return {{&b, vector::ExtractStridedSliceOp::create(
                     b, vector.value, ArrayRef(first), ArrayRef(lanes),
                     ArrayRef(int64_t(1)))}};
  }
  Int reduced(vector::CombiningKind kind, Int lanes) {
    return {{&b, vector::ReductionOp::create(b, kind, lanes.value)}};
  }

  LoopBuilder b;
  Operation *op;
  const RulePlan &plan;
  Buffers buffers;
  RuleArithmetic arithmetic;
};
} // namespace

//===----------------------------------------------------------------------===//
// Extremes
//===----------------------------------------------------------------------===//

/// Floats as integers of the same order, but for zeros; its own inverse.
static Int ordered(Int bits) {
  return bits ^ (bits.shiftSigned(31) & magnitudeBits);
}

RuleLoops::Found RuleLoops::find(Num x) {
  Int bits = x.bits();
  if (!plan.needsRange())
    return {bits & magnitudeBits, {}, {}};
  Int order = ordered(bits);
  return {{}, order, order};
}

RuleLoops::Found RuleLoops::merge(const Found &p, const Found &q) {
  if (!plan.needsRange())
    return {
        {{&b, arith::MaxSIOp::create(b, p.magnitude.value, q.magnitude.value)}},
        {},
        {}};
  return {{},
          {{&b, arith::MinSIOp::create(b, p.least.value, q.least.value)}},
          {{&b, arith::MaxSIOp::create(b, p.most.value, q.most.value)}}};
}

RuleLoops::Found RuleLoops::reduce(const Found &lanes) {
  if (!plan.needsRange())
    return {reduced(vector::CombiningKind::MAXSI, lanes.magnitude), {}, {}};
  return {{},
          reduced(vector::CombiningKind::MINSI, lanes.least),
          reduced(vector::CombiningKind::MAXSI, lanes.most)};
}

/// Whether one of the numbers is an infinity or a NaN.
Truth RuleLoops::isBad(const Found &found) {
  if (!plan.needsRange())
    return found.magnitude > largestFinite;
  return (found.most > largestFinite) | (found.least < -largestFinite - 1);
}

/// The first number of `x` for which `isIt` holds, as it lies in memory.
Num RuleLoops::firstOf(Truth isIt, Num x, ValueRange row, Value first) {
  int64_t lanes = cast<VectorType>(x.value.getType()).getNumElements();
  Type bits = b.getIntegerType(unsigned(lanes));
  Value mask = vector::ExtractOp::create(
      b, vector::BitCastOp::create(b, VectorType::get(1, bits), isIt.value), 0);
  Value count = math::CountTrailingZerosOp::create(b, mask);
  Value index = arith::IndexCastUIOp::create(
      b, b.getIndexType(),
      lanes > 64 ? Value(arith::TruncIOp::create(b, b.getI64Type(), count))
                 : count);
  // Of NaNs there is none.
  index = b.min(index, b.index(lanes - 1));
  return {
      {&b, memref::LoadOp::create(b, buffers.x, at(row, b.add(first, index)))}};
}

/// `x` is null where a group is longer than registers.
RuleLoops::Extremes RuleLoops::extremesOf(const Found &found, Num x,
                                          ValueRange row, Value first) {
  Extremes result;
  auto same = [&](Int lanes, Int all) {
    Value spread =
        vector::BroadcastOp::create(b, lanes.value.getType(), all.value);
    return lanes.compare(arith::CmpIPredicate::eq, {{&b, spread}});
  };
  if (!plan.needsRange()) {
    result.largest = fromBits(found.magnitude);
    if (plan.rule.method == QuantRule::Method::signedMax)
      // A zero has no sign.
      result.largest =
          choose(found.magnitude == 0, result.largest,
                 firstOf(same(x.bits() & magnitudeBits, found.magnitude), x,
                         row, first));
    return result;
  }
  result.least = fromBits(ordered(found.least));
  result.most = fromBits(ordered(found.most));
  // Zeros are equal, whatever their sign: the first is stored. Others are what
  // they are, and most often nothing has to be looked for.
  if (plan.offset) {
    Num least = result.least;
    auto look = scf::IfOp::create(
        b, (least == 0).value,
        [&](OpBuilder &, Location) {
          Value spread =
              vector::BroadcastOp::create(b, x.value.getType(), least.value);
          Num found = firstOf(x == Num{{&b, spread}}, x, row, first);
          scf::YieldOp::create(b, found.value);
        },
        [&](OpBuilder &, Location) { scf::YieldOp::create(b, least.value); });
    result.least = {{&b, look.getResult(0)}};
  }
  return result;
}

/// Ends the run with the first number of all that is not finite.
void RuleLoops::emitFailure(Truth isBad) {
  auto branch = scf::IfOp::create(b, isBad.value, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  std::string text = sourceText(op);
  size_t name = text.rfind("block_");
  text.erase(name, StringRef("block_").size());
  text += "expected finite numbers, but x[";
  SmallVector<Value> indices;
  int64_t rank = cast<MemRefType>(buffers.x.getType()).getRank();
  for (int64_t i = 0; i < rank; ++i)
    text += i ? ", {}" : "{}";
  text += "] is not";
  std::function<void()> search = [&] {
    if (int64_t(indices.size()) < rank) {
      b.loop(b.index(0), b.size(buffers.x, indices.size()), 1, [&](Value i) {
        indices.push_back(i);
        search();
        indices.pop_back();
      });
      return;
    }
    Num x{{&b, memref::LoadOp::create(b, buffers.x, indices)}};
    auto found =
        scf::IfOp::create(b, ((x.bits() & magnitudeBits) > largestFinite).value,
                          /*withElseRegion=*/false);
    OpBuilder::InsertionGuard inner(b);
    b.setInsertionPointToStart(found.thenBlock());
    Value never = arith::ConstantOp::create(b, b.getBoolAttr(false));
    CheckOp::create(b, never, b.getStringAttr(text), indices);
  };
  search();
}

//===----------------------------------------------------------------------===//
// What is written
//===----------------------------------------------------------------------===//

void RuleLoops::writeSides(ValueRange row, Value k, const Scale &scale) {
  for (FieldAttr field : {plan.scale, plan.zero, plan.offset}) {
    if (!field || !field.isSide())
      continue;
    Value side = buffers.sides.named(field.getOperand().getValue());
    AffineMap map = field.getPlanes().front().getPosition();
    SmallVector<Value> indices(row.drop_back());
    for (unsigned i = 0; i < map.getNumResults(); ++i)
      indices.push_back(affine::AffineApplyOp::create(
          b, map.getSubMap(i), ValueRange{row.back(), k}));
    Value code = arithmetic.storedCode(scale, field).value;
    Type element = cast<MemRefType>(side.getType()).getElementType();
    Type integer = b.getIntegerType(element.getIntOrFloatBitWidth());
    if (integer != code.getType())
      code = arith::TruncIOp::create(b, integer, code);
    if (isa<FloatType>(element))
      code = arith::BitcastOp::create(b, element, code);
    else if (element != integer)
      code = UnrealizedConversionCastOp::create(b, b.getLoc(), element, code)
                 .getResult(0);
    memref::StoreOp::create(b, code, side, indices);
  }
}

/// Sums of neighbouring codes as integers of 16 bits.
void RuleLoops::addSums(FieldStores &stores, Int codes) {
  Value sums = CodeNumbers(b, b.getLoc()).integers(plan.code, codes.value);
  for (int64_t length = 1; length < plan.rule.sums->length; length *= 2) {
    auto parts = vector::DeinterleaveOp::create(b, sums);
    sums = arith::AddIOp::create(b, parts.getRes1(), parts.getRes2());
  }
  int64_t count = cast<VectorType>(sums.getType()).getNumElements();
  sums =
      arith::TruncIOp::create(b, VectorType::get(count, b.getI16Type()), sums);
  stores.addBytes(vector::BitCastOp::create(
                      b, VectorType::get(2 * count, b.getI8Type()), sums),
                  plan.rule.sums->firstByte);
}

/// Writes the codes of whole blocks and, where they lie in these, the scales of
/// their groups.
void RuleLoops::write(ValueRange row, Value first, Int codes,
                      ArrayRef<Scale> scales) {
  int64_t lanes = cast<VectorType>(codes.value.getType()).getNumElements();
  FieldStores stores(b, plan.scheme);
  stores.add(plan.code, codes.value, llvm::to_vector(llvm::seq(lanes)));
  if (!plan.hasSides)
    for (FieldAttr field : {plan.scale, plan.zero, plan.offset}) {
      if (!field)
        continue;
      SmallVector<Value> stored;
      SmallVector<int64_t> elements;
      for (auto [i, scale] : llvm::enumerate(scales)) {
        stored.push_back(arithmetic.storedCode(scale, field).value);
        elements.push_back(int64_t(i) * plan.group);
      }
      Value all = vector::FromElementsOp::create(
          b, VectorType::get(stored.size(), b.getI32Type()), stored);
      stores.add(field, all, elements);
    }
  if (plan.rule.sums)
    addSums(stores, codes);
  int64_t block = plan.scheme.block();
  Value firstByte = b.mul(b.div(first, block), plan.scheme.blockBytes());
  stores.store(buffers.init, row, firstByte, lanes / block);
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

/// Whole blocks and groups from column `first` on, in registers.
void RuleLoops::emitUnit(ValueRange row, Value first) {
  Num all = load(row, first, plan.unit);
  SmallVector<Scale> scales;
  SmallVector<Found> found;
  SmallVector<Num> parts;
  Truth bad;
  for (int64_t i = 0; i < plan.unit; i += plan.group) {
    parts.push_back(slice(all, i, plan.group));
    found.push_back(reduce(find(parts.back())));
    Truth isOne = isBad(found.back());
    bad = bad ? bad | isOne : isOne;
  }
  emitFailure(bad);
  Value joined;
  for (auto [i, part] : llvm::enumerate(parts)) {
    int64_t begin = int64_t(i) * plan.group;
    scales.push_back(arithmetic.choose(
        extremesOf(found[i], part, row, b.add(first, begin))));
    Int codes = arithmetic.codes(scales.back(), part);
    if (plan.hasSides && !buffers.isFake)
      writeSides(row, b.add(first, begin), scales.back());
    Value lanes = buffers.isFake ? arithmetic.values(scales.back(), codes).value
                                 : codes.value;
    if (plan.unit == plan.group) {
      joined = lanes;
      continue;
    }
    Type element = cast<VectorType>(lanes.getType()).getElementType();
    if (!joined)
      joined = arith::ConstantOp::create(
          b, b.getZeroAttr(VectorType::get(plan.unit, element)));
    joined = vector::InsertStridedSliceOp::create(
        b, lanes, joined, ArrayRef(begin), ArrayRef(int64_t(1)));
  }
  if (buffers.isFake)
    b.storeVector(joined, buffers.init, at(row, first));
  else
    write(row, first, {{&b, joined}}, scales);
}

/// A group longer than registers, whose scale lies beside the blocks: one loop
/// for the extremes, one for the codes.
void RuleLoops::emitLongGroup(ValueRange row, Value first) {
  constexpr int64_t atOnce = 64;
  int64_t block = plan.scheme.block(),
          lanes = block * std::max<int64_t>(1, atOnce / block),
          whole = plan.group / lanes * lanes;
  auto valuesOf = [&](const Found &found) {
    return plan.needsRange()
               ? SmallVector<Value>{found.least.value, found.most.value}
               : SmallVector<Value>{found.magnitude.value};
  };
  auto foundOf = [&](ValueRange values) -> Found {
    if (plan.needsRange())
      return {{}, {{&b, values[0]}}, {{&b, values[1]}}};
    return {{{&b, values[0]}}, {}, {}};
  };
  // The first is taken twice.
  auto start = [&](int64_t count) {
    return valuesOf(find(load(row, first, count)));
  };
  auto over = [&](int64_t begin, int64_t end, int64_t step,
                  SmallVector<Value> initial) {
    return foundOf(b.loop(b.index(begin), b.index(end), step, initial,
                          [&](Value i, ValueRange carried) {
                            Num x = load(row, b.add(first, i), step);
                            return valuesOf(merge(foundOf(carried), find(x)));
                          }));
  };
  Found found = reduce(over(0, whole, lanes, start(lanes)));
  if (whole != plan.group)
    found = merge(found, reduce(over(whole, plan.group, block, start(block))));
  emitFailure(isBad(found));
  Scale scale = arithmetic.choose(extremesOf(found, {}, row, first));
  if (!buffers.isFake)
    writeSides(row, first, scale);
  auto codesOver = [&](int64_t begin, int64_t end, int64_t step) {
    b.loop(b.index(begin), b.index(end), step, [&](Value i) {
      Value column = b.add(first, i);
      Int codes = arithmetic.codes(scale, load(row, column, step));
      if (buffers.isFake)
        b.storeVector(arithmetic.values(scale, codes).value, buffers.init,
                      at(row, column));
      else
        write(row, column, codes, {});
    });
  };
  codesOver(0, whole, lanes);
  if (whole != plan.group)
    codesOver(whole, plan.group, block);
}

void RuleLoops::emit() {
  int64_t columns = cast<MemRefType>(buffers.x.getType()).getShape().back();
  constexpr int64_t longest = 256;
  emitRowLoop(b, buffers.x, [&](ValueRange row) {
    b.loop(b.index(0), b.index(columns), plan.unit, [&](Value first) {
      if (plan.unit <= longest)
        emitUnit(row, first);
      else
        emitLongGroup(row, first);
    });
  });
}

void rlx::emitRuleLoops(BlockQuantizeOp op, const RulePlan &plan) {
  SideValues sides;
  QuantScheme scheme(op.getScheme().getScheme());
  for (auto [side, init] :
       llvm::zip_equal(scheme.sideOperands(), op.getInits().drop_front()))
    sides.named(side.name) = init;
  RuleLoops(op, plan, {op.getX(), op.getInit(), sides, false}).emit();
}

void rlx::emitRuleLoops(BlockFakeQuantizeOp op, const RulePlan &plan) {
  RuleLoops(op, plan, {op.getX(), op.getInit(), {}, true}).emit();
}
