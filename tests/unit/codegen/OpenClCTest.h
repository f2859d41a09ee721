//===- OpenClCTest.h - Ops of MLIR, run as OpenCL C -----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One kernel for a group of ops on the same operands: it is written in MLIR for
// scalars and for vectors, printed, run, and compared with what functions of
// C++ give.
//
//===----------------------------------------------------------------------===//
#ifndef RLX_TESTS_UNIT_CODEGEN_OPENCLCTEST_H
#define RLX_TESTS_UNIT_CODEGEN_OPENCLCTEST_H

#include "codegen/Compiler.h"
#include "codegen/gpu/DeviceDialects.h"
#include "codegen/opencl/OpenClC.h"
#include "tests/unit/codegen/OpenClDevice.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <functional>

namespace rlx::test {

#define REQUIRE_OPENCL(device)                                                 \
  std::string noDevice;                                                        \
  OpenClDevice *device = OpenClDevice::get(noDevice);                          \
  if (!device)                                                                 \
  GTEST_SKIP() << noDevice

/// The program of the only gpu.module in `text`; "" and a failure otherwise.
inline std::string printedOpenClC(const std::string &text) {
  auto context = createContext();
  mlir::DialectRegistry registry;
  registerGpuDialects(registry);
  context->appendDialectRegistry(registry);
  auto module = parseText(*context, text);
  if (!module) {
    ADD_FAILURE() << llvm::toString(module.takeError()) << "\n" << text;
    return "";
  }
  auto kernels = (**module).getOps<mlir::gpu::GPUModuleOp>();
  auto source = emitOpenClC(*kernels.begin());
  if (source)
    return *source;
  ADD_FAILURE() << llvm::toString(source.takeError()) << "\n" << text;
  return "";
}

/// The type of MLIR of a type of C++; bool is i1, which lies in a byte.
template <typename T> std::string typeName() {
  if constexpr (std::is_same_v<T, bool>)
    return "i1";
  else if constexpr (std::is_same_v<T, float>)
    return "f32";
  else
    return "i" + std::to_string(8 * sizeof(T));
}
template <typename T>
using InMemory = std::conditional_t<std::is_same_v<T, bool>, uint8_t, T>;

/// `text` is an op on $x, $y and $z, of type $T, with a result of type $R; $B
/// is i1 in as many elements. Ops before it may give $t and $u.
template <typename T, typename R> struct OpCase {
  std::string text;
  std::function<R(T, T, T)> expected;
};

/// How near a result must be.
struct Tolerance {
  double relative = 0;
};

template <typename R>
bool isNear(InMemory<R> got, R expected, Tolerance tolerance) {
  if constexpr (std::is_same_v<R, float>) {
    if (std::isnan(expected) || std::isnan(got))
      return std::isnan(expected) && std::isnan(got);
    if (std::bit_cast<int32_t>(got) == std::bit_cast<int32_t>(expected))
      return true;
    // Near zero, a subnormal may be flushed where functions are approximated.
    return tolerance.relative > 0 &&
           std::abs(double(got) - expected) <=
               tolerance.relative * std::abs(double(expected)) + 1e-37;
  } else {
    return got == InMemory<R>(expected);
  }
}

std::string replaced(std::string text, const std::string &what,
                     const std::string &with);

/// A kernel `k` of all `ops`, as OpCase says, on vectors of `width`; `memory`
/// is what a `type` is stored as.
std::string opsKernel(const std::vector<std::string> &ops, int width,
                      const std::string &type, const std::string &memory,
                      const std::string &result,
                      const std::string &resultMemory);

/// Runs all ops on all triples of `inputs`, once in vectors of each width.
template <typename T, typename R>
void checkOps(const std::vector<std::array<T, 3>> &inputs,
              const std::vector<OpCase<T, R>> &cases, Tolerance tolerance = {},
              const std::vector<int> &widths = {1, 4}) {
  REQUIRE_OPENCL(device);
  size_t count = (inputs.size() + 15) / 16 * 16;
  std::array<std::vector<InMemory<T>>, 3> operands;
  for (size_t i = 0; i < count; ++i)
    for (int k : {0, 1, 2})
      operands[k].push_back(inputs[std::min(i, inputs.size() - 1)][k]);
  for (int width : widths) {
    std::vector<std::string> ops;
    for (const OpCase<T, R> &each : cases)
      ops.push_back(each.text);
    std::string text =
        opsKernel(ops, width, typeName<T>(), typeName<InMemory<T>>(),
                  typeName<R>(), typeName<InMemory<R>>());
    std::string source = printedOpenClC(text);
    if (source.empty())
      return;
    std::vector<InMemory<R>> got(count * cases.size());
    size_t bytes = count * sizeof(InMemory<T>);
    std::string failure =
        device->run(source, "k",
                    {{operands[0].data(), bytes, 0},
                     {operands[1].data(), bytes, 0},
                     {operands[2].data(), bytes, 0},
                     {got.data(), got.size() * sizeof(InMemory<R>), 0},
                     {nullptr, 0, int32_t(count)}},
                    count / width, 1);
    ASSERT_EQ(failure, "") << source;
    int shown = 0;
    for (size_t c = 0; c < cases.size(); ++c)
      for (size_t i = 0; i < inputs.size() && shown < 20; ++i) {
        auto [x, y, z] = inputs[i];
        R expected = cases[c].expected(x, y, z);
        InMemory<R> value = got[c * count + i];
        if (isNear<R>(value, expected, tolerance))
          continue;
        ++shown;
        ADD_FAILURE() << cases[c].text << " in vectors of " << width << " for "
                      << +x << ", " << +y << ", " << +z << ": expected "
                      << +expected << ", but got " << +value;
      }
    if (shown) {
      ADD_FAILURE() << source;
      return;
    }
  }
}

/// All pairs of values that `isValid`, with every third value beside.
template <typename T>
std::vector<std::array<T, 3>> pairs(
    const std::vector<T> &values,
    std::function<bool(T, T)> isValid = [](T, T) { return true; }) {
  std::vector<std::array<T, 3>> result;
  for (T x : values)
    for (T y : values)
      if (isValid(x, y))
        result.push_back({x, y, values[result.size() % values.size()]});
  return result;
}

inline const char *const constantIndices = R"(
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %c4 = arith.constant 4 : index
  %c8 = arith.constant 8 : index
  %c12 = arith.constant 12 : index
  %c16 = arith.constant 16 : index
)";

/// A kernel `k` with constant indices `%c0`, `%c1` and so on.
inline std::string kernel(const std::string &arguments,
                          const std::string &body) {
  return "gpu.func @k(" + arguments + ") kernel {" + constantIndices + body +
         "  gpu.return\n}";
}

/// Runs kernel `k` of the functions and constants in `text` on buffers.
template <typename... Ts>
void runKernel(const std::string &text, size_t workItems, size_t groupSize,
               std::vector<Ts> &...buffers) {
  std::string reason;
  OpenClDevice *device = OpenClDevice::get(reason);
  ASSERT_TRUE(device);
  std::string source = printedOpenClC("gpu.module @m {\n" + text + "\n}");
  ASSERT_NE(source, "");
  std::string failure =
      device->run(source, "k",
                  {OpenClDevice::Argument{buffers.data(),
                                          buffers.size() * sizeof(Ts), 0}...},
                  workItems, groupSize);
  ASSERT_EQ(failure, "") << source;
}

} // namespace rlx::test

#endif // RLX_TESTS_UNIT_CODEGEN_OPENCLCTEST_H
