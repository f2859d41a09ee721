//===- OpenClC.cpp - Kernels as OpenCL C ----------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Programs, signatures and constants; what stands in a function is printed by
// OpenClFunction.
//
//===----------------------------------------------------------------------===//

#include "codegen/opencl/OpenClC.h"

#include "codegen/opencl/OpenClFunction.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace rlx;
using namespace rlx::opencl;

//===----------------------------------------------------------------------===//
// Signatures
//===----------------------------------------------------------------------===//

static bool isKernel(FunctionOpInterface function) {
  auto kernel = dyn_cast<gpu::GPUFuncOp>(function.getOperation());
  return kernel && kernel.isKernel();
}

/// Whether the function, or one that it calls, may write through the argument.
static bool isWritten(Value memref) {
  return llvm::any_of(memref.getUsers(), [&](Operation *user) {
    if (auto same = dyn_cast<memref::AssumeAlignmentOp>(user))
      return isWritten(same.getResult());
    return !isa<memref::LoadOp, vector::LoadOp, memref::DimOp>(user);
  });
}

/// `__global`, `__local` or nothing; none for a space OpenCL C has not.
static std::optional<llvm::StringRef> addressSpace(MemRefType type,
                                                   llvm::StringRef usual) {
  Attribute space = type.getMemorySpace();
  if (!space)
    return usual;
  auto known = dyn_cast<gpu::AddressSpaceAttr>(space);
  if (!known)
    return std::nullopt;
  switch (known.getValue()) {
  case gpu::AddressSpace::Global:
    return "__global ";
  case gpu::AddressSpace::Workgroup:
    return "__local ";
  case gpu::AddressSpace::Private:
    return "";
  default:
    return std::nullopt;
  }
}

std::string OpenClFunction::parameter(FunctionOpInterface function,
                                      unsigned index) {
  Value argument = function.getArgument(index);
  Type type = argument.getType();
  auto refuse = [&](llvm::StringRef expected) {
    std::string text;
    llvm::raw_string_ostream stream(text);
    stream << "expected argument " << index << " to be " << expected
           << ", but got " << type;
    fail(function, text);
    return "";
  };
  auto given = function.getArgAttrOfType<StringAttr>(index, "rlx.name");
  std::string name =
      given ? names.fresh(given.getValue())
            : nameFor(argument, names.fresh("arg" + std::to_string(index)));
  values[argument] = Expression(name);

  auto memref = dyn_cast<MemRefType>(type);
  if (!memref) {
    std::optional<ClType> scalar = ClType::of(type);
    if (!scalar || (isKernel(function) && scalar->isBool()))
      return refuse(
          "a memref, an integer, an index or a float of 16, 32 or 64 bits");
    program.helpers.useType(*scalar);
    return scalar->name() + " " + name;
  }
  std::optional<ClType> element = ClType::of(memref.getElementType());
  if (!element || (element->isBool() && element->isVector()) ||
      memref.getRank() != 1 || !memref.getLayout().isIdentity())
    return refuse("a memref of rank 1 and identity layout, of numbers or "
                  "vectors of 2, 4, 8 or 16 numbers");
  std::optional<llvm::StringRef> space = addressSpace(memref, "__global ");
  if (!space || (space->empty() && isKernel(function)))
    return refuse("in global or workgroup memory");
  std::string text = space->str();
  if (!isWritten(argument))
    text += "const ";
  text += element->memoryName() + " *";
  if (function.getArgAttr(index, "rlx.no_alias"))
    text += "restrict ";
  return text + name;
}

std::string OpenClFunction::signature(FunctionOpInterface function,
                                      llvm::StringRef end) {
  std::string subgroups, attributes;
  if (isKernel(function)) {
    auto kernel = cast<gpu::GPUFuncOp>(function.getOperation());
    subgroups = subgroupAttribute(kernel);
    attributes = "__kernel ";
    if (auto size = kernel.getKnownBlockSize(); size && size->size() == 3)
      attributes += llvm::formatv(
          "__attribute__((reqd_work_group_size({0}, {1}, {2})))\n", (*size)[0],
          (*size)[1], (*size)[2]);
  }
  ArrayRef<Type> results = function.getResultTypes();
  std::optional<ClType> result;
  if (results.size() == 1)
    result = ClType::of(results[0]);
  if (results.size() > 1 || (results.size() == 1 && !result))
    fail(function, "expected at most one result, a number or a vector");
  std::string text = (result ? result->name() : "void") + " " +
                     program.symbols[function.getName()] + "(";
  llvm::ListSeparator comma;
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    text += comma;
    text += parameter(function, i);
  }
  text += std::string(")") + end.str();
  // The attribute takes most of a line.
  bool isSplit = llvm::StringRef(attributes).ends_with("\n");
  return subgroups + (isSplit ? attributes + wrapLine(text, 0)
                              : wrapLine(attributes + text, 0));
}

llvm::Expected<std::string>
OpenClFunction::declare(FunctionOpInterface function) {
  std::string text = signature(function, ";");
  if (hasFailed())
    return llvm::createStringError(failure);
  return text;
}

llvm::Expected<std::string>
OpenClFunction::print(FunctionOpInterface function) {
  if (!llvm::hasSingleElement(function.getFunctionBody()))
    return llvm::createStringError(describeOp(
        function, "expected a body of one block, with control flow of scf"));
  countLocations(function);
  text = signature(function, " {");
  indent = 2;
  if (auto kernel = dyn_cast<gpu::GPUFuncOp>(function.getOperation())) {
    if (!kernel.isKernel() && kernel.getNumWorkgroupAttributions())
      fail(kernel, "only kernels have workgroup memory of their own");
    auto nameOf = [](Attribute given, llvm::StringRef otherwise) {
      auto name = dyn_cast_or_null<StringAttr>(given);
      return name ? name.getValue() : otherwise;
    };
    for (auto [i, array] : llvm::enumerate(kernel.getWorkgroupAttributions()))
      printArray(
          function, array, "__local ",
          nameOf(kernel.getWorkgroupAttributionAttr(i, "rlx.name"), "shared"));
    for (auto [i, array] : llvm::enumerate(kernel.getPrivateAttributions()))
      printArray(
          function, array, "",
          nameOf(kernel.getPrivateAttributionAttr(i, "rlx.name"), "own"));
  }
  Block &body = function.getFunctionBody().front();
  printBlock(body);
  printReturn(body.getTerminator());
  if (hasFailed())
    return llvm::createStringError(failure);
  return text + "}\n";
}

//===----------------------------------------------------------------------===//
// Programs
//===----------------------------------------------------------------------===//

/// `__constant float table[4] = {1.0f, 2.0f, 3.0f, 4.0f};`
static llvm::Expected<std::string> printGlobal(memref::GlobalOp global,
                                               OpenClProgram &program) {
  auto refuse = [&](llvm::StringRef reason) {
    return llvm::createStringError(describeOp(global, reason));
  };
  MemRefType type = global.getType();
  auto initial = dyn_cast_or_null<DenseElementsAttr>(
      global.getInitialValue().value_or(Attribute()));
  std::optional<ClType> element = ClType::of(type.getElementType());
  if (!global.getConstant() || !initial || !element || element->isVector() ||
      type.getRank() > 2 || !type.getLayout().isIdentity())
    return refuse("expected a constant array of numbers with a value and at "
                  "most two dimensions");
  // A scalar literal is printed by the same function as in expressions.
  ValueRanges ranges;
  OpenClArithmetic arithmetic(program.helpers, ranges);
  program.helpers.useType(*element);
  int64_t row = type.getRank() == 2 ? type.getDimSize(1) : 0, i = 0;
  std::string shape = type.getRank() ? "" : "[1]";
  for (int64_t size : type.getShape())
    shape += "[" + std::to_string(size) + "]";
  std::string text = "__constant " + element->memoryName() + " " +
                     program.symbols[global.getName()] + shape + " = {";
  for (Attribute value : initial.getValues<Attribute>()) {
    std::optional<Expression> literal =
        arithmetic.constant(cast<TypedAttr>(value));
    if (!literal)
      return refuse("expected numbers that OpenCL C has");
    if (i)
      text += ", ";
    if (row && i % row == 0)
      text += "{";
    text += element->isBool() ? (literal->text == "true" ? "1" : "0")
                              : literal->text;
    if (row && ++i % row == 0)
      text += "}";
    else if (!row)
      ++i;
  }
  return wrapLine(text + "};", 0);
}

llvm::Expected<std::string> rlx::emitOpenClC(gpu::GPUModuleOp module) {
  OpenClProgram program;
  SmallVector<FunctionOpInterface> called, kernels;
  SmallVector<memref::GlobalOp> globals;
  for (Operation &op : *module.getBody()) {
    auto symbol = dyn_cast<SymbolOpInterface>(op);
    if (!symbol)
      continue;
    auto function = dyn_cast<FunctionOpInterface>(op);
    if (function && !isa<gpu::GPUFuncOp, func::FuncOp>(op))
      return llvm::createStringError(
          describeOp(&op, "expected gpu.func or func.func"));
    if (auto global = dyn_cast<memref::GlobalOp>(op))
      globals.push_back(global);
    else if (!function)
      return llvm::createStringError(
          describeOp(&op, "expected functions and constants"));
    else
      (isKernel(function) ? kernels : called).push_back(function);
    // Hosts find kernels by name; other names may change.
    llvm::StringRef name = symbol.getName();
    bool isTaken = program.names.take(name);
    if (!isTaken && function && isKernel(function))
      return llvm::createStringError(describeOp(
          &op, "expected a kernel's name that OpenCL C has no other use for, "
               "but got '" +
                   name + "'"));
    program.symbols[name] = isTaken ? name.str() : program.names.fresh(name);
  }

  std::string body;
  for (memref::GlobalOp global : globals) {
    auto text = printGlobal(global, program);
    if (!text)
      return text.takeError();
    body += "\n" + *text;
  }
  if (!called.empty())
    body += "\n";
  for (FunctionOpInterface function : called) {
    auto text = OpenClFunction(program).declare(function);
    if (!text)
      return text.takeError();
    body += *text;
  }
  for (ArrayRef<FunctionOpInterface> functions :
       {ArrayRef(called), ArrayRef(kernels)})
    for (FunctionOpInterface function : functions) {
      auto text = OpenClFunction(program).print(function);
      if (!text)
        return text.takeError();
      body += "\n" + *text;
    }
  return "// Kernels of '" + module.getName().str() + "'.\n\n" +
         program.helpers.pragmas() + program.helpers.definitions() + body;
}
