// RUN: split-file %s %t
// RUN: rlx-opt %t/schemes.mlir --rlx-annotate=%t/schemes.json --verify-diagnostics | FileCheck %t/schemes.mlir
// RUN: rlx-opt %t/schemes.mlir "--rlx-annotate=config=%t/schemes.json" 2>/dev/null > %t/once.mlir
// RUN: rlx-opt %t/once.mlir "--rlx-annotate=config=%t/schemes.json" 2>/dev/null | diff %t/once.mlir -
// RUN: rlx-opt %t/overrides.mlir "--rlx-annotate=config=%t/overrides.json" --verify-diagnostics | FileCheck %t/overrides.mlir
// RUN: rlx-opt %t/own.mlir "--rlx-annotate=config=%t/own.json" | FileCheck %t/own.mlir

// RUN: not rlx-opt %t/own.mlir --rlx-annotate 2>&1 | FileCheck %t/errors --check-prefix=NONE
// RUN: not rlx-opt %t/own.mlir "--rlx-annotate=config=%t/missing.json" 2>&1 | FileCheck %t/errors --check-prefix=MISSING
// RUN: not rlx-opt %t/own.mlir "--rlx-annotate=config=%t/malformed.json" 2>&1 | FileCheck %t/errors --check-prefix=MALFORMED
// RUN: not rlx-opt %t/own.mlir "--rlx-annotate=config=%t/list.json" 2>&1 | FileCheck %t/errors --check-prefix=LIST
// RUN: not rlx-opt %t/own.mlir "--rlx-annotate=config=%t/key.json" 2>&1 | FileCheck %t/errors --check-prefix=KEY
// RUN: not rlx-opt %t/own.mlir "--rlx-annotate=config=%t/scheme.json" 2>&1 | FileCheck %t/errors --check-prefix=SCHEME
// RUN: not rlx-opt %t/own.mlir "--rlx-annotate=config=%t/attribute.json" 2>&1 | FileCheck %t/errors --check-prefix=ATTRIBUTE
// RUN: not rlx-opt %t/own.mlir "--rlx-annotate=config=%t/number.json" 2>&1 | FileCheck %t/errors --check-prefix=NUMBER
// RUN: not rlx-opt %t/own.mlir "--rlx-annotate=config=%t/method.json" 2>&1 | FileCheck %t/errors --check-prefix=METHOD
// RUN: not rlx-opt %t/own.mlir "--rlx-annotate=config=%t/override-key.json" 2>&1 | FileCheck %t/errors --check-prefix=OVERRIDE
// RUN: not rlx-opt %t/own.mlir "--rlx-annotate=config=%t/pattern.json" 2>&1 | FileCheck %t/errors --check-prefix=PATTERN
// RUN: not rlx-opt %t/own.mlir "--rlx-annotate=config=%t/no-pattern.json" 2>&1 | FileCheck %t/errors --check-prefix=NOPATTERN

//--- schemes.json
{ "default": { "scheme": "gguf_q8_0", "method": "gptq" },
  "overrides": [
    { "pattern": "blk.*.attn_?.weight", "scheme": "none" },
    { "pattern": "blk.*.attn_v.weight", "scheme": "int8a/32" },
    { "pattern": "experts", "scheme": "nvfp4/16", "method": "smoothquant", "alpha": 0.4 } ] }

//--- schemes.mlir
// CHECK-LABEL: func @default
func.func @default(%x: tensor<1x64xf32>, %ids: tensor<3xi32>) -> (tensor<1x8xf32>, tensor<3x64xf32>) {
  // CHECK: %[[W:.*]] = rlx.weight "w" : tensor<8x64xf32, #rlx.quant<gguf_q8_0>>
  // CHECK: %[[B:.*]] = rlx.weight "b" : tensor<8xf32>
  // CHECK: rlx.matmul %{{.*}}, %[[W]] bias(%[[B]])
  // CHECK: %[[T:.*]] = rlx.weight "table" : tensor<100x64xf16, #rlx.quant<gguf_q8_0>>
  // CHECK: rlx.embedding %[[T]]
  %w = rlx.weight "w" : tensor<8x64xf32>
  %b = rlx.weight "b" : tensor<8xf32>
  %y = rlx.matmul %x, %w bias(%b) : (tensor<1x64xf32>, tensor<8x64xf32>, tensor<8xf32>) -> tensor<1x8xf32>
  %t = rlx.weight "table" : tensor<100x64xf16>
  %e = rlx.embedding %t, %ids : (tensor<100x64xf16>, tensor<3xi32>) -> tensor<3x64xf32>
  return %y, %e : tensor<1x8xf32>, tensor<3x64xf32>
}

// The last override that matches decides; side operands are weights.
// CHECK-LABEL: func @overrides
func.func @overrides(%x: tensor<1x64xf32>) -> (tensor<1x8xf32>, tensor<1x8xf32>) {
  // CHECK: %[[Q:.*]] = rlx.weight "blk.0.attn_q.weight" : tensor<8x64xf32>
  // CHECK: %[[V:.*]] = rlx.weight "blk.0.attn_v.weight" : tensor<8x64xf32, #rlx.quant<int8a/32>>
  // CHECK: %[[S:.*]] = rlx.weight "blk.0.attn_v.weight.scales" : tensor<8x2xf32>
  // CHECK: %[[Z:.*]] = rlx.weight "blk.0.attn_v.weight.zero_points" : tensor<8x2xf32>
  // CHECK: rlx.matmul %{{.*}}, %[[Q]] :
  // CHECK: rlx.matmul %{{.*}}, %[[V]] scales(%[[S]]) zero_points(%[[Z]])
  %q = rlx.weight "blk.0.attn_q.weight" : tensor<8x64xf32>
  %v = rlx.weight "blk.0.attn_v.weight" : tensor<8x64xf32>
  %y = rlx.matmul %x, %q : (tensor<1x64xf32>, tensor<8x64xf32>) -> tensor<1x8xf32>
  %z = rlx.matmul %x, %v : (tensor<1x64xf32>, tensor<8x64xf32>) -> tensor<1x8xf32>
  return %y, %z : tensor<1x8xf32>, tensor<1x8xf32>
}

// CHECK-LABEL: func @experts
func.func @experts(%x: tensor<5x64xf32>, %ids: tensor<5x2xi32>) -> tensor<5x2x8xf32> {
  // CHECK: rlx.weight "experts" : tensor<4x8x64xf32, #rlx.quant<nvfp4/16>>
  // CHECK: %[[S:.*]] = rlx.weight "experts.scales" : tensor<4x8x4xf8E4M3FN>
  // CHECK: %[[G:.*]] = rlx.weight "experts.global_scale" : tensor<4x1xf32>
  // The bias of experts is a matrix, but no weight.
  // CHECK: rlx.weight "bias" : tensor<4x8xf32>
  // CHECK: rlx.gather_matmul {{.*}} scales(%[[S]]) global_scale(%[[G]]) bias
  %w = rlx.weight "experts" : tensor<4x8x64xf32>
  %b = rlx.weight "bias" : tensor<4x8xf32>
  %y = rlx.gather_matmul %x, %w, %ids bias(%b) : (tensor<5x64xf32>, tensor<4x8x64xf32>, tensor<5x2xi32>, tensor<4x8xf32>) -> tensor<5x2x8xf32>
  return %y : tensor<5x2x8xf32>
}

// CHECK-LABEL: func @other_user
func.func @other_user(%x: tensor<1x64xf32>) -> (tensor<1x8xf32>, tensor<8x64xf16>) {
  // CHECK: %[[W:.*]] = rlx.weight "shared" : tensor<8x64xf16, #rlx.quant<gguf_q8_0>>
  // CHECK: %[[V:.*]] = rlx.dequantize %[[W]] : {{.*}} -> tensor<8x64xf32>
  // CHECK: %[[H:.*]] = arith.truncf %[[V]] : tensor<8x64xf32> to tensor<8x64xf16>
  // CHECK: rlx.matmul %{{.*}}, %[[W]] :
  // CHECK: return %{{.*}}, %[[H]]
  // expected-remark @below {{'shared' is dequantized for 'func.return', which takes no quantized weight}}
  %w = rlx.weight "shared" : tensor<8x64xf16>
  %y = rlx.matmul %x, %w : (tensor<1x64xf32>, tensor<8x64xf16>) -> tensor<1x8xf32>
  return %y, %w : tensor<1x8xf32>, tensor<8x64xf16>
}

// CHECK-LABEL: func @stays
func.func @stays(%x: tensor<1x48xf32>, %z: tensor<1x64xf32>) -> (tensor<1x8xf32>, tensor<1x8xf32>) {
  // CHECK: rlx.weight "odd" : tensor<8x48xf32>
  // expected-warning @below {{'odd' stays as it is: expected K to be a multiple of the block size 32 of 'gguf_q8_0', but got 48}}
  %w = rlx.weight "odd" : tensor<8x48xf32>
  %y = rlx.matmul %x, %w : (tensor<1x48xf32>, tensor<8x48xf32>) -> tensor<1x8xf32>
  // Quantized already.
  // CHECK: rlx.weight "done" : tensor<8x64xf32, #rlx.quant<mxfp4/32>>
  %v = rlx.weight "done" : tensor<8x64xf32, #rlx.quant<mxfp4/32>>
  %s = rlx.weight "done.scales" : tensor<8x2xf8E8M0FNU>
  %u = rlx.matmul %z, %v scales(%s) : (tensor<1x64xf32>, tensor<8x64xf32, #rlx.quant<mxfp4/32>>, tensor<8x2xf8E8M0FNU>) -> tensor<1x8xf32>
  return %y, %u : tensor<1x8xf32>, tensor<1x8xf32>
}

//--- overrides.json
{ "overrides": [ { "pattern": "*", "scheme": "gguf_q8_0" }, { "pattern": "plain", "scheme": "none" },
  { "pattern": "kept*", "scheme": "int8/32" } ] }

//--- overrides.mlir
!int8 = tensor<8x64xf32, #rlx.quant<int8/32>>
!q8 = tensor<8x64xf32, #rlx.quant<gguf_q8_0>>

// CHECK-LABEL: func @replaced
func.func @replaced(%x: tensor<1x64xf32>) -> tensor<1x8xf32> {
  // CHECK-NEXT: %[[W:.*]] = rlx.weight "w" : tensor<8x64xf32, #rlx.quant<gguf_q8_0>>
  // CHECK-NEXT: rlx.matmul %{{.*}}, %[[W]] :
  // expected-remark @below {{'w' was 'int8/32', an override makes it 'gguf_q8_0'}}
  %w = rlx.weight "w" : !int8
  %s = rlx.weight "w.scales" : tensor<8x2xf32>
  %y = rlx.matmul %x, %w scales(%s) : (tensor<1x64xf32>, !int8, tensor<8x2xf32>) -> tensor<1x8xf32>
  return %y : tensor<1x8xf32>
}

// CHECK-LABEL: func @kept
func.func @kept(%x: tensor<1x64xf32>) -> tensor<1x8xf32> {
  // CHECK: rlx.weight "kept" : tensor<8x64xf32, #rlx.quant<int8/32>>
  // CHECK: rlx.weight "kept.scales" : tensor<8x2xf32>
  %w = rlx.weight "kept" : !int8
  // expected-remark @below {{'kept.scales' stays as it is: it is a scale or a bias of another weight}}
  %s = rlx.weight "kept.scales" : tensor<8x2xf32>
  %y = rlx.matmul %x, %w scales(%s) : (tensor<1x64xf32>, !int8, tensor<8x2xf32>) -> tensor<1x8xf32>
  return %y : tensor<1x8xf32>
}

// CHECK-LABEL: func @to_plain
func.func @to_plain() -> tensor<8x64xf32> {
  // CHECK-NEXT: %[[W:.*]] = rlx.weight "plain" : tensor<8x64xf32>
  // CHECK-NEXT: return %[[W]]
  // expected-remark @below {{'plain' was 'gguf_q8_0', an override makes it 'none'}}
  %w = rlx.weight "plain" : !q8
  %v = rlx.dequantize %w : (!q8) -> tensor<8x64xf32>
  return %v : tensor<8x64xf32>
}

// CHECK-LABEL: func @refused
func.func @refused() -> (tensor<64xf32>, tensor<8x64xf32, #rlx.quant<int4a/32>>) {
  // expected-remark @below {{'norm' stays as it is: expected [N, K] or [E, N, K] of f32, f16 or bf16, but it is 'tensor<64xf32>'}}
  %n = rlx.weight "norm" : tensor<64xf32>
  // expected-remark @below {{'out' stays 'int4a/32': 'func.return' takes it as it is}}
  %w = rlx.weight "out" : tensor<8x64xf32, #rlx.quant<int4a/32>>
  return %n, %w : tensor<64xf32>, tensor<8x64xf32, #rlx.quant<int4a/32>>
}

//--- own.json
{ "default": "#rlx.scheme<\"own\", block = 2, code = ui4 at (i) -> (0, 4 * i) - 7>" }
//--- own.mlir
func.func @own(%x: tensor<1x64xf32>) -> tensor<1x8xf32> {
  // CHECK: #[[OWN:.*]] = #rlx.scheme<"own",
  // CHECK: rlx.weight "w" : tensor<8x64xf32, #rlx.quant<#[[OWN]]>>
  %w = rlx.weight "w" : tensor<8x64xf32>
  %y = rlx.matmul %x, %w : (tensor<1x64xf32>, tensor<8x64xf32>) -> tensor<1x8xf32>
  return %y : tensor<1x8xf32>
}

//--- malformed.json
{ "default": }
//--- list.json
[]
//--- key.json
{ "defualt": "gguf_q8_0" }
//--- scheme.json
{ "overrides": [ { "pattern": "*", "scheme": "gguf_q8_0" }, { "pattern": "*", "scheme": "gguf_q8_1" } ] }
//--- attribute.json
{ "default": "#rlx.scheme<\"own\", block = 2>" }
//--- number.json
{ "default": 8 }
//--- method.json
{ "default": { "scheme": "int8/32", "method": "GPTQ" } }
//--- override-key.json
{ "overrides": [ { "pattern": "*", "scheme": "none", "why": "" } ] }
//--- pattern.json
{ "overrides": [ { "pattern": "[a", "scheme": "none" } ] }
//--- no-pattern.json
{ "overrides": [ { "scheme": "none" } ] }

//--- errors
NONE: error: expected the option 'config' to name a file
MISSING: error: cannot use the configuration '{{.*}}missing.json': No such file or directory
MALFORMED: error: cannot use the configuration '{{.*}}malformed.json': [1:14, byte=14]: Invalid JSON value
LIST: error: cannot use the configuration '{{.*}}list.json': 'configuration': expected an object with 'default' and 'overrides'
KEY: error: cannot use the configuration '{{.*}}key.json': 'configuration': unknown key 'defualt', expected 'default' and 'overrides'
SCHEME: error: cannot use the configuration '{{.*}}scheme.json': 'overrides[1].scheme': unknown scheme 'gguf_q8_1', expected a built-in name such as
ATTRIBUTE: error: cannot use the configuration '{{.*}}attribute.json': 'default': expected a scheme to give 'block' and 'code'
NUMBER: error: cannot use the configuration '{{.*}}number.json': 'default': expected a string
OVERRIDE: error: cannot use the configuration '{{.*}}override-key.json': 'overrides[0]': unknown key 'why', expected 'pattern', 'scheme', 'method' and 'alpha'
METHOD: error: cannot use the configuration '{{.*}}method.json': 'default.method': expected nearest, smoothquant, awq, gptq, but got 'GPTQ'; did you mean 'gptq'?
PATTERN: error: cannot use the configuration '{{.*}}pattern.json': 'overrides[0].pattern': invalid glob pattern
NOPATTERN: error: cannot use the configuration '{{.*}}no-pattern.json': 'overrides[0].pattern': is missing, expected a string
