//===- Awq.h - Factors of input channels by search --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Channels whose activations are large are multiplied up before the weight is
// quantized: s_j = mean|X_j|^a, over the root of the largest times the least.
// The power is the one of a grid that gives the least error of the outputs; 0,
// which changes nothing, is among them. Then the extremes of each piece that
// shares scales may be cut off where that helps. Works for every scheme, by
// quantizing and decoding.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_QUANTIZE_METHODS_AWQ_H
#define RLX_CODEGEN_QUANTIZE_METHODS_AWQ_H

#include "codegen/quantize/methods/Activations.h"
#include "codegen/quantize/methods/QuantizedWeight.h"
#include "codegen/quantize/methods/StreamWeight.h"

namespace rlx {

struct AwqOptions {
  int powers = 20;          ///< 0, 1/20, ... 19/20.
  int clips = 10;           ///< How many values of clipping are tried; 0: none.
  double mostClipped = 0.5; ///< How much of the range the last one cuts off.
  /// Importance is that of the channels before they are multiplied.
  QuantizeOptions quantize;
};

/// A weight [N, K] or [E, N, K] in f32 and what it becomes.
struct AwqWeight {
  QuantScheme scheme;
  std::vector<int64_t> shape;
  std::vector<float> values;
};

struct AwqFactors {
  double power = 0;
  /// The activations of each channel have to be divided by these.
  std::vector<double> factors;
  /// Squared errors of outputs before extremes are cut off: with these factors,
  /// and of the nearest codes.
  double error = 0, nearestError = 0;
};

struct AwqResult {
  double power = 0;
  std::vector<double> factors; ///< As those of AwqFactors.
  /// Of each weight: multiplied, clipped, quantized.
  std::vector<QuantizedWeight> weights;
  /// Squared errors of outputs: of the result, and of the nearest codes.
  double error = 0, nearestError = 0;
};

/// The factors of weights that are multiplied with the same activations; all
/// experts have the same factors. Weights have their own options, in place of
/// those of `options`. Errors: no weight, shapes that differ from that of the
/// activations, those of Quantizer.
llvm::Expected<AwqFactors> findAwqFactors(llvm::ArrayRef<RowSource> weights,
                                          const ExpertActivations &activations,
                                          const AwqOptions &options = {},
                                          PartLoop loop = runInOrder);

/// Multiplies, clips and quantizes a weight some rows at a time; gives the
/// squared error of its outputs, and their size.
llvm::Expected<SquareSums> streamAwq(const RowSource &weight,
                                     llvm::ArrayRef<double> factors,
                                     const ExpertActivations &activations,
                                     const AwqOptions &options, PartLoop loop,
                                     StoredRows &rows, StoreBlocks store);

/// Both for weights that are in memory.
llvm::Expected<AwqResult> quantizeAwq(llvm::ArrayRef<AwqWeight> weights,
                                      const Activations &activations,
                                      const AwqOptions &options = {});

} // namespace rlx

#endif // RLX_CODEGEN_QUANTIZE_METHODS_AWQ_H
