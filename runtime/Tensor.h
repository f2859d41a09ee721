//===- Tensor.h - Typed, shaped buffers of the host -----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What goes into and comes out of a compiled program: plain element types in
// row-major order, without strides. Quantized weights are not tensors here;
// they are bytes of a weight file (WeightFile.h) that only generated code
// reads.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_RUNTIME_TENSOR_H
#define RLX_RUNTIME_TENSOR_H

#include "runtime/Status.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rlx {

/// The type of a tensor's elements. A boolean is a byte that holds 0 or 1.
enum class ElementType {
  f64,
  f32,
  f16,
  bf16,
  i64,
  i32,
  i16,
  i8,
  u64,
  u32,
  u16,
  u8,
  boolean
};

/// Bits and bytes that an element takes in memory; 8 and 1 for a boolean.
unsigned elementBits(ElementType type);
unsigned elementBytes(ElementType type);

/// `f32`, `i8`, `boolean`, ...: the name of the enumerator.
std::string_view elementName(ElementType type);

/// The type of that name, if there is one.
std::optional<ElementType> parseElementType(std::string_view name);

/// The number of elements of a shape (1 for an empty one), or nothing when a
/// dimension is negative or the product does not fit.
std::optional<int64_t> countElements(std::span<const int64_t> shape);

/// `[3, 512]`
std::string describeShape(std::span<const int64_t> shape);

/// A tensor that someone else owns: row-major, outermost dimension first.
struct TensorView {
  ElementType type = ElementType::f32;
  std::vector<int64_t> shape;
  void *data = nullptr;

  /// Both expect a shape that countElements accepts.
  int64_t numElements() const;
  int64_t numBytes() const;

  /// `f32 [3, 512]`
  std::string describe() const;
};

/// A tensor that owns its buffer. The buffer is aligned to 64 bytes; from 2 MiB
/// on it is aligned to 2 MiB and the kernel is asked for huge pages.
class Tensor {
public:
  /// No elements at all: shape [0], no buffer.
  Tensor() = default;
  Tensor(Tensor &&other) noexcept;
  Tensor &operator=(Tensor &&other) noexcept;
  Tensor(const Tensor &) = delete;
  Tensor &operator=(const Tensor &) = delete;
  ~Tensor();

  /// A tensor of uninitialized elements. Errors: a negative dimension, a size
  /// that does not fit in 63 bits, memory that is not there. A shape with a
  /// zero is fine and has a buffer all the same.
  static Result<Tensor> allocate(ElementType type, std::vector<int64_t> shape);

  ElementType type() const { return content.type; }
  const std::vector<int64_t> &shape() const { return content.shape; }
  int64_t numElements() const { return content.numElements(); }
  int64_t numBytes() const { return content.numBytes(); }
  std::string describe() const { return content.describe(); }

  /// A view that is valid as long as this tensor's buffer.
  const TensorView &view() const { return content; }

  /// The elements; T must be the type's own representation (f16 and bf16 are
  /// uint16_t, a boolean is uint8_t).
  template <class T> T *data() { return static_cast<T *>(content.data); }
  template <class T> const T *data() const {
    return static_cast<const T *>(content.data);
  }

  /// The buffer as bytes.
  std::span<std::byte> bytes() {
    return {data<std::byte>(), static_cast<size_t>(numBytes())};
  }
  std::span<const std::byte> bytes() const {
    return {data<std::byte>(), static_cast<size_t>(numBytes())};
  }

private:
  TensorView content{ElementType::f32, {0}, nullptr};
};

} // namespace rlx

#endif // RLX_RUNTIME_TENSOR_H
