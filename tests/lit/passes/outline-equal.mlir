// RUN: rlx-opt %s --rlx-outline-equal | FileCheck %s

// The same operation on the same types, also with the same constant: one function, a call for each.
// CHECK-LABEL: func @equal(
// CHECK-SAME: %[[A:[a-z0-9]+]]: memref<4xf32>, %[[B:[a-z0-9]+]]: memref<4xf32>, %[[C:[a-z0-9]+]]: memref<4xf32>)
// CHECK: call @rlx.shared.add(%[[A]], %[[B]], %[[C]]) : (memref<4xf32>, memref<4xf32>, memref<4xf32>) -> ()
// CHECK: call @rlx.shared.add(%[[C]], %[[B]], %[[A]])
// CHECK: call @rlx.shared.fill(%[[A]]) : (memref<4xf32>) -> ()
// CHECK: call @rlx.shared.fill(%[[B]])
// CHECK: linalg.fill ins(%{{.*}} : f32) outs(%[[C]] : memref<4xf32>)
func.func @equal(%a: memref<4xf32>, %b: memref<4xf32>, %c: memref<4xf32>) {
  %zero = arith.constant 0.0 : f32
  %again = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  linalg.add ins(%a, %b : memref<4xf32>, memref<4xf32>) outs(%c : memref<4xf32>)
  linalg.add ins(%c, %b : memref<4xf32>, memref<4xf32>) outs(%a : memref<4xf32>)
  linalg.fill ins(%zero : f32) outs(%a : memref<4xf32>)
  linalg.fill ins(%again : f32) outs(%b : memref<4xf32>)
  linalg.fill ins(%one : f32) outs(%c : memref<4xf32>)
  return
}

// Values from outside of a body are arguments; one that is used twice is one.
// CHECK-LABEL: func @captured(
// CHECK-SAME: %[[F:[a-z0-9]+]]: f32, %[[G:[a-z0-9]+]]: f32, %[[A:[a-z0-9]+]]: memref<?xf32>, %[[B:[a-z0-9]+]]: memref<?xf32>)
// CHECK: call @rlx.shared.generic(%[[A]], %[[B]], %[[F]])
// CHECK: call @rlx.shared.generic(%[[B]], %[[A]], %[[G]])
// CHECK: linalg.generic
func.func @captured(%f: f32, %g: f32, %a: memref<?xf32>, %b: memref<?xf32>) {
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]} ins(%a : memref<?xf32>) outs(%b : memref<?xf32>) {
  ^bb0(%x: f32, %y: f32):
    %z = arith.mulf %x, %f : f32
    linalg.yield %z : f32
  }
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]} ins(%b : memref<?xf32>) outs(%a : memref<?xf32>) {
  ^bb0(%x: f32, %y: f32):
    %z = arith.mulf %x, %g : f32
    linalg.yield %z : f32
  }
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]} ins(%a : memref<?xf32>) outs(%a : memref<?xf32>) {
  ^bb0(%x: f32, %y: f32):
    %z = arith.mulf %x, %f : f32
    linalg.yield %z : f32
  }
  return
}

// In a loop too; other sizes, or other strides, are another operation.
// CHECK-LABEL: func @matmuls(
// CHECK: scf.for
// CHECK: call @rlx.shared.block_matmul(
// CHECK: }
// CHECK: call @rlx.shared.block_matmul(
// CHECK: rlx.block_matmul
func.func @matmuls(%n: index, %x: memref<3x64xf32>, %w: memref<8x68xi8>, %y: memref<3x8xf32>, %z: memref<3x8xf32, strided<[16, 1]>>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.for %i = %c0 to %n step %c1 {
    rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = f32} : (memref<3x64xf32>, memref<8x68xi8>, memref<3x8xf32>) -> ()
  }
  rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = f32} : (memref<3x64xf32>, memref<8x68xi8>, memref<3x8xf32>) -> ()
  rlx.block_matmul ins(%x, %w) outs(%z) {scheme = #rlx.quant<gguf_q8_0>, activations = f32} : (memref<3x64xf32>, memref<8x68xi8>, memref<3x8xf32, strided<[16, 1]>>) -> ()
  return
}

// What says where it stands when an index is wrong stays where it stands.
// CHECK-LABEL: func @rows(
// CHECK-COUNT-2: rlx.block_dequantize
func.func @rows(%w: memref<8x68xi8>, %ids: memref<3xi32>, %y: memref<3x64xf32>) {
  rlx.block_dequantize ins(%w, %ids) outs(%y) {scheme = #rlx.quant<gguf_q8_0>} : (memref<8x68xi8>, memref<3xi32>, memref<3x64xf32>) -> ()
  rlx.block_dequantize ins(%w, %ids) outs(%y) {scheme = #rlx.quant<gguf_q8_0>} : (memref<8x68xi8>, memref<3xi32>, memref<3x64xf32>) -> ()
  return
}

// CHECK: func private @rlx.shared.add(
// CHECK: linalg.add
// CHECK: func private @rlx.shared.fill(
// CHECK: arith.constant 0.0
// CHECK: linalg.fill
