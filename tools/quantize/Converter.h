//===- Converter.h - Quantizes a file ---------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Follows a plan (Plan.h): reads rows, quantizes them on all threads, writes
// them, and forgets them, so that files of any size need little memory. Says at
// the end what each weight has become.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_TOOLS_QUANTIZE_CONVERTER_H
#define RLX_TOOLS_QUANTIZE_CONVERTER_H

#include "tools/quantize/Calibrated.h"
#include "tools/quantize/Imatrix.h"

namespace rlx::quantize {

struct Conversion {
  const WeightSource &source;
  std::vector<Step> steps;
  Imatrix imatrix;
  ActivationSource activations;
  QuantScheme scheme; ///< Of most weights: what `general.file_type` says.
  unsigned numThreads = 0;
  GptqOptions gptq = {};
  WeightContainer output = WeightContainer::gguf;
  bool allowNonFinite = false; ///< Where a scheme has codes for such numbers.
};

/// What became of a weight. Errors are those of its numbers, or, where it was
/// quantized for activations, of its outputs.
struct Outcome {
  double squaredError = 0, squaredSize = 0;
  double relativeError() const;
};

/// Writes the file. Errors leave nothing behind.
llvm::Expected<std::vector<Outcome>> convert(const Conversion &conversion,
                                             const std::string &output);

/// The errors of `convert` that follow from names, types and shapes, without
/// writing anything. `output` may be empty.
llvm::Error checkOutput(const Conversion &conversion,
                        const std::string &output);

/// Bits per weight and sizes, weight by weight and in all; errors where there
/// are `outcomes`.
void printSummary(const Conversion &conversion,
                  llvm::ArrayRef<Outcome> outcomes, llvm::raw_ostream &stream);

} // namespace rlx::quantize

#endif // RLX_TOOLS_QUANTIZE_CONVERTER_H
