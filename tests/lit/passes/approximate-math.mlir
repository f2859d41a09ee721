// RUN: rlx-opt %s --rlx-approximate-math | FileCheck %s

// CHECK-LABEL: func @expanded
// CHECK-NOT: math.{{exp|tanh|erf}}
// CHECK: return
func.func @expanded(%v: vector<16xf32>, %s: f32) -> (vector<16xf32>, vector<16xf32>, f32, f32) {
  %0 = math.exp %v : vector<16xf32>
  %1 = math.tanh %v : vector<16xf32>
  %2 = math.erf %s : f32
  %3 = math.exp %s : f32
  return %0, %1, %2, %3 : vector<16xf32>, vector<16xf32>, f32, f32
}

// CHECK-LABEL: func @kept
// CHECK: math.sin
// CHECK: math.log
// CHECK: math.exp %{{.*}} : f64
func.func @kept(%v: vector<16xf32>, %s: f64) -> (vector<16xf32>, f64) {
  %2 = math.sin %v : vector<16xf32>
  %0 = math.log %2 : vector<16xf32>
  %1 = math.exp %s : f64
  return %0, %1 : vector<16xf32>, f64
}
