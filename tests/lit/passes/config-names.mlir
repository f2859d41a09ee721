// A configuration may name layers that the program does not have: of another model, or misspelt.
// RUN: split-file %s %t
// RUN: rlx-opt %t/program.mlir --rlx-annotate=%t/config.json 2>&1 | FileCheck %s
// RUN: rlx-opt %t/program.mlir --rlx-smooth-activations=config=%t/config.json 2>&1 | FileCheck %s
// RUN: rlx-opt %t/program.mlir --rlx-annotate=%t/known.json 2>&1 | FileCheck %s --check-prefix=KNOWN

// CHECK: warning: no weight matches 'blk.0.atn_q.weight' and 1 others of the configuration '{{.*}}config.json'; did you mean 'blk.0.attn_q.weight'?
// KNOWN-NOT: warning

//--- config.json
{ "overrides": [ { "pattern": "blk.0.atn_q.weight", "scheme": "gguf_q8_0" }, { "pattern": "none of *", "scheme": "none" } ] }
//--- known.json
{ "overrides": [ { "pattern": "blk.0.attn_q.weight", "scheme": "gguf_q8_0" } ] }
//--- program.mlir
func.func @main(%x: tensor<1x64xf32>) -> tensor<1x8xf32> {
  %w = rlx.weight "blk.0.attn_q.weight" : tensor<8x64xf32>
  %y = rlx.matmul %x, %w : (tensor<1x64xf32>, tensor<8x64xf32>) -> tensor<1x8xf32>
  return %y : tensor<1x8xf32>
}
