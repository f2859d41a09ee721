// Integers of 4 and 12 bits wrap on devices too.
// input: i8 [64]
// input: i16 [64]
func.func @main(%x: tensor<64xi8>, %y: tensor<64xi16>) -> (tensor<64xi8>, tensor<64xi16>, tensor<64xi16>) {
  %a = arith.trunci %x : tensor<64xi8> to tensor<64xi4>
  %m = arith.muli %a, %a : tensor<64xi4>
  %b = arith.extsi %m : tensor<64xi4> to tensor<64xi8>
  %c = arith.trunci %y : tensor<64xi16> to tensor<64xi12>
  %d = arith.addi %c, %c : tensor<64xi12>
  %e = arith.extui %d : tensor<64xi12> to tensor<64xi16>
  %f = arith.extsi %b : tensor<64xi8> to tensor<64xi16>
  return %b, %e, %f : tensor<64xi8>, tensor<64xi16>, tensor<64xi16>
}
