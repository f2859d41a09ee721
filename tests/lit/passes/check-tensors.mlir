// RUN: rlx-opt %s --rlx-check-tensors --split-input-file --verify-diagnostics | FileCheck %s
// The same is said where people meet it.
// RUN: not rlx-opt %s --rlx-cpu --split-input-file 2>&1 | FileCheck %s --check-prefixes=BOTH
// RUN: not rlx-opt %s --rlx-gpu --split-input-file 2>&1 | FileCheck %s --check-prefixes=BOTH
// BOTH-COUNT-3: is not supported on tensors
// BOTH: expected a constant of at most
// BOTH-NOT: was not bufferized

// CHECK-LABEL: func @fine
func.func @fine(%x: tensor<4x4xf32>) -> tensor<4xf32> {
  %y = tensor.extract_slice %x[0, 0] [1, 4] [1, 1] : tensor<4x4xf32> to tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

func.func @gather(%x: tensor<4x4xf32>, %i: tensor<2x1xindex>) -> tensor<2x1x4xf32> {
  // expected-error@+1 {{'tensor.gather' op is not supported on tensors, expected an operation of rlx, linalg, tensor, arith, math or scf that can be computed in buffers}}
  %y = tensor.gather %x[%i] gather_dims([0]) : (tensor<4x4xf32>, tensor<2x1xindex>) -> tensor<2x1x4xf32>
  return %y : tensor<2x1x4xf32>
}

// -----

func.func @affine(%x: tensor<4xf32>, %v: f32) -> tensor<4xf32> {
  // expected-error@+1 {{'affine.for' op is not supported on tensors}}
  %y = affine.for %i = 0 to 4 iter_args(%t = %x) -> tensor<4xf32> {
    %u = tensor.insert %v into %t[%i] : tensor<4xf32>
    affine.yield %u : tensor<4xf32>
  }
  return %y : tensor<4xf32>
}

// -----

func.func @scatter(%x: tensor<2x1x4xf32>, %y: tensor<4x4xf32>, %i: tensor<2x1xindex>) -> tensor<4x4xf32> {
  // expected-error@+1 {{'tensor.scatter' op is not supported on tensors}}
  %z = tensor.scatter %x into %y[%i] scatter_dims([0]) unique : (tensor<2x1x4xf32>, tensor<4x4xf32>, tensor<2x1xindex>) -> tensor<4x4xf32>
  return %z : tensor<4x4xf32>
}

// -----

// expected-error@+1 {{'func.func' op has the tensor 'tensor<*xf32>', expected one with a rank}}
func.func @unranked(%x: tensor<*xf32>, %f: f32) -> f32 {
  %r = tensor.rank %x : tensor<*xf32>
  return %f : f32
}

// -----

func.func @encoded(%f: f32, %i: index) -> f32 {
  // expected-error@+1 {{'tensor.empty' op has the tensor 'tensor<4xf32, "odd">', expected one with a plain layout}}
  %x = tensor.empty() : tensor<4xf32, "odd">
  %r = tensor.extract %x[%i] : tensor<4xf32, "odd">
  return %r : f32
}

// -----

// Code would hold each element.
func.func @constant() -> (tensor<4000000000x4xi32>, tensor<4294967296x4294967296xf32>) {
  // expected-error@+1 {{'arith.constant' op is 'tensor<4000000000x4xi32>', expected a constant of at most 1073741824 bytes; linalg.fill makes a tensor of one number, an argument holds others}}
  %c = arith.constant dense<1> : tensor<4000000000x4xi32>
  %d = arith.constant dense<1.0> : tensor<4294967296x4294967296xf32>
  return %c, %d : tensor<4000000000x4xi32>, tensor<4294967296x4294967296xf32>
}
