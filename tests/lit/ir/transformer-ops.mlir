// Each operation of transformers, with the examples of its description, through
// text and through bytecode.
// RUN: rlx-opt %s | FileCheck %s
// RUN: rlx-opt %s --mlir-print-op-generic | rlx-opt | FileCheck %s
// RUN: rlx-opt %s --emit-bytecode | rlx-opt | FileCheck %s
// RUN: rlx-opt %s -o %t.once && rlx-opt %t.once | diff %t.once -

// CHECK-LABEL: func @norms
func.func @norms(%x: tensor<?x64xf32>, %g: tensor<64xf32>, %b: tensor<64xf32>, %h: tensor<2x3x64xbf16>, %d: tensor<?xf16>) {
  // CHECK: rlx.rms_norm %{{.*}} weight(%{{.*}}) {epsilon = 1.000000e-05 : f64} : (tensor<?x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  %0 = rlx.rms_norm %x weight(%g) {epsilon = 1.0e-05 : f64} : (tensor<?x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  // CHECK: rlx.rms_norm %{{.*}} {epsilon = 0.000000e+00 : f64} : (tensor<2x3x64xbf16>) -> tensor<2x3x64xf32>
  %1 = rlx.rms_norm %h {epsilon = 0.0 : f64} : (tensor<2x3x64xbf16>) -> tensor<2x3x64xf32>
  // CHECK: rlx.layer_norm %{{.*}} weight(%{{.*}}) bias(%{{.*}}) {epsilon = 1.000000e-05 : f64}
  // CHECK-SAME: : (tensor<?x64xf32>, tensor<64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  %2 = rlx.layer_norm %x weight(%g) bias(%b) {epsilon = 1.0e-05 : f64}
      : (tensor<?x64xf32>, tensor<64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  // CHECK: rlx.layer_norm %{{.*}} {epsilon = 1.000000e-05 : f64} : (tensor<?xf16>) -> tensor<?xf16>
  %3 = rlx.layer_norm %d {epsilon = 1.0e-05 : f64} : (tensor<?xf16>) -> tensor<?xf16>
  return
}

// CHECK-LABEL: func @rope
func.func @rope(%position: index, %n: index, %f: tensor<32xf32>, %x: tensor<?x32x64xf32>, %y: tensor<3x4x80xf16>, %t3: tensor<2x3x20xf32>) {
  // CHECK: rlx.rope_table from %{{.*}} count %{{.*}} factors(%{{.*}}) {base = 5.000000e+05 : f64, dims = 64 : i64}
  // CHECK-SAME: : (index, index, tensor<32xf32>) -> tensor<2x?x32xf32>
  %t = rlx.rope_table from %position count %n factors(%f) {dims = 64, base = 5.0e+05 : f64}
      : (index, index, tensor<32xf32>) -> tensor<2x?x32xf32>
  // CHECK: rlx.rope_table from %{{.*}} count %{{.*}} {base = 1.000000e+04 : f64, dims = 64 : i64, scale = 2.500000e-01 : f64, yarn_context = 4096 : i64}
  %u = rlx.rope_table from %position count %n {dims = 64, base = 1.0e+04 : f64, scale = 2.5e-01 : f64, yarn_context = 4096}
      : (index, index) -> tensor<2x?x32xf32>
  // CHECK: rlx.rope halves %{{.*}}, %{{.*}} : tensor<?x32x64xf32>, tensor<2x?x32xf32>
  %0 = rlx.rope halves %x, %t : tensor<?x32x64xf32>, tensor<2x?x32xf32>
  // CHECK: rlx.rope pairs %{{.*}}, %{{.*}} : tensor<3x4x80xf16>, tensor<2x3x20xf32>
  %1 = rlx.rope pairs %y, %t3 : tensor<3x4x80xf16>, tensor<2x3x20xf32>
  return
}

// CHECK-LABEL: func @append
func.func @append(%rows: tensor<?x8x64xf32>, %cache: tensor<1024x8x64xf32>, %short: tensor<?x8x64xbf16>, %position: index) {
  // CHECK: rlx.append %{{.*}} into %{{.*}} at %{{.*}} : tensor<?x8x64xf32> into tensor<1024x8x64xf32>
  %0 = rlx.append %rows into %cache at %position : tensor<?x8x64xf32> into tensor<1024x8x64xf32>
  // CHECK: rlx.append %{{.*}} into %{{.*}} at %{{.*}} : tensor<?x8x64xf32> into tensor<?x8x64xbf16>
  %1 = rlx.append %rows into %short at %position : tensor<?x8x64xf32> into tensor<?x8x64xbf16>
  return
}

// CHECK-LABEL: func @attention
func.func @attention(%q: tensor<?x32x64xf32>, %k: tensor<1024x8x64xf32>, %v: tensor<1024x8x64xf32>, %n: index, %s: tensor<32xf32>,
                     %k16: tensor<?x1x80xf16>, %v16: tensor<?x1x96xbf16>, %q3: tensor<1x3x80xf32>) {
  // CHECK: rlx.attention %{{.*}}, %{{.*}}, %{{.*}} length(%{{.*}}) {causal}
  // CHECK-SAME: : (tensor<?x32x64xf32>, tensor<1024x8x64xf32>, tensor<1024x8x64xf32>, index) -> tensor<?x32x64xf32>
  %0 = rlx.attention %q, %k, %v length(%n) {causal}
      : (tensor<?x32x64xf32>, tensor<1024x8x64xf32>, tensor<1024x8x64xf32>, index) -> tensor<?x32x64xf32>
  // CHECK: rlx.attention %{{.*}}, %{{.*}}, %{{.*}} length(%{{.*}}) sinks(%{{.*}}) {causal, scale = 1.250000e-01 : f64, softcap = 5.000000e+01 : f64, window = 128 : i64}
  %1 = rlx.attention %q, %k, %v length(%n) sinks(%s) {causal, window = 128, softcap = 5.0e+01 : f64, scale = 1.25e-01 : f64}
      : (tensor<?x32x64xf32>, tensor<1024x8x64xf32>, tensor<1024x8x64xf32>, index, tensor<32xf32>) -> tensor<?x32x64xf32>
  // CHECK: rlx.attention %{{.*}}, %{{.*}}, %{{.*}} : (tensor<1x3x80xf32>, tensor<?x1x80xf16>, tensor<?x1x96xbf16>) -> tensor<1x3x96xf32>
  %2 = rlx.attention %q3, %k16, %v16 : (tensor<1x3x80xf32>, tensor<?x1x80xf16>, tensor<?x1x96xbf16>) -> tensor<1x3x96xf32>
  return
}

// CHECK-LABEL: func @topk
func.func @topk(%x: tensor<?x32xf32>) {
  // CHECK: rlx.topk %{{.*}} : tensor<?x32xf32> -> tensor<?x4xf32>, tensor<?x4xi32>
  %values, %ids = rlx.topk %x : tensor<?x32xf32> -> tensor<?x4xf32>, tensor<?x4xi32>
  return
}
