//===- rlx-inspect.cpp - Looks into weight files and schemes --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   rlx-inspect file.gguf [--json]                      metadata and tensors
//   rlx-inspect file.gguf --dequantize NAME -o out.npy  the values of a tensor
//   rlx-inspect --schemes [--json]                      the built-in schemes
//   rlx-inspect --schemes --describe NAME               one scheme's
//   description
//
//===----------------------------------------------------------------------===//

#include "codegen/StatusError.h"
#include "runtime/LostPages.h"
#include "tools/CommandLine.h"
#include "tools/Inspect.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"

namespace cl = llvm::cl;

static cl::OptionCategory category("rlx-inspect");
static cl::opt<std::string> path(cl::Positional, cl::desc("[file.gguf]"),
                                 cl::cat(category));
static cl::opt<bool> json("json", cl::desc("write JSON"), cl::cat(category));
static cl::opt<std::string>
    dequantize("dequantize", cl::value_desc("tensor"),
               cl::desc("write the values of a tensor as f32"),
               cl::cat(category));
static cl::opt<std::string> output("o", cl::value_desc("file.npy"),
                                   cl::desc("where --dequantize writes to"),
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
    return rlx::errorf("expected a GGUF file or --schemes");
  if (describe.getNumOccurrences() && !schemes)
    return rlx::errorf("expected --describe to stand with --schemes");
  if (dequantize.getNumOccurrences() && schemes)
    return rlx::errorf(
        "expected --dequantize to stand with a file, but got --schemes");
  if (dequantize.getNumOccurrences() && !output.getNumOccurrences())
    return rlx::errorf("expected '-o file.npy' with --dequantize");
  if (output.getNumOccurrences() && !dequantize.getNumOccurrences())
    return rlx::errorf("expected -o to stand with --dequantize");
  if (json && (dequantize.getNumOccurrences() || describe.getNumOccurrences()))
    return rlx::errorf(
        "expected --json to stand with a file or --schemes alone");
  return {};
}

static rlx::Status run(mlir::MLIRContext &context) {
  if (rlx::Status status = checkOptions(); !status)
    return status;
  if (describe.getNumOccurrences())
    return rlx::inspect::describeScheme(describe, context, llvm::outs());
  if (schemes) {
    rlx::inspect::listSchemes(context, json, llvm::outs());
    return {};
  }
  rlx::Result<std::unique_ptr<rlx::GgufFile>> file = rlx::GgufFile::open(path);
  if (!file)
    return file.status();
  if (dequantize.getNumOccurrences())
    return rlx::inspect::dequantize(**file, dequantize, output, context);
  rlx::inspect::listFile(**file, context, json, llvm::outs());
  return {};
}

int main(int argc, char **argv) {
  rlx::beginTool(
      "rlx-inspect",
      "  rlx-inspect ggml-types.gguf\n"
      "  rlx-inspect ggml-types.gguf --dequantize activations -o x.npy\n"
      "  rlx-inspect --schemes --describe gguf_q4k\n");
  llvm::InitLLVM init(argc, argv);
  rlx::exitOnLostPages("rlx-inspect");
  cl::HideUnrelatedOptions(category);
  cl::ParseCommandLineOptions(argc, argv,
                              "Looks into weight files and schemes.\n");
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  return rlx::finishTool("rlx-inspect", rlx::toError(run(context)));
}
