//===- Interleaving.h - How tiles of rows lie for devices -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_PASSES_GPU_LAYOUT_INTERLEAVING_H
#define RLX_PASSES_GPU_LAYOUT_INTERLEAVING_H

#include <cstdint>

namespace rlx {

/// How tiles of rows are interleaved.
struct Interleaving {
  int64_t rows;  ///< Of a tile.
  int64_t words; ///< Of a row that lie together: 1 or 4.
};

} // namespace rlx

#endif // RLX_PASSES_GPU_LAYOUT_INTERLEAVING_H
