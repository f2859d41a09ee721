//===- Calibrated.h - Weights quantized for given activations ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs the algorithms that need to know what a weight is multiplied with. Rows
// of weights stream; activations are in memory, or the sums of their products.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_TOOLS_QUANTIZE_CALIBRATED_H
#define RLX_TOOLS_QUANTIZE_CALIBRATED_H

#include "codegen/quantize/methods/Activations.h"
#include "codegen/quantize/methods/Gptq.h"
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
  /// Of a weight that has some: of all experts, or of each.
  llvm::Expected<ExpertActivations> read(const WeightEntry &entry) const;
  /// How many sets of them there are, and one of them.
  llvm::Expected<int64_t> sets(const WeightEntry &entry) const;
  llvm::Expected<Activations> readSet(const WeightEntry &entry,
                                      int64_t set) const;
  /// About how much memory an algorithm needs for a weight's, in bytes.
  llvm::Expected<int64_t> bytesFor(const Step &step, bool ordered) const;
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

/// A weight that is quantized.
struct CalibratedInput {
  const Step *step;
  RowSource rows;
};

/// The factors of weights that share activations, by the algorithm of the first
/// of them, in numbers of f32.
llvm::Expected<std::vector<double>>
findFactors(llvm::ArrayRef<CalibratedInput> inputs,
            const ActivationSource &activations, PartLoop loop);

/// Quantizes a weight; gives the squared error of its outputs, and their size.
/// `factors` are those of its columns, or none. `options` are those of GPTQ.
llvm::Expected<SquareSums> streamCalibrated(const CalibratedInput &input,
                                            llvm::ArrayRef<double> factors,
                                            const ActivationSource &activations,
                                            const GptqOptions &options,
                                            PartLoop loop, StoredRows &rows,
                                            StoreBlocks store);

/// How often a step looks at each number of its weight.
double passesOf(const Step &step);

/// Weights without activations get the nearest numbers, and a note. Error: none
/// that has a method has any.
llvm::Error settleAlgorithms(std::vector<Step> &steps,
                             const ActivationSource &activations);

} // namespace rlx::quantize

#endif // RLX_TOOLS_QUANTIZE_CALIBRATED_H
