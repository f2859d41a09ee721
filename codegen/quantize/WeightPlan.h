//===- WeightPlan.h - How a weight is quantized -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What follows from a scheme, a shape and options, once for all rows: the rule,
// the numbers that fields can hold, where their bits lie, which rows share
// scales. Quantizers of all kinds check rows and bytes with it.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_QUANTIZE_WEIGHTPLAN_H
#define RLX_CODEGEN_QUANTIZE_WEIGHTPLAN_H

#include "codegen/quantize/CodeRuns.h"
#include "codegen/quantize/FieldBits.h"
#include "codegen/quantize/NearestCodes.h"
#include "codegen/quantize/ProductCodes.h"
#include "codegen/quantize/Quantizer.h"
#include "codegen/quantize/Solver.h"
#include "runtime/Text.h"

namespace rlx::quantize {

struct WeightPlan {
  /// Errors: those of Quantizer::create.
  static llvm::Expected<std::unique_ptr<WeightPlan>>
  create(QuantScheme scheme, llvm::ArrayRef<int64_t> shape,
         QuantizeOptions options);

  /// Whether rows `begin` to `end` may be quantized, with these values into
  /// these bytes. Errors name the weight, and an element that is not finite.
  llvm::Error checkRows(llvm::ArrayRef<float> values, int64_t begin,
                        int64_t end, const QuantizedBytes &bytes) const;
  /// What messages call the weight.
  std::string what() const { return called(options.name); }
  static std::string called(llvm::StringRef name) {
    return name.empty() ? "weight" : "weight " + quoted(name);
  }
  /// Errors: importance of so many numbers, which have to be one for each
  /// column, or one for each of each expert.
  static llvm::Error checkImportanceSize(llvm::StringRef name,
                                         llvm::ArrayRef<int64_t> shape,
                                         size_t size);
  int64_t rowsPerExpert() const { return shape[shape.size() - 2]; }
  int64_t experts() const { return numRows / rowsPerExpert(); }
  /// Of the columns of a row; null where all count alike.
  const float *importanceOf(int64_t row) const;
  /// From now on, rows of all experts have these codes of the fields that they
  /// share (SharedCodes.h), and are quantized without each other.
  llvm::Error
  fixCodes(std::vector<std::vector<std::optional<uint32_t>>> ofExperts);
  /// The codes that are given for a row.
  FixedCodes fixedCodes(int64_t row) const {
    return fixed.empty() ? FixedCodes()
                         : FixedCodes(fixed[row / rowsPerExpert()]);
  }
  /// Whether rows write the code of a field: not one that is given.
  bool writesField(int field, int64_t row) const {
    return fixed.empty() || !fixedCodes(row)[field];
  }
  /// Bytes of a side tensor of this weight; 0 where there is none.
  int64_t sideBytes(llvm::StringRef operand) const;

  QuantScheme scheme;
  QuantRule rule;
  SchemeNumbers numbers;
  NearestCodes nearest;
  FieldBits codeBits;
  std::optional<CodeRuns> codeRuns; ///< Of schemes without side tensors.
  /// Where codes are looked up and yet independent.
  std::optional<ProductCodes> productCodes;
  /// Whether the codes of a block can be stored at once.
  bool storesCodes() const { return codeRuns || productCodes; }
  /// Into a block whose bytes are zeros.
  void storeCodes(const uint8_t *codes, uint8_t *block) const {
    if (productCodes)
      productCodes->store(codes, block);
    else
      codeRuns->store(codes, block);
  }
  std::vector<std::optional<FieldBits>> fieldBits; ///< None for side tensors.
  std::vector<int64_t> shape;
  /// Rows of all experts; `together`: rows that share scales.
  int64_t columns = 0, numRows = 0, together = 1;
  QuantizeOptions options;
  /// Of a block, where all blocks are alike.
  std::vector<Problem> blockProblems;
  /// Of a row, where all rows are alike and none shares scales with another;
  /// there are side tensors.
  std::vector<Problem> rowProblems;
  /// Of block problems, where codes are looked up.
  std::vector<VectorCodes> blockVectors;
  const VectorCodes *vectorsOf(const Problem &problem) const {
    return blockVectors.empty()
               ? nullptr
               : &blockVectors[&problem - blockProblems.data()];
  }

private:
  std::vector<std::vector<std::optional<uint32_t>>> fixed; ///< Of experts.

  WeightPlan(QuantScheme scheme, QuantRule rule);
  llvm::Error prepare();
  llvm::Error prepareRows();
  llvm::Error checkShape() const;
  llvm::Error checkImportance() const;
  llvm::Error checkFinite(llvm::ArrayRef<float> values, int64_t firstRow) const;
};

} // namespace rlx::quantize

#endif // RLX_CODEGEN_QUANTIZE_WEIGHTPLAN_H
