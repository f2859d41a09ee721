//===- NpyTest.cpp - NumPy's .npy files -----------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Round trips of every element type, headers as NumPy writes them, and each
// thing that is refused.
//
//===----------------------------------------------------------------------===//
#include "runtime/Npy.h"

#include "tests/unit/runtime/TestSupport.h"

#include <numeric>

using namespace rlx;
using namespace rlx::test;

namespace npy_test {

/// A file of the given version and dictionary, unpadded.
std::string npy(std::string_view dictionary, std::string_view data,
                int major = 1) {
  std::string file = "\x93NUMPY";
  file += static_cast<char>(major);
  file += '\0';
  for (int i = 0; i < (major == 1 ? 2 : 4); ++i)
    file += static_cast<char>(dictionary.size() >> 8 * i & 0xff);
  return file.append(dictionary).append(data);
}

std::string header(std::string_view descr, std::string_view shape,
                   std::string_view order = "False") {
  return fmt::format("{{'descr': '{}', 'fortran_order': {}, 'shape': {}, }}",
                     descr, order, shape);
}

class NpyTest : public ::testing::Test {
protected:
  Result<Tensor> read(const std::string &content) {
    writeFile(path, content);
    return readNpy(path);
  }

  TemporaryFolder folder;
  std::string path = folder / "a.npy";
};

TEST_F(NpyTest, RoundTripsEveryType) {
  for (int t = 0; t <= static_cast<int>(ElementType::boolean); ++t)
    for (std::vector<int64_t> shape : {std::vector<int64_t>{},
                                       {1},
                                       {7},
                                       {0},
                                       {3, 5},
                                       {2, 0, 3},
                                       {2, 3, 4}}) {
      auto type = static_cast<ElementType>(t);
      Tensor tensor = Tensor::allocate(type, shape).take();
      unsigned value = 0;
      for (std::byte &byte : tensor.bytes())
        byte = std::byte(type == ElementType::boolean ? value++ % 2
                                                      : value++ * 37 % 256);
      ASSERT_TRUE(writeNpy(path, tensor.view()));
      Result<Tensor> back = readNpy(path);
      ASSERT_TRUE(back) << back.message();
      // NumPy has no bf16: its bits come back as u16, unless bf16 is expected.
      EXPECT_EQ(back->type(),
                type == ElementType::bf16 ? ElementType::u16 : type);
      EXPECT_EQ(back->shape(), shape);
      EXPECT_TRUE(std::ranges::equal(back->bytes(), tensor.bytes()));
      for (auto expected : {type, ElementType::bf16, ElementType::f32}) {
        Result<Tensor> again = readNpy(path, expected);
        ASSERT_TRUE(again) << again.message();
        bool isBits = back->type() == ElementType::u16;
        EXPECT_EQ(again->type(), isBits && expected == ElementType::bf16
                                     ? ElementType::bf16
                                     : back->type());
        EXPECT_TRUE(std::ranges::equal(again->bytes(), tensor.bytes()));
      }
    }
}

TEST_F(NpyTest, WritesWhatNumpyWrites) {
  Tensor tensor = Tensor::allocate(ElementType::f32, {3}).take();
  std::iota(tensor.data<float>(), tensor.data<float>() + 3, 1.0f);
  ASSERT_TRUE(writeNpy(path, tensor.view()));
  std::string dictionary =
      "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }";
  dictionary.resize(128 - 10 - 1, ' ');
  dictionary += '\n';
  EXPECT_EQ(
      readFile(path),
      npy(dictionary, std::string("\0\0\x80\x3f\0\0\0\x40\0\0\x40\x40", 12)));
}

TEST_F(NpyTest, ReadsAllVersionsAndSpellings) {
  for (int major : {1, 2, 3})
    EXPECT_TRUE(read(npy(header("<i2", "(2,)") + "   \n", "abcd", major)).ok());
  EXPECT_TRUE(read(npy("{\"shape\":(2L,1),\"descr\":\"|i1\","
                       "\"fortran_order\":False}",
                       "ab"))
                  .ok());
  EXPECT_TRUE(read(npy(header("=u2", "( 1 , )"), "ab")).ok());
  EXPECT_TRUE(read(npy(header("<f8", "()"), "abcdefgh")).ok());
  EXPECT_TRUE(read(npy(header("<f4", "(1,)", "True"), "abcd")).ok());
  EXPECT_TRUE(read(npy(header(">u1", "(1,)"), "a")).ok());
}

// As np.save writes arrays of ml_dtypes.
TEST_F(NpyTest, ReadsTypesThatNumpyHasNot) {
  for (const char *descr : {"<V2", "|V2", "bfloat16"}) {
    Result<Tensor> tensor = read(npy(header(descr, "(2,)"), "abcd"));
    ASSERT_TRUE(tensor) << tensor.message();
    EXPECT_EQ(tensor->type(), ElementType::bf16) << descr;
    EXPECT_EQ(std::string(tensor->data<char>(), 4), "abcd");
  }
  for (const char *descr : {"<V1", "|V1"}) {
    Result<Tensor> tensor = read(npy(header(descr, "(4,)"), "abcd"));
    ASSERT_TRUE(tensor) << tensor.message();
    EXPECT_EQ(tensor->type(), ElementType::u8) << descr;
  }
  expectError(read(npy(header(">V2", "(2,)"), "abcd")), "big-endian");
  expectError(read(npy(header("<V2", "(2,)"), "abc")), "expected 4 bytes");
}

TEST_F(NpyTest, RefusesWrongStarts) {
  expectError(readNpy(folder / "none"), folder / "none");
  expectError(read(""), path, "offset 0");
  expectError(read("\x93NUMPZ and more"), "offset 0");
  expectError(read("\x93NUMPY\1"), "truncated at offset 7");
  expectError(read(npy(header("<f4", "()"), "abcd", 4)), "version 4.0",
              "1.0, 2.0 or 3.0");
  expectError(read(std::string("\x93NUMPY\2\0\1\0", 10)),
              "truncated at offset 10", "header length");
  std::string whole = npy(header("<f4", "(2, 2)"), "0123456789abcdef");
  ASSERT_TRUE(read(whole).ok());
  for (size_t size = 0; size < whole.size(); ++size)
    expectError(read(whole.substr(0, size)), path);
}

TEST_F(NpyTest, RefusesWrongDictionaries) {
  auto refuse = [&](std::string_view dictionary, const char *why) {
    expectError(read(npy(dictionary, "abcd")), path, why);
  };
  refuse("", "expected '{' at offset 10");
  refuse("{'descr' '<f4'}", "expected ':'");
  refuse("{'descr': '<f4'; }", "expected ',' or '}'");
  refuse("{'descr': '<f4}", "a string that ends");
  refuse("{'descr': [('x', '<f4')]}", "structured");
  refuse("{'fortran_order': 1}", "True or False");
  refuse("{'shape': [3]}", "expected '('");
  refuse("{'shape': (-3,)}", "a dimension");
  refuse("{'shape': (99999999999999999999,)}", "a dimension");
  refuse("{'shape': (3 4)}", "expected ',' or ')'");
  refuse("{'shape': (3,", "a dimension");
  refuse("{'color': 'red'}", "'color'");
  refuse("{'descr': '<f4', 'descr': '<f4'}", "repeated");
  refuse("{'descr': '<f4', 'shape': ()}", "no 'fortran_order'");
  refuse("{}", "no 'descr'");
  refuse("{'descr': '<f4', 'fortran_order': False}", "no 'shape'");
  refuse(header("<f4", "()") + "x", "nothing but spaces");
  refuse(header("<f4", "()") + std::string("\0", 1), "nothing but spaces");
}

TEST_F(NpyTest, RefusesWhatHasNoCounterpart) {
  expectError(read(npy(header(">f4", "()"), "abcd")), "big-endian", "'<f4'");
  for (const char *descr : {"", "<", "f4", "<c8", "|O", "<U4", "|V4", "<f16"})
    expectError(read(npy(header(descr, "()"), "abcd")), path, "element type");
  expectError(read(npy(header("<f4", "(1, 1)", "True"), "abcd")),
              "column-major", "numpy.ascontiguousarray");
  expectError(read(npy(header("|b1", "(3,)"), std::string("\0\1\2", 3))),
              "boolean 2", "expected 0 or 1");
}

TEST_F(NpyTest, RefusesWrongSizes) {
  expectError(read(npy(header("<f4", "(2,)"), "abcd")),
              "expected 8 bytes of data for f32 [2]", "got 4");
  expectError(read(npy(header("<f4", "(1,)"), "abcdefgh")), "expected 4 bytes",
              "got 8");
  expectError(read(npy(header("<f4", "(1099511627776, 1099511627776)"), "")),
              "too large");
  expectError(read(npy(header("<f8", "(9223372036854775807,)"), "")),
              "too large");
  expectError(read(npy(header("<f4", "(1099511627776,)"), "abcd")),
              "expected 4398046511104 bytes");
}

TEST_F(NpyTest, WriteErrorsLeaveNothing) {
  Tensor tensor = Tensor::allocate(ElementType::f32, {1}).take();
  *tensor.data<float>() = 0;
  expectError(writeNpy(folder / "none/a.npy", tensor.view()), "none/a.npy");
  expectError(writeNpy(path, {ElementType::f32, {1}, nullptr}), path);
  expectError(writeNpy(path, {ElementType::f32, {-1}, nullptr}), path);
  EXPECT_EQ(folder.numFiles(), 0u);
}

} // namespace npy_test
