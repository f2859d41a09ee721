//===- QuantizedWeight.h - A weight as it is stored -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The bytes of a weight of any scheme with its side tensors: what quantizers
// make, and what a file or a program takes.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_QUANTIZE_METHODS_QUANTIZEDWEIGHT_H
#define RLX_CODEGEN_QUANTIZE_METHODS_QUANTIZEDWEIGHT_H

#include "codegen/quantize/Quantizer.h"
#include "ir/Reference.h"
#include "ir/WeightMemory.h"

#include <vector>

namespace rlx {

struct QuantizedWeight {
  QuantScheme scheme;
  std::vector<int64_t> shape; ///< [N, K] or [E, N, K]
  std::vector<uint8_t> blocks, scales, zeroPoints, globalScale;

  /// Room for what `quantizer` writes.
  QuantizedWeight(const Quantizer &quantizer, llvm::ArrayRef<int64_t> shape);

  int64_t rows() const;
  int64_t columns() const { return shape.back(); }
  /// Elements of a row that share all scales; 0: a whole row, or no scale.
  int64_t group() const;
  /// Of blocks and side tensors.
  int64_t bytes() const;
  int64_t sideBytes() const { return bytes() - int64_t(blocks.size()); }

  /// Where rows `begin` to `end` are written.
  QuantizedBytes rowBytes(int64_t begin, int64_t end);
  StoredWeight stored() const {
    return {blocks, scales, zeroPoints, globalScale};
  }
  /// What is stored, as numbers, row after row.
  std::vector<double> values() const;
};

/// Quantizes a whole weight.
llvm::Expected<QuantizedWeight> quantizeWeight(QuantScheme scheme,
                                               llvm::ArrayRef<int64_t> shape,
                                               llvm::ArrayRef<float> values,
                                               QuantizeOptions options = {});

} // namespace rlx

#endif // RLX_CODEGEN_QUANTIZE_METHODS_QUANTIZEDWEIGHT_H
