//===- Encoder.h - BERT, from text to a vector ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Encoders as transformers of Python stores them: a folder with config.json,
// model.safetensors and vocab.txt. J. Devlin et al., BERT (2018); a text's
// vector is the mean of its tokens', of length 1: N. Reimers, I. Gurevych,
// Sentence-BERT (2019).
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_MODELS_ENCODER_H
#define RLX_CODEGEN_MODELS_ENCODER_H

#include "codegen/Compiler.h"
#include "runtime/cpu/ThreadPool.h"

#include <memory>
#include <string>
#include <vector>

namespace rlx {

struct EncoderConfig {
  int64_t layers = 0, hidden = 0, heads = 0, feedForward = 0, vocabulary = 0;
  int64_t positions = 0; ///< The most tokens of a text.
  double epsilon = 1e-12;
  std::string prefix; ///< Of all tensors' names.

  /// From config.json. Fails where it is not a BERT, or a number is missing.
  static llvm::Expected<EncoderConfig> read(const std::string &path);
};

/// `@encode(ids: [T] of i32) -> [T, hidden]`. Fails where a tensor is missing
/// or has another shape, naming it.
llvm::Expected<mlir::OwningOpRef<mlir::ModuleOp>>
buildEncoder(const WeightFile &file, const EncoderConfig &config,
             mlir::MLIRContext &context);

class Encoder {
public:
  static llvm::Expected<std::unique_ptr<Encoder>>
  open(const std::string &folder, const CompileOptions &options,
       unsigned threads = 0);

  const EncoderConfig &config() const { return sizes; }
  /// The vectors of all tokens, `[tokens, hidden]`. Fails where there are none
  /// or more than the model has positions for, or one is not in the vocabulary.
  llvm::Expected<std::vector<float>>
  encode(llvm::ArrayRef<int32_t> tokens) const;
  /// The vector of a text: their mean, of length 1.
  llvm::Expected<std::vector<float>>
  embed(llvm::ArrayRef<int32_t> tokens) const;

private:
  Encoder() = default;

  EncoderConfig sizes;
  std::unique_ptr<Executable> code;
  std::unique_ptr<ThreadPool> pool;
};

} // namespace rlx

#endif // RLX_CODEGEN_MODELS_ENCODER_H
