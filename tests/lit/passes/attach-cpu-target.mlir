// The target is an attribute of the module: what differs from the defaults is printed.
// RUN: rlx-opt %s "--rlx-attach-cpu-target=target={#rlx.cpu<vector_bits = 256, features = [avx2, ssse3], l2 = 2097152, mr = 4, deterministic = true>}" | FileCheck %s
// RUN: rlx-opt %s "--rlx-attach-cpu-target=target={#rlx.cpu<vector_bits = 512, l1 = 32768>}" | FileCheck %s --check-prefix=USUAL
// A target that is there stays, unless another one is asked for.
// RUN: rlx-opt %s "--rlx-attach-cpu-target=target={#rlx.cpu<mr = 2>}" --rlx-attach-cpu-target | FileCheck %s --check-prefix=STAYS
// RUN: rlx-opt %s --rlx-attach-cpu-target | FileCheck %s --check-prefix=NONE

// CHECK: module attributes {rlx.target = #rlx.cpu<vector_bits = 256, l2 = 2097152, mr = 4, deterministic = true, features = [avx2, ssse3]>}
// USUAL: module attributes {rlx.target = #rlx.cpu}
// STAYS: module attributes {rlx.target = #rlx.cpu<mr = 2>}
// NONE: module {
module {
}
