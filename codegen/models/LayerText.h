//===- LayerText.h - Layers of a decoder as functions -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_CODEGEN_MODELS_LAYERTEXT_H
#define RLX_CODEGEN_MODELS_LAYERTEXT_H

#include "codegen/models/GraphText.h"
#include "codegen/models/ModelBuilder.h"

#include <map>

namespace rlx {

/// The weights of a file as values. The first error stays.
class WeightTypes {
public:
  WeightTypes(const WeightFile &file, mlir::MLIRContext &context)
      : file(file), context(context) {}

  bool has(llvm::StringRef name) const {
    return file.find(std::string_view(name)) != nullptr;
  }
  /// The type of a tensor, which has to have this shape. Vectors have to be
  /// plain.
  GraphValue typeOf(llvm::StringRef name, std::vector<int64_t> shape);
  llvm::Error takeError() {
    return problem.empty() ? llvm::Error::success()
                           : llvm::createStringError(problem);
  }

private:
  const WeightFile &file;
  mlir::MLIRContext &context;
  std::string problem;
};

/// Writes a layer as a private function of what it reads, its weights among it,
/// and the calls of it. Layers whose types and traits are the same are calls of
/// one function.
class LayerText {
public:
  LayerText(const ModelConfig &config, const ModelOptions &options,
            WeightTypes &weights, const GraphValue &cache)
      : config(config), options(options), weights(weights), cache(cache) {}

  /// What all layers of a step are given.
  struct Step {
    int64_t tokens = -1;
    std::string rows, position, length;
    GraphValue table, windowTable;
  };
  /// The call of layer `number` in `graph`; keys and values become those behind
  /// it.
  GraphValue call(GraphText &graph, const Step &step, int64_t number,
                  const GraphValue &x, GraphValue &keys, GraphValue &values);

  /// All functions that were called.
  const std::string &functions() const { return text; }

private:
  struct Weight {
    std::string name; ///< In the file.
    GraphValue value; ///< In the function.
  };
  class Body;
  std::string functionFor(const Step &step, int64_t number,
                          std::vector<Weight> &used);

  const ModelConfig &config;
  const ModelOptions &options;
  WeightTypes &weights;
  GraphValue cache;
  std::string text;
  std::map<std::string, std::string> names; ///< Of functions, by their text.
};

} // namespace rlx

#endif // RLX_CODEGEN_MODELS_LAYERTEXT_H
