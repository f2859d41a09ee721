//===- LogicalWeight.h - Weights that several tensors make up -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Quantized checkpoints store a weight as several tensors: codes, scales, zero
// points, and more. Which of them belong together, and what scheme they are
// stored in, follows from their names, types and shapes, and from the
// configuration beside the file, by the rules of CheckpointKinds.h. The scheme
// is a text here: what it means is known to the compiler alone.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_WEIGHTS_LOGICALWEIGHT_H
#define RLX_RUNTIME_WEIGHTS_LOGICALWEIGHT_H

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rlx {

struct WeightEntry;

/// A tensor of the file, and what it is to the weight.
struct WeightPart {
  /// `codes`, or an operand of matmuls (`scales`, `zero_points`,
  /// `global_scale`, `bias`), or another word for what only belongs to it.
  std::string role;
  const WeightEntry *entry = nullptr;
  /// Where the bits of element (row, column) lie in the tensor, in the language
  /// of schemes: `ui4 at (n, k) -> (byte, bit)`. Empty where they lie as the
  /// scheme reads them. Of codes, `bytes ui8 at (n, b) -> (byte, bit)` says it
  /// of the bytes of rows of blocks, whatever they hold, and `blocks ui4 at (r,
  /// c) -> (byte, bit)` of element c of the weight's block r.
  std::string order;
  /// What becomes of the numbers when they are loaded; empty: nothing. There
  /// are `reciprocal`; `over 2688`; `plus 1`, for zero points of GPTQ;
  /// `nested`, for scales that are codes of bitsandbytes.
  std::string change;
};

struct LogicalWeight {
  std::string name; ///< That programs bind it by.
  std::string kind; ///< Of the checkpoint, as people call it.
  /// The name of a built-in scheme, or the text of one.
  std::string scheme;
  std::vector<int64_t> shape; ///< [N, K] or [E, N, K]
  std::vector<WeightPart> parts;
  /// Why it cannot be read; empty where it can.
  std::string problem = {};

  /// The part of that role; null where there is none.
  const WeightPart *find(std::string_view role) const;
};

} // namespace rlx

#endif // RLX_RUNTIME_WEIGHTS_LOGICALWEIGHT_H
