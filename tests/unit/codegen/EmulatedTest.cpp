//===- EmulatedTest.cpp - Code for other processors, in an emulator -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Emits objects for AArch64, links each to ForeignHost.c with a cross compiler
// and runs it under qemu: packing and kernels of every kind of activations,
// with the instructions of several generations of machines. Skipped, with a
// message, where CMake found no emulator or no cross compiler.
//
//===----------------------------------------------------------------------===//

#include "tests/unit/codegen/TestSupport.h"
#include "tests/unit/codegen/UserSchemes.h"
#include "tests/unit/runtime/TestSupport.h"

#include "llvm/Support/Program.h"

#include <cstring>
#include <deque>
#include <map>

using namespace rlx;
using namespace rlx::test;

namespace emulated_test {

/// Tensors and calls in the form that ForeignHost.c reads.
class ForeignRun {
public:
  /// A tensor with a content, or one that calls fill.
  int64_t add(const TensorView &tensor, bool isGiven) {
    appendNumber(tensors, int64_t(tensor.shape.size()));
    for (int64_t size : tensor.shape)
      appendNumber(tensors, size);
    appendNumber(tensors, int64_t(elementBytes(tensor.type)));
    appendNumber(tensors, isGiven);
    if (isGiven)
      tensors.append(static_cast<const char *>(tensor.data),
                     size_t(tensor.numBytes()));
    else
      resultBytes += size_t(tensor.numBytes());
    return numTensors++;
  }
  void call(const std::string &function, llvm::ArrayRef<int64_t> arguments) {
    auto entry = std::find(functions.begin(), functions.end(), function);
    appendNumber(calls, entry - functions.begin());
    if (entry == functions.end())
      functions.push_back(function);
    appendNumber(calls, int64_t(arguments.size()));
    for (int64_t argument : arguments)
      appendNumber(calls, argument);
    ++numCalls;
  }
  std::string input() const {
    std::string text;
    appendNumber(text, numTensors);
    text += tensors;
    appendNumber(text, numCalls);
    return text + calls;
  }
  /// The table of entries, in C.
  std::string entries() const {
    std::string text, list;
    for (size_t i = 0; i < functions.size(); ++i) {
      std::string name = "entry" + std::to_string(i);
      text += "extern void " + name + "(void **) __asm__(\"" +
              invokeSymbol(functions[i]) + "\");\n";
      list += name + ", ";
    }
    return text + "void (*const entries[])(void **) = {" + list + "};\n";
  }

  size_t resultBytes = 0;

private:
  static void appendNumber(std::string &text, int64_t number) {
    text.append(reinterpret_cast<const char *>(&number), sizeof(number));
  }
  std::string tensors, calls;
  int64_t numTensors = 0, numCalls = 0;
  std::vector<std::string> functions;
};

struct Generation {
  const char *name, *features;
  size_t number;
};
constexpr Generation generations[] = {
    {"neon", "", 0},
    {"dotprod", "+dotprod", 1},
    {"i8mm", "+dotprod,+i8mm,+bf16,+fullfp16", 2},
};

/// A product to check: what the emulator computes and what it should be.
struct Expected {
  std::string what;
  std::vector<int64_t> shape;
  std::vector<double> values;
  double bound;
};

class AArch64Test : public SchemeTest,
                    public testing::WithParamInterface<Generation> {
protected:
  static constexpr int64_t n = 37, k = 512;

  void SetUp() override {
    SchemeTest::SetUp();
    if (std::string(RLX_QEMU_AARCH64).empty())
      GTEST_SKIP() << "CMake found no qemu-aarch64 to run code for AArch64";
    if (std::string(RLX_AARCH64_CC).empty())
      GTEST_SKIP() << "CMake found no C cross compiler for AArch64";
  }

  /// Weights of all kinds: 4, 5, 6 and 8 bits, codebooks, offsets, zero points,
  /// scales within the block and beside it, codes that are floats.
  std::vector<QuantScheme> schemes() {
    std::vector<QuantScheme> found;
    for (const char *name : {"gguf_q4_0", "gguf_q4k", "gguf_q6k", "gguf_q8_0",
                             "gguf_iq4_nl", "nvfp4/16", "int4/32", "fp8e4m3"})
      found.push_back(*builtin(name));
    found.push_back(*described(wideScales));
    return found;
  }

  void addFunction(const std::string &name, QuantScheme scheme,
                   const std::string &activations) {
    const RandomWeight &weight = weights.emplace_back(
        scheme, std::vector<int64_t>{n, k}, uint32_t(weights.size()));
    std::string types = "tensor<?x512xf32>";
    for (const std::string &type : weight.types())
      types += ", " + type;
    text += "func.func @" + name +
            "(%x: tensor<?x512xf32>) -> tensor<?x37xf32> {\n" +
            weight.definitions(name) + "  %y = rlx.matmul %x, %" + name +
            weight.operands(name) + " {activations = " + activations + "} : (" +
            types +
            ") -> tensor<?x37xf32>\n  return %y : tensor<?x37xf32>\n}\n";
    kinds.push_back(activations);
  }

  /// The calls of one function: packing, then products of several heights.
  void addCalls(const FunctionSignature &signature, const RandomWeight &weight,
                const std::string &activations) {
    std::map<std::string, int64_t> given;
    std::vector<TensorView> views = weight.views();
    for (size_t i = 0; i < views.size(); ++i)
      given[i ? signature.name + "." + weight.sides[i - 1].name
              : signature.name] = run.add(views[i], true);
    std::vector<int64_t> packed;
    for (const PackingSignature &packing : signature.packings) {
      std::vector<int64_t> arguments;
      for (const std::string &name : packing.weights)
        arguments.push_back(given.at(name));
      packed.push_back(
          run.add({ElementType::u8, packing.shape, nullptr}, false));
      arguments.push_back(packed.back());
      run.call(packing.function, arguments);
    }
    std::vector<double> values = weight.values();
    // With instructions on bf16, weights are rounded to bf16 as well.
    double bound = activations == "bf16" ? 8e-3 : 1e-5;
    for (int64_t m : {1, 3, 13}) {
      Floats x = Floats::random({m, k}, uint32_t(m)), y({m, n});
      // Integers of which each K block has the largest are quantized exactly.
      auto largest = float(largestCode(activations));
      if (activations != "f32")
        for (int64_t i = 0; i < m * k; ++i)
          x.values[i] =
              i % 32 == 31 ? largest : std::round(x.values[i] / 4 * largest);
      int64_t input = run.add(x, true);
      std::vector<int64_t> arguments;
      for (const CodeArgument &argument : signature.arguments)
        arguments.push_back(
            argument.kind == CodeArgument::input ? input
            : argument.kind == CodeArgument::weight
                ? given.at(signature.weights[argument.index].weight)
                : packed[argument.index]);
      results.push_back({run.resultBytes,
                         {activations + " activations of " +
                              weight.scheme.displayName().str() +
                              ", M = " + std::to_string(m),
                          {m, n},
                          product(x.values, values, m, n, k),
                          bound}});
      arguments.push_back(run.add(y, false));
      run.call(signature.name, arguments);
    }
  }

  /// Runs a program of the system to its end; its messages become the test's.
  static bool execute(llvm::ArrayRef<std::string> command,
                      const std::string &log) {
    std::vector<llvm::StringRef> words(command.begin(), command.end());
    std::optional<llvm::StringRef> redirects[] = {"", log, log};
    constexpr unsigned secondsToWait = 300;
    std::string message;
    int status = llvm::sys::ExecuteAndWait(
        words[0], words, std::nullopt, redirects, secondsToWait, 0, &message);
    if (status != 0)
      ADD_FAILURE() << command[0] << ": status " << status << " " << message
                    << "\n"
                    << readFile(log);
    return status == 0;
  }

  std::string text;
  std::deque<RandomWeight> weights;
  std::vector<std::string> kinds;
  ForeignRun run;
  /// Where each result lies in the output.
  std::vector<std::pair<size_t, Expected>> results;
};

TEST_P(AArch64Test, MatchesTheReference) {
  llvm::Expected<CpuTarget> target =
      CpuTarget::create("aarch64-linux-gnu", "generic", GetParam().features);
  ASSERT_TRUE(bool(target)) << llvm::toString(target.takeError());
  // An emulator is slow: of the other kinds each scheme gets another one on
  // each generation.
  size_t turn = GetParam().number;
  for (QuantScheme scheme : schemes()) {
    constexpr const char *others[] = {"f32", "i16", "bf16", "i24"};
    for (const char *activations : {"i8", others[turn++ % std::size(others)]})
      addFunction("f" + std::to_string(weights.size()), scheme, activations);
  }
  std::unique_ptr<mlir::MLIRContext> whole = createContext();
  auto module = parseText(*whole, text);
  ASSERT_TRUE(bool(module)) << llvm::toString(module.takeError());
  CompileOptions options;
  options.target = *target;
  auto emitted = emitModule(**module, CodeForm::object, options);
  ASSERT_TRUE(bool(emitted)) << llvm::toString(emitted.takeError());
  ASSERT_EQ(emitted->signatures.size(), weights.size());
  bool packs = false;
  for (size_t i = 0; i < weights.size(); ++i) {
    packs |= !emitted->signatures[i].packings.empty();
    addCalls(emitted->signatures[i], weights[i], kinds[i]);
  }
  EXPECT_TRUE(packs);

  TemporaryFolder folder;
  writeFile(folder / "program.o",
            std::string(emitted->code.begin(), emitted->code.end()));
  writeFile(folder / "entries.c", run.entries());
  writeFile(folder / "input", run.input());
  ASSERT_TRUE(execute({RLX_AARCH64_CC, "-static", "-O1", "-o", folder / "host",
                       RLX_TEST_DIR "/unit/codegen/ForeignHost.c",
                       folder / "entries.c", folder / "program.o", "-lm"},
                      folder / "log"));
  ASSERT_TRUE(execute(
      {RLX_QEMU_AARCH64, folder / "host", folder / "input", folder / "output"},
      folder / "log"));
  std::string output = readFile(folder / "output");
  ASSERT_EQ(output.size(), run.resultBytes);
  for (const auto &[begin, expected] : results) {
    Floats y(expected.shape);
    std::memcpy(y.values.data(), output.data() + begin,
                y.values.size() * sizeof(float));
    EXPECT_TRUE(isClose(y, expected.values, expected.bound, 0))
        << expected.what;
  }
}

INSTANTIATE_TEST_SUITE_P(Generations, AArch64Test,
                         testing::ValuesIn(generations),
                         [](const auto &info) { return info.param.name; });

} // namespace emulated_test
