//===- SmoothQuant.h - Factors from activations to weights ------*- C++ -*-===//
//-*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// X W^T = (X / s) (W s)^T for a factor s of each input channel. With
// s_j = max|X_j|^alpha / max|W_j|^(1 - alpha), what is hard to quantize in
// activations is shared with the weights. Weights that are multiplied with the
// same activations share factors: their maxima are taken together.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_QUANTIZE_METHODS_SMOOTHQUANT_H
#define RLX_CODEGEN_QUANTIZE_METHODS_SMOOTHQUANT_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

#include <vector>

namespace rlx {

/// Smaller maxima count as this, so that no factor is 0 or infinite.
constexpr double leastMaximum = 1e-5;

/// The largest magnitude in each column of rows of `columns` numbers.
std::vector<double> columnMaxima(llvm::ArrayRef<float> weight, int64_t columns);

/// The factor of each channel. Errors: alpha outside of [0, 1], numbers of
/// channels that differ, maxima that are negative or not finite.
llvm::Expected<std::vector<double>>
smoothFactors(llvm::ArrayRef<double> activationMaxima,
              llvm::ArrayRef<double> weightMaxima, double alpha);

/// Rows of a weight with their columns multiplied by the factors, and of
/// activations with their columns divided. Nothing is rounded but the product.
std::vector<double> timesFactors(llvm::ArrayRef<float> rows,
                                 llvm::ArrayRef<double> factors);
std::vector<double> overFactors(llvm::ArrayRef<float> rows,
                                llvm::ArrayRef<double> factors);

} // namespace rlx

#endif // RLX_CODEGEN_QUANTIZE_METHODS_SMOOTHQUANT_H
