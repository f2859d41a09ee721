//===- GraphText.h - Operations of a model as MLIR --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes the text of functions, an operation a call. Values are tensors of f32
// where nothing else is said; their first size is the number of tokens, which
// is `?` or fixed.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_MODELS_GRAPHTEXT_H
#define RLX_CODEGEN_MODELS_GRAPHTEXT_H

#include "codegen/models/ModelConfig.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <fmt/format.h>

#include <string>
#include <vector>

namespace rlx {

/// A value of a function. A size of -1 is that of `GraphText::rows`.
struct GraphValue {
  std::string name; ///< `%x3`
  std::vector<int64_t> shape;
  std::string element = "f32";
  std::string encoding = {}; ///< `#rlx.quant<...>`, or nothing.

  std::string type() const;
};

/// The body of a function.
class GraphText {
public:
  /// For `tokens` rows, -1 being any number; `rows` is the value of the index
  /// type that says how many.
  GraphText(std::string &text, int64_t tokens, std::string rows)
      : text(text), tokens(tokens), rows(std::move(rows)) {}

  /// Values that follow have as many rows as this value says.
  void setRows(std::string value) { rows = std::move(value); }
  GraphValue fresh(std::vector<int64_t> shape);
  /// Appends a line.
  void line(llvm::StringRef content);

  /// Element by element: `body` computes %r of %a, %b, ..., the elements of
  /// `inputs`. An input that has fewer dimensions is repeated along the first
  /// ones.
  GraphValue map(llvm::ArrayRef<GraphValue> inputs, llvm::StringRef body);
  GraphValue add(const GraphValue &a, const GraphValue &b);
  /// `[..., N]` of `[..., K]` and `[N, K]`. `bias` may have no name.
  GraphValue matmul(const GraphValue &x, const GraphValue &weight,
                    const GraphValue &bias, llvm::StringRef activations);
  /// Along the last dimension: x / sqrt(mean(x^2) + epsilon) * weight.
  GraphValue rmsNorm(const GraphValue &x, const GraphValue &weight,
                     double epsilon);
  /// `[T, heads * D]` as `[T, heads, D]`, and back.
  GraphValue splitHeads(const GraphValue &x, int64_t heads);
  GraphValue joinHeads(const GraphValue &x);
  /// Columns `begin` and on, `size` of them, of `[T, N]`.
  GraphValue columns(const GraphValue &x, int64_t begin, int64_t size);
  /// Rows `first` and on, `count` of them: values of the index type.
  GraphValue rowsFrom(const GraphValue &x, llvm::StringRef first,
                      llvm::StringRef count);
  /// Cosines and sines of positions `position` and on.
  GraphValue ropeTable(llvm::StringRef position, const RopeConfig &rope,
                       const GraphValue &factors);
  GraphValue rope(const GraphValue &x, const GraphValue &table,
                  RopePairing style);
  /// `cache` with the rows of `x` from `position` on.
  GraphValue append(const GraphValue &x, const GraphValue &cache,
                    llvm::StringRef position);

  /// Along the last dimension: (x - mean) / sqrt(variance + epsilon) * weight
  /// + bias.
  GraphValue layerNorm(const GraphValue &x, const GraphValue &weight,
                       const GraphValue &bias, double epsilon);

  struct AttentionTraits {
    double scale = 1, cap = 0; ///< 0: none.
    int64_t window = 0;        ///< 0: none.
    GraphValue sinks = {};     ///< `[heads]`; may have no name.
    bool isCausal = true;      ///< Whether tokens see those before them only.
  };
  /// `[T, heads, D]` of queries of that shape and caches `[C, keyHeads, D]`,
  /// whose first `length` rows are there.
  GraphValue attention(const GraphValue &queries, const GraphValue &keys,
                       const GraphValue &values, llvm::StringRef length,
                       const AttentionTraits &traits);

  /// The `count` largest of each row of `[T, N]`, and where they are.
  struct Largest {
    GraphValue values, ids;
  };
  Largest topk(const GraphValue &x, int64_t count);
  /// Along the last dimension of `[T, N]`.
  GraphValue softmax(const GraphValue &x);
  /// `[T, S, N]` of `[T, K]` or `[T, S, K]`, `[E, N, K]` and ids `[T, S]`;
  /// `bias` may have no name.
  GraphValue gatherMatmul(const GraphValue &x, const GraphValue &weight,
                          const GraphValue &ids, const GraphValue &bias,
                          llvm::StringRef activations);
  /// `[T, N]`: the sum over s of `x[t, s, n] * weights[t, s]`.
  GraphValue weightedSum(const GraphValue &x, const GraphValue &weights);

private:
  std::string newName(llvm::StringRef stem);
  /// Digits that give the same number back.
  static std::string numberText(double number);
  std::string scalar(double number);
  GraphValue empty(const GraphValue &like);
  GraphValue filled(std::vector<int64_t> shape, double number);

  std::string &text;
  int64_t tokens;
  std::string rows;
  unsigned count = 0;
};

} // namespace rlx

#endif // RLX_CODEGEN_MODELS_GRAPHTEXT_H
