// Where a program has an operation without machine code, its line is named.
// RUN: split-file %s %t
// RUN: rlx-opt %t/fine.mlir --rlx-check-lowered | FileCheck %t/fine.mlir
// RUN: not rlx-opt %t/left.mlir --rlx-check-lowered 2>&1 | FileCheck %t/left.mlir
// RUN: not rlx-opt %t/small-float.mlir --rlx-llvm 2>&1 | FileCheck %t/small-float.mlir --implicit-check-not=error:
// RUN: not rlx-opt %t/softmax.mlir --rlx-llvm 2>&1 | FileCheck %t/softmax.mlir --implicit-check-not=error:

//--- fine.mlir
// CHECK-LABEL: llvm.func @fine
llvm.func @fine(%x: i32) -> i32 {
  llvm.return %x : i32
}

//--- left.mlir
llvm.func @left(%x: i32) -> i64 {
  // CHECK: left.mlir:[[#@LINE+1]]:{{.*}}: error: a value of type 'i32' is used as 'index', which has no machine code on a CPU
  %0 = builtin.unrealized_conversion_cast %x : i32 to index
  %1 = builtin.unrealized_conversion_cast %0 : index to i64
  llvm.return %1 : i64
}

//--- small-float.mlir
func.func @small_float(%x: f32) -> i8 {
  // CHECK: small-float.mlir:[[#@LINE+1]]:{{.*}}: error: 'arith.truncf' of f32 to f8E4M3FN has no machine code on a CPU, expected another operation, or other types
  %y = arith.truncf %x : f32 to f8E4M3FN
  %z = arith.bitcast %y : f8E4M3FN to i8
  return %z : i8
}

//--- softmax.mlir
func.func @softmax(%x: memref<4x16xf32>, %y: memref<4x16xf32>) {
  // CHECK: softmax.mlir:[[#@LINE+1]]:{{.*}}: error: 'linalg.softmax' of memref<4x16xf32> has no machine code on a CPU
  linalg.softmax dimension(1) ins(%x : memref<4x16xf32>) outs(%y : memref<4x16xf32>)
  return
}
