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

// What is empty or filled for several operations is so for each.
// CHECK-LABEL: @destinations
// CPU: llvm.func @destinations
func.func @destinations(%x: tensor<8xf32>, %y: tensor<8xf32>) -> (f32, f32, tensor<8xf32>) {
  // CHECK: %[[S:.+]] = tensor.empty() : tensor<f32>
  // CHECK: %[[B:.+]] = linalg.fill {{.*}} outs(%[[S]] : tensor<f32>)
  // CHECK: %[[OTHER:.+]] = tensor.empty() : tensor<f32>
  // CHECK: %[[A:.+]] = linalg.fill {{.*}} outs(%[[OTHER]] : tensor<f32>)
  // CHECK: linalg.dot {{.*}} outs(%[[A]] : tensor<f32>)
  // CHECK: linalg.dot {{.*}} outs(%[[B]] : tensor<f32>)
  // CHECK: %[[E:.+]] = tensor.empty() : tensor<8xf32>
  // CHECK: %[[C:.+]] = tensor.empty() : tensor<8xf32>
  // CHECK: linalg.add {{.*}} outs(%[[C]] : tensor<8xf32>)
  // CHECK: linalg.add {{.*}} outs(%[[E]] : tensor<8xf32>)
  %zero = arith.constant 0.0 : f32
  %s = tensor.empty() : tensor<f32>
  %f = linalg.fill ins(%zero : f32) outs(%s : tensor<f32>) -> tensor<f32>
  %a = linalg.dot ins(%x, %y : tensor<8xf32>, tensor<8xf32>) outs(%f : tensor<f32>) -> tensor<f32>
  %b = linalg.dot ins(%x, %x : tensor<8xf32>, tensor<8xf32>) outs(%f : tensor<f32>) -> tensor<f32>
  %e = tensor.empty() : tensor<8xf32>
  %p = linalg.add ins(%x, %y : tensor<8xf32>, tensor<8xf32>) outs(%e : tensor<8xf32>) -> tensor<8xf32>
  %q = linalg.add ins(%p, %y : tensor<8xf32>, tensor<8xf32>) outs(%e : tensor<8xf32>) -> tensor<8xf32>
  %av = tensor.extract %a[] : tensor<f32>
  %bv = tensor.extract %b[] : tensor<f32>
  return %av, %bv, %q : f32, f32, tensor<8xf32>
}
