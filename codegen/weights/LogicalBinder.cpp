//===- LogicalBinder.cpp - Weights that programs name logically -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/weights/LogicalBinder.h"

#include "codegen/StatusError.h"
#include "ir/SideTypes.h"

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/IR/BuiltinTypes.h"

#include <cstring>

using namespace mlir;
using namespace rlx;

static constexpr llvm::StringLiteral orderRole = "permutation";

MLIRContext &LogicalBinder::context() {
  if (!ownContext) {
    ownContext =
        std::make_unique<MLIRContext>(MLIRContext::Threading::DISABLED);
    ownContext->getOrLoadDialect<RlxDialect>();
  }
  return *ownContext;
}

/// The type in the program, which was printed by it.
Type LogicalBinder::typeOf(const TensorSignature &weight) {
  return parseType(weight.type, &context());
}

llvm::Error LogicalBinder::complain(const TensorSignature &weight,
                                    const llvm::Twine &expected,
                                    const llvm::Twine &got) {
  return llvm::createStringError("weight '" + weight.weight + "' in '" +
                                 file.path() + "': expected " + expected +
                                 " for " + weight.type + ", but got " + got);
}

/// Whether schemes are the same but for their names and for which plain floats
/// their side tensors are of.
static bool isSameStorage(QuantScheme a, QuantScheme b) {
  auto plain = [](QuantScheme scheme) {
    Type type = Float32Type::get(scheme.attr().getContext());
    return withSideType(scheme, type, "any");
  };
  return plain(a) == plain(b);
}

static bool isSameShape(llvm::ArrayRef<int64_t> a, llvm::ArrayRef<int64_t> b) {
  auto isOne = [](int64_t size) { return size == 1; };
  return a.drop_while(isOne) == b.drop_while(isOne);
}

llvm::Expected<LoadedPart>
LogicalBinder::bindCodes(const LogicalWeight &logical,
                         const TensorSignature &weight) {
  auto loader = WeightLoader::create(logical, context());
  if (!loader)
    return loader.takeError();
  auto scheme = QuantScheme::of(typeOf(weight));
  if (!scheme || !isSameStorage(*scheme, loader->scheme()))
    return complain(weight, "scheme '" + llvm::Twine(weight.scheme) + "'",
                    "'" + loader->scheme().displayName() + "' (" +
                        logical.kind + ")");
  if (!isSameShape(logical.shape, weight.logicalShape))
    return complain(weight, "shape " + describeShape(weight.logicalShape),
                    "shape " + describeShape(logical.shape));
  std::string order = logical.name + "." + orderRole.str();
  if (!loader->columnOrder().empty() && !names.contains(order))
    return llvm::createStringError(
        "weight '" + weight.weight + "' in '" + file.path() +
        "' has columns in another order than its groups; expected the program "
        "to reorder activations by rlx.weight \"" +
        order + "\" : tensor<" + llvm::Twine(logical.shape.back()) + "xi32>");
  return loader->load("codes");
}

/// f16 or bf16 as f32.
static llvm::Expected<LoadedPart> widen(const LoadedPart &part,
                                        FloatType type) {
  constexpr size_t size = sizeof(uint16_t);
  int64_t count = int64_t(part.bytes.size() / size);
  auto tensor = toExpected(Tensor::allocate(ElementType::f32, {count}));
  if (!tensor)
    return tensor.takeError();
  auto owned = std::make_shared<Tensor>(std::move(*tensor));
  for (int64_t i = 0; i < count; ++i) {
    uint16_t bits;
    std::memcpy(&bits, part.bytes.data() + size * i, size);
    owned->data<float>()[i] = float(decodeFloat(type, bits));
  }
  llvm::ArrayRef<uint8_t> bytes(owned->data<uint8_t>(), owned->numBytes());
  return LoadedPart{bytes, nullptr, owned};
}

llvm::Expected<LoadedPart>
LogicalBinder::bindSide(const LogicalWeight &logical, llvm::StringRef role,
                        const TensorSignature &weight) {
  auto loader = WeightLoader::create(logical, context());
  if (!loader)
    return loader.takeError();
  std::optional<SideOperand> side = loader->scheme().findSide(role);
  if (!side)
    return llvm::createStringError(
        "weight '" + weight.weight + "' in '" + file.path() + "': '" +
        loader->scheme().displayName() + "' has no " + role);
  llvm::SmallVector<int64_t> shape = side->shape(logical.shape);
  if (!isSameShape(shape, weight.logicalShape))
    return complain(weight, "shape " + describeShape(weight.logicalShape),
                    "shape " + describeShape(shape));
  auto wanted = dyn_cast_or_null<RankedTensorType>(typeOf(weight));
  Type type = wanted ? wanted.getElementType() : Type();
  bool isWidened = isa_and_nonnull<Float32Type>(type) &&
                   isa<Float16Type, BFloat16Type>(side->elementType);
  if (type != side->elementType && !isWidened) {
    std::string got;
    llvm::raw_string_ostream(got) << side->elementType;
    return complain(weight, "elements of " + weight.mlirElement, got);
  }
  auto part = loader->load(role);
  if (!part || !isWidened)
    return part;
  return widen(*part, cast<FloatType>(side->elementType));
}

llvm::Expected<LoadedPart>
LogicalBinder::bindOrder(const LogicalWeight &logical,
                         const TensorSignature &weight) {
  auto loader = WeightLoader::create(logical, context());
  if (!loader)
    return loader.takeError();
  int64_t columns = logical.shape.back();
  if (weight.element != ElementType::i32 ||
      weight.logicalShape != std::vector<int64_t>{columns})
    return complain(weight, weight.describe(),
                    "i32 [" + llvm::Twine(columns) + "]");
  auto tensor = toExpected(Tensor::allocate(ElementType::i32, {columns}));
  if (!tensor)
    return tensor.takeError();
  auto owned = std::make_shared<Tensor>(std::move(*tensor));
  llvm::ArrayRef<int64_t> order = loader->columnOrder();
  for (int64_t k = 0; k < columns; ++k)
    owned->data<int32_t>()[k] = int32_t(order.empty() ? k : order[k]);
  llvm::ArrayRef<uint8_t> bytes(owned->data<uint8_t>(), owned->numBytes());
  return LoadedPart{bytes, nullptr, owned};
}

llvm::Expected<std::optional<LoadedPart>>
LogicalBinder::bind(const TensorSignature &weight) {
  auto optional = [](llvm::Expected<LoadedPart> part)
      -> llvm::Expected<std::optional<LoadedPart>> {
    if (!part)
      return part.takeError();
    return std::move(*part);
  };
  if (const LogicalWeight *logical = file.findLogical(weight.weight))
    if (weight.isQuantized())
      return optional(bindCodes(*logical, weight));
  auto [base, role] = llvm::StringRef(weight.weight).rsplit('.');
  const LogicalWeight *logical = file.findLogical(std::string_view(base));
  // A tensor of the file that has that very name is what is meant.
  if (!logical || file.find(weight.weight))
    return std::nullopt;
  if (role == orderRole)
    return optional(bindOrder(*logical, weight));
  if (llvm::is_contained({"scales", "zero_points", "global_scale"}, role))
    return optional(bindSide(*logical, role, weight));
  return std::nullopt;
}

const WeightEntry *LogicalBinder::findBias(llvm::StringRef name) const {
  if (!name.consume_back(".bias"))
    return nullptr;
  const LogicalWeight *logical = file.findLogical(std::string_view(name));
  const WeightPart *part = logical ? logical->find("bias") : nullptr;
  return part ? part->entry : nullptr;
}
