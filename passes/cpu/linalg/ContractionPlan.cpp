//===- ContractionPlan.cpp - How a contraction is computed ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/cpu/linalg/ContractionPlan.h"

#include "passes/cpu/target/CpuFeatures.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace rlx;

Type rlx::contractionSumType(Type type) {
  MLIRContext *context = type.getContext();
  if (type.isF32() || type.isF64())
    return type;
  if (type.isBF16() || type.isF16())
    return Float32Type::get(context);
  if (type.isSignlessInteger(32) || type.isSignlessInteger(64))
    return type;
  if (type.isSignlessInteger(8) || type.isSignlessInteger(16))
    return IntegerType::get(context, 32);
  return Type();
}

/// Whether a factor is its elements, of bf16, as they are or extended.
static bool isPlainBf16(const ContractionFactor &factor) {
  if (!factor.elementType().isBF16())
    return false;
  if (factor.result == factor.element)
    return true;
  return factor.conversion.size() == 1 &&
         isa<arith::ExtFOp>(factor.conversion.front());
}

/// Whether a factor is its elements, extended from integers that i16 holds.
static bool fitsI16(const ContractionFactor &factor) {
  auto type = dyn_cast<IntegerType>(factor.elementType());
  if (!type || factor.conversion.size() > 1)
    return false;
  if (factor.result == factor.element)
    return type.getWidth() == 8 || type.getWidth() == 16;
  Operation *extend = factor.conversion.front();
  if (isa<arith::ExtSIOp>(extend))
    return type.getWidth() == 8 || type.getWidth() == 16;
  return isa<arith::ExtUIOp>(extend) && type.getWidth() == 8;
}

/// Whether a factor that fits i16 has unsigned elements.
static bool isUnsigned(const ContractionFactor &factor) {
  return factor.result != factor.element &&
         isa<arith::ExtUIOp>(factor.conversion.front());
}

/// The numbers and the instruction. Pairs of bf16 have the products of bf16
/// that f32 has; bytes and pairs of i16 those of i32, to the bit.
void ContractionPlan::chooseNumbers(const Contraction &contraction,
                                    const CpuProperties &cpu) {
  ContractionPlan &plan = *this;
  MLIRContext *context = contraction.type.getContext();
  plan.sum = contractionSumType(contraction.type);
  plan.packed = plan.word = plan.sum;
  auto pack = [&](Type packed, StringRef intrinsic) {
    constexpr int64_t wordBits = 32;
    plan.packed = packed;
    plan.word = IntegerType::get(context, wordBits);
    plan.wordK = wordBits / packed.getIntOrFloatBitWidth();
    plan.intrinsic = intrinsic;
  };
  auto pair = [&](Type packed, VectorOp op) {
    StringRef intrinsic = intrinsicFor(cpu, op);
    if (!intrinsic.empty())
      pack(packed, intrinsic);
  };
  if (plan.sum.isF32() && isPlainBf16(contraction.a) &&
      isPlainBf16(contraction.b))
    pair(BFloat16Type::get(context), VectorOp::bf16Dot);
  if (!plan.sum.isInteger(32) || !fitsI16(contraction.a) ||
      !fitsI16(contraction.b))
    return;
  // Bytes, if one of two is signed and nothing saturates.
  const VectorInstruction *bytes =
      findInstruction(cpu, VectorOp::byteDot, cpu.vectorBits);
  bool unsignedA = isUnsigned(contraction.a),
       unsignedB = isUnsigned(contraction.b);
  if (bytes && bytes->cost == 1 && !(unsignedA && unsignedB) &&
      contraction.a.elementType().isInteger(8) &&
      contraction.b.elementType().isInteger(8)) {
    pack(IntegerType::get(context, 8), bytes->intrinsic);
    plan.hasUnsignedB = unsignedB;
    plan.hasShiftedA = !unsignedA && !unsignedB;
    return;
  }
  pair(IntegerType::get(context, 16), VectorOp::i16Dot);
}

/// A panel stays in the second cache, a few rows as deep as it in the first.
void ContractionPlan::chooseDepth(const Contraction &contraction,
                                  const CpuProperties &cpu) {
  constexpr int64_t depthBytes = 1024;
  int64_t k = contraction.size(contraction.k);
  int64_t step = lanes * wordK;
  kc = depthBytes * 8 / sum.getIntOrFloatBitWidth() * wordK;
  if (cpu.kc)
    kc = cpu.kc;
  kc = llvm::alignTo(kc, step);
  if (!ShapedType::isDynamic(k))
    kc = std::min<int64_t>(kc, llvm::alignTo(std::max<int64_t>(k, 1), step));
  if (!contraction.n || !contraction.k ||
      contraction.b.dims.size() != PackedFactor::rank)
    return;
  auto type = cast<ShapedType>(contraction.b.memref.getType());
  MLIRContext *context = sum.getContext();
  PackedFactor packed{lanes, wordK, type.getDimSize(2) * wordK};
  if (packed.kc % step == 0 &&
      packed.dims(getAffineDimExpr(*contraction.n, context),
                  getAffineDimExpr(*contraction.k, context)) ==
          contraction.b.dims) {
    hasPackedB = true;
    kc = packed.kc;
  }
}

PackedFactor ContractionPlan::packingOf(const Contraction &contraction,
                                        const CpuProperties &cpu) {
  ContractionPlan plan;
  plan.chooseNumbers(contraction, cpu);
  plan.lanes = cpu.vectorBits / plan.sum.getIntOrFloatBitWidth();
  plan.chooseDepth(contraction, cpu);
  // Blocks of the same depth, so that little is padded.
  int64_t k = std::max<int64_t>(contraction.size(contraction.k), 1);
  int64_t blocks = llvm::divideCeil(k, plan.kc);
  plan.kc = llvm::alignTo(llvm::divideCeil(k, blocks), plan.lanes * plan.wordK);
  return {plan.lanes, plan.wordK, plan.kc};
}

ContractionPlan ContractionPlan::of(const Contraction &contraction,
                                    const CpuProperties &cpu) {
  ContractionPlan plan;
  plan.chooseNumbers(contraction, cpu);
  plan.lanes = cpu.vectorBits / plan.sum.getIntOrFloatBitWidth();
  // As matmuls with weights (TileChoice.cpp): sums, a row of b and a broadcast
  // fit the registers.
  constexpr int64_t beside = 6, mostRowsEver = 12;
  plan.vectors = cpu.twoVectorPorts ? 4 : 2;
  plan.rows = std::clamp<int64_t>(
      (cpu.vectorRegisters - beside) / plan.vectors / 2 * 2, 1, mostRowsEver);
  auto pick = [](int64_t &size, int64_t given) {
    if (given)
      size = given;
  };
  pick(plan.rows, cpu.mrPanel);
  if (cpu.nrPanel)
    plan.vectors = 2 * cpu.nrPanel;

  plan.chooseDepth(contraction, cpu);

  // Wide panels, so that rows of a pass by few times; but units of work enough
  // for some threads.
  constexpr int64_t fewestUnits = 8, mostTiles = 16, usualTiles = 8;
  int64_t n = contraction.size(contraction.n),
          m = contraction.size(contraction.m);
  int64_t outer = 1;
  for (unsigned loop : contraction.outer) {
    int64_t size = contraction.size(loop);
    outer = ShapedType::isDynamic(size) ? outer
                                        : std::min<int64_t>(outer * size, 1024);
  }
  int64_t columns = plan.columns();
  int64_t unitsOfN =
      std::max<int64_t>(1, fewestUnits / std::max<int64_t>(outer, 1));
  plan.nc = usualTiles * columns;
  if (!ShapedType::isDynamic(n))
    plan.nc = std::min<int64_t>(
        std::clamp<int64_t>(n / unitsOfN / columns, 4, mostTiles) * columns,
        llvm::alignTo(std::max<int64_t>(n, 1), columns));
  pick(plan.nc, cpu.nc);
  plan.nc = llvm::alignTo(plan.nc, columns);
  // A panel is packed again for each part of m: of some rows each, where there
  // are not enough panels.
  constexpr int64_t usualParts = 20;
  plan.mc = usualParts * plan.rows;
  if (!ShapedType::isDynamic(m)) {
    int64_t units = outer;
    if (!ShapedType::isDynamic(n))
      units *= llvm::divideCeil(std::max<int64_t>(n, 1), plan.nc);
    int64_t parts =
        std::clamp<int64_t>(fewestUnits / std::max<int64_t>(units, 1), 1,
                            std::max<int64_t>(1, m / (plan.mc / 2)));
    plan.mc = llvm::alignTo(llvm::divideCeil(std::max<int64_t>(m, 1), parts),
                            plan.rows);
  }

  const ContractionOperand &c = contraction.c;
  plan.hasOwnSums = c.type().getElementType() != plan.sum ||
                    !c.isContiguousAlong(contraction.n);
  if (plan.hasOwnSums)
    plan.mc = std::min(plan.mc, usualParts * plan.rows);
  plan.hasRowLoops =
      !cpu.deterministic && (contraction.b.isContiguousAlong(contraction.n) ||
                             contraction.b.isContiguousAlong(contraction.k));
  constexpr int64_t mostRowColumns = 4096, leastRowColumns = 2048;
  plan.rowColumns = mostRowColumns;
  if (!ShapedType::isDynamic(n))
    plan.rowColumns =
        std::clamp<int64_t>(llvm::alignTo(n / unitsOfN, 4 * plan.lanes),
                            leastRowColumns, mostRowColumns);
  if (contraction.b.isContiguousAlong(contraction.k) &&
      !contraction.b.isContiguousAlong(contraction.n))
    plan.rowColumns =
        std::max<int64_t>(16, std::min<int64_t>(plan.rowColumns / 32, 128));
  // Some 50 us.
  plan.leastProducts = 160000 * plan.lanes * plan.wordK;
  plan.leastRowProducts = 400000;
  return plan;
}

std::string ContractionPlan::describe(const Contraction &contraction) const {
  std::string text;
  llvm::raw_string_ostream out(text);
  out << "contraction in tiles of " << rows << " rows and " << columns()
      << " columns of " << sum << ", panels of " << nc << " columns and K "
      << kc << (hasPackedB ? " packed before as " : " packed as ")
      << (hasPackedB ? contraction.b.elementType() : packed);
  if (wordK > 1)
    out << " (" << wordK << " a word)";
  out << ", " << mc << " rows a unit";
  if (hasOwnSums)
    out << "; sums have a buffer of their own";
  if (hasRowLoops && (!contraction.m || contraction.size(contraction.m) == 1 ||
                      ShapedType::isDynamic(contraction.size(contraction.m))))
    out << "; one row is multiplied without panels, " << rowColumns
        << " columns a unit";
  return text;
}
