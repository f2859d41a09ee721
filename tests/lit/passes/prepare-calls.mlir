// RUN: rlx-opt %s --rlx-prepare-calls --split-input-file --verify-diagnostics | FileCheck %s
// What is refused is refused before anything else happens to it.
// RUN: not rlx-opt %s --rlx-cpu --split-input-file 2>&1 | FileCheck %s --check-prefix=CPU
// CPU-COUNT-8: error:
// CPU-NOT: PLEASE submit a bug report

// A declaration that nobody calls is no harm.
// CHECK-LABEL: func private @unused
func.func private @unused(tensor<4xf32>) -> tensor<4xf32>
// CHECK-LABEL: func @plain
func.func private @kept(%x: tensor<4xf32>) -> tensor<4xf32> attributes {no_inline} {
  return %x : tensor<4xf32>
}
func.func @plain(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = call @kept(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

// CHECK-LABEL: func private @dynamic
// CHECK-NOT: no_inline
// CHECK: func @caller
// expected-remark@+1 {{'dynamic' is inlined although it says no_inline: it has results of dynamic sizes}}
func.func private @dynamic(%x: tensor<?xf32>) -> tensor<?xf32> attributes {no_inline} {
  return %x : tensor<?xf32>
}
func.func @caller(%x: tensor<?xf32>) -> tensor<?xf32> {
  %y = call @dynamic(%x) : (tensor<?xf32>) -> tensor<?xf32>
  return %y : tensor<?xf32>
}

// -----

// CHECK-LABEL: func private @weights
// CHECK-NOT: no_inline
// CHECK: func @caller
// expected-remark@+1 {{'weights' is inlined although it says no_inline: it has weights}}
func.func private @weights(%x: tensor<1x64xf32>) -> tensor<1x8xf32> attributes {no_inline} {
  %w = rlx.weight "w" : tensor<8x64xf32>
  %y = rlx.matmul %x, %w : (tensor<1x64xf32>, tensor<8x64xf32>) -> tensor<1x8xf32>
  return %y : tensor<1x8xf32>
}
func.func @caller(%x: tensor<1x64xf32>) -> tensor<1x8xf32> {
  %y = call @weights(%x) : (tensor<1x64xf32>) -> tensor<1x8xf32>
  return %y : tensor<1x8xf32>
}

// -----

func.func private @elsewhere(tensor<4xf32>) -> tensor<4xf32>
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error@+1 {{'func.call' op calls 'elsewhere', but the program has no function of that name with a body; nothing else is linked, a definition is needed}}
  %y = call @elsewhere(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

func.func @again(%x: tensor<?xf32>) -> tensor<?xf32> {
  // expected-error@+1 {{'func.call' op closes a circle of calls: 'again' calls 'again'; functions cannot call themselves}}
  %y = call @again(%x) : (tensor<?xf32>) -> tensor<?xf32>
  return %y : tensor<?xf32>
}

// -----

func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = call @first(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}
func.func private @first(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = call @second(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}
func.func private @second(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error@+1 {{'func.call' op closes a circle of calls: 'first' calls 'second' calls 'first'; functions cannot call themselves}}
  %y = call @first(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

func.func @main(%f: (tensor<4xf32>) -> tensor<4xf32>, %x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error@+1 {{'func.call_indirect' op cannot be compiled, expected calls to be func.call, which names a function of the program}}
  %y = call_indirect %f(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

// expected-error@+1 {{expected a program of functions, func.func, but got 'builtin.module' beside them; move the functions of the inner module out of it}}
module {
  func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
    return %x : tensor<4xf32>
  }
}
func.func private @other()

// -----

// expected-error@+1 {{expected a program of functions, func.func, but got 'llvm.func' beside them}}
llvm.func @other(%a: i32) -> i32 {
  llvm.return %a : i32
}

// -----

// expected-error@+1 {{expected a program of functions, func.func, but got 'gpu.module' beside them}}
gpu.module @kernels {
  gpu.func @k(%x: memref<4xf32>) kernel {
    gpu.return
  }
}

// -----

// The host's names are taken.
// expected-error@+1 {{expected a function with another name than 'rlx_fail': names that begin with 'rlx_' are the host's}}
func.func @rlx_fail(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}

// -----

// One that is called several times is no circle.
// CHECK-LABEL: func @twice
func.func private @leaf(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
func.func private @middle(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = call @leaf(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}
func.func @twice(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = call @middle(%x) : (tensor<4xf32>) -> tensor<4xf32>
  %z = call @leaf(%y) : (tensor<4xf32>) -> tensor<4xf32>
  return %z : tensor<4xf32>
}
