//===- Output.h - The file that weights are written to ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// GGUF, or safetensors. The latter has no types for encoded weights: they are
// written as U8 [N, bytes of a row], and the metadata `rlx.scheme:NAME` says
// shape and scheme, by its name or, where it is a user's own, as its text. Side
// tensors stand beside it as NAME.scales, NAME.zero_points, NAME.global_scale.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_TOOLS_QUANTIZE_OUTPUT_H
#define RLX_TOOLS_QUANTIZE_OUTPUT_H

#include "runtime/weights/GgufWriter.h"
#include "runtime/weights/SafetensorsWriter.h"
#include "tools/quantize/Converter.h"

#include <map>

namespace rlx::quantize {

/// Which tensor of a step.
enum class OutputPart { weight, scales, zeroPoints, globalScale, factors };

class Output {
public:
  /// Begins a file that has all tensors of all steps. Errors: what the
  /// container has no type for, and those of its writer.
  static llvm::Expected<Output> create(const std::string &path,
                                       const Conversion &conversion);

  /// The same errors, without a file; `path` is for messages and may be empty.
  static llvm::Error check(const std::string &path,
                           const Conversion &conversion);

  /// Appends bytes of a tensor. Those of GGUF come in the order of steps and
  /// parts.
  llvm::Error append(size_t step, OutputPart part,
                     std::span<const std::byte> bytes);
  /// Gives the file its name.
  llvm::Error commit();

private:
  std::optional<GgufWriter> gguf;
  std::optional<SafetensorsWriter> safetensors;
  /// Numbers of tensors.
  std::map<std::pair<size_t, OutputPart>, size_t> indices;
};

} // namespace rlx::quantize

#endif // RLX_TOOLS_QUANTIZE_OUTPUT_H
