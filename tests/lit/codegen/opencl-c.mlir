// What kernels look like as OpenCL C. That they compute the right thing is
// tested by running them (tests/unit/codegen).

// RUN: rlx-compile --emit opencl-c %s | FileCheck %s
// RUN: rlx-compile --emit opencl-c %s -o %t.cl
// RUN: rlx-compile --emit opencl-c %s -o - | diff - %t.cl

// CHECK:      // Kernels of 'kernels'.
// CHECK-EMPTY:
// CHECK-NEXT: #pragma OPENCL FP_CONTRACT OFF
// CHECK-NOT:  cl_khr_fp16
gpu.module @kernels {

// CHECK:      int byte_dot_int(int a, int b) {
// CHECK-NEXT: #ifdef __opencl_c_integer_dot_product_input_4x8bit_packed
// CHECK-NEXT:   return dot_4x8packed_ss_int(as_uint(a), as_uint(b));
// CHECK-NEXT: #else
// CHECK: int floor_divide_int(int a, int b) {

// CHECK: __constant float codebook[4] = {0.0f, -1.0f, 0.1f, INFINITY};
memref.global constant @codebook : memref<4xf32> =
  dense<[0.0, -1.0, 0.1, 0x7f800000]>
// CHECK: __constant char steps[2][3] = {{[{][{]}}1, 2, 3}, {-1, -2, -128}};
memref.global constant @steps : memref<2x3xi8> =
  dense<[[1, 2, 3], [-1, -2, -128]]>

// A function that kernels call.
// CHECK:      float twice(float x);
// CHECK:      float twice(float x) {
// CHECK-NEXT:   return x + x;
// CHECK-NEXT: }
func.func @twice(%x: f32 {rlx.name = "x"}) -> f32 {
  %y = arith.addf %x, %x : f32
  func.return %y : f32
}

// A whole kernel: what is used once is part of an expression, sums that are
// carried are updated in place.
// CHECK:      __kernel __attribute__((reqd_work_group_size(256, 1, 1)))
// CHECK-NEXT: void matvec(__global const float *restrict a, __global const int4 *w, __global float *y, int m,
// CHECK-NEXT:     int k) {
// CHECK-NEXT:   __local float tile[256];
// CHECK-NEXT:   int lane = (int)get_local_id(0);
// CHECK-NEXT:   int row = (int)get_group_id(0);
// CHECK-NEXT:   int words = floor_divide_int(k, 8);
// CHECK-NEXT:   float sum = 0.0f;
// CHECK-NEXT:   for (int i0 = lane; i0 < words; i0 += 256) {
// CHECK-NEXT:     int4 [[W:.*]] = w[row * words + i0];
// CHECK-NEXT:     int [[I:.*]] = i0 * 8;
// CHECK:          as_int4(as_uint4([[W]]) >> 4) & 15
// CHECK:          vload4(0, a + [[I]])
// CHECK:          sum += [[S:.*]].x + [[S]].y + [[S]].z + [[S]].w;
// CHECK-NEXT:   }
// CHECK-NEXT:   tile[lane] = sum;
// CHECK-NEXT:   barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE);
// CHECK-NEXT:   int [[N:.*]] = 128;
// CHECK-NEXT:   while ([[N]] > 0) {
// CHECK-NEXT:     if (lane < [[N]]) {
// CHECK-NEXT:       tile[lane] += tile[lane + [[N]]];
// CHECK-NEXT:     }
// CHECK-NEXT:     barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE);
// CHECK-NEXT:     [[N]] /= 2;
// CHECK-NEXT:   }
// CHECK-NEXT:   if (lane == 0) {
// CHECK-NEXT:     y[row] = tile[0];
// CHECK-NEXT:   }
// CHECK-NEXT: }
gpu.func @matvec(
    %a: memref<?xf32> {rlx.name = "a", rlx.no_alias},
    %w: memref<?xvector<4xi32>> {rlx.name = "w"},
    %y: memref<?xf32> {rlx.name = "y"},
    %m: i32 {rlx.name = "m"}, %k: i32 {rlx.name = "k"})
    workgroup(%t : memref<256xf32, #gpu.address_space<workgroup>> {rlx.name = "tile"})
    kernel
    attributes {known_block_size = array<i32: 256, 1, 1>} {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %c4 = arith.constant 4 : index
  %c8 = arith.constant 8 : index
  %c128 = arith.constant 128 : index
  %c256 = arith.constant 256 : index
  %zero = arith.constant 0.0 : f32
  %mask = arith.constant dense<15> : vector<4xi32>
  %four = arith.constant dense<4> : vector<4xi32>
  %tid = gpu.thread_id x loc("lane")
  %row = gpu.block_id x loc("row")
  %kk = arith.index_cast %k : i32 to index
  %words = arith.floordivsi %kk, %c8 : index loc("words")
  %sum = scf.for %i = %tid to %words step %c256
      iter_args(%acc = %zero) -> f32 {
    %base = arith.muli %row, %words : index
    %at = arith.addi %base, %i : index
    %word = memref.load %w[%at] : memref<?xvector<4xi32>>
    %low = arith.andi %word, %mask : vector<4xi32>
    %h = arith.shrui %word, %four : vector<4xi32>
    %high = arith.andi %h, %mask : vector<4xi32>
    %lf = arith.sitofp %low : vector<4xi32> to vector<4xf32>
    %hf = arith.uitofp %high : vector<4xi32> to vector<4xf32>
    %ai = arith.muli %i, %c8 : index
    %x0 = vector.load %a[%ai] : memref<?xf32>, vector<4xf32>
    %ai4 = arith.addi %ai, %c4 : index
    %x1 = vector.load %a[%ai4] : memref<?xf32>, vector<4xf32>
    %p = arith.mulf %lf, %x0 : vector<4xf32>
    %q = vector.fma %hf, %x1, %p : vector<4xf32>
    %s = vector.reduction <add>, %q : vector<4xf32> into f32
    %next = arith.addf %acc, %s : f32
    scf.yield %next : f32
  } loc("sum")
  memref.store %sum, %t[%tid] : memref<256xf32, #gpu.address_space<workgroup>>
  gpu.barrier
  %left = scf.while (%n = %c128) : (index) -> index {
    %more = arith.cmpi sgt, %n, %c0 : index
    scf.condition(%more) %n : index
  } do {
  ^bb0(%n: index):
    %active = arith.cmpi slt, %tid, %n : index
    scf.if %active {
      %other = arith.addi %tid, %n : index
      %u = memref.load %t[%tid] : memref<256xf32, #gpu.address_space<workgroup>>
      %v = memref.load %t[%other] : memref<256xf32, #gpu.address_space<workgroup>>
      %uv = arith.addf %u, %v : f32
      memref.store %uv, %t[%tid] : memref<256xf32, #gpu.address_space<workgroup>>
    }
    gpu.barrier
    %half = arith.divui %n, %c2 : index
    scf.yield %half : index
  }
  %first = arith.cmpi eq, %tid, %c0 : index
  scf.if %first {
    %r = memref.load %t[%c0] : memref<256xf32, #gpu.address_space<workgroup>>
    memref.store %r, %y[%row] : memref<?xf32>
  }
  gpu.return
}

// What is read from memory is read before memory changes.
// CHECK:      void order(__global float *arg0, int arg1) {
// CHECK-NEXT:   float [[A:.*]] = arg0[0];
// CHECK-NEXT:   arg0[0] = arg0[1];
// CHECK-NEXT:   arg0[1] = [[A]];
// CHECK-NEXT:   float [[B:.*]] = arg0[2] + 1.0f;
// CHECK-NEXT:   barrier(
// CHECK-NEXT:   arg0[arg1] = [[B]];
// CHECK-NEXT: }
gpu.func @order(%p: memref<?xf32>, %i: i32) kernel {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %one = arith.constant 1.0 : f32
  %at = arith.index_cast %i : i32 to index
  %a = memref.load %p[%c0] : memref<?xf32>
  %b = memref.load %p[%c1] : memref<?xf32>
  memref.store %b, %p[%c0] : memref<?xf32>
  memref.store %a, %p[%c1] : memref<?xf32>
  %c = memref.load %p[%c2] : memref<?xf32>
  %d = arith.addf %c, %one : f32
  gpu.barrier
  memref.store %d, %p[%at] : memref<?xf32>
  gpu.return
}

// Loops whose values change places, and nested ones that carry one value.
// CHECK:      void fibonacci(
// CHECK:        int [[A:.*]] = 0;
// CHECK-NEXT:   int [[B:.*]] = 1;
// CHECK-NEXT:   for (int i0 = 0; i0 < 10; ++i0) {
// CHECK-NEXT:     int [[C:.*]] = (int)((uint)[[A]] + (uint)[[B]]);
// CHECK-NEXT:     [[A]] = [[B]];
// CHECK-NEXT:     [[B]] = [[C]];
// CHECK-NEXT:   }
// CHECK:        for (int i0 = 0; i0 < 4; ++i0) {
// CHECK-NEXT:     for (int i1 = i0; i1 < 8; ++i1) {
// CHECK-NEXT:       if (i1 < 3) {
// CHECK-NEXT:         float [[T:.*]] = twice([[F:.*]]);
// CHECK-NEXT:         [[F]] = [[T]];
// CHECK-NEXT:       } else {
// CHECK-NEXT:         [[F]] -= 1.0f;
// CHECK-NEXT:       }
// CHECK-NEXT:     }
// CHECK-NEXT:   }
gpu.func @fibonacci(%p: memref<?xi32>, %q: memref<?xf32>) kernel {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %c4 = arith.constant 4 : index
  %c8 = arith.constant 8 : index
  %c10 = arith.constant 10 : index
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %minus = arith.constant -1.0 : f32
  %r:2 = scf.for %i = %c0 to %c10 step %c1
      iter_args(%a = %zero, %b = %one) -> (i32, i32) {
    %sum = arith.addi %a, %b : i32
    scf.yield %b, %sum : i32, i32
  }
  memref.store %r#0, %p[%c0] : memref<?xi32>
  %start = memref.load %q[%c0] : memref<?xf32>
  %s = scf.for %i = %c0 to %c4 step %c1 iter_args(%a = %start) -> f32 {
    %t = scf.for %j = %i to %c8 step %c1 iter_args(%b = %a) -> f32 {
      %isLow = arith.cmpi slt, %j, %c3 : index
      %n = scf.if %isLow -> f32 {
        %d = func.call @twice(%b) : (f32) -> f32
        scf.yield %d : f32
      } else {
        %d = arith.addf %b, %minus : f32
        scf.yield %d : f32
      }
      scf.yield %n : f32
    }
    scf.yield %t : f32
  }
  memref.store %s, %q[%c0] : memref<?xf32>
  gpu.return
}

// Arrays of the work-item, tables, halves without cl_khr_fp16.
// CHECK:      void tables(__global const half *arg0, __global half *arg1, __global uchar *arg2) {
// CHECK-NEXT:   float [[T:.*]][2][3];
// CHECK-NEXT:   [[T]][1][2] = vload_half(3, arg0) * codebook[3];
// CHECK-NEXT:   vstore_half_rte([[T]][1][2], 0, arg1 + 1);
// CHECK-NEXT:   arg2[0] = arg2[1] != 0 && steps[1][2] == 3;
gpu.func @tables(%p: memref<?xf16>, %q: memref<?xf16>, %b: memref<?xi1>) kernel {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %three = arith.constant 3 : i8
  %t = memref.alloca() : memref<2x3xf32>
  %h = memref.load %p[%c3] : memref<?xf16>
  %f = arith.extf %h : f16 to f32
  %table = memref.get_global @codebook : memref<4xf32>
  %factor = memref.load %table[%c3] : memref<4xf32>
  %product = arith.mulf %f, %factor : f32
  memref.store %product, %t[%c1, %c2] : memref<2x3xf32>
  %u = memref.load %t[%c1, %c2] : memref<2x3xf32>
  %g = arith.truncf %u : f32 to f16
  memref.store %g, %q[%c1] : memref<?xf16>
  %steps = memref.get_global @steps : memref<2x3xi8>
  %step = memref.load %steps[%c1, %c2] : memref<2x3xi8>
  %isThree = arith.cmpi eq, %step, %three : i8
  %flag = memref.load %b[%c1] : memref<?xi1>
  %both = arith.andi %flag, %isThree : i1
  memref.store %both, %b[%c0] : memref<?xi1>
  gpu.return
}

// Ops made from one are told apart from those made from another.
// CHECK:      void origins(
// CHECK-NEXT:   // matmul
// CHECK-NEXT:   arg0[1] = arg0[0] + arg0[0];
// CHECK-NEXT:   // relu
// CHECK-NEXT:   arg0[2] = fmax(arg0[1], 0.0f);
gpu.func @origins(%p: memref<?xf32>) kernel {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %zero = arith.constant 0.0 : f32
  %a = memref.load %p[%c0] : memref<?xf32> loc("matmul")
  %a2 = memref.load %p[%c0] : memref<?xf32> loc("matmul")
  %b = arith.addf %a, %a2 : f32 loc("matmul")
  memref.store %b, %p[%c1] : memref<?xf32> loc("matmul")
  %c = memref.load %p[%c1] : memref<?xf32> loc("relu")
  %d = arith.maxnumf %c, %zero : f32 loc("relu")
  memref.store %d, %p[%c2] : memref<?xf32> loc("relu")
  gpu.return
}

// Names are those of the program, unless OpenCL C has a use for them.
// CHECK: void naming(__global float *float_, __global float *x0_1, __global float *max_1) {
// CHECK-NEXT: float v7_ = float_[0] * 2.0f;
gpu.func @naming(%p: memref<?xf32> {rlx.name = "float"},
    %q: memref<?xf32> {rlx.name = "0.1"},
    %r: memref<?xf32> {rlx.name = "max"}) kernel {
  %c0 = arith.constant 0 : index
  %two = arith.constant 2.0 : f32
  %a = memref.load %p[%c0] : memref<?xf32>
  %b = arith.mulf %a, %two : f32 loc("v7")
  memref.store %b, %p[%c0] : memref<?xf32>
  memref.store %b, %q[%c0] : memref<?xf32>
  memref.store %b, %r[%c0] : memref<?xf32>
  gpu.return
}

// Devices that do not have the function do without.
// CHECK: void products(__global int *arg0) {
// CHECK-NEXT: arg0[2] = byte_dot_int(arg0[0], arg0[1]);
gpu.func @products(%p: memref<?xi32>) kernel {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %a = memref.load %p[%c0] : memref<?xi32>
  %b = memref.load %p[%c1] : memref<?xi32>
  %s = spirv.SDot %a, %b, <PackedVectorFormat4x8Bit> : i32 -> i32
  memref.store %s, %p[%c2] : memref<?xi32>
  gpu.return
}

}
