//===- GgufWriter.h - GGUF files, written as ggml reads them ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes version 3: metadata, then the tensors' descriptions, then their data
// in the same order without gaps but padding, each aligned. What readers refuse
// is refused here. The data streams through append(); the file gets its name
// when all of it is there (OutputFile.h).
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_WEIGHTS_GGUFWRITER_H
#define RLX_RUNTIME_WEIGHTS_GGUFWRITER_H

#include "runtime/OutputFile.h"
#include "runtime/weights/GgufValue.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace rlx {

/// A tensor that is going to be written.
struct GgufTensor {
  std::string name;
  std::string format;         ///< In ggml's spelling (GgmlTypes.h).
  std::vector<int64_t> shape; ///< Outermost first.
};

/// The bytes of such a tensor. Errors: an unknown format, a rank above 4, a
/// dimension below 1, an innermost one that is no multiple of the block, too
/// many bytes.
Result<uint64_t> storedBytes(const GgufTensor &tensor);

class GgufWriter {
public:
  /// Writes the header. The alignment is what `general.alignment` in the
  /// metadata says, else 32 bytes. Errors: what readers refuse, two keys or
  /// tensors of the same name, and those of the file.
  static Result<GgufWriter> create(const std::string &path,
                                   std::span<const GgufEntry> metadata,
                                   std::vector<GgufTensor> tensors);

  /// The same errors but for those of the file, without one. `path` is for
  /// messages and may be empty.
  static Status check(const std::string &path,
                      std::span<const GgufEntry> metadata,
                      std::span<const GgufTensor> tensors);

  /// Appends data of the tensors in their order, in pieces of any size that do
  /// not reach from one tensor into the next.
  Status append(std::span<const std::byte> data);

  /// Gives the file its name. Error: tensors whose data is not complete.
  Status commit();

  /// Bytes of the whole file.
  uint64_t fileBytes() const { return totalBytes; }

private:
  explicit GgufWriter(OutputFile file) : file(std::move(file)) {}
  struct Header;
  static Result<Header> headerOf(std::span<const GgufEntry> metadata,
                                 std::span<const GgufTensor> tensors);
  Status pad();

  OutputFile file;
  std::vector<GgufTensor> tensors;
  std::vector<uint64_t> sizes;
  uint64_t alignment = 0, totalBytes = 0;
  size_t current = 0;       ///< The tensor whose data comes next.
  uint64_t numAppended = 0; ///< Bytes of it that are there.
};

} // namespace rlx

#endif // RLX_RUNTIME_WEIGHTS_GGUFWRITER_H
