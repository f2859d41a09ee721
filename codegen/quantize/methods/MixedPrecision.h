//===- MixedPrecision.h - A scheme for each layer by its error --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Measures what each scheme costs each layer, in bits and in the error of
// outputs, and chooses one for each such that all together keep to a given
// average of bits at the least sum of errors.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_QUANTIZE_METHODS_MIXEDPRECISION_H
#define RLX_CODEGEN_QUANTIZE_METHODS_MIXEDPRECISION_H

#include "codegen/quantize/methods/StreamWeight.h"
#include "ir/QuantConfig.h"

namespace rlx {

/// What a layer costs with a scheme.
struct SchemeCost {
  QuantScheme scheme;
  int64_t bits; ///< Of the whole weight with its side tensors.
  /// Squared, of the outputs for a row of activations on average.
  double error;
};

struct LayerSensitivity {
  std::string name;
  int64_t elements;
  std::vector<SchemeCost> costs;
};

/// Quantizes a weight with each of the schemes that take its shape, some rows
/// at a time; its own scheme and what its options call it do not count. Without
/// activations, channels are taken to be independent, with importance as their
/// mean squares, or 1. Errors: no scheme that takes it, those of Quantizer.
llvm::Expected<LayerSensitivity>
measureSensitivity(llvm::StringRef name, const RowSource &weight,
                   const ExpertActivations *activations,
                   llvm::ArrayRef<QuantScheme> schemes,
                   PartLoop loop = runInOrder);
/// The same for a weight in memory.
llvm::Expected<LayerSensitivity>
measureSensitivity(llvm::StringRef name, llvm::ArrayRef<int64_t> shape,
                   llvm::ArrayRef<float> values, const Activations *activations,
                   llvm::ArrayRef<QuantScheme> schemes,
                   QuantizeOptions options = {});

struct MixedPrecision {
  QuantConfig config;         ///< An override for each layer.
  std::vector<size_t> chosen; ///< Of each layer, among its costs.
  double averageBits = 0, error = 0;
};

/// The least error that the average allows: exact, but for models whose layers
/// have so many different sizes that sums of bits have to be put together; the
/// average is kept in any case. Errors: no layer, an average that even the
/// smallest schemes exceed.
llvm::Expected<MixedPrecision>
chooseSchemes(llvm::ArrayRef<LayerSensitivity> layers, double averageBits);

} // namespace rlx

#endif // RLX_CODEGEN_QUANTIZE_METHODS_MIXEDPRECISION_H
