// Scales that loops choose are code like any other; a search needs RLX's own
// library.
// RUN: sed 's/SCHEME/gguf_q5_1/' %s > %t.mlir
// RUN: rlx-compile %t.mlir --emit object -o %t.o
// RUN: sed 's/SCHEME/gguf_q4k/' %s > %t.search.mlir
// RUN: rm -f %t.search.o
// RUN: not rlx-compile %t.search.mlir --emit object -o %t.search.o 2>&1 | FileCheck %s
// RUN: not ls %t.search.o
// CHECK: search.mlir:[[#]]:8: error: 'rlx.quantize' to 'gguf_q4k' chooses scales by a search in RLX's own library, which code in a file has not; expected a rule that loops follow, such as rule "absmax 7", or the program to be run by rlx-run

func.func @main(%x: tensor<2x256xf32>) -> tensor<2x256xf32> {
  %q = rlx.quantize %x : (tensor<2x256xf32>) -> tensor<2x256xf32, #rlx.quant<SCHEME>>
  %y = rlx.dequantize %q : (tensor<2x256xf32, #rlx.quant<SCHEME>>) -> tensor<2x256xf32>
  return %y : tensor<2x256xf32>
}
