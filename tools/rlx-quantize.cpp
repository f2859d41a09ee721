//===- rlx-quantize.cpp - Quantizes the weights of a file -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   rlx-quantize model.gguf -o small.gguf --scheme q4_K
//   rlx-quantize model.gguf -o small.gguf --scheme q4_K --imatrix imatrix.gguf
//   rlx-quantize model.gguf -o small.gguf --scheme q4_0 --method gptq
//     --activations blk.0.attn_q.weight=x.npy
//   rlx-quantize model.gguf -o small.gguf --scheme q4_K --calibration r.json
//   rlx-quantize weight.npy -o weight.gguf --scheme q6_K
//   rlx-quantize model.safetensors -o small.safetensors --scheme int4/32
//   rlx-quantize compare weight.npy --schemes all
//
//===----------------------------------------------------------------------===//

#include "codegen/StatusError.h"
#include "ir/QuantRule.h"
#include "runtime/LostPages.h"
#include "runtime/OutputFile.h"
#include "runtime/Text.h"
#include "tools/quantize/Choice.h"
#include "tools/quantize/Compare.h"
#include "tools/quantize/Converter.h"
#include "tools/quantize/FileNames.h"
#include "tools/quantize/MemoryLimit.h"
#include "tools/quantize/QuantizeCommandLine.h"
#include "tools/quantize/SchemeNames.h"
#include "tools/quantize/Warnings.h"

#include "llvm/Support/FileSystem.h"

namespace cl = llvm::cl;
using namespace rlx;
using namespace rlx::quantize;

static llvm::Error readOverrides(const QuantizeCommandLine &given,
                                 mlir::MLIRContext &context, Wishes &wishes) {
  for (llvm::StringRef text : given.overrides) {
    auto [glob, name] = text.rsplit('=');
    if (glob.empty() || name.empty())
      return llvm::createStringError(
          "expected --tensor 'glob=scheme', but got '" + text + "'");
    auto fail = [&](llvm::Error error) {
      return llvm::createStringError("--tensor '" + text +
                                     "': " + llvm::toString(std::move(error)));
    };
    llvm::Expected<QuantScheme> scheme = findScheme(context, name);
    if (!scheme)
      return fail(scheme.takeError());
    if (llvm::Error error = wishes.config.addOverride(
            glob, QuantMethod(*scheme, given.method, given.alpha)))
      return fail(std::move(error));
  }
  return llvm::Error::success();
}

/// What --config says; nothing without it.
static llvm::Expected<QuantConfig> readConfig(const QuantizeCommandLine &given,
                                              mlir::MLIRContext &context) {
  if (!given.config.getNumOccurrences())
    return QuantConfig();
  llvm::Expected<QuantConfig> config =
      QuantConfig::read(&context, given.config);
  if (!config)
    return llvm::createStringError("cannot use the configuration '" +
                                   given.config +
                                   "': " + llvm::toString(config.takeError()));
  return config;
}

/// --scheme, or the default of the configuration with its algorithm.
static llvm::Expected<QuantMethod> usualMethod(const QuantizeCommandLine &given,
                                               mlir::MLIRContext &context,
                                               const QuantConfig &config) {
  if (given.scheme.getNumOccurrences()) {
    llvm::Expected<QuantScheme> scheme = findScheme(context, given.scheme);
    if (!scheme)
      return scheme.takeError();
    return QuantMethod(*scheme, given.method, given.alpha);
  }
  auto scheme = config.defaultMethod().scheme(&context);
  if (!scheme)
    return scheme.takeError();
  // What is chosen for all weights needs no other.
  if (!*scheme && !given.among.empty()) {
    llvm::Expected<QuantScheme> first =
        findScheme(context, given.among.front());
    if (!first)
      return first.takeError();
    return QuantMethod(*first, given.method, given.alpha);
  }
  if (!*scheme)
    return llvm::createStringError(
        given.config.getNumOccurrences()
            ? "expected --scheme NAME, or a configuration whose default is one"
            : "expected --scheme NAME");
  return given.method.getNumOccurrences()
             ? QuantMethod(*scheme, given.method, given.alpha)
             : config.defaultMethod();
}

/// An option of a method that no weight has was meant for another one.
static llvm::Error checkMethodOptions(const QuantizeCommandLine &given,
                                      llvm::ArrayRef<Step> steps) {
  auto check = [](const cl::Option &option, QuantAlgorithm algorithm,
                  bool isUsed) -> llvm::Error {
    if (!option.getNumOccurrences() || isUsed)
      return llvm::Error::success();
    return llvm::createStringError("expected --" + option.ArgStr +
                                   " to stand with --method " +
                                   nameOf(algorithm));
  };
  bool usesGptq = llvm::any_of(steps, [](const Step &step) {
    return step.algorithm == QuantAlgorithm::gptq;
  });
  // A configuration says alpha itself.
  if (llvm::Error error = check(given.alpha, QuantAlgorithm::smoothQuant,
                                given.method == QuantAlgorithm::smoothQuant))
    return error;
  if (llvm::Error error = check(given.damping, QuantAlgorithm::gptq, usesGptq))
    return error;
  return check(given.actOrder, QuantAlgorithm::gptq, usesGptq);
}

static llvm::Expected<Wishes> readWishes(const QuantizeCommandLine &given,
                                         mlir::MLIRContext &context) {
  llvm::Expected<QuantConfig> config = readConfig(given, context);
  if (!config)
    return config.takeError();
  llvm::Expected<QuantMethod> method = usualMethod(given, context, *config);
  if (!method)
    return method.takeError();
  auto scheme = method->scheme(&context); // says what is wrong with alpha, too
  if (!scheme)
    return scheme.takeError();
  Wishes wishes{**scheme,           {},      {},
                std::move(*config), *method, given.requantize};
  llvm::StringRef output = given.output;
  if (output.ends_with_insensitive(".safetensors"))
    wishes.output = WeightContainer::safetensors;
  if (output.ends_with_insensitive(".npy") ||
      output.ends_with_insensitive(".json"))
    return llvm::createStringError(
        "expected '-o' to name a GGUF or safetensors file, but got '" + output +
        "'");
  if (given.rule.getNumOccurrences()) {
    llvm::Expected<QuantRule> rule = QuantRule::parse(given.rule);
    if (!rule)
      return rule.takeError();
    if (llvm::Error error = checkRule(*rule, wishes.scheme))
      return error;
    if (!rule->fallback.empty())
      if (llvm::Error error = checkStorable(
              *QuantScheme::parse(&context, rule->fallback), wishes.output))
        return error;
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

static llvm::Expected<ActivationSource>
readActivations(const QuantizeCommandLine &given, const WeightSource &source) {
  llvm::SmallVector<std::string> names = namesOf(source);
  ActivationSource result;
  llvm::SmallVector<llvm::StringRef> folders;
  for (llvm::StringRef text : given.activations) {
    auto [name, path] = text.split('=');
    if (path.empty() && llvm::sys::fs::is_directory(text)) {
      folders.push_back(text);
      continue;
    }
    if (name.empty() || path.empty())
      return llvm::createStringError(
          "expected --activations 'name=file.npy', but got '" + text + "'");
    if (!llvm::is_contained(names, name))
      return llvm::createStringError("'" + source.path() + "' has no weight " +
                                     quoted(name) + nearNames(name, names));
    result.files[name] = path.str();
  }
  if (!given.calibration.getNumOccurrences()) {
    for (llvm::StringRef folder : folders)
      if (llvm::Error error = addFolder(folder, source, result))
        return error;
    return result;
  }
  auto record = CalibrationRecord::read(given.calibration);
  if (!record)
    return record.takeError();
  if (llvm::Error error = checkRecord(given.calibration, *record, source))
    return error;
  result.record = std::move(*record);
  for (llvm::StringRef folder : folders)
    if (llvm::Error error = addFolder(folder, source, result))
      return error;
  return result;
}

/// Chooses a scheme for each weight where that is asked for.
static llvm::Error choose(const QuantizeCommandLine &given,
                          mlir::MLIRContext &context, const Wishes &wishes,
                          Conversion &conversion) {
  bool isAsked = given.averageBits.getNumOccurrences();
  if (isAsked != !given.among.empty())
    return llvm::createStringError(
        "expected --average-bits and --among to stand together");
  if (!isAsked)
    return given.sensitivities
               ? llvm::createStringError("expected --average-bits with "
                                         "--sensitivities")
               : llvm::Error::success();
  ChoiceWishes choice{given.averageBits, {}, wishes.config};
  auto fallback = wishes.config.defaultMethod().scheme(&context);
  if (!fallback)
    return fallback.takeError();
  choice.isUsualGiven = given.scheme.getNumOccurrences() || *fallback;
  if (given.sensitivities)
    choice.sensitivities = &llvm::outs();
  for (llvm::StringRef name : given.among) {
    llvm::Expected<QuantScheme> scheme = findScheme(context, name);
    if (!scheme)
      return scheme.takeError();
    if (llvm::Error error = checkStorable(*scheme, wishes.output))
      return error;
    choice.among.push_back(*scheme);
  }
  return chooseForAll(conversion, choice);
}

/// A configuration that waits for its name: it is of no use without the
/// weights.
static llvm::Expected<OutputFile> beginConfig(const std::string &path,
                                              const QuantConfig &config,
                                              mlir::MLIRContext &context) {
  llvm::Expected<std::string> text = config.json(&context);
  if (!text)
    return text.takeError();
  *text += "\n";
  auto file = toExpected(OutputFile::create(path));
  if (!file)
    return file.takeError();
  if (Status status = file->write(std::string_view(*text)); !status)
    return toError(status);
  return file;
}

/// All that is read and all that is written are different files.
static llvm::Error checkFiles(const QuantizeCommandLine &given,
                              const WeightSource &source,
                              const ActivationSource &activations) {
  std::vector<NamedFile> outputs, inputs;
  if (!given.dryRun)
    outputs.push_back({"-o", given.output});
  outputs.push_back({"--write-config", given.writeConfig});
  for (const std::string &path : source.files())
    inputs.push_back({"the input", path});
  // Schemes may be files.
  inputs.push_back({"--scheme", given.scheme});
  inputs.push_back({"--output-scheme", given.outputScheme});
  for (llvm::StringRef text : given.overrides)
    inputs.push_back({"--tensor", text.rsplit('=').second.str()});
  for (const std::string &name : given.among)
    inputs.push_back({"--among", name});
  inputs.push_back({"--config", given.config});
  inputs.push_back({"--imatrix", given.imatrix});
  inputs.push_back({"--calibration", given.calibration});
  for (const auto &file : activations.files)
    inputs.push_back({"--activations", file.second});
  return checkFileNames(outputs, inputs);
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
  if (llvm::Error error = checkMethodOptions(given, *steps))
    return error;
  warnOfUnmatched(wishes->config, **source);
  auto activations = readActivations(given, **source);
  if (!activations)
    return activations.takeError();
  if (llvm::Error error = checkFiles(given, **source, *activations))
    return error;
  if (llvm::Error error = settleAlgorithms(*steps, *activations))
    return error;
  Conversion conversion{
      **source,       std::move(*steps), {}, std::move(*activations),
      wishes->scheme, given.threads};
  conversion.output = wishes->output;
  conversion.allowNonFinite = given.allowNonFinite;
  conversion.gptq.ordered = given.actOrder;
  conversion.gptq.damping = given.damping;
  if (given.imatrix.getNumOccurrences()) {
    llvm::Expected<Imatrix> imatrix = readImatrix(given.imatrix);
    if (!imatrix)
      return imatrix.takeError();
    conversion.imatrix = std::move(*imatrix);
    warnOfUnknownNames(given.imatrix, conversion.imatrix, **source);
    if (llvm::Error error =
            checkSizes(given.imatrix, conversion.imatrix, conversion.steps))
      return error;
  }
  addImportance(conversion.activations, **source, conversion.imatrix);
  if (llvm::Error error = checkMemory(
          conversion, given.memory, given.averageBits.getNumOccurrences() > 0))
    return error;
  if (llvm::Error error = choose(given, context, *wishes, conversion))
    return error;
  std::optional<OutputFile> configFile;
  if (given.writeConfig.getNumOccurrences()) {
    auto begun = beginConfig(
        given.writeConfig,
        configOf(conversion, {conversion.scheme, wishes->method.algorithm(),
                              wishes->method.alpha()}),
        context);
    if (!begun)
      return begun.takeError();
    configFile = std::move(*begun);
  }
  std::vector<Outcome> outcomes;
  if (given.dryRun) {
    if (llvm::Error error = checkOutput(conversion, given.output))
      return error;
  } else {
    auto converted = convert(conversion, given.output);
    if (!converted)
      return converted.takeError();
    outcomes = std::move(*converted);
    warnOfLosses(conversion, outcomes);
  }
  if (configFile)
    if (Status status = configFile->commit(); !status)
      return toError(status);
  printSummary(conversion, outcomes, llvm::outs());
  return llvm::Error::success();
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
      return compare(**source, entry, *schemes, given.threads, llvm::outs());
  if (wanted.empty())
    return llvm::createStringError("'" + (*source)->path() + "' has " +
                                   llvm::Twine(names.size()) +
                                   " weights, expected --weight NAME");
  return llvm::createStringError("'" + (*source)->path() + "' has no weight " +
                                 quoted(wanted) + nearNames(wanted, names));
}

int main(int argc, char **argv) {
  beginTool("rlx-quantize",
            "  rlx-quantize ggml-types.gguf -o small.gguf --scheme q4_K "
            "--tensor 'source=q6_K'\n"
            "  rlx-inspect small.gguf\n");
  removeTemporariesOnSignals(); // LLVM has handlers, too
  ToolProcess process(argc, argv);
  exitOnLostPages("rlx-quantize");
  removeForeignOptions();
  QuantizeCommandLine given;
  cl::ParseCommandLineOptions(argc, argv, "Quantizes the weights of a file.\n");
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  return finishTool("rlx-quantize", compareCommand ? runCompare(given, context)
                                                   : run(given, context));
}
