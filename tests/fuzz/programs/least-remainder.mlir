// The remainder of the least number has a sign: MLIR's way to SPIR-V lost it.
// input: i8 [64]
// input: i8 [64]
func.func @main(%x: tensor<64xi8>, %y: tensor<64xi8>) -> (tensor<64xi8>, tensor<64xi32>) {
  %least = arith.constant dense<-128> : tensor<64xi8>
  %zero = arith.constant dense<0> : tensor<64xi8>
  %three = arith.constant dense<3> : tensor<64xi8>
  %mask = arith.constant dense<63> : tensor<64xi8>
  %is = arith.cmpi slt, %x, %zero : tensor<64xi8>
  %a = arith.select %is, %least, %x : tensor<64xi1>, tensor<64xi8>
  %m = arith.andi %y, %mask : tensor<64xi8>
  %d = arith.ori %m, %three : tensor<64xi8>
  %r = arith.remsi %a, %d : tensor<64xi8>
  %c = arith.constant dense<-2147483648> : tensor<64xi32>
  %w = arith.extsi %d : tensor<64xi8> to tensor<64xi32>
  %s = arith.remsi %c, %w : tensor<64xi32>
  return %r, %s : tensor<64xi8>, tensor<64xi32>
}
