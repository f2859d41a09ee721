//===- Calibrated.h - Weights quantized for given activations ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs the algorithms that need to know what a weight is multiplied with. Such
// a weight is held in memory as a whole, and so are its activations.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_TOOLS_QUANTIZE_CALIBRATED_H
#define RLX_TOOLS_QUANTIZE_CALIBRATED_H

#include "codegen/quantize/methods/Activations.h"
#include "codegen/quantize/methods/Gptq.h"
#include "runtime/cpu/ThreadPool.h"
#include "tools/quantize/Plan.h"

#include "llvm/ADT/StringMap.h"

namespace rlx::quantize {

/// Paths of npy files by weight: rows of activations, [..., K] of f32 or f64.
using ActivationFiles = llvm::StringMap<std::string>;

llvm::Expected<Activations> readActivations(const std::string &path,
                                            int64_t columns);

/// What a program divides activations by, in a tensor beside the weight.
inline std::string factorsName(const WeightEntry &entry) {
  return entry.name + ".input_factors";
}
/// Whether an algorithm needs activations, and whether it makes such factors.
bool isCalibrated(QuantAlgorithm algorithm);
bool hasFactors(QuantAlgorithm algorithm);

struct CalibratedWeight {
  QuantizedWeight weight;
  std::vector<float> factors; ///< Of each column, or none.
  /// Squares of the outputs' error and of the outputs.
  double squaredError = 0, squaredSize = 0;
};

/// `options` are also those of other algorithms, as far as they have them.
llvm::Expected<CalibratedWeight>
quantizeCalibrated(const Step &step, std::vector<float> values,
                   const Activations &activations, const GptqOptions &options,
                   ThreadPool &pool);

} // namespace rlx::quantize

#endif // RLX_TOOLS_QUANTIZE_CALIBRATED_H
