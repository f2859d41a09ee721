// RUN: rlx-opt %s --rlx-approximate-math | FileCheck %s

// CHECK-LABEL: func @expanded
// CHECK-NOT: math.{{exp|tanh|erf|sin|log}}
// CHECK: return
func.func @expanded(%v: vector<16xf32>, %s: f32) -> (vector<16xf32>, vector<16xf32>, f32, f32, vector<16xf32>) {
  %0 = math.exp %v : vector<16xf32>
  %1 = math.tanh %v : vector<16xf32>
  %2 = math.erf %s : f32
  %3 = math.exp %s : f32
  %4 = math.sin %v : vector<16xf32>
  %5 = math.log %4 : vector<16xf32>
  return %0, %1, %2, %3, %5 : vector<16xf32>, vector<16xf32>, f32, f32, vector<16xf32>
}

// In f32, and rounded once.
// CHECK-LABEL: func @half
// CHECK: arith.extf %{{.*}} : vector<8xf16> to vector<8xf32>
// CHECK-NOT: math.
// CHECK: arith.truncf %{{.*}} : vector<8xf32> to vector<8xf16>
func.func @half(%v: vector<8xf16>) -> vector<8xf16> {
  %0 = math.exp %v : vector<8xf16>
  return %0 : vector<8xf16>
}

// What one instruction rounds, f64 and tensors stay.
// CHECK-LABEL: func @kept
// CHECK: math.floor
// CHECK: math.exp %{{.*}} : f64
// CHECK: math.exp %{{.*}} : tensor<4xf32>
func.func @kept(%v: vector<16xf32>, %s: f64, %t: tensor<4xf32>) -> (vector<16xf32>, f64, tensor<4xf32>) {
  %0 = math.floor %v : vector<16xf32>
  %1 = math.exp %s : f64
  %2 = math.exp %t : tensor<4xf32>
  return %0, %1, %2 : vector<16xf32>, f64, tensor<4xf32>
}

// Floats of 8 bits are integers to a CPU. Between an integer and bf16, nothing
// is rounded to f32, and subnormal numbers stay.
// CHECK-LABEL: func @small
// CHECK-NOT: arith.truncf
// CHECK: arith.trunci %{{.*}} : vector<8xi32> to vector<8xi8>
// CHECK: arith.bitcast %{{.*}} : vector<8xi8> to vector<8xf8E4M3FN>
// CHECK: arith.bitcast %{{.*}} : f8E5M2 to i8
// CHECK: arith.uitofp %{{.*}} : i32 to f32
// CHECK: arith.bitcast %{{.*}} : i16 to bf16
func.func @small(%v: vector<8xf32>, %s: f8E5M2, %i: i32) -> (vector<8xf8E4M3FN>, f32, bf16) {
  %0 = arith.truncf %v : vector<8xf32> to vector<8xf8E4M3FN>
  %1 = arith.extf %s : f8E5M2 to f32
  %2 = arith.uitofp %i : i32 to bf16
  return %0, %1, %2 : vector<8xf8E4M3FN>, f32, bf16
}

// bf16 in vectors, too, but for a kernel's that says so.
// CHECK-LABEL: func @bf16
// CHECK: arith.addf %{{.*}} : vector<8xf32>
// CHECK: arith.bitcast %{{.*}} : vector<8xi16> to vector<8xbf16>
// CHECK-NOT: arith.truncf {{.*}} to vector<8xbf16>
// CHECK: arith.truncf %{{.*}} fastmath<afn> : vector<8xf32> to vector<8xbf16>
func.func @bf16(%x: vector<8xbf16>, %y: vector<8xf32>) -> (vector<8xbf16>, vector<8xbf16>, vector<8xbf16>) {
  %0 = arith.addf %x, %x : vector<8xbf16>
  %1 = arith.truncf %y : vector<8xf32> to vector<8xbf16>
  %2 = arith.truncf %y fastmath<afn> : vector<8xf32> to vector<8xbf16>
  return %0, %1, %2 : vector<8xbf16>, vector<8xbf16>, vector<8xbf16>
}
