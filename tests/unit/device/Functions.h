//===- Functions.h - The functions of docs/numerics.md ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What they are to be, how far a number is from that, and the bounds that the
// tables there have.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_TESTS_UNIT_DEVICE_FUNCTIONS_H
#define RLX_TESTS_UNIT_DEVICE_FUNCTIONS_H

#include "tests/unit/device/DeviceSupport.h"

#include "llvm/Support/FormatVariadic.h"

#include <cmath>
#include <fstream>

namespace rlx::test {

struct Function {
  const char *name; ///< In the table, and the operation.
  double (*reference)(double, double);
  /// The same in more than double precision.
  long double (*precise)(long double, long double);
  bool isBinary = false;
};

#define RLX_UNARY(name, function)                                              \
  {                                                                            \
    name, [](double x, double) -> double { return function(x); },              \
        [](long double x, long double) -> long double { return function(x); }  \
  }
#define RLX_BINARY(name, function)                                             \
  {                                                                            \
    name, [](double x, double y) -> double { return function(x, y); },         \
        [](long double x, long double y) -> long double {                      \
          return function(x, y);                                               \
        },                                                                     \
        true                                                                   \
  }
template <typename T> T reciprocalRoot(T x) { return 1 / std::sqrt(x); }
template <typename T> T quotient(T x, T y) { return x / y; }

inline const Function functions[] = {
    RLX_UNARY("math.exp", std::exp),
    RLX_UNARY("math.exp2", std::exp2),
    RLX_UNARY("math.expm1", std::expm1),
    RLX_UNARY("math.log", std::log),
    RLX_UNARY("math.log2", std::log2),
    RLX_UNARY("math.log10", std::log10),
    RLX_UNARY("math.log1p", std::log1p),
    RLX_BINARY("math.powf", std::pow),
    RLX_UNARY("math.sqrt", std::sqrt),
    RLX_UNARY("math.rsqrt", reciprocalRoot),
    RLX_UNARY("math.cbrt", std::cbrt),
    RLX_UNARY("math.sin", std::sin),
    RLX_UNARY("math.cos", std::cos),
    RLX_UNARY("math.tan", std::tan),
    RLX_UNARY("math.asin", std::asin),
    RLX_UNARY("math.acos", std::acos),
    RLX_UNARY("math.atan", std::atan),
    RLX_BINARY("math.atan2", std::atan2),
    RLX_UNARY("math.sinh", std::sinh),
    RLX_UNARY("math.cosh", std::cosh),
    RLX_UNARY("math.tanh", std::tanh),
    RLX_UNARY("math.asinh", std::asinh),
    RLX_UNARY("math.acosh", std::acosh),
    RLX_UNARY("math.atanh", std::atanh),
    RLX_UNARY("math.erf", std::erf),
    RLX_UNARY("math.erfc", std::erfc),
    RLX_UNARY("math.round", std::round),
    RLX_UNARY("math.roundeven", std::nearbyint),
    RLX_UNARY("math.floor", std::floor),
    RLX_UNARY("math.ceil", std::ceil),
    RLX_UNARY("math.trunc", std::trunc),
    RLX_UNARY("math.absf", std::fabs),
    RLX_BINARY("math.copysign", std::copysign),
    RLX_BINARY("arith.divf", quotient),
    RLX_BINARY("arith.remf", std::fmod),
};
#undef RLX_UNARY
#undef RLX_BINARY

/// What there is to know of a float type. 1 ulp at 1 is 2^(1 - precision).
struct FloatFormat {
  const char *name;
  int precision, leastExponent, mostExponent;

  long double leastNormal() const { return std::ldexp(1.0L, leastExponent); }
  /// From here on numbers are rounded to infinity.
  long double beyond() const {
    return std::ldexp(2 - std::ldexp(1.0L, -precision), mostExponent);
  }
  /// The distance of numbers around `value`.
  long double step(long double value) const {
    int exponent = value == 0 ? leastExponent : std::ilogb(value);
    return std::ldexp(1.0L, std::max(exponent, leastExponent) - precision + 1);
  }
};
inline constexpr FloatFormat f64Format{"f64", 53, -1022, 1023};
inline constexpr FloatFormat f32Format{"f32", 24, -126, 127};
inline constexpr FloatFormat f16Format{"f16", 11, -14, 15};
inline constexpr FloatFormat bf16Format{"bf16", 8, -126, 127};

inline constexpr double wrongByFar = 1e30;

/// The distance of `got` from `want` in units in the last place. Where
/// `flushes`, results that are subnormal as f32 may be zero.
inline double unitsBetween(const FloatFormat &format, long double got,
                           long double want, bool flushes) {
  if (std::isnan(want) || std::isnan(got))
    return std::isnan(want) && std::isnan(got) ? 0 : wrongByFar;
  constexpr long double beside = 1e-6L;
  if (std::isinf(got) || std::isinf(want) ||
      std::fabs(want) >= format.beyond()) {
    bool sameSign = std::signbit(got) == std::signbit(want);
    bool isBeyond = std::fabs(want) >= format.beyond();
    if (isBeyond == std::isinf(got))
      return sameSign ? 0 : wrongByFar;
    // Beside the largest number, either is right.
    bool isLarge = std::fabs(want) >= format.beyond() * (1 - beside) &&
                   std::fabs(got) >= format.beyond() * (1 - 2 * beside) -
                                         format.step(format.beyond()) / 2;
    return isLarge && sameSign && !std::isinf(want) ? 1 : wrongByFar;
  }
  bool mayBeZero =
      flushes && std::fabs(want) < f32Format.leastNormal() * (1 + beside);
  if (got == 0 && (want == 0 || mayBeZero))
    return std::signbit(got) == std::signbit(want) ? 0 : wrongByFar;
  auto units = double(std::fabs(got - want) / format.step(want));
  return std::signbit(got) != std::signbit(want) && units > 2 ? wrongByFar
                                                              : units;
}

/// The least distance from the results for operands that a device may have seen
/// where it takes subnormal f32 for zero.
inline double unitsFrom(const FloatFormat &format, const Function &function,
                        long double got, long double x, long double y,
                        bool flushes, bool precisely = false) {
  auto value = [&](long double p, long double q) {
    return precisely ? function.precise(p, q)
                     : (long double)function.reference(double(p), double(q));
  };
  double units = unitsBetween(format, got, value(x, y), flushes);
  auto flushed = [](long double number) {
    return std::fabs(number) < f32Format.leastNormal()
               ? std::copysign(0.0L, number)
               : number;
  };
  if (flushes && units > 0)
    for (auto [p, q] :
         {std::pair(flushed(x), y), {x, flushed(y)}, {flushed(x), flushed(y)}})
      units = std::min(units, unitsBetween(format, got, value(p, q), true));
  return units;
}

/// The numbers of the tables under the heading `section`, by the code in their
/// first column.
inline std::map<std::string, std::vector<double>>
readBounds(llvm::StringRef section) {
  std::map<std::string, std::vector<double>> bounds;
  std::ifstream file(RLX_TEST_DIR "/../docs/numerics.md");
  bool isThere = false;
  for (std::string text; std::getline(file, text);) {
    llvm::StringRef line(text);
    if (line.consume_front("## "))
      isThere = line == section;
    llvm::SmallVector<llvm::StringRef> cells;
    line.split(cells, '|', -1, /*KeepEmpty=*/false);
    if (!isThere || cells.size() < 2 || !cells[0].trim().consume_front("`"))
      continue;
    std::vector<double> row;
    for (llvm::StringRef cell : llvm::drop_begin(cells))
      if (double bound; !cell.trim().getAsDouble(bound))
        row.push_back(bound);
    bounds[cells[0].trim().trim('`').str()] = row;
  }
  return bounds;
}

/// A function `f0`, `f1`, ... of two tensors of `type` for each of the table.
inline std::string programOfFunctions(const std::string &type) {
  std::string text;
  for (auto [index, function] : llvm::enumerate(functions))
    text += llvm::formatv(
        "func.func @f{0}(%x: tensor<?x{3}>, %y: tensor<?x{3}>) -> "
        "tensor<?x{3}> {{\n  %z = {1} %x{2} : tensor<?x{3}>\n  return %z : "
        "tensor<?x{3}>\n}\n",
        index, function.name, function.isBinary ? ", %y" : "", type);
  return text;
}

using RunFunction = llvm::function_ref<void(
    const std::string &, llvm::ArrayRef<TensorView>, TensorView)>;

/// The column of a device in the tables; the CPU's is 0.
inline size_t columnOf(const TestDevice &device) {
  return device.api == DeviceApi::opencl ? 1 : 2;
}

/// Calls `check` with what runs functions of `text` on the device of a test.
inline void
runOnDevice(const TestDevice &which,
            llvm::function_ref<std::string(const DeviceInfo &)> text,
            llvm::function_ref<void(const DeviceInfo &, RunFunction)> check) {
  std::string reason;
  rlx::Device *device = openDevice(which, reason);
  if (!device)
    GTEST_SKIP() << reason;
  std::unique_ptr<DeviceExecutable> executable =
      compiledFor(*device, targetOf(which, *device), text(device->info()));
  ASSERT_TRUE(executable);
  check(device->info(),
        [&](const std::string &name, llvm::ArrayRef<TensorView> inputs,
            TensorView z) { runOn(*executable, name, inputs, {z}); });
}

} // namespace rlx::test

#endif // RLX_TESTS_UNIT_DEVICE_FUNCTIONS_H
