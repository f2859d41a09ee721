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
#include "codegen/quantize/methods/StreamWeight.h"

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
  /// Row `i` of U, in the order of columns: from element `i` on.
  const double *row(int64_t i) const { return factor.row(i); }

  /// About how much memory `create` and quantizing need at once, together with
  /// that of the activations, for OutputError to be computed from them as well.
  static int64_t bytesFor(int64_t rows, int64_t columns, bool ordered);

private:
  GptqHessian() = default;

  std::vector<int64_t> order;
  std::vector<bool> dead;
  UpperTriangle factor;
  bool ordered = false;
};

/// Quantizes a weight [N, K] or [E, N, K] by rows, as Quantizer does.
class GptqQuantizer {
public:
  /// Errors: other columns than the Hessian has, those of Quantizer. The
  /// Hessian has to live as long.
  static llvm::Expected<GptqQuantizer> create(QuantScheme scheme,
                                              llvm::ArrayRef<int64_t> shape,
                                              const GptqHessian &hessian,
                                              QuantizeOptions options = {});
  /// Another one from now on, of as many columns: that of the next expert.
  void use(const GptqHessian &hessian);
  GptqQuantizer(GptqQuantizer &&);
  ~GptqQuantizer();

  int64_t rowsTogether() const;
  /// As those of Quantizer.
  bool canChooseShared() const;
  llvm::Error chooseShared(
      llvm::function_ref<llvm::Expected<std::vector<float>>(int64_t expert)>
          sample,
      QuantizedBytes bytes);
  /// As Quantizer::quantizeRows.
  llvm::Error quantizeRows(llvm::ArrayRef<float> values, int64_t begin,
                           int64_t end, QuantizedBytes bytes) const;

private:
  struct Weight;
  explicit GptqQuantizer(std::unique_ptr<Weight> weight);
  std::unique_ptr<Weight> weight;
};

/// Quantizes a whole weight, its rows in parts. All experts of [E, N, K] have
/// seen the same activations.
llvm::Expected<QuantizedWeight>
quantizeGptq(QuantScheme scheme, llvm::ArrayRef<int64_t> shape,
             llvm::ArrayRef<float> values, const Activations &activations,
             const GptqOptions &options = {}, PartLoop loop = runInOrder);

/// The same some rows at a time. `activationsOf` gives those of an expert, or
/// of all of them at once, whose number is 0: there are `sets` of activations.
/// Gives the squared error of outputs, and their size.
llvm::Expected<SquareSums> streamGptq(
    const RowSource &weight, int64_t sets,
    llvm::function_ref<llvm::Expected<Activations>(int64_t set)> activationsOf,
    const GptqOptions &options, PartLoop loop, StoredRows &rows,
    StoreBlocks store);

} // namespace rlx

#endif // RLX_CODEGEN_QUANTIZE_METHODS_GPTQ_H
