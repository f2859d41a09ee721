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
#include "tools/quantize/Imatrix.h"
#include "tools/quantize/Plan.h"

#include "llvm/ADT/StringMap.h"

#include <optional>

namespace rlx::quantize {

/// What is known of the activations that weights are multiplied with.
struct ActivationSource {
  /// Paths of npy files by weight: rows of activations, [..., K] of f32 or f64.
  llvm::StringMap<std::string> files;
  /// Statistics of channels, for weights that have no file.
  std::optional<CalibrationRecord> record;

  /// Whether anything is known of a weight's; enough for that algorithm.
  bool has(llvm::StringRef weight) const {
    return files.count(weight) || statisticsOf(weight);
  }
  bool hasFor(llvm::StringRef weight, QuantAlgorithm algorithm) const;
  /// Those that are used for a weight: null where it has a file, or none.
  const ValueStatistics *statisticsOf(llvm::StringRef weight) const;
  /// The same for weights that are multiplied with the same value: the file, or
  /// the value's name in the record.
  std::string valueOf(llvm::StringRef weight) const;
  /// Of a weight that has some.
  llvm::Expected<Activations> read(llvm::StringRef weight,
                                   int64_t columns) const;
};

/// A record is of another program than the weights where it has none of their
/// names, and of another size of it where channels differ: errors. Names that
/// no weight has are worth a warning.
llvm::Error checkRecord(const std::string &path,
                        const CalibrationRecord &record,
                        const WeightSource &source);
/// Files of rows in a folder, by the values of the record, if there is one,
/// else by the weights' own names. Error: none for any weight.
llvm::Error addFolder(llvm::StringRef folder, const WeightSource &source,
                      ActivationSource &activations);
/// Mean squares of channels become the importance of columns, of weights that
/// `imatrix` says nothing of.
void addImportance(const ActivationSource &activations,
                   const WeightSource &source, Imatrix &imatrix);

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

/// A weight to be quantized.
struct CalibratedInput {
  const Step *step;
  std::vector<float> values;
};

/// Weights that share activations and factors, with the algorithm of the first
/// of them. `options` are also those of other algorithms, as far as they have
/// them.
llvm::Expected<std::vector<CalibratedWeight>>
quantizeCalibrated(llvm::ArrayRef<CalibratedInput> inputs,
                   const Activations &activations, const GptqOptions &options,
                   ThreadPool &pool);

} // namespace rlx::quantize

#endif // RLX_TOOLS_QUANTIZE_CALIBRATED_H
