//===- ExpandTargetOps.cpp - Dot products of bytes for a target -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Picks the instruction for rlx.dot, rlx.lookup and rlx.extract_bits by the
// features of the target and the length of the vectors; without one, arith and
// vector operations.
//
//===----------------------------------------------------------------------===//

#include "passes/PassDetail.h"
#include "passes/cpu/target/CpuFeatures.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace rlx {
#define GEN_PASS_DEF_EXPANDTARGETOPSPASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

namespace {
class Expander {
public:
  Expander(OpBuilder &builder, Location loc, const CpuProperties &cpu)
      : b(builder), loc(loc), cpu(cpu) {}

  Value dot(DotOp op);
  Value lookup(LookupOp op);
  Value extract(ExtractBitsOp op);

private:
  Value call(StringRef intrinsic, Type type, ValueRange operands) {
    return LLVM::CallIntrinsicOp::create(b, loc, type,
                                         b.getStringAttr(intrinsic), operands)
        .getResults();
  }
  Value madd(DotOp op, StringRef bytes, StringRef words);
  /// The table's entries at the six low bits of each of 64 bytes.
  Value permute(StringRef intrinsic, VectorType type, ArrayRef<int8_t> entries,
                Value bytes) {
    Value table = arith::ConstantOp::create(
        b, loc, DenseElementsAttr::get(type, entries));
    return call(intrinsic, type, {table, bytes});
  }
  Value generic(DotOp op);
  Value shiftAndMask(ExtractBitsOp op);
  OpBuilder &b;
  Location loc;
  const CpuProperties &cpu;
};

/// Pairs of bytes to 16 bits, which must not saturate, then pairs of those
/// to 32.
Value Expander::madd(DotOp op, StringRef bytes, StringRef words) {
  int64_t lanes = cast<VectorType>(op.getType()).getNumElements();
  auto i16s = VectorType::get(2 * lanes, b.getI16Type());
  Value pairs = call(bytes, i16s, {op.getCodes(), op.getActivations()});
  Value ones = arith::ConstantOp::create(
      b, loc, DenseElementsAttr::get(i16s, int16_t(1)));
  Value sums = call(words, op.getType(), {pairs, ones});
  return arith::AddIOp::create(b, loc, op.getAccumulator(), sums);
}

Value Expander::generic(DotOp op) {
  auto i32s = cast<VectorType>(op.getType());
  Value sum = op.getAccumulator();
  for (int64_t j = 0; j < 4; ++j) {
    SmallVector<int64_t> mask;
    for (int64_t lane = 0; lane < i32s.getNumElements(); ++lane)
      mask.push_back(4 * lane + j);
    auto pick = [&](Value bytes) {
      return vector::ShuffleOp::create(b, loc, bytes, bytes, mask).getResult();
    };
    Value code = arith::ExtUIOp::create(b, loc, i32s, pick(op.getCodes()));
    Value activation =
        arith::ExtSIOp::create(b, loc, i32s, pick(op.getActivations()));
    Value product = arith::MulIOp::create(b, loc, code, activation);
    sum = arith::AddIOp::create(b, loc, sum, product);
  }
  return sum;
}

Value Expander::dot(DotOp op) {
  int64_t bits = cast<VectorType>(op.getType()).getNumElements() * 32;
  const VectorInstruction *found =
      findInstruction(cpu, VectorOp::byteDot, bits, op.getBelow());
  if (!found || found->intrinsic.empty())
    return generic(op);
  if (!found->wordIntrinsic.empty())
    return madd(op, found->intrinsic, found->wordIntrinsic);
  return call(found->intrinsic, op.getType(),
              {op.getAccumulator(), op.getCodes(), op.getActivations()});
}

Value Expander::lookup(LookupOp op) {
  auto type = cast<VectorType>(op.getType());
  int64_t count = type.getNumElements();
  // Instructions look up within each 16 bytes, or use more bits of the code, so
  // the table is repeated.
  SmallVector<int8_t> entries;
  for (int64_t i = 0; i < count; ++i)
    entries.push_back(op.getTable()[i % op.getTable().size()]);
  if (const VectorInstruction *found =
          findInstruction(cpu, VectorOp::lookup64, 8 * count))
    return permute(found->intrinsic, type, entries, op.getCodes());
  Value table = arith::ConstantOp::create(
      b, loc, DenseElementsAttr::get(type, ArrayRef<int8_t>(entries)));
  // Others have a meaning for a byte's highest bits.
  Value low = arith::ConstantOp::create(
      b, loc, DenseElementsAttr::get(type, int8_t(15)));
  Value codes = arith::AndIOp::create(b, loc, op.getCodes(), low);
  if (const VectorInstruction *found =
          findInstruction(cpu, VectorOp::lookup16, 8 * count))
    return call(found->intrinsic, type, {table, codes});
  SmallVector<Value> bytes;
  for (int64_t i = 0; i < count; ++i) {
    Value code = vector::ExtractOp::create(b, loc, codes, i);
    Value index = arith::IndexCastUIOp::create(b, loc, b.getIndexType(), code);
    bytes.push_back(vector::ExtractOp::create(b, loc, table,
                                              ArrayRef<OpFoldResult>{index}));
  }
  return vector::FromElementsOp::create(b, loc, type, bytes);
}

/// Bits of bytes where they lie, shifted in lanes of 16 bits and masked. What
/// the shift brings over from the neighbouring byte is outside the mask.
Value Expander::shiftAndMask(ExtractBitsOp op) {
  auto type = cast<VectorType>(op.getType());
  int64_t right = op.getFrom() - op.getTo();
  Value bits = op.getBytes();
  if (right) {
    VectorType wide =
        VectorType::get(type.getNumElements() / 2, b.getI16Type());
    Value distance = arith::ConstantOp::create(
        b, loc, DenseElementsAttr::get(wide, int16_t(std::abs(right))));
    bits = vector::BitCastOp::create(b, loc, wide, bits);
    bits = right > 0 ? Value(arith::ShRUIOp::create(b, loc, bits, distance))
                     : Value(arith::ShLIOp::create(b, loc, bits, distance));
    bits = vector::BitCastOp::create(b, loc, type, bits);
  }
  if (op.getWidth() == 8 || op.getLoose())
    return bits;
  int64_t mask = ((int64_t(1) << op.getWidth()) - 1) << op.getTo();
  return arith::AndIOp::create(
      b, loc, bits,
      arith::ConstantOp::create(b, loc,
                                DenseElementsAttr::get(type, int8_t(mask))));
}

/// One instruction looks up what becomes of a byte if the bits are among its
/// lowest six.
Value Expander::extract(ExtractBitsOp op) {
  auto type = cast<VectorType>(op.getType());
  constexpr int64_t lookedUp = 6;
  int64_t from = op.getFrom(), to = op.getTo(), width = op.getWidth();
  const VectorInstruction *found = findInstruction(
      cpu, VectorOp::lookup64, 8 * int64_t(type.getNumElements()));
  // A mask alone, or a shift, is cheaper.
  if (!found || from == to || op.getLoose() || from + width > lookedUp)
    return shiftAndMask(op);
  SmallVector<int8_t> entries;
  for (int64_t byte = 0; byte < int64_t(1) << lookedUp; ++byte)
    entries.push_back(
        int8_t(((byte >> from) & ((int64_t(1) << width) - 1)) << to));
  return permute(found->intrinsic, type, entries, op.getBytes());
}

struct ExpandTargetOpsPass
    : rlx::impl::ExpandTargetOpsPassBase<ExpandTargetOpsPass> {
  using ExpandTargetOpsPassBase::ExpandTargetOpsPassBase;

  void runOnOperation() override {
    const CpuProperties cpu = CpuAttr::of(getOperation());
    getOperation().walk([&](Operation *op) {
      OpBuilder builder(op);
      Expander expander(builder, op->getLoc(), cpu);
      Value expanded;
      if (auto dot = dyn_cast<DotOp>(op))
        expanded = expander.dot(dot);
      else if (auto lookup = dyn_cast<LookupOp>(op))
        expanded = expander.lookup(lookup);
      else if (auto bits = dyn_cast<ExtractBitsOp>(op))
        expanded = expander.extract(bits);
      if (!expanded)
        return;
      op->getResult(0).replaceAllUsesWith(expanded);
      op->erase();
    });
  }
};
} // namespace
