//===- Architectures.cpp - What architectures differ in -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/models/Architectures.h"

#include "ir/NearNames.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace rlx;

static constexpr Architecture table[] = {
    {.name = "llama", .models = "Llama 2 and 3, Mistral, TinyLlama, SmolLM"},
    {.name = "qwen2", .models = "Qwen 2 and 2.5", .rope = RopePairing::halves},
    {.name = "qwen3",
     .models = "Qwen 3",
     .rope = RopePairing::halves,
     .headNorms = true},
    {.name = "qwen3moe",
     .models = "Qwen 3 with experts",
     .rope = RopePairing::halves,
     .headNorms = true,
     .hasExperts = true},
    {.name = "gemma",
     .models = "Gemma",
     .rope = RopePairing::halves,
     .activation = Activation::gelu,
     .scalesEmbedding = true},
    {.name = "gemma2",
     .models = "Gemma 2",
     .rope = RopePairing::halves,
     .activation = Activation::gelu,
     .scalesEmbedding = true,
     .postNorms = true,
     .windowPeriod = 2,
     .hiddenScaleLayers = 46,
     .hasCaps = true},
    {.name = "gemma3",
     .models = "Gemma 3",
     .rope = RopePairing::halves,
     .activation = Activation::gelu,
     .scalesEmbedding = true,
     .headNorms = true,
     .postNorms = true,
     .windowPeriod = 6,
     .windowRopeBase = 10000,
     .hiddenScaleLayers = 62,
     .hasCaps = true},
    {.name = "phi3",
     .models = "Phi 3 and 4 mini",
     .rope = RopePairing::halves,
     .isFused = true},
    {.name = "gpt-oss",
     .models = "gpt-oss",
     .rope = RopePairing::halves,
     .activation = Activation::clampedSwiglu,
     .feedForwardNorm = "post_attention_norm",
     .hasExperts = true,
     .hasSinks = true,
     .windowPeriod = 2},
};

llvm::ArrayRef<Architecture> rlx::architectures() { return table; }

llvm::Expected<const Architecture *>
rlx::findArchitecture(llvm::StringRef name) {
  llvm::SmallVector<std::string> names;
  for (const Architecture &row : table) {
    if (row.name == name)
      return &row;
    names.push_back(row.name.str());
  }
  return llvm::createStringError("expected an architecture of " +
                                 llvm::join(names, ", ") + ", but got '" +
                                 name + "'" + didYouMean(name, names));
}
