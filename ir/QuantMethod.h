//===- QuantMethod.h - Methods of quantization by name ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A method is what people ask for: a scheme to store weights in, and an
// algorithm that chooses the codes. Those that are known by a name stand in the
// table of methods beside the table of schemes; any other scheme goes with any
// algorithm. Here is what a method means; the algorithms are in
// codegen/quantize.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_IR_QUANTMETHOD_H
#define RLX_IR_QUANTMETHOD_H

#include "ir/Scheme.h"

#include "llvm/Support/Error.h"

#include <optional>
#include <string>

namespace rlx {

/// How codes are chosen: the nearest, the nearest after factors moved from
/// activations to weights (by maxima, or searched), or one column after the
/// other with the error spread over the rest.
enum class QuantAlgorithm { nearest, smoothQuant, awq, gptq };

/// Its word in a configuration: `nearest`, `smoothquant`, `awq`, `gptq`.
llvm::StringRef nameOf(QuantAlgorithm algorithm);
llvm::Expected<QuantAlgorithm> parseAlgorithm(llvm::StringRef word);

/// A method in the table. `$g`, `$w` and `$a` stand for the group, the bits
/// and alpha.
struct BuiltinMethod {
  llvm::StringRef id;
  llvm::StringRef display;
  llvm::StringRef scheme;
  QuantAlgorithm algorithm = QuantAlgorithm::nearest;
};
llvm::ArrayRef<BuiltinMethod> builtinMethods();

class QuantMethod {
public:
  /// Plain floats, as they are.
  QuantMethod() = default;
  /// Any scheme; without one, plain floats.
  QuantMethod(std::optional<QuantScheme> scheme,
              QuantAlgorithm algorithm = QuantAlgorithm::nearest,
              double alpha = defaultAlpha);

  static constexpr int64_t defaultGroup = 128;
  static constexpr double defaultAlpha = 0.5;

  /// One scale a row, -127 to 127.
  static QuantMethod int8Symmetric();
  /// A scale and a zero point for each group of a row, 0 to 15.
  static QuantMethod int4Asymmetric(int64_t group = defaultGroup);
  /// One scale a row, floats of 8 bits.
  static QuantMethod fp8E4m3();
  static QuantMethod awq(int64_t group = defaultGroup);
  static QuantMethod smoothQuant(double alpha = defaultAlpha);
  static QuantMethod gptq(int64_t group = defaultGroup, int64_t bits = 4);

  QuantAlgorithm algorithm() const { return how; }
  double alpha() const { return power; }

  /// `AWQ(group=128)`, `GPTQ(4bit, group=128)`, or the scheme's name.
  std::string displayName() const;
  /// Of a code, without scales.
  int64_t bitsPerWeight() const;
  /// How many times smaller than f16 codes are.
  double compressionRatio() const;
  /// How many times smaller than f16 a weight of that shape is with its scales,
  /// zero points and padding. Errors: of `scheme`; a shape that does not fit.
  llvm::Expected<double> compressionRatio(mlir::MLIRContext *context,
                                          llvm::ArrayRef<int64_t> shape) const;

  /// Errors: a group or bits that no scheme has, alpha that is not in [0, 1].
  llvm::Error validate() const;
  /// What weights are stored in; nothing for plain floats. Errors: those of
  /// `validate`.
  llvm::Expected<std::optional<QuantScheme>>
  scheme(mlir::MLIRContext *context) const;

private:
  explicit QuantMethod(llvm::StringRef id);

  const BuiltinMethod *known = nullptr;
  std::optional<QuantScheme> own; ///< Without `known`.
  QuantAlgorithm how = QuantAlgorithm::nearest;
  int64_t group = defaultGroup, bits = 4;
  double power = defaultAlpha;
};

} // namespace rlx

#endif // RLX_IR_QUANTMETHOD_H
