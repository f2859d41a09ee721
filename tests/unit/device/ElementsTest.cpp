//===- ElementsTest.cpp - Elements of all sizes, and long reductions ------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The same kernels for all that a device can do, and as if it lacked it:
// elements of 8 and 16 bits by themselves and as parts of words, reductions
// across subgroups and in memory of the workgroup. Results are the same.
//
//===----------------------------------------------------------------------===//

#include "tests/unit/device/DeviceSupport.h"

#include <numeric>

using namespace rlx;
using namespace rlx::test;

namespace elements_test {

enum class Ability { all, fewest };
using Parameters = std::tuple<TestDevice, Ability>;

class DeviceElementsTest : public testing::TestWithParam<Parameters> {
protected:
  void SetUp() override {
    std::string reason;
    auto [wanted, ability] = GetParam();
    device = openDevice(wanted, reason);
    if (!device)
      GTEST_SKIP() << reason;
    target = targetOf(wanted, *device);
    if (ability == Ability::fewest)
      target = withFewest(target);
  }
  std::unique_ptr<DeviceExecutable> compile(const std::string &text) {
    return compiledFor(*device, target, text);
  }
  rlx::Device *device = nullptr;
  DeviceTarget target;
};

TEST_P(DeviceElementsTest, Bits16) {
  std::unique_ptr<DeviceExecutable> executable = compile(R"(
func.func @main(%x: tensor<9xbf16>, %h: tensor<9xf16>, %i: tensor<9xi16>)
    -> (tensor<9xbf16>, tensor<9xf16>, tensor<9xi16>) {
  %a = arith.addf %x, %x : tensor<9xbf16>
  %b = arith.mulf %h, %h : tensor<9xf16>
  %c = arith.muli %i, %i : tensor<9xi16>
  return %a, %b, %c : tensor<9xbf16>, tensor<9xf16>, tensor<9xi16>
})");
  ASSERT_TRUE(executable);
  // 1, -2, 3, 256, a number whose double is infinite, infinity, -0, 1 + 2^-7
  // and the smallest normal one.
  test::Buffer<uint16_t> x(
      ElementType::bf16, {9},
      {0x3f80, 0xc000, 0x4040, 0x4380, 0x7f7f, 0x7f80, 0x8000, 0x3f81, 0x0080}),
      y(ElementType::bf16, {9});
  // 1, -2, 2^-12, 3 * 2^-13, 2^-24, 255.875, infinity, -0, 1 + 2^-10
  test::Buffer<uint16_t> h(
      ElementType::f16, {9},
      {0x3c00, 0xc000, 0x0c00, 0x0e00, 0x0001, 0x5bff, 0x7c00, 0x8000, 0x3c01}),
      g(ElementType::f16, {9});
  test::Buffer<int16_t> i(ElementType::i16, {9},
                          {1, -2, 3, 181, 182, 256, -32768, 0, -1}),
      j(ElementType::i16, {9});
  runOn(*executable, "main", {x, h, i}, {y, g, j});
  EXPECT_EQ(y.values,
            (std::vector<uint16_t>{0x4000, 0xc080, 0x40c0, 0x4400, 0x7f80,
                                   0x7f80, 0x8000, 0x4001, 0x0100}));
  // 2^-24 and 9 * 2^-26, which is rounded to 2 * 2^-24, are subnormal.
  EXPECT_EQ(g.values,
            (std::vector<uint16_t>{0x3c00, 0x4400, 0x0001, 0x0002, 0x0000,
                                   0x7bfe, 0x7c00, 0x0000, 0x3c02}));
  EXPECT_EQ(j.values,
            (std::vector<int16_t>{1, 4, 9, 32761, -32412, 0, 0, 0, 1}));
}

TEST_P(DeviceElementsTest, Bits8) {
  std::unique_ptr<DeviceExecutable> executable = compile(R"(
#id = affine_map<(i) -> (i)>
func.func @main(%x: tensor<11xi8>, %y: tensor<11xi8>) -> (tensor<11xi8>, tensor<11xi1>, tensor<11xi8>) {
  %e = tensor.empty() : tensor<11xi8>
  %l = arith.cmpi slt, %x, %y : tensor<11xi8>
  %s = arith.addi %x, %y : tensor<11xi8>
  %d = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]}
      ins(%l, %x : tensor<11xi1>, tensor<11xi8>) outs(%e : tensor<11xi8>) {
    ^bb0(%c: i1, %v: i8, %o: i8):
      %zero = arith.constant 0 : i8
      %r = arith.select %c, %v, %zero : i8
      linalg.yield %r : i8
  } -> tensor<11xi8>
  return %s, %l, %d : tensor<11xi8>, tensor<11xi1>, tensor<11xi8>
})");
  ASSERT_TRUE(executable);
  test::Buffer<int8_t> x(ElementType::i8, {11},
                         {0, 1, -1, 127, -128, 5, 5, -7, 100, -100, 3}),
      y(ElementType::i8, {11}, {0, 2, 1, 1, -1, 4, 5, 7, 100, -100, -3}),
      sum(ElementType::i8, {11}), chosen(ElementType::i8, {11});
  test::Buffer<uint8_t> less(ElementType::boolean, {11});
  runOn(*executable, "main", {x, y}, {sum, less, chosen});
  EXPECT_EQ(sum.values,
            (std::vector<int8_t>{0, 3, 0, -128, 127, 9, 10, 0, -56, 56, 0}));
  EXPECT_EQ(less.values,
            (std::vector<uint8_t>{0, 1, 1, 0, 1, 0, 0, 1, 0, 0, 0}));
  EXPECT_EQ(chosen.values,
            (std::vector<int8_t>{0, 1, -1, 0, -128, 0, 0, -7, 0, 0, 0}));
}

// A slice of elements that begins within a word, written into another one.
TEST_P(DeviceElementsTest, Slices) {
  std::unique_ptr<DeviceExecutable> executable = compile(R"(
func.func @main(%x: tensor<13xf16>, %y: tensor<13xi8>) -> (tensor<13xf16>, tensor<13xi8>) {
  %a = tensor.extract_slice %x[3] [5] [2] : tensor<13xf16> to tensor<5xf16>
  %s = tensor.insert_slice %a into %x[5] [5] [1] : tensor<5xf16> into tensor<13xf16>
  %b = tensor.extract_slice %y[3] [5] [2] : tensor<13xi8> to tensor<5xi8>
  %t = tensor.insert_slice %b into %y[5] [5] [1] : tensor<5xi8> into tensor<13xi8>
  return %s, %t : tensor<13xf16>, tensor<13xi8>
})");
  ASSERT_TRUE(executable);
  // Subnormal halves and a NaN with bits of its own are only moved.
  test::Buffer<uint16_t> x(ElementType::f16, {13},
                           {0x0001, 0x0002, 0x0003, 0x8004, 0x0005, 0x3c01,
                            0x0007, 0x7bff, 0x0009, 0xfc00, 0x000b, 0x03ff,
                            0x000d}),
      s(ElementType::f16, {13});
  test::Buffer<int8_t> y(ElementType::i8, {13}), t(ElementType::i8, {13});
  std::iota(y.values.begin(), y.values.end(), int8_t(-6));
  runOn(*executable, "main", {x, y}, {s, t});
  std::vector<uint16_t> expected = x.values;
  std::vector<int8_t> bytes = y.values;
  for (size_t i = 0; i < 5; ++i) {
    expected[5 + i] = x.values[3 + 2 * i];
    bytes[5 + i] = y.values[3 + 2 * i];
  }
  EXPECT_EQ(s.values, expected);
  EXPECT_EQ(t.values, bytes);
}

/// A function that reduces each row from `initial` on by operation `body`.
std::string reduction(const std::string &name, const std::string &type,
                      const std::string &initial, const std::string &body) {
  std::string row = "tensor<5x" + type + ">",
              all = "tensor<5x1000x" + type + ">";
  return "func.func @" + name + "(%x: " + all + ") -> " + row + " {\n" +
         "  %c = arith.constant " + initial + " : " + type +
         "\n  %e = tensor.empty() : " + row +
         "\n  %i = linalg.fill ins(%c : " + type + ") outs(%e : " + row +
         ") -> " + row +
         "\n  %y = linalg.generic {indexing_maps = [affine_map<(m, k) -> (m, "
         "k)>, "
         "affine_map<(m, k) -> (m)>], iterator_types = [\"parallel\", "
         "\"reduction\"]} ins(%x : " +
         all + ") outs(%i : " + row + ") {\n    ^bb0(%v: " + type +
         ", %s: " + type + "):\n      %n = " + body + " %v, %s : " + type +
         "\n      linalg.yield %n : " + type + "\n  } -> " + row +
         "\n  return %y : " + row + "\n}\n";
}

TEST_P(DeviceElementsTest, LongReductions) {
  constexpr int64_t rows = 5, columns = 1000;
  std::unique_ptr<DeviceExecutable> executable =
      compile(reduction("sum", "f32", "0.5", "arith.addf") +
              reduction("most", "f32", "-1.0", "arith.maximumf") +
              reduction("least", "f32", "1.0", "arith.minimumf") +
              reduction("known", "f32", "-1.0", "arith.maxnumf") +
              reduction("total", "i32", "3", "arith.addi") +
              reduction("highest", "i32", "-7", "arith.maxsi") +
              reduction("bits", "i32", "1", "arith.xori"));
  ASSERT_TRUE(executable);
  // Small integers, whose sums are exact in any order.
  Ids numbers({rows, columns}, {});
  std::mt19937 engine(1);
  for (int32_t &number : numbers.values)
    number = int32_t(engine() % 2001) - 1000;
  Floats x({rows, columns});
  std::copy(numbers.values.begin(), numbers.values.end(), x.values.begin());
  Floats y({rows});
  Ids n({rows}, {});
  auto rowOf = [&](auto &buffer, int64_t row) {
    return llvm::ArrayRef(buffer.values).slice(row * columns, columns);
  };
  runOn(*executable, "sum", {x}, {y});
  for (int64_t row = 0; row < rows; ++row) {
    auto all = rowOf(x, row);
    EXPECT_EQ(y.values[row], std::accumulate(all.begin(), all.end(), 0.5f));
  }
  runOn(*executable, "total", {numbers}, {n});
  for (int64_t row = 0; row < rows; ++row) {
    auto all = rowOf(numbers, row);
    EXPECT_EQ(n.values[row], std::accumulate(all.begin(), all.end(), 3));
  }
  runOn(*executable, "highest", {numbers}, {n});
  for (int64_t row = 0; row < rows; ++row) {
    auto all = rowOf(numbers, row);
    EXPECT_EQ(n.values[row], *std::max_element(all.begin(), all.end()));
  }
  runOn(*executable, "bits", {numbers}, {n});
  for (int64_t row = 0; row < rows; ++row) {
    auto all = rowOf(numbers, row);
    EXPECT_EQ(n.values[row], std::accumulate(all.begin(), all.end(), 1,
                                             std::bit_xor<int32_t>()));
  }
  runOn(*executable, "known", {x}, {y});
  for (int64_t row = 0; row < rows; ++row) {
    auto all = rowOf(x, row);
    EXPECT_EQ(y.values[row], *std::max_element(all.begin(), all.end()));
  }

  // Rows of small negative numbers; of zeros of both signs; with an infinity,
  // and with a NaN of each sign.
  for (int64_t i = 0; i < columns; ++i) {
    x.values[i] = -1.0f / float(i + 2);
    x.values[columns + i] = i == 700 ? 0.0f : -0.0f;
    x.values[2 * columns + i] = i == 3 ? INFINITY : i == 4 ? -INFINITY : 0;
    x.values[3 * columns + i] = i == 999 ? NAN : float(i);
    x.values[4 * columns + i] = i == 65 ? -NAN : -float(i);
  }
  runOn(*executable, "most", {x}, {y});
  EXPECT_EQ(y.values[0], -1.0f / 1001);
  EXPECT_EQ(y.values[1], 0);
  EXPECT_EQ(y.values[2], INFINITY);
  EXPECT_TRUE(std::isnan(y.values[3])) << y.values[3];
  EXPECT_TRUE(std::isnan(y.values[4])) << y.values[4];
  runOn(*executable, "least", {x}, {y});
  EXPECT_EQ(y.values[0], -0.5f);
  EXPECT_EQ(y.values[1], 0);
  EXPECT_EQ(y.values[2], -INFINITY);
  EXPECT_TRUE(std::isnan(y.values[3])) << y.values[3];
  EXPECT_TRUE(std::isnan(y.values[4])) << y.values[4];
}

// Sums of numbers that are rounded: the order is the same each time.
TEST_P(DeviceElementsTest, ReductionsAreTheSameEachTime) {
  std::unique_ptr<DeviceExecutable> executable =
      compile(reduction("sum", "f32", "0.0", "arith.addf"));
  ASSERT_TRUE(executable);
  Floats x = Floats::random({5, 1000}, 3), first({5}), again({5});
  runOn(*executable, "sum", {x}, {first});
  for (int i = 0; i < 20; ++i) {
    runOn(*executable, "sum", {x}, {again});
    EXPECT_EQ(first.values, again.values);
  }
}

// What kernels declare is what the device was opened with.
TEST_P(DeviceElementsTest, CleanUnderValidation) {
  DeviceApi api = std::get<0>(GetParam()).api;
  if (api != DeviceApi::vulkan)
    GTEST_SKIP() << "validation is Vulkan's";
  std::string late;
  DeviceOptions options;
  options.validate = true;
  options.onLateError = [&](const std::string &text) { late += text + "\n"; };
  auto opened = rlx::Device::open(api, deviceNumber(api), options);
  if (!opened)
    GTEST_SKIP() << opened.message();
  std::unique_ptr<rlx::Device> validated = opened.take();
  {
    std::unique_ptr<DeviceExecutable> executable =
        compiledFor(*validated, target,
                    reduction("most", "f32", "0.0", "arith.maximumf") + R"(
func.func @main(%x: tensor<9xbf16>, %h: tensor<9xf16>, %i: tensor<9xi8>)
    -> (tensor<9xbf16>, tensor<9xf16>, tensor<9xi1>) {
  %a = arith.addf %x, %x : tensor<9xbf16>
  %b = arith.mulf %h, %h : tensor<9xf16>
  %c = arith.cmpi eq, %i, %i : tensor<9xi8>
  return %a, %b, %c : tensor<9xbf16>, tensor<9xf16>, tensor<9xi1>
})");
    ASSERT_TRUE(executable);
    test::Buffer<uint16_t> x(ElementType::bf16, {9}), h(ElementType::f16, {9});
    test::Buffer<int8_t> i(ElementType::i8, {9});
    test::Buffer<uint8_t> equal(ElementType::boolean, {9});
    test::Buffer<uint16_t> sum(ElementType::bf16, {9}),
        square(ElementType::f16, {9});
    runOn(*executable, "main", {x, h, i}, {sum, square, equal});
    EXPECT_EQ(equal.values, std::vector<uint8_t>(9, 1));
    Floats rows = Floats::random({5, 1000}, 1), y({5});
    runOn(*executable, "most", {rows}, {y});
    EXPECT_EQ(y.values[0], *std::max_element(rows.values.begin(),
                                             rows.values.begin() + 1000));
  }
  validated.reset();
  EXPECT_EQ(late, "");
}

INSTANTIATE_TEST_SUITE_P(
    Devices, DeviceElementsTest,
    testing::Combine(testing::ValuesIn(testDevices),
                     testing::Values(Ability::all, Ability::fewest)),
    [](const auto &info) {
      return std::string(std::get<0>(info.param).name) +
             (std::get<1>(info.param) == Ability::all ? "_all" : "_fewest");
    });

} // namespace elements_test
