//===- LlmOptions.h - What rlx-llm is asked for -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef RLX_TOOLS_LLM_LLMOPTIONS_H
#define RLX_TOOLS_LLM_LLMOPTIONS_H

#include "runtime/text/Sampler.h"
#include "tools/CommandLine.h"

namespace rlx {

namespace cl = llvm::cl;

enum class BenchFormat { markdown, csv, json };

/// Lives in main, behind removeForeignOptions. Without a command, a text is
/// continued.
struct LlmCommandLine {
  cl::SubCommand chat{"chat", "Talks: a line of stdin at a time"};
  cl::SubCommand bench{"bench", "Measures prompts and single tokens"};
  cl::SubCommand perplexity{
      "perplexity", "How well a text is foreseen, and how far the model's "
                    "numbers are from exact ones"};
  cl::SubCommand logits{"logits", "Writes the logits of each token"};
  cl::SubCommand tokenize{"tokenize", "Prints the tokens of a text"};
  cl::SubCommand embed{"embed",
                       "Prints or writes the vector of a text (BERT, a "
                       "folder with model.safetensors)"};
  cl::SubCommand graph{"graph", "Prints the model's step as MLIR"};
  cl::SubCommand &generate = cl::SubCommand::getTopLevel();

  // For all of them.
  cl::opt<std::string> model{cl::Positional,
                             cl::desc("<model.gguf, or a folder to embed>"),
                             cl::sub(cl::SubCommand::getAll())};

  // For those that compute.
  cl::opt<std::string> activations{
      "activations",
      cl::init("i16"),
      cl::value_desc("type"),
      cl::desc("What matmuls may round activations to: f32, bf16, f16, i24, "
               "i16 or i8 (i16)"),
      cl::sub(generate),
      cl::sub(chat),
      cl::sub(bench),
      cl::sub(perplexity),
      cl::sub(logits),
      cl::sub(graph)};
  cl::opt<std::string> cacheType{
      "cache-type",
      cl::init("f16"),
      cl::value_desc("type"),
      cl::desc("What keys and values are kept as: f32, f16, bf16 or a scheme "
               "as q8_0 (f16)"),
      cl::sub(generate),
      cl::sub(chat),
      cl::sub(bench),
      cl::sub(perplexity),
      cl::sub(logits),
      cl::sub(graph)};
  cl::opt<int64_t> context{
      "context",
      cl::init(0),
      cl::value_desc("N"),
      cl::desc("How many tokens fit (what is needed, or 4096 to chat; 512 at a "
               "time for perplexity)"),
      cl::sub(generate),
      cl::sub(chat),
      cl::sub(perplexity),
      cl::sub(graph)};
  cl::opt<unsigned> threads{
      "threads",           cl::init(0),
      cl::value_desc("N"), cl::desc("Threads (all processors)"),
      cl::sub(generate),   cl::sub(chat),
      cl::sub(perplexity), cl::sub(embed),
      cl::sub(logits)};
  cl::opt<std::string> device{
      "device",
      cl::init("cpu"),
      cl::value_desc("device"),
      cl::desc("What computes: cpu, vulkan, opencl, or one of several as "
               "opencl:1 (cpu)"),
      cl::sub(generate),
      cl::sub(chat),
      cl::sub(bench),
      cl::sub(perplexity),
      cl::sub(logits)};
  cl::opt<bool> deterministic{
      "deterministic",
      cl::desc("Same bits for any number of threads and tokens at a time"),
      cl::sub(generate),
      cl::sub(chat),
      cl::sub(perplexity),
      cl::sub(logits)};
  cl::opt<std::string> cacheDirectory{
      "cache-dir",
      cl::value_desc("folder"),
      cl::desc("Keep compiled code and packed weights in this folder of your "
               "own, and take them from there"),
      cl::sub(generate),
      cl::sub(chat),
      cl::sub(bench),
      cl::sub(perplexity),
      cl::sub(embed),
      cl::sub(logits)};

  // Texts.
  cl::opt<std::string> prompt{"p",
                              cl::value_desc("text"),
                              cl::desc("The text"),
                              cl::sub(generate),
                              cl::sub(logits),
                              cl::sub(embed),
                              cl::sub(tokenize)};
  cl::opt<std::string> file{"f",
                            cl::value_desc("file"),
                            cl::desc("A file with the text"),
                            cl::sub(generate),
                            cl::sub(logits),
                            cl::sub(embed),
                            cl::sub(tokenize),
                            cl::sub(perplexity)};
  cl::opt<int64_t> count{"n",
                         cl::init(-1),
                         cl::value_desc("N"),
                         cl::desc("How many tokens are written at most (128; "
                                  "an answer of a chat: as many as fit)"),
                         cl::sub(generate),
                         cl::sub(chat)};

  // Which token comes next.
  cl::opt<double> temperature{
      "temp",
      cl::init(0),
      cl::value_desc("T"),
      cl::desc("Logits are divided by it; 0: the most probable token (0)"),
      cl::sub(generate),
      cl::sub(chat)};
  cl::opt<int64_t> topK{"top-k",
                        cl::init(SamplerOptions().topK),
                        cl::value_desc("N"),
                        cl::desc("Of the N most probable tokens; 0: all (40)"),
                        cl::sub(generate),
                        cl::sub(chat)};
  cl::opt<double> topP{
      "top-p",
      cl::init(SamplerOptions().topP),
      cl::value_desc("P"),
      cl::desc("Of the most probable ones that make up P (0.95)"),
      cl::sub(generate),
      cl::sub(chat)};
  cl::opt<double> minP{
      "min-p",
      cl::init(SamplerOptions().minP),
      cl::value_desc("P"),
      cl::desc("Of those at least P times as probable as the first (0.05)"),
      cl::sub(generate),
      cl::sub(chat)};
  cl::opt<double> repeatPenalty{
      "repeat-penalty",
      cl::init(1),
      cl::value_desc("F"),
      cl::desc("Logits of tokens that were there are divided by it (1)"),
      cl::sub(generate),
      cl::sub(chat)};
  cl::opt<int64_t> repeatLast{
      "repeat-last",       cl::init(SamplerOptions().repeatLast),
      cl::value_desc("N"), cl::desc("How many tokens back those are (64)"),
      cl::sub(generate),   cl::sub(chat)};
  cl::opt<uint64_t> seed{"seed",
                         cl::init(0),
                         cl::value_desc("N"),
                         cl::desc("The same gives the same text (0)"),
                         cl::sub(generate),
                         cl::sub(chat)};

  // Conversations.
  cl::opt<std::string> format{
      "chat-format", cl::value_desc("name"),
      cl::desc("chatml, llama-2, llama-3, gemma, phi-3, gpt-oss or none (by "
               "the file's template)"),
      cl::sub(chat)};
  cl::opt<std::string> system{"system", cl::value_desc("text"),
                              cl::desc("What the model is told first"),
                              cl::sub(chat)};

  // bench, with llama-bench's spellings.
  cl::list<int64_t> prompts{
      "p", cl::CommaSeparated, cl::value_desc("N,..."),
      cl::desc("Prompts of so many tokens (512); 0: none"), cl::sub(bench)};
  cl::list<int64_t> generated{"n", cl::CommaSeparated, cl::value_desc("N,..."),
                              cl::desc("Tokens one by one (128); 0: none"),
                              cl::sub(bench)};
  cl::list<int64_t> depths{"d", cl::CommaSeparated, cl::value_desc("N,..."),
                           cl::desc("How many tokens are there before (0)"),
                           cl::sub(bench)};
  cl::list<unsigned> benchThreads{
      "t", cl::CommaSeparated, cl::value_desc("N,..."),
      cl::desc("Threads (all processors)"), cl::sub(bench)};
  cl::opt<unsigned> repetitions{
      "r", cl::init(5), cl::value_desc("N"),
      cl::desc("Measure so many times; the mean and how far they are from it "
               "are told (5)"),
      cl::sub(bench)};
  cl::opt<BenchFormat, false, WordParser<BenchFormat>> benchFormat{
      "o",
      cl::init(BenchFormat::markdown),
      cl::value_desc("format"),
      cl::desc("What is printed (md):"),
      cl::values(clEnumValN(BenchFormat::markdown, "md", "a table"),
                 clEnumValN(BenchFormat::csv, "csv", "a line a test"),
                 clEnumValN(BenchFormat::json, "json", "an array of objects")),
      cl::sub(bench)};

  cl::opt<bool> noExact{
      "no-exact", cl::desc("Do not compute the same with activations of f32"),
      cl::sub(perplexity)};

  // logits
  cl::opt<std::string> ids{"ids", cl::value_desc("file.npy"),
                           cl::desc("Tokens in place of a text: i32 [T]"),
                           cl::sub(logits)};
  cl::opt<std::string> output{
      "o", cl::value_desc("file.npy"),
      cl::desc("Where to write: f32 [T, vocabulary], or the vector of a text"),
      cl::sub(embed), cl::sub(logits)};
  cl::opt<bool> verify{
      "verify",
      cl::desc(
          "Compare with an interpreter in double precision, which is slow"),
      cl::sub(logits)};

  SamplerOptions sampler() const {
    return {temperature, topK, topP, minP, repeatPenalty, repeatLast, seed};
  }
};

} // namespace rlx

#endif // RLX_TOOLS_LLM_LLMOPTIONS_H
