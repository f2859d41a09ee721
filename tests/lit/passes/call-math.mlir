// What LLVM has no intrinsic for is a call; the rest stays.
// RUN: rlx-opt %s --rlx-call-math | FileCheck %s --implicit-check-not=math.

// CHECK-LABEL: llvm.func @root(
// CHECK: %[[ROOT:.*]] = llvm.call @cbrtf(%{{.*}}) : (f32) -> f32
// CHECK: llvm.return %[[ROOT]]
llvm.func @root(%x: f32) -> f32 {
  %y = math.cbrt %x : f32
  llvm.return %y : f32
}

// CHECK-LABEL: llvm.func @sine(
// CHECK: llvm.intr.sin
llvm.func @sine(%x: f32) -> f32 {
  %y = llvm.intr.sin(%x) : (f32) -> f32
  llvm.return %y : f32
}
