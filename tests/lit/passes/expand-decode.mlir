// RUN: rlx-opt %s --rlx-expand-decode --canonicalize --cse | FileCheck %s --implicit-check-not=rlx.decode

// Whole bytes, one scale for all lanes.
// CHECK-LABEL: func @bytes(
// CHECK-SAME: %[[W:[a-z0-9]+]]: memref<8x68xi8>, %[[N:[a-z0-9]+]]: index, %[[BLOCK:[a-z0-9]+]]: index
func.func @bytes(%w: memref<8x68xi8>, %n: index, %block: index) -> vector<16xf32> {
  // CHECK: %[[BASE:.*]] = arith.muli %[[BLOCK]], %c34
  // CHECK: %[[AT:.*]] = arith.addi %[[BASE]], %c18
  // CHECK: vector.load %[[W]][%[[N]], %[[AT]]] : memref<8x68xi8>, vector<16xi8>
  // CHECK: arith.sitofp
  // CHECK: vector.load %[[W]][%[[N]], %[[BASE]]] : memref<8x68xi8>, vector<2xi8>
  // CHECK: arith.extf %{{.*}} : vector<1xf16> to vector<1xf32>
  // CHECK: vector.broadcast
  // CHECK: arith.mulf
  %v = rlx.decode %w[%n, %block] at 16 {scheme = #rlx.quant<gguf_q8_0>} : memref<8x68xi8> -> vector<16xf32>
  return %v : vector<16xf32>
}

// Nibbles and sub-scales of six bits; scale and offset in one fma.
// CHECK-LABEL: func @planes
func.func @planes(%w: memref<8x144xi8>, %n: index, %block: index) -> vector<16xf32> {
  // CHECK-DAG: arith.constant dense<4> : vector<16xi32>
  // CHECK: arith.shrui
  // CHECK: arith.ori
  // CHECK: %[[NEGATED:.*]] = arith.negf %{{.*}} : vector<1xf32>
  // CHECK: %[[EXTRACTED:.*]] = vector.extract %[[NEGATED]][0]
  // CHECK: %[[OFFSET:.*]] = vector.broadcast %[[EXTRACTED]]
  // CHECK: math.fma %{{.*}}, %{{.*}}, %[[OFFSET]] : vector<16xf32>
  %v = rlx.decode %w[%n, %block] at 32 {scheme = #rlx.quant<gguf_q4k>} : memref<8x144xi8> -> vector<16xf32>
  return %v : vector<16xf32>
}

// Side tensors of experts; a NaN among the scales is 0.
// CHECK-LABEL: func @sides(
// CHECK-SAME: %[[S:[a-z0-9]+]]: memref<4x8x4xf8E4M3FN>, %[[G:[a-z0-9]+]]: memref<4x1xf32>, %{{.*}}: memref<4x8x32xi8>, %[[E:[a-z0-9]+]]: index, %[[N:[a-z0-9]+]]: index, %[[BLOCK:[a-z0-9]+]]: index
func.func @sides(%s: memref<4x8x4xf8E4M3FN>, %g: memref<4x1xf32>, %w: memref<4x8x32xi8>, %e: index, %n: index, %block: index) -> vector<16xf32> {
  // CHECK-DAG: memref.load %[[S]][%[[E]], %[[N]], %{{.*}}]
  // CHECK-DAG: memref.load %[[G]][%[[E]], %c0]
  // CHECK: return
  %v = rlx.decode %w[%e, %n, %block] at 0 scales(%s : memref<4x8x4xf8E4M3FN>) global_scale(%g : memref<4x1xf32>)
      {scheme = #rlx.quant<nvfp4/16>} : memref<4x8x32xi8> -> vector<16xf32>
  return %v : vector<16xf32>
}

// Zero points come off before the scale.
// CHECK-LABEL: func @zero_points
func.func @zero_points(%s: memref<8x2xf32>, %z: memref<8x2xf32>, %w: memref<8x64xi8>, %n: index, %block: index) -> vector<16xf32> {
  // CHECK: %[[DIFFERENCE:.*]] = arith.subf
  // CHECK: arith.mulf %{{.*}}, %[[DIFFERENCE]]
  %v = rlx.decode %w[%n, %block] at 16 scales(%s : memref<8x2xf32>) zero_points(%z : memref<8x2xf32>)
      {scheme = #rlx.quant<int8a/32>} : memref<8x64xi8> -> vector<16xf32>
  return %v : vector<16xf32>
}

#each = #rlx.scheme<"each", block = 1, code = si8 at byte 0, scale = f32 in scales at (n, k) -> (n, k)>

// Lanes in several blocks have a scale each.
// CHECK-LABEL: func @several_blocks
func.func @several_blocks(%s: memref<8x64xf32>, %w: memref<8x64xi8>, %n: index, %block: index) -> vector<4xf32> {
  // CHECK-COUNT-4: memref.load
  // CHECK: vector.from_elements
  // CHECK: arith.mulf %{{.*}}, %{{.*}} : vector<4xf32>
  %v = rlx.decode %w[%n, %block] at 0 scales(%s : memref<8x64xf32>)
      {scheme = #rlx.quant<#each>} : memref<8x64xi8> -> vector<4xf32>
  return %v : vector<4xf32>
}

// CHECK-LABEL: func @codebook
func.func @codebook(%s: memref<8x1xf32>, %w: memref<8x32xi8>, %n: index, %block: index) -> vector<16xf32> {
  // CHECK: arith.constant dense<[-1.000000e+00, -0.69619{{.*}}, 1.000000e+00]> : vector<16xf32>
  // CHECK: vector.extract %{{.*}}[%{{.*}}] : f32 from vector<16xf32>
  %v = rlx.decode %w[%n, %block] at 0 scales(%s : memref<8x1xf32>) {scheme = #rlx.quant<nf4/64>} : memref<8x32xi8> -> vector<16xf32>
  return %v : vector<16xf32>
}

// A weight of floats is loaded as it is.
// CHECK-LABEL: func @plain(
// CHECK-SAME: %[[W:[a-z0-9]+]]: memref<8x64xbf16>, %[[N:[a-z0-9]+]]: index, %[[K:[a-z0-9]+]]: index
func.func @plain(%w: memref<8x64xbf16>, %n: index, %k: index) -> vector<16xf32> {
  // CHECK-NEXT: %[[V:.*]] = vector.load %[[W]][%[[N]], %[[K]]] : memref<8x64xbf16>, vector<16xbf16>
  // CHECK-NEXT: %[[F:.*]] = arith.extf %[[V]]
  // CHECK-NEXT: return %[[F]]
  %v = rlx.decode %w[%n, %k] at 0 {scheme = #rlx.quant<bf16>} : memref<8x64xbf16> -> vector<16xf32>
  return %v : vector<16xf32>
}
