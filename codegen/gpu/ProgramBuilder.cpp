//===- ProgramBuilder.cpp - From dispatches to a Program ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/gpu/ProgramBuilder.h"

#include "codegen/gpu/ProgramSizeBuilder.h"
#include "passes/gpu/kernels/LinalgKernels.h"
#include "passes/gpu/layout/Target.h"
#include "passes/gpu/spirv/Subgroups.h"
#include "passes/support/SourceText.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

using namespace mlir;
using namespace rlx;

namespace {
class ProgramBuilder {
public:
  ProgramBuilder(ModuleOp module, const FunctionSignature &signature)
      : module(module), signature(signature), sizes(program) {}
  llvm::Expected<Program> build();

private:
  llvm::Error addArguments(func::FuncOp function);
  llvm::Error addResultShapes();
  llvm::Error addOperation(Operation *op);
  llvm::Error addDispatch(DispatchOp op);
  llvm::Error addBuffer(memref::AllocOp op);
  llvm::Error addConstant(memref::GetGlobalOp op);
  llvm::Error addCheck(CheckOp op);
  llvm::Expected<uint32_t> bufferOf(Value memref);
  llvm::Expected<uint32_t> partOf(memref::ReinterpretCastOp part);
  bool isUsed(uint32_t buffer) const;
  uint32_t kernelOf(gpu::GPUFuncOp function);

  ModuleOp module;
  const FunctionSignature &signature;
  Program program;
  ProgramSizeBuilder sizes;
  llvm::DenseMap<Value, uint32_t> buffers;
  llvm::StringMap<uint32_t> kernels;
};
} // namespace

/// Whether sizes may depend on the number that an argument is.
static bool isHostNumber(const Program &program, size_t index) {
  const ProgramArgument &argument = program.arguments[index];
  return argument.kind == ProgramArgument::Kind::input && !argument.isState &&
         argument.shape.empty() && isInteger(argument.type);
}

static llvm::Error unsupported(Operation *op, const Twine &what) {
  return llvm::createStringError(sourceText(op) + what);
}

//===----------------------------------------------------------------------===//
// Arguments
//===----------------------------------------------------------------------===//

llvm::Error ProgramBuilder::addArguments(func::FuncOp function) {
  size_t inputs = 0, weights = 0, results = 0;
  for (BlockArgument value : function.getArguments()) {
    unsigned index = value.getArgNumber();
    auto weight = function.getArgAttrOfType<StringAttr>(index, "rlx.weight");
    bool isResult = function.getArgAttr(index, "bufferize.result") != nullptr;
    ProgramArgument argument;
    const TensorSignature *tensor;
    if (weight) {
      tensor = &signature.weights[weights++];
      argument.kind = ProgramArgument::Kind::weight;
      argument.name = weight.getValue().str();
    } else if (isResult) {
      tensor = &signature.results[results++];
      argument.kind = ProgramArgument::Kind::result;
    } else {
      tensor = &signature.inputs[inputs++];
      argument.name = tensor->state;
      argument.isState = !tensor->state.empty();
    }
    argument.type = tensor->element;
    SizeIndex bytes = sizes.constant(elementBytes(tensor->element));
    for (auto [dimension, size] : llvm::enumerate(tensor->shape)) {
      // Results get theirs when all inputs are known.
      SizeIndex extent = size >= 0  ? sizes.constant(size)
                         : isResult ? 0
                                    : sizes.dimension(index, dimension);
      argument.shape.push_back(extent);
      bytes = sizes.add(ProgramSize::Kind::multiply, bytes, extent);
    }
    sizes.setShape(value, argument.shape);
    if (isHostNumber(value))
      sizes.setNumber(value, index);
    ProgramBuffer buffer;
    buffer.kind = ProgramBuffer::Kind::argument;
    buffer.argument = index;
    buffer.bytes = bytes;
    buffers[value] = program.buffers.size();
    program.buffers.push_back(buffer);
    program.arguments.push_back(std::move(argument));
  }
  return llvm::Error::success();
}

/// Dynamic sizes of results, from the function that was derived for them.
static llvm::Error unknownSizes(const std::string &function) {
  return llvm::createStringError("the sizes of the results of '" + function +
                                 "' depend on more than the shapes of the "
                                 "inputs; run the program on the CPU");
}

llvm::Error ProgramBuilder::addResultShapes() {
  if (!signature.hasDynamicResults())
    return llvm::Error::success();
  auto function = module.lookupSymbol<func::FuncOp>(signature.name + ".shapes");
  if (!function || !function.getBody().hasOneBlock())
    return unknownSizes(signature.name);
  for (auto [index, argument] : llvm::enumerate(program.arguments))
    if (argument.kind != ProgramArgument::Kind::result &&
        index < function.getNumArguments()) {
      sizes.setShape(function.getArgument(index), argument.shape);
      if (isHostNumber(program, index))
        sizes.setNumber(function.getArgument(index), int64_t(index));
    }
  std::vector<SizeIndex> found;
  for (Operation &op : function.front()) {
    // Where all sizes are known, they are one constant.
    if (auto copy = dyn_cast<memref::CopyOp>(op)) {
      auto source = copy.getSource().getDefiningOp<memref::GetGlobalOp>();
      auto global =
          source ? module.lookupSymbol<memref::GlobalOp>(source.getName())
                 : memref::GlobalOp();
      auto values = dyn_cast_or_null<DenseIntElementsAttr>(
          global ? global.getInitialValueAttr() : Attribute());
      if (!values)
        return unknownSizes(signature.name);
      for (const APInt &value : values.getValues<APInt>())
        found.push_back(sizes.constant(value.getSExtValue()));
      continue;
    }
    auto store = dyn_cast<memref::StoreOp>(op);
    if (!store) {
      // What is no arithmetic on sizes is not used by any.
      sizes.tryAdd(&op);
      continue;
    }
    std::optional<SizeIndex> size = sizes.find(store.getValue());
    if (!size)
      return unknownSizes(signature.name);
    found.push_back(*size);
  }
  size_t next = 0;
  for (size_t i = 0; i < program.arguments.size(); ++i) {
    ProgramArgument &argument = program.arguments[i];
    if (argument.kind != ProgramArgument::Kind::result)
      continue;
    if (next + argument.shape.size() > found.size())
      return unknownSizes(signature.name);
    SizeIndex bytes = sizes.constant(elementBytes(argument.type));
    for (SizeIndex &extent : argument.shape) {
      extent = found[next++];
      bytes = sizes.add(ProgramSize::Kind::multiply, bytes, extent);
    }
    program.buffers[i].bytes = bytes;
    auto body = module.lookupSymbol<func::FuncOp>(signature.name);
    sizes.setShape(body.getArgument(i), argument.shape);
  }
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// Operations
//===----------------------------------------------------------------------===//

static ProgramPacking packingOf(DictionaryAttr how) {
  ProgramPacking packing;
  llvm::raw_string_ostream(packing.deviceBlock)
      << Attribute(how.getAs<QuantAttr>("device_block").getScheme());
  packing.rows = how.getAs<IntegerAttr>("rows").getInt();
  packing.words = how.getAs<IntegerAttr>("words").getInt();
  if (auto part = how.getAs<DenseI64ArrayAttr>("part"))
    packing.part.assign(part.asArrayRef().begin(), part.asArrayRef().end());
  return packing;
}

llvm::Error ProgramBuilder::addBuffer(memref::AllocOp op) {
  MemRefType type = op.getType();
  SmallVector<SizeIndex> shape;
  SizeIndex bytes =
      sizes.constant(llvm::divideCeil(type.getElementTypeBitWidth(), 8));
  auto dynamic = op.getDynamicSizes().begin();
  for (int64_t size : type.getShape()) {
    SizeIndex extent;
    if (ShapedType::isDynamic(size)) {
      std::optional<SizeIndex> known = sizes.find(*dynamic++);
      if (!known)
        return unsupported(op, "has a size that depends on more than the "
                               "shapes of the inputs");
      extent = *known;
    } else {
      extent = sizes.constant(size);
    }
    shape.push_back(extent);
    bytes = sizes.add(ProgramSize::Kind::multiply, bytes, extent);
  }
  sizes.setShape(op.getResult(), shape);
  ProgramBuffer buffer;
  buffer.bytes = bytes;
  uint32_t index = program.buffers.size();
  if (auto checks = op->getAttrOfType<ArrayAttr>("rlx.checks")) {
    program.status = index;
    for (Attribute entry : checks) {
      auto check = cast<DictionaryAttr>(entry);
      program.checks.push_back(
          {check.getAs<StringAttr>("what").getValue().str(),
           check.getAs<IntegerAttr>("bound").getInt()});
    }
  }
  if (auto how = op->getAttrOfType<DictionaryAttr>("rlx.interleaved"))
    buffer.packing = packingOf(how);
  buffers[op.getResult()] = index;
  program.buffers.push_back(std::move(buffer));
  return llvm::Error::success();
}

llvm::Error ProgramBuilder::addConstant(memref::GetGlobalOp op) {
  auto global = module.lookupSymbol<memref::GlobalOp>(op.getName());
  Attribute initial = global ? global.getInitialValueAttr() : Attribute();
  auto type = cast<MemRefType>(op.getType());
  ProgramBuffer buffer;
  buffer.kind = ProgramBuffer::Kind::constant;
  auto add = [&](ArrayRef<char> raw) {
    auto *bytes = reinterpret_cast<const std::byte *>(raw.data());
    buffer.data.insert(buffer.data.end(), bytes, bytes + raw.size());
  };
  if (auto values = dyn_cast_or_null<DenseElementsAttr>(initial)) {
    // Booleans are a bit each in the attribute, a byte each in a buffer.
    if (type.getElementType().isInteger(1))
      for (bool value : values.getValues<bool>())
        buffer.data.push_back(std::byte(value));
    else
      for (int64_t i = 0, e = values.isSplat() ? type.getNumElements() : 1;
           i < e; ++i)
        add(values.getRawData());
  } else if (auto resource =
                 dyn_cast_or_null<DenseResourceElementsAttr>(initial)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    if (!blob)
      return unsupported(op, "is the resource '" +
                                 resource.getRawHandle().getKey() +
                                 "', which the program does not have");
    int64_t expected = type.getNumElements() *
                       llvm::divideCeil(type.getElementTypeBitWidth(), 8);
    if (int64_t(blob->getData().size()) != expected)
      return unsupported(op, "is the resource '" +
                                 resource.getRawHandle().getKey() + "' of " +
                                 Twine(blob->getData().size()) +
                                 " bytes, expected " + Twine(expected));
    add(blob->getData());
  } else {
    return unsupported(op, "is a constant without plain values");
  }
  SmallVector<SizeIndex> shape;
  for (int64_t size : type.getShape())
    shape.push_back(sizes.constant(size));
  sizes.setShape(op.getResult(), shape);
  buffer.bytes = sizes.constant(buffer.data.size());
  buffers[op.getResult()] = program.buffers.size();
  program.buffers.push_back(std::move(buffer));
  return llvm::Error::success();
}

/// What the host can tell before the run; the rest is made safe in kernels.
llvm::Error ProgramBuilder::addCheck(CheckOp op) {
  ProgramSizeCheck check;
  check.message = op.getMessage().str();
  std::optional<SizeIndex> condition = sizes.find(op.getCondition());
  if (!condition)
    return unsupported(op, "depends on more than the shapes of the inputs, "
                           "which cannot be checked on a device; run the "
                           "program on the CPU");
  check.condition = *condition;
  for (Value value : op.getValues()) {
    std::optional<SizeIndex> size = sizes.find(value);
    if (!size)
      return unsupported(op, "names a value that depends on more than the "
                             "shapes of the inputs");
    check.values.push_back(*size);
  }
  program.sizeChecks.push_back(std::move(check));
  return llvm::Error::success();
}

bool ProgramBuilder::isUsed(uint32_t buffer) const {
  auto uses = [&](const ProgramStep &step) {
    return llvm::is_contained(step.buffers, buffer);
  };
  return llvm::any_of(program.setup, uses) || llvm::any_of(program.steps, uses);
}

/// A buffer for rows of a weight that is larger than buffers may be.
llvm::Expected<uint32_t>
ProgramBuilder::partOf(memref::ReinterpretCastOp part) {
  auto type = cast<MemRefType>(part.getType());
  int64_t elementBytes = type.getElementTypeBitWidth() / 8;
  ArrayRef<int64_t> offsets = part.getStaticOffsets();
  llvm::Expected<uint32_t> whole = bufferOf(part.getSource());
  if (!whole)
    return whole;
  ProgramBuffer buffer = program.buffers[*whole];
  // Any other view is passed whole, its offset beside it.
  bool isWeight =
      buffer.kind == ProgramBuffer::Kind::argument &&
      program.arguments[buffer.argument].kind == ProgramArgument::Kind::weight;
  if (!isWeight || !type.hasStaticShape() || ShapedType::isDynamic(offsets[0]))
    return whole;
  buffer.offset = offsets[0] * elementBytes;
  buffer.bytes = sizes.constant(type.getNumElements() * elementBytes);
  for (auto [index, other] : llvm::enumerate(program.buffers))
    if (other.kind == buffer.kind && other.argument == buffer.argument &&
        other.offset == buffer.offset && other.bytes == buffer.bytes)
      return index;
  // The first part takes the place of the whole, which nothing reads.
  if (!isUsed(*whole)) {
    program.buffers[*whole] = buffer;
    return *whole;
  }
  program.buffers.push_back(buffer);
  return program.buffers.size() - 1;
}

/// The buffer that `memref` is, or is a view of.
llvm::Expected<uint32_t> ProgramBuilder::bufferOf(Value memref) {
  if (auto part = memref.getDefiningOp<memref::ReinterpretCastOp>())
    return partOf(part);
  for (Value value = memref;;) {
    if (auto found = buffers.find(value); found != buffers.end())
      return found->second;
    Operation *op = value.getDefiningOp();
    if (auto metadata =
            dyn_cast_or_null<memref::ExtractStridedMetadataOp>(op)) {
      value = metadata.getSource();
    } else if (auto view = dyn_cast_or_null<ViewLikeOpInterface>(op)) {
      value = view.getViewSource();
    } else {
      return llvm::createStringError(
          "a dispatch reads a buffer that the host computes");
    }
  }
}

uint32_t ProgramBuilder::kernelOf(gpu::GPUFuncOp function) {
  auto [entry, inserted] =
      kernels.try_emplace(function.getName(), program.kernels.size());
  if (!inserted)
    return entry->second;
  ProgramKernel kernel;
  kernel.name = function.getName().str();
  if (std::optional<ArrayRef<int32_t>> size = function.getKnownBlockSize())
    for (unsigned i = 0; i < 3; ++i)
      kernel.workgroup[i] = (*size)[i];
  for (Type type : function.getArgumentTypes())
    ++(isa<MemRefType>(type) ? kernel.buffers : kernel.scalars);
  auto target =
      function->getParentOfType<gpu::GPUModuleOp>()->getAttrOfType<GpuAttr>(
          targetAttributeName);
  if (target && countsOnSubgroups(function))
    kernel.subgroup = target.getSubgroupSize();
  program.kernels.push_back(std::move(kernel));
  return entry->second;
}

llvm::Error ProgramBuilder::addDispatch(DispatchOp op) {
  auto function = dyn_cast_or_null<gpu::GPUFuncOp>(
      SymbolTable::lookupSymbolIn(module, op.getKernel()));
  if (!function)
    return unsupported(op, "names no kernel");
  ProgramStep step;
  step.kernel = kernelOf(function);
  for (Value memref : op.getBuffers()) {
    llvm::Expected<uint32_t> buffer = bufferOf(memref);
    if (!buffer)
      return buffer.takeError();
    step.buffers.push_back(*buffer);
    // What is written once is kept.
    ProgramBuffer &used = program.buffers[*buffer];
    if (op.getOnce() && used.kind == ProgramBuffer::Kind::temporary)
      used.kind = ProgramBuffer::Kind::packed;
  }
  for (Value scalar : op.getScalars()) {
    std::optional<SizeIndex> size = sizes.find(scalar);
    if (!size)
      return unsupported(op, "takes a scalar that is no size");
    step.scalars.push_back(*size);
  }
  Value groups[] = {op.getGroupsX(), op.getGroupsY(), op.getGroupsZ()};
  for (auto [i, value] : llvm::enumerate(groups)) {
    std::optional<SizeIndex> size = sizes.find(value);
    if (!size)
      return unsupported(op, "runs on a number of workgroups that is not "
                             "known before it");
    step.groups[i] = *size;
  }
  (op.getOnce() ? program.setup : program.steps).push_back(std::move(step));
  return llvm::Error::success();
}

llvm::Error ProgramBuilder::addOperation(Operation *op) {
  if (auto dispatch = dyn_cast<DispatchOp>(op))
    return addDispatch(dispatch);
  if (auto alloc = dyn_cast<memref::AllocOp>(op))
    return addBuffer(alloc);
  if (auto global = dyn_cast<memref::GetGlobalOp>(op))
    return addConstant(global);
  if (auto check = dyn_cast<CheckOp>(op))
    return addCheck(check);
  if (isa<func::ReturnOp, ViewLikeOpInterface>(op) &&
      !isa<memref::ExtractStridedMetadataOp>(op))
    return llvm::Error::success();
  if (!sizes.tryAdd(op))
    return unsupported(
        op, "cannot run on the host beside a device, where all that is known "
            "is the shapes of the inputs; run the program on the CPU");
  return llvm::Error::success();
}

llvm::Expected<Program> ProgramBuilder::build() {
  program.name = signature.name;
  auto function = module.lookupSymbol<func::FuncOp>(signature.name);
  if (!function || !function.getBody().hasOneBlock())
    return llvm::createStringError(
        "'" + signature.name +
        "' has control flow, which cannot run on a device; run it on the CPU");
  if (auto error = addArguments(function))
    return error;
  if (auto error = addResultShapes())
    return error;
  for (Operation &op : function.front())
    if (auto error = addOperation(&op))
      return error;
  return std::move(program);
}

llvm::Expected<Program> rlx::buildProgram(ModuleOp module,
                                          const FunctionSignature &signature) {
  return ProgramBuilder(module, signature).build();
}
