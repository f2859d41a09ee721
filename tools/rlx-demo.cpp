//===- rlx-demo.cpp - What RLX does, in a minute --------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// First every type of a file that ggml wrote is compiled, run and compared with
// what ggml computed; then speeds are measured beside the machine's limits.
//
//===----------------------------------------------------------------------===//

#include "runtime/weights/Gguf.h"
#include "tools/CommandLine.h"
#include "tools/bench/Report.h"
#include "tools/bench/Table.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <cmath>

using namespace rlx;
namespace cl = llvm::cl;

namespace {
struct Options {
  cl::opt<std::string> file{cl::Positional, cl::desc("[ggml-types.gguf]")};
  cl::opt<unsigned> threads{
      "threads", cl::init(0), cl::value_desc("N"),
      cl::desc("Threads of the second part (all processors)")};
  cl::opt<double> seconds{"seconds", cl::init(0.25), cl::value_desc("S"),
                          cl::desc("Time for each measurement (0.25)")};
  cl::list<std::string> schemes{
      "scheme", cl::CommaSeparated, cl::value_desc("name,..."),
      cl::desc("Schemes of the second part (a choice)")};
  cl::list<std::string> shapes{
      "shape", cl::CommaSeparated, cl::value_desc("NxK,..."),
      cl::desc("Weights of the second part (4096x4096,4096x14336)")};
  cl::list<std::string> activations{
      "activations", cl::CommaSeparated, cl::value_desc("type,..."),
      cl::desc("Activations of the second part (f32,i16,i8)")};
};

/// Of different sizes, with and without offsets, integers and small floats.
constexpr const char *shownSchemes[] = {"q8_0", "q4_K", "q6_K", "nvfp4"};

constexpr const char *shownShapes[] = {"4096x4096", "4096x14336"};
constexpr const char *shownActivations[] = {"f32", "i16", "i8"};
constexpr int64_t shownRows[] = {1, 64};

std::vector<std::string> listOr(const cl::list<std::string> &given,
                                llvm::ArrayRef<const char *> otherwise) {
  if (given.empty())
    return {otherwise.begin(), otherwise.end()};
  return {given.begin(), given.end()};
}

std::string shapeType(llvm::ArrayRef<int64_t> shape, llvm::StringRef element) {
  std::string text = "tensor<";
  for (int64_t size : shape)
    text += std::to_string(size) + "x";
  return text + element.str() + ">";
}
} // namespace

//===----------------------------------------------------------------------===//
// A file that ggml wrote
//===----------------------------------------------------------------------===//

/// That of the installation that this program is of, or else of the sources.
static std::string findGoldenFile(const char *program) {
  static const char anchor = 0;
  std::string path =
      llvm::sys::fs::getMainExecutable(program, const_cast<char *>(&anchor));
  llvm::SmallString<256> installed(llvm::sys::path::parent_path(path));
  llvm::sys::path::append(installed, RLX_GOLDEN_FROM_BIN);
  return llvm::sys::fs::exists(installed) ? installed.str().str()
                                          : RLX_GOLDEN_FILE;
}

static llvm::Expected<TensorView> findFloats(const GgufFile &file,
                                             const std::string &name) {
  const WeightEntry *entry = file.find(name);
  if (!entry || entry->type != "f32" || entry->shape.size() != 2)
    return llvm::createStringError("expected a tensor '" + name +
                                   "' of f32 in '" + file.path() + "'");
  // Only read.
  return TensorView{ElementType::f32, entry->shape,
                    const_cast<std::byte *>(entry->bytes.data())};
}

/// Norm of the difference over norm of what is expected.
static double relativeError(const Tensor &got, const TensorView &expected) {
  double difference = 0, norm = 0;
  for (int64_t i = 0; i < expected.numElements(); ++i) {
    double reference = static_cast<const float *>(expected.data)[i];
    double error = got.data<float>()[i] - reference;
    difference += error * error;
    norm += reference * reference;
  }
  return std::sqrt(difference / norm);
}

/// One type: compiled, bound to the file, run, compared.
static llvm::Error showType(std::shared_ptr<GgufFile> file,
                            const std::string &type, QuantScheme scheme,
                            Table &table) {
  auto x = findFloats(*file, "activations");
  if (!x)
    return x.takeError();
  auto expected = findFloats(*file, type + ".matmul");
  if (!expected)
    return expected.takeError();
  std::string weight = type + ".quantized";
  std::string xType = shapeType(x->shape, "f32"),
              yType = shapeType(expected->shape, "f32");
  std::string wType =
      shapeType(file->find(weight)->shape,
                fmt::format("f32, #rlx.quant<{}>",
                            std::string_view(scheme.displayName())));
  std::string program = fmt::format(R"(
func.func @main(%x: {0}) -> {2} {{
  %w = rlx.weight "{3}" : {1}
  %y = rlx.matmul %x, %w : ({0}, {1}) -> {2}
  return %y : {2}
}}
)",
                                    xType, wType, yType, weight);
  CompileReport report;
  auto executable = compileText(program, {}, &report, weight);
  if (!executable)
    return executable.takeError();
  if (auto error = (*executable)->bindWeights(file))
    return error;
  auto outputs = (*executable)->run("main", *x);
  if (!outputs)
    return outputs.takeError();
  Ratio bits = scheme.payloadBits();
  table.addRow(
      {scheme.displayName().str(), type, std::to_string(scheme.block()),
       fmt::format("{:.4f}", bits.value()),
       fmt::format("{:.1e}", relativeError(outputs->front(), *expected)),
       fmt::format("{:.0f}", report.milliseconds)});
  return llvm::Error::success();
}

static llvm::Error showFile(const std::string &path, mlir::MLIRContext &context,
                            Progress &progress) {
  auto opened = GgufFile::open(path);
  if (!opened)
    return toError(opened.status());
  std::shared_ptr<GgufFile> file = opened.take();
  using enum Table::Align;
  Table table({{"scheme", left},
               {"ggml's name", left},
               {"block"},
               {"bits"},
               {"rel. error"},
               {"compile ms"}});
  std::string others;
  for (const WeightEntry &entry : file->entries()) {
    llvm::StringRef type = entry.name;
    if (!type.consume_back(".quantized"))
      continue;
    std::optional<QuantScheme> scheme = QuantScheme::parse(&context, type);
    if (!scheme) {
      others += (others.empty() ? "" : " ") + type.str();
      continue;
    }
    progress.say("compiling for " + type.str());
    if (auto error = showType(file, type.str(), *scheme, table))
      return error;
  }
  progress.say("");
  if (table.empty())
    return llvm::createStringError(
        "'" + path + "' has no tensor '<type>.quantized' with a scheme");
  printHeading(
      llvm::outs(),
      "Weights that ggml wrote, compiled, run, compared with ggml's result");
  llvm::outs() << path << "\n\n";
  table.print(llvm::outs());
  if (!others.empty())
    llvm::outs() << "\nwithout a scheme: " << others << "\n";
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// Speeds
//===----------------------------------------------------------------------===//

static llvm::Error showSpeeds(const Options &given, const MachineName &machine,
                              Progress &progress) {
  progress.say("limits of the machine");
  auto limitsBench = LimitsBench::create(given.seconds);
  if (!limitsBench)
    return limitsBench.takeError();
  auto limits =
      limitsBench->measure(given.threads ? given.threads : machine.processors);
  if (!limits)
    return limits.takeError();

  MatmulBench bench({given.seconds});
  using enum Table::Align;
  Table table({{"scheme", left},
               {"act.", left},
               {"N x K", left},
               {"M"},
               {"ms"},
               {"GB/s"},
               {"GFLOP/s"},
               {"of limit"},
               {"limit", left},
               {"rel. error"}});
  std::vector<MatmulRow> rows;
  for (const std::string &name : listOr(given.schemes, shownSchemes)) {
    std::optional<QuantScheme> scheme =
        QuantScheme::parse(&bench.context(), name);
    if (!scheme)
      return llvm::createStringError(QuantScheme::unknownSchemeMessage(name));
    for (const std::string &shape : listOr(given.shapes, shownShapes)) {
      int64_t n, k;
      auto [nText, kText] = llvm::StringRef(shape).split('x');
      if (!llvm::to_integer(nText, n) || !llvm::to_integer(kText, k) || n < 1 ||
          k < 1)
        return llvm::createStringError(
            "expected --shape of the form NxK, but got '" + shape + "'");
      for (const std::string &type :
           listOr(given.activations, shownActivations))
        for (int64_t m : shownRows) {
          MatmulRow row{
              {scheme->displayName().str(), type, m, n, k, limits->threads},
              std::nullopt,
              "",
              *limits};
          progress.say("measuring " + row.wanted.describe());
          auto figures = bench.run(row.wanted);
          if (!figures)
            return figures.takeError();
          row.figures = *figures;
          rows.push_back(std::move(row));
        }
    }
  }
  progress.say("limits of the machine");
  auto after = limitsBench->measure(limits->threads);
  if (!after)
    return after.takeError();
  limits->raiseTo(*after);
  for (MatmulRow &row : rows) {
    row.limits = *limits;
    const MatmulCase &wanted = row.wanted;
    table.addRow({wanted.scheme, wanted.activations,
                  fmt::format("{} x {}", wanted.n, wanted.k),
                  std::to_string(wanted.m),
                  fmt::format("{:.3f}", row.figures->medianMs),
                  shortNumber(row.fileGbps()), shortNumber(row.gflops()),
                  percent(row.fractionOfLimit()), row.limitName(),
                  fmt::format("{:.1e}", row.figures->relativeError)});
  }
  progress.say("");
  printHeading(llvm::outs(), "Speeds beside what this machine can do");
  auto text = [](std::optional<double> value) {
    return value ? shortNumber(*value) : "-";
  };
  llvm::outs() << fmt::format(
      "{}; {} thread{}: {} GB/s from memory, {} GFLOP/s f32 FMA, {} bf16 dot, "
      "{} int8 dot\n"
      "GB/s counts bytes of the stored weight, of more weights than the caches "
      "hold\n\n",
      describe(machine), limits->threads, limits->threads == 1 ? "" : "s",
      shortNumber(limits->readGbps), text(limits->f32Gflops),
      text(limits->bf16Gflops), text(limits->int8Gops));
  table.print(llvm::outs());
  return llvm::Error::success();
}

int main(int argc, char **argv) {
  beginTool("rlx-demo",
            "  rlx-demo --threads 1 --scheme q4_K --shape 4096x4096\n");
  ToolProcess process(argc, argv);
  removeForeignOptions();
  Options options;
  options.file.setInitialValue(findGoldenFile(argv[0]));
  cl::ParseCommandLineOptions(
      argc, argv,
      "Compiles, runs and compares every type of a file from ggml, then "
      "measures speeds\n");
  Progress progress;
  std::unique_ptr<mlir::MLIRContext> context = createContext();
  llvm::Error error = showFile(options.file, *context, progress);
  if (!error) {
    llvm::outs() << "\n";
    llvm::outs().flush();
    error = showSpeeds(options, MachineName::read(), progress);
  }
  progress.say("");
  return finishTool("rlx-demo", std::move(error));
}
