//===- RandomWeight.h - Stored weights of any scheme ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Makes the stored bytes of a weight from nothing but the scheme's description,
// so that a scheme needs no code here to be tested.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_TESTS_UNIT_CODEGEN_RANDOMWEIGHT_H
#define RLX_TESTS_UNIT_CODEGEN_RANDOMWEIGHT_H

#include "codegen/Executable.h"
#include "ir/Reference.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace rlx::test {

/// Floats that are not codes (scales, offsets, zeros) are of moderate size, of
/// both signs, at times zero or subnormal, as f32 only if that is allowed;
/// never a NaN unless asked for.
enum class Content {
  random,        ///< all codes but NaNs
  smallIntegers, ///< scales of 1, codes and zeros that are small integers
  zeroBytes,
  largestCodes, ///< all bits of the codes set, or of the largest that is no NaN
  withNans,     ///< random, with some NaNs where the fields have them
};

/// Bits `first` to `first + width` of `bytes`, the lowest first.
void writeBits(std::vector<uint8_t> &bytes, int64_t first, unsigned width,
               uint64_t bits);

struct RandomWeight {
  RandomWeight(QuantScheme scheme, std::vector<int64_t> shape, uint32_t seed,
               Content content = Content::random, bool subnormals = true);

  /// The weight and what lies beside it, as the program's weights or arguments:
  /// `name`, `name.scales`, ...
  template <typename ExecutableT>
  void bind(ExecutableT &executable, const std::string &name) const {
    std::vector<TensorView> all = views();
    for (size_t i = 0; i < all.size(); ++i)
      if (auto error = executable.bindWeight(
              i ? name + "." + sides[i - 1].name : name, all[i]))
        ADD_FAILURE() << llvm::toString(std::move(error));
  }
  /// The same in the order of operands.
  std::vector<TensorView> views() const;
  /// Its type and those of its side tensors.
  std::vector<std::string> types() const;
  /// The operands after the weight: ` scales(%name.scales) ...`.
  std::string operands(const std::string &name) const;
  /// The rlx.weight operations that define `%name`, `%name.scales`, ...
  std::string definitions(const std::string &name) const;
  /// The same as arguments of a function.
  std::string arguments(const std::string &name) const;
  /// Its values as the reference decodes them, row after row.
  std::vector<double> values() const;
  /// The code of `field` for element `k` of row `n`.
  uint64_t code(FieldAttr field, int64_t n, int64_t k) const;

  struct Side {
    std::string name;
    mlir::Type type;
    std::vector<int64_t> shape;
    std::vector<uint8_t> bytes;
  };

  QuantScheme scheme;
  std::vector<int64_t> shape;
  std::vector<uint8_t> blocks;
  std::vector<Side> sides;
};

} // namespace rlx::test

#endif // RLX_TESTS_UNIT_CODEGEN_RANDOMWEIGHT_H
