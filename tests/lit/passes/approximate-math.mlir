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
