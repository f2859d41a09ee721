// RUN: rlx-opt %s "--rlx-attach-cpu-target=target={#rlx.cpu<features = [avx512vnni, avx512bw]>}" --rlx-expand-target-ops | FileCheck %s --check-prefix=VNNI
// RUN: rlx-opt %s "--rlx-attach-cpu-target=target={#rlx.cpu<features = [avx512bw]>}" --rlx-expand-target-ops | FileCheck %s --check-prefix=BW
// RUN: rlx-opt %s "--rlx-attach-cpu-target=target={#rlx.cpu<features = [avx512vbmi, avx512bw]>}" --rlx-expand-target-ops | FileCheck %s --check-prefix=VBMI
// RUN: rlx-opt %s --rlx-expand-target-ops | FileCheck %s --check-prefix=GENERIC

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

// Bits that are moved are looked up where they are among a byte's six low ones:
// here the two above the lowest, then the two lowest, moved up.
// VBMI-LABEL: func @fields
// VBMI-SAME: %[[C:[a-z0-9]+]]: vector<64xi8>
// VBMI: %[[DOWN:.*]] = arith.constant dense<[0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 0, {{.*}}]> : vector<64xi8>
// VBMI: %[[A:.*]] = llvm.call_intrinsic "llvm.x86.avx512.permvar.qi.512"(%[[DOWN]], %[[C]])
// VBMI: %[[UP:.*]] = arith.constant dense<[0, 16, 32, 48, 0, 16, {{.*}}]> : vector<64xi8>
// VBMI: %[[B:.*]] = llvm.call_intrinsic "llvm.x86.avx512.permvar.qi.512"(%[[UP]], %[[C]])
// VBMI: return %[[A]], %[[B]]
// Elsewhere they are shifted in lanes of 16 bits and masked.
// VNNI-LABEL: func @fields
// VNNI: arith.shrui {{.*}} : vector<32xi16>
// VNNI: arith.andi {{.*}} : vector<64xi8>
// VNNI: arith.shli {{.*}} : vector<32xi16>
// VNNI: arith.andi {{.*}} : vector<64xi8>
func.func @fields(%c: vector<64xi8>) -> (vector<64xi8>, vector<64xi8>) {
  %a = rlx.extract_bits %c from 2 to 0 width 2 : vector<64xi8>
  %b = rlx.extract_bits %c from 0 to 4 width 2 : vector<64xi8>
  return %a, %b : vector<64xi8>, vector<64xi8>
}

// A byte's two highest bits, bits that stay where they are, and bits beside which
// others may be.
// VBMI-LABEL: func @other_fields
// VBMI: arith.shrui {{.*}} : vector<32xi16>
// VBMI: arith.andi {{.*}} : vector<64xi8>
// VBMI: arith.andi {{.*}} : vector<64xi8>
// VBMI: arith.shrui {{.*}} : vector<32xi16>
// VBMI-NOT: arith.andi
// VBMI: return
func.func @other_fields(%c: vector<64xi8>) -> (vector<64xi8>, vector<64xi8>, vector<64xi8>) {
  %a = rlx.extract_bits %c from 6 to 0 width 2 : vector<64xi8>
  %b = rlx.extract_bits %c from 2 to 2 width 2 : vector<64xi8>
  %d = rlx.extract_bits %c from 4 to 0 width 4 loose : vector<64xi8>
  return %a, %b, %d : vector<64xi8>, vector<64xi8>, vector<64xi8>
}

// Conversions to bf16 are not looked at here: --rlx-approximate-math makes them of integers for any target.
// RUN: rlx-opt %s "--rlx-attach-cpu-target=target={#rlx.cpu<features = [avx512bf16]>}" --rlx-expand-target-ops --rlx-approximate-math | FileCheck %s --check-prefix=BF16
// RUN: rlx-opt %s --rlx-expand-target-ops --rlx-approximate-math | FileCheck %s --check-prefix=BF16
// BF16-LABEL: func @to_bf16
// BF16-NOT: arith.truncf {{.*}} to vector<16xbf16>
// BF16: arith.bitcast {{.*}} : vector<16xi16> to vector<16xbf16>
func.func @to_bf16(%x: vector<16xf32>) -> vector<16xbf16> {
  %y = arith.truncf %x : vector<16xf32> to vector<16xbf16>
  return %y : vector<16xbf16>
}
