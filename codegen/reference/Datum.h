//===- Datum.h - What a value of the program is -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A tensor, or a scalar as a tensor of rank 0. Weights, inputs and constants
// stay where they are until their numbers are asked for; quantized tensors stay
// bytes. Copies share numbers until one of them is written.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_CODEGEN_REFERENCE_DATUM_H
#define RLX_CODEGEN_REFERENCE_DATUM_H

#include "codegen/reference/Numbers.h"
#include "runtime/Tensor.h"

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <optional>

namespace rlx {

class QuantScheme;

class Datum {
public:
  Datum() = default;
  /// Of `type`, a tensor or scalar type, with the sizes that it has here.
  Datum(mlir::Type type, std::vector<int64_t> shape, Numbers numbers);
  static Datum scalar(mlir::Type type, uint64_t bits);
  static Datum index(mlir::MLIRContext *context, int64_t value);
  /// Of which nothing is known: it has not been written yet.
  static Datum undefined(mlir::RankedTensorType type,
                         std::vector<int64_t> shape);
  /// Bytes of a quantized tensor that the program computes. `others` differ
  /// where its rounding may have led to another code.
  static Datum quantized(mlir::RankedTensorType type,
                         std::vector<int64_t> shape, std::vector<uint8_t> bytes,
                         std::vector<uint8_t> others);
  /// What the caller passes as `type`, which is not copied.
  static llvm::Expected<Datum> stored(mlir::RankedTensorType type,
                                      const TensorView &tensor,
                                      llvm::StringRef what);
  /// The value of an arith.constant, which must outlive it. Null where there is
  /// none that is known.
  static Datum constant(mlir::Attribute value);

  explicit operator bool() const { return bool(elements); }
  mlir::Type type() const { return ofType; }
  mlir::Type elementType() const { return mlir::getElementTypeOrSelf(ofType); }
  bool isTensor() const { return llvm::isa<mlir::RankedTensorType>(ofType); }
  /// Of a quantized tensor.
  std::optional<QuantScheme> scheme() const;
  bool isQuantized() const;
  const std::vector<int64_t> &shape() const { return sizes; }
  int64_t rank() const { return sizes.size(); }
  int64_t size() const;
  /// The same elements with other sizes, of another type.
  Datum reshaped(mlir::Type type, std::vector<int64_t> shape) const;

  /// Not of quantized tensors.
  const Numbers &numbers() const;
  /// To be written; copied where others have them.
  Numbers &writable();
  /// Elements `begin` to `begin + count` of a tensor of floats. `deviations` is
  /// filled and true returned where there are some.
  bool read(int64_t begin, int64_t count, double *values,
            double *deviations) const;
  /// The elements at `positions`; where they lie in memory, they are read
  /// there.
  void gather(llvm::ArrayRef<int64_t> positions, Numbers &numbers) const;
  /// The number that a scalar is.
  int64_t asInteger() const;

  /// The bytes of a quantized tensor.
  llvm::ArrayRef<uint8_t> storedBytes() const;
  /// What they may be as well; none for those that were not computed.
  llvm::ArrayRef<uint8_t> otherBytes() const { return elements->others; }
  /// The elements as they lie in memory; floats are rounded to what they are.
  std::vector<uint8_t> toBytes() const;

  /// For results of matmuls, how large they would be if nothing cancelled: the
  /// root of the sum of squares of their terms.
  const std::vector<double> &magnitudes() const;
  void setMagnitudes(std::vector<double> magnitudes);

private:
  class FloatReader;
  struct Elements {
    Numbers numbers;
    bool areRead = true;
    const uint8_t *stored = nullptr; ///< until they are read
    size_t storedBytes = 0;
    bool isSplat = false;
    std::vector<uint8_t> computed, others; ///< of a quantized tensor
    std::shared_ptr<const FloatReader> reader;
    std::vector<double> magnitudes;
  };
  const FloatReader &reader() const;
  static Datum unread(mlir::Type type, std::vector<int64_t> shape,
                      const void *data, size_t bytes, bool isSplat);

  mlir::Type ofType;
  std::vector<int64_t> sizes;
  std::shared_ptr<Elements> elements;
};

/// The product of sizes.
int64_t countOf(llvm::ArrayRef<int64_t> shape);
/// Row-major strides of a shape.
std::vector<int64_t> stridesOf(llvm::ArrayRef<int64_t> shape);

} // namespace rlx

#endif // RLX_CODEGEN_REFERENCE_DATUM_H
