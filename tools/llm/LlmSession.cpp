//===- LlmSession.cpp - A model with its text -----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/llm/LlmSession.h"

#include "codegen/StatusError.h"
#include "tools/bench/Table.h"
#include "tools/run/DeviceList.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace rlx;

llvm::Expected<std::shared_ptr<const GgufFile>>
rlx::openModelFile(const LlmCommandLine &given) {
  if (given.model.empty())
    return llvm::createStringError("expected a model, a GGUF file; see --help");
  Result<std::unique_ptr<GgufFile>> file = GgufFile::open(given.model);
  if (!file)
    return toError(file.status());
  return std::shared_ptr<const GgufFile>(file.take());
}

llvm::Expected<OpenedModel> rlx::openModel(const LlmCommandLine &given) {
  auto file = openModelFile(given);
  if (!file)
    return file.takeError();
  auto tokenizer = toExpected(Tokenizer::create(**file));
  if (!tokenizer)
    return tokenizer.takeError();
  return OpenedModel{std::move(*file), std::move(*tokenizer)};
}

/// The device of --device; null for the CPU.
static llvm::Expected<std::shared_ptr<Device>>
chosenDevice(const LlmCommandLine &given) {
  if (given.device == "cpu")
    return std::shared_ptr<Device>();
  Device::Options options;
  options.cacheDirectory = given.cacheDirectory;
  auto device = openDevice(given.device, options);
  if (!device)
    return device.takeError();
  return std::shared_ptr<Device>(std::move(*device));
}

llvm::Expected<ModelLoadOptions> rlx::loadOptions(const LlmCommandLine &given,
                                                  int64_t capacity) {
  ModelLoadOptions options;
  options.activations = given.activations;
  options.cacheType = given.cacheType;
  options.context = capacity;
  options.threads = given.threads;
  options.compile.deterministic = given.deterministic;
  options.compile.cacheDirectory = given.cacheDirectory;
  options.compile.onRemark = [](llvm::StringRef text) {
    llvm::errs() << text << "\n";
  };
  auto device = chosenDevice(given);
  if (!device)
    return device.takeError();
  options.device = std::move(*device);
  const std::string &folder = given.cacheDirectory;
  if (!folder.empty())
    if (auto error = llvm::sys::fs::create_directories(
            folder, /*IgnoreExisting=*/true, llvm::sys::fs::owner_all))
      return llvm::createStringError("'" + folder +
                                     "' cannot be created: " + error.message());
  return options;
}

llvm::Expected<std::unique_ptr<Model>>
rlx::loadModel(std::shared_ptr<const GgufFile> file,
               const ModelLoadOptions &options) {
  Progress progress;
  ModelLoadOptions all = options;
  std::string path = file->path();
  all.onProgress = [&](llvm::StringRef what) {
    progress.say(fmt::format("{}: {}", path, std::string_view(what)));
  };
  return Model::open(std::move(file), all);
}

llvm::Expected<std::string> rlx::readText(const LlmCommandLine &given) {
  bool hasPrompt = given.prompt.getNumOccurrences() > 0,
       hasFile = given.file.getNumOccurrences() > 0;
  if (hasPrompt == hasFile)
    return llvm::createStringError(
        "expected a text, with one of -p and -f, but got %s",
        hasPrompt ? "both" : "none");
  if (hasPrompt)
    return given.prompt.getValue();
  auto buffer = llvm::MemoryBuffer::getFileOrSTDIN(given.file);
  if (!buffer)
    return llvm::createStringError("cannot read '" + given.file +
                                   "': " + buffer.getError().message());
  return (*buffer)->getBuffer().str();
}

llvm::Expected<std::vector<int32_t>>
rlx::readTokens(const LlmCommandLine &given, const Tokenizer &tokenizer) {
  auto text = readText(given);
  if (!text)
    return text.takeError();
  return toExpected(tokenizer.encode(*text));
}

llvm::Error rlx::runTokenize(const LlmCommandLine &given) {
  auto opened = openModel(given);
  if (!opened)
    return opened.takeError();
  auto ids = readTokens(given, opened->tokenizer);
  if (!ids)
    return ids.takeError();
  llvm::outs() << fmt::format("{}\n", fmt::join(*ids, " "));
  return llvm::Error::success();
}

llvm::Error rlx::runGraph(const LlmCommandLine &given) {
  auto file = openModelFile(given);
  if (!file)
    return file.takeError();
  auto options = loadOptions(given, given.context);
  if (!options)
    return options.takeError();
  std::unique_ptr<mlir::MLIRContext> context = createContext();
  auto module = buildModel(**file, *options, *context);
  if (!module)
    return module.takeError();
  llvm::outs() << **module << "\n";
  return llvm::Error::success();
}
