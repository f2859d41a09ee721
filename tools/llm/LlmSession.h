//===- LlmSession.h - A model with its text ---------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_TOOLS_LLM_LLMSESSION_H
#define RLX_TOOLS_LLM_LLMSESSION_H

#include "codegen/models/Model.h"
#include "runtime/text/Tokenizer.h"
#include "tools/llm/LlmOptions.h"

namespace rlx {

/// The file of the command line.
llvm::Expected<std::shared_ptr<const GgufFile>>
openModelFile(const LlmCommandLine &given);
struct OpenedModel {
  std::shared_ptr<const GgufFile> file;
  Tokenizer tokenizer;
};
/// The same with its tokenizer. Fails where the file has none.
llvm::Expected<OpenedModel> openModel(const LlmCommandLine &given);
/// How it is to be built and compiled; `capacity` tokens are to fit.
llvm::Expected<ModelLoadOptions> loadOptions(const LlmCommandLine &given,
                                             int64_t capacity);
/// Loads it, with a line on stderr meanwhile.
llvm::Expected<std::unique_ptr<Model>>
loadModel(std::shared_ptr<const GgufFile> file,
          const ModelLoadOptions &options);

/// The text of -p or -f. Fails where there is none, or both.
llvm::Expected<std::string> readText(const LlmCommandLine &given);
/// Its tokens.
llvm::Expected<std::vector<int32_t>> readTokens(const LlmCommandLine &given,
                                                const Tokenizer &tokenizer);

// The commands.
llvm::Error runGenerate(const LlmCommandLine &given);
llvm::Error runChat(const LlmCommandLine &given);
llvm::Error runModelBench(const LlmCommandLine &given);
llvm::Error runPerplexity(const LlmCommandLine &given);
llvm::Error runLogits(const LlmCommandLine &given);
llvm::Error runTokenize(const LlmCommandLine &given);
llvm::Error runEmbed(const LlmCommandLine &given);
llvm::Error runGraph(const LlmCommandLine &given);

} // namespace rlx

#endif // RLX_TOOLS_LLM_LLMSESSION_H
