//===- Executable.cpp - A compiled program in this process ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/Executable.h"

#include "codegen/HostQuantizer.h"
#include "codegen/StatusError.h"
#include "codegen/cpu/ObjectCode.h"
#include "codegen/cpu/Target.h"
#include "runtime/TensorChecks.h"

#include "llvm/ExecutionEngine/Orc/ExecutorProcessControl.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/TargetSelect.h"

using namespace rlx;

Executable::Executable() = default;
Executable::~Executable() = default;

//===----------------------------------------------------------------------===//
// Loading
//===----------------------------------------------------------------------===//

llvm::Expected<std::unique_ptr<Executable>>
Executable::load(llvm::ArrayRef<char> object,
                 std::vector<FunctionSignature> signatures,
                 std::shared_ptr<CacheDirectory> cache) {
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
  define("rlx_fail", &rlx_fail);
  define("rlx_allocate", &rlx_allocate);
  define("rlx_release", &rlx_release);
  define("rlx_quantize_rows", &rlx_quantize_rows);
  define("rlx_fake_quantize_rows", &rlx_fake_quantize_rows);
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
  executable->cache = std::move(cache);
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
    // Nobody else's object has it.
    if (auto memory = (*jit)->lookup(invokeSymbol(signature.name + ".memory")))
      entry.memory = memory->toPtr<Invoke>();
    else
      llvm::consumeError(memory.takeError());
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
  executable->weights.bindConstants();
  return executable;
}

llvm::Expected<const FunctionSignature *>
Executable::findFunction(llvm::StringRef name) const {
  return rlx::findFunction(signatures, name);
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

llvm::Error Executable::checkShapes(const FunctionSignature &signature,
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
  return llvm::Error::success();
}

llvm::Error Executable::checkInputs(const FunctionSignature &signature,
                                    llvm::ArrayRef<TensorView> inputs) const {
  if (auto error = checkShapes(signature, inputs))
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
            : packed[function]->tensors[argument.index].view);
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
    scope.run(invoke, pointers.data());
    return toError(scope.status());
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

llvm::Expected<int64_t>
Executable::memoryBytes(llvm::StringRef function,
                        llvm::ArrayRef<TensorView> inputs,
                        unsigned threads) const {
  llvm::Expected<const FunctionSignature *> found = findFunction(function);
  if (!found)
    return found.takeError();
  const FunctionSignature &signature = **found;
  if (auto error = checkShapes(signature, inputs))
    return error;
  std::vector<std::vector<int64_t>> results;
  for (const TensorSignature &result : signature.results)
    results.push_back(result.shape);
  if (signature.hasDynamicResults()) {
    auto shapes = resultShapes(function, inputs);
    if (!shapes)
      return shapes.takeError();
    results = std::move(*shapes);
  }
  const Entry &entry = entries[*found - signatures.data()];
  if (!entry.memory)
    return llvm::createStringError("the object has no function that tells the "
                                   "memory of '" +
                                   signature.name + "'");
  // Only their sizes are looked at.
  std::vector<TensorView> arguments;
  for (const CodeArgument &argument : signature.arguments) {
    if (argument.kind == CodeArgument::input) {
      arguments.push_back(inputs[argument.index]);
    } else if (argument.kind == CodeArgument::packed) {
      const PackingSignature &packing = signature.packings[argument.index];
      arguments.push_back({packing.element, packing.shape, nullptr});
    } else {
      const TensorSignature &weight = signature.weights[argument.index];
      TensorView bound = boundWeight(weight.weight);
      arguments.push_back(
          {weight.element, bound.data ? bound.shape : weight.shape, nullptr});
    }
  }
  for (auto [result, shape] : llvm::zip(signature.results, results))
    arguments.push_back({result.element, shape, nullptr});
  int64_t bytes = std::max(threads, 1u);
  arguments.push_back({ElementType::i64, {1}, &bytes});
  if (auto error = call(entry.memory, arguments, {}))
    return error;
  if (bytes < 0)
    return llvm::createStringError(
        "the memory that '" + signature.name +
        "' takes depends on what it computes, expected it to depend on the "
        "sizes of its inputs");
  return bytes;
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
  if (Status status = checkOutputMemory(inputs, outputs); !status)
    return toError(status);
  size_t index = *signature - signatures.data();
  if (auto error = checkFiles(index))
    return error;
  std::vector<TensorView> arguments = codeArguments(index, inputs, outputs);
  // A state is written while everything else is read.
  for (const StateSignature &state : (*signature)->states)
    for (auto [i, input] : llvm::enumerate(inputs))
      if (i != state.input && shareMemory(inputs[state.input], input))
        return llvm::createStringError(
            "state '" + (*signature)->inputs[state.input].state +
            "' shares memory with input " + llvm::Twine(i) +
            ", expected memory of its own");
  // Packed weights are in memory that the caller does not have.
  for (auto [argument, tensor] :
       llvm::zip((*signature)->arguments, arguments)) {
    if (argument.kind != CodeArgument::weight)
      continue;
    for (auto [i, output] : llvm::enumerate(outputs))
      if (shareMemory(output, tensor))
        return llvm::createStringError(
            "output " + llvm::Twine(i) + " shares memory with weight '" +
            (*signature)->weights[argument.index].weight +
            "', expected memory of its own");
  }
  return call(entries[index].invoke, arguments, options);
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
      return toError(output.status());
    outputs.push_back(output.take());
    views.push_back(outputs.back().view());
  }
  if (auto error = run(function, inputs, views, options))
    return error;
  return outputs;
}
