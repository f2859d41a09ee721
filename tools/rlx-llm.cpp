//===- rlx-llm.cpp - Runs a language model --------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   rlx-llm model.gguf -p "Once upon a time" -n 64
//   rlx-llm chat model.gguf
//   rlx-llm bench model.gguf -p 512 -n 128 -d 0,512 -t 1,2
//
// A thin main over codegen/models and runtime/text; commands are in tools/llm.
//
//===----------------------------------------------------------------------===//

#include "runtime/LostPages.h"
#include "runtime/OutputFile.h"
#include "tools/llm/LlmSession.h"

using namespace rlx;

int main(int argc, char **argv) {
  beginTool("rlx-llm",
            "  rlx-llm model.gguf -p \"abcd\" -n 8\n"
            "  rlx-llm bench model.gguf -p 16 -n 4 -r 2\n"
            "  rlx-llm tokenize model.gguf -p \"abcd\"\n"
            "  rlx-llm logits model.gguf -p \"abcd\" -o logits.npy --verify\n");
  removeTemporariesOnSignals(); // LLVM has handlers, too
  ToolProcess process(argc, argv);
  rlx::exitOnLostPages("rlx-llm");
  removeForeignOptions();
  LlmCommandLine given;
  cl::ParseCommandLineOptions(argc, argv,
                              "Runs a language model from a GGUF file\n");
  struct Command {
    cl::SubCommand &command;
    llvm::Error (*run)(const LlmCommandLine &);
  };
  const Command commands[] = {{given.chat, runChat},
                              {given.bench, runModelBench},
                              {given.perplexity, runPerplexity},
                              {given.logits, runLogits},
                              {given.tokenize, runTokenize},
                              {given.embed, runEmbed},
                              {given.graph, runGraph}};
  for (const Command &each : commands)
    if (each.command)
      return finishTool("rlx-llm", each.run(given));
  return finishTool("rlx-llm", runGenerate(given));
}
