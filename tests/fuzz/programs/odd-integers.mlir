// Integers of 4 and 12 bits wrap on devices too.
// input: i8 [64]
// input: i8 [64]
// input: i16 [64]
func.func @main(%x: tensor<64xi8>, %y: tensor<64xi8>, %z: tensor<64xi16>) -> (tensor<64xi8>, tensor<64xi16>) {
  %a = arith.trunci %x : tensor<64xi8> to tensor<64xi4>
  %b = arith.trunci %y : tensor<64xi8> to tensor<64xi4>
  %m = arith.muli %a, %b : tensor<64xi4>
  %c = arith.extsi %m : tensor<64xi4> to tensor<64xi8>
  %five = arith.constant dense<5> : tensor<64xi12>
  %d = arith.trunci %z : tensor<64xi16> to tensor<64xi12>
  %e = arith.addi %d, %five : tensor<64xi12>
  %f = arith.extui %e : tensor<64xi12> to tensor<64xi16>
  return %c, %f : tensor<64xi8>, tensor<64xi16>
}
