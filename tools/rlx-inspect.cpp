//===- rlx-inspect.cpp - Looks into weight files and schemes --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   rlx-inspect file.gguf [--json]                      metadata and tensors;
//                                                       or file.safetensors,
//                                                       or its index.json
//   rlx-inspect file.gguf --dequantize NAME -o out.npy  the values of a tensor
//   rlx-inspect file.gguf --memory [--json]             what weights take
//   rlx-inspect program.mlir --memory [--json]          those of a program
//   rlx-inspect --schemes [--json]                      the built-in schemes
//   rlx-inspect --schemes --describe NAME               one scheme's
//   description
//
//===----------------------------------------------------------------------===//

#include "codegen/StatusError.h"
#include "runtime/LostPages.h"
#include "runtime/OutputFile.h"
#include "runtime/weights/GgufReader.h"
#include "runtime/weights/Safetensors.h"
#include "tools/CommandLine.h"
#include "tools/Inspect.h"

#include "llvm/Support/CommandLine.h"

namespace cl = llvm::cl;

static cl::OptionCategory category("rlx-inspect");
static cl::opt<std::string> path(cl::Positional,
                                 cl::desc("[file.gguf, file.safetensors, "
                                          "file.safetensors.index.json or "
                                          "program.mlir]"),
                                 cl::cat(category));
static cl::opt<bool> json("json", cl::desc("write JSON"), cl::cat(category));
static cl::opt<std::string>
    dequantize("dequantize", cl::value_desc("tensor"),
               cl::desc("write the values of a tensor as f32"),
               cl::cat(category));
static cl::opt<std::string> output("o", cl::value_desc("file.npy"),
                                   cl::desc("where --dequantize writes to"),
                                   cl::cat(category));
static cl::opt<bool>
    memory("memory",
           cl::desc("what weights take in memory, of a file or a program"),
           cl::cat(category));
static cl::opt<bool> schemes("schemes", cl::desc("list the built-in schemes"),
                             cl::cat(category));
static cl::opt<std::string>
    describe("describe", cl::value_desc("scheme"),
             cl::desc("with --schemes: the description of one scheme"),
             cl::cat(category));

/// Whether the options say one thing.
static rlx::Status checkOptions() {
  if (schemes.getNumOccurrences() && path.getNumOccurrences())
    return rlx::errorf("expected no file with --schemes, but got '{}'",
                       path.getValue());
  if (!schemes && !path.getNumOccurrences())
    return rlx::errorf("expected a weight file or --schemes");
  if (describe.getNumOccurrences() && !schemes)
    return rlx::errorf("expected --describe to stand with --schemes");
  if (dequantize.getNumOccurrences() && schemes)
    return rlx::errorf(
        "expected --dequantize to stand with a file, but got --schemes");
  if (dequantize.getNumOccurrences() && !output.getNumOccurrences())
    return rlx::errorf("expected '-o file.npy' with --dequantize");
  if (memory && (schemes || dequantize.getNumOccurrences()))
    return rlx::errorf("expected --memory to stand with a file alone");
  if (output.getNumOccurrences() && !dequantize.getNumOccurrences())
    return rlx::errorf("expected -o to stand with --dequantize");
  if (json && (dequantize.getNumOccurrences() || describe.getNumOccurrences()))
    return rlx::errorf(
        "expected --json to stand with a file or --schemes alone");
  return {};
}

/// Whether a file begins as weight files do; all else may be a program.
static bool isWeightFile(const std::string &path) {
  rlx::Result<std::shared_ptr<rlx::MappedFile>> file =
      rlx::MappedFile::open(path);
  return file && (rlx::isGguf((*file)->bytes()) ||
                  rlx::isSafetensors((*file)->bytes()) ||
                  rlx::isSafetensorsIndex(path));
}

static bool isNpy(const std::string &path) {
  rlx::Result<std::shared_ptr<rlx::MappedFile>> file =
      rlx::MappedFile::open(path);
  constexpr llvm::StringLiteral magic = "\x93NUMPY";
  return file && (*file)->bytes().size() >= magic.size() &&
         llvm::StringRef(
             reinterpret_cast<const char *>((*file)->bytes().data()),
             magic.size()) == magic;
}

static rlx::Status lookInto(mlir::MLIRContext &context) {
  if (describe.getNumOccurrences())
    return rlx::inspect::describeScheme(describe, context, llvm::outs());
  if (schemes) {
    rlx::inspect::listSchemes(context, json, llvm::outs());
    return {};
  }
  rlx::Result<std::unique_ptr<rlx::WeightFile>> file =
      rlx::openWeightFile(path);
  if (!file)
    return file.status();
  if (dequantize.getNumOccurrences())
    return rlx::inspect::dequantize(**file, dequantize, output, context);
  if (memory) {
    rlx::inspect::listMemory(**file, context, json, llvm::outs());
    return {};
  }
  rlx::inspect::listFile(**file, context, json, llvm::outs());
  return {};
}

static llvm::Error run(mlir::MLIRContext &context) {
  if (rlx::Status status = checkOptions(); !status)
    return rlx::toError(status);
  if (memory && isNpy(path))
    return llvm::createStringError(
        "'" + path +
        "' is an npy file, expected a weight file or a program with --memory");
  if (memory && !isWeightFile(path))
    return rlx::inspect::listProgramMemory(path, json, llvm::outs());
  return rlx::toError(lookInto(context));
}

int main(int argc, char **argv) {
  rlx::beginTool(
      "rlx-inspect",
      "  rlx-inspect ggml-types.gguf\n"
      "  rlx-inspect ggml-types.gguf --memory\n"
      "  rlx-inspect ggml-types.gguf --dequantize activations -o x.npy\n"
      "  rlx-inspect --schemes --describe gguf_q4k\n");
  rlx::removeTemporariesOnSignals(); // LLVM has handlers, too
  rlx::ToolProcess process(argc, argv);
  rlx::exitOnLostPages("rlx-inspect");
  cl::HideUnrelatedOptions(category);
  cl::ParseCommandLineOptions(argc, argv,
                              "Looks into weight files and schemes.\n");
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  return rlx::finishTool("rlx-inspect", run(context));
}
