//===- LogitsCommand.cpp - The logits of each token -----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/StatusError.h"
#include "codegen/Verify.h"
#include "runtime/Npy.h"
#include "tools/llm/LlmSession.h"

using namespace rlx;

/// Tokens from --ids, -p or -f.
static llvm::Expected<std::vector<int32_t>> readIds(const LlmCommandLine &given,
                                                    const GgufFile &file) {
  if (given.ids.empty()) {
    Result<Tokenizer> tokenizer = Tokenizer::create(file);
    if (!tokenizer)
      return toError(tokenizer.status());
    return readTokens(given, *tokenizer);
  }
  if (given.prompt.getNumOccurrences() || given.file.getNumOccurrences())
    return llvm::createStringError("expected one of --ids, -p and -f");
  Result<Tensor> tensor = readNpy(given.ids);
  if (!tensor)
    return toError(tensor.status());
  if (tensor->type() != ElementType::i32 || tensor->shape().size() != 1)
    return llvm::createStringError("expected '" + given.ids +
                                   "' to be i32 [T], but got " +
                                   tensor->describe());
  const int32_t *ids = tensor->data<int32_t>();
  return std::vector<int32_t>(ids, ids + tensor->numElements());
}

/// Compares with the interpreter, which is given all tokens at once.
static llvm::Error verifyLogits(const Model &model,
                                const ModelLoadOptions &options,
                                llvm::ArrayRef<int32_t> ids,
                                llvm::ArrayRef<float> logits) {
  std::unique_ptr<mlir::MLIRContext> context = createContext();
  auto module = buildModel(model.file(), options, *context);
  if (!module)
    return module.takeError();
  auto error = model.verify(**module, ids, logits);
  if (!error)
    return error.takeError();
  llvm::outs() << "verify: logits: " << error->describe() << "\n";
  if (error->passes())
    return llvm::Error::success();
  return llvm::createStringError("logits differ by more than rounding does");
}

llvm::Error rlx::runLogits(const LlmCommandLine &given) {
  auto file = openModelFile(given);
  if (!file)
    return file.takeError();
  auto ids = readIds(given, **file);
  if (!ids)
    return ids.takeError();
  if (given.output.empty() && !given.verify)
    return llvm::createStringError("expected a file to write, with -o");
  auto count = int64_t(ids->size());
  auto options = loadOptions(given, count);
  if (!options)
    return options.takeError();
  auto model = loadModel(*file, *options);
  if (!model)
    return model.takeError();
  auto context = (*model)->createContext(std::max<int64_t>(count, 1));
  if (!context)
    return context.takeError();
  auto logits = context->evaluate(*ids, Context::Logits::all);
  if (!logits)
    return logits.takeError();
  // Only read.
  TensorView view{ElementType::f32,
                  {count, (*model)->config().vocabulary},
                  const_cast<float *>(logits->data())};
  if (!given.output.empty())
    if (Status status = writeNpy(given.output, view); !status)
      return toError(status);
  return given.verify ? verifyLogits(**model, *options, *ids, *logits)
                      : llvm::Error::success();
}
