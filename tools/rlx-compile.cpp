//===- rlx-compile.cpp - Programs as code in a file
//------------------------===//
//
// A thin main: reads a program, has it printed in the form that is asked for,
// and writes a file that appears whole or not at all.
//
//===----------------------------------------------------------------------===//

#include "codegen/Compiler.h"
#include "codegen/gpu/Dialects.h"
#include "codegen/gpu/OpenClC.h"
#include "runtime/OutputFile.h"
#include "tools/CommandLine.h"

#include "llvm/Support/InitLLVM.h"

using namespace rlx;
namespace cl = llvm::cl;

namespace {
enum class Form { openclC };

struct Options {
  cl::opt<std::string> program{cl::Positional, cl::Required,
                               cl::desc("<program.mlir, or - for stdin>")};
  cl::opt<Form> form{
      "emit", cl::Required, cl::desc("What to write:"),
      cl::values(clEnumValN(Form::openclC, "opencl-c",
                            "OpenCL C of the program's gpu.module"))};
  cl::opt<std::string> output{"o", cl::init("-"), cl::value_desc("file"),
                              cl::desc("Where it goes (stdout)")};
};
} // namespace

/// The only gpu.module of a program.
static llvm::Expected<mlir::gpu::GPUModuleOp>
findKernels(mlir::ModuleOp module) {
  auto kernels = llvm::to_vector(module.getOps<mlir::gpu::GPUModuleOp>());
  if (kernels.size() != 1)
    return llvm::createStringError(
        "expected one gpu.module in the program, but got " +
        llvm::Twine(kernels.size()));
  return kernels.front();
}

static llvm::Error writeOutput(const std::string &path, llvm::StringRef text) {
  if (path == "-") {
    llvm::outs() << text;
    return llvm::Error::success();
  }
  auto toError = [](const Status &status) {
    return llvm::createStringError(status.message());
  };
  Result<OutputFile> file = OutputFile::create(path);
  if (!file)
    return toError(file.status());
  OutputFile output = file.take();
  if (Status status = output.write(std::string_view(text)); !status)
    return toError(status);
  if (Status status = output.commit(); !status)
    return toError(status);
  return llvm::Error::success();
}

static llvm::Error run(const Options &options) {
  std::unique_ptr<mlir::MLIRContext> context = createContext();
  mlir::DialectRegistry registry;
  registerGpuDialects(registry);
  context->appendDialectRegistry(registry);
  auto module = parseFile(*context, options.program);
  if (!module)
    return module.takeError();
  auto kernels = findKernels(**module);
  if (!kernels)
    return kernels.takeError();
  auto text = emitOpenClC(*kernels);
  if (!text)
    return text.takeError();
  return writeOutput(options.output, *text);
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  removeForeignOptions();
  Options options;
  cl::ParseCommandLineOptions(argc, argv,
                              "Writes a program as code in a file\n");
  if (auto error = run(options))
    return reportError("rlx-compile", std::move(error));
  return 0;
}
