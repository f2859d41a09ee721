// RUN: split-file %s %t
// RUN: rlx-opt %t/program.mlir "--rlx-smooth-activations=config=%t/config.json shared" --verify-diagnostics | FileCheck %t/program.mlir
// RUN: rlx-opt %t/own.mlir "--rlx-smooth-activations=config=%t/config.json multiply-weights" --verify-diagnostics | FileCheck %t/own.mlir
// RUN: not rlx-opt %t/own.mlir --rlx-smooth-activations 2>&1 | FileCheck %t/errors --check-prefix=NONE
// RUN: not rlx-opt %t/own.mlir "--rlx-smooth-activations=config=%t/missing.json" 2>&1 | FileCheck %t/errors --check-prefix=MISSING

//--- config.json
{ "default": "none",
  "overrides": [{ "pattern": "*.q", "scheme": "gguf_q8_0", "method": "awq" },
                { "pattern": "*.k", "scheme": "gguf_q8_0", "method": "smoothquant" }] }

//--- program.mlir
#id = affine_map<(m, k) -> (m, k)>
#row = affine_map<(m, k) -> (m)>
#last = affine_map<(m, k) -> (k)>
// The gain and the bias of a norm are divided once, for all weights of its result.
// CHECK-LABEL: func @norm
func.func @norm(%x: tensor<?x32xf32>, %root: tensor<?xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  // CHECK: %[[F:.*]] = rlx.weight "a.q.input_factors" : tensor<32xf32>
  // CHECK-NOT: input_factors
  %g = rlx.weight "norm.gain" : tensor<32xf32>
  %b = rlx.weight "norm.bias" : tensor<32xf32>
  %c0 = arith.constant 0 : index
  %m = tensor.dim %x, %c0 : tensor<?x32xf32>
  %e = tensor.empty(%m) : tensor<?x32xf32>
  // CHECK: %[[G:.*]] = rlx.weight "norm.gain"
  // CHECK: %[[B:.*]] = rlx.weight "norm.bias"
  // CHECK-DAG: %[[DG:.*]] = arith.divf %[[G]], %[[F]] : tensor<32xf32>
  // CHECK-DAG: %[[DB:.*]] = arith.divf %[[B]], %[[F]] : tensor<32xf32>
  // CHECK: %[[N:.*]] = linalg.generic {{.*}} ins(%arg0, %arg1, %[[DG]], %[[DB]] :
  %n = linalg.generic {indexing_maps = [#id, #row, #last, #last, #id], iterator_types = ["parallel", "parallel"]} ins(%x, %root, %g, %b : tensor<?x32xf32>, tensor<?xf32>, tensor<32xf32>, tensor<32xf32>) outs(%e : tensor<?x32xf32>) {
  ^bb0(%in: f32, %r: f32, %gain: f32, %bias: f32, %out: f32):
    %0 = arith.mulf %in, %r : f32
    %1 = arith.mulf %gain, %0 : f32
    %2 = arith.addf %1, %bias : f32
    linalg.yield %2 : f32
  } -> tensor<?x32xf32>
  // CHECK: rlx.matmul %[[N]],
  // CHECK: rlx.matmul %[[N]],
  %q = rlx.weight "a.q" : tensor<8x32xf32, #rlx.quant<gguf_q8_0>>
  %k = rlx.weight "a.k" : tensor<8x32xf32, #rlx.quant<gguf_q8_0>>
  %y = rlx.matmul %n, %q : (tensor<?x32xf32>, tensor<8x32xf32, #rlx.quant<gguf_q8_0>>) -> tensor<?x8xf32>
  %z = rlx.matmul %n, %k : (tensor<?x32xf32>, tensor<8x32xf32, #rlx.quant<gguf_q8_0>>) -> tensor<?x8xf32>
  return %y, %z : tensor<?x8xf32>, tensor<?x8xf32>
}

// As whole tensors; a residual that goes elsewhere as well is divided in front of the matmul.
// CHECK-LABEL: func @tensors
func.func @tensors(%x: tensor<4x32xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x32xf32>) {
  // CHECK-DAG: %[[C:.*]] = rlx.weight "c.q.input_factors"
  // CHECK-DAG: %[[D:.*]] = rlx.weight "d.q.input_factors"
  %g = rlx.weight "gain" : tensor<32xf32>
  %e = tensor.empty() : tensor<4x32xf32>
  // CHECK: %[[GAIN:.*]] = arith.divf %{{.*}}, %[[C]] : tensor<32xf32>
  // CHECK: linalg.broadcast ins(%[[GAIN]] : tensor<32xf32>)
  %b = linalg.broadcast ins(%g : tensor<32xf32>) outs(%e : tensor<4x32xf32>) dimensions = [0]
  %n = arith.mulf %x, %b : tensor<4x32xf32>
  %c = rlx.weight "c.q" : tensor<8x32xf32>
  %y = rlx.matmul %n, %c : (tensor<4x32xf32>, tensor<8x32xf32>) -> tensor<4x8xf32>
  // CHECK: %[[R:.*]] = arith.addf
  // CHECK: %[[Q:.*]] = linalg.generic {{.*}} ins(%[[R]], %[[D]] :
  // CHECK: arith.divf
  %r = arith.addf %x, %x : tensor<4x32xf32>
  %d = rlx.weight "d.q" : tensor<8x32xf32>
  // CHECK: rlx.matmul %[[Q]],
  // expected-remark@+1 {{activations are divided before the matmul: they have another use}}
  %z = rlx.matmul %r, %d : (tensor<4x32xf32>, tensor<8x32xf32>) -> tensor<4x8xf32>
  // CHECK: return %{{.*}}, %{{.*}}, %[[R]]
  return %y, %z, %r : tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x32xf32>
}

//--- own.mlir
// Without `shared`, each weight has its own factors, and one norm cannot serve two.
// CHECK-LABEL: func @own
func.func @own(%x: tensor<4x32xf32>, %t: tensor<32x4xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>, tensor<8x4xf32>) {
  // CHECK-DAG: %[[FQ:.*]] = rlx.weight "a.q.input_factors" : tensor<32xf32>
  // CHECK-DAG: %[[FK:.*]] = rlx.weight "a.k.input_factors" : tensor<32xf32>
  // CHECK-DAG: %[[FB:.*]] = rlx.weight "b.q.input_factors" : tensor<32xf32>
  %q = rlx.weight "a.q" : tensor<8x32xf32>
  %k = rlx.weight "a.k" : tensor<8x32xf32>
  // CHECK-DAG: %[[XQ:.*]] = linalg.generic {{.*}} ins(%arg0, %[[FQ]] :
  // CHECK-DAG: %[[XK:.*]] = linalg.generic {{.*}} ins(%arg0, %[[FK]] :
  // CHECK: %[[WQ:.*]] = linalg.generic {{.*}} ins(%{{.*}}, %[[FQ]] : tensor<8x32xf32>
  // CHECK: arith.mulf
  // CHECK: rlx.matmul %[[XQ]], %[[WQ]]
  // expected-remark@+1 {{activations are divided before the matmul: they have another use}}
  %y = rlx.matmul %x, %q : (tensor<4x32xf32>, tensor<8x32xf32>) -> tensor<4x8xf32>
  // expected-remark@+1 {{activations are divided before the matmul: they have another use}}
  %z = rlx.matmul %x, %k : (tensor<4x32xf32>, tensor<8x32xf32>) -> tensor<4x8xf32>
  %b = rlx.weight "b.q" : tensor<8x32xf32>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<8x4xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<8x4xf32>) -> tensor<8x4xf32>
  // expected-remark@+1 {{activations are divided before the matmul: they are not the product of a norm and its gain}}
  %c = linalg.matmul ins(%b, %t : tensor<8x32xf32>, tensor<32x4xf32>) outs(%f : tensor<8x4xf32>) -> tensor<8x4xf32>
  return %y, %z, %c : tensor<4x8xf32>, tensor<4x8xf32>, tensor<8x4xf32>
}

func.func @refused(%x: tensor<4x32xf32>) -> tensor<4x8xf32> {
  %q = rlx.weight "z.q" : tensor<8x32xf32, #rlx.quant<gguf_q8_0>>
  // expected-remark@+1 {{activations are not divided by 'z.q.input_factors': weight 'z.q' is not plain, and cannot be multiplied here}}
  %y = rlx.matmul %x, %q : (tensor<4x32xf32>, tensor<8x32xf32, #rlx.quant<gguf_q8_0>>) -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

//--- errors
NONE: error: expected the option 'config' to name a file
MISSING: error: cannot use the configuration '{{.*}}missing.json': No such file or directory
