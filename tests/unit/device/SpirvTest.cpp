//===- SpirvTest.cpp - SPIR-V of every scheme and shape is valid ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The validator of SPIRV-Tools, which spirv-val runs, accepts the kernels of
// every scheme and kind of operation, for every environment; and what a target
// does not have is not in its modules.
//
//===----------------------------------------------------------------------===//

#include "codegen/gpu/DeviceCompiler.h"
#include "tests/unit/codegen/Graph.h"
#include "tests/unit/codegen/MatmulPrograms.h"
#include "tests/unit/codegen/UserSchemes.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"

#include <spirv-tools/libspirv.h>

#include <set>

using namespace rlx;
using namespace rlx::test;

namespace spirv_test {

/// A target, and what its modules must be valid for.
struct Environment {
  const char *name;
  const char *target;
  spv_target_env validator;
};

constexpr const char *fewest = "#rlx.gpu<vulkan, subgroup_size = 32>";

const Environment environments[] = {
    {"vulkan11", fewest, SPV_ENV_VULKAN_1_1},
    {"vulkan12",
     "#rlx.gpu<vulkan, storage16 = true, int16 = true, "
     "subgroup_size = 64, subgroup_shuffle = true>",
     SPV_ENV_VULKAN_1_2},
    {"vulkan13",
     "#rlx.gpu<vulkan, storage8 = true, storage16 = true, "
     "int8 = true, int16 = true, int64 = true, float16 = true, "
     "float64 = true, denormals = true, nonfinite = true, subgroup_size = 8, "
     "subgroup_arithmetic = true, subgroup_shuffle = true>",
     SPV_ENV_VULKAN_1_3},
    {"opencl",
     "#rlx.gpu<opencl, storage8 = true, storage16 = true, int8 = true, "
     "int16 = true, int64 = true, float16 = true, fma = true>",
     SPV_ENV_OPENCL_2_2},
    {"opencl_fewest", "#rlx.gpu<opencl>", SPV_ENV_OPENCL_2_2},
    {"opencl_subgroups",
     "#rlx.gpu<opencl, int64 = true, subgroup_size = 16, "
     "subgroup_arithmetic = true>",
     SPV_ENV_OPENCL_2_2},
    // OpenCL 2.2 ends with SPIR-V 1.2; shuffles came with 1.3.
    {"opencl_shuffle",
     "#rlx.gpu<opencl, int8 = true, float16 = true, subgroup_size = 32, "
     "subgroup_arithmetic = true, subgroup_shuffle = true>",
     SPV_ENV_UNIVERSAL_1_3},
};

/// Those with products of bytes.
const Environment environmentsWithDot[] = {
    {"vulkan11_dot", "#rlx.gpu<vulkan, integer_dot = true>",
     SPV_ENV_VULKAN_1_1},
    {"vulkan12_dot",
     "#rlx.gpu<vulkan, integer_dot = true, "
     "subgroup_size = 32, workgroup_size = 1024, workgroup_memory = 32768>",
     SPV_ENV_VULKAN_1_2},
    {"vulkan13_dot",
     "#rlx.gpu<vulkan, storage8 = true, int8 = true, "
     "integer_dot = true, subgroup_size = 64>",
     SPV_ENV_VULKAN_1_3},
    {"opencl_dot", "#rlx.gpu<opencl, integer_dot = true>", SPV_ENV_OPENCL_2_2},
};

void PrintTo(const Environment &environment, std::ostream *stream) {
  *stream << environment.target;
}

/// `text` compiled for `target`, in words.
std::vector<uint32_t> compile(const std::string &text, const char *target) {
  std::unique_ptr<mlir::MLIRContext> context = createContext();
  auto module = parseText(*context, text);
  if (!module) {
    ADD_FAILURE() << llvm::toString(module.takeError()) << "\n" << text;
    return {};
  }
  auto lowered = lowerForDevice(**module, {target, KernelForm::spirv});
  if (!lowered) {
    ADD_FAILURE() << llvm::toString(lowered.takeError()) << "\n" << text;
    return {};
  }
  auto code = emitKernels(*lowered, KernelForm::spirv);
  if (!code) {
    ADD_FAILURE() << llvm::toString(code.takeError()) << "\n" << text;
    return {};
  }
  std::vector<uint32_t> words(code->size() / sizeof(uint32_t));
  std::memcpy(words.data(), code->data(), words.size() * sizeof(uint32_t));
  return words;
}

/// What the validator says against a module; empty where it accepts it.
std::string complaint(llvm::ArrayRef<uint32_t> words, spv_target_env target) {
  spv_context context = spvContextCreate(target);
  spv_const_binary_t binary{words.data(), words.size()};
  spv_diagnostic diagnostic = nullptr;
  spv_result_t result = spvValidate(context, &binary, &diagnostic);
  std::string text;
  if (result != SPV_SUCCESS)
    text = diagnostic ? diagnostic->error : "refused without a reason";
  spvDiagnosticDestroy(diagnostic);
  spvContextDestroy(context);
  return text;
}

/// The function of a matmul of a fixed number of rows.
std::string withRows(std::string text, int64_t m) {
  const std::string any = "tensor<?x",
                    fixed = "tensor<" + std::to_string(m) + "x";
  for (size_t at = 0; (at = text.find(any, at)) != std::string::npos;
       at += fixed.size())
    text.replace(at, any.size(), fixed);
  return text;
}

/// The other operations, on elements of all kinds.
constexpr const char *operations = R"(
#id = affine_map<(i) -> (i)>
#all = affine_map<(m, k) -> (m, k)>
#row = affine_map<(m, k) -> (m)>
func.func @gather(%x: tensor<?x256xf32>, %ids: tensor<?x2xi32>) -> tensor<?x2x20xf32> {
  %w = rlx.weight "gather.w" : tensor<4x20x256xf32, #rlx.quant<gguf_q4k>>
  %b = rlx.weight "gather.b" : tensor<4x20xf32>
  %y = rlx.gather_matmul %x, %w, %ids bias(%b)
    : (tensor<?x256xf32>, tensor<4x20x256xf32, #rlx.quant<gguf_q4k>>, tensor<?x2xi32>, tensor<4x20xf32>) -> tensor<?x2x20xf32>
  return %y : tensor<?x2x20xf32>
}
func.func @embedding(%ids: tensor<?xi32>) -> tensor<?x64xf32> {
  %w = rlx.weight "embedding.w" : tensor<9x64xf32, #rlx.quant<gguf_q8_0>>
  %y = rlx.embedding %w, %ids : (tensor<9x64xf32, #rlx.quant<gguf_q8_0>>, tensor<?xi32>) -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}
func.func @dequantize() -> tensor<5x256xf32> {
  %w = rlx.weight "dequantize.w" : tensor<5x256xf32, #rlx.quant<gguf_q6k>>
  %y = rlx.dequantize %w : (tensor<5x256xf32, #rlx.quant<gguf_q6k>>) -> tensor<5x256xf32>
  return %y : tensor<5x256xf32>
}
func.func @short_floats(%x: tensor<?xf16>, %y: tensor<7xbf16>) -> (tensor<?xf16>, tensor<7xbf16>) {
  %s = arith.addf %x, %x : tensor<?xf16>
  %t = arith.mulf %y, %y : tensor<7xbf16>
  return %s, %t : tensor<?xf16>, tensor<7xbf16>
}
func.func @integers(%x: tensor<?xi8>, %y: tensor<?xi16>) -> (tensor<?xi8>, tensor<?xi16>) {
  %s = arith.addi %x, %x : tensor<?xi8>
  %t = arith.muli %y, %y : tensor<?xi16>
  return %s, %t : tensor<?xi8>, tensor<?xi16>
}
func.func @long_rows(%x: tensor<2x9000xf32>) -> tensor<2xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<2xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<2xf32>) -> tensor<2xf32>
  %y = linalg.generic {indexing_maps = [#all, #row], iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<2x9000xf32>) outs(%z : tensor<2xf32>) {
    ^bb0(%v: f32, %sum: f32):
      %n = arith.addf %sum, %v : f32
      linalg.yield %n : f32
  } -> tensor<2xf32>
  return %y : tensor<2xf32>
}
func.func @largest(%x: tensor<2x9000xf32>) -> tensor<2xf32> {
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<2xf32>
  %z = linalg.fill ins(%zero : f32) outs(%e : tensor<2xf32>) -> tensor<2xf32>
  %y = linalg.generic {indexing_maps = [#all, #row], iterator_types = ["parallel", "reduction"]}
      ins(%x : tensor<2x9000xf32>) outs(%z : tensor<2xf32>) {
    ^bb0(%v: f32, %most: f32):
      %n = arith.maximumf %most, %v : f32
      linalg.yield %n : f32
  } -> tensor<2xf32>
  return %y : tensor<2xf32>
}
func.func @booleans(%x: tensor<9xi8>, %y: tensor<9xi8>) -> tensor<9xi1> {
  %z = arith.cmpi slt, %x, %y : tensor<9xi8>
  return %z : tensor<9xi1>
}
)";

class ModulesTest : public SchemeTest {
protected:
  /// Modules of matmuls of all schemes of `m` rows, 0 for any number. Sizes are
  /// no multiple of any tile.
  std::vector<std::string> matmuls(int64_t m,
                                   const std::string &activations = "f32") {
    constexpr size_t together = 16;
    std::vector<std::string> names = allSchemes(), modules;
    for (size_t i = 0; i < names.size(); ++i) {
      std::optional<QuantScheme> scheme = schemeOf(names[i]);
      if (!scheme)
        continue;
      int64_t block = scheme->block();
      RandomWeight weight(*scheme,
                          {37, std::max<int64_t>(1, 100 / block) * block},
                          uint32_t(i), Content::zeroBytes);
      std::string text =
          matmulFunction("f" + std::to_string(i), weight, activations);
      if (i % together == 0)
        modules.emplace_back();
      modules.back() += m ? withRows(text, m) : text;
    }
    return modules;
  }
};

class SpirvTest : public ModulesTest,
                  public testing::WithParamInterface<Environment> {
protected:
  void expectValid(const std::vector<std::string> &modules) {
    for (const std::string &text : modules) {
      std::vector<uint32_t> words = compile(text, GetParam().target);
      ASSERT_FALSE(words.empty());
      EXPECT_EQ(complaint(words, GetParam().validator), "") << text;
    }
  }
};

TEST_P(SpirvTest, AnyNumberOfRows) { expectValid(matmuls(0)); }
TEST_P(SpirvTest, OneRow) { expectValid(matmuls(1)); }
TEST_P(SpirvTest, ManyRows) { expectValid(matmuls(64)); }
TEST_P(SpirvTest, OtherOperations) { expectValid({operations, feedForward}); }

INSTANTIATE_TEST_SUITE_P(Environments, SpirvTest,
                         testing::ValuesIn(environments), [](const auto &info) {
                           return std::string(info.param.name);
                         });

class BytesTest : public SpirvTest {};

TEST_P(BytesTest, ActivationsOfBytes) { expectValid(matmuls(0, "i8")); }

INSTANTIATE_TEST_SUITE_P(Environments, BytesTest,
                         testing::ValuesIn(environmentsWithDot),
                         [](const auto &info) {
                           return std::string(info.param.name);
                         });

TEST(SpirvValidatorTest, RefusesWhatIsWrong) {
  std::vector<uint32_t> words =
      compile("func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {\n"
              "  %y = arith.addf %x, %x : tensor<4xf32>\n"
              "  return %y : tensor<4xf32>\n}\n",
              fewest);
  ASSERT_FALSE(words.empty());
  EXPECT_EQ(complaint(words, SPV_ENV_VULKAN_1_1), "");
  // The first capability, Shader, becomes Kernel.
  words[6] = 6;
  EXPECT_NE(complaint(words, SPV_ENV_VULKAN_1_1), "");
}

//===----------------------------------------------------------------------===//
// Matrices that subgroups multiply
//===----------------------------------------------------------------------===//

constexpr uint32_t cooperativeMatrix = 6022;

/// What spirv-val, where the machine has one, says against a module.
std::string complaintOfProgram(llvm::ArrayRef<uint32_t> words) {
  auto program = llvm::sys::findProgramByName("spirv-val");
  if (!program)
    return "there is no spirv-val";
  llvm::SmallString<64> module, said;
  int file = -1;
  if (llvm::sys::fs::createTemporaryFile("rlx", "spv", file, module) ||
      llvm::sys::fs::createTemporaryFile("rlx", "txt", said))
    return "cannot write a temporary file";
  llvm::FileRemover removeModule(module), removeSaid(said);
  llvm::raw_fd_ostream(file, /*shouldClose=*/true)
      .write(reinterpret_cast<const char *>(words.data()),
             words.size() * sizeof(uint32_t));
  std::optional<llvm::StringRef> outputs[] = {std::nullopt, said.str(),
                                              said.str()};
  int status = llvm::sys::ExecuteAndWait(
      *program, {*program, "--target-env", "vulkan1.3", module}, std::nullopt,
      outputs);
  if (status == 0)
    return "";
  auto text = llvm::MemoryBuffer::getFile(said);
  return text && !(*text)->getBuffer().empty() ? (*text)->getBuffer().str()
                                               : "refused without a reason";
}

/// Whether a complaint is of a validator that is older than the extension.
bool isTooOld(llvm::StringRef complaint) {
  return complaint.contains("Invalid capability operand: " +
                            std::to_string(cooperativeMatrix));
}

class MatrixModulesTest : public ModulesTest {
protected:
  /// The library that this was linked with may be older than the program.
  void expectValid(const std::vector<std::string> &modules,
                   const char *target) {
    for (const std::string &text : modules) {
      std::vector<uint32_t> words = compile(text, target);
      ASSERT_FALSE(words.empty());
      std::string found = complaint(words, SPV_ENV_VULKAN_1_3);
      if (isTooOld(found))
        found = complaintOfProgram(words);
      if (isTooOld(found) || found == "there is no spirv-val")
        GTEST_SKIP() << "no validator here knows SPV_KHR_cooperative_matrix";
      EXPECT_EQ(found, "") << text;
    }
  }
};

/// The usual matrices, and such that tiles are few columns of odd memory.
constexpr const char *matrices =
    "#rlx.gpu<vulkan, float16 = true, subgroup_size = 32, "
    "cooperative_matrix = [16, 16, 16], workgroup_size = 1024, "
    "workgroup_memory = 49152>";
constexpr const char *oblongMatrices =
    "#rlx.gpu<vulkan, float16 = true, subgroup_size = 64, "
    "cooperative_matrix = [8, 16, 32]>";

TEST_F(MatrixModulesTest, TheProgramRefusesWhatIsWrong) {
  std::vector<uint32_t> words =
      compile("func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {\n"
              "  %y = arith.addf %x, %x : tensor<4xf32>\n"
              "  return %y : tensor<4xf32>\n}\n",
              fewest);
  ASSERT_FALSE(words.empty());
  if (complaintOfProgram(words) == "there is no spirv-val")
    GTEST_SKIP() << "there is no spirv-val";
  EXPECT_EQ(complaintOfProgram(words), "");
  words[6] = 6;
  EXPECT_NE(complaintOfProgram(words), "");
}

TEST_F(MatrixModulesTest, AnyNumberOfRows) {
  expectValid(matmuls(0, "f16"), matrices);
}
TEST_F(MatrixModulesTest, ManyRows) {
  expectValid(matmuls(64, "f16"), oblongMatrices);
}

//===----------------------------------------------------------------------===//
// Capabilities
//===----------------------------------------------------------------------===//

/// What a module declares.
struct Declarations {
  std::set<uint32_t> capabilities, integerBits, floatBits;
};

Declarations declarationsOf(llvm::ArrayRef<uint32_t> words) {
  constexpr size_t header = 5;
  enum : uint32_t { capability = 17, typeInt = 21, typeFloat = 22 };
  Declarations found;
  for (size_t at = header; at < words.size(); at += words[at] >> 16) {
    uint32_t operation = words[at] & 0xffff;
    if (operation == capability)
      found.capabilities.insert(words[at + 1]);
    else if (operation == typeInt)
      found.integerBits.insert(words[at + 2]);
    else if (operation == typeFloat)
      found.floatBits.insert(words[at + 2]);
  }
  return found;
}

using CapabilityTest = ModulesTest;

TEST_F(CapabilityTest, WhatTheTargetLacksIsNotUsed) {
  std::vector<std::string> modules = matmuls(0);
  llvm::append_range(modules, matmuls(0, "i8"));
  modules.push_back(operations);
  modules.push_back(feedForward);
  constexpr uint32_t matrix = 0, shader = 1; // Shader implies Matrix.
  for (const std::string &text : modules) {
    Declarations found = declarationsOf(compile(text, fewest));
    EXPECT_EQ(found.capabilities, (std::set<uint32_t>{matrix, shader})) << text;
    EXPECT_EQ(found.integerBits, std::set<uint32_t>{32}) << text;
    EXPECT_EQ(found.floatBits, std::set<uint32_t>{32}) << text;
  }
}

TEST_F(CapabilityTest, MatricesAreForActivationsOfF16) {
  constexpr uint32_t vulkanMemoryModel = 5345, groupNonUniform = 61;
  for (std::string activations : {"f32", "bf16", "f16"}) {
    Declarations found =
        declarationsOf(compile(matmuls(64, activations).front(), matrices));
    for (uint32_t capability :
         {cooperativeMatrix, vulkanMemoryModel, groupNonUniform})
      EXPECT_EQ(found.capabilities.count(capability), activations == "f16")
          << activations;
  }
}

TEST_F(CapabilityTest, WhatTheTargetHasIsUsed) {
  Declarations found = declarationsOf(
      compile("func.func @f(%x: tensor<4xf64>, %y: tensor<4xi64>)"
              " -> (tensor<4xf64>, tensor<4xi64>) {\n"
              "  %s = arith.addf %x, %x : tensor<4xf64>\n"
              "  %t = arith.addi %y, %y : tensor<4xi64>\n"
              "  return %s, %t : tensor<4xf64>, tensor<4xi64>\n}\n",
              "#rlx.gpu<vulkan, int64 = true, float64 = true>"));
  constexpr uint32_t float64 = 10, int64 = 11;
  EXPECT_TRUE(found.capabilities.count(float64));
  EXPECT_TRUE(found.capabilities.count(int64));
  EXPECT_TRUE(found.floatBits.count(64));
  EXPECT_TRUE(found.integerBits.count(64));
}

TEST_F(CapabilityTest, ProductsOfBytesAreOfWords) {
  // Of all four bytes of a word at once: nothing else is of 8 bits.
  constexpr uint32_t packedBytes = 6018, dot = 6019, bytes = 39;
  RandomWeight weight(*builtin("gguf_q4_0"), {37, 64}, 1, Content::zeroBytes);
  std::string text = matmulFunction("f", weight, "i8");
  Declarations found =
      declarationsOf(compile(text, "#rlx.gpu<vulkan, integer_dot = true>"));
  EXPECT_TRUE(found.capabilities.count(dot));
  EXPECT_TRUE(found.capabilities.count(packedBytes));
  EXPECT_FALSE(found.capabilities.count(bytes));
  EXPECT_EQ(found.integerBits, std::set<uint32_t>{32});
}

TEST_F(CapabilityTest, ShortElementsNeedStorageAndArithmetic) {
  constexpr uint32_t float16 = 9, int16 = 22, int8 = 39, storage16 = 4433,
                     storage8 = 4448;
  auto compiled = [&](const std::string &abilities) {
    return declarationsOf(
        compile(operations, ("#rlx.gpu<vulkan" + abilities + ">").c_str()));
  };
  using Bits = std::set<uint32_t>;
  // One without the other is not used.
  for (const char *lonely :
       {", storage8 = true, storage16 = true", ", storage8 = true",
        ", storage16 = true, float16 = true"}) {
    Declarations found = compiled(lonely);
    EXPECT_EQ(found.integerBits, Bits{32}) << lonely;
    EXPECT_EQ(found.floatBits, Bits{32}) << lonely;
    for (uint32_t capability : {float16, int16, int8, storage16, storage8})
      EXPECT_FALSE(found.capabilities.count(capability)) << lonely;
  }
  Declarations found = compiled(", storage16 = true, int16 = true");
  EXPECT_TRUE(found.capabilities.count(storage16));
  EXPECT_FALSE(found.capabilities.count(storage8));
  EXPECT_EQ(found.integerBits, (Bits{16, 32}));
  EXPECT_EQ(found.floatBits, Bits{32});
  found = compiled(", storage8 = true, int8 = true");
  EXPECT_TRUE(found.capabilities.count(storage8));
  EXPECT_FALSE(found.capabilities.count(storage16));
  EXPECT_EQ(found.integerBits, (Bits{8, 32}));
  found = compiled(", storage16 = true, float16 = true, denormals = true");
  EXPECT_TRUE(found.capabilities.count(float16));
  EXPECT_TRUE(found.capabilities.count(storage16));
  EXPECT_EQ(found.floatBits, (Bits{16, 32}));
}

TEST_F(CapabilityTest, NumbersAndSubgroups) {
  constexpr uint32_t arithmetic = 63, shuffle = 65, keepDenormals = 4464,
                     keepOthers = 4466;
  const std::pair<const char *, uint32_t> wanted[] = {
      {"denormals", keepDenormals},
      {"nonfinite", keepOthers},
      {"subgroup_arithmetic", arithmetic},
      {"subgroup_shuffle", shuffle}};
  for (auto [name, capability] : wanted) {
    Declarations found = declarationsOf(
        compile(operations, ("#rlx.gpu<vulkan, subgroup_size = 32, " +
                             std::string(name) + " = true>")
                                .c_str()));
    for (auto [other, number] : wanted)
      EXPECT_EQ(found.capabilities.count(number), number == capability)
          << name << ", " << other;
  }
}

TEST_F(CapabilityTest, SubgroupsOfOpenCl) {
  constexpr uint32_t groups = 18, arithmetic = 63, shuffle = 65;
  const std::pair<const char *, uint32_t> wanted[] = {
      {"subgroup_arithmetic", groups}, {"subgroup_shuffle", shuffle}};
  for (auto [name, capability] : wanted) {
    Declarations found = declarationsOf(
        compile(operations, ("#rlx.gpu<opencl, subgroup_size = 32, " +
                             std::string(name) + " = true>")
                                .c_str()));
    for (uint32_t number : {groups, arithmetic, shuffle})
      EXPECT_EQ(found.capabilities.count(number), number == capability)
          << name << ", " << number;
  }
}

} // namespace spirv_test
