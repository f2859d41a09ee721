//===- CacheKeys.h - What compiled code depends on --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A cache finds by its key what it was made from, so that a key must cover all
// of it: the program with every number in it, also those of resources, which
// printing leaves out; the options and the target; the builds of RLX, MLIR and
// LLVM. Weights come from strangers, so that hashes are such that nobody can
// make other bytes for one.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_CACHEKEYS_H
#define RLX_CODEGEN_CACHEKEYS_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/BLAKE3.h"

#include <cstddef>
#include <span>
#include <string>

namespace rlx {

struct CompileOptions;

/// A hash of texts, each kept apart from the next.
class KeyHash {
public:
  void add(llvm::StringRef text) {
    hasher.update(std::to_string(text.size()) + ":");
    hasher.update(text);
  }
  /// In hexadecimal digits.
  std::string text() const;

private:
  llvm::BLAKE3 hasher;
};

/// Hashes `bytes` chunk by chunk, on the threads of the innermost
/// ExecutionScope. `done` hears how many bytes from the start are no longer
/// needed.
std::string hashContent(std::span<const std::byte> bytes,
                        llvm::function_ref<void(uint64_t)> done = {});

/// A hash of an operation and all that is in it, resources too, but not of
/// locations.
std::string hashOperation(mlir::Operation *op);

/// The builds of RLX, MLIR and LLVM in this process.
const std::string &compilerIdentity();

/// What code depends on beside the program: the compiler, the target, and every
/// option that changes code.
std::string compilationIdentity(const CompileOptions &options);

/// The key of the object that `module` becomes, whose weights are laid out.
std::string objectKey(mlir::ModuleOp module, const CompileOptions &options);

} // namespace rlx

#endif // RLX_CODEGEN_CACHEKEYS_H
