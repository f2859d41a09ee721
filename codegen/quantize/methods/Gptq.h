//===- Gptq.h - Codes that make up for each other's errors ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Columns of a weight are quantized one after the other; the error of each is
// spread over the columns that are still to come, so that the outputs on given
// activations change least. With H = X^T X, damped, and U^T U = H^-1, U upper
// triangular: e = (w_j - q_j) / U_jj, then w_k -= e U_jk for k > j. Scales are
// chosen from the weight as it is when the first of their columns comes, or,
// where columns are ordered by activations, from the weight as it was. Works
// for every scheme.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_QUANTIZE_METHODS_GPTQ_H
#define RLX_CODEGEN_QUANTIZE_METHODS_GPTQ_H

#include "codegen/quantize/methods/Activations.h"
#include "codegen/quantize/methods/QuantizedWeight.h"

#include <memory>

namespace rlx {

struct GptqOptions {
  /// What is added to the diagonal of H, of its mean.
  double damping = 0.01;
  /// Columns whose activations are largest come first.
  bool ordered = false;
  /// Rows that are quantized together share what is read of the Hessian.
  int64_t rowsAtOnce = 64;
  QuantizeOptions quantize;
};

/// What follows from activations alone, for all weights of as many columns that
/// were multiplied with them.
class GptqHessian {
public:
  /// Errors: damping that is negative or not finite, activations from which
  /// nothing can be computed.
  static llvm::Expected<GptqHessian> create(const Activations &activations,
                                            double damping, bool ordered);

  int64_t columns() const { return int64_t(order.size()); }
  /// The columns in the order in which they are quantized.
  llvm::ArrayRef<int64_t> columnOrder() const { return order; }
  bool isOrdered() const { return ordered; }
  /// Whether all activations of a column are 0: its weights do not matter.
  bool isDead(int64_t column) const { return dead[column]; }
  /// Row `i` of U, in the order of columns.
  const double *row(int64_t i) const { return factor.data() + i * columns(); }

private:
  GptqHessian() = default;

  std::vector<int64_t> order;
  std::vector<bool> dead;
  std::vector<double> factor;
  bool ordered = false;
};

/// Quantizes a weight [N, K] by rows, as Quantizer does.
class GptqQuantizer {
public:
  /// Errors: another rank, other columns than the Hessian has, those of
  /// Quantizer. The Hessian has to live as long.
  static llvm::Expected<GptqQuantizer> create(QuantScheme scheme,
                                              llvm::ArrayRef<int64_t> shape,
                                              const GptqHessian &hessian,
                                              QuantizeOptions options = {});
  GptqQuantizer(GptqQuantizer &&);
  ~GptqQuantizer();

  int64_t rowsTogether() const;
  /// As Quantizer::quantizeRows.
  llvm::Error quantizeRows(llvm::ArrayRef<float> values, int64_t begin,
                           int64_t end, QuantizedBytes bytes) const;

private:
  struct Weight;
  explicit GptqQuantizer(std::unique_ptr<Weight> weight);
  std::unique_ptr<Weight> weight;
};

/// Calls `body` for parts 0 to `parts`, one after the other or on threads, and
/// gives the first error.
using PartLoop = llvm::function_ref<llvm::Error(
    int64_t parts, llvm::function_ref<llvm::Error(int64_t part)> body)>;
llvm::Error runInOrder(int64_t parts,
                       llvm::function_ref<llvm::Error(int64_t)> body);

/// Quantizes a whole weight, its rows in parts.
llvm::Expected<QuantizedWeight>
quantizeGptq(QuantScheme scheme, llvm::ArrayRef<int64_t> shape,
             llvm::ArrayRef<float> values, const Activations &activations,
             const GptqOptions &options = {}, PartLoop loop = runInOrder);

} // namespace rlx

#endif // RLX_CODEGEN_QUANTIZE_METHODS_GPTQ_H
