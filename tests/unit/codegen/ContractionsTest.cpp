//===- ContractionsTest.cpp - Products of plain tensors -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Contractions of linalg with dimensions in any order, sizes that fill tiles
// and sizes that do not, known or not, in all types that are multiplied.
// Numbers are small integers, whose sums are exact in any order.
//
//===----------------------------------------------------------------------===//

#include "tests/unit/codegen/TestSupport.h"

#include "llvm/Support/FormatVariadic.h"

#include <bit>
#include <map>

using namespace rlx;
using namespace rlx::test;

namespace contractions_test {

/// Dimensions by letters: b is in all operands, m, i and j in a and c, n and l
/// in b and c, k and h in a and b.
struct Form {
  const char *a, *b, *c;
};

using Sizes = std::map<char, int64_t>;

/// A type of factors, and the one that their products are added up in.
struct Numbers {
  const char *factor, *sum;
  ElementType factorType, sumType;
};

constexpr Numbers f32 = {"f32", "f32", ElementType::f32, ElementType::f32};
const std::vector<Numbers> allNumbers = {
    f32,
    {"f64", "f64", ElementType::f64, ElementType::f64},
    {"f16", "f32", ElementType::f16, ElementType::f32},
    {"bf16", "f32", ElementType::bf16, ElementType::f32},
    {"f16", "f16", ElementType::f16, ElementType::f16},
    {"i8", "i32", ElementType::i8, ElementType::i32},
    {"i16", "i32", ElementType::i16, ElementType::i32},
    {"i32", "i32", ElementType::i32, ElementType::i32},
    {"i8", "i8", ElementType::i8, ElementType::i8},
    {"i64", "i64", ElementType::i64, ElementType::i64}};

std::vector<int64_t> shapeOf(const char *dims, const Sizes &sizes) {
  std::vector<int64_t> shape;
  for (; *dims; ++dims)
    shape.push_back(sizes.at(*dims));
  return shape;
}

std::string typeText(const char *dims, const Sizes &sizes, bool isDynamic,
                     const char *element) {
  std::string text = "tensor<";
  for (; *dims; ++dims)
    text += (isDynamic ? "?" : std::to_string(sizes.at(*dims))) + "x";
  return text + element + ">";
}

std::string mapText(const std::string &loops, const char *dims) {
  auto list = [](const std::string &letters) {
    std::string text;
    for (char letter : letters)
      text += (text.empty() ? "" : ", ") + std::string(1, letter);
    return text;
  };
  return "affine_map<(" + list(loops) + ") -> (" + list(dims) + ")>";
}

std::string program(const Form &form, const Sizes &sizes, bool isDynamic,
                    const Numbers &numbers) {
  std::string loops, types;
  for (auto [letter, size] : sizes) {
    loops += letter;
    bool isReduced = std::string(form.c).find(letter) == std::string::npos;
    types += std::string(types.empty() ? "" : ", ") +
             (isReduced ? "\"reduction\"" : "\"parallel\"");
  }
  bool isFloat = numbers.sum[0] != 'i';
  bool extends = std::string(numbers.factor) != numbers.sum;
  auto extend = [&](const char *from, const char *to) {
    return extends ? llvm::formatv("    %{0} = arith.{1} %{2} : {3} to {4}\n",
                                   to, isFloat ? "extf" : "extsi", from,
                                   numbers.factor, numbers.sum)
                         .str()
                   : std::string();
  };
  std::string a = typeText(form.a, sizes, isDynamic, numbers.factor),
              b = typeText(form.b, sizes, isDynamic, numbers.factor),
              c = typeText(form.c, sizes, isDynamic, numbers.sum);
  std::string kind = isFloat ? "f" : "i";
  return "func.func @main(%a: " + a + ", %b: " + b + ", %c: " + c + ") -> " +
         c + " {\n  %y = linalg.generic {indexing_maps = [" +
         mapText(loops, form.a) + ", " + mapText(loops, form.b) + ", " +
         mapText(loops, form.c) + "], iterator_types = [" + types +
         "]}\n      ins(%a, %b : " + a + ", " + b + ") outs(%c : " + c +
         ") {\n  ^bb0(%p: " + numbers.factor + ", %q: " + numbers.factor +
         ", %o: " + numbers.sum + "):\n" + extend("p", "x") + extend("q", "z") +
         "    %t = arith.mul" + kind + " %" + (extends ? "x" : "p") + ", %" +
         (extends ? "z" : "q") + " : " + numbers.sum + "\n    %s = arith.add" +
         kind + " %o, %t : " + numbers.sum +
         "\n    linalg.yield %s : " + numbers.sum + "\n  } -> " + c +
         "\n  return %y : " + c + "\n}";
}

/// The bytes of small integers as numbers of a type.
std::vector<uint8_t> encode(llvm::ArrayRef<int64_t> values, ElementType type) {
  std::vector<uint8_t> bytes;
  auto append = [&](auto number) {
    auto *begin = reinterpret_cast<const uint8_t *>(&number);
    bytes.insert(bytes.end(), begin, begin + sizeof(number));
  };
  auto half = [](int64_t value) {
    llvm::APFloat number{float(value)};
    bool losesInfo;
    number.convert(llvm::APFloat::IEEEhalf(),
                   llvm::APFloat::rmNearestTiesToEven, &losesInfo);
    return uint16_t(number.bitcastToAPInt().getZExtValue());
  };
  for (int64_t value : values)
    switch (type) {
    case ElementType::f64:
      append(double(value));
      break;
    case ElementType::f32:
      append(float(value));
      break;
    case ElementType::f16:
      append(half(value));
      break;
    case ElementType::bf16:
      append(uint16_t(std::bit_cast<uint32_t>(float(value)) >> 16));
      break;
    case ElementType::i64:
      append(value);
      break;
    case ElementType::i32:
      append(int32_t(value));
      break;
    case ElementType::i16:
      append(int16_t(value));
      break;
    default:
      append(int8_t(value));
    }
  return bytes;
}

std::vector<int64_t> smallIntegers(int64_t count, uint32_t seed) {
  std::vector<int64_t> values;
  for (uint8_t byte : Random(seed).bytes(size_t(count)))
    values.push_back(byte % 5 - 2);
  return values;
}

std::vector<int64_t> expected(const Form &form, const Sizes &sizes,
                              llvm::ArrayRef<int64_t> a,
                              llvm::ArrayRef<int64_t> b,
                              std::vector<int64_t> c) {
  Sizes at = sizes;
  auto position = [&](const char *dims) {
    int64_t position = 0;
    for (; *dims; ++dims)
      position = position * sizes.at(*dims) + at.at(*dims);
    return position;
  };
  auto nest = [&](auto &&self, Sizes::const_iterator loop) -> void {
    if (loop == sizes.end()) {
      c[position(form.c)] += a[position(form.a)] * b[position(form.b)];
      return;
    }
    for (int64_t i = 0; i < loop->second; ++i) {
      at[loop->first] = i;
      self(self, std::next(loop));
    }
  };
  nest(nest, sizes.begin());
  return c;
}

void check(const Form &form, const Sizes &sizes, bool isDynamic,
           const Numbers &numbers, const CompileOptions &options = {}) {
  std::string text = program(form, sizes, isDynamic, numbers);
  SCOPED_TRACE(text);
  std::unique_ptr<Executable> executable = compiled(text, options);
  ASSERT_TRUE(executable);
  auto count = [&](const char *dims) {
    return *countElements(shapeOf(dims, sizes));
  };
  std::vector<int64_t> a = smallIntegers(count(form.a), 1),
                       b = smallIntegers(count(form.b), 2),
                       c = smallIntegers(count(form.c), 3);
  std::vector<uint8_t> aBytes = encode(a, numbers.factorType),
                       bBytes = encode(b, numbers.factorType),
                       cBytes = encode(c, numbers.sumType), y(cBytes.size());
  auto view = [&](const char *dims, ElementType type,
                  std::vector<uint8_t> &bytes) {
    return TensorView{type, shapeOf(dims, sizes), bytes.data()};
  };
  EXPECT_SUCCESS(executable->run("main",
                                 {view(form.a, numbers.factorType, aBytes),
                                  view(form.b, numbers.factorType, bBytes),
                                  view(form.c, numbers.sumType, cBytes)},
                                 {view(form.c, numbers.sumType, y)}));
  EXPECT_EQ(y, encode(expected(form, sizes, a, b, c), numbers.sumType));
}

/// Sizes of the letters of a form, from those of all.
Sizes sizesOf(const Form &form, const Sizes &all) {
  Sizes sizes;
  for (std::string dims : {form.a, form.b, form.c})
    for (char letter : dims)
      sizes[letter] = all.at(letter);
  return sizes;
}

const std::vector<Form> layouts = {
    {"mk", "kn", "mn"},    {"mk", "nk", "mn"},    {"km", "kn", "mn"},
    {"km", "nk", "nm"},    {"bmk", "bkn", "bmn"}, {"bmk", "kn", "bmn"},
    {"mbk", "nbk", "bmn"}, {"mk", "bnk", "mnb"},  {"mik", "kln", "minl"},
    {"mkh", "nkh", "mn"},  {"mhk", "nkh", "mn"},  {"bmhk", "bhkn", "mbn"},
    {"mk", "k", "m"},      {"k", "kn", "n"},      {"bmk", "bk", "bm"},
    {"bk", "bnk", "bn"},   {"k", "k", ""}};

TEST(Contractions, AnyLayout) {
  Sizes all = {{'b', 3}, {'m', 13}, {'i', 2}, {'n', 37},
               {'l', 3}, {'k', 35}, {'h', 5}};
  for (const Form &form : layouts)
    for (bool isDynamic : {false, true})
      check(form, sizesOf(form, all), isDynamic, f32);
}

TEST(Contractions, AnyType) {
  Sizes all = {{'m', 14}, {'n', 70}, {'k', 67}, {'b', 2}};
  for (const Numbers &numbers : allNumbers)
    for (const Form &form : {Form{"mk", "kn", "mn"}, Form{"mk", "nk", "mn"},
                             Form{"km", "nk", "nm"}, Form{"mk", "k", "m"},
                             Form{"k", "kn", "n"}, Form{"mk", "bkn", "nbm"}})
      check(form, sizesOf(form, all), /*isDynamic=*/false, numbers);
}

TEST(Contractions, AnySize) {
  for (int64_t m : {1, 2, 25})
    for (int64_t n : {1, 15, 96})
      for (int64_t k : {1, 257})
        for (const Form &form :
             {Form{"mk", "kn", "mn"}, Form{"mk", "nk", "mn"}})
          check(form, {{'m', m}, {'n', n}, {'k', k}}, (m + n + k) % 2, f32);
}

// Nothing is added where nothing is multiplied.
TEST(Contractions, Empty) {
  for (bool isDynamic : {false, true})
    for (char empty : {'m', 'n', 'k'}) {
      Sizes sizes = {{'m', 9}, {'n', 40}, {'k', 33}};
      sizes[empty] = 0;
      check({"mk", "kn", "mn"}, sizes, isDynamic, f32);
      check({"mk", "nk", "mn"}, sizes, isDynamic, f32);
    }
}

// More than one part of m, n and k, on several threads.
TEST(Contractions, SeveralUnits) {
  CompileOptions options;
  options.choices = "kc=32 nc=64 mr_panel=4";
  for (bool isDynamic : {false, true}) {
    check({"mk", "kn", "mn"}, {{'m', 250}, {'n', 200}, {'k', 130}}, isDynamic,
          f32, options);
    check({"bmk", "bnk", "bmn"}, {{'b', 7}, {'m', 33}, {'n', 130}, {'k', 70}},
          isDynamic, allNumbers[3], options);
    check({"k", "kn", "n"}, {{'n', 5000}, {'k', 130}}, isDynamic, f32);
    check({"nk", "k", "n"}, {{'n', 5000}, {'k', 130}}, isDynamic, f32);
  }
}

// With --deterministic a row has the same bits, alone or among others.
TEST(Contractions, DeterministicRows) {
  CompileOptions options;
  options.deterministic = true;
  const char *text = R"(
func.func @main(%a: tensor<?x700xf32>, %b: tensor<700x90xf32>, %c: tensor<?x90xf32>) -> tensor<?x90xf32> {
  %y = linalg.matmul ins(%a, %b : tensor<?x700xf32>, tensor<700x90xf32>) outs(%c : tensor<?x90xf32>) -> tensor<?x90xf32>
  return %y : tensor<?x90xf32>
})";
  std::unique_ptr<Executable> executable = compiled(text, options);
  ASSERT_TRUE(executable);
  constexpr int64_t rows = 29;
  Floats a = Floats::random({rows, 700}, 5), b = Floats::random({700, 90}, 6),
         zeros({rows, 90}), y({rows, 90});
  EXPECT_SUCCESS(executable->run("main", {a, b, zeros}, {y}));
  for (int64_t row = 0; row < rows; ++row) {
    Floats one({1, 700}, {a.values.begin() + row * 700,
                          a.values.begin() + (row + 1) * 700}),
        zero({1, 90}), alone({1, 90});
    EXPECT_SUCCESS(executable->run("main", {one, b, zero}, {alone}));
    EXPECT_EQ(alone.values,
              std::vector<float>(y.values.begin() + row * 90,
                                 y.values.begin() + (row + 1) * 90));
  }
}

} // namespace contractions_test
