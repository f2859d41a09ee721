/*===- ForeignHost.c - Calls compiled functions on another processor ------===
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * What is linked to an object for a machine that runs in an emulator. It knows
 * nothing of the program: tensors and calls come from a file, the tensors that
 * calls fill go to another one. The file is 64-bit integers and bytes:
 *
 *   count, then for each tensor: rank, sizes, bytes of an element, whether its
 *     content follows, content
 *   count, then for each call: entry, number of tensors, tensors
 *
 * `entries` is linked from a table that the test writes.
 *
 *===----------------------------------------------------------------------===*/

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern void (*const entries[])(void **arguments);

/* The loop in two parts, the last one first: iterations may run in any order.
 */
void rlx_parallel_for(void (*body)(void *, int64_t, int64_t), void *closure,
                      int64_t count) {
  int64_t half = count / 2;
  if (half < count)
    body(closure, half, count);
  if (half > 0)
    body(closure, 0, half);
}

void rlx_report_index(const char *what, int64_t position, int64_t value,
                      int64_t bound) {
  fprintf(stderr, "%s at position %" PRId64 ": %" PRId64 " of %" PRId64 "\n",
          what, position, value, bound);
  exit(3);
}

void rlx_fail(const char *message, const int64_t *values, int64_t count) {
  (void)values, (void)count;
  fprintf(stderr, "%s\n", message);
  exit(3);
}

void *rlx_allocate(int64_t bytes, int64_t boundary) {
  return aligned_alloc(boundary, (bytes + boundary - 1) / boundary * boundary);
}

void rlx_release(void *memory) { free(memory); }

static void die(const char *what) {
  fprintf(stderr, "%s\n", what);
  exit(2);
}

static int64_t number(FILE *file) {
  int64_t value;
  if (fread(&value, sizeof value, 1, file) != 1)
    die("the input ends early");
  return value;
}

enum { mostRanks = 4, alignment = 64 };
struct Tensor {
  /* A memref of any rank as compiled code takes it. */
  int64_t descriptor[3 + 2 * mostRanks];
  char *data;
  size_t bytes;
  int isGiven;
};

static void readTensor(struct Tensor *tensor, FILE *file) {
  int64_t rank = number(file), elements = 1;
  if (rank < 0 || rank > mostRanks)
    die("a rank that is not expected");
  for (int64_t i = 0; i < rank; ++i)
    tensor->descriptor[3 + i] = number(file);
  for (int64_t i = rank; i-- > 0;) {
    tensor->descriptor[3 + rank + i] = elements;
    elements *= tensor->descriptor[3 + i];
  }
  tensor->bytes = (size_t)(elements * number(file));
  size_t padded = (tensor->bytes + alignment) / alignment * alignment;
  tensor->data = aligned_alloc(alignment, padded);
  if (!tensor->data)
    die("out of memory");
  /* What nobody writes is no number. */
  memset(tensor->data, 0xff, padded);
  tensor->descriptor[0] = tensor->descriptor[1] = (int64_t)tensor->data;
  tensor->descriptor[2] = 0;
  tensor->isGiven = number(file) != 0;
  if (tensor->isGiven && fread(tensor->data, 1, tensor->bytes, file) !=
                             tensor->bytes)
    die("the input ends early");
}

int main(int argc, char **argv) {
  if (argc != 3)
    die("usage: host INPUT OUTPUT");
  FILE *input = fopen(argv[1], "rb"), *output = fopen(argv[2], "wb");
  if (!input || !output)
    die("a file cannot be opened");
  int64_t count = number(input);
  struct Tensor *tensors = calloc((size_t)count, sizeof *tensors);
  if (!tensors)
    die("out of memory");
  for (int64_t i = 0; i < count; ++i)
    readTensor(&tensors[i], input);
  for (int64_t calls = number(input); calls-- > 0;) {
    enum { mostArguments = 16 };
    void *arguments[mostArguments];
    int64_t entry = number(input), used = number(input);
    if (used > mostArguments)
      die("more arguments than expected");
    for (int64_t i = 0; i < used; ++i)
      arguments[i] = tensors[number(input)].descriptor;
    entries[entry](arguments);
  }
  for (int64_t i = 0; i < count; ++i)
    if (!tensors[i].isGiven &&
        fwrite(tensors[i].data, 1, tensors[i].bytes, output) !=
            tensors[i].bytes)
      die("the output cannot be written");
  return fclose(output) == 0 ? 0 : 2;
}
