//===- Model.cpp - A model that is ready to run ---------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/models/Model.h"

#include <algorithm>
#include <cstring>

using namespace rlx;

llvm::Expected<std::unique_ptr<Model>>
Model::open(const std::string &path, const ModelLoadOptions &options) {
  Result<std::unique_ptr<GgufFile>> file = GgufFile::open(path);
  if (!file)
    return toError(file.status());
  return open(std::shared_ptr<const GgufFile>(file.take()), options);
}

llvm::Expected<std::unique_ptr<Model>>
Model::open(std::shared_ptr<const GgufFile> file,
            const ModelLoadOptions &options) {
  auto say = [&](llvm::StringRef what) {
    if (options.onProgress)
      options.onProgress(what);
  };
  std::unique_ptr<Model> model(new Model);
  model->weights = file;
  auto sizes = ModelConfig::read(*file, options.context);
  if (!sizes)
    return sizes.takeError();
  model->sizes = *sizes;
  std::unique_ptr<mlir::MLIRContext> context = rlx::createContext();
  auto module = buildModel(*file, options, *context);
  if (!module)
    return module.takeError();
  say("compiling");
  auto code = compileModule(**module, options.compile);
  if (!code)
    return code.takeError();
  model->code = std::move(*code);
  if (auto error = model->code->bindWeights(file))
    return error;
  model->pool = std::make_unique<ThreadPool>(options.threads);
  for (auto [name, function] :
       {std::pair("step", &model->many), std::pair("step_one", &model->one)}) {
    auto found = model->code->findFunction(name);
    if (!found)
      return found.takeError();
    *function = *found;
    say("packing weights");
    if (auto error =
            model->code->prepare(name, RunOptions{model->pool.get(), {}}))
      return error;
  }
  return model;
}

llvm::Expected<Context> Model::createContext(int64_t capacity) const {
  if (capacity < 1)
    return llvm::createStringError(fmt::format(
        "expected a context of at least 1 token, but got {}", capacity));
  Context context(*this, capacity);
  for (const StateSignature &state : many->states) {
    const TensorSignature &signature = many->inputs[state.input];
    std::vector<int64_t> shape = signature.shape;
    std::replace(shape.begin(), shape.end(), int64_t(-1), capacity);
    Result<Tensor> tensor = Tensor::allocate(signature.element, shape);
    if (!tensor)
      return toError(tensor.status());
    std::memset(tensor->data<void>(), 0, tensor->numBytes());
    for (States *states : {&context.many, &context.one})
      if (auto error = states->borrow(signature.state, tensor->view()))
        return error;
    context.memory.push_back(tensor.take());
  }
  return context;
}

llvm::Expected<ErrorReport> Model::verify(mlir::ModuleOp module,
                                          llvm::ArrayRef<int32_t> tokens,
                                          llvm::ArrayRef<float> logits) const {
  auto count = int64_t(tokens.size());
  int64_t zero = 0;
  // Only read.
  std::vector<TensorView> others = {
      {ElementType::i32, {count}, const_cast<int32_t *>(tokens.data())},
      {ElementType::i64, {}, &zero},
      {ElementType::i64, {}, &zero}};
  auto fresh = createContext(count);
  if (!fresh)
    return fresh.takeError();
  auto inputs = fresh->many.inputs(others);
  if (!inputs)
    return inputs.takeError();
  TensorView got{ElementType::f32,
                 {count, sizes.vocabulary},
                 const_cast<float *>(logits.data())};
  auto verified =
      rlx::verify(module, *code, many->name, *inputs, fresh->many.results(got));
  if (!verified)
    return verified.takeError();
  return verified->results[fresh->many.resultNumbers().front()];
}

/// Logits of `tokens[first]` and on go to `into`.
llvm::Error Context::run(llvm::ArrayRef<int32_t> tokens, int64_t first,
                         float *into) {
  auto count = int64_t(tokens.size());
  bool isOne = count == 1 && first == 0;
  const FunctionSignature &function = isOne ? *model->one : *model->many;
  int64_t position = kept;
  // Only read.
  std::vector<TensorView> others = {
      {ElementType::i32, {count}, const_cast<int32_t *>(tokens.data())},
      {ElementType::i64, {}, &position}};
  if (!isOne)
    others.push_back({ElementType::i64, {}, &first});
  auto inputs = (isOne ? one : many).inputs(others);
  if (!inputs)
    return inputs.takeError();
  TensorView output{
      ElementType::f32, {count - first, model->sizes.vocabulary}, into};
  return model->code->run(function.name, *inputs, output,
                          RunOptions{model->pool.get(), {}});
}

llvm::Expected<llvm::ArrayRef<float>>
Context::evaluate(llvm::ArrayRef<int32_t> tokens, Logits which) {
  auto count = int64_t(tokens.size());
  if (count == 0)
    return llvm::createStringError("expected at least one token, but got none");
  if (count > size - kept)
    return llvm::createStringError(
        fmt::format("the context is full: it has {} of {} tokens, and {} more "
                    "do not fit",
                    kept, size, count));
  int64_t vocabulary = model->sizes.vocabulary;
  for (int32_t token : tokens)
    if (token < 0 || token >= vocabulary)
      return llvm::createStringError(fmt::format(
          "expected tokens from 0 to {}, but got {}", vocabulary - 1, token));
  int64_t rows = which == Logits::all ? count : 1;
  logits.resize(size_t(rows * vocabulary));
  int64_t before = kept;
  for (int64_t done = 0; done < count;) {
    int64_t step = std::min(std::max<int64_t>(batch, 1), count - done);
    // One row at least, since results have one; of other batches than the last
    // it is written over.
    int64_t first = which == Logits::all ? 0 : step - 1;
    float *into =
        logits.data() + (which == Logits::all ? done : 0) * vocabulary;
    if (auto error =
            run(tokens.slice(size_t(done), size_t(step)), first, into)) {
      kept = before;
      return error;
    }
    done += step;
    kept += step;
  }
  return llvm::ArrayRef<float>(logits);
}

llvm::Error Context::truncate(int64_t count) {
  if (count < 0 || count > kept)
    return llvm::createStringError(fmt::format(
        "expected to keep 0 to {} tokens, but got {}", kept, count));
  kept = count;
  return llvm::Error::success();
}
