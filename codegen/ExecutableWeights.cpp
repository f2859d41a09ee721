//===- ExecutableWeights.cpp - Weights of a compiled program --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Binding by name, and packing: once, part by part, so that no more of a mapped
// file is in memory than what is being packed, or not at all where the packed
// form is on disk already.
//
//===----------------------------------------------------------------------===//

#include "codegen/Executable.h"

#include "codegen/CacheKeys.h"
#include "codegen/StatusError.h"
#include "codegen/cpu/PackedCache.h"

#include <chrono>
#include <ctime>

using namespace rlx;

llvm::Error Executable::bindWeights(std::shared_ptr<const WeightFile> file) {
  for (auto &weights : packed)
    weights->ready = false;
  return weights.bind(std::move(file));
}

llvm::Error Executable::bindWeight(llvm::StringRef name,
                                   const TensorView &tensor) {
  for (auto &weights : packed)
    weights->ready = false;
  return weights.bind(name, tensor);
}

//===----------------------------------------------------------------------===//
// Packing
//===----------------------------------------------------------------------===//

/// The weight's entry in the mapped file that it is bound to, where code reads
/// it only in packed form.
Executable::MappedWeight
Executable::findReleasable(llvm::StringRef name) const {
  for (const FunctionSignature &function : signatures)
    for (const CodeArgument &argument : function.arguments)
      if (argument.kind == CodeArgument::weight &&
          function.weights[argument.index].weight == name)
        return {};
  auto [file, entry] = weights.mappedEntry(name);
  return {file, entry};
}

namespace {
/// Runs the loop of a packing function part by part and tells, after each, how
/// much is done.
struct PartwiseLoop {
  ExecutionScope *scope;
  int64_t parts;
  std::function<void(int64_t done, int64_t count)> onPart;

  static void run(void *context, rlx_loop_body body, void *closure,
                  int64_t count) {
    auto *loop = static_cast<PartwiseLoop *>(context);
    int64_t length = std::max<int64_t>(1, llvm::divideCeil(count, loop->parts));
    for (int64_t begin = 0; begin < count; begin += length) {
      Part part{body, closure, begin};
      int64_t size = std::min(length, count - begin);
      loop->scope->parallelFor(Part::run, &part, size);
      loop->onPart(begin + size, count);
    }
  }

private:
  struct Part {
    rlx_loop_body body;
    void *closure;
    int64_t offset;
    static void run(void *self, int64_t begin, int64_t end) {
      auto *part = static_cast<Part *>(self);
      part->body(part->closure, part->offset + begin, part->offset + end);
    }
  };
};
} // namespace

/// Packs what `packing` says from weights bound to memory or mapped files.
llvm::Error Executable::pack(const PackingSignature &packing, Invoke packer,
                             const Tensor &target,
                             const RunOptions &options) const {
  std::vector<TensorView> arguments;
  std::vector<MappedWeight> mapped;
  int64_t bytes = 0;
  for (const std::string &name : packing.weights) {
    arguments.push_back(boundWeight(name));
    if (MappedWeight weight = findReleasable(name); weight.entry) {
      mapped.push_back(weight);
      bytes += arguments.back().numBytes();
    }
  }
  arguments.push_back(target.view());
  if (mapped.empty())
    return call(packer, arguments, options);
  // Weights lie row after row, and the loop goes over rows: what part of it is
  // done, that part of each weight has been read. Releasing too much would only
  // cost time.
  auto release = [&](int64_t done, int64_t count) {
    for (MappedWeight &weight : mapped) {
      uint64_t size = weight.entry->bytes.size();
      uint64_t end = size / uint64_t(count) * uint64_t(done) +
                     size % uint64_t(count) * uint64_t(done) / uint64_t(count);
      weight.release(end);
    }
  };
  ExecutionScope scope(options.pool);
  ExecutionScope hostScope(options.parallelFor);
  PartwiseLoop loop{options.parallelFor.run ? &hostScope : &scope,
                    int64_t(llvm::divideCeil(bytes, releasedBytes)), release};
  RunOptions partwise;
  partwise.parallelFor = {&loop, PartwiseLoop::run};
  if (auto error = call(packer, arguments, partwise))
    return error;
  release(1, 1);
  return llvm::Error::success();
}

void Executable::MappedWeight::release(uint64_t end) {
  if (entry && end > released)
    file->releasePart(*entry, released, end - released);
  released = end;
}

/// What the bytes of the weights of `packing` are called in a cache.
std::string Executable::packedKey(const PackingSignature &packing,
                                  const RunOptions &options) const {
  std::vector<std::string> hashes;
  for (const std::string &name : packing.weights) {
    TensorView weight = boundWeight(name);
    MappedWeight mapped = findReleasable(name);
    hashes.push_back(hashContent({static_cast<const std::byte *>(weight.data),
                                  size_t(weight.numBytes())},
                                 [&](uint64_t done) { mapped.release(done); }));
  }
  return PackedCache::key(packing.identity, hashes);
}

/// The same tensor, where another function has packed it already.
const Executable::PackedTensor *
Executable::findPacked(const PackingSignature &packing) const {
  for (size_t i = 0; i < signatures.size(); ++i) {
    if (!packed[i]->ready)
      continue;
    for (const auto &[other, tensor] :
         llvm::zip_equal(signatures[i].packings, packed[i]->tensors))
      if (!packing.identity.empty() && other.identity == packing.identity &&
          other.weights == packing.weights)
        return &tensor;
  }
  return nullptr;
}

/// Packs what `function` needs packed, unless that has been done.
llvm::Error Executable::pack(size_t function, const RunOptions &options) const {
  Packed &packedWeights = *packed[function];
  if (packedWeights.ready)
    return llvm::Error::success();
  std::lock_guard<std::mutex> lock(packedWeights.mutex);
  if (packedWeights.ready)
    return llvm::Error::success();
  using Milliseconds = std::chrono::duration<double, std::milli>;
  auto now = std::chrono::steady_clock::now;
  auto start = now();
  const FunctionSignature &signature = signatures[function];
  packedWeights.tensors.clear();
  packedWeights.report = {};
  if (auto error = weights.checkUnchanged(signature))
    return error;
  PackedCache packedCache(cache);
  // Hashing is parallel as packing is.
  ExecutionScope scope(options.pool);
  std::optional<ExecutionScope> hostScope;
  if (options.parallelFor.run)
    hostScope.emplace(options.parallelFor);
  for (auto [packing, packer] :
       llvm::zip(signature.packings, entries[function].packers)) {
    int64_t bytes = elementBytes(packing.element);
    for (int64_t size : packing.shape)
      bytes *= size;
    for (const std::string &name : packing.weights)
      packedWeights.report.weightBytes += boundWeight(name).numBytes();
    packedWeights.report.packedBytes += bytes;
    if (const PackedTensor *known = findPacked(packing)) {
      packedWeights.report.sharedBytes += bytes;
      packedWeights.tensors.push_back(*known);
      continue;
    }
    // Code without an identity cannot be told from other code.
    bool isCached = packedCache.isEnabled() && !packing.identity.empty();
    std::string key = isCached ? packedKey(packing, options) : "";
    if (isCached)
      if (auto found = packedCache.find(key, uint64_t(bytes))) {
        // Code only reads packed weights.
        void *data = const_cast<std::byte *>(found->bytes.data());
        packedWeights.report.cachedBytes += bytes;
        packedWeights.tensors.push_back({{packing.element, packing.shape, data},
                                         nullptr,
                                         std::move(found->file)});
        continue;
      }
    Result<Tensor> tensor = Tensor::allocate(packing.element, packing.shape);
    if (!tensor)
      return toError(tensor.status());
    if (auto error = pack(packing, packer, *tensor, options))
      return error;
    if (isCached) {
      auto begin = now();
      packedCache.store(key, tensor->bytes());
      packedWeights.report.storeMilliseconds +=
          Milliseconds(now() - begin).count();
    }
    auto memory = std::make_shared<const Tensor>(tensor.take());
    packedWeights.tensors.push_back({memory->view(), memory, nullptr});
  }
  packedWeights.report.milliseconds = Milliseconds(now() - start).count() -
                                      packedWeights.report.storeMilliseconds;
  // What was read meanwhile may be of either state.
  if (auto error = weights.checkUnchanged(signature))
    return error;
  findFiles(function);
  packedWeights.ready = true;
  return llvm::Error::success();
}

/// Finds the weight files that runs of `function` read: not those of weights
/// that are packed in memory.
void Executable::findFiles(size_t function) const {
  Packed &state = *packed[function];
  const FunctionSignature &signature = signatures[function];
  state.files.clear();
  for (const CodeArgument &argument : signature.arguments) {
    if (argument.kind != CodeArgument::weight)
      continue;
    auto [file, entry] =
        weights.mappedEntry(signature.weights[argument.index].weight);
    if (file && !llvm::is_contained(state.files, file))
      state.files.push_back(file);
  }
}

/// Fails where a file that runs of `function` read was changed. Looks not more
/// often than a coarse clock ticks, every few milliseconds: small programs run
/// in less time than many looks take. Of the files of a cache, which nobody
/// writes to and of which there may be hundreds, it looks at some in turn.
llvm::Error Executable::checkFiles(size_t function) const {
  Packed &state = *packed[function];
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  int64_t tick = int64_t(now.tv_sec) * 1000000000 + now.tv_nsec;
  if (state.lookedAt.load(std::memory_order_relaxed) == tick)
    return llvm::Error::success();
  Status status;
  for (const WeightFile *file : state.files)
    if (status)
      status = file->checkUnchanged();
  constexpr size_t most = 8;
  constexpr size_t tickNanoseconds = 1000000; // Or a few of these.
  size_t next = size_t(tick) / tickNanoseconds * most;
  for (size_t i = 0; i < std::min(most, state.tensors.size()); ++i) {
    const PackedTensor &tensor =
        state.tensors[(next + i) % state.tensors.size()];
    if (status && tensor.file)
      status = tensor.file->checkUnchanged();
  }
  if (!status)
    return toError(status);
  state.lookedAt.store(tick, std::memory_order_relaxed);
  return llvm::Error::success();
}

llvm::Error Executable::prepare(llvm::StringRef function,
                                const RunOptions &options) const {
  llvm::Expected<const FunctionSignature *> signature = findFunction(function);
  if (!signature)
    return signature.takeError();
  if (auto error = weights.check(**signature))
    return error;
  return pack(*signature - signatures.data(), options);
}

PackReport Executable::packReport(llvm::StringRef function) const {
  for (size_t i = 0; i < signatures.size(); ++i)
    if (signatures[i].name == function && packed[i]->ready)
      return packed[i]->report;
  return {};
}
