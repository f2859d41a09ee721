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

// Two tensors that begin empty are two buffers.
// CHECK-LABEL: @carried
// CPU: llvm.func @carried
func.func @carried(%x: tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>) {
  // CHECK: %[[A:.+]] = bufferization.alloc_tensor() : tensor<8xf32>
  // CHECK: scf.for {{.*}} iter_args(%{{.+}} = %[[A]], %{{.+}} = %{{.+}})
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %e = tensor.empty() : tensor<8xf32>
  %y:2 = scf.for %i = %c0 to %c8 step %c1 iter_args(%a = %e, %b = %e) -> (tensor<8xf32>, tensor<8xf32>) {
    %v = tensor.extract %x[%i] : tensor<8xf32>
    %w = arith.negf %v : f32
    %p = tensor.insert %v into %a[%i] : tensor<8xf32>
    %q = tensor.insert %w into %b[%i] : tensor<8xf32>
    scf.yield %p, %q : tensor<8xf32>, tensor<8xf32>
  }
  return %y#0, %y#1 : tensor<8xf32>, tensor<8xf32>
}
