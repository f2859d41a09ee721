// Conversions to bf16 in integers, where the target has no instruction.
// RUN: rlx-opt %s --rlx-round-to-bf16 | FileCheck %s --implicit-check-not="to bf16"
// RUN: rlx-opt %s --rlx-round-to-bf16=instructions=avx2,avx512bf16 | FileCheck %s --check-prefix=NATIVE

// CHECK-LABEL: func @single
// CHECK: arith.bitcast %arg0 : f32 to i32
// CHECK: arith.bitcast %{{.*}} : i16 to bf16
// NATIVE-LABEL: func @single
// NATIVE: arith.truncf %arg0 : f32 to bf16
func.func @single(%x: f32) -> bf16 {
  %y = arith.truncf %x : f32 to bf16
  return %y : bf16
}

// Rounded once: to an f32 that is odd where something was cut off.
// CHECK-LABEL: func @double
// CHECK: arith.truncf %arg0 : vector<4xf64> to vector<4xf32>
// CHECK: arith.cmpf one
// CHECK: arith.ori
// CHECK: arith.bitcast %{{.*}} : vector<4xi16> to vector<4xbf16>
// NATIVE-LABEL: func @double
// NATIVE: %[[ODD:.*]] = arith.bitcast %{{.*}} : vector<4xi32> to vector<4xf32>
// NATIVE: arith.truncf %[[ODD]] : vector<4xf32> to vector<4xbf16>
func.func @double(%x: vector<4xf64>) -> vector<4xbf16> {
  %y = arith.truncf %x : vector<4xf64> to vector<4xbf16>
  return %y : vector<4xbf16>
}
