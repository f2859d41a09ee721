// RUN: rlx-opt %s --rlx-check-states --split-input-file --verify-diagnostics

func.func @right(%x: tensor<4xf32>, %s: tensor<?xf32> {rlx.state = "s"})
    -> (tensor<?xf32> {rlx.state = "s"}, tensor<4xf32>) {
  return %s, %x : tensor<?xf32>, tensor<4xf32>
}

// -----
// expected-error @below {{expected result 0, the state 's', to be of 'tensor<4xf32>' as argument 0 is, but got 'tensor<?xf32>'}}
func.func @types(%s: tensor<4xf32> {rlx.state = "s"}, %x: tensor<?xf32>) -> (tensor<?xf32> {rlx.state = "s"}) {
  return %x : tensor<?xf32>
}

// -----
// expected-error @below {{returns the state 's' twice, as results 0 and 1}}
func.func @twice(%s: tensor<4xf32> {rlx.state = "s"}) -> (tensor<4xf32> {rlx.state = "s"}, tensor<4xf32> {rlx.state = "s"}) {
  return %s, %s : tensor<4xf32>, tensor<4xf32>
}

// -----
// expected-error @below {{takes the state 's' as argument 0, expected a result with rlx.state = "s", what it is after the call}}
func.func @not_returned(%s: tensor<4xf32> {rlx.state = "s"}) -> tensor<4xf32> {
  return %s : tensor<4xf32>
}

// -----
// expected-error @below {{returns the state 't' as result 0, expected an argument with rlx.state = "t", what it is before the call}}
func.func @not_taken(%s: tensor<4xf32>) -> (tensor<4xf32> {rlx.state = "t"}) {
  return %s : tensor<4xf32>
}

// -----
// expected-error @below {{has the state 's' twice, as arguments 0 and 1}}
func.func @two_arguments(%s: tensor<4xf32> {rlx.state = "s"}, %t: tensor<4xf32> {rlx.state = "s"}) -> (tensor<4xf32> {rlx.state = "s"}) {
  return %s : tensor<4xf32>
}

// -----
// expected-error @below {{expected rlx.state of argument 0 to be the name of a state, a string, but got unit}}
func.func @unit(%s: tensor<4xf32> {rlx.state}) -> (tensor<4xf32> {rlx.state}) {
  return %s : tensor<4xf32>
}

// -----
// expected-error @below {{expected the state 's' to be a ranked tensor, but got 'f32'}}
func.func @scalar(%s: f32 {rlx.state = "s"}) -> (f32 {rlx.state = "s"}) {
  return %s : f32
}

// -----
// expected-error @below {{argument 0 is a weight and the state 's', expected one of both}}
func.func @weight(%s: tensor<4xf32> {rlx.state = "s", rlx.weight = "w"}) -> (tensor<4xf32> {rlx.state = "s"}) {
  return %s : tensor<4xf32>
}

// -----
// expected-error @below {{has the state 's', expected states in functions that the runtime calls, and no other}}
func.func private @private(%s: tensor<4xf32> {rlx.state = "s"}) -> (tensor<4xf32> {rlx.state = "s"}) {
  return %s : tensor<4xf32>
}

// -----
// expected-error @below {{has the state 's', expected states in functions that the runtime calls, and no other}}
func.func @called(%s: tensor<4xf32> {rlx.state = "s"}) -> (tensor<4xf32> {rlx.state = "s"}) {
  return %s : tensor<4xf32>
}
func.func @caller(%s: tensor<4xf32>) -> tensor<4xf32> {
  %0 = call @called(%s) : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
