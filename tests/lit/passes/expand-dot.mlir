// RUN: rlx-opt %s --rlx-expand-dot=instructions=avx512vnni,avx512bw | FileCheck %s --check-prefix=VNNI
// RUN: rlx-opt %s --rlx-expand-dot=instructions=avx512bw | FileCheck %s --check-prefix=BW
// RUN: rlx-opt %s --rlx-expand-dot=instructions=avx512vbmi,avx512bw | FileCheck %s --check-prefix=VBMI
// RUN: rlx-opt %s --rlx-expand-dot | FileCheck %s --check-prefix=GENERIC

// VNNI-LABEL: func @small
// VNNI: llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"
// BW-LABEL: func @small
// BW: llvm.call_intrinsic "llvm.x86.avx512.pmaddubs.w.512"
// BW: llvm.call_intrinsic "llvm.x86.avx512.pmaddw.d.512"
// BW: arith.addi
// GENERIC-LABEL: func @small
// GENERIC: vector.shuffle
// GENERIC: arith.extui
// GENERIC: arith.extsi
// GENERIC: arith.muli
func.func @small(%c: vector<64xi8>, %a: vector<64xi8>, %s: vector<16xi32>) -> vector<16xi32> {
  %r = rlx.dot %c, %a, %s below 16 : vector<64xi8>, vector<16xi32>
  return %r : vector<16xi32>
}

// Sums of two products of codes of 8 bits do not fit 16 bits.
// BW-LABEL: func @large
// BW-NOT: pmaddubs
// BW: arith.muli
func.func @large(%c: vector<64xi8>, %a: vector<64xi8>, %s: vector<16xi32>) -> vector<16xi32> {
  %r = rlx.dot %c, %a, %s below 256 : vector<64xi8>, vector<16xi32>
  return %r : vector<16xi32>
}

// The highest bits of a code mean nothing here; to some instructions they do.
// VNNI-LABEL: func @table
// VNNI: %[[LOW:.*]] = arith.andi %{{.*}}, %{{.*}} : vector<64xi8>
// VNNI: llvm.call_intrinsic "llvm.x86.avx512.pshuf.b.512"(%{{.*}}, %[[LOW]])
// VBMI-LABEL: func @table
// VBMI-NOT: arith.andi
// VBMI: llvm.call_intrinsic "llvm.x86.avx512.permvar.qi.512"(%{{.*}}, %{{.*}})
// GENERIC-LABEL: func @table
// GENERIC: vector.extract
func.func @table(%c: vector<64xi8>) -> vector<64xi8> {
  %r = rlx.lookup %c [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12] : vector<64xi8>
  return %r : vector<64xi8>
}
