// RUN: rlx-opt %s --rlx-distinct-results | FileCheck %s
// And through the whole pipeline, which merges equal values first.
// RUN: rlx-opt %s --rlx-cpu | FileCheck %s --check-prefix=CPU

// CHECK-LABEL: @twice
// CPU: llvm.func @twice
func.func @twice(%x: tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) {
  // CHECK: %[[Y:.+]] = arith.negf
  // CHECK: %[[A:.+]] = bufferization.alloc_tensor() copy(%[[Y]]) : tensor<8xf32>
  // CHECK: %[[B:.+]] = bufferization.alloc_tensor() copy(%[[Y]]) : tensor<8xf32>
  // CHECK: return %[[Y]], %[[A]], %[[B]]
  %y = arith.negf %x : tensor<8xf32>
  return %y, %y, %y : tensor<8xf32>, tensor<8xf32>, tensor<8xf32>
}

// CHECK-LABEL: @distinct
func.func @distinct(%x: tensor<?xf32>) -> (tensor<?xf32>, tensor<?xf32>) {
  // CHECK-NOT: alloc_tensor
  // CHECK: return %{{.+}}, %{{.+}}
  %y = arith.negf %x : tensor<?xf32>
  return %x, %y : tensor<?xf32>, tensor<?xf32>
}

// CHECK-LABEL: @dynamic
func.func @dynamic(%x: tensor<?xf32>) -> (tensor<?xf32>, tensor<?xf32>) {
  // CHECK: %[[COPY:.+]] = bufferization.alloc_tensor() copy(%[[X:.+]]) : tensor<?xf32>
  // CHECK: return %[[X]], %[[COPY]]
  return %x, %x : tensor<?xf32>, tensor<?xf32>
}
