// RUN: rlx-opt %s --split-input-file --verify-diagnostics

func.func @outputs(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{T1: expected 2 outputs, but got 1}}
  %0 = tm_tensor.scan dimension(0) inclusive(true) ins(%x : tensor<4xf32>) outs(%x : tensor<4xf32>) {
  ^bb0(%a: f32, %b: f32):
    tm_tensor.yield %a : f32
  } -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

func.func @accumulator(%x: tensor<4x5xf32>, %a: tensor<5xf32>) -> (tensor<4x5xf32>, tensor<5xf32>) {
  // expected-error @+1 {{T1: expected outputs like 'tensor<4x5xf32>', and like it without dimension 1, but got 'tensor<4x5xf32>' and 'tensor<5xf32>'}}
  %0:2 = tm_tensor.scan dimension(1) inclusive(true) ins(%x : tensor<4x5xf32>) outs(%x, %a : tensor<4x5xf32>, tensor<5xf32>) {
  ^bb0(%p: f32, %q: f32):
    tm_tensor.yield %p : f32
  } -> tensor<4x5xf32>, tensor<5xf32>
  return %0#0, %0#1 : tensor<4x5xf32>, tensor<5xf32>
}

// -----

func.func @dimension(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{T2: expected a dimension from 0 to 0, but got 1}}
  %0 = tm_tensor.sort dimension(1) outs(%x : tensor<4xf32>) {
  ^bb0(%a: f32, %b: f32):
    %c = arith.cmpf ole, %a, %b : f32
    tm_tensor.yield %c : i1
  } -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

func.func @region(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{T3: expected a region that takes 'f32', 'f32', but got 'f32'}}
  %0 = tm_tensor.sort dimension(0) outs(%x : tensor<4xf32>) {
  ^bb0(%a: f32):
    %c = arith.cmpf ole, %a, %a : f32
    tm_tensor.yield %c : i1
  } -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

func.func @yielded(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{T3: expected a region that ends with 'tm_tensor.yield' of one 'i1'}}
  %0 = tm_tensor.sort dimension(0) outs(%x : tensor<4xf32>) {
  ^bb0(%a: f32, %b: f32):
    tm_tensor.yield %a : f32
  } -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

func.func @named(%u: tensor<2xf32>, %i: tensor<2x1xi64>, %x: tensor<3x4xf32>) -> tensor<3x4xf32> {
  // expected-error @+1 {{T5: expected each dimension of 'tensor<3x4xf32>' to be named or to be one of an update, but got 'tensor<2xf32>' and names of [0]}}
  %0 = tm_tensor.scatter {dimension_map = array<i64: 0>} unique_indices(false) ins(%u, %i : tensor<2xf32>, tensor<2x1xi64>) outs(%x : tensor<3x4xf32>) {
  ^bb0(%a: f32, %b: f32):
    tm_tensor.yield %a : f32
  } -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}

// -----

func.func @twice(%u: tensor<2xf32>, %i: tensor<2x2xi64>, %x: tensor<3x4xf32>) -> tensor<3x4xf32> {
  // expected-error @+1 {{T2: expected 'dimension_map' to list dimensions from 0 to 1, each at most once, but got [1, 1]}}
  %0 = tm_tensor.scatter {dimension_map = array<i64: 1, 1>} unique_indices(false) ins(%u, %i : tensor<2xf32>, tensor<2x2xi64>) outs(%x : tensor<3x4xf32>) {
  ^bb0(%a: f32, %b: f32):
    tm_tensor.yield %a : f32
  } -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}

// -----

func.func @topk(%x: tensor<2x5xf32>, %v: tensor<2x3xf32>, %i: tensor<3x3xi64>) -> (tensor<2x3xf32>, tensor<3x3xi64>) {
  // expected-error @+1 {{T1: expected values and integers of the input's sizes but along dimension 1}}
  %0:2 = tm_tensor.topk dimension(1) ins(%x : tensor<2x5xf32>) outs(%v, %i : tensor<2x3xf32>, tensor<3x3xi64>) {
  ^bb0(%a: f32, %b: f32):
    %before = arith.cmpf ogt, %a, %b : f32
    tm_tensor.yield %before : i1
  } -> tensor<2x3xf32>, tensor<3x3xi64>
  return %0#0, %0#1 : tensor<2x3xf32>, tensor<3x3xi64>
}

// -----

func.func @attention(%q: tensor<2x3x8xf32>, %k: tensor<2x4x7xf32>) -> tensor<2x3x7xf32> {
  %o = tensor.empty() : tensor<2x3x7xf32>
  // expected-error @+1 {{T1: expected [..., M, D], [..., L, D], [..., L, E], perhaps [..., M, L], and [..., M, E] of one float type}}
  %0 = tm_tensor.attention ins(%q, %k, %k : tensor<2x3x8xf32>, tensor<2x4x7xf32>, tensor<2x4x7xf32>) outs(%o : tensor<2x3x7xf32>) -> tensor<2x3x7xf32>
  return %0 : tensor<2x3x7xf32>
}

// -----

func.func @results(%x: tensor<4xf32>) -> tensor<?xf32> {
  // expected-error @+1 {{T4: expected results of the outputs' types, but got 'tensor<?xf32>'}}
  %0 = tm_tensor.sort dimension(0) outs(%x : tensor<4xf32>) {
  ^bb0(%a: f32, %b: f32):
    %c = arith.cmpf ole, %a, %b : f32
    tm_tensor.yield %c : i1
  } -> tensor<?xf32>
  return %0 : tensor<?xf32>
}
