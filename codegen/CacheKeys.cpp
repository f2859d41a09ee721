//===- CacheKeys.cpp - What compiled code depends on ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/CacheKeys.h"

#include "codegen/Compiler.h"
#include "runtime/BuildId.h"
#include "runtime/cpu/KernelAbi.h"

#include "mlir/IR/AttrTypeSubElements.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/Verifier.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/MathExtras.h"

#include <atomic>
#include <limits>
#include <vector>

using namespace mlir;
using namespace rlx;

//===----------------------------------------------------------------------===//
// Hashes
//===----------------------------------------------------------------------===//

std::string KeyHash::text() const {
  llvm::BLAKE3 copy = hasher;
  return llvm::toHex(copy.final(), /*LowerCase=*/true);
}

namespace {
/// A batch of chunks, hashed in parallel.
struct KStepLoop {
  static constexpr uint64_t kStepBytes = uint64_t(1) << 20;

  std::span<const std::byte> bytes;
  std::vector<llvm::BLAKE3Result<>> hashes;
  std::atomic<int64_t> done = 0;

  static void run(void *closure, int64_t begin, int64_t end) {
    auto *loop = static_cast<KStepLoop *>(closure);
    for (int64_t i = begin; i < end; ++i) {
      uint64_t first = uint64_t(i) * kStepBytes;
      auto chunk = loop->bytes.subspan(
          first, std::min<uint64_t>(kStepBytes, loop->bytes.size() - first));
      loop->hashes[i] = llvm::BLAKE3::hash(
          {reinterpret_cast<const uint8_t *>(chunk.data()), chunk.size()});
    }
    loop->done += end - begin;
  }
};

/// Hashes what is printed to it.
class HashStream : public llvm::raw_ostream {
public:
  HashStream() { SetUnbuffered(); }
  ~HashStream() override { flush(); }
  llvm::BLAKE3 hasher;

private:
  void write_impl(const char *text, size_t size) override {
    hasher.update(llvm::StringRef(text, size));
    position += size;
  }
  uint64_t current_pos() const override { return position; }
  uint64_t position = 0;
};
} // namespace

std::string rlx::hashContent(std::span<const std::byte> bytes,
                             llvm::function_ref<void(uint64_t)> done) {
  constexpr uint64_t batchBytes = 32 * KStepLoop::kStepBytes;
  KeyHash hash;
  hash.add(std::to_string(bytes.size()));
  for (uint64_t begin = 0; begin < bytes.size(); begin += batchBytes) {
    uint64_t size = std::min<uint64_t>(batchBytes, bytes.size() - begin);
    KStepLoop loop;
    loop.bytes = bytes.subspan(begin, size);
    loop.hashes.resize(llvm::divideCeil(size, KStepLoop::kStepBytes));
    auto count = int64_t(loop.hashes.size());
    rlx_parallel_for(KStepLoop::run, &loop, count);
    // A scope that has failed runs no loops.
    if (loop.done != count)
      KStepLoop::run(&loop, 0, count);
    for (const llvm::BLAKE3Result<> &chunk : loop.hashes)
      hash.add(llvm::toStringRef(chunk));
    if (done)
      done(begin + size);
  }
  return hash.text();
}

//===----------------------------------------------------------------------===//
// Programs
//===----------------------------------------------------------------------===//

std::string rlx::hashOperation(Operation *op) {
  // Whatever a program that RLX is part of chose for its own printing.
  OpPrintingFlags flags;
  flags.useLocalScope().printGenericOpForm().enableDebugInfo(false);
  flags.elideLargeElementsAttrs(std::numeric_limits<int64_t>::max());
  flags.skipRegions(false);
  HashStream stream;
  stream.SetBufferSize(1 << 16);
  op->print(stream, flags);
  stream.flush();

  KeyHash hash;
  hash.add(llvm::toStringRef(stream.hasher.final()));
  // Resources print as their names. Each is looked at once.
  AttrTypeWalker resources;
  resources.addWalk([&](DenseResourceElementsAttr attribute) {
    const DenseResourceElementsHandle &handle = attribute.getRawHandle();
    hash.add(handle.getKey());
    const AsmResourceBlob *blob = handle.getBlob();
    hash.add(blob ? "bytes" : "nothing");
    if (blob)
      hash.add(hashContent(std::as_bytes(std::span(blob->getData()))));
  });
  op->walk([&](Operation *inner) {
    resources.walk(inner->getAttrDictionary());
    for (Type type : inner->getResultTypes())
      resources.walk(type);
    for (Region &region : inner->getRegions())
      for (Block &block : region)
        for (Type type : block.getArgumentTypes())
          resources.walk(type);
  });
  return hash.text();
}

//===----------------------------------------------------------------------===//
// Compilers and options
//===----------------------------------------------------------------------===//

const std::string &rlx::compilerIdentity() {
  static const std::string identity = [] {
    // Something of each library stands for it.
    static const char ours = 0;
    auto *ofMlir = static_cast<LogicalResult (*)(Operation *, bool)>(&verify);
    return "RLX " RLX_VERSION " " + buildId(&ours) + "\nMLIR " +
           buildId(reinterpret_cast<const void *>(ofMlir)) +
           "\nLLVM " LLVM_VERSION_STRING " " + buildId(&llvm::errs());
  }();
  return identity;
}

std::string rlx::compilationIdentity(const CompileOptions &options) {
  // All fields, by name: who adds one has to say here what depends on it.
  const auto &[target, cacheDirectory, cacheLimitBytes, cachePackedWeights,
               deterministic, choices, printChoices, acceptBytecode,
               trustProgram, constantsInCode, onRemark] = options;
  const auto &[triple, cpu, features] = target;
  KeyHash hash;
  hash.add(compilerIdentity());
  hash.add(triple);
  hash.add(cpu);
  hash.add(features);
  hash.add(deterministic ? "deterministic" : "");
  hash.add(choices);
  return hash.text();
}

std::string rlx::objectKey(ModuleOp module, const CompileOptions &options) {
  KeyHash hash;
  hash.add(compilationIdentity(options));
  hash.add(hashOperation(module));
  return hash.text();
}
