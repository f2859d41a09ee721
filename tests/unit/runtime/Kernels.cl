// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What Kernels.spvasm does, in OpenCL C.
kernel __attribute__((reqd_work_group_size(64, 1, 1))) void
scale(global const int *in, global int *out, int count, int factor, int bias) {
  int i = get_global_id(0);
  if (i < count)
    out[i] = in[i] * factor + bias;
}

kernel __attribute__((reqd_work_group_size(64, 1, 1))) void
add(global const int *a, global const int *b, global int *out, int count) {
  int i = get_global_id(0);
  if (i < count)
    out[i] = a[i] + b[i];
}

kernel __attribute__((reqd_work_group_size(64, 1, 1))) void
gather(global const int *table, global const int *ids, global int *out,
       global int *status, int count, int bound) {
  int i = get_global_id(0);
  if (i >= count)
    return;
  int id = ids[i];
  if ((uint)id < (uint)bound) {
    out[i] = table[id];
    return;
  }
  out[i] = 0;
  if (atomic_cmpxchg((volatile global int *)status, 0, 1) == 0) {
    status[1] = i;
    status[2] = id;
  }
}
