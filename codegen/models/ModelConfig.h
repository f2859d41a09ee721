//===- ModelConfig.h - The sizes of a model ---------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the metadata of a GGUF file says of a model, checked: every number that
// is used is in its range, and every tensor that is needed has the shape that
// the numbers say.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_MODELS_MODELCONFIG_H
#define RLX_CODEGEN_MODELS_MODELCONFIG_H

#include "codegen/models/Architectures.h"
#include "runtime/weights/Gguf.h"

#include <optional>
#include <vector>

namespace rlx {

/// How positions turn heads.
struct RopeConfig {
  int64_t dims = 0; ///< Of a head; the others stay as they are.
  double base = 10000;
  /// Positions are multiplied by it (linear scaling; yarn at low frequencies).
  double scale = 1;
  /// B. Peng et al., YaRN (2023), by the context the model was trained on.
  bool isYarn = false;
  double originalContext = 0, betaFast = 32, betaSlow = 1;
  /// The table is multiplied by it.
  double factor = 1;
  /// Frequencies are divided by them: a tensor of the file, or none.
  std::string factors;
};

struct ModelConfig {
  const Architecture *architecture = nullptr;
  int64_t layers = 0, hidden = 0, heads = 0, keyHeads = 0, headSize = 0;
  int64_t feedForward = 0, vocabulary = 0, trainedContext = 0;
  int64_t experts = 0, expertsUsed = 0;
  double epsilon = 1e-5;
  RopeConfig rope, windowRope; ///< Of all layers, of those with a window.
  int64_t window = 0;          ///< 0: none.
  double attentionScale = 0;   ///< Scores are multiplied by it.
  double attentionCap = 0, logitCap = 0; ///< 0: none.

  /// Whether that layer sees the window only.
  bool hasWindow(int64_t layer) const {
    int64_t period = architecture->windowPeriod;
    return window > 0 && period > 0 && layer % period < period - 1;
  }

  /// Fails where an architecture is not known or a number is not there or out
  /// of its range, naming the key. `context` is how many tokens are to fit, by
  /// which some models choose their frequencies; 0: what the file says.
  static llvm::Expected<ModelConfig> read(const GgufFile &file,
                                          int64_t context = 0);
};

/// What cosines and sines are multiplied by.
double ropeMagnitude(const RopeConfig &rope);

} // namespace rlx

#endif // RLX_CODEGEN_MODELS_MODELCONFIG_H
