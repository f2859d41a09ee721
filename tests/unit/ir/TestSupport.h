//===- TestSupport.h - Schemes and stored bytes for the tests of ir -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A context with the rlx dialect, schemes from text, random stored bytes, and
// the comparison of a ReferenceDecoder with a formula written by hand.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_TESTS_UNIT_IR_TESTSUPPORT_H
#define RLX_TESTS_UNIT_IR_TESTSUPPORT_H

#include "ir/Reference.h"
#include "ir/Scheme.h"

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/raw_ostream.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace rlx::test {

class SchemeTest : public testing::Test {
protected:
  SchemeTest() : context(mlir::MLIRContext::Threading::DISABLED) {
    context.loadDialect<RlxDialect>();
  }

  /// A built-in scheme; the test must stop where there is none.
  std::optional<QuantScheme> builtin(llvm::StringRef name) {
    std::optional<QuantScheme> scheme = QuantScheme::parse(&context, name);
    EXPECT_TRUE(scheme) << name.str();
    return scheme;
  }

  /// The scheme of a `#rlx.scheme` text.
  std::optional<QuantScheme> described(llvm::StringRef text) {
    auto attribute = llvm::dyn_cast_or_null<SchemeAttr>(
        mlir::parseAttribute(text, &context));
    EXPECT_TRUE(attribute) << text.str();
    if (!attribute)
      return std::nullopt;
    return QuantScheme(attribute);
  }

  /// Of a name of a built-in scheme, or of such a text.
  std::optional<QuantScheme> schemeOf(llvm::StringRef text) {
    return text.starts_with("#") ? described(text) : builtin(text);
  }

  mlir::MLIRContext context;
};

inline std::string printed(mlir::Attribute attribute) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  stream << attribute;
  return text;
}

/// The same every time for the same seed, on any machine.
class Random {
public:
  explicit Random(uint32_t seed) : engine(seed) {}

  std::vector<uint8_t> bytes(size_t count) {
    std::vector<uint8_t> result(count);
    for (uint8_t &byte : result)
      byte = uint8_t(engine());
    return result;
  }
  /// Values of -4 to 4 with all bits of their significands in use.
  std::vector<float> floats(size_t count) {
    std::vector<float> result(count);
    for (float &value : result)
      value = float(int32_t(engine())) * 0x1p-29f;
    return result;
  }

private:
  std::mt19937 engine;
};

inline llvm::ArrayRef<uint8_t> bytesOf(const std::vector<float> &values) {
  return {reinterpret_cast<const uint8_t *>(values.data()),
          values.size() * sizeof(float)};
}

/// All NaNs are the same; zeros are the same only with the same sign.
inline bool sameNumber(double a, double b) {
  if (std::isnan(a) || std::isnan(b))
    return std::isnan(a) && std::isnan(b);
  return std::memcmp(&a, &b, sizeof(a)) == 0;
}

/// Compares every element with `expected(row, k)`, rows of experts following
/// each other, and stops at the first that differs.
inline void
expectValues(std::optional<QuantScheme> scheme, llvm::ArrayRef<int64_t> shape,
             const StoredWeight &stored,
             const std::function<double(int64_t, int64_t)> &expected) {
  ASSERT_TRUE(scheme);
  llvm::Expected<ReferenceDecoder> decoder =
      ReferenceDecoder::create(*scheme, shape, stored);
  if (!decoder)
    FAIL() << llvm::toString(decoder.takeError());
  int64_t rows = 1;
  for (int64_t size : shape.drop_back())
    rows *= size;
  ASSERT_EQ(decoder->rows(), rows);
  ASSERT_EQ(decoder->columns(), shape.back());
  std::vector<double> values(shape.back());
  for (int64_t row = 0; row < rows; ++row) {
    decoder->decodeRow(row, values.data());
    for (int64_t k = 0; k < shape.back(); ++k) {
      ASSERT_TRUE(sameNumber(values[k], expected(row, k)))
          << scheme->displayName().str() << " row " << row << " k " << k
          << ": expected " << expected(row, k) << ", but got " << values[k];
      ASSERT_TRUE(sameNumber(decoder->value(row, k), values[k]));
    }
  }
}

// Small floats, written out from their definitions.
inline double e4m3(uint8_t code) {
  int exponent = code >> 3 & 15, mantissa = code & 7;
  if (exponent == 15 && mantissa == 7)
    return NAN;
  double size = exponent ? std::ldexp(8 + mantissa, exponent - 10)
                         : std::ldexp(mantissa, -9);
  return code & 0x80 ? -size : size;
}
inline double e5m2(uint8_t code) {
  int exponent = code >> 2 & 31, mantissa = code & 3;
  double size = exponent ? std::ldexp(4 + mantissa, exponent - 17)
                         : std::ldexp(mantissa, -16);
  if (exponent == 31)
    size = mantissa ? NAN : INFINITY;
  return code & 0x80 ? -size : size;
}
inline double e2m1(uint8_t code) {
  constexpr double sizes[] = {0, 0.5, 1, 1.5, 2, 3, 4, 6};
  return code & 8 ? -sizes[code & 7] : sizes[code & 7];
}
inline double e8m0(uint8_t code) {
  return code == 255 ? NAN : std::ldexp(1, code - 127);
}

} // namespace rlx::test

#endif // RLX_TESTS_UNIT_IR_TESTSUPPORT_H
