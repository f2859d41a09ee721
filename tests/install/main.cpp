// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Behind the README's C++ example: calls it with the file that ggml wrote.
#include <cstdio>
#include <vector>

int main(int argc, char **argv) {
  std::vector<float> x(4 * 512, 1), y(4 * 8);
  if (llvm::Error error = multiply(argc > 1 ? argv[1] : "", x, y)) {
    std::fprintf(stderr, "%s\n", llvm::toString(std::move(error)).c_str());
    return 1;
  }
  std::printf("result %g, its other rows %s\n", y[0],
              y[0] == y[8] && y[0] == y[24] ? "the same" : "others");
  return 0;
}
