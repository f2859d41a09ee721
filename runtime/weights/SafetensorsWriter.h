//===- SafetensorsWriter.h - safetensors files, strictly ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes a header whose length is a multiple of 8, then the tensors without
// holes: those of the widest elements first, then by name, so that each is
// aligned to its elements, and the same tensors give the same bytes in whatever
// order they are given. What readers refuse is refused here. Data comes in
// pieces, of several tensors in turn if need be; the file gets its name when
// all of it is there (OutputFile.h).
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_WEIGHTS_SAFETENSORSWRITER_H
#define RLX_RUNTIME_WEIGHTS_SAFETENSORSWRITER_H

#include "runtime/OutputFile.h"
#include "runtime/weights/SafetensorsReader.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace rlx {

/// A tensor that is going to be written.
struct SafetensorsTensor {
  std::string name;
  std::string type;           ///< As in the header (SafetensorsTypes.h).
  std::vector<int64_t> shape; ///< Outermost first.
};

/// The bytes of such a tensor. Errors: an unknown type, a negative dimension,
/// too many bytes, or a size that is no multiple of a byte.
Result<uint64_t> storedBytes(const SafetensorsTensor &tensor);

class SafetensorsWriter {
public:
  /// Writes the header. Errors: what readers refuse, two keys or tensors of the
  /// same name, text that is not UTF-8, and those of the file.
  static Result<SafetensorsWriter>
  create(const std::string &path, SafetensorsMetadata metadata,
         std::vector<SafetensorsTensor> tensors);

  /// The same errors but for those of the file, without one. `path` is for
  /// messages and may be empty.
  static Status check(const std::string &path, SafetensorsMetadata metadata,
                      std::span<const SafetensorsTensor> tensors);

  /// Appends data of the tensor that was given as number `index`.
  Status append(size_t index, std::span<const std::byte> data);

  /// Gives the file its name. Error: tensors whose data is not complete.
  Status commit();

  /// Bytes of the whole file.
  uint64_t fileBytes() const { return totalBytes; }

private:
  explicit SafetensorsWriter(OutputFile file) : file(std::move(file)) {}

  struct Place {
    std::string name;
    uint64_t offset = 0, size = 0, numAppended = 0;
  };
  struct Header;
  static Result<Header> headerOf(SafetensorsMetadata metadata,
                                 std::span<const SafetensorsTensor> tensors);

  OutputFile file;
  std::vector<Place> places; ///< In the order in which tensors were given.
  uint64_t totalBytes = 0;
};

} // namespace rlx

#endif // RLX_RUNTIME_WEIGHTS_SAFETENSORSWRITER_H
