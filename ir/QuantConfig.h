//===- QuantConfig.h - Which weight is quantized how ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A method for all weights, and others for those of some names. What is written
// in JSON is read alike by passes, which take the schemes, and by what makes
// weights, which also takes the algorithms:
//
//   { "default": "int8/32",
//     "overrides": [ { "pattern": "blk.*.attn_v.weight", "scheme": "gguf_q6k"
//     },
//                    { "pattern": "blk.*.ffn_*", "scheme": "int4a/128",
//                      "method": "gptq" } ] }
//
// The default may be an object as well, without a pattern.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_IR_QUANTCONFIG_H
#define RLX_IR_QUANTCONFIG_H

#include "ir/QuantMethod.h"

#include "llvm/Support/GlobPattern.h"

#include <memory>
#include <vector>

namespace rlx {

class QuantConfig {
public:
  /// What weights become that no override names; by default nothing.
  explicit QuantConfig(QuantMethod fallback = {}) : fallback(fallback) {}

  /// Reads a file's or a text's JSON; the first mistake is the error.
  static llvm::Expected<QuantConfig> read(mlir::MLIRContext *context,
                                          llvm::StringRef path);
  static llvm::Expected<QuantConfig>
  parse(mlir::MLIRContext *context, llvm::StringRef text, llvm::StringRef name);
  /// What `parse` reads. Error: a method that is not valid.
  llvm::Expected<std::string> json(mlir::MLIRContext *context) const;

  /// Weights of this name, or whose names the glob matches, become `method`;
  /// before all overrides so far. Error: a malformed glob.
  llvm::Error addOverride(llvm::StringRef pattern, QuantMethod method);

  /// The same for one name, whatever signs it has.
  void addLayer(llvm::StringRef name, QuantMethod method);

  const QuantMethod &defaultMethod() const { return fallback; }
  /// The last override that matches, else the default.
  const QuantMethod &methodFor(llvm::StringRef name) const;
  /// The last override that matches, or null.
  const QuantMethod *overrideFor(llvm::StringRef name) const;

  /// The first method that is not valid: `default: ...` or `layer 'name': ...`.
  llvm::Error validate() const;
  /// Patterns that match none of these names, in their order.
  llvm::SmallVector<std::string>
  unmatched(llvm::ArrayRef<std::string> names) const;

private:
  struct Override {
    std::shared_ptr<const std::string> pattern; ///< The glob refers to it.
    llvm::GlobPattern glob;
    QuantMethod method;

    bool matches(llvm::StringRef name) const {
      return name == *pattern || glob.match(name);
    }
  };

  QuantMethod fallback;
  std::vector<Override> overrides;
};

} // namespace rlx

#endif // RLX_IR_QUANTCONFIG_H
