// RUN: rlx-opt %s --rlx-strip-quant | FileCheck %s
// RUN: rlx-opt %s --rlx-strip-quant | FileCheck %s --check-prefix=NONE

// NONE-NOT: #rlx.quant

!w = tensor<8x64xf32, #rlx.quant<int8a/32>>
!h = tensor<8x64xf16, #rlx.quant<gguf_q8_0>>

// CHECK-LABEL: func @matmul
func.func @matmul(%x: tensor<1x64xf32>) -> tensor<1x8xf32> {
  // CHECK-NEXT: %[[W:.*]] = rlx.weight "w" : tensor<8x64xf32>
  // CHECK-NEXT: %[[B:.*]] = rlx.weight "b" : tensor<8xf32>
  // CHECK-NEXT: %[[Y:.*]] = rlx.matmul %{{.*}}, %[[W]] bias(%[[B]]) {activations = bf16} : (tensor<1x64xf32>, tensor<8x64xf32>, tensor<8xf32>)
  // CHECK-NEXT: return %[[Y]]
  %w = rlx.weight "w" : !w
  %s = rlx.weight "w.scales" : tensor<8x2xf32>
  %z = rlx.weight "w.zero_points" : tensor<8x2xf32>
  %b = rlx.weight "b" : tensor<8xf32>
  %y = rlx.matmul %x, %w scales(%s) zero_points(%z) bias(%b) {activations = bf16}
      : (tensor<1x64xf32>, !w, tensor<8x2xf32>, tensor<8x2xf32>, tensor<8xf32>) -> tensor<1x8xf32>
  return %y : tensor<1x8xf32>
}

// Side weights that someone else reads stay.
// CHECK-LABEL: func @embedding_and_experts
func.func @embedding_and_experts(%t: tensor<100x64xf32, #rlx.quant<int8/32>>, %ts: tensor<100x2xf32>, %ids: tensor<3xi32>,
    %x: tensor<5x64xf32>, %eids: tensor<5x2xi32>) -> (tensor<3x64xf32>, tensor<5x2x8xf32>, tensor<4x1xf32>) {
  // CHECK: rlx.embedding %{{.*}}, %{{.*}} : (tensor<100x64xf32>, tensor<3xi32>)
  // CHECK-NOT: "e.scales"
  // CHECK: %[[G:.*]] = rlx.weight "e.global_scale"
  // CHECK: rlx.gather_matmul %{{.*}}, %{{.*}}, %{{.*}} : (tensor<5x64xf32>, tensor<4x8x64xf32>, tensor<5x2xi32>)
  // CHECK: return %{{.*}}, %{{.*}}, %[[G]]
  %e = rlx.embedding %t, %ids scales(%ts) : (tensor<100x64xf32, #rlx.quant<int8/32>>, tensor<3xi32>, tensor<100x2xf32>) -> tensor<3x64xf32>
  %w = rlx.weight "e" : tensor<4x8x64xf32, #rlx.quant<nvfp4/16>>
  %s = rlx.weight "e.scales" : tensor<4x8x4xf8E4M3FN>
  %g = rlx.weight "e.global_scale" : tensor<4x1xf32>
  %y = rlx.gather_matmul %x, %w, %eids scales(%s) global_scale(%g)
      : (tensor<5x64xf32>, tensor<4x8x64xf32, #rlx.quant<nvfp4/16>>, tensor<5x2xi32>, tensor<4x8x4xf8E4M3FN>, tensor<4x1xf32>) -> tensor<5x2x8xf32>
  return %e, %y, %g : tensor<3x64xf32>, tensor<5x2x8xf32>, tensor<4x1xf32>
}

// CHECK-LABEL: func @dequantize(
// CHECK-SAME: %[[W:[a-z0-9]+]]: tensor<8x64xf16>) -> tensor<8x64xf32>
func.func @dequantize(%w: !h) -> tensor<8x64xf32> {
  // CHECK-NEXT: %[[V:.*]] = arith.extf %[[W]] : tensor<8x64xf16> to tensor<8x64xf32>
  // CHECK-NEXT: return %[[V]]
  %v = rlx.dequantize %w : (!h) -> tensor<8x64xf32>
  return %v : tensor<8x64xf32>
}

// CHECK-LABEL: func @quantize(
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<8x64xf32>, %{{.*}}: tensor<8x2xf32>) -> tensor<8x64xf32>
func.func @quantize(%x: tensor<8x64xf32>, %s: tensor<8x2xf32>) -> tensor<8x64xf32> {
  // CHECK-NEXT: return %[[X]]
  %q = rlx.quantize %x scales(%s) : (tensor<8x64xf32>, tensor<8x2xf32>) -> tensor<8x64xf32, #rlx.quant<int8/32>>
  %v = rlx.dequantize %q scales(%s) : (tensor<8x64xf32, #rlx.quant<int8/32>>, tensor<8x2xf32>) -> tensor<8x64xf32>
  return %v : tensor<8x64xf32>
}

// Signatures and control flow follow.
// CHECK: func private @declared(tensor<8x64xf16>) -> tensor<8x64xf16>
func.func private @declared(!h) -> !h

// CHECK-LABEL: func @control_flow
// CHECK-SAME: (%{{.*}}: i1, %{{.*}}: tensor<8x64xf16>) -> tensor<8x64xf16>
func.func @control_flow(%c: i1, %w: !h) -> !h {
  // CHECK: call @declared(%{{.*}}) : (tensor<8x64xf16>) -> tensor<8x64xf16>
  // CHECK: scf.if {{.*}} -> (tensor<8x64xf16>)
  %v = func.call @declared(%w) : (!h) -> !h
  %r = scf.if %c -> (!h) {
    scf.yield %v : !h
  } else {
    scf.yield %w : !h
  }
  return %r : !h
}

// Functions of other dialects are left as they are.
// CHECK: llvm.func @other(i32)
llvm.func @other(i32)
// CHECK: llvm.func @with_body
llvm.func @with_body(%a: i32) -> i32 {
  llvm.return %a : i32
}
// CHECK: gpu.func @kernel(%{{.*}}: memref<4xf32>) workgroup(%{{.*}} : memref<4xf32, #gpu.address_space<workgroup>>)
gpu.module @kernels {
  gpu.func @kernel(%x: memref<4xf32>) workgroup(%s: memref<4xf32, #gpu.address_space<workgroup>>) kernel {
    gpu.return
  }
}
