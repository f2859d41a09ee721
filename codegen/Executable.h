//===- Executable.h - A compiled program in this process --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Binds weights by name and runs functions on the caller's buffers. Code is
// immutable: run may be called from several threads at the same time once all
// weights are bound.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_EXECUTABLE_H
#define RLX_CODEGEN_EXECUTABLE_H

#include "codegen/Signature.h"
#include "codegen/WeightBindings.h"
#include "runtime/CacheDirectory.h"
#include "runtime/cpu/KernelAbi.h"
#include "runtime/cpu/ThreadPool.h"
#include "runtime/weights/WeightFile.h"

#include "llvm/ADT/StringMap.h"

#include <atomic>
#include <mutex>

namespace llvm::orc {
class LLJIT;
} // namespace llvm::orc

namespace rlx {

/// What packing the weights of a function took.
struct PackReport {
  double milliseconds = 0;
  double storeMilliseconds = 0; ///< For writing to a cache, beside the others.
  int64_t weightBytes = 0, packedBytes = 0;
  int64_t cachedBytes = 0; ///< Of the packed ones: mapped from a cache.
  int64_t sharedBytes = 0; ///< Likewise: packed for another function before.
};

struct RunOptions {
  ThreadPool *pool = nullptr; ///< Null: loops run on the calling thread.
  ParallelFor parallelFor;    ///< The host's own loop, used where it is set.
};

class Executable {
public:
  /// Loads an object file that was emitted for this machine. Packed weights are
  /// kept in `cache`; null: nowhere.
  static llvm::Expected<std::unique_ptr<Executable>>
  load(llvm::ArrayRef<char> object, std::vector<FunctionSignature> signatures,
       std::shared_ptr<CacheDirectory> cache = nullptr);
  ~Executable();

  const std::vector<FunctionSignature> &functions() const { return signatures; }
  /// Fails, naming the functions there are, where `name` is none of them.
  llvm::Expected<const FunctionSignature *>
  findFunction(llvm::StringRef name) const;

  /// Binds every weight of the program that `file` has and that is not bound to
  /// memory. Fails where one has another shape (ones in front aside), scheme or
  /// size than the program says, cannot be read, or is bound to another file.
  /// The file stays open as long as the executable, and nobody may write to it:
  /// packing and runs look at its size and time, and fail where they changed,
  /// but what happens between a look and a run they cannot see.
  llvm::Error bindWeights(std::shared_ptr<const WeightFile> file);
  /// Binds one weight to the caller's memory, which must outlive the
  /// executable: stored bytes as u8 `[N, bytes of a row]`, or a plain tensor.
  llvm::Error bindWeight(llvm::StringRef name, const TensorView &tensor);
  /// Fails, listing the nearest names in the files, where a weight of
  /// `function` is not bound.
  llvm::Error checkWeights(const FunctionSignature &function) const {
    return weights.check(function);
  }
  /// The bytes a weight is bound to; empty data where it is not.
  TensorView boundWeight(llvm::StringRef name) const {
    return weights.find(name);
  }

  /// Packs the weights of `function` for its kernels, once; the first run does
  /// it where nobody has. Pages of mapped files that only packing reads are
  /// released as it goes on.
  llvm::Error prepare(llvm::StringRef function,
                      const RunOptions &options = {}) const;
  PackReport packReport(llvm::StringRef function) const;

  /// The shapes of all results for inputs of these shapes.
  llvm::Expected<std::vector<std::vector<int64_t>>>
  resultShapes(llvm::StringRef function,
               llvm::ArrayRef<TensorView> inputs) const;

  /// The bytes that a run of `function` with inputs of these shapes allocates
  /// beside inputs, weights and results, at the same time at most, on so many
  /// threads: what is live in the program, each tensor with a line of the cache
  /// in front. The runtime takes blocks a fourth larger at most. Nothing runs,
  /// but where sizes of results are open the weights have to be there, as for
  /// resultShapes. Fails where it depends on more than sizes, as of tensors
  /// whose sizes are computed from data.
  llvm::Expected<int64_t> memoryBytes(llvm::StringRef function,
                                      llvm::ArrayRef<TensorView> inputs,
                                      unsigned threads = 1) const;

  /// Runs `function`. Inputs are read, states among them (StateMemory.h)
  /// written where they are, outputs written whole; all must have the shapes
  /// the signature and the inputs say, and outputs memory of their own: not
  /// that of inputs, weights or each other. An error of the program itself, as
  /// an expert id out of range, leaves the outputs undefined.
  llvm::Error run(llvm::StringRef function, llvm::ArrayRef<TensorView> inputs,
                  llvm::ArrayRef<TensorView> outputs,
                  const RunOptions &options = {}) const;
  /// The same with outputs allocated here.
  llvm::Expected<std::vector<Tensor>> run(llvm::StringRef function,
                                          llvm::ArrayRef<TensorView> inputs,
                                          const RunOptions &options = {}) const;

private:
  using Invoke = void (*)(void **arguments);
  struct Entry {
    Invoke invoke = nullptr, shapes = nullptr, memory = nullptr;
    std::vector<Invoke> packers;
  };
  /// A packed weight, in memory of its own or in a mapped file.
  struct PackedTensor {
    TensorView view;
    std::shared_ptr<const Tensor> memory;
    std::shared_ptr<const MappedFile> file;
  };
  /// Packed weights of a function.
  struct Packed {
    std::mutex mutex;
    std::atomic<bool> ready = false;
    std::vector<PackedTensor> tensors;
    PackReport report;
    /// Files that runs read, and by which tick of a coarse clock they were
    /// looked at.
    std::vector<const WeightFile *> files;
    std::atomic<int64_t> lookedAt = 0;
  };

  Executable();
  llvm::Error checkShapes(const FunctionSignature &signature,
                          llvm::ArrayRef<TensorView> inputs) const;
  llvm::Error checkInputs(const FunctionSignature &signature,
                          llvm::ArrayRef<TensorView> inputs) const;
  llvm::Error call(Invoke invoke, llvm::ArrayRef<TensorView> arguments,
                   const RunOptions &options) const;
  /// A weight in a mapped file, and how much of it was released.
  struct MappedWeight {
    const WeightFile *file = nullptr;
    const WeightEntry *entry = nullptr;
    uint64_t released = 0;
    void release(uint64_t end);
  };
  llvm::Error pack(size_t function, const RunOptions &options) const;
  llvm::Error pack(const PackingSignature &packing, Invoke packer,
                   const Tensor &target, const RunOptions &options) const;
  void findFiles(size_t function) const;
  llvm::Error checkFiles(size_t function) const;
  const PackedTensor *findPacked(const PackingSignature &packing) const;
  std::string packedKey(const PackingSignature &packing,
                        const RunOptions &options) const;
  MappedWeight findReleasable(llvm::StringRef name) const;
  std::vector<TensorView>
  codeArguments(size_t function, llvm::ArrayRef<TensorView> inputs,
                llvm::ArrayRef<TensorView> outputs) const;

  /// Bytes of mapped weights that are packed before their pages are released.
  static constexpr int64_t releasedBytes = int64_t(32) << 20;

  std::unique_ptr<llvm::orc::LLJIT> jit;
  std::shared_ptr<CacheDirectory> cache; ///< For packed weights.
  std::vector<FunctionSignature> signatures;
  std::vector<Entry> entries;
  WeightBindings weights{signatures};
  std::vector<std::unique_ptr<Packed>> packed; ///< One for each function.
};

} // namespace rlx

#endif // RLX_CODEGEN_EXECUTABLE_H
