// RUN: split-file %s %t
// RUN: python3 %S/../tools/record.py write %t/r.json w:w,v:64:-2:1.27 hidden::8:0:2.55
// RUN: rlx-opt %t/two.mlir "--rlx-insert-qdq=record=%t/r.json" | FileCheck %t/two.mlir
// RUN: rlx-opt %t/two.mlir "--rlx-insert-qdq=record=%t/r.json config=%t/config.json" | FileCheck %t/two.mlir --check-prefix=CONFIG
// RUN: rlx-opt %t/two.mlir "--rlx-insert-qdq=record=%t/r.json range=average" | FileCheck %t/two.mlir --check-prefix=AVERAGE
// Once is enough.
// RUN: rlx-opt %t/two.mlir "--rlx-insert-qdq=record=%t/r.json" -o %t/once.mlir
// RUN: rlx-opt %t/once.mlir "--rlx-insert-qdq=record=%t/r.json" 2>/dev/null | diff %t/once.mlir -

// RUN: rlx-opt %t/left.mlir "--rlx-insert-qdq=record=%t/r.json config=%t/odd.json" --verify-diagnostics | FileCheck %t/left.mlir

// RUN: rlx-opt %t/two.mlir "--rlx-insert-qdq=record=%t/r.json config=%t/strange.json" 2>&1 >/dev/null | FileCheck %t/errors --check-prefix=STRANGE

// RUN: not rlx-opt %t/two.mlir --rlx-insert-qdq 2>&1 | FileCheck %t/errors --check-prefix=NONE
// RUN: not rlx-opt %t/two.mlir "--rlx-insert-qdq=record=%t/missing.json" 2>&1 | FileCheck %t/errors --check-prefix=MISSING
// RUN: not rlx-opt %t/two.mlir "--rlx-insert-qdq=record=%t/config.json" 2>&1 | FileCheck %t/errors --check-prefix=NORECORD
// RUN: not rlx-opt %t/two.mlir "--rlx-insert-qdq=record=%t/r.json range=most" 2>&1 | FileCheck %t/errors --check-prefix=RANGE
// RUN: not rlx-opt %t/two.mlir "--rlx-insert-qdq=record=%t/r.json range=percentile percent=0" 2>&1 | FileCheck %t/errors --check-prefix=PERCENT
// RUN: not rlx-opt %t/two.mlir "--rlx-insert-qdq=record=%t/r.json scheme=int8/tensr" 2>&1 | FileCheck %t/errors --check-prefix=SCHEME
// RUN: python3 %S/../tools/record.py write %t/other.json w:w,v:64:-2:1.27 hiden::8:0:2.55
// RUN: not rlx-opt %t/two.mlir "--rlx-insert-qdq=record=%t/other.json" 2>&1 | FileCheck %t/errors --check-prefix=OTHER
// RUN: python3 %S/../tools/record.py write %t/size.json w:w,v:32:-2:1.27 hidden::8:0:2.55
// RUN: not rlx-opt %t/two.mlir "--rlx-insert-qdq=record=%t/size.json" 2>&1 | FileCheck %t/errors --check-prefix=SIZE

//--- config.json
{ "default": "#rlx.scheme<\"asymmetric\", block = 1, code = ui8 at byte 0, zero = f32 in zero_points at (n, k) -> (0), scale = f32 in scales at (n, k) -> (0)>",
  "overrides": [{ "pattern": "hid*", "scheme": "#rlx.scheme<\"channels\", block = 1, code = si4 at (i) -> (0, 0), unused = 4, scale = f32 in scales at (n, k) -> (k)>" }] }

//--- strange.json
{ "default": "int8/tensor", "overrides": [{ "pattern": "w", "scheme": "none" }, { "pattern": "hiden", "scheme": "int8/tensor" }] }

//--- two.mlir
// Matmuls of weights use the numbers; what the program names is replaced everywhere.
// CHECK-LABEL: func @main
// AVERAGE-LABEL: func @main
// CONFIG-LABEL: func @main
func.func @main(%x: tensor<?x64xf32>) -> (tensor<?x8xf32>, tensor<?x64xf32>) {
  // 2 / 127
  // CHECK: %[[Q:.*]] = linalg.generic {{.*}} ins(%arg0 : tensor<?x64xf32>) outs(%{{.*}} : tensor<?x64xi8>)
  // CHECK: arith.constant 0.015748{{[0-9]+}} : f32
  // CHECK-NEXT: arith.divf
  // CHECK-NEXT: math.round
  // CHECK-NEXT: arith.constant -1.270000e+02
  // CHECK-NEXT: arith.maxnumf
  // CHECK-NEXT: arith.constant 1.270000e+02
  // CHECK-NEXT: arith.minnumf
  // CHECK-NEXT: arith.fptosi {{.*}} : f32 to i8
  // CHECK: %[[D:.*]] = linalg.generic {{.*}} ins(%[[Q]] : tensor<?x64xi8>)
  // CHECK: arith.sitofp
  // CHECK: arith.mulf
  // AVERAGE: arith.constant 0.0078740{{[0-9]+}} : f32

  // Codes of 0 to 255 for -2 to 1.27: 3.27 / 255, and 0 has the code round(2 / scale) = 156.
  // CONFIG: ins(%arg0 : tensor<?x64xf32>) outs(%{{.*}} : tensor<?x64xi8>)
  // CONFIG: arith.constant 0.012823{{[0-9]+}} : f32
  // CONFIG: arith.constant 1.560000e+02 : f32
  // CONFIG: arith.addf
  // CONFIG: arith.fptoui
  // CONFIG: arith.uitofp
  // CONFIG: arith.subf
  %w = rlx.weight "w" : tensor<8x64xf32>
  %v = rlx.weight "v" : tensor<8x64xf32>
  // CHECK: rlx.matmul %[[D]], %
  // CHECK: rlx.matmul %[[D]], %
  %y = rlx.matmul %x, %w : (tensor<?x64xf32>, tensor<8x64xf32>) -> tensor<?x8xf32>
  %z = rlx.matmul %x, %v : (tensor<?x64xf32>, tensor<8x64xf32>) -> tensor<?x8xf32>
  // A scale for each channel, of codes from -7 to 7: 2.55 * i / 8 / 7
  // CONFIG: arith.constant dense<[0.045535{{[0-9]+}}, 0.091071{{[0-9]+}}, 0.136607{{[0-9]+}},
  // CONFIG: linalg.generic {{.*}} ins(%{{.*}}, %{{.*}} : tensor<?x8xf32>, tensor<8xf32>)
  // CONFIG: arith.constant -7.000000e+00 : f32
  // CHECK: arith.addf %{{.*}}, %{{.*}} {rlx.observe = "hidden"}
  %h = arith.addf %y, %z {rlx.observe = "hidden"} : tensor<?x8xf32>
  // CHECK: arith.constant 0.020078{{[0-9]+}} : f32
  // CHECK: %[[H:.*]] = linalg.generic {{.*}} outs(%{{.*}} : tensor<?x8xf32>)
  // CHECK: arith.negf %[[H]]
  %n = arith.negf %h : tensor<?x8xf32>
  // CHECK: return %{{.*}}, %arg0
  return %n, %x : tensor<?x8xf32>, tensor<?x64xf32>
}

//--- odd.json
{ "default": "none",
  "overrides": [{ "pattern": "w", "scheme": "int8/32" }, { "pattern": "hidden", "scheme": "#rlx.scheme<\"positive\", block = 1, code = ui8 at byte 0, scale = f32 in scales at (n, k) -> (0)>" },
                { "pattern": "f8", "scheme": "fp8e4m3/tensor" } ] }

//--- left.mlir
// CHECK-LABEL: func @main
// CHECK: arith.addf
// CHECK: arith.fptoui
// CHECK-NOT: arith.fpto
// expected-remark@+2 {{'w' is not quantized: 'int8/32' has scales neither for a whole value, (n, k) -> (0), nor for each channel, (n, k) -> (k)}}
// expected-remark@+1 {{'f' is not quantized: its scheme is 'none'}}
func.func @main(%x: tensor<?x64xf32>, %u: tensor<?x64xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x64xf32>) {
  %w = rlx.weight "w" : tensor<8x64xf32>
  %y = rlx.matmul %x, %w : (tensor<?x64xf32>, tensor<8x64xf32>) -> tensor<?x8xf32>
  %h = arith.addf %y, %y {rlx.observe = "hidden"} : tensor<?x8xf32>
  %f = rlx.weight "f" : tensor<8x64xf32>
  %z = rlx.matmul %u, %f : (tensor<?x64xf32>, tensor<8x64xf32>) -> tensor<?x8xf32>
  // expected-remark@+1 {{'f8' is not quantized: the record has no such value}}
  %e = arith.addf %u, %u {rlx.observe = "f8"} : tensor<?x64xf32>
  return %h, %z, %e : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x64xf32>
}

//--- errors
STRANGE: warning: no value matches 'hiden' of the configuration '{{.*}}strange.json'; did you mean 'hidden'?
NONE: error: expected the option 'record' to name a calibration record
MISSING: error: cannot use the calibration record '{{.*}}missing.json': No such file or directory
NORECORD: error: cannot use the calibration record '{{.*}}config.json': 'record': expected the key 'format'
RANGE: error: option 'range': expected one of minmax, average, percentile, entropy, but got 'most'
PERCENT: error: option 'percent': expected percent to be above 0 and at most 100, but got 0
SCHEME: error: option 'scheme': {{.*}}int8/tensr
OTHER: error: the record '{{.*}}other.json' has a value 'hiden', which the program does not have; nearest names: 'hidden'
SIZE: error: expected 'w' to have the 32 channels that the record '{{.*}}size.json' has, but dimension 1 is 64
