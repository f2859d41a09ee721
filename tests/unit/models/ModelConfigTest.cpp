//===- ModelConfigTest.cpp - What files say of models ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/Compiler.h"
#include "codegen/models/ModelBuilder.h"
#include "runtime/weights/GgufWriter.h"
#include "tests/unit/runtime/GgufBuilder.h"
#include "tests/unit/runtime/TestSupport.h"

using namespace rlx;
using namespace rlx::test;

namespace {

constexpr uint32_t u32Type = 4, stringType = 8;

/// A model without layers' tensors.
class ConfigBuilder {
public:
  explicit ConfigBuilder(std::string_view architecture) : prefix(architecture) {
    file.key("general.architecture", stringType, ggufString(architecture));
    file.tensor("token_embd.weight", {32, 10}, 0, 0);
    file.data(std::string(32 * 10 * 4, '\0'));
  }
  ConfigBuilder &number(std::string_view name, uint32_t value) {
    file.key(fmt::format("{}.{}", prefix, name), u32Type, raw(value));
    return *this;
  }
  ConfigBuilder &usual() {
    return number("block_count", 1)
        .number("embedding_length", 32)
        .number("attention.head_count", 4)
        .number("feed_forward_length", 64);
  }
  std::string error() {
    writeFile(folder / "m.gguf", file.build());
    Result<std::unique_ptr<GgufFile>> opened =
        GgufFile::open(folder / "m.gguf");
    if (!opened)
      return opened.message();
    std::unique_ptr<mlir::MLIRContext> context = createContext();
    auto module = buildModel(**opened, {}, *context);
    return module ? "" : llvm::toString(module.takeError());
  }

  std::string prefix;
  GgufBuilder file;
  TemporaryFolder folder;
};

void expectParts(const std::string &message,
                 std::initializer_list<std::string_view> parts) {
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  for (std::string_view part : parts)
    EXPECT_NE(message.find(part), std::string::npos)
        << "expected: " << part << "\ngot: " << message;
}

} // namespace

TEST(ModelConfig, ListsArchitectures) {
  expectParts(ConfigBuilder("lama").error(),
              {"m.gguf", "llama, qwen2, qwen3", "gpt-oss", "'lama'",
               "did you mean 'llama'"});
}

TEST(ModelConfig, NamesKeysThatAreMissingOrWrong) {
  expectParts(ConfigBuilder("llama").error(),
              {"'llama.block_count'", "no such"});
  expectParts(ConfigBuilder("llama").number("block_count", 0).error(),
              {"'llama.block_count'", "1 to", "0"});
  expectParts(ConfigBuilder("llama")
                  .usual()
                  .number("attention.head_count_kv", 3)
                  .error(),
              {"'llama.attention.head_count'", "multiple of the 3"});
  expectParts(
      ConfigBuilder("llama").usual().number("rope.dimension_count", 9).error(),
      {"'llama.rope.dimension_count'", "2 to 8", "9"});
  expectParts(ConfigBuilder("qwen3moe").usual().error(),
              {"'qwen3moe.expert_count'", "no such key"});
}

TEST(ModelConfig, NamesTensorsThatAreMissingOrOfAnotherShape) {
  expectParts(ConfigBuilder("llama").usual().error(),
              {"'blk.0.attn_norm.weight'", "[32]", "none"});
  ConfigBuilder other("llama");
  other.number("block_count", 1)
      .number("embedding_length", 16)
      .number("attention.head_count", 4)
      .number("feed_forward_length", 64);
  expectParts(other.error(),
              {"'token_embd.weight'", "[tokens, 16]", "[10, 32]"});
}
