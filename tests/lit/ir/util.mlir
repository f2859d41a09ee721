// RUN: rlx-opt %s --allow-unregistered-dialect | rlx-opt --allow-unregistered-dialect | FileCheck %s
// RUN: rlx-opt %s --allow-unregistered-dialect --mlir-print-op-generic | rlx-opt --allow-unregistered-dialect | FileCheck %s

// CHECK: util.global private @w = #flow.parameter.named<"model"::"blk.0.weight"> : tensor<4xf32>
util.global private @w = #flow.parameter.named<"model"::"blk.0.weight"> : tensor<4xf32>
// CHECK: util.global private mutable @scale {noinline} = 2.0{{.*}} : f32
util.global private mutable @scale {noinline} = 2.0 : f32
// CHECK: util.global @later : tensor<?xf32>
util.global @later : tensor<?xf32>
// CHECK: util.global public @wide : tensor<?xf32> = dense<0.0{{.*}}> : tensor<4xf32>
util.global public @wide : tensor<?xf32> = dense<0.0> : tensor<4xf32>
// CHECK-LABEL: func @main
func.func @main() -> f32 {
  // CHECK: util.global.load immutable @scale : f32
  %0 = util.global.load immutable @scale : f32
  // CHECK: util.global.load @w : tensor<4xf32>
  %1 = util.global.load @w : tensor<4xf32>
  // CHECK: util.global.store %{{.*}}, @later : tensor<4xf32>
  util.global.store %1, @later : tensor<4xf32>
  return %0 : f32
}
