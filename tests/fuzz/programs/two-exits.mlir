// Control flow that leaves a loop in two ways: it has no value for the tensor that
// is not returned.
// input: f32 [3, 4]
// input: i32 []
func.func @main(%x: tensor<3x4xf32>, %k: tensor<i32>) -> tensor<3x4xf32> {
 %n = tensor.extract %k[] : tensor<i32>
 %c0 = arith.constant 0 : i32
 %c1 = arith.constant 1 : i32
 cf.br ^h(%x, %c0 : tensor<3x4xf32>, i32)
^h(%a: tensor<3x4xf32>, %i: i32):
 %c = arith.cmpi slt, %i, %n : i32
 cf.cond_br %c, ^b, ^e
^b:
 %b = arith.addf %a, %x : tensor<3x4xf32>
 %j = arith.addi %i, %c1 : i32
 cf.switch %j : i32, [ default: ^h(%b, %j : tensor<3x4xf32>, i32), 3: ^e2(%b : tensor<3x4xf32>) ]
^e2(%q: tensor<3x4xf32>):
 %qq = arith.negf %q : tensor<3x4xf32>
 return %qq : tensor<3x4xf32>
^e:
 return %a : tensor<3x4xf32>
}
