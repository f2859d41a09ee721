// RUN: rlx-opt %s --rlx-order-streams | FileCheck %s
// RUN: rlx-opt %s --rlx-loops | FileCheck %s --check-prefix=LOOPS

// CHECK-LABEL: llvm.func @read
// CHECK: llvm.load volatile %{{.*}} {alignment = 1 : i64} : !llvm.ptr -> vector<64xi8>
// CHECK: llvm.load %{{.*}} {alignment = 4 : i64} : !llvm.ptr -> f32
llvm.func @read(%p: !llvm.ptr) -> f32 {
  %0 = llvm.load %p {alignment = 1 : i64, nontemporal} : !llvm.ptr -> vector<64xi8>
  %1 = llvm.load %p {alignment = 4 : i64} : !llvm.ptr -> f32
  llvm.return %1 : f32
}

// One row of activations is multiplied with weights that are read once.
// LOOPS: vector.load %{{.*}} {nontemporal = true} : memref<1088xi8>, vector<64xi8>
func.func @one_row(%x: memref<1x64xf32>, %w: memref<1088xi8>, %y: memref<1x8xf32>) {
  rlx.packed_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = i8, layout = #rlx.packed<lanes = 16, k_block = 64, group = 32, block_bytes = 1088, steps = [1]>} : (memref<1x64xf32>, memref<1088xi8>, memref<1x8xf32>) -> ()
  return
}
