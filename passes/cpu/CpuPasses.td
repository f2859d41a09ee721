//===- CpuPasses.td - Kernels for a CPU, LLVM --------------*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_PASSES_CPU_CPUPASSES_TD
#define RLX_PASSES_CPU_CPUPASSES_TD

include "mlir/Pass/PassBase.td"

def AttachCpuTargetPass : Pass<"rlx-attach-cpu-target", "::mlir::ModuleOp"> {
  let summary = "Say in the module which CPU its kernels are for";
  let description = [{
    Sets `rlx.target`, which the passes for a CPU read, to the option's #rlx.cpu.
    Without the option a target that is there stays. A feature that no kernel uses
    is an error.

    ```mlir
    module { ... }
    ==>
    module attributes {rlx.target = #rlx.cpu<vector_bits = 256, features = [avx2]>} { ... }
    ```
  }];
  let options = [
    Option<"target", "target", "std::string", "\"\"", "a #rlx.cpu attribute">
  ];
  let dependentDialects = ["::rlx::RlxDialect"];
}

def PackWeightsPass : Pass<"rlx-pack-weights", "::mlir::ModuleOp"> {
  let summary = "Give matmuls with integer activations a packed weight";
  let description = [{
    A matmul with activations = i8, i16 or i24 whose scheme has integer codes becomes a
    packing of its weight and a matmul on the packed weight. Any other is left to
    --rlx-blocks-to-loops, which rounds the activations and computes in f32. A
    remark says what becomes of weights that are to be reencoded.

    ```mlir
    %y = rlx.block_matmul ins(%x, %w) outs(%init) {scheme = #rlx.quant<gguf_q8_0>, activations = i8} : ...
    ==>
    %p = rlx.pack_weight ins(%w) outs(%empty) {scheme = #rlx.quant<gguf_q8_0>, layout = #rlx.packed<lanes = 16, k_block = 64, group = 32, block_bytes = 1088, steps = [1]>}
        : (tensor<8x68xi8>, tensor<1088xi8>) -> tensor<1088xi8>
    %y = rlx.packed_matmul ins(%x, %p) outs(%init) {scheme = #rlx.quant<gguf_q8_0>, activations = i8, layout = #rlx.packed<...>} : ...
    ```
  }];
  let options = [
    Option<"printChoices", "print-choices", "bool", "false", "remark what was chosen, and why">
  ];
  let dependentDialects = ["::mlir::tensor::TensorDialect"];
}

def CopyStridedOperandsPass : Pass<"rlx-copy-strided-operands", "::mlir::func::FuncOp"> {
  let summary = "Copy operands of kernels that are strided in their rows";
  let description = [{
    Loops of block operations read vectors along the last dimension. Operands on
    buffers whose last dimension has a stride are copied before the operation; a
    result is copied after it.

    ```mlir
    rlx.block_matmul ins(%x, %w) ... : (memref<3x64xf32, strided<[128, 2]>>, ...)
    ==>
    %plain = memref.alloc() : memref<3x64xf32>
    memref.copy %x, %plain
    rlx.block_matmul ins(%plain, %w) ... : (memref<3x64xf32>, ...)
    memref.dealloc %plain
    ```
  }];
  let dependentDialects = ["::mlir::memref::MemRefDialect"];
}

def BlocksToLoopsPass : Pass<"rlx-blocks-to-loops", "::mlir::func::FuncOp"> {
  let summary = "Turn operations on stored bytes into tiled loops around rlx.decode";
  let description = [{
    A matmul becomes a parallel loop over tiles of N. For one row of activations
    the loop decodes vectors along K and multiplies them at once. For more, a
    panel of the tile is decoded, transposed so that a lane is an output row, and
    shared by register tiles of activation rows. The whole weight is never in
    memory in decoded form.

    ```mlir
    rlx.block_matmul ins(%x, %w) outs(%y) {scheme = #rlx.quant<gguf_q8_0>, activations = f32} : ...
    ==>
    scf.forall (%tile) in (%tiles) {
      scf.for %n = ... {
        %sum = scf.for %block = ... {
          %v = rlx.decode %w[%n, %block] at 0 {scheme = #rlx.quant<gguf_q8_0>} : memref<8x68xi8> -> vector<16xf32>
    ```
  }];
  let dependentDialects = ["::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect",
                           "::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect",
                           "::mlir::affine::AffineDialect", "::mlir::math::MathDialect",
                           "::mlir::LLVM::LLVMDialect"];
}

def FuseContractionsPass : Pass<"rlx-fuse-contractions", "::mlir::func::FuncOp"> {
  let summary = "Put elementwise operations beside the contractions before them";
  let description = [{
    An elementwise operation that is the first to read the result of a contraction
    moves behind it, and both into an `scf.execute_region` with `rlx.fused`, from
    which rlx-contractions-to-loops makes loops that apply the operation to sums as
    soon as they are complete: in registers, where `rlx.fused` says that nobody else
    reads the sums, else to those of a unit of work. The contraction writes where
    the operation does, where nothing else is there. Nothing moves over what writes
    what it reads. With `print-choices`, a remark says why one is not fused.

    ```mlir
    linalg.matmul ins(%a, %b : memref<8x64xf32>, memref<64x32xf32>) outs(%c : memref<8x32xf32>)
    linalg.generic ... ins(%c, %bias : memref<8x32xf32>, memref<32xf32>) outs(%y : memref<8x32xf32>)
    ==>
    scf.execute_region {
      linalg.matmul ins(%a, %b : ...) outs(%y : memref<8x32xf32>)
      linalg.generic ... ins(%y, %bias : ...) outs(%y : memref<8x32xf32>)
      scf.yield
    } {rlx.fused = true}
    ```
  }];
  let options = [
    Option<"printChoices", "print-choices", "bool", "false", "remark what is not fused, and why">
  ];
  let dependentDialects = ["::mlir::scf::SCFDialect", "::mlir::memref::MemRefDialect"];
}

def ContractionsToLoopsPass : Pass<"rlx-contractions-to-loops", "::mlir::func::FuncOp"> {
  let summary = "Turn contractions of linalg on buffers into tiled loops";
  let description = [{
    Named or generic, of any order of loops and dimensions: what adds products of
    two numbers becomes a parallel loop over parts of the result. For each, a K
    block of one factor is packed into a panel, a lane a column, and rows of the
    other are multiplied with it in register tiles. A single row is multiplied
    without panels; a convolution is a contraction for each place in its window.
    Factors are converted while they are packed; pairs of bf16 and
    of integers of 16 bits, and four integers of 8 bits, become a word where the
    target multiplies such. Sums of f16 and bf16 are kept in f32. With
    `print-choices`, a remark says what was chosen.

    ```mlir
    linalg.matmul ins(%a, %b : memref<256x1024xf32>, memref<1024x512xf32>) outs(%c : memref<256x512xf32>)
    ==>
    scf.forall (%unit) in (%units) {
      scf.for %k = ... {
        ... // b[k .. k + 256, n .. n + 64] into %panel
        scf.for %m = ... {
          %sums:24 = scf.for %i = ... {
            %w = vector.load %panel[%group, %i, %c0] : memref<4x256x16xf32>, vector<16xf32>
            %s = vector.fma %x, %w, %sum : vector<16xf32>
    ```
  }];
  let options = [
    Option<"printChoices", "print-choices", "bool", "false", "remark what was chosen, and why">
  ];
  let dependentDialects = ["::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect",
                           "::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect",
                           "::mlir::affine::AffineDialect", "::mlir::math::MathDialect",
                           "::mlir::LLVM::LLVMDialect"];
}

def LinalgToLoopsPass : Pass<"rlx-linalg-to-loops", "::mlir::func::FuncOp"> {
  let summary = "Turn operations of linalg on buffers into loops";
  let description = [{
    Loops over single numbers, of which LLVM makes vectors: the innermost one goes
    along memory, reductions carry what they add up, and may add in any order but
    where the target is deterministic. Where a dimension is contiguous in one
    buffer and another one in the other, both are cut into squares. Outer loops
    become a parallel one where there is enough to do. Operations that follow each
    other and go through the same rows, each reading of the others nothing but its
    own row, go through a row together; a buffer that they alone use has one row.
    With `print-choices`, a remark says what was chosen.

    ```mlir
    linalg.reduce { arith.addf } ins(%x : memref<4096x4096xf32>) outs(%y : memref<4096xf32>) dimensions = [1]
    ==>
    scf.forall (%call) in (%calls) {
      scf.for %i = ... {
        %sum = scf.for %j = ... iter_args(%s = %start) -> f32 {
          %next = arith.addf %v, %s fastmath<reassoc> : f32
    ```
  }];
  let options = [
    Option<"printChoices", "print-choices", "bool", "false", "remark what was chosen, and why">
  ];
  let dependentDialects = ["::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect",
                           "::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect",
                           "::mlir::affine::AffineDialect"];
}

def CopiesToLinalgPass : Pass<"rlx-copies-to-linalg", "::mlir::func::FuncOp"> {
  let summary = "Turn copies between strided buffers into linalg operations";
  let description = [{
    Copies of buffers that lie side by side become calls of memcpy later; others
    would need MLIR's runner library, which compiled code does not link.

    ```mlir
    memref.copy %a, %b : memref<8x8xf32, strided<[16, 1]>> to memref<8x8xf32>
    ==>
    linalg.generic ... ins(%a) outs(%b) { yield }
    ```
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect"];
}

def ExpandTargetOpsPass : Pass<"rlx-expand-target-ops", "::mlir::func::FuncOp"> {
  let summary = "Expand rlx.dot, rlx.lookup and rlx.extract_bits for the target's instructions";
  let description = [{
    ```mlir
    %s = rlx.dot %codes, %activations, %sum below 16 : vector<64xi8>, vector<16xi32>
    ==>
    %s = llvm.call_intrinsic "llvm.x86.avx512.vpdpbusd.512"(%sum, %codes, %activations) : ...
    ```
    Without such instructions it becomes arith and vector operations. With
    `avx512vbmi`, bits of bytes that are shifted and masked are looked up by one
    instruction where they are among the six that it looks at.
  }];
  let dependentDialects = ["::mlir::vector::VectorDialect", "::mlir::arith::ArithDialect",
                           "::mlir::LLVM::LLVMDialect"];
}

def ChooseTilesPass : Pass<"rlx-choose-tiles", "::mlir::func::FuncOp"> {
  let summary = "Choose how the loops of matmuls are cut";
  let description = [{
    Sets `tiles` where it is missing, by what a description costs to decode, the
    target's registers and caches, and the shape (passes/cpu/TileChoice.h). Sizes
    that #rlx.cpu gives replace those of the choice; `print-choices` prints what
    was chosen.

    ```mlir
    rlx.packed_matmul ... {activations = i8, ...}
    ==>
    rlx.packed_matmul ... {activations = i8, ..., tiles = #rlx.tiles<mr = 8, ...>}
    ```
  }];
  let options = [
    Option<"printChoices", "print-choices", "bool", "false", "remark what was chosen, and why">
  ];
}

def ApproximateMathPass : Pass<"rlx-approximate-math", "::mlir::func::FuncOp"> {
  let summary = "Expand functions of f32 into arithmetic that vectors can compute";
  let description = [{
    Formulas of additions, multiplications and operations on bits, right for all of
    f32 (docs/numerics.md has their errors); calls of the C library would take
    vectors apart. Functions of f16 and bf16 are computed in f32 and rounded once;
    those of f64 stay calls, but for log1p and expm1.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
}

def LowerViewsAndVectorsPass : Pass<"rlx-lower-views-and-vectors", "::mlir::ModuleOp"> {
  let summary = "Lower what convert-to-llvm does not take, where there is any";
  let description = [{
    MLIR's expand-strided-metadata for views of buffers, visiting nothing else, and
    its convert-vector-to-scf and convert-vector-to-llvm where operations on vectors
    are not of the kinds that convert-to-llvm takes by itself. Most kernels have
    none, and all three visit each operation to find that.

    ```mlir
    %1 = memref.collapse_shape %0 [[0, 1]] : memref<4x16xf32> into memref<64xf32>
    ==>
    %base, %offset, %sizes:2, %strides:2 = memref.extract_strided_metadata %0
    %1 = memref.reinterpret_cast %base to offset: [0], sizes: [64], strides: [1]
    ```
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
                           "::mlir::LLVM::LLVMDialect", "::mlir::vector::VectorDialect"];
}

def CallMathPass : Pass<"rlx-call-math", "::mlir::ModuleOp"> {
  let summary = "Call libm for the operations that LLVM has no intrinsics for";
  let description = [{
    MLIR's convert-math-to-libm, and the calls in the LLVM dialect, where math
    operations are left behind convert-to-llvm; most programs have none, and both
    passes take their time to find that.

    ```mlir
    %0 = math.cbrt %x : f32
    ==>
    %0 = llvm.call @cbrtf(%x) : (f32) -> f32
    ```
  }];
  let dependentDialects = ["::mlir::func::FuncDialect", "::mlir::LLVM::LLVMDialect",
                           "::mlir::vector::VectorDialect"];
}

def OrderStreamsPass : Pass<"rlx-order-streams", "::mlir::ModuleOp"> {
  let summary = "Keep the loads of streams in order";
  let description = [{
    A load that is nontemporal, of data that is read once from the first byte to
    the last, becomes volatile: LLVM then keeps such loads in order, which the
    processor's own prefetching needs.

    ```mlir
    %0 = llvm.load %p {alignment = 1 : i64, nontemporal} : !llvm.ptr -> vector<64xi8>
    ==>
    %0 = llvm.load volatile %p {alignment = 1 : i64} : !llvm.ptr -> vector<64xi8>
    ```
  }];
}

def OutlineParallelPass : Pass<"rlx-outline-parallel", "::mlir::ModuleOp"> {
  let summary = "Move the bodies of parallel loops into functions called through the host";
  let description = [{
    The body of each scf.forall that is not inside another becomes a function of a
    range of indices and the values it uses; the loop becomes rlx.parallel_for.

    ```mlir
    scf.forall (%i) in (%n) { use(%i, %x) }
    ==>
    rlx.parallel_for @main.parallel0 count %n captures(%x) : memref<8xf32>

    func.func private @main.parallel0(%begin: index, %end: index, %x: memref<8xf32>) {
      scf.for %i = %begin to %end step %c1 { use(%i, %x) }
    ```
  }];
  let dependentDialects = ["::mlir::scf::SCFDialect", "::mlir::func::FuncDialect",
                           "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
                           "::mlir::LLVM::LLVMDialect", "::rlx::RlxDialect"];
}

#endif
