// Vectors and registers that no loops are built for are refused by every pass that builds for them.
// RUN: not rlx-opt %s --rlx-layout=vector-length=12 2>&1 | FileCheck %s --check-prefix=TWELVE
// RUN: not rlx-opt %s --rlx-pack-weights=vector-length=0 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not rlx-opt %s --rlx-choose-tiles=vector-length=128 2>&1 | FileCheck %s --check-prefix=MANY
// RUN: not rlx-opt %s --rlx-blocks-to-loops=vector-length=-16 2>&1 | FileCheck %s --check-prefix=NEGATIVE
// RUN: not rlx-opt %s --rlx-loops=vector-registers=0 2>&1 | FileCheck %s --check-prefix=REGISTERS
// TWELVE: error: expected the option 'vector-length' to be a power of two from 4 to 64, but got 12
// NONE: error: expected the option 'vector-length' to be a power of two from 4 to 64, but got 0
// MANY: error: expected the option 'vector-length' to be a power of two from 4 to 64, but got 128
// NEGATIVE: error: expected the option 'vector-length' to be a power of two from 4 to 64, but got -16
// REGISTERS: error: expected the option 'vector-registers' to be 16 to 1024, but got 0

func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
