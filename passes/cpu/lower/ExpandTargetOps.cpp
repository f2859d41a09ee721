//===- ExpandTargetOps.cpp - Dot products of bytes for a target -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Picks the instruction for rlx.dot, rlx.lookup and fields of bytes by the
// features of the target and the length of the vectors; without one, arith and
// vector operations. So are conversions to bf16, for each element of which LLVM
// would call a function.
//
//===----------------------------------------------------------------------===//

#include "passes/PassDetail.h"

#include "llvm/ADT/StringSet.h"

namespace rlx {
#define GEN_PASS_DEF_EXPANDTARGETOPSPASS
#include "passes/Passes.h.inc"
} // namespace rlx

using namespace mlir;
using namespace rlx;

namespace {
class Expander {
public:
  Expander(OpBuilder &builder, Location loc, const llvm::StringSet<> &features)
      : b(builder), loc(loc), features(features) {}

  Value dot(DotOp op);
  Value lookup(LookupOp op);
  Value field(arith::AndIOp op);
  Value toBf16(arith::TruncFOp op);

private:
  Value call(StringRef intrinsic, Type type, ValueRange operands) {
    return LLVM::CallIntrinsicOp::create(b, loc, type,
                                         b.getStringAttr(intrinsic), operands)
        .getResults();
  }
  Value madd(DotOp op, StringRef bytes, StringRef words);
  /// The table's entries at the six low bits of each of 64 bytes.
  Value permute(VectorType type, ArrayRef<int8_t> entries, Value bytes) {
    Value table = arith::ConstantOp::create(
        b, loc, DenseElementsAttr::get(type, entries));
    return call("llvm.x86.avx512.permvar.qi.512", type, {table, bytes});
  }
  Value generic(DotOp op);
  bool has(StringRef feature) const { return features.contains(feature); }

  /// What vpermb looks up at once, and how many entries its tables have.
  static constexpr int64_t permutedBytes = 64;
  OpBuilder &b;
  Location loc;
  const llvm::StringSet<> &features;
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
  // Codes below 128 are the same number signed, and their sums of two products
  // fit 16 bits.
  constexpr int64_t signedLimit = 128;
  bool small = op.getBelow() <= signedLimit;
  SmallVector<Value> operands = {op.getAccumulator(), op.getCodes(),
                                 op.getActivations()};
  if (bits == 512 && has("avx512vnni"))
    return call("llvm.x86.avx512.vpdpbusd.512", op.getType(), operands);
  if (bits == 256 && (has("avxvnni") || has("avx512vnni")))
    return call("llvm.x86.avx512.vpdpbusd.256", op.getType(), operands);
  if (bits == 128 && has("i8mm"))
    return call("llvm.aarch64.neon.usdot.v4i32.v16i8", op.getType(), operands);
  if (bits == 128 && has("dotprod") && small)
    return call("llvm.aarch64.neon.sdot.v4i32.v16i8", op.getType(), operands);
  if (bits == 512 && has("avx512bw") && small)
    return madd(op, "llvm.x86.avx512.pmaddubs.w.512",
                "llvm.x86.avx512.pmaddw.d.512");
  if (bits == 256 && has("avx2") && small)
    return madd(op, "llvm.x86.avx2.pmadd.ub.sw", "llvm.x86.avx2.pmadd.wd");
  if (bits == 128 && has("ssse3") && small)
    return madd(op, "llvm.x86.ssse3.pmadd.ub.sw.128", "llvm.x86.sse2.pmadd.wd");
  return generic(op);
}

Value Expander::lookup(LookupOp op) {
  auto type = cast<VectorType>(op.getType());
  int64_t count = type.getNumElements();
  // Instructions look up within each 16 bytes, or use more bits of the code, so
  // the table is repeated.
  SmallVector<int8_t> entries;
  for (int64_t i = 0; i < count; ++i)
    entries.push_back(op.getTable()[i % op.getTable().size()]);
  if (count == permutedBytes && has("avx512vbmi"))
    return permute(type, entries, op.getCodes());
  Value table = arith::ConstantOp::create(
      b, loc, DenseElementsAttr::get(type, ArrayRef<int8_t>(entries)));
  // Others have a meaning for a byte's highest bits.
  Value low = arith::ConstantOp::create(
      b, loc, DenseElementsAttr::get(type, int8_t(15)));
  Value codes = arith::AndIOp::create(b, loc, op.getCodes(), low);
  if (count == 64 && has("avx512bw"))
    return call("llvm.x86.avx512.pshuf.b.512", type, {table, codes});
  if (count == 32 && has("avx2"))
    return call("llvm.x86.avx2.pshuf.b", type, {table, codes});
  if (count == 16 && has("ssse3"))
    return call("llvm.x86.ssse3.pshuf.b.128", type, {table, codes});
  if (count == 16 && has("neon"))
    return call("llvm.aarch64.neon.tbl1.v16i8", type, {table, codes});
  SmallVector<Value> bytes;
  for (int64_t i = 0; i < count; ++i) {
    Value code = vector::ExtractOp::create(b, loc, codes, i);
    Value index = arith::IndexCastUIOp::create(b, loc, b.getIndexType(), code);
    bytes.push_back(vector::ExtractOp::create(b, loc, table,
                                              ArrayRef<OpFoldResult>{index}));
  }
  return vector::FromElementsOp::create(b, loc, type, bytes);
}

static std::optional<uint64_t> splatOf(Value value) {
  DenseElementsAttr elements;
  if (!matchPattern(value, m_Constant(&elements)) || !elements.isSplat())
    return std::nullopt;
  return elements.getSplatValue<APInt>().getZExtValue();
}

/// Bits of bytes that are shifted, in lanes of 16 bits, and masked: where they
/// are among a byte's lowest six, one instruction looks up what comes out.
Value Expander::field(arith::AndIOp op) {
  auto type = dyn_cast<VectorType>(op.getType());
  if (!has("avx512vbmi") || !type || type.getRank() != 1 || type.isScalable() ||
      !type.getElementType().isInteger(8) ||
      type.getNumElements() != permutedBytes)
    return Value();
  auto shifted = op.getLhs().getDefiningOp<vector::BitCastOp>();
  Operation *shift = shifted ? shifted.getSource().getDefiningOp() : nullptr;
  if (!isa_and_nonnull<arith::ShRUIOp, arith::ShLIOp>(shift))
    return Value();
  auto words = shift->getOperand(0).getDefiningOp<vector::BitCastOp>();
  std::optional<uint64_t> mask = splatOf(op.getRhs()),
                          distance = splatOf(shift->getOperand(1));
  if (!words || words.getSource().getType() != type || !mask || !distance ||
      *distance >= 8)
    return Value();
  bool isRight = isa<arith::ShRUIOp>(shift);
  uint64_t source = isRight ? *mask << *distance : *mask >> *distance;
  // A neighbouring byte's bits would come in.
  bool stays = isRight || (source << *distance) == *mask;
  if (source >= permutedBytes || !stays)
    return Value();
  SmallVector<int8_t> entries;
  for (uint64_t byte = 0; byte < permutedBytes; ++byte)
    entries.push_back(
        int8_t((isRight ? byte >> *distance : byte << *distance) & *mask));
  return permute(type, entries, words.getSource());
}

/// The type of the integers with as many bits as the elements of `type`.
Type integersOf(Type type, unsigned width) {
  Type integer = IntegerType::get(type.getContext(), width);
  auto shaped = dyn_cast<ShapedType>(type);
  return shaped ? Type(shaped.clone(integer)) : integer;
}

/// Rounds to the nearest, of two to the even one, where no instruction does.
Value Expander::toBf16(arith::TruncFOp op) {
  Value x = op.getIn();
  Type source = getElementTypeOrSelf(x.getType());
  if (!getElementTypeOrSelf(op.getType()).isBF16() || has("avx512bf16") ||
      has("bf16") || !source.isF32())
    return Value();
  Type i32 = integersOf(x.getType(), 32);
  auto constant = [&](Type type, int64_t value) -> Value {
    Type element = getElementTypeOrSelf(type);
    TypedAttr attribute = b.getIntegerAttr(element, value);
    if (auto shaped = dyn_cast<ShapedType>(type))
      attribute = DenseElementsAttr::get(shaped, attribute);
    return arith::ConstantOp::create(b, loc, attribute);
  };
  Value bits = arith::BitcastOp::create(b, loc, i32, x);
  Value half = constant(i32, 16);
  Value last = arith::AndIOp::create(
      b, loc, arith::ShRUIOp::create(b, loc, bits, half), constant(i32, 1));
  Value rounded = arith::AddIOp::create(
      b, loc, bits, arith::AddIOp::create(b, loc, last, constant(i32, 0x7fff)));
  // A NaN stays one, a quiet one.
  Value quiet = arith::OrIOp::create(b, loc, bits, constant(i32, 0x400000));
  Value isNan = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNO, x, x);
  Value result = arith::ShRUIOp::create(
      b, loc, arith::SelectOp::create(b, loc, isNan, quiet, rounded), half);
  Type i16 = integersOf(x.getType(), 16);
  return arith::BitcastOp::create(b, loc, op.getType(),
                                  arith::TruncIOp::create(b, loc, i16, result));
}

struct ExpandTargetOpsPass
    : rlx::impl::ExpandTargetOpsPassBase<ExpandTargetOpsPass> {
  using ExpandTargetOpsPassBase::ExpandTargetOpsPassBase;

  void runOnOperation() override {
    llvm::StringSet<> features;
    SmallVector<StringRef> names;
    StringRef(instructions).split(names, ',', -1, /*KeepEmpty=*/false);
    for (StringRef name : names)
      features.insert(name);
    getOperation().walk([&](Operation *op) {
      OpBuilder builder(op);
      Expander expander(builder, op->getLoc(), features);
      Value expanded;
      if (auto dot = dyn_cast<DotOp>(op))
        expanded = expander.dot(dot);
      else if (auto lookup = dyn_cast<LookupOp>(op))
        expanded = expander.lookup(lookup);
      else if (auto bits = dyn_cast<arith::AndIOp>(op))
        expanded = expander.field(bits);
      else if (auto conversion = dyn_cast<arith::TruncFOp>(op))
        expanded = expander.toBf16(conversion);
      if (!expanded)
        return;
      op->getResult(0).replaceAllUsesWith(expanded);
      op->erase();
    });
  }
};
} // namespace
