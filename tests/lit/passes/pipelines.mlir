// The pipelines, each on what the one before it leaves.
// RUN: rlx-opt %s --rlx-import | FileCheck %s --check-prefix=IMPORT
// RUN: rlx-opt %s --rlx-import --rlx-layout | FileCheck %s --check-prefix=LAYOUT
// RUN: rlx-opt %s --rlx-import --rlx-layout --rlx-bufferize | FileCheck %s --check-prefix=BUFFERS "--implicit-check-not=tensor<"
// RUN: rlx-opt %s --rlx-import --rlx-layout --rlx-bufferize --rlx-loops | FileCheck %s --check-prefix=LOOPS
// RUN: rlx-opt %s --rlx-cpu | FileCheck %s --check-prefix=LLVM
// Each leaves what can be read again.
// RUN: rlx-opt %s --rlx-import | rlx-opt --rlx-layout | rlx-opt --rlx-bufferize | rlx-opt --rlx-loops | rlx-opt --rlx-llvm | FileCheck %s --check-prefix=LLVM
// The target decides on the vectors.
// RUN: rlx-opt %s --rlx-import --rlx-layout --rlx-bufferize "--rlx-loops=target={#rlx.cpu<vector_bits = 256, vector_registers = 16>}" | FileCheck %s --check-prefix=NARROW

// IMPORT-LABEL: func @main(
// IMPORT-SAME: %[[X:[a-z0-9]+]]: tensor<?x64xf32>, %[[W:[a-z0-9]+]]: tensor<100x64xf32, #rlx.quant<int8/32>> {rlx.weight = "w"}, %[[S:[a-z0-9]+]]: tensor<100x2xf32> {rlx.weight = "w.scales"})
// IMPORT: %[[Y:.*]] = rlx.matmul %[[X]], %[[W]] scales(%[[S]])
// IMPORT-NEXT: return %[[Y]]
// IMPORT-NOT: func

// LAYOUT-LABEL: func @main(
// LAYOUT-SAME: tensor<100x64xi8>
// LAYOUT: rlx.block_matmul ins(
// LAYOUT-NOT: #rlx.quant<int8/32>>

// BUFFERS-LABEL: func @main(
// BUFFERS-SAME: %[[X:[a-z0-9]+]]: memref<?x64xf32>, %[[W:[a-z0-9]+]]: memref<100x64xi8> {rlx.weight = "w"}, %[[S:[a-z0-9]+]]: memref<100x2xf32> {rlx.weight = "w.scales"}, %[[Y:[a-z0-9]+]]: memref<?x100xf32> {bufferize.result})
// BUFFERS-NEXT: rlx.block_matmul ins(%[[X]], %[[W]]) scales(%[[S]]) outs(%[[Y]])
// BUFFERS-NEXT: return
// BUFFERS-LABEL: func @main.shapes(
// BUFFERS-SAME: memref<2xi64> {bufferize.result})

// LOOPS-LABEL: func @main(
// LOOPS: rlx.parallel_for @main.parallel0
// LOOPS: func private @main.parallel0(
// LOOPS-NOT: rlx.decode
// LOOPS: vector.fma {{.*}} : vector<16xf32>
// NARROW: vector.fma {{.*}} : vector<8xf32>
// NARROW-NOT: vector<16xf32>

// LLVM-NOT: rlx.
// LLVM-NOT: builtin.unrealized_conversion_cast
// LLVM: llvm.func @rlx_parallel_for(!llvm.ptr, !llvm.ptr, i64)
// LLVM: llvm.func @main(
// LLVM: llvm.call @rlx_parallel_for(
// LLVM: llvm.func @_mlir_ciface_main(
// LLVM: llvm.func @_mlir_ciface_main.shapes(

func.func private @layer(%x: tensor<?x64xf32>) -> tensor<?x100xf32> {
  %w = rlx.weight "w" : tensor<100x64xf32, #rlx.quant<int8/32>>
  %s = rlx.weight "w.scales" : tensor<100x2xf32>
  %v = rlx.dequantize %w scales(%s) : (tensor<100x64xf32, #rlx.quant<int8/32>>, tensor<100x2xf32>) -> tensor<100x64xf32>
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %m = tensor.dim %x, %c0 : tensor<?x64xf32>
  %empty = tensor.empty(%m) : tensor<?x100xf32>
  %zeros = linalg.fill ins(%zero : f32) outs(%empty : tensor<?x100xf32>) -> tensor<?x100xf32>
  %y = linalg.matmul indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>, affine_map<(m, n, k) -> (m, n)>]
      ins(%x, %v : tensor<?x64xf32>, tensor<100x64xf32>) outs(%zeros : tensor<?x100xf32>) -> tensor<?x100xf32>
  return %y : tensor<?x100xf32>
}

func.func @main(%x: tensor<?x64xf32>) -> tensor<?x100xf32> {
  %y = func.call @layer(%x) : (tensor<?x64xf32>) -> tensor<?x100xf32>
  return %y : tensor<?x100xf32>
}
