// RUN: rlx-opt %s --split-input-file --rlx-weights-to-arguments --verify-diagnostics | FileCheck %s

// Behind the function's own arguments, in the order of first use, each name once.
// CHECK-LABEL: func @main(
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<1x64xf32>,
// CHECK-SAME: %[[W:[a-z0-9]+]]: tensor<8x64xf32, #rlx.quant<int8/32>> {rlx.weight = "w"},
// CHECK-SAME: %[[S:[a-z0-9]+]]: tensor<8x2xf32> {rlx.weight = "w.scales"}) -> (tensor<1x8xf32>, tensor<1x8xf32>)
func.func @main(%x: tensor<1x64xf32>) -> (tensor<1x8xf32>, tensor<1x8xf32>) {
  // CHECK-NEXT: %[[Y:.*]] = rlx.matmul %[[X]], %[[W]] scales(%[[S]])
  // CHECK-NEXT: %[[Z:.*]] = rlx.matmul %[[X]], %[[W]] scales(%[[S]])
  // CHECK-NEXT: return %[[Y]], %[[Z]]
  %w = rlx.weight "w" : tensor<8x64xf32, #rlx.quant<int8/32>>
  %s = rlx.weight "w.scales" : tensor<8x2xf32>
  %y = rlx.matmul %x, %w scales(%s) : (tensor<1x64xf32>, tensor<8x64xf32, #rlx.quant<int8/32>>, tensor<8x2xf32>) -> tensor<1x8xf32>
  %v = rlx.weight "w" : tensor<8x64xf32, #rlx.quant<int8/32>>
  %z = rlx.matmul %x, %v scales(%s) : (tensor<1x64xf32>, tensor<8x64xf32, #rlx.quant<int8/32>>, tensor<8x2xf32>) -> tensor<1x8xf32>
  return %y, %z : tensor<1x8xf32>, tensor<1x8xf32>
}

// Weights inside regions count too; each function has its own arguments.
// CHECK-LABEL: func @second(
// CHECK-SAME: %{{.*}}: i1, %[[W:[a-z0-9]+]]: tensor<8xf32> {rlx.weight = "w"}) -> tensor<8xf32>
func.func @second(%c: i1) -> tensor<8xf32> {
  // CHECK-NOT: rlx.weight
  // CHECK: scf.yield %[[W]]
  %r = scf.if %c -> tensor<8xf32> {
    %w = rlx.weight "w" : tensor<8xf32>
    scf.yield %w : tensor<8xf32>
  } else {
    %w = rlx.weight "w" : tensor<8xf32>
    scf.yield %w : tensor<8xf32>
  }
  return %r : tensor<8xf32>
}

// CHECK: func private @no_weights(tensor<8xf32>)
func.func private @no_weights(%x: tensor<8xf32>)

// -----

func.func @two_types() -> (tensor<8xf32>, tensor<8xf16>) {
  %v = rlx.weight "w" : tensor<8xf32>
  // expected-error @below {{'rlx.weight' op 'w' is of type 'tensor<8xf16>', but another use of it has 'tensor<8xf32>'}}
  %w = rlx.weight "w" : tensor<8xf16>
  return %v, %w : tensor<8xf32>, tensor<8xf16>
}

// -----

func.func private @helper() -> tensor<8xf32> {
  // expected-error @below {{'rlx.weight' op is in the private function 'helper', expected weights in functions that the runtime calls; inline the function first}}
  %w = rlx.weight "w" : tensor<8xf32>
  return %w : tensor<8xf32>
}

// -----

func.func @callee() -> tensor<8x64xf32> {
  // expected-error@+1 {{'rlx.weight' op is in the function 'callee', which another one calls, expected weights in functions that the runtime calls; inline the function first}}
  %w = rlx.weight "w" : tensor<8x64xf32>
  return %w : tensor<8x64xf32>
}
func.func @caller() -> tensor<8x64xf32> {
  %w = call @callee() : () -> tensor<8x64xf32>
  return %w : tensor<8x64xf32>
}

// -----

module {
  func.func @inner() -> tensor<8x64xf32> {
    // expected-error@+1 {{'rlx.weight' op is in no function of the program, expected it in a func.func at the top level}}
    %w = rlx.weight "w" : tensor<8x64xf32>
    return %w : tensor<8x64xf32>
  }
}
func.func private @other()
