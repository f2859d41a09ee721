//===- WeightForm.cpp - A formula as a scheme and its tensors -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/import/recognize/WeightForm.h"

#include "ir/Scheme.h"
#include "ir/SideIndex.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Matchers.h"

#include <numeric>

using namespace mlir;
using namespace rlx;

static constexpr int64_t byteBits = 8;

static RankedTensorType tensorOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

//===----------------------------------------------------------------------===//
// Codes
//===----------------------------------------------------------------------===//

/// The order of dimensions in which experts come first, then rows, then
/// columns; nothing where an index depends on several of them, but for the
/// order that there is.
static SmallVector<int64_t> orderOf(ArrayRef<AffineExpr> index) {
  SmallVector<unsigned> kinds;
  unsigned before = 0;
  for (AffineExpr expr : index) {
    unsigned kind = before, count = 0;
    static constexpr WeightDim places[] = {expertDim, rowDim, columnDim};
    for (unsigned place = 0; place < std::size(places); ++place)
      if (expr.isFunctionOfDim(places[place])) {
        kind = place;
        ++count;
      }
    if (count > 1)
      return llvm::to_vector(llvm::seq<int64_t>(0, index.size()));
    before = kind;
    kinds.push_back(kind);
  }
  SmallVector<int64_t> order =
      llvm::to_vector(llvm::seq<int64_t>(0, index.size()));
  llvm::stable_sort(order,
                    [&](int64_t a, int64_t b) { return kinds[a] < kinds[b]; });
  return order;
}

LogicalResult WeightForm::planCodes(std::string &reason) {
  return success(succeeded(planStoredCodes(reason)) || planRepackedCodes());
}

LogicalResult WeightForm::planStoredCodes(std::string &reason) {
  const Read &read = *form.code;
  RankedTensorType type = tensorOf(read.tensor);
  int64_t elementBits = type.getElementTypeBitWidth();
  if (!type.hasStaticShape()) {
    reason = "codes have a dynamic size";
    return failure();
  }
  DenseElementsAttr values;
  bool isConstant = matchPattern(read.tensor, m_Constant(&values));
  if (elementBits != byteBits && !(elementBits < byteBits && isConstant)) {
    reason = "codes lie in elements of " + std::to_string(elementBits) +
             " bits, expected bytes";
    return failure();
  }
  permutation = orderOf(read.index);
  // The bit of an element, counted from the first one of the tensor.
  AffineExpr position = algebra.constant(0);
  for (int64_t axis : permutation)
    position = algebra.add(algebra.mul(position, type.getDimSize(axis)),
                           read.index[axis]);
  position = algebra.add(algebra.mul(position, elementBits), read.bit);
  int64_t rows = shape.n * shape.experts.value_or(1);
  int64_t bits = type.getNumElements() * elementBits, rowBits = bits / rows;
  rowBytes = rowBits / byteBits;
  if (bits % rows != 0 || rowBits % byteBits != 0) {
    reason = "expected rows of whole bytes";
    return failure();
  }
  std::optional<IndexAlgebra::Split> row = algebra.split(position, rowDim);
  std::optional<IndexAlgebra::Split> expert =
      row ? algebra.split(row->rest, expertDim) : std::nullopt;
  auto isStep = [&](int64_t coefficient, int64_t size, int64_t step) {
    return size == 1 || coefficient == step;
  };
  if (!expert || !isStep(row->coefficient, shape.n, rowBits) ||
      !isStep(expert->coefficient, shape.experts.value_or(1),
              rowBits * shape.n)) {
    reason = "codes of a row do not lie in bytes of their own, one row after "
             "the other";
    return failure();
  }
  bitPosition = expert->rest;

  // After how many elements the order repeats.
  constexpr int64_t longestRow = 1 << 20;
  if (shape.k > longestRow) {
    reason =
        "expected rows of at most " + std::to_string(longestRow) + " elements";
    return failure();
  }
  std::vector<int64_t> starts(shape.k);
  for (int64_t i = 0; i < shape.k; ++i)
    starts[i] = evaluate(bitPosition, {0, i, 0});
  auto repeats = [&](int64_t length) {
    if (shape.k % length != 0 || rowBits * length % (shape.k * byteBits) != 0)
      return false;
    int64_t step = rowBits * length / shape.k;
    for (int64_t i = 0; i < shape.k; ++i)
      if (starts[i] != starts[i % length] + i / length * step ||
          (i < length && (starts[i] < 0 || starts[i] + read.width > step)))
        return false;
    return true;
  };
  period = 1;
  while (period <= SchemeAttr::largestBlock && period < shape.k &&
         !repeats(period))
    ++period;
  if (period > SchemeAttr::largestBlock || !repeats(period)) {
    reason = "codes of a row do not lie in blocks";
    return failure();
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Scales, zero points, offsets
//===----------------------------------------------------------------------===//

WeightForm::Side *WeightForm::addSlot(ArrayRef<StringRef> names,
                                      std::string &reason) {
  for (StringRef name : names)
    if (llvm::none_of(sides,
                      [&](const Side &side) { return side.name == name; })) {
      sides.push_back({name, {}, {}, {}, {}, 0});
      return &sides.back();
    }
  reason = "there are more than three tensors of scales and zero points";
  return nullptr;
}

FieldAttr WeightForm::fieldOf(StringRef name, Type type, AffineMap map,
                              int64_t bias) {
  MLIRContext *context = type.getContext();
  return FieldAttr::get(context, {PlaneAttr::get(context, type, map)},
                        StringAttr::get(context, name), type,
                        DenseF64ArrayAttr(), bias, /*nanAsZero=*/false);
}

/// What a scheme reads of a side tensor for `read`.
static Type sideType(const Read &read) {
  MLIRContext *context = read.type.getContext();
  if (isa<Float32Type, Float16Type, BFloat16Type, Float8E4M3FNType,
          Float8E5M2Type, Float8E8M0FNUType>(read.type))
    return read.type;
  auto integer = dyn_cast<IntegerType>(read.type);
  constexpr unsigned widest = 16;
  if (integer && integer.getWidth() <= widest)
    return read.type;
  return Float32Type::get(context);
}

FieldAttr WeightForm::addSide(const Read &read, ArrayRef<StringRef> names,
                              std::string &reason) {
  RankedTensorType type = tensorOf(read.tensor);
  if (isa<IntegerType>(read.type) && !read.codebook && !read.isActivation &&
      read.width <= byteBits && read.width < type.getElementTypeBitWidth())
    return addUnpackedSide(read, names, reason);
  if (read.codebook || read.width != type.getElementTypeBitWidth() ||
      read.bit != algebra.constant(0) || read.isActivation) {
    reason = "scales or zero points are parts of numbers";
    return nullptr;
  }
  if (!type.hasStaticShape()) {
    reason = "scales or zero points have a dynamic size";
    return nullptr;
  }
  AffineExpr zero = algebra.constant(0);
  SmallVector<AffineExpr> map;
  SmallVector<int64_t> kept;
  bool hasExpert = false;
  for (auto [axis, expr] : llvm::enumerate(read.index)) {
    int64_t size = type.getDimSize(axis);
    int64_t last = evaluate(
        expr, {shape.n - 1, shape.k - 1, shape.experts.value_or(1) - 1});
    if (last + 1 != size) {
      reason = "scales or zero points are " + std::to_string(size) +
               " along dimension " + std::to_string(axis) +
               ", of which the weight reads " + std::to_string(last + 1);
      return nullptr;
    }
    if (expr == zero)
      continue;
    kept.push_back(axis);
    if (shape.experts && kept.size() == 1 && expr == algebra.dim(expertDim)) {
      hasExpert = true;
      continue;
    }
    if (expr.isFunctionOfDim(expertDim)) {
      reason = "the expert is not the first index of scales or zero points";
      return nullptr;
    }
    map.push_back(expr);
  }
  if (shape.experts && !hasExpert && *shape.experts != 1) {
    reason = "experts share scales or zero points";
    return nullptr;
  }
  if (map.empty())
    map.push_back(zero);
  AffineMap index = AffineMap::get(2, 0, map, zero.getContext());
  Type element = sideType(read);
  for (const Side &side : sides)
    if (!side.number && side.read.tensor == read.tensor &&
        side.type == element && side.read.index == read.index)
      return fieldOf(side.name, element, index, read.bias);
  Side *side = addSlot(names, reason);
  if (!side)
    return nullptr;
  side->read = read;
  side->kept = kept;
  side->type = element;
  return fieldOf(side->name, element, index, read.bias);
}

FieldAttr WeightForm::addNumber(double number, ArrayRef<StringRef> names,
                                std::string &reason) {
  Side *side = addSlot(names, reason);
  if (!side)
    return nullptr;
  side->number = number;
  side->type = Float32Type::get(algebra.getContext());
  AffineMap index = AffineMap::get(2, 0, algebra.constant(0));
  return fieldOf(side->name, side->type, index, 0);
}

LogicalResult WeightForm::planFields(std::string &reason) {
  auto isUniform = [](const Read &read) {
    return llvm::all_of(read.index, [](AffineExpr expr) {
      return isa<AffineConstantExpr>(expr);
    });
  };
  static constexpr StringRef scaleNames[] = {"scales", "global_scale",
                                             "zero_points"};
  static constexpr StringRef globalNames[] = {"global_scale", "scales",
                                              "zero_points"};
  static constexpr StringRef zeroNames[] = {"zero_points", "global_scale",
                                            "scales"};
  auto append = [](SmallVectorImpl<FieldAttr> &fields, FieldAttr field) {
    if (field)
      fields.push_back(field);
    return success(bool(field));
  };
  // Those of groups come before one of the whole weight.
  llvm::stable_sort(form.scale.reads, [&](const Read &a, const Read &b) {
    return isUniform(a) < isUniform(b);
  });
  for (const Read &read : form.scale.reads) {
    bool isSecond = isUniform(read) && !scaleFields.empty();
    if (failed(
            append(scaleFields,
                   addSide(read, isSecond ? globalNames : scaleNames, reason))))
      return failure();
  }
  if (form.scale.coefficient != 1 &&
      failed(append(scaleFields,
                    addNumber(form.scale.coefficient,
                              scaleFields.empty() ? scaleNames : globalNames,
                              reason))))
    return failure();

  if (form.zero) {
    zeroField = addSide(*form.zero, zeroNames, reason);
    if (!zeroField)
      return failure();
  }
  // Integers less a constant are integers.
  bool isInteger = isa<IntegerType>(form.code->type) && !form.code->codebook;
  constexpr double largestBias = 1 << 20;
  if (isInteger && form.zeroConstant == std::round(form.zeroConstant) &&
      std::abs(form.zeroConstant) <= largestBias) {
    form.code->bias += int64_t(form.zeroConstant);
  } else if (form.zeroConstant != 0) {
    if (zeroField) {
      reason = "there are two zero points";
      return failure();
    }
    zeroField = addNumber(form.zeroConstant, zeroNames, reason);
    if (!zeroField)
      return failure();
  }

  if (form.rounded && (form.offset || scaleFields.size() > 1)) {
    reason = "sums and several factors are rounded, of which the last bits may "
             "differ";
    return failure();
  }
  if (!form.offset)
    return success();
  isOffsetNegative = form.offset->coefficient < 0;
  for (const Read &read : form.offset->reads)
    if (failed(append(offsetFields, addSide(read, zeroNames, reason))))
      return failure();
  double factor = std::abs(form.offset->coefficient);
  if (factor != 1 || offsetFields.empty())
    return append(offsetFields, addNumber(factor, zeroNames, reason));
  return success();
}

//===----------------------------------------------------------------------===//
// The scheme
//===----------------------------------------------------------------------===//

LogicalResult WeightForm::plan(std::string &reason) {
  if (failed(planCodes(reason)) || failed(planFields(reason)))
    return failure();
  MLIRContext *context = algebra.getContext();
  // Bits of the position that are whole bytes are written as such.
  auto positionIn = [&](int64_t length) {
    IndexAlgebra inBlock(context, {1, length, 1});
    AffineExpr position = inBlock.simplify(bitPosition);
    auto [byte, bit] = inBlock.splitMultiples(position, byteBits);
    AffineExpr i = getAffineDimExpr(0, context);
    SmallVector<AffineExpr> dims = {i, i, i};
    return AffineMap::get(1, 0, {byte.replaceDims(dims), bit.replaceDims(dims)},
                          context);
  };
  auto make = [&](int64_t length, StringRef name) {
    const Read &read = *form.code;
    Type plane =
        isa<FloatType>(read.type)
            ? read.type
            : IntegerType::get(context, read.width,
                               cast<IntegerType>(read.type).getSignedness());
    code = FieldAttr::get(context,
                          {PlaneAttr::get(context, plane, positionIn(length))},
                          StringAttr(), plane, read.codebook, read.bias,
                          /*nanAsZero=*/false);
    int64_t bytes = rowBytes * length / shape.k;
    int64_t unused = bytes * byteBits - length * int64_t(read.width);
    // Verifiers report errors; here they are reasons.
    ScopedDiagnosticHandler silent(context, [&](Diagnostic &diagnostic) {
      reason = diagnostic.str();
      return success();
    });
    Location loc = UnknownLoc::get(context);
    auto emitError = [&] { return mlir::emitError(loc); };
    auto made = SchemeAttr::getChecked(
        emitError, context, StringAttr::get(context, name), StringAttr(),
        length, bytes, unused, code, zeroField, ArrayRef(scaleFields),
        ArrayRef(offsetFields), isOffsetNegative, form.rounded);
    if (!made || !RankedTensorType::getChecked(emitError, shape.shape(),
                                               Float32Type::get(context),
                                               QuantAttr::get(context, made)))
      return SchemeAttr();
    return made;
  };
  block = period;
  SchemeAttr first = make(period, "graph");
  if (!first)
    return failure();
  // A block is a group where groups are short, as in files.
  constexpr int64_t longestGroup = 256;
  int64_t group = shape.k;
  SmallVector<FieldAttr> fields = QuantScheme(first).fields();
  for (FieldAttr field : llvm::drop_begin(fields))
    group = std::gcd(group, groupLength(QuantScheme(first), field, shape.k));
  std::string name;
  llvm::raw_string_ostream stream(name);
  stream << "graph " << code.getType();
  if (form.code->codebook)
    stream << " codebook";
  if (group < shape.k)
    stream << "/" << group;
  if (form.rounded)
    stream << " as " << form.rounded;
  if (group <= longestGroup && group % period == 0)
    block = group;
  scheme = make(block, name);
  return success(bool(scheme));
}
