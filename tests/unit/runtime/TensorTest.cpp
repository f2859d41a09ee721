//===- TensorTest.cpp - Sizes, alignment and ownership of tensors ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every element type, shapes that do not fit, and moves.
//
//===----------------------------------------------------------------------===//
#include "runtime/Tensor.h"
#include "runtime/TensorChecks.h"

#include "tests/unit/runtime/TestSupport.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

using namespace rlx;
using namespace rlx::test;

// AddressSanitizer's allocator ends the program by default where malloc returns
// null.
extern "C" const char *__asan_default_options() {
  return "allocator_may_return_null=1";
}

namespace tensor_test {

TEST(TensorChecks, ShapesAndData) {
  float value = 0;
  auto check = [&](std::vector<int64_t> shape, void *data) {
    return checkTensor({ElementType::f32, std::move(shape), data}, "input 0");
  };
  EXPECT_TRUE(check({}, &value));
  EXPECT_TRUE(check({3, 512}, &value));
  EXPECT_TRUE(check({0, 512}, nullptr));
  expectError(check({3, 512}, nullptr), "input 0 has no data");
  expectError(check({-1, 512}, &value), "dimension 0 of input 0 is negative",
              "got f32 [-1, 512]");
  expectError(check({0, -1}, &value), "dimension 1 of input 0 is negative");
  constexpr int64_t most = int64_t{1} << 62;
  expectError(check({most, 512}, &value), "input 0 is too large");
  // Elements fit, bytes do not.
  expectError(check({most}, &value), "input 0 is too large");
  // Strides of tensors without elements.
  expectError(check({0, most, 4}, &value), "input 0 is too large");
  EXPECT_TRUE(check({most / 4}, &value));
}

TEST(TensorChecks, OutputsHaveMemoryOfTheirOwn) {
  std::array<float, 8> buffer{};
  auto view = [&](size_t begin, int64_t size) {
    return TensorView{ElementType::f32, {size}, buffer.data() + begin};
  };
  auto check = [](std::vector<TensorView> inputs,
                  std::vector<TensorView> outputs) {
    return checkOutputMemory(inputs, outputs);
  };
  EXPECT_TRUE(check({view(0, 4), view(2, 2)}, {view(4, 2), view(6, 2)}));
  EXPECT_TRUE(check({view(0, 4)}, {view(1, 0), view(4, 0), view(4, 1)}));
  EXPECT_TRUE(check({view(1, 0)}, {view(0, 4)}));
  expectError(check({view(6, 1), view(0, 4)}, {view(0, 4)}),
              "output 0 shares memory with input 1");
  expectError(check({view(0, 8)}, {view(3, 1)}),
              "output 0 shares memory with input 0");
  expectError(check({view(3, 1)}, {view(0, 8)}),
              "output 0 shares memory with input 0");
  expectError(check({}, {view(0, 4), view(3, 2)}),
              "output 1 shares memory with output 0");
}

bool isAligned(const void *address, uintptr_t alignment) {
  return reinterpret_cast<uintptr_t>(address) % alignment == 0;
}

TEST(ElementType, NamesAndSizes) {
  const std::pair<const char *, unsigned> expected[] = {
      {"f64", 64}, {"f32", 32}, {"f16", 16},   {"bf16", 16}, {"i64", 64},
      {"i32", 32}, {"i16", 16}, {"i8", 8},     {"u64", 64},  {"u32", 32},
      {"u16", 16}, {"u8", 8},   {"boolean", 8}};
  int index = 0;
  for (auto [name, bits] : expected) {
    auto type = static_cast<ElementType>(index++);
    EXPECT_EQ(elementName(type), name);
    EXPECT_EQ(elementBits(type), bits) << name;
    EXPECT_EQ(elementBytes(type), bits / 8) << name;
    EXPECT_EQ(parseElementType(name), type);
  }
  EXPECT_EQ(parseElementType("f8"), std::nullopt);
}

TEST(Tensor, CountElements) {
  using Shape = std::vector<int64_t>;
  EXPECT_EQ(countElements(Shape{}), 1);
  EXPECT_EQ(countElements(Shape{3, 512}), 1536);
  EXPECT_EQ(countElements(Shape{INT64_MAX}), INT64_MAX);
  EXPECT_EQ(countElements(Shape{INT64_MAX, 2}), std::nullopt);
  EXPECT_EQ(countElements(Shape{INT64_MAX, 2, 0}), 0);
  EXPECT_EQ(countElements(Shape{0, -1}), std::nullopt);
}

TEST(Tensor, AllocatesAlignedAndWritable) {
  for (int64_t size : {0, 1, 15, 4096, 1 << 19, (1 << 19) + 1}) {
    Result<Tensor> tensor = Tensor::allocate(ElementType::f32, {size});
    ASSERT_TRUE(tensor) << tensor.message();
    EXPECT_EQ(tensor->numElements(), size);
    EXPECT_EQ(tensor->numBytes(), 4 * size);
    ASSERT_NE(tensor->data<float>(), nullptr);
    EXPECT_TRUE(isAligned(tensor->data<float>(), 64));
    if (tensor->numBytes() >= 2 << 20) {
      EXPECT_TRUE(isAligned(tensor->data<float>(), 2 << 20));
    }
    std::ranges::fill(tensor->bytes(), std::byte{1});
  }
}

TEST(Tensor, DescribesItself) {
  EXPECT_EQ(Tensor::allocate(ElementType::f32, {3, 512})->describe(),
            "f32 [3, 512]");
  EXPECT_EQ(Tensor::allocate(ElementType::i8, {})->describe(), "i8 []");
  EXPECT_EQ(Tensor().describe(), "f32 [0]");
}

TEST(Tensor, MovesLeaveNothingBehind) {
  Tensor first = Tensor::allocate(ElementType::i32, {2}).take();
  first.data<int32_t>()[1] = 7;
  Tensor second = std::move(first);
  EXPECT_EQ(second.data<int32_t>()[1], 7);
  EXPECT_EQ(first.numElements(), 0);
  EXPECT_EQ(first.data<int32_t>(), nullptr);
  first = std::move(second);
  EXPECT_EQ(first.data<int32_t>()[1], 7);
  EXPECT_EQ(first.view().shape, std::vector<int64_t>{2});
}

TEST(Tensor, RefusesImpossibleShapes) {
  expectError(Tensor::allocate(ElementType::f32, {3, -2}), "dimension 1",
              "f32 [3, -2]", "negative");
  expectError(Tensor::allocate(ElementType::f32, {INT64_MAX, 3}), "too large");
  expectError(Tensor::allocate(ElementType::f64, {INT64_MAX / 4}), "too large");
  expectError(Tensor::allocate(ElementType::u8, {INT64_MAX}), "too large");
  expectError(Tensor::allocate(ElementType::u8, {INT64_MAX / 2}),
              "out of memory", "u8 [4611686018427387903]");
}

} // namespace tensor_test
