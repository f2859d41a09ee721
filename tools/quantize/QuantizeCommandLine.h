//===- QuantizeCommandLine.h - Options of rlx-quantize ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef RLX_TOOLS_QUANTIZE_QUANTIZECOMMANDLINE_H
#define RLX_TOOLS_QUANTIZE_QUANTIZECOMMANDLINE_H

#include "codegen/quantize/methods/Gptq.h"
#include "ir/QuantConfig.h"
#include "tools/CommandLine.h"

namespace rlx::quantize {

inline llvm::cl::SubCommand compareCommand("compare",
                                           "Tells bits, error and time of "
                                           "schemes for a weight of one's own");

/// Lives in main, behind removeForeignOptions.
struct QuantizeCommandLine {
  llvm::cl::opt<std::string> input{
      llvm::cl::Positional, llvm::cl::Required,
      llvm::cl::desc("<weights.gguf, weights.safetensors, its "
                     "index.json or weight.npy>")};
  llvm::cl::opt<std::string> output{
      "o", llvm::cl::value_desc("file.gguf"),
      llvm::cl::desc("Where to write to: GGUF, or file.safetensors")};
  llvm::cl::opt<std::string> scheme{
      "scheme", llvm::cl::value_desc("name"),
      llvm::cl::desc(
          "What matrices become (see rlx-inspect --schemes), or a file "
          "that describes a scheme")};
  llvm::cl::opt<std::string> rule{
      "rule", llvm::cl::value_desc("text"),
      llvm::cl::desc("How scales are chosen, in place of the scheme's rule: "
                     "'search', 'absmax 7', ...")};
  llvm::cl::opt<std::string> outputScheme{
      "output-scheme", llvm::cl::value_desc("name"), llvm::cl::init("q6_K"),
      llvm::cl::desc(
          "What embeddings and the output become, if it has more bits "
          "than --scheme (q6_K); none: as all others")};
  llvm::cl::list<std::string> overrides{
      "tensor", llvm::cl::value_desc("glob=scheme"),
      llvm::cl::desc(
          "What weights of these names become; may repeat, and the last "
          "that matches counts")};
  llvm::cl::opt<std::string> config{
      "config", llvm::cl::value_desc("file.json"),
      llvm::cl::desc(
          "What weights become by name, and how, as --rlx-annotate reads "
          "it; before --tensor")};
  llvm::cl::opt<QuantAlgorithm, false, WordParser<QuantAlgorithm>> method{
      "method", llvm::cl::init(QuantAlgorithm::nearest),
      llvm::cl::value_desc("word"),
      llvm::cl::desc("How codes are chosen (nearest):"),
      llvm::cl::values(
          clEnumValN(QuantAlgorithm::nearest, "nearest", "the nearest numbers"),
          clEnumValN(QuantAlgorithm::gptq, "gptq",
                     "errors make up for each other in the outputs"),
          clEnumValN(QuantAlgorithm::awq, "awq",
                     "factors of columns by search; the file has them "
                     "as NAME.input_factors, and a program divides "
                     "activations by them"),
          clEnumValN(QuantAlgorithm::smoothQuant, "smoothquant",
                     "the same, by maxima of activations and "
                     "weights"))};
  llvm::cl::opt<double> alpha{
      "alpha", llvm::cl::init(QuantMethod::defaultAlpha),
      llvm::cl::value_desc("number"),
      llvm::cl::desc(
          "How much of activations' size weights take over with --method "
          "smoothquant, 0 to 1 (0.5)")};
  llvm::cl::opt<bool> actOrder{
      "act-order",
      llvm::cl::desc("With --method gptq: columns whose activations are "
                     "largest come first")};
  llvm::cl::opt<double> damping{
      "damping", llvm::cl::init(GptqOptions().damping),
      llvm::cl::value_desc("number"),
      llvm::cl::desc(
          "With --method gptq: what is added to the Hessian's diagonal, "
          "of its mean (0.01)")};
  llvm::cl::list<std::string> activations{
      "activations", llvm::cl::value_desc("name=file.npy or folder"),
      llvm::cl::desc(
          "Rows of activations that a weight is multiplied with, for "
          "--method, or a folder that rlx-run --calibrate-rows wrote; may "
          "repeat. Weights without them get the nearest numbers")};
  llvm::cl::opt<std::string> calibration{
      "calibration", llvm::cl::value_desc("record.json"),
      llvm::cl::desc(
          "What rlx-run --calibrate wrote: importance of columns, and "
          "activations for --method awq and smoothquant, whose factors "
          "are then the same for weights that are multiplied with the "
          "same value")};
  llvm::cl::opt<double> averageBits{
      "average-bits", llvm::cl::value_desc("number"),
      llvm::cl::desc(
          "Choose a scheme for each weight, such that all together have "
          "so many bits on average at the least error of outputs; "
          "--tensor and --config name exceptions")};
  llvm::cl::list<std::string> among{
      "among", llvm::cl::CommaSeparated, llvm::cl::value_desc("scheme,..."),
      llvm::cl::desc("The schemes that --average-bits chooses among")};
  llvm::cl::opt<bool> sensitivities{
      "sensitivities",
      llvm::cl::desc(
          "With --average-bits, print the error of outputs that each "
          "scheme costs each weight: squared, of an average row")};
  llvm::cl::opt<std::string> writeConfig{
      "write-config", llvm::cl::value_desc("file.json"),
      llvm::cl::desc("Write what each matrix becomes, for --rlx-annotate")};
  llvm::cl::opt<std::string> imatrix{
      "imatrix", llvm::cl::value_desc("file.gguf"),
      llvm::cl::desc("Importance of columns, as llama.cpp writes it")};
  llvm::cl::opt<bool> requantize{
      "requantize",
      llvm::cl::desc("Also quantize weights that are quantized already")};
  llvm::cl::opt<bool> allowNonFinite{
      "allow-non-finite",
      llvm::cl::desc(
          "Keep infinities and NaNs where the scheme has codes for them, as "
          "floats have; elsewhere they stay an error")};
  llvm::cl::opt<bool> dryRun{
      "dry-run", llvm::cl::desc("Only say what would become of what")};
  llvm::cl::opt<double> memory{
      "memory", llvm::cl::init(1), llvm::cl::value_desc("GiB"),
      llvm::cl::desc("How much memory methods may take (1); what needs more is "
                     "refused before anything is written")};
  llvm::cl::opt<unsigned> threads{
      "threads",
      llvm::cl::init(0),
      llvm::cl::value_desc("N"),
      llvm::cl::desc("Threads to run on (all processors)"),
      llvm::cl::sub(llvm::cl::SubCommand::getTopLevel()),
      llvm::cl::sub(compareCommand)};

  // Of `compare`.
  llvm::cl::opt<std::string> compared{
      llvm::cl::Positional, llvm::cl::Required,
      llvm::cl::desc("<weight.npy or weights.gguf>"),
      llvm::cl::sub(compareCommand)};
  llvm::cl::opt<std::string> schemes{
      "schemes", llvm::cl::init("all"), llvm::cl::value_desc("names"),
      llvm::cl::desc("Names, separated by commas, or: all, gguf (all)"),
      llvm::cl::sub(compareCommand)};
  llvm::cl::opt<std::string> weight{
      "weight", llvm::cl::value_desc("name"),
      llvm::cl::desc("Which weight of a file with several"),
      llvm::cl::sub(compareCommand)};
};

} // namespace rlx::quantize

#endif // RLX_TOOLS_QUANTIZE_QUANTIZECOMMANDLINE_H
