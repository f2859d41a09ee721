// Vectors and registers that no loops are built for are refused by every pass that builds for them.
// RUN: not rlx-opt %s "--rlx-layout=target={#rlx.cpu<vector_bits = 384>}" 2>&1 | FileCheck %s --check-prefix=TWELVE
// RUN: not rlx-opt %s "--rlx-attach-cpu-target=target={#rlx.cpu<vector_bits = 0>}" --rlx-pack-weights 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not rlx-opt %s "--rlx-attach-cpu-target=target={#rlx.cpu<vector_bits = 4096>}" --rlx-choose-tiles 2>&1 | FileCheck %s --check-prefix=MANY
// RUN: not rlx-opt %s "--rlx-attach-cpu-target=target={#rlx.cpu<vector_bits = -512>}" --rlx-blocks-to-loops 2>&1 | FileCheck %s --check-prefix=NEGATIVE
// RUN: not rlx-opt %s "--rlx-loops=target={#rlx.cpu<vector_registers = 0>}" 2>&1 | FileCheck %s --check-prefix=REGISTERS
// TWELVE: error: expected vector_bits to be a power of two from 128 to 2048, but got 384
// NONE: error: expected vector_bits to be a power of two from 128 to 2048, but got 0
// MANY: error: expected vector_bits to be a power of two from 128 to 2048, but got 4096
// NEGATIVE: error: expected vector_bits to be a power of two from 128 to 2048, but got -512
// REGISTERS: error: expected vector_registers to be 16 to 1024, but got 0

func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}

// RUN: not rlx-opt %s "--rlx-attach-cpu-target=target={#rlx.cpu<features = [avx512vni]>}" 2>&1 | FileCheck %s --check-prefix=FEATURE
// RUN: not rlx-opt %s "--rlx-attach-cpu-target=target={#rlx.cpu<vector_bit = 256>}" 2>&1 | FileCheck %s --check-prefix=FIELD
// RUN: not rlx-opt %s "--rlx-attach-cpu-target=target={#rlx.gpu<vulkan>}" 2>&1 | FileCheck %s --check-prefix=KIND
// RUN: not rlx-opt %s "--rlx-attach-cpu-target=target={#rlx.cpu<deterministic = 1>}" 2>&1 | FileCheck %s --check-prefix=FLAG
// FEATURE: error: no kernel uses the feature 'avx512vni'; did you mean 'avx512vnni' or
// FIELD: error: #rlx.cpu has no field 'vector_bit'; did you mean 'vector_bits'
// KIND: error: expected the option 'target' to be a #rlx.cpu attribute, but got '#rlx.gpu<vulkan>'
// FLAG: error: expected deterministic to be true or false, but got 1
