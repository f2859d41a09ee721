//===- Model.h - A model that is ready to run -------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   auto model = rlx::Model::open("model.gguf", {});
//   auto context = (*model)->createContext(1024);
//   auto logits = context->evaluate(tokens, rlx::Context::Logits::last);
//
// Text and tokens are runtime/text's.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_MODELS_MODEL_H
#define RLX_CODEGEN_MODELS_MODEL_H

#include "codegen/Compiler.h"
#include "codegen/StateMemory.h"
#include "codegen/Verify.h"
#include "codegen/gpu/DeviceExecutable.h"
#include "codegen/models/ModelBuilder.h"
#include "runtime/cpu/ThreadPool.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace rlx {

class Context;

struct ModelLoadOptions : ModelOptions {
  CompileOptions compile;
  unsigned threads = 0;           ///< 0: all processors.
  std::shared_ptr<Device> device; ///< Computes; null: the CPU does.
  /// Told what is being done, which may take seconds.
  std::function<void(llvm::StringRef)> onProgress;
};

class Model {
public:
  /// Opens a GGUF file, builds its graph, compiles it, packs its weights.
  static llvm::Expected<std::unique_ptr<Model>>
  open(const std::string &path, const ModelLoadOptions &options);
  static llvm::Expected<std::unique_ptr<Model>>
  open(std::shared_ptr<const GgufFile> file, const ModelLoadOptions &options);

  const ModelConfig &config() const { return sizes; }
  const GgufFile &file() const { return *weights; }
  /// Null where a device computes.
  const Executable *executable() const { return code.get(); }
  unsigned threads() const { return pool->size(); }
  /// No context may be running. 0: all processors.
  void setThreads(unsigned count) {
    pool = std::make_unique<ThreadPool>(count);
  }

  /// A sequence of at most `capacity` tokens. The model must outlive it. Fails
  /// where a device computes, which keeps one sequence, and there is another.
  llvm::Expected<Context> createContext(int64_t capacity) const;

  /// Compares logits of all tokens, from the first on, with those that the
  /// interpreter computes of `module`, which is what buildModel gave.
  llvm::Expected<ErrorReport> verify(mlir::ModuleOp module,
                                     llvm::ArrayRef<int32_t> tokens,
                                     llvm::ArrayRef<float> logits) const;

private:
  friend class Context;
  Model() = default;
  llvm::Error compileForDevice(mlir::ModuleOp module,
                               const ModelLoadOptions &options);
  llvm::Error prepare(const ModelLoadOptions &options);
  llvm::Error compileForCpu(mlir::ModuleOp module,
                            const ModelLoadOptions &options);

  std::shared_ptr<const GgufFile> weights;
  ModelConfig sizes;
  std::unique_ptr<Executable> code; ///< One of both.
  std::shared_ptr<Device> device;   ///< Outlives its code.
  std::unique_ptr<DeviceExecutable> deviceCode;
  /// There while a context has the caches of the device.
  mutable std::weak_ptr<void> deviceStates;
  std::unique_ptr<ThreadPool> pool;
  const FunctionSignature *many = nullptr;
  const FunctionSignature *one = nullptr; ///< On a device the same.
};

/// The tokens of one sequence, as a model keeps them. Several on one model are
/// independent of each other, and may be used by several threads.
class Context {
public:
  enum class Logits { all, last };

  /// How many tokens are kept, and how many there may be.
  int64_t position() const { return kept; }
  int64_t capacity() const { return size; }

  /// Appends tokens, at least one. Gives the logits that follow the last of
  /// them, or each: `[rows, vocabulary]`, valid until the next call. Fails
  /// where a token is none of the vocabulary, or they do not fit; what is kept
  /// is as it was then.
  llvm::Expected<llvm::ArrayRef<float>> evaluate(llvm::ArrayRef<int32_t> tokens,
                                                 Logits which = Logits::last);

  /// Forgets all tokens but the first `count`, which must be there.
  llvm::Error truncate(int64_t count);

  /// Longer inputs are computed so many tokens at a time.
  int64_t batch = 512;

private:
  friend class Model;
  Context(const Model &model, int64_t capacity)
      : model(&model), size(capacity), many(*model.many), one(*model.one) {}
  llvm::Error run(llvm::ArrayRef<int32_t> tokens, int64_t first, float *into);
  llvm::Expected<std::vector<TensorView>>
  inputs(bool isOne, llvm::ArrayRef<TensorView> others) const;

  const Model *model;
  int64_t kept = 0, size = 0;
  std::vector<Tensor> memory;
  States many, one; ///< Both of this memory; of none on a device.
  std::shared_ptr<void> deviceStates;
  std::vector<float> logits;
};

} // namespace rlx

#endif // RLX_CODEGEN_MODELS_MODEL_H
