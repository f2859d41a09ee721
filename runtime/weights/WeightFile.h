//===- WeightFile.h - Named weights in a file -----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the runtime sees of a weight file, whatever its container: names, stored
// types, shapes and mapped bytes. The containers are read elsewhere (Gguf.h,
// Safetensors.h); what a stored type means is known to the compiler alone
// (codegen/weights/StoredTypes.h).
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_WEIGHTS_WEIGHTFILE_H
#define RLX_RUNTIME_WEIGHTS_WEIGHTFILE_H

#include "runtime/Status.h"
#include "runtime/Tensor.h"
#include "runtime/weights/LogicalWeight.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace rlx {

/// What weights come in: each has names of its own for what tensors are stored
/// as.
enum class WeightContainer { gguf, safetensors, npy };

/// As people write it.
std::string_view containerName(WeightContainer container);

/// A weight and where it lies. How it is stored is said by the container, the
/// type and the shape together.
struct WeightEntry {
  std::string name;
  WeightContainer container = WeightContainer::gguf;
  std::string type; ///< As the container spells it: `q4_K`, `BF16`.
  /// Where the type is one of elements that the host has, which one.
  std::optional<ElementType> element;
  std::vector<int64_t> shape;       ///< Logical, outermost first.
  std::span<const std::byte> bytes; ///< Valid as long as its WeightFile.
  uint64_t offset = 0;              ///< Of the first byte, in `file`.
  std::string file;                 ///< One of several when weights are split.
  /// Why its bytes cannot be read, as the end of a sentence that names it;
  /// empty where they can. It is then only listed.
  std::string problem;
};

/// The weights of one file, or of a file and its further parts. Safe to read
/// from several threads.
class WeightFile {
public:
  WeightFile(const WeightFile &) = delete;
  WeightFile &operator=(const WeightFile &) = delete;
  virtual ~WeightFile();

  /// What all of them come in.
  virtual WeightContainer container() const = 0;

  /// All weights, in the order of the file.
  std::span<const WeightEntry> entries() const { return weights; }

  /// The weight of that name; null when there is none. Valid as long as this.
  const WeightEntry *find(std::string_view name) const;

  /// Weights that several tensors make up, in the order of their codes; the
  /// entries are there all the same.
  std::span<const LogicalWeight> logicalWeights() const { return logical; }

  /// The one of that name; null when there is none.
  const LogicalWeight *findLogical(std::string_view name) const;

  /// Replaces them. Their parts have to be entries of this.
  void setLogicalWeights(std::vector<LogicalWeight> weights);

  /// At most `count` names by rising edit distance from `name`, for a message
  /// about one that is missing.
  std::vector<std::string> nearestNames(std::string_view name,
                                        size_t count) const;

  /// Tells the system that the bytes of `entry` are not needed soon. They stay
  /// readable, at the cost of reading the file again.
  virtual void release(const WeightEntry &entry) const = 0;
  /// The same for `size` bytes of it from byte `begin`; clipped to the entry.
  void releasePart(const WeightEntry &entry, uint64_t begin,
                   uint64_t size) const;

  /// An error where a file was changed since it was opened (MappedFile).
  virtual Status checkUnchanged() const = 0;

  /// The path that was opened.
  const std::string &path() const { return name; }

protected:
  explicit WeightFile(std::string path) : name(std::move(path)) {}

  /// Takes all weights at once, so that pointers to them stay valid. Error: two
  /// of the same name.
  Status setEntries(std::vector<WeightEntry> entries);

private:
  std::string name;
  std::vector<WeightEntry> weights;
  std::unordered_map<std::string_view, size_t> indexByName;
  std::vector<LogicalWeight> logical;
  std::unordered_map<std::string_view, size_t> logicalByName;
};

/// Opens a weight file of any known container, recognised by its first bytes.
/// What weights its tensors make up is read from them and from the
/// configuration beside the file (CheckpointMatcher.h).
Result<std::unique_ptr<WeightFile>> openWeightFile(const std::string &path);

} // namespace rlx

#endif // RLX_RUNTIME_WEIGHTS_WEIGHTFILE_H
