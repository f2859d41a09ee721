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

#levels = #rlx.scheme<"levels", block = 8, code = ui5 at (i) -> (0, 5 * i) as
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 40]>

// Codebooks that no register holds lie in memory, once in a function.
// CHECK-LABEL: func @large_codebook
func.func @large_codebook(%w: memref<8x40xi8>, %n: index, %block: index) -> (vector<8xf32>, vector<8xf32>) {
  // CHECK: %[[TABLE:.*]] = memref.alloca() {alignment = 64 : i64, rlx.table = {{.*}}} : memref<32xf32>
  // CHECK-NOT: memref.alloca
  // CHECK: vector.store %{{.*}}, %[[TABLE]]
  // CHECK: vector.gather %[[TABLE]][%c0] [%{{.*}}], {{.*}} : memref<32xf32>, vector<8xi32>, vector<8xi1>, vector<8xf32> into vector<8xf32>
  // CHECK: vector.gather %[[TABLE]]
  %v = rlx.decode %w[%n, %block] at 0 {scheme = #rlx.quant<#levels>} : memref<8x40xi8> -> vector<8xf32>
  %u = rlx.decode %w[%n, %block] at 8 {scheme = #rlx.quant<#levels>} : memref<8x40xi8> -> vector<8xf32>
  return %v, %u : vector<8xf32>, vector<8xf32>
}

#ten = #rlx.scheme<"ten", block = 4, code = ui2 at (i) -> (4, 2 * i) ++ ui8 at (i) -> (i, 0)>

// Sixteen lanes read four bytes of sixteen: the window is no vector of lanes.
// CHECK-LABEL: func @repeated
func.func @repeated(%w: memref<8x80xi8>, %n: index, %block: index) -> vector<16xf32> {
  // CHECK: vector.load {{.*}} vector<16xi8>
  // CHECK: vector.shuffle {{.*}} [0, 0, 0, 0, 5, 5, 5, 5, 10, 10, 10, 10, 15, 15, 15, 15]
  %v = rlx.decode %w[%n, %block] at 0 {scheme = #rlx.quant<#ten>} : memref<8x80xi8> -> vector<16xf32>
  return %v : vector<16xf32>
}

#diagonal = #rlx.scheme<"diagonal", block = 32, code = si8 at (i) -> (i, 0),
    scale = f32 in scales at (n, k) -> ((n + k) floordiv 32)>
#far = #rlx.scheme<"far", block = 16, code = si8 at (i) -> (i, 0),
    scale = f32 in scales at (n, k) -> (n, k floordiv 20008)>

// Where rows shift the index, and where a group ends within lanes of the row, however far, lanes read for themselves.
// CHECK-LABEL: func @lanes_apart
func.func @lanes_apart(%s: memref<9xf32>, %t: memref<8x2xf32>, %v: memref<8x1xf32>, %w: memref<8x32xi8>, %far: memref<8x40000xi8>, %near: memref<8x16000xi8>, %n: index, %block: index)
    -> (vector<4xf32>, vector<16xf32>, vector<16xf32>) {
  // CHECK-COUNT-4: memref.load %{{.*}} : memref<9xf32>
  %a = rlx.decode %w[%n, %block] at 0 scales(%s : memref<9xf32>) {scheme = #rlx.quant<#diagonal>} : memref<8x32xi8> -> vector<4xf32>
  // CHECK-COUNT-16: memref.load %{{.*}} : memref<8x2xf32>
  %b = rlx.decode %far[%n, %block] at 0 scales(%t : memref<8x2xf32>) {scheme = #rlx.quant<#far>} : memref<8x40000xi8> -> vector<16xf32>
  // CHECK-COUNT-1: memref.load %{{.*}} : memref<8x1xf32>
  // CHECK-NOT: memref.load
  %c = rlx.decode %near[%n, %block] at 0 scales(%v : memref<8x1xf32>) {scheme = #rlx.quant<#far>} : memref<8x16000xi8> -> vector<16xf32>
  return %a, %b, %c : vector<4xf32>, vector<16xf32>, vector<16xf32>
}

#vectors = #rlx.scheme<"vectors", block = 16, bytes = 4,
  code = ui2 from [0, 228, 27, 198, 3, 9, 0x8000, 0xffff] by (ui3 at (i) -> (i floordiv 8, 0)) at (i) -> (i mod 8)
      ++ ui1 from parity by (ui5 at (i) -> (i floordiv 8, 3) ++ ui2 at (i) -> (2, 2 * (i floordiv 8))) at (i) -> (i mod 8)
      as [8, 25, 43, 0, -8, -25, -43, 0],
  scale = ui4 at (i) -> (2, 4) ++ ui8 at (i) -> (3, 0) - 1>

// Two vectors of eight: they are looked up once each, and so are their signs.
// CHECK-LABEL: func @vectors(
// CHECK-SAME: %[[W:[a-z0-9]+]]: memref<8x4xi8>
func.func @vectors(%w: memref<8x4xi8>, %n: index, %block: index) -> vector<16xf32> {
  // CHECK-DAG: %[[SIGNS:.*]] = memref.alloca() {{.*}} : memref<128xi8>
  // CHECK-DAG: %[[TABLE:.*]] = memref.alloca() {{.*}} : memref<8xi16>
  // CHECK-DAG: vector.store %{{.*}}, %[[TABLE]]
  // CHECK-COUNT-2: memref.load %[[TABLE]]
  // CHECK: %[[BOTH:.*]] = vector.from_elements %{{.*}}, %{{.*}} : vector<2xi32>
  // CHECK: %[[LANES:.*]] = vector.shuffle %[[BOTH]], %[[BOTH]] [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1]
  // CHECK: %[[MOVED:.*]] = arith.shrui %[[LANES]]
  // CHECK: arith.andi %[[MOVED]]
  // CHECK-COUNT-2: memref.load %[[SIGNS]]
  // CHECK-NOT: memref.load
  // CHECK: return
  %v = rlx.decode %w[%n, %block] at 0 {scheme = #rlx.quant<#vectors>} : memref<8x4xi8> -> vector<16xf32>
  return %v : vector<16xf32>
}

// Digits of base 3 need no table; numbers of a line neither.
// CHECK-LABEL: func @digits(
func.func @digits(%w: memref<8x54xi8>, %n: index, %block: index) -> vector<16xf32> {
  // CHECK-DAG: %[[POINT:.*]] = arith.constant dense<8> : vector<16xi32>
  // CHECK-DAG: %[[BASE:.*]] = arith.constant dense<3> : vector<16xi32>
  // CHECK-DAG: %[[SECOND:.*]] = arith.constant dense<255> : vector<16xi32>
  // CHECK-NOT: memref.alloca
  // CHECK: %[[CARRIED:.*]] = arith.muli %{{.*}}, %[[BASE]]
  // CHECK: %[[REST:.*]] = arith.andi %[[CARRIED]], %[[SECOND]]
  // CHECK: %[[MORE:.*]] = arith.muli %[[REST]], %[[BASE]]
  // CHECK: arith.shrui %[[MORE]], %[[POINT]]
  %v = rlx.decode %w[%n, %block] at 32 {scheme = #rlx.quant<gguf_tq1_0>} : memref<8x54xi8> -> vector<16xf32>
  return %v : vector<16xf32>
}

#line = #rlx.scheme<"line", block = 16, code = ui8 at (i) -> (i, 0) as 0.25 * code - 3>

// CHECK-LABEL: func @line(
func.func @line(%w: memref<8x16xi8>, %n: index, %block: index) -> vector<16xf32> {
  // CHECK-DAG: %[[STEP:.*]] = arith.constant dense<2.500000e-01>
  // CHECK-DAG: %[[START:.*]] = arith.constant dense<-3.000000e+00>
  // CHECK: %[[CODES:.*]] = arith.sitofp
  // CHECK: %[[SCALED:.*]] = arith.mulf %[[CODES]], %[[STEP]]
  // CHECK: arith.addf %[[SCALED]], %[[START]]
  %v = rlx.decode %w[%n, %block] at 0 {scheme = #rlx.quant<#line>} : memref<8x16xi8> -> vector<16xf32>
  return %v : vector<16xf32>
}

#rounded = #rlx.scheme<"rounded", block = 16, code = si8 at (i) -> (i, 0), scale = f32 in scales at (n, k) -> (n), rounded = bf16>

// What is rounded to a shorter type is so last.
// CHECK-LABEL: func @rounded(
func.func @rounded(%w: memref<8x16xi8>, %s: memref<8xf32>, %n: index, %block: index) -> vector<16xf32> {
  // CHECK: %[[VALUE:.*]] = arith.mulf
  // CHECK: %[[SHORT:.*]] = arith.truncf %[[VALUE]] : vector<16xf32> to vector<16xbf16>
  // CHECK: %[[LONG:.*]] = arith.extf %[[SHORT]] : vector<16xbf16> to vector<16xf32>
  // CHECK: return %[[LONG]]
  %v = rlx.decode %w[%n, %block] at 0 scales(%s : memref<8xf32>) {scheme = #rlx.quant<#rounded>} : memref<8x16xi8> -> vector<16xf32>
  return %v : vector<16xf32>
}
