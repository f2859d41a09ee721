//===- KernelBuilder.cpp - Kernels beside their dispatch ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/gpu/kernels/KernelBuilder.h"

#include "mlir/Dialect/Affine/Utils.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace rlx;

/// Letters, digits and underscores: what every output allows in a name.
static std::string identifier(const Twine &name) {
  std::string text = name.str();
  for (char &c : text)
    if (!llvm::isAlnum(c))
      c = '_';
  return text;
}

KernelBuilder::KernelBuilder(Operation *op, KernelModule &kernels, Twine name)
    : LoopBuilder(op->getLoc(), op->getContext()), op(op), kernels(kernels),
      host(op->getLoc(), op) {
  setInsertionPointToEnd(kernels.module.getBody());
  function =
      gpu::GPUFuncOp::create(*this, identifier(name), getFunctionType({}, {}));
  function->setAttr(gpu::GPUDialect::getKernelFuncAttrName(), getUnitAttr());
  setInsertionPointToStart(&function.getBody().front());
  setInsertionPoint(gpu::ReturnOp::create(*this));
}

//===----------------------------------------------------------------------===//
// Arguments
//===----------------------------------------------------------------------===//

const KernelBuilder::Source &KernelBuilder::sourceOf(Value memref) {
  auto [entry, inserted] = sources.try_emplace(memref);
  Source &source = entry->second;
  if (!inserted)
    return source;
  auto type = cast<MemRefType>(memref.getType());
  bool isWhole = isa<BlockArgument>(memref) ||
                 memref.getDefiningOp<memref::AllocOp>() ||
                 memref.getDefiningOp<memref::GetGlobalOp>();
  if (!isWhole) {
    // Resolved by --expand-strided-metadata.
    auto metadata = memref::ExtractStridedMetadataOp::create(host, memref);
    source.base = metadata.getBaseBuffer();
    source.offset = metadata.getConstifiedMixedOffset();
    source.sizes = metadata.getConstifiedMixedSizes();
    source.strides = metadata.getConstifiedMixedStrides();
    return source;
  }
  source.base = memref;
  source.offset = host.getIndexAttr(0);
  OpFoldResult stride = host.getIndexAttr(1);
  source.strides.resize(type.getRank());
  for (int64_t i = type.getRank() - 1; i >= 0; --i) {
    source.strides[i] = stride;
    OpFoldResult size = host.getIndexAttr(type.getDimSize(i));
    if (type.isDynamicDim(i))
      size = memref::DimOp::create(host, memref, i).getResult();
    source.sizes.insert(source.sizes.begin(), size);
    if (i > 0)
      stride = hostMul(stride, size);
  }
  return source;
}

Value KernelBuilder::buffer(Value memref, Type element, StringRef name) {
  return argumentFor(sourceOf(memref).base, element, name);
}

Value KernelBuilder::bufferPart(Value memref, int64_t first, int64_t count,
                                Type element, StringRef name) {
  auto type = cast<MemRefType>(memref.getType());
  if (count == type.getDimSize(0))
    return buffer(memref, element, name);
  SmallVector<int64_t> offsets(type.getRank(), 0), sizes(type.getShape()),
      strides = type.getStridesAndOffset().first;
  sizes[0] = count;
  int64_t offset = first * strides[0];
  auto partType =
      MemRefType::get(sizes, type.getElementType(),
                      StridedLayoutAttr::get(getContext(), offset, strides));
  Value part = memref::ReinterpretCastOp::create(host, partType, memref, offset,
                                                 sizes, strides);
  return argumentFor(part, element, name);
}

/// The constant of the module that holds `values`; all that need the same
/// share one.
static memref::GlobalOp globalOf(ModuleOp module, DenseElementsAttr values) {
  for (auto global : module.getOps<memref::GlobalOp>())
    if (global.getConstant() && global.getInitialValueAttr() == values)
      return global;
  OpBuilder builder = OpBuilder::atBlockBegin(module.getBody());
  std::string name = "table";
  for (int suffix = 2; module.lookupSymbol(name); ++suffix)
    name = "table_" + std::to_string(suffix);
  auto type = cast<ShapedType>(values.getType());
  return memref::GlobalOp::create(
      builder, module.getLoc(), name, builder.getStringAttr("private"),
      MemRefType::get(type.getShape(), type.getElementType()), values,
      /*constant=*/true, /*alignment=*/IntegerAttr());
}

Value KernelBuilder::constant(DenseElementsAttr values, StringRef name) {
  memref::GlobalOp global = globalOf(op->getParentOfType<ModuleOp>(), values);
  Value &memref = constants[values];
  if (!memref)
    memref = memref::GetGlobalOp::create(host, global.getType(),
                                         global.getSymName());
  return buffer(memref, global.getType().getElementType(), name);
}

/// The argument for a buffer of the host, as elements of `element`.
Value KernelBuilder::argumentFor(Value base, Type element, StringRef name) {
  auto type = MemRefType::get({ShapedType::kDynamic}, element);
  for (auto [known, argument] : bound)
    if (known == base && argument.getType() == type)
      return argument;
  unsigned index = buffers.size();
  auto attributes =
      getDictionaryAttr(getNamedAttr("rlx.name", getStringAttr(name)));
  (void)function.insertArgument(index, type, attributes, getLoc());
  buffers.push_back(base);
  Value argument = function.getBody().getArgument(index);
  bound.push_back({base, argument});
  return argument;
}

Value KernelBuilder::scalar(OpFoldResult value, StringRef name) {
  if (std::optional<int64_t> constant = getConstantIntValue(value))
    return index(*constant);
  auto [entry, inserted] = scalarValues.try_emplace(cast<Value>(value));
  if (!inserted)
    return entry->second;
  unsigned position = buffers.size() + scalars.size();
  auto attributes =
      getDictionaryAttr(getNamedAttr("rlx.name", getStringAttr(name)));
  (void)function.insertArgument(position, getI32Type(), attributes, getLoc());
  scalars.push_back(cast<Value>(value));
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(&function.getBody().front());
  Value argument = function.getBody().getArgument(position);
  return entry->second =
             arith::IndexCastUIOp::create(*this, getIndexType(), argument);
}

BufferView KernelBuilder::view(Value memref, StringRef name, Type element) {
  auto type = cast<MemRefType>(memref.getType());
  const Source &source = sourceOf(memref);
  BufferView view;
  view.buffer = buffer(memref, element ? element : type.getElementType(), name);
  // The stride that a row-major buffer has; none behind a dynamic size.
  std::optional<int64_t> expected = 1;
  view.isContiguous = getConstantIntValue(source.offset) == 0;
  for (int64_t i = type.getRank() - 1; i >= 0; --i) {
    view.isContiguous &=
        expected && getConstantIntValue(source.strides[i]) == *expected;
    if (expected && !type.isDynamicDim(i))
      *expected *= type.getDimSize(i);
    else
      expected.reset();
  }
  for (auto [i, stride] : llvm::enumerate(source.strides))
    view.strides.push_back(scalar(stride, (name + "_stride" + Twine(i)).str()));
  if (getConstantIntValue(source.offset) != 0)
    view.offset = scalar(source.offset, (name + "_offset").str());
  return view;
}

Value KernelBuilder::sizeOf(Value memref, int64_t dimension, StringRef name) {
  return scalar(hostSize(memref, dimension), name);
}

//===----------------------------------------------------------------------===//
// The host's side
//===----------------------------------------------------------------------===//

OpFoldResult KernelBuilder::hostSize(Value memref, int64_t dimension) {
  return sourceOf(memref).sizes[dimension];
}

template <typename OpT>
static OpFoldResult fold(ImplicitLocOpBuilder &host, OpFoldResult a,
                         OpFoldResult b) {
  Value lhs = getValueOrCreateConstantIndexOp(host, host.getLoc(), a);
  Value rhs = getValueOrCreateConstantIndexOp(host, host.getLoc(), b);
  return getAsOpFoldResult(host.createOrFold<OpT>(lhs, rhs));
}

OpFoldResult KernelBuilder::hostCeilDiv(OpFoldResult a, int64_t b) {
  return fold<arith::CeilDivUIOp>(host, a, host.getIndexAttr(b));
}
OpFoldResult KernelBuilder::hostMul(OpFoldResult a, OpFoldResult b) {
  return fold<arith::MulIOp>(host, a, b);
}
OpFoldResult KernelBuilder::hostMin(OpFoldResult a, int64_t b) {
  return fold<arith::MinUIOp>(host, a, host.getIndexAttr(b));
}
OpFoldResult KernelBuilder::hostUnless(OpFoldResult a, OpFoldResult m,
                                       int64_t bound) {
  OpFoldResult reaches =
      hostMin(fold<arith::DivUIOp>(host, m, host.getIndexAttr(bound)), 1);
  return hostMul(a, reaches);
}
OpFoldResult KernelBuilder::hostWhere(OpFoldResult a, OpFoldResult m,
                                      int64_t bound) {
  return fold<arith::SubIOp>(host, a, hostUnless(a, m, bound));
}

OpFoldResult KernelBuilder::hostElements(Value memref) {
  OpFoldResult count = host.getIndexAttr(1);
  for (OpFoldResult size : SmallVector<OpFoldResult>(sourceOf(memref).sizes))
    count = hostMul(count, size);
  return count;
}

//===----------------------------------------------------------------------===//
// The device's side
//===----------------------------------------------------------------------===//

Value KernelBuilder::sharedMemory(ArrayRef<int64_t> shape, Type element) {
  auto space = gpu::AddressSpaceAttr::get(
      getContext(), gpu::GPUDialect::getWorkgroupAddressSpace());
  auto type = MemRefType::get(shape, element, AffineMap(), space);
  return function.addWorkgroupAttribution(type, getLoc());
}

Value KernelBuilder::threadId(gpu::Dimension dimension) {
  return gpu::ThreadIdOp::create(*this, dimension);
}
Value KernelBuilder::groupId(gpu::Dimension dimension) {
  return gpu::BlockIdOp::create(*this, dimension);
}

SmallVector<Value> KernelBuilder::delinearize(Value linear, Value memref) {
  SmallVector<Value> indices(cast<MemRefType>(memref.getType()).getRank());
  for (int64_t i = indices.size() - 1; i > 0; --i) {
    Value size = sizeOf(memref, i, "size" + std::to_string(i));
    indices[i] = createOrFold<arith::RemUIOp>(linear, size);
    linear = createOrFold<arith::DivUIOp>(linear, size);
  }
  if (!indices.empty())
    indices[0] = linear;
  return indices;
}

Value KernelBuilder::at(const BufferView &view, ValueRange indices) {
  Value linear = view.offset;
  for (auto [position, stride] : llvm::zip_equal(indices, view.strides)) {
    Value term = mul(position, stride);
    linear = linear ? add(linear, term) : term;
  }
  return linear ? linear : index(0);
}

Value KernelBuilder::load(const BufferView &view, ValueRange indices) {
  return loadAt(view.buffer, at(view, indices));
}
void KernelBuilder::store(Value value, const BufferView &view,
                          ValueRange indices) {
  storeAt(value, view.buffer, at(view, indices));
}
Value KernelBuilder::loadAt(Value buffer, Value index) {
  return memref::LoadOp::create(*this, buffer, index);
}
void KernelBuilder::storeAt(Value value, Value buffer, Value index) {
  memref::StoreOp::create(*this, value, buffer, index);
}

Value KernelBuilder::multiplyAdd(Value a, Value b, Value c) {
  // Vulkan's fma may round twice, so every device is fast at it; OpenCL's must
  // not, and is a function of many operations where the hardware has none.
  if (target().getApi() == GpuApi::vulkan || target().getFma())
    return math::FmaOp::create(*this, a, b, c);
  return arith::AddFOp::create(*this, arith::MulFOp::create(*this, a, b), c);
}
Value KernelBuilder::i32(int64_t value) {
  return arith::ConstantOp::create(*this, getI32IntegerAttr(int32_t(value)));
}
Value KernelBuilder::f32(double value) {
  return arith::ConstantOp::create(*this, getF32FloatAttr(float(value)));
}
Value KernelBuilder::toI32(Value index) {
  return createOrFold<arith::IndexCastUIOp>(getI32Type(), index);
}
Value KernelBuilder::toIndex(Value i32) {
  return createOrFold<arith::IndexCastUIOp>(getIndexType(), i32);
}
Value KernelBuilder::rem(Value a, int64_t b) {
  return createOrFold<arith::RemUIOp>(a, index(b));
}
Value KernelBuilder::mul(Value a, Value b) {
  return createOrFold<arith::MulIOp>(a, b);
}
Value KernelBuilder::max(Value a, Value b) {
  return createOrFold<arith::MaxUIOp>(a, b);
}
Value KernelBuilder::less(Value a, Value b) {
  return createOrFold<arith::CmpIOp>(arith::CmpIPredicate::ult, a, b);
}
Value KernelBuilder::both(Value a, Value b) {
  return createOrFold<arith::AndIOp>(a, b);
}
Value KernelBuilder::isWithin(Value id, int64_t first, int64_t count) {
  // Negative numbers are large unsigned ones.
  Value distance = createOrFold<arith::SubIOp>(id, i32(first));
  return arith::CmpIOp::create(*this, arith::CmpIPredicate::ult, distance,
                               i32(count));
}
Value KernelBuilder::idOrZero(Value id, int64_t first, Value isHere) {
  Value distance = createOrFold<arith::SubIOp>(id, i32(first));
  return toIndex(choose(isHere, distance, i32(0)));
}
Value KernelBuilder::choose(Value condition, Value a, Value b) {
  return createOrFold<arith::SelectOp>(condition, a, b);
}

Value KernelBuilder::apply(AffineExpr expr, ValueRange dims) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return index(constant.getValue());
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return dims[dim.getPosition()];
  auto binary = cast<AffineBinaryOpExpr>(expr);
  Value lhs = apply(binary.getLHS(), dims), rhs = apply(binary.getRHS(), dims);
  // Every index of a description is at least 0.
  switch (binary.getKind()) {
  case AffineExprKind::Add:
    return createOrFold<arith::AddIOp>(lhs, rhs);
  case AffineExprKind::Mul:
    return mul(lhs, rhs);
  case AffineExprKind::FloorDiv:
    return createOrFold<arith::DivUIOp>(lhs, rhs);
  case AffineExprKind::CeilDiv:
    return createOrFold<arith::CeilDivUIOp>(lhs, rhs);
  default:
    return createOrFold<arith::RemUIOp>(lhs, rhs);
  }
}

Value KernelBuilder::broadcastLike(Value value, Value like) {
  if (value.getType() == like.getType() || !isa<VectorType>(like.getType()))
    return value;
  return vector::BroadcastOp::create(*this, like.getType(), value);
}

//===----------------------------------------------------------------------===//
// The dispatch
//===----------------------------------------------------------------------===//

void KernelBuilder::forEach(OpFoldResult count, int64_t workgroup,
                            llvm::function_ref<void(Value)> body, bool once) {
  // Few workgroups a dimension are all that devices promise.
  constexpr int64_t widest = 32768;
  OpFoldResult groups = hostCeilDiv(count, workgroup);
  Value group =
      add(mul(groupId(gpu::Dimension::y), widest), groupId(gpu::Dimension::x));
  Value position = add(mul(group, workgroup), threadId(gpu::Dimension::x));
  auto ifOp = scf::IfOp::create(*this, less(position, scalar(count, "count")),
                                /*withElse=*/false);
  {
    OpBuilder::InsertionGuard guard(*this);
    setInsertionPointToStart(ifOp.thenBlock());
    body(position);
  }
  finish({hostMin(groups, widest), hostCeilDiv(groups, widest),
          host.getIndexAttr(1)},
         workgroup, once);
}

void KernelBuilder::finish(std::array<OpFoldResult, 3> groups,
                           int64_t workgroup, bool once) {
  function.setKnownBlockSizeAttr(
      getDenseI32ArrayAttr({int32_t(workgroup), 1, 1}));
  std::string name = function.getName().str(), text;
  function.setName("kernel");
  llvm::raw_string_ostream(text) << function;
  auto [entry, inserted] = kernels.names.try_emplace(text);
  if (inserted) {
    std::string unique = name;
    for (int suffix = 2; kernels.module.lookupSymbol(unique); ++suffix)
      unique = name + "_" + std::to_string(suffix);
    function.setName(unique);
    entry->second = unique;
  } else {
    function.erase();
  }
  auto kernel =
      SymbolRefAttr::get(getContext(), kernels.module.getName(),
                         FlatSymbolRefAttr::get(getContext(), entry->second));
  SmallVector<Value> counts;
  for (OpFoldResult count : groups)
    counts.push_back(
        getValueOrCreateConstantIndexOp(host, host.getLoc(), count));
  DispatchOp::create(host, kernel, counts[0], counts[1], counts[2], buffers,
                     scalars, once);
}
