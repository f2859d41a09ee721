//===- FunctionsTest.cpp - Errors of functions over all of f32 ------------===//
//
// Each function of docs/numerics.md, on each target, at values from all of f32:
// NaN, infinities, subnormals and zeros, the numbers beside those where
// formulas change, and bit patterns in even steps. The table there has the
// bounds.
//
//===----------------------------------------------------------------------===//

#include "tests/unit/device/DeviceSupport.h"

#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>
#include <fstream>

using namespace rlx;
using namespace rlx::test;

namespace {

using Limits = std::numeric_limits<float>;

struct Function {
  const char *name; ///< In the table, and the operation.
  double (*reference)(double, double);
  bool isBinary = false;
};

#define RLX_UNARY(name, function)                                              \
  {                                                                            \
    name, [](double x, double) -> double { return function(x); }               \
  }
#define RLX_BINARY(name, function)                                             \
  {                                                                            \
    name, [](double x, double y) -> double { return function(x, y); }, true    \
  }
const Function functions[] = {
    RLX_UNARY("math.exp", std::exp),
    RLX_UNARY("math.exp2", std::exp2),
    RLX_UNARY("math.expm1", std::expm1),
    RLX_UNARY("math.log", std::log),
    RLX_UNARY("math.log2", std::log2),
    RLX_UNARY("math.log10", std::log10),
    RLX_UNARY("math.log1p", std::log1p),
    RLX_BINARY("math.powf", std::pow),
    RLX_UNARY("math.sqrt", std::sqrt),
    {"math.rsqrt", [](double x, double) -> double { return 1 / std::sqrt(x); }},
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
    {"arith.divf", [](double x, double y) -> double { return x / y; }, true},
    RLX_BINARY("arith.remf", std::fmod),
};
#undef RLX_UNARY
#undef RLX_BINARY

float fromBits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof(value));
  return value;
}
uint32_t bitsOf(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof(bits));
  return bits;
}

/// Numbers where formulas and results change, with both signs.
std::vector<float> landmarks() {
  std::vector<float> values;
  for (float value : {0.0f,
                      Limits::denorm_min(),
                      Limits::min(),
                      1e-6f,
                      1e-4f,
                      0.1f,
                      0.25f,
                      0.5f,
                      0.70710678f,
                      0.92773437f,
                      1.0f,
                      1.5f,
                      2.0f,
                      3.0f,
                      9.0f,
                      10.0f,
                      33.0f,
                      87.33655f,
                      88.72284f,
                      89.41599f,
                      103.97208f,
                      127.0f,
                      128.0f,
                      149.0f,
                      1e6f,
                      8388608.0f,
                      16777215.0f,
                      16777216.0f,
                      1e10f,
                      Limits::max(),
                      Limits::infinity()})
    for (float sign : {1.0f, -1.0f})
      values.push_back(sign * value);
  values.push_back(Limits::quiet_NaN());
  for (int quarter = 1; quarter < 9; ++quarter)
    values.push_back(float(quarter * M_PI / 4));
  return values;
}

/// Pairs of them, and those with their neighbours; bit patterns in steps; pairs
/// whose power is a number.
std::pair<Floats, Floats> testValues() {
  std::vector<float> x, y, marks = landmarks();
  auto add = [&](float a, float b) {
    x.push_back(a);
    y.push_back(b);
  };
  for (float a : marks)
    for (float b : marks)
      add(a, b);
  for (float a : marks)
    for (int offset = -20; offset <= 20; ++offset)
      add(fromBits(bitsOf(a) + uint32_t(offset)), 2.5f);
  constexpr uint32_t step = 262127;
  for (uint64_t bits = 0; bits < (uint64_t(1) << 32); bits += step) {
    float a = fromBits(uint32_t(bits));
    add(a, fromBits(uint32_t(bits) * 2654435761u));
    float base = std::fabs(a), power = float(int(bits % 300) - 150);
    add(base, power / std::log2(base));
    add(0.5f + float(bits % 4093) / 4093, float(int(bits % 2003) - 1001));
    add(float(bits % 400009) / 4001 - 50, float(bits % 7) - 3);
  }
  int64_t count = int64_t(x.size());
  return {Floats({count}, x), Floats({count}, y)};
}

/// The distance of `got` from `want` in units in the last place of f32. Where
/// `flushes`, subnormal results may be zero.
double unitsBetween(float got, double want, bool flushes) {
  constexpr double wrong = 1e30;
  if (std::isnan(want) || std::isnan(got))
    return std::isnan(want) && std::isnan(got) ? 0 : wrong;
  float rounded = float(want);
  if (std::isinf(rounded) || std::isinf(got)) {
    // Beside the largest number, either is right.
    bool isLarge = std::fabs(want) >= 0.999999 * double(Limits::max()) &&
                   std::fabs(got) >= 0.999999f * Limits::max();
    return got == rounded ? 0 : isLarge && !std::isinf(want) ? 1 : wrong;
  }
  bool mayBeZero =
      flushes && std::fabs(want) < double(Limits::min()) * 1.000001;
  if (got == 0 && (want == 0 || mayBeZero))
    // Which zero a difference has is not asked for.
    return std::signbit(got) == std::signbit(want) ? 0 : wrong;
  int exponent = std::max(std::ilogb(want == 0 ? 1e-45 : want), -126);
  double units = std::ldexp(std::fabs(double(got) - want), 23 - exponent);
  return std::signbit(got) != std::signbit(want) && units > 2 ? wrong : units;
}

/// The bounds of the table: cpu, opencl, vulkan, by name.
std::map<std::string, std::array<double, 3>> readTable() {
  std::map<std::string, std::array<double, 3>> bounds;
  std::ifstream file(RLX_TEST_DIR "/../docs/numerics.md");
  for (std::string line; std::getline(file, line);) {
    llvm::SmallVector<llvm::StringRef> cells;
    llvm::StringRef(line).split(cells, '|', -1, /*KeepEmpty=*/false);
    if (cells.size() != 4 || !cells[0].trim().consume_front("`"))
      continue;
    std::array<double, 3> row;
    bool isRow = true;
    for (int i = 0; i < 3; ++i)
      isRow &= !cells[i + 1].trim().getAsDouble(row[i]);
    if (isRow)
      bounds[cells[0].trim().trim('`').str()] = row;
  }
  return bounds;
}

std::string program() {
  std::string text;
  for (auto [index, function] : llvm::enumerate(functions))
    text += llvm::formatv(
        "func.func @f{0}(%x: tensor<?xf32>, %y: tensor<?xf32>) -> "
        "tensor<?xf32> {{\n  %z = {1} %x{2} : tensor<?xf32>\n  return %z : "
        "tensor<?xf32>\n}\n",
        index, function.name, function.isBinary ? ", %y" : "");
  return text;
}

/// Checks all functions on target `column` of the table.
void check(int column, bool flushes,
           llvm::function_ref<void(const std::string &,
                                   llvm::ArrayRef<TensorView>, Floats &)>
               run) {
  auto bounds = readTable();
  auto [x, y] = testValues();
  for (auto [index, function] : llvm::enumerate(functions)) {
    auto row = bounds.find(function.name);
    if (row == bounds.end()) {
      ADD_FAILURE() << "docs/numerics.md has no row for " << function.name;
      continue;
    }
    Floats z(x.shape);
    run("f" + std::to_string(index), {x, y}, z);
    double worst = 0;
    size_t at = 0;
    auto flushed = [&](double value) {
      return std::fabs(value) < double(Limits::min())
                 ? std::copysign(0.0, value)
                 : value;
    };
    for (size_t i = 0; i < z.values.size(); ++i) {
      double a = x.values[i], b = y.values[i];
      double units =
          unitsBetween(z.values[i], function.reference(a, b), flushes);
      // A device may take subnormal numbers for zero.
      if (flushes)
        for (auto [p, q] : {std::pair(flushed(a), b),
                            {a, flushed(b)},
                            {flushed(a), flushed(b)}})
          units = std::min(
              units, unitsBetween(z.values[i], function.reference(p, q), true));
      if (units > worst) {
        worst = units;
        at = i;
      }
    }
    testing::Test::RecordProperty(function.name, std::to_string(worst));
    if (getenv("RLX_PRINT_ERRORS"))
      printf("%-16s %.3g ulp at %.9g, %.9g: %.9g\n", function.name, worst,
             x.values[at], y.values[at], z.values[at]);
    EXPECT_LE(worst, row->second[column])
        << function.name << " of " << x.values[at] << ", " << y.values[at]
        << ": expected " << function.reference(x.values[at], y.values[at])
        << ", got " << z.values[at];
  }
}

TEST(FunctionsTest, Cpu) {
  std::unique_ptr<Executable> executable = compiled(program());
  ASSERT_TRUE(executable);
  check(0, /*flushes=*/false,
        [&](const std::string &name, llvm::ArrayRef<TensorView> inputs,
            Floats &z) { EXPECT_SUCCESS(executable->run(name, inputs, {z})); });
}

class DeviceFunctionsTest : public testing::TestWithParam<TestDevice> {};

TEST_P(DeviceFunctionsTest, WithinTheirBounds) {
  std::string reason;
  rlx::Device *device = openDevice(GetParam(), reason);
  if (!device)
    GTEST_SKIP() << reason;
  std::unique_ptr<DeviceExecutable> executable =
      compiledFor(*device, targetOf(GetParam(), *device), program());
  ASSERT_TRUE(executable);
  check(GetParam().api == DeviceApi::opencl ? 1 : 2, !device->info().denormals,
        [&](const std::string &name, llvm::ArrayRef<TensorView> inputs,
            Floats &z) { runOn(*executable, name, inputs, {z}); });
}

INSTANTIATE_TEST_SUITE_P(Devices, DeviceFunctionsTest,
                         testing::ValuesIn(testDevices), [](const auto &info) {
                           return std::string(info.param.name);
                         });

} // namespace
