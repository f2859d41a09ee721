//===- Compiler.cpp - From a program to an executable ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/Compiler.h"

#include "codegen/CacheKeys.h"
#include "codegen/Diagnostics.h"
#include "codegen/ProgramCheck.h"
#include "codegen/cpu/ObjectCache.h"
#include "ir/InputText.h"
#include "ir/NearNames.h"
#include "ir/Nesting.h"
#include "passes/FusionReport.h"
#include "passes/program/ProgramPasses.h"
#include "passes/rules/RulePlan.h"

#include "mlir/Bytecode/BytecodeReader.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/ScopedPrinter.h"

#include <chrono>

using namespace mlir;
using namespace rlx;

//===----------------------------------------------------------------------===//
// Parsing
//===----------------------------------------------------------------------===//

std::unique_ptr<MLIRContext> rlx::createContext() {
  DialectRegistry registry;
  registerDialects(registry);
  auto context =
      std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  context->loadAllAvailableDialects();
  // Where an error is, its location says; a kernel as text would bury it.
  context->printOpOnDiagnostic(false);
  return context;
}

/// The dialects that programs may be written in.
static std::string knownDialects(MLIRContext &context) {
  std::vector<llvm::StringRef> names;
  for (Dialect *dialect : context.getLoadedDialects())
    if (!dialect->getNamespace().empty())
      names.push_back(dialect->getNamespace());
  llvm::sort(names);
  return llvm::join(names, ", ");
}

/// Refuses operations and types of other dialects. The parser reads them, as it
/// would only say how to allow them.
static LogicalResult checkDialects(ModuleOp module) {
  auto refuse = [&](Location loc, const std::string &what) {
    emitError(loc) << "'" << what
                   << "' is of none of the dialects that RLX reads: "
                   << knownDialects(*module.getContext())
                   << "; lower it to these first";
    return WalkResult::interrupt();
  };
  WalkResult walked = module->walk([&](Operation *op) {
    if (!op->isRegistered())
      return refuse(op->getLoc(), op->getName().getStringRef().str());
    auto checkTypes = [&](TypeRange types) {
      for (Type type : types) {
        Type unknown;
        type.walk([&](OpaqueType found) { unknown = found; });
        if (unknown)
          return refuse(op->getLoc(), llvm::to_string(unknown));
      }
      return WalkResult::advance();
    };
    for (Region &region : op->getRegions())
      for (Block &block : region)
        if (checkTypes(block.getArgumentTypes()).wasInterrupted())
          return WalkResult::interrupt();
    return checkTypes(op->getResultTypes());
  });
  return failure(walked.wasInterrupted());
}

static llvm::Expected<OwningOpRef<ModuleOp>>
parseBuffer(MLIRContext &context, std::unique_ptr<llvm::MemoryBuffer> buffer,
            bool acceptBytecode) {
  llvm::SourceMgr sources;
  std::string name = buffer->getBufferIdentifier().str();
  if (!isBytecode(*buffer)) {
    if (llvm::Error error = checkNesting(buffer->getBuffer(), name))
      return error;
  } else if (!acceptBytecode) {
    return llvm::createStringError(
        "'" + name +
        "' is MLIR bytecode, whose reader trusts what it reads; "
        "expected text, or to be told that it is trusted (--bytecode, "
        "acceptBytecode)");
  }
  sources.AddNewSourceBuffer(std::move(buffer), llvm::SMLoc());
  DiagnosticCollector diagnostics(&context, nullptr, &sources);
  bool allowed = context.allowsUnregisteredDialects();
  context.allowUnregisteredDialects();
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(sources, &context);
  context.allowUnregisteredDialects(allowed);
  // What interprets the module as it is knows fewer dialects.
  if (!module || failed(checkDialects(*module)) ||
      failed(readUtilGlobals(*module)))
    return diagnostics.takeError("'" + name + "' does not hold a module");
  return module;
}

llvm::Expected<OwningOpRef<ModuleOp>> rlx::parseText(MLIRContext &context,
                                                     llvm::StringRef text,
                                                     llvm::StringRef name,
                                                     bool acceptBytecode) {
  return parseBuffer(context, llvm::MemoryBuffer::getMemBufferCopy(text, name),
                     acceptBytecode);
}

llvm::Expected<OwningOpRef<ModuleOp>> rlx::parseFile(MLIRContext &context,
                                                     llvm::StringRef path,
                                                     bool acceptBytecode) {
  auto buffer = readInputText(path);
  if (!buffer)
    return buffer.takeError();
  return parseBuffer(context, std::move(*buffer), acceptBytecode);
}

//===----------------------------------------------------------------------===//
// Compiling
//===----------------------------------------------------------------------===//

static llvm::Error
runPipeline(ModuleOp module, const CompileOptions &options,
            llvm::function_ref<void(OpPassManager &)> build) {
  DiagnosticCollector diagnostics(module.getContext(), options.onRemark);
  PassManager passes(module.getContext());
  // Once at the end of each stage; rlx-opt verifies after each pass, which
  // takes a quarter of the time.
  passes.enableVerifier(false);
  build(passes);
  if (failed(passes.run(module)) || failed(verify(module)))
    return diagnostics.takeError("compilation failed without a message");
  return llvm::Error::success();
}

llvm::Expected<OwningOpRef<ModuleOp>>
rlx::importModule(ModuleOp module, const CompileOptions &options) {
  OwningOpRef<ModuleOp> imported = module.clone();
  if (!options.trustProgram) {
    DiagnosticCollector diagnostics(module.getContext(), options.onRemark);
    if (failed(checkProgram(*imported)))
      return diagnostics.takeError("the program was refused");
  }
  if (auto error =
          runPipeline(*imported, options,
                      options.constantsInCode ? buildImportPipelineInCode
                                              : buildImportPipeline))
    return error;
  return imported;
}

/// What the passes are told: the target's properties, then what the caller
/// chose otherwise.
static llvm::Expected<CpuProperties>
propertiesFor(const CompileOptions &options) {
  llvm::Expected<CpuProperties> cpu = options.target.properties();
  if (!cpu)
    return cpu.takeError();
  cpu->deterministic = options.deterministic;
  if (llvm::Error error = cpu->setAll(options.choices))
    return llvm::createStringError("expected choices as fields of #rlx.cpu, "
                                   "name=value ..., but got '" +
                                   options.choices +
                                   "': " + llvm::toString(std::move(error)));
  return cpu;
}

static llvm::Error configure(CpuTargetOptions &pipeline,
                             const CompileOptions &options) {
  llvm::Expected<CpuProperties> cpu = propertiesFor(options);
  if (!cpu)
    return cpu.takeError();
  pipeline.target = "#rlx.cpu<" + cpu->text() + ">";
  pipeline.printChoices = options.printChoices;
  return llvm::Error::success();
}

llvm::Expected<std::string>
rlx::describePipeline(const CompileOptions &options) {
  if (auto error = options.target.check())
    return error;
  llvm::Expected<CpuProperties> cpu = propertiesFor(options);
  if (!cpu)
    return cpu.takeError();
  return "target={#rlx.cpu<" + cpu->text(/*wholeMachine=*/true) + ">}";
}

/// Gives the weights of an imported module the layouts of the target's kernels,
/// and reads what the code will take.
static llvm::Expected<std::vector<FunctionSignature>>
layOut(ModuleOp module, const CompileOptions &options) {
  llvm::Expected<std::vector<FunctionSignature>> signatures =
      readSignatures(module);
  if (!signatures)
    return signatures.takeError();
  CpuTargetOptions cpu;
  if (auto error = configure(cpu, options))
    return error;
  auto build = [&](OpPassManager &passes) { buildLayoutPipeline(passes, cpu); };
  if (auto error = runPipeline(module, options, build))
    return error;
  readCodeArguments(module, *signatures, compilationIdentity(options));
  return signatures;
}

/// Gives functions names that nothing else has: those of the program may be
/// malloc, expf, or what lowering calls its own.
static void isolateSymbols(ModuleOp module) {
  llvm::DenseMap<StringAttr, StringAttr> names;
  for (auto function : module.getOps<func::FuncOp>())
    if (!function.isExternal())
      names[function.getNameAttr()] = StringAttr::get(
          module.getContext(), programSymbol(function.getName()));
  AttrTypeReplacer replacer;
  replacer.addReplacement(
      [&](SymbolRefAttr reference) -> std::optional<Attribute> {
        StringAttr name = names.lookup(reference.getRootReference());
        if (!name)
          return std::nullopt;
        return SymbolRefAttr::get(name, reference.getNestedReferences());
      });
  replacer.recursivelyReplaceElementsIn(module);
  for (auto function : module.getOps<func::FuncOp>())
    if (StringAttr name = names.lookup(function.getNameAttr()))
      function.setName(name);
}

/// Weights of the same layout are packed by the same code, which is kept once.
/// Only where nobody else looks for the functions by their names.
static void sharePackers(ModuleOp module,
                         std::vector<FunctionSignature> &signatures) {
  SymbolTable symbols(module);
  llvm::StringMap<std::string> names; // By the code.
  llvm::StringMap<std::string> others;
  for (FunctionSignature &signature : signatures)
    for (PackingSignature &packing : signature.packings) {
      auto function = symbols.lookup<func::FuncOp>(packing.function);
      if (!function) {
        packing.function = others.at(packing.function);
        continue;
      }
      OwningOpRef<func::FuncOp> alone = function.clone();
      alone->setName("packer");
      for (unsigned i = 0; i < alone->getNumArguments(); ++i)
        alone->removeArgAttr(i, "rlx.weight");
      std::string text;
      llvm::raw_string_ostream stream(text);
      alone->print(stream, OpPrintingFlags().useLocalScope());
      auto [found, isNew] = names.try_emplace(text, packing.function);
      if (isNew || found->second == packing.function)
        continue;
      others[packing.function] = found->second;
      symbols.erase(function);
      packing.function = found->second;
    }
}

/// Lowers a module with laid out weights in place and emits it; with functions
/// that tell how much memory calls take, if `tellsMemory`.
static llvm::Expected<llvm::SmallVector<char, 0>>
lowerAndEmit(ModuleOp module, llvm::ArrayRef<FunctionSignature> signatures,
             CodeForm form, const CompileOptions &options,
             bool tellsMemory = false) {
  CpuTargetOptions cpu;
  if (auto error = configure(cpu, options))
    return error;
  for (const FunctionSignature &signature : signatures)
    if (tellsMemory)
      module.lookupSymbol(signature.name)
          ->setAttr("rlx.memory", UnitAttr::get(module.getContext()));
  isolateSymbols(module);
  auto buildLoops = [&](OpPassManager &passes) {
    buildLoopsPipeline(passes, cpu);
  };
  for (llvm::function_ref<void(OpPassManager &)> stage :
       {llvm::function_ref<void(OpPassManager &)>(buildBufferizePipeline),
        llvm::function_ref<void(OpPassManager &)>(buildLoops),
        llvm::function_ref<void(OpPassManager &)>(buildLlvmPipeline)})
    if (auto error = runPipeline(module, options, stage))
      return error;
  // Their names have served their purpose; LLVM IR has no place for them.
  module.walk([](LLVM::LLVMFuncOp function) { function.removeArgAttrsAttr(); });
  std::vector<std::string> functions;
  for (const FunctionSignature &signature : signatures) {
    functions.push_back(signature.name);
    if (signature.hasDynamicResults())
      functions.push_back(signature.name + ".shapes");
    if (tellsMemory)
      functions.push_back(signature.name + ".memory");
    for (const PackingSignature &packing : signature.packings)
      if (!llvm::is_contained(functions, packing.function))
        functions.push_back(packing.function);
  }
  DiagnosticCollector diagnostics(module.getContext(), options.onRemark);
  auto code = emitCode(module, functions, options.target, form);
  if (!code)
    return diagnostics.takeError(llvm::toString(code.takeError()));
  return code;
}

namespace {
/// A copy of a program that is ready to be lowered, and what its code will
/// take.
struct PreparedModule {
  OwningOpRef<ModuleOp> module;
  std::vector<FunctionSignature> signatures;
};
} // namespace

static llvm::Expected<PreparedModule>
prepareModule(ModuleOp module, const CompileOptions &options) {
  llvm::Expected<OwningOpRef<ModuleOp>> imported =
      importModule(module, options);
  if (!imported)
    return imported.takeError();
  llvm::Expected<std::vector<FunctionSignature>> signatures =
      layOut(**imported, options);
  if (!signatures)
    return signatures.takeError();
  return PreparedModule{std::move(*imported), std::move(*signatures)};
}

/// Refuses what calls functions that only this process has.
static llvm::Error checkHostFunctions(ModuleOp module,
                                      const CompileOptions &options) {
  DiagnosticCollector diagnostics(module.getContext(), options.onRemark);
  bool isRefused = false;
  module.walk([&](Operation *op) {
    auto quantize = dyn_cast<BlockQuantizeOp>(op);
    auto fake = dyn_cast<BlockFakeQuantizeOp>(op);
    bool callsHost =
        (quantize && quantize.choosesScales() && !rulePlanOf(quantize)) ||
        (fake && !rulePlanOf(fake));
    if (!callsHost || isRefused)
      return;
    isRefused = true;
    QuantAttr scheme = quantize ? quantize.getScheme() : fake.getScheme();
    emitError(op->getLoc())
        << "'rlx." << (quantize ? "quantize" : "fake_quantize") << "' to '"
        << scheme.getScheme().getName().getValue()
        << "' chooses scales by a search in RLX's own library, which code in a "
           "file has not; expected a rule that loops follow, such as rule "
           "\"absmax 7\", or the program to be run by rlx-run";
  });
  return isRefused ? diagnostics.takeError("the program was refused")
                   : llvm::Error::success();
}

llvm::Error rlx::reportFusion(ModuleOp module, const CompileOptions &options) {
  if (auto error = options.target.check())
    return error;
  CpuTargetOptions cpu;
  if (auto error = configure(cpu, options))
    return error;
  OwningOpRef<ModuleOp> copy = module.clone();
  if (!options.trustProgram) {
    DiagnosticCollector diagnostics(module.getContext(), options.onRemark);
    if (failed(checkProgram(*copy)))
      return diagnostics.takeError("the program was refused");
  }
  return runPipeline(*copy, options, [&](OpPassManager &passes) {
    buildFusionReportPipeline(passes, cpu);
  });
}

llvm::Expected<EmittedCode> rlx::emitModule(ModuleOp module, CodeForm form,
                                            const CompileOptions &options) {
  if (auto error = options.target.check())
    return error;
  llvm::Expected<PreparedModule> prepared = prepareModule(module, options);
  if (!prepared)
    return prepared.takeError();
  if (form == CodeForm::object || form == CodeForm::assembly)
    if (auto error = checkHostFunctions(*prepared->module, options))
      return error;
  auto code =
      lowerAndEmit(*prepared->module, prepared->signatures, form, options);
  if (!code)
    return code.takeError();
  return EmittedCode{std::move(*code), std::move(prepared->signatures)};
}

llvm::Expected<std::unique_ptr<Executable>>
rlx::compileModule(ModuleOp module, const CompileOptions &options,
                   CompileReport *report) {
  auto start = std::chrono::steady_clock::now();
  if (auto error = options.target.checkHost())
    return error;
  llvm::Expected<PreparedModule> prepared = prepareModule(module, options);
  if (!prepared)
    return prepared.takeError();

  sharePackers(*prepared->module, prepared->signatures);
  std::shared_ptr<CacheDirectory> directory;
  std::string key;
  std::optional<llvm::SmallVector<char, 0>> object;
  if (!options.cacheDirectory.empty()) {
    CacheOptions cacheOptions;
    cacheOptions.limitBytes = options.cacheLimitBytes;
    if (options.onRemark)
      cacheOptions.onRemark = options.onRemark;
    directory = std::make_shared<CacheDirectory>(options.cacheDirectory,
                                                 std::move(cacheOptions));
    key = objectKey(*prepared->module, options);
  }
  ObjectCache cache(directory);
  if (directory)
    object = cache.find(key);
  bool fromCache = object.has_value();
  if (!object) {
    auto code = lowerAndEmit(*prepared->module, prepared->signatures,
                             CodeForm::object, options, /*tellsMemory=*/true);
    if (!code)
      return code.takeError();
    object = std::move(*code);
    cache.store(key, *object);
  }
  auto executable =
      Executable::load(*object, std::move(prepared->signatures),
                       options.cachePackedWeights ? directory : nullptr);
  if (report) {
    std::chrono::duration<double, std::milli> elapsed =
        std::chrono::steady_clock::now() - start;
    *report = {elapsed.count(), fromCache};
  }
  return executable;
}

llvm::Expected<std::unique_ptr<Executable>>
rlx::compileText(llvm::StringRef text, const CompileOptions &options,
                 CompileReport *report, llvm::StringRef name) {
  std::unique_ptr<MLIRContext> context = createContext();
  llvm::Expected<OwningOpRef<ModuleOp>> module =
      parseText(*context, text, name, options.acceptBytecode);
  if (!module)
    return module.takeError();
  return compileModule(**module, options, report);
}

llvm::Expected<std::unique_ptr<Executable>>
rlx::compileFile(llvm::StringRef path, const CompileOptions &options,
                 CompileReport *report) {
  std::unique_ptr<MLIRContext> context = createContext();
  llvm::Expected<OwningOpRef<ModuleOp>> module =
      parseFile(*context, path, options.acceptBytecode);
  if (!module)
    return module.takeError();
  return compileModule(**module, options, report);
}
