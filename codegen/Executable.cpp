//===- Executable.cpp - A compiled program in this process
//-----------------===//

#include "codegen/Executable.h"

#include "codegen/cpu/ObjectCode.h"
#include "codegen/cpu/Target.h"

#include "llvm/ExecutionEngine/Orc/ExecutorProcessControl.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/TargetSelect.h"

#include <chrono>

using namespace rlx;

Executable::Executable() = default;
Executable::~Executable() = default;

//===----------------------------------------------------------------------===//
// Loading
//===----------------------------------------------------------------------===//

llvm::Expected<std::unique_ptr<Executable>>
Executable::load(llvm::ArrayRef<char> object,
                 std::vector<FunctionSignature> signatures) {
  // Creating a machine also makes LLVM's back ends known to ORC.
  if (auto machine = CpuTarget::host().createMachine(); !machine)
    return machine.takeError();
  llvm::Expected<std::unique_ptr<llvm::orc::LLJIT>> jit =
      llvm::orc::LLJITBuilder().create();
  if (!jit)
    return jit.takeError();
  llvm::orc::SymbolMap host;
  auto define = [&](llvm::StringRef name, auto *function) {
    host[(*jit)->mangleAndIntern(name)] = {
        llvm::orc::ExecutorAddr::fromPtr(function),
        llvm::JITSymbolFlags::Exported};
  };
  define("rlx_parallel_for", &rlx_parallel_for);
  define("rlx_report_index", &rlx_report_index);
  llvm::orc::JITDylib &library = (*jit)->getMainJITDylib();
  if (auto error = library.define(llvm::orc::absoluteSymbols(std::move(host))))
    return error;
  // The C library: memory and mathematical functions.
  auto process = llvm::orc::DynamicLibrarySearchGenerator::GetForCurrentProcess(
      (*jit)->getDataLayout().getGlobalPrefix());
  if (!process)
    return process.takeError();
  library.addGenerator(std::move(*process));
  auto buffer = llvm::MemoryBuffer::getMemBufferCopy(
      llvm::StringRef(object.data(), object.size()), "rlx");
  if (auto error = (*jit)->addObjectFile(std::move(buffer)))
    return error;

  std::unique_ptr<Executable> executable(new Executable());
  for (FunctionSignature &signature : signatures) {
    // Code that nobody laid out weights for takes inputs and weights as they
    // are.
    if (signature.arguments.empty()) {
      for (size_t i = 0; i < signature.inputs.size(); ++i)
        signature.arguments.push_back({CodeArgument::input, i});
      for (size_t i = 0; i < signature.weights.size(); ++i)
        signature.arguments.push_back({CodeArgument::weight, i});
    }
    Entry entry;
    auto invoke = (*jit)->lookup(invokeSymbol(signature.name));
    if (!invoke)
      return invoke.takeError();
    entry.invoke = invoke->toPtr<Invoke>();
    if (signature.hasDynamicResults()) {
      auto shapes = (*jit)->lookup(invokeSymbol(signature.name + ".shapes"));
      if (!shapes)
        return shapes.takeError();
      entry.shapes = shapes->toPtr<Invoke>();
    }
    for (const PackingSignature &packing : signature.packings) {
      auto packer = (*jit)->lookup(invokeSymbol(packing.function));
      if (!packer)
        return packer.takeError();
      entry.packers.push_back(packer->toPtr<Invoke>());
    }
    executable->entries.push_back(std::move(entry));
    executable->packed.push_back(std::make_unique<Packed>());
  }
  executable->jit = std::move(*jit);
  executable->signatures = std::move(signatures);
  return executable;
}

llvm::Expected<const FunctionSignature *>
Executable::findFunction(llvm::StringRef name) const {
  for (const FunctionSignature &signature : signatures)
    if (signature.name == name)
      return &signature;
  std::string known;
  for (const FunctionSignature &signature : signatures)
    known += (known.empty() ? "'" : ", '") + signature.name + "'";
  return llvm::createStringError("the program has no public function '" +
                                 name.str() + "', expected one of " +
                                 (known.empty() ? "none" : known));
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

/// Whether an entry of a file is the tensor that the program says.
static llvm::Error checkEntry(const WeightEntry &entry,
                              const TensorSignature &weight) {
  // A file's plain types are called as the element type, and as the scheme of
  // it.
  std::string format = !weight.isQuantized()
                           ? std::string(elementName(weight.element))
                       : weight.ggmlType.empty() ? weight.scheme
                                                 : weight.ggmlType;
  auto complain = [&](const std::string &expected, const std::string &got) {
    return llvm::createStringError("weight '" + entry.name + "' in '" +
                                   entry.file + "': expected " + expected +
                                   " for " + weight.type + ", but got " + got);
  };
  if (!llvm::StringRef(entry.format).equals_insensitive(format))
    return complain("type " + format, "type " + entry.format);
  if (entry.shape != weight.logicalShape)
    return complain("shape " + describeShape(weight.logicalShape),
                    "shape " + describeShape(entry.shape));
  int64_t bytes = elementBytes(weight.element);
  for (int64_t size : weight.shape)
    bytes *= size;
  if (int64_t(entry.bytes.size()) != bytes)
    return complain(std::to_string(bytes) + " bytes",
                    std::to_string(entry.bytes.size()));
  return llvm::Error::success();
}

llvm::Error Executable::bindWeights(std::shared_ptr<const WeightFile> file) {
  for (const FunctionSignature &function : signatures)
    for (const TensorSignature &weight : function.weights) {
      const WeightEntry *entry = file->find(weight.weight);
      if (!entry || (bindings.count(weight.weight) &&
                     bindings[weight.weight].source != file->path()))
        continue;
      if (auto error = checkEntry(*entry, weight))
        return error;
      // Code only reads weights.
      void *data = const_cast<std::byte *>(entry->bytes.data());
      bindings[weight.weight] = {{weight.element, weight.shape, data},
                                 file->path()};
    }
  files.push_back(std::move(file));
  for (auto &weights : packed)
    weights->ready = false;
  return llvm::Error::success();
}

llvm::Error Executable::bindWeight(llvm::StringRef name,
                                   const TensorView &tensor) {
  bool known = false;
  for (const FunctionSignature &function : signatures)
    for (const TensorSignature &weight : function.weights) {
      if (weight.weight != name)
        continue;
      if (auto error = weight.check(tensor, ("weight '" + name + "'").str()))
        return error;
      known = true;
    }
  if (!known)
    return llvm::createStringError("the program has no weight '" + name + "'");
  bindings[name] = {tensor, "memory"};
  for (auto &weights : packed)
    weights->ready = false;
  return llvm::Error::success();
}

TensorView Executable::boundWeight(llvm::StringRef name) const {
  return bindings.lookup(name).tensor;
}

llvm::Error Executable::checkWeights(const FunctionSignature &function) const {
  for (const TensorSignature &weight : function.weights) {
    if (bindings.count(weight.weight))
      continue;
    std::string message =
        "weight '" + weight.weight + "' (" + weight.type + ") is not given";
    if (files.empty())
      return llvm::createStringError(message +
                                     ": expected a weight file that has it");
    constexpr size_t suggestions = 3;
    for (const auto &file : files) {
      message += "; nearest names in '" + file->path() + "': ";
      std::string names;
      for (const std::string &name :
           file->nearestNames(weight.weight, suggestions))
        names += (names.empty() ? "'" : ", '") + name + "'";
      message += names.empty() ? "none" : names;
    }
    return llvm::createStringError(message);
  }
  return llvm::Error::success();
}

/// Packs what `function` needs packed, unless that has been done.
llvm::Error Executable::pack(size_t function, const RunOptions &options) const {
  Packed &weights = *packed[function];
  if (weights.ready)
    return llvm::Error::success();
  std::lock_guard<std::mutex> lock(weights.mutex);
  if (weights.ready)
    return llvm::Error::success();
  auto start = std::chrono::steady_clock::now();
  const FunctionSignature &signature = signatures[function];
  weights.tensors.clear();
  weights.report = {};
  for (auto [packing, packer] :
       llvm::zip(signature.packings, entries[function].packers)) {
    std::vector<TensorView> arguments;
    for (const std::string &name : packing.weights) {
      arguments.push_back(boundWeight(name));
      weights.report.weightBytes += arguments.back().numBytes();
    }
    Result<Tensor> tensor = Tensor::allocate(ElementType::u8, packing.shape);
    if (!tensor)
      return llvm::createStringError(tensor.message());
    arguments.push_back(tensor->view());
    weights.report.packedBytes += tensor->numBytes();
    if (auto error = call(packer, arguments, options))
      return error;
    weights.tensors.push_back(tensor.take());
    for (const std::string &name : packing.weights)
      releasePages(name);
  }
  std::chrono::duration<double, std::milli> elapsed =
      std::chrono::steady_clock::now() - start;
  weights.report.milliseconds = elapsed.count();
  weights.ready = true;
  return llvm::Error::success();
}

/// Releases the mapped pages of a weight that code reads only in packed form.
void Executable::releasePages(llvm::StringRef name) const {
  for (const FunctionSignature &function : signatures)
    for (const CodeArgument &argument : function.arguments)
      if (argument.kind == CodeArgument::weight &&
          function.weights[argument.index].weight == name)
        return;
  for (const auto &file : files)
    if (const WeightEntry *entry = file->find(name.str()))
      if (entry->bytes.data() == boundWeight(name).data)
        file->release(*entry);
}

llvm::Error Executable::prepare(llvm::StringRef function,
                                const RunOptions &options) const {
  llvm::Expected<const FunctionSignature *> signature = findFunction(function);
  if (!signature)
    return signature.takeError();
  if (auto error = checkWeights(**signature))
    return error;
  return pack(*signature - signatures.data(), options);
}

PackReport Executable::packReport(llvm::StringRef function) const {
  for (size_t i = 0; i < signatures.size(); ++i)
    if (signatures[i].name == function && packed[i]->ready)
      return packed[i]->report;
  return {};
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

namespace {
/// A memref as compiled code takes it, on the heap because its length depends
/// on the rank: two pointers, the offset, sizes, strides.
class Descriptor {
public:
  explicit Descriptor(const TensorView &tensor)
      : words(3 + 2 * std::max<size_t>(tensor.shape.size(), 1)) {
    size_t rank = tensor.shape.size();
    words[0] = words[1] = reinterpret_cast<int64_t>(tensor.data);
    int64_t stride = 1;
    for (size_t i = rank; i-- > 0;) {
      words[3 + i] = tensor.shape[i];
      words[3 + rank + i] = stride;
      stride *= tensor.shape[i];
    }
  }
  void *data() { return words.data(); }

private:
  llvm::SmallVector<int64_t, 11> words;
};
} // namespace

llvm::Error Executable::checkInputs(const FunctionSignature &signature,
                                    llvm::ArrayRef<TensorView> inputs) const {
  if (inputs.size() != signature.inputs.size())
    return llvm::createStringError(
        "expected " + std::to_string(signature.inputs.size()) +
        " inputs for '" + signature.name + "', but got " +
        std::to_string(inputs.size()));
  for (size_t i = 0; i < inputs.size(); ++i)
    if (auto error =
            signature.inputs[i].check(inputs[i], "input " + std::to_string(i)))
      return error;
  return checkWeights(signature);
}

/// What compiled code of a function takes, in order.
std::vector<TensorView>
Executable::codeArguments(size_t function, llvm::ArrayRef<TensorView> inputs,
                          llvm::ArrayRef<TensorView> outputs) const {
  const FunctionSignature &signature = signatures[function];
  std::vector<TensorView> arguments;
  for (const CodeArgument &argument : signature.arguments)
    arguments.push_back(
        argument.kind == CodeArgument::input ? inputs[argument.index]
        : argument.kind == CodeArgument::weight
            ? boundWeight(signature.weights[argument.index].weight)
            : packed[function]->tensors[argument.index].view());
  arguments.insert(arguments.end(), outputs.begin(), outputs.end());
  return arguments;
}

llvm::Error Executable::call(Invoke invoke,
                             llvm::ArrayRef<TensorView> arguments,
                             const RunOptions &options) const {
  llvm::SmallVector<Descriptor> descriptors;
  for (const TensorView &argument : arguments)
    descriptors.emplace_back(argument);
  llvm::SmallVector<void *> pointers;
  for (Descriptor &descriptor : descriptors)
    pointers.push_back(descriptor.data());

  auto finish = [&](ExecutionScope &scope) {
    invoke(pointers.data());
    Status status = scope.status();
    return status ? llvm::Error::success()
                  : llvm::createStringError(status.message());
  };
  if (options.parallelFor.run) {
    ExecutionScope scope(options.parallelFor);
    return finish(scope);
  }
  ExecutionScope scope(options.pool);
  return finish(scope);
}

llvm::Expected<std::vector<std::vector<int64_t>>>
Executable::resultShapes(llvm::StringRef function,
                         llvm::ArrayRef<TensorView> inputs) const {
  llvm::Expected<const FunctionSignature *> signature = findFunction(function);
  if (!signature)
    return signature.takeError();
  if (auto error = checkInputs(**signature, inputs))
    return error;
  std::vector<std::vector<int64_t>> shapes;
  for (const TensorSignature &result : (*signature)->results)
    shapes.push_back(result.shape);
  if (!(*signature)->hasDynamicResults())
    return shapes;
  size_t count = 0;
  for (const auto &shape : shapes)
    count += shape.size();
  std::vector<int64_t> sizes(count);
  TensorView output{ElementType::i64, {int64_t(count)}, sizes.data()};
  const Entry &entry = entries[*signature - signatures.data()];
  size_t index = *signature - signatures.data();
  if (auto error = pack(index, {}))
    return error;
  if (auto error = call(entry.shapes, codeArguments(index, inputs, output), {}))
    return error;
  size_t next = 0;
  for (auto &shape : shapes)
    for (int64_t &size : shape)
      size = sizes[next++];
  return shapes;
}

llvm::Error Executable::run(llvm::StringRef function,
                            llvm::ArrayRef<TensorView> inputs,
                            llvm::ArrayRef<TensorView> outputs,
                            const RunOptions &options) const {
  llvm::Expected<const FunctionSignature *> signature = findFunction(function);
  if (!signature)
    return signature.takeError();
  if (auto error = prepare(function, options))
    return error;
  auto shapes = resultShapes(function, inputs);
  if (!shapes)
    return shapes.takeError();
  if (outputs.size() != shapes->size())
    return llvm::createStringError(
        "expected " + std::to_string(shapes->size()) + " outputs for '" +
        function.str() + "', but got " + std::to_string(outputs.size()));
  for (size_t i = 0; i < outputs.size(); ++i) {
    TensorSignature expected = (*signature)->results[i];
    expected.shape = (*shapes)[i];
    if (auto error = expected.check(outputs[i], "output " + std::to_string(i)))
      return error;
  }
  size_t index = *signature - signatures.data();
  return call(entries[index].invoke, codeArguments(index, inputs, outputs),
              options);
}

llvm::Expected<std::vector<Tensor>>
Executable::run(llvm::StringRef function, llvm::ArrayRef<TensorView> inputs,
                const RunOptions &options) const {
  llvm::Expected<const FunctionSignature *> signature = findFunction(function);
  if (!signature)
    return signature.takeError();
  auto shapes = resultShapes(function, inputs);
  if (!shapes)
    return shapes.takeError();
  std::vector<Tensor> outputs;
  std::vector<TensorView> views;
  for (auto [result, shape] : llvm::zip((*signature)->results, *shapes)) {
    Result<Tensor> output = Tensor::allocate(result.element, shape);
    if (!output)
      return llvm::createStringError(output.message());
    outputs.push_back(output.take());
    views.push_back(outputs.back().view());
  }
  if (auto error = run(function, inputs, views, options))
    return error;
  return outputs;
}
