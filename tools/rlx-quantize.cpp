//===- rlx-quantize.cpp - Quantizes the weights of a file -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   rlx-quantize model.gguf -o small.gguf --scheme q4_K
//   rlx-quantize model.gguf -o small.gguf --scheme q4_K --imatrix imatrix.gguf
//   rlx-quantize weight.npy -o weight.gguf --scheme q6_K
//   rlx-quantize compare weight.npy --schemes all
//
//===----------------------------------------------------------------------===//

#include "codegen/StatusError.h"
#include "ir/SchemeFile.h"
#include "runtime/LostPages.h"
#include "tools/CommandLine.h"
#include "tools/quantize/Compare.h"
#include "tools/quantize/Converter.h"

#include "llvm/Support/InitLLVM.h"

namespace cl = llvm::cl;
using namespace rlx;
using namespace rlx::quantize;

static cl::SubCommand
    compareCommand("compare", "Tells bits, error and time of schemes for a "
                              "weight of one's own");

namespace {
/// Lives in main, behind removeForeignOptions.
struct QuantizeCommandLine {
  cl::opt<std::string> input{cl::Positional, cl::Required,
                             cl::desc("<weights.gguf or weight.npy>")};
  cl::opt<std::string> output{"o", cl::value_desc("file.gguf"),
                              cl::desc("Where to write to")};
  cl::opt<std::string> scheme{
      "scheme", cl::value_desc("name"),
      cl::desc("What matrices become (see rlx-inspect --schemes)")};
  cl::opt<std::string> rule{
      "rule", cl::value_desc("text"),
      cl::desc("How scales are chosen, in place of the scheme's rule: "
               "'search', 'absmax 7', ...")};
  cl::opt<std::string> outputScheme{
      "output-scheme", cl::value_desc("name"), cl::init("q6_K"),
      cl::desc("What embeddings and the output become, if it has more bits "
               "than --scheme (q6_K); none: as all others")};
  cl::list<std::string> overrides{
      "tensor", cl::value_desc("glob=scheme"),
      cl::desc("What weights of these names become; may repeat, and the last "
               "that matches counts")};
  cl::opt<std::string> imatrix{
      "imatrix", cl::value_desc("file.gguf"),
      cl::desc("Importance of columns, as llama.cpp writes it")};
  cl::opt<bool> requantize{
      "requantize",
      cl::desc("Also quantize weights that are quantized already")};
  cl::opt<bool> dryRun{"dry-run",
                       cl::desc("Only say what would become of what")};
  cl::opt<unsigned> threads{"threads", cl::init(0), cl::value_desc("N"),
                            cl::desc("Threads to run on (all processors)")};

  // Of `compare`.
  cl::opt<std::string> compared{cl::Positional, cl::Required,
                                cl::desc("<weight.npy or weights.gguf>"),
                                cl::sub(compareCommand)};
  cl::opt<std::string> schemes{
      "schemes", cl::init("all"), cl::value_desc("names"),
      cl::desc("Names, separated by commas, or: all, gguf (all)"),
      cl::sub(compareCommand)};
  cl::opt<std::string> weight{"weight", cl::value_desc("name"),
                              cl::desc("Which weight of a file with several"),
                              cl::sub(compareCommand)};
};
} // namespace

static llvm::Expected<QuantScheme> findScheme(mlir::MLIRContext &context,
                                              llvm::StringRef name) {
  if (std::optional<QuantScheme> scheme = QuantScheme::parse(&context, name))
    return *scheme;
  return llvm::createStringError(QuantScheme::unknownSchemeMessage(name));
}

static llvm::Error readOverrides(const QuantizeCommandLine &given,
                                 mlir::MLIRContext &context, Wishes &wishes) {
  for (llvm::StringRef text : given.overrides) {
    auto [glob, name] = text.rsplit('=');
    if (glob.empty() || name.empty())
      return llvm::createStringError(
          "expected --tensor 'glob=scheme', but got '" + text + "'");
    llvm::Expected<llvm::GlobPattern> pattern = llvm::GlobPattern::create(glob);
    if (!pattern)
      return pattern.takeError();
    llvm::Expected<QuantScheme> scheme = findScheme(context, name);
    if (!scheme)
      return scheme.takeError();
    wishes.overrides.push_back({std::move(*pattern), *scheme});
  }
  return llvm::Error::success();
}

static llvm::Expected<Wishes> readWishes(const QuantizeCommandLine &given,
                                         mlir::MLIRContext &context) {
  if (given.scheme.empty())
    return llvm::createStringError("expected --scheme NAME");
  llvm::Expected<QuantScheme> scheme = findScheme(context, given.scheme);
  if (!scheme)
    return scheme.takeError();
  Wishes wishes{*scheme, {}, {}, {}, given.requantize};
  if (given.rule.getNumOccurrences()) {
    llvm::Expected<QuantRule> rule = QuantRule::parse(given.rule);
    if (!rule)
      return rule.takeError();
    wishes.rule = *rule;
  }
  if (given.outputScheme != "none") {
    llvm::Expected<QuantScheme> other = findScheme(context, given.outputScheme);
    if (!other)
      return other.takeError();
    wishes.outputScheme = *other;
  }
  if (llvm::Error error = readOverrides(given, context, wishes))
    return error;
  return wishes;
}

/// Names of an imatrix that no weight has are worth a word: it may be of
/// another model.
static void warnOfUnknownNames(const Imatrix &imatrix,
                               const WeightSource &source) {
  llvm::SmallVector<std::string> known, missing;
  for (const WeightEntry &entry : source.entries())
    known.push_back(entry.name);
  for (const auto &entry : imatrix)
    if (!llvm::is_contained(known, entry.first()))
      missing.push_back(entry.first().str());
  if (missing.empty())
    return;
  llvm::sort(missing);
  llvm::WithColor::warning(llvm::errs(), "rlx-quantize")
      << "the imatrix has " << missing.size()
      << " names that no weight has, the first is '" << missing.front() << "'"
      << didYouMean(missing.front(), known) << "\n";
}

static llvm::Error run(const QuantizeCommandLine &given,
                       mlir::MLIRContext &context) {
  llvm::Expected<Wishes> wishes = readWishes(given, context);
  if (!wishes)
    return wishes.takeError();
  if (given.output.empty() && !given.dryRun)
    return llvm::createStringError("expected '-o file.gguf' or --dry-run");
  auto source = WeightSource::open(given.input, context);
  if (!source)
    return source.takeError();
  llvm::Expected<std::vector<Step>> steps = makePlan(**source, *wishes);
  if (!steps)
    return steps.takeError();
  Conversion conversion{
      **source, std::move(*steps), {}, wishes->scheme, given.threads};
  if (given.imatrix.getNumOccurrences()) {
    llvm::Expected<Imatrix> imatrix = readImatrix(given.imatrix);
    if (!imatrix)
      return imatrix.takeError();
    conversion.imatrix = std::move(*imatrix);
    warnOfUnknownNames(conversion.imatrix, **source);
  }
  if (given.dryRun) {
    printSummary(conversion, {}, llvm::outs());
    return llvm::Error::success();
  }
  llvm::Expected<std::vector<Outcome>> outcomes =
      convert(conversion, given.output);
  if (!outcomes)
    return outcomes.takeError();
  printSummary(conversion, *outcomes, llvm::outs());
  return llvm::Error::success();
}

/// `all`, `gguf`, or names.
static llvm::Expected<llvm::SmallVector<QuantScheme>>
readSchemes(mlir::MLIRContext &context, llvm::StringRef given) {
  llvm::SmallVector<QuantScheme> schemes;
  if (given == "all" || given == "gguf") {
    for (const std::string &name : builtinSchemeNames()) {
      QuantScheme scheme = *QuantScheme::parse(&context, name);
      if (given == "all" || scheme.isGguf())
        schemes.push_back(scheme);
    }
    return schemes;
  }
  llvm::SmallVector<llvm::StringRef> names;
  given.split(names, ',', -1, /*KeepEmpty=*/false);
  for (llvm::StringRef name : names) {
    llvm::Expected<QuantScheme> scheme = findScheme(context, name);
    if (!scheme)
      return scheme.takeError();
    schemes.push_back(*scheme);
  }
  return schemes;
}

static llvm::Error runCompare(const QuantizeCommandLine &given,
                              mlir::MLIRContext &context) {
  auto schemes = readSchemes(context, given.schemes);
  if (!schemes)
    return schemes.takeError();
  auto source = WeightSource::open(given.compared, context);
  if (!source)
    return source.takeError();
  llvm::SmallVector<std::string> names;
  for (const WeightEntry &entry : (*source)->entries())
    names.push_back(entry.name);
  std::string wanted = given.weight;
  if (wanted.empty() && names.size() == 1)
    wanted = names.front();
  for (const WeightEntry &entry : (*source)->entries())
    if (entry.name == wanted)
      return compare(**source, entry, *schemes, llvm::outs());
  if (wanted.empty())
    return llvm::createStringError("'" + (*source)->path() + "' has " +
                                   llvm::Twine(names.size()) +
                                   " weights, expected --weight NAME");
  return llvm::createStringError("'" + (*source)->path() + "' has no weight '" +
                                 wanted + "'" + didYouMean(wanted, names));
}

int main(int argc, char **argv) {
  beginTool("rlx-quantize",
            "  rlx-quantize ggml-types.gguf -o small.gguf --scheme q4_K "
            "--tensor 'source=q6_K'\n"
            "  rlx-inspect small.gguf\n");
  llvm::InitLLVM init(argc, argv);
  exitOnLostPages("rlx-quantize");
  removeForeignOptions();
  QuantizeCommandLine given;
  cl::ParseCommandLineOptions(argc, argv, "Quantizes the weights of a file.\n");
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  return finishTool("rlx-quantize", compareCommand ? runCompare(given, context)
                                                   : run(given, context));
}
