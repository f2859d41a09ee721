//===- Model.cpp - A model that is ready to run ---------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/models/Model.h"

#include <algorithm>
#include <cstring>

#ifdef __GLIBC__
#include <malloc.h>
#endif

using namespace rlx;

/// Compiling takes some 80 MB in pieces, of which the C library would keep most
/// as long as the model runs.
static void returnFreeMemory() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

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
  auto error = options.device ? model->compileForDevice(**module, options)
                              : model->compileForCpu(**module, options);
  if (error)
    return error;
  // Before there are packed weights, too.
  module->release().erase();
  context.reset();
  returnFreeMemory();
  if (auto error = model->prepare(options))
    return error;
  return model;
}

llvm::Error Model::compileForCpu(mlir::ModuleOp module,
                                 const ModelLoadOptions &options) {
  auto compiled = compileModule(module, options.compile);
  if (!compiled)
    return compiled.takeError();
  code = std::move(*compiled);
  return code->bindWeights(weights);
}

llvm::Error Model::compileForDevice(mlir::ModuleOp module,
                                    const ModelLoadOptions &options) {
  device = options.device;
  // Each function would have weights and caches of its own there.
  if (auto single = module.lookupSymbol("step_one"))
    single->erase();
  auto compiled = DeviceExecutable::compile(module, *device, options.compile);
  if (!compiled)
    return compiled.takeError();
  deviceCode = std::move(*compiled);
  return deviceCode->bindWeights(weights);
}

/// Finds the functions, and packs the weights or sends them to the device.
llvm::Error Model::prepare(const ModelLoadOptions &options) {
  if (deviceCode) {
    pool = std::make_unique<ThreadPool>(1);
    auto found = deviceCode->findFunction("step");
    if (!found)
      return found.takeError();
    many = one = *found;
    if (options.onProgress)
      options.onProgress("uploading weights");
    return deviceCode->prepare("step");
  }
  pool = std::make_unique<ThreadPool>(options.threads);
  for (auto [name, function] :
       {std::pair("step", &many), std::pair("step_one", &one)}) {
    auto found = code->findFunction(name);
    if (!found)
      return found.takeError();
    *function = *found;
    if (options.onProgress)
      options.onProgress("packing weights");
    if (auto error = code->prepare(name, RunOptions{pool.get(), {}}))
      return error;
  }
  return llvm::Error::success();
}

llvm::Expected<Context> Model::createContext(int64_t capacity) const {
  if (capacity < 1)
    return llvm::createStringError(fmt::format(
        "expected a context of at least 1 token, but got {}", capacity));
  Context context(*this, capacity);
  if (deviceCode) {
    if (!deviceStates.expired())
      return llvm::createStringError(
          "a device keeps the tokens of one context at a time, and there is "
          "another");
    context.deviceStates = std::make_shared<int64_t>(capacity);
    deviceStates = context.deviceStates;
    return context;
  }
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
  // Empty caches, wherever the model has its own.
  States fresh(*many);
  for (const StateSignature &state : many->states) {
    const TensorSignature &signature = many->inputs[state.input];
    std::vector<int64_t> shape = signature.shape;
    std::replace(shape.begin(), shape.end(), int64_t(-1), count);
    if (auto error = fresh.allocate(signature.state, shape))
      return error;
  }
  auto inputs = fresh.inputs(others);
  if (!inputs)
    return inputs.takeError();
  TensorView got{ElementType::f32,
                 {count, sizes.vocabulary},
                 const_cast<float *>(logits.data())};
  auto weightOf = [&](llvm::StringRef name) {
    return code ? code->boundWeight(name) : deviceCode->boundWeight(name);
  };
  auto verified = rlx::verify(module, WeightLookUp(weightOf), many->name,
                              *inputs, fresh.results(got));
  if (!verified)
    return verified.takeError();
  return verified->results[fresh.resultNumbers().front()];
}

/// All inputs of a call, where `others` are those that are no states. Those of
/// a device have no data: they are there.
llvm::Expected<std::vector<TensorView>>
Context::inputs(bool isOne, llvm::ArrayRef<TensorView> others) const {
  if (!model->deviceCode)
    return (isOne ? one : many).inputs(others);
  std::vector<TensorView> all;
  for (const TensorSignature &input : model->many->inputs) {
    if (input.state.empty()) {
      all.push_back(others.front());
      others = others.drop_front();
      continue;
    }
    std::vector<int64_t> shape = input.shape;
    std::replace(shape.begin(), shape.end(), int64_t(-1), size);
    all.push_back({input.element, std::move(shape), nullptr});
  }
  return all;
}

/// Logits of `tokens[first]` and on go to `into`.
llvm::Error Context::run(llvm::ArrayRef<int32_t> tokens, int64_t first,
                         float *into) {
  auto count = int64_t(tokens.size());
  bool isOne = count == 1 && first == 0 && !model->deviceCode;
  const FunctionSignature &function = isOne ? *model->one : *model->many;
  int64_t position = kept;
  // Only read.
  std::vector<TensorView> others = {
      {ElementType::i32, {count}, const_cast<int32_t *>(tokens.data())},
      {ElementType::i64, {}, &position}};
  if (!isOne)
    others.push_back({ElementType::i64, {}, &first});
  auto all = inputs(isOne, others);
  if (!all)
    return all.takeError();
  TensorView output{
      ElementType::f32, {count - first, model->sizes.vocabulary}, into};
  if (model->deviceCode)
    return model->deviceCode->run(function.name, *all, output).takeError();
  return model->code->run(function.name, *all, output,
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
