//===- Architectures.h - What architectures differ in -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Decoders of text are the same but for some traits. An architecture is a row
// of them, by the name that GGUF files have in `general.architecture`. What a
// file says itself (sizes, biases, which layers have windows) is no trait.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_MODELS_ARCHITECTURES_H
#define RLX_CODEGEN_MODELS_ARCHITECTURES_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

namespace rlx {

/// Which elements of a head are turned together: neighbours, or those of the
/// two halves.
enum class RopePairing { pairs, halves };

/// What the gate of a feed-forward layer goes through.
enum class Activation {
  silu,          ///< x / (1 + exp(-x))
  gelu,          ///< by tanh: D. Hendrycks, K. Gimpel (2016)
  clampedSwiglu, ///< silu(1.702 x) / 1.702 below 7, times (up + 1) in -7 to 7
};

struct Architecture {
  llvm::StringLiteral name;
  llvm::StringLiteral models; ///< For people: who has it.
  RopePairing rope = RopePairing::pairs;
  Activation activation = Activation::silu;
  /// Whether embeddings are multiplied by the root of their length.
  bool scalesEmbedding = false;
  /// The tensor that scales what goes into the feed-forward layer.
  llvm::StringLiteral feedForwardNorm = "ffn_norm";
  /// Whether heads of queries and keys are normalized.
  bool headNorms = false;
  /// Whether what attention and feed-forward layers give is normalized.
  bool postNorms = false;
  /// Whether queries, keys and values are one weight, and gate and up.
  bool isFused = false;
  /// Whether feed-forward layers are experts, each of which counts as much as
  /// the softmax of the chosen ones says.
  bool hasExperts = false;
  bool hasSinks = false;
  /// Of so many layers in a row all but the last see a window, where the file
  /// has one; 0: none does.
  int64_t windowPeriod = 0;
  /// Where those layers turn their heads by another base: which one, and the
  /// others' scaling is not theirs.
  double windowRopeBase = 0;
  /// Models of so many layers scale scores by the root of the hidden size
  /// divided by the heads, not of the size of a head, and no key says so.
  int64_t hiddenScaleLayers = 0;
  /// Keys that GGUF files have beside the sizes: caps of scores and logits.
  bool hasCaps = false;
};

/// All of them, in the order of the table.
llvm::ArrayRef<Architecture> architectures();
/// The one of that name. Fails, naming those there are.
llvm::Expected<const Architecture *> findArchitecture(llvm::StringRef name);

} // namespace rlx

#endif // RLX_CODEGEN_MODELS_ARCHITECTURES_H
