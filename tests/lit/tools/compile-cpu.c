/* Calls compile-cpu.mlir through its header, with nothing of RLX but its code.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * With an argument, sizes are wrong. */

#define RLX_IMPLEMENTATION
#include "program.h"

#include <math.h>
#include <stdio.h>

enum { rows = 3, n = 32, k = 64, blockBytes = 34 };
static uint8_t weight[n][k / 32 * blockBytes], packed[RLX_PACK0_packed_BYTES];
static float x[rows][k], y[rows][n];

static int code(int i, int j) { return (i * 7 + j * 3) % 15 - 7; }

static void fill(void) {
  for (int i = 0; i < n; ++i)
    for (int block = 0; block < k / 32; ++block) {
      uint8_t *bytes = weight[i] + block * blockBytes;
      bytes[1] = 0x1c; /* 2^-8 in f16: small enough for exp. */
      for (int j = 0; j < 32; ++j)
        bytes[2 + j] = (uint8_t)code(i, block * 32 + j);
    }
  for (int m = 0; m < rows; ++m)
    for (int j = 0; j < k; ++j)
      x[m][j] = (float)(j % 32 == 31 ? 127 : (m * 5 + j) % 9 - 4) / 64;
}

static int check(const char *what) {
  for (int m = 0; m < rows; ++m)
    for (int i = 0; i < n; ++i) {
      double sum = 0;
      for (int j = 0; j < k; ++j)
        sum += x[m][j] * (double)code(i, j) / 256;
      if (!(fabs(sum - y[m][i]) < 1e-5)) {
        printf("%s: expected %g at [%d, %d], got %g\n", what, sum, m, i,
               y[m][i]);
        return 1;
      }
    }
  printf("%s: as expected\n", what);
  return 0;
}

int main(int argc, char **argv) {
  (void)argv;
  int64_t sizes[2];
  float zero = 0;
  fill();
  if (argc > 1)
    rlx_run_sum(x[0], 3, x[1], 4, &zero, y[0]);
  rlx_shapes_main(x[0], rows, weight[0], sizes);
  printf("sizes: %d x %d\n", (int)sizes[0], (int)sizes[1]);
  rlx_run_main(x[0], rows, weight[0], y[0]);
  int wrong = check("in place");
  rlx_pack0_packed(weight[0], packed);
  rlx_run_packed(x[0], packed, y[0]);
  return wrong + check("packed");
}
