//===- Tensor.cpp - Typed, shaped buffers of the host ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sizes are checked where a tensor is made, once; views trust them afterwards.
//
//===----------------------------------------------------------------------===//
#include "runtime/Tensor.h"

#include <sys/mman.h>

#include <array>
#include <cstdlib>
#include <utility>

namespace rlx {
namespace {

struct ElementFacts {
  std::string_view name;
  unsigned bytes;
};

/// In the order of ElementType.
constexpr std::array<ElementFacts, 13> elementTable = {{
    {"f64", 8},
    {"f32", 4},
    {"f16", 2},
    {"bf16", 2},
    {"i64", 8},
    {"i32", 4},
    {"i16", 2},
    {"i8", 1},
    {"u64", 8},
    {"u32", 4},
    {"u16", 2},
    {"u8", 1},
    {"boolean", 1},
}};
static_assert(elementTable.size() ==
              static_cast<size_t>(ElementType::boolean) + 1);

const ElementFacts &factsOf(ElementType type) {
  return elementTable[static_cast<size_t>(type)];
}

constexpr size_t smallAlignment = 64;
constexpr size_t hugePageBytes = size_t{2} << 20;

} // namespace

unsigned elementBits(ElementType type) { return 8 * factsOf(type).bytes; }

unsigned elementBytes(ElementType type) { return factsOf(type).bytes; }

std::string_view elementName(ElementType type) { return factsOf(type).name; }

std::optional<ElementType> parseElementType(std::string_view name) {
  for (size_t i = 0; i < elementTable.size(); ++i)
    if (elementTable[i].name == name)
      return static_cast<ElementType>(i);
  return std::nullopt;
}

std::optional<int64_t> countElements(std::span<const int64_t> shape) {
  // A zero is looked for first: [2^62, 4, 0] has no elements and does fit.
  bool isEmpty = false;
  for (int64_t dim : shape) {
    if (dim < 0)
      return std::nullopt;
    isEmpty |= dim == 0;
  }
  if (isEmpty)
    return 0;
  int64_t count = 1;
  for (int64_t dim : shape)
    if (__builtin_mul_overflow(count, dim, &count))
      return std::nullopt;
  return count;
}

std::string describeShape(std::span<const int64_t> shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

int64_t TensorView::numElements() const {
  return countElements(shape).value_or(0);
}

int64_t TensorView::numBytes() const {
  return numElements() * elementBytes(type);
}

std::string TensorView::describe() const {
  return fmt::format("{} {}", elementName(type), describeShape(shape));
}

Tensor::Tensor(Tensor &&other) noexcept
    : content(std::exchange(other.content,
                            TensorView{ElementType::f32, {0}, nullptr})) {}

Tensor &Tensor::operator=(Tensor &&other) noexcept {
  std::swap(content, other.content);
  return *this;
}

Tensor::~Tensor() { std::free(content.data); }

Result<Tensor> Tensor::allocate(ElementType type, std::vector<int64_t> shape) {
  for (size_t i = 0; i < shape.size(); ++i)
    if (shape[i] < 0)
      return errorf("dimension {} of a tensor {} {} is negative, expected 0 or "
                    "more",
                    i, elementName(type), describeShape(shape));
  std::optional<int64_t> count = countElements(shape);
  int64_t numBytes = 0;
  int64_t paddedBytes = 0;
  if (!count ||
      __builtin_mul_overflow(*count, int64_t{elementBytes(type)}, &numBytes) ||
      __builtin_add_overflow(numBytes, int64_t{hugePageBytes}, &paddedBytes))
    return errorf("a tensor {} {} is too large: its size in bytes does not fit "
                  "in 63 bits",
                  elementName(type), describeShape(shape));

  size_t size = static_cast<size_t>(numBytes);
  size_t alignment = size >= hugePageBytes ? hugePageBytes : smallAlignment;
  // aligned_alloc wants a multiple of the alignment; an empty tensor gets one
  // unit, so that every tensor has an address.
  size = (std::max<size_t>(size, 1) + alignment - 1) / alignment * alignment;
  void *data = std::aligned_alloc(alignment, size);
  if (!data)
    return errorf("out of memory: a tensor {} {} needs {} bytes",
                  elementName(type), describeShape(shape), numBytes);
  // Best effort: without huge pages everything still works, more slowly. The
  // end gets small ones: of the weights of a model, many are between one huge
  // page and two, and what is beyond their ends would be memory in use.
  if (alignment == hugePageBytes) {
    size_t whole =
        static_cast<size_t>(numBytes) / hugePageBytes * hugePageBytes;
    (void)madvise(data, whole, MADV_HUGEPAGE);
    if (whole < size)
      (void)madvise(static_cast<std::byte *>(data) + whole, size - whole,
                    MADV_NOHUGEPAGE);
  }

  Tensor tensor;
  tensor.content = {type, std::move(shape), data};
  return tensor;
}

} // namespace rlx
