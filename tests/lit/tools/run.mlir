// From a GGUF file that ggml wrote to numbers that ggml computed.
// RUN: python3 %S/npy.py gguf %golden/ggml-types.gguf activations %t.x.npy
// RUN: python3 %S/npy.py gguf %golden/ggml-types.gguf q4_K.matmul %t.ggml.npy
// RUN: rm -f %t.y.npy
// RUN: rlx-run %s --entry main --weights %golden/ggml-types.gguf --input %t.x.npy --output %t.y.npy --threads 2 --verify \
// RUN:   | FileCheck %s --check-prefix=VERIFY
// VERIFY-NOT: {{.}}
// VERIFY:     verify: result 0: relative error {{[1-9](\.[0-9])?}}e-07, largest difference {{[0-9.e-]+}} at [{{[0-2]}}, {{[0-7]}}] (expected {{[-0-9.]+}}, got {{[-0-9.]+}})
// VERIFY-NOT: {{.}}

// RUN: python3 %S/npy.py show %t.y.npy | FileCheck %s --check-prefix=SHOW
// SHOW: <f4 (3, 8)
// RUN: python3 %S/npy.py diff %t.y.npy %t.ggml.npy | FileCheck %s --check-prefix=DIFF
// DIFF: {{[1-9]\.[0-9]e-07}}

// Without an output, the first values.
// RUN: rlx-run %s --weights %golden/ggml-types.gguf --input %t.x.npy | FileCheck %s --check-prefix=VALUES
// VALUES: result 0: f32 [3, 8] = {{[-0-9.]+( [-0-9.]+)*}} ...

// RUN: rlx-run %s --weights %golden/ggml-types.gguf --input %t.x.npy --verify --benchmark --json --threads 1 > %t.json
// RUN: python3 -m json.tool --sort-keys %t.json | FileCheck %s --check-prefix=JSON
// JSON:      "bound": {{[0-9.]+}}e-0{{[56]}},
// JSON-NEXT: "compile_ms": {{[0-9.]+}},
// JSON-NEXT: "entry": "main",
// JSON-NEXT: "from_cache": false,
// JSON-NEXT: "kernels": [
// JSON-NEXT:   "in place, f32"
// JSON-NEXT: ],
// JSON-NEXT: "max_ms": {{[0-9.e-]+}},
// JSON-NEXT: "median_ms": {{[0-9.e-]+}},
// JSON-NEXT: "min_ms": {{[0-9.e-]+}},
// JSON-NEXT: "peak_rss_bytes": {{[0-9]+}},
// JSON-NEXT: "results": [
// JSON-NEXT:   {
// JSON-NEXT:     "bound": {{[0-9.]+}}e-0{{[56]}},
// JSON-NEXT:     "rel_err": {{[0-9.]+}}e-07,
// JSON-NEXT:     "shape": [
// JSON-NEXT:       3,
// JSON-NEXT:       8
// JSON-NEXT:     ],
// JSON-NEXT:     "type": "tensor<3x8xf32>"
// JSON-NEXT:   }
// JSON-NEXT: ],
// JSON-NEXT: "runs": {{[0-9]+}},
// JSON-NEXT: "threads": 1

// RUN: rlx-run %s --weights %golden/ggml-types.gguf --input %t.x.npy --benchmark | FileCheck %s --check-prefix=TIME
// TIME: main: median {{[0-9.]+}} ms, {{[0-9.]+}} to {{[0-9.]+}} ms in {{[0-9]+}} runs, {{[0-9]+}} threads

// What is chosen can be chosen otherwise: the kernels are others, and right.
// RUN: sed 's/rlx.matmul %%x, %%w/& {activations = i8}/' %s > %t.i8.mlir
// RUN: rlx-run %t.i8.mlir --weights %golden/ggml-types.gguf --input %t.x.npy --output %t.y4.npy --choices "vector_bits=128" --json \
// RUN:   | FileCheck %s --check-prefix=CHOICES
// CHOICES: "packed i8, 4 rows a tile, K block 256"
// RUN: rlx-run %t.i8.mlir --weights %golden/ggml-types.gguf --input %t.x.npy --output %t.y8.npy --choices "vector_bits=256"
// RUN: python3 %S/npy.py diff %t.y4.npy %t.y8.npy | FileCheck %s --check-prefix=SAME
// SAME: {{^(0|.*e-0[789])}}

// The second time the object comes from the cache.
// RUN: rm -rf %t.cache
// RUN: rlx-run %s --weights %golden/ggml-types.gguf --input %t.x.npy --cache-dir %t.cache --json | FileCheck %s --check-prefix=FIRST
// FIRST: "from_cache": false
// RUN: rlx-run %s --weights %golden/ggml-types.gguf --input %t.x.npy --cache-dir %t.cache --json | FileCheck %s --check-prefix=SECOND
// SECOND: "from_cache": true

func.func @main(%x: tensor<3x512xf32>) -> tensor<3x8xf32> {
  %w = rlx.weight "q4_K.quantized" : tensor<8x512xf32, #rlx.quant<gguf_q4k>>
  %y = rlx.matmul %x, %w : (tensor<3x512xf32>, tensor<8x512xf32, #rlx.quant<gguf_q4k>>) -> tensor<3x8xf32>
  return %y : tensor<3x8xf32>
}
