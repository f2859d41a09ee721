//===- CpuFeatures.cpp - What instruction sets give to kernels ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/cpu/target/CpuFeatures.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>

using namespace rlx;

/// Best first. An intrinsic that is empty is one that LLVM, or plain vector
/// operations, do not need.
static constexpr VectorInstruction instructions[] = {
    {VectorOp::byteDot, "avx512vnni", 512, "llvm.x86.avx512.vpdpbusd.512"},
    {VectorOp::byteDot, "avxvnni", 256, "llvm.x86.avx512.vpdpbusd.256"},
    {VectorOp::byteDot, "avx512vnni", 256, "llvm.x86.avx512.vpdpbusd.256"},
    {VectorOp::byteDot, "i8mm", 128, "llvm.aarch64.neon.usdot.v4i32.v16i8"},
    {VectorOp::byteDot, "dotprod", 128, "llvm.aarch64.neon.sdot.v4i32.v16i8", 1,
     "", true},
    {VectorOp::byteDot, "avx512bw", 512, "llvm.x86.avx512.pmaddubs.w.512", 3,
     "llvm.x86.avx512.pmaddw.d.512", true},
    {VectorOp::byteDot, "avx2", 256, "llvm.x86.avx2.pmadd.ub.sw", 3,
     "llvm.x86.avx2.pmadd.wd", true},
    {VectorOp::byteDot, "ssse3", 128, "llvm.x86.ssse3.pmadd.ub.sw.128", 3,
     "llvm.x86.sse2.pmadd.wd", true},
    {VectorOp::byteDot, "neon", 128, "", 3},

    {VectorOp::i16Dot, "avx512vnni", 512, "llvm.x86.avx512.vpdpwssd.512"},
    {VectorOp::i16Dot, "avxvnni", 256, "llvm.x86.avx512.vpdpwssd.256"},
    {VectorOp::i16Dot, "avx512vnni", 256, "llvm.x86.avx512.vpdpwssd.256"},

    {VectorOp::i16Fraction, "avx512bw", 512, "llvm.x86.avx512.pmul.hr.sw.512"},
    {VectorOp::i16Fraction, "avx2", 256, "llvm.x86.avx2.pmul.hr.sw"},

    {VectorOp::bf16Dot, "avx512bf16", 512, "llvm.x86.avx512bf16.dpbf16ps.512"},
    {VectorOp::bf16Dot, "bf16", 128, "llvm.aarch64.neon.bfdot.v4f32.v8bf16"},

    {VectorOp::lookup64, "avx512vbmi", 512, "llvm.x86.avx512.permvar.qi.512"},

    {VectorOp::lookup16, "avx512bw", 512, "llvm.x86.avx512.pshuf.b.512"},
    {VectorOp::lookup16, "avx2", 256, "llvm.x86.avx2.pshuf.b"},
    {VectorOp::lookup16, "ssse3", 128, "llvm.x86.ssse3.pshuf.b.128"},
    {VectorOp::lookup16, "neon", 128, "llvm.aarch64.neon.tbl1.v16i8"}};

const VectorInstruction *rlx::findInstruction(const CpuProperties &cpu,
                                              VectorOp op, int64_t bits,
                                              int64_t codeLimit) {
  constexpr int64_t signedLimit = 128;
  for (const VectorInstruction &one : instructions)
    if (one.op == op && one.bits == bits &&
        (!one.codesBelow128 || codeLimit <= signedLimit) &&
        cpu.has(one.feature))
      return &one;
  return nullptr;
}

llvm::StringRef rlx::intrinsicFor(const CpuProperties &cpu, VectorOp op) {
  const VectorInstruction *found = findInstruction(cpu, op, cpu.vectorBits);
  return found ? llvm::StringRef(found->intrinsic) : llvm::StringRef();
}

int64_t rlx::byteDotCost(const CpuProperties &cpu) {
  // Shifts, products and additions for each of four bytes.
  int64_t cost = 16;
  for (const VectorInstruction &one : instructions)
    if (one.op == VectorOp::byteDot && cpu.has(one.feature))
      cost = std::min(cost, one.cost);
  return cost;
}

bool rlx::hasSharedPorts(const CpuProperties &cpu) {
  return cpu.twoVectorPorts && byteDotCost(cpu) == 1;
}

llvm::ArrayRef<llvm::StringRef> rlx::knownCpuFeatures() {
  static const auto names = [] {
    llvm::SmallVector<llvm::StringRef> all;
    for (const VectorInstruction &one : instructions)
      if (!llvm::is_contained(all, one.feature))
        all.push_back(one.feature);
    return all;
  }();
  return names;
}
