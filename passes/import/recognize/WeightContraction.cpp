//===- WeightContraction.cpp - Contractions with a weight -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/import/recognize/WeightContraction.h"
#include "passes/import/ContractionInit.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace rlx;

/// Dimensions of formulas beside those of a weight: leading loops.
static constexpr unsigned firstLead = 3;
/// A size that is not known: of more elements than there are.
static constexpr int64_t anySize = int64_t(1) << 40;

/// The product that the body of `op` adds to its result, or null.
static Value productOf(linalg::LinalgOp op) {
  Block *body = op.getBlock();
  Value sum = body->getTerminator()->getOperand(0);
  Operation *add = sum.getDefiningOp();
  if (!isa_and_nonnull<arith::AddFOp>(add))
    return nullptr;
  Value accumulator = op.getMatchingBlockArgument(op.getDpsInitOperand(0));
  if (add->getOperand(0) == accumulator)
    return add->getOperand(1);
  return add->getOperand(1) == accumulator ? add->getOperand(0) : Value();
}

/// The loops that `map` goes through, one after the other; nothing where an
/// index is something else.
static std::optional<SmallVector<unsigned>> loopsIn(AffineMap map) {
  SmallVector<unsigned> loops;
  for (AffineExpr expr : map.getResults()) {
    auto dim = dyn_cast<AffineDimExpr>(expr);
    if (!dim || llvm::is_contained(loops, dim.getPosition()))
      return std::nullopt;
    loops.push_back(dim.getPosition());
  }
  return loops;
}

std::optional<WeightContraction> WeightContraction::match(linalg::LinalgOp op,
                                                          unsigned xNumber,
                                                          bool isUnrounded,
                                                          std::string &reason) {
  if (!op.hasPureTensorSemantics() || op.getNumDpsInits() != 1 ||
      op->getNumResults() != 1 || op.getNumReductionLoops() == 0)
    return std::nullopt;
  WeightContraction found(op, isUnrounded);
  found.product = productOf(op);
  OpOperand &x = op->getOpOperand(xNumber);
  auto xType = dyn_cast<RankedTensorType>(x.get().getType());
  if (!found.product || !xType)
    return std::nullopt;
  Type element = xType.getElementType();
  if (!element.isF32() && !element.isF16() && !element.isBF16())
    return std::nullopt;
  found.x = x.get();
  found.init = op.getDpsInits()[0];
  found.sizes = op.getStaticLoopRanges();
  std::optional<SmallVector<unsigned>> xLoops =
      loopsIn(op.getMatchingIndexingMap(&x));
  std::optional<SmallVector<unsigned>> yLoops =
      loopsIn(op.getMatchingIndexingMap(op.getDpsInitOperand(0)));
  if (!xLoops || !yLoops) {
    reason = "the activations or the result are not indexed by loops";
    return std::nullopt;
  }
  SmallVector<utils::IteratorType> kinds = op.getIteratorTypesArray();
  for (auto [loop, kind] : llvm::enumerate(kinds)) {
    bool isReduction = kind == utils::IteratorType::reduction;
    if (isReduction != !llvm::is_contained(*yLoops, unsigned(loop)))
      return std::nullopt;
  }
  for (unsigned loop : *xLoops)
    (kinds[loop] == utils::IteratorType::reduction ? found.columns : found.lead)
        .push_back(loop);
  for (unsigned loop : *yLoops)
    if (!llvm::is_contained(*xLoops, loop))
      found.rows.push_back(loop);
  if (found.columns.size() != op.getNumReductionLoops() || found.rows.empty())
    return std::nullopt;
  // [lead..., k...] and [lead..., n...]
  SmallVector<unsigned> expected = found.lead;
  expected.append(found.columns);
  if (*xLoops != expected) {
    reason = "the dimensions of the activations that are summed up are not "
             "their last ones";
    return std::nullopt;
  }
  expected = found.lead;
  expected.append(found.rows);
  if (*yLoops != expected) {
    reason = "the rows of the weight are not the last dimension of the result, "
             "behind those of the activations";
    return std::nullopt;
  }
  auto isKnown = [&](unsigned loop) {
    return !ShapedType::isDynamic(found.sizes[loop]) && found.sizes[loop] > 0;
  };
  if (!llvm::all_of(found.rows, isKnown) ||
      !llvm::all_of(found.columns, isKnown)) {
    reason = "the weight has a dynamic size";
    return std::nullopt;
  }
  auto multiply = [&](int64_t &size, ArrayRef<unsigned> loops) {
    return llvm::all_of(loops, [&](unsigned loop) {
      return !llvm::MulOverflow(size, found.sizes[loop], size);
    });
  };
  if (!multiply(found.shape.n, found.rows) ||
      !multiply(found.shape.k, found.columns)) {
    reason = "the weight has more elements than 64 bits count";
    return std::nullopt;
  }
  found.setAlgebra();
  return found;
}

void WeightContraction::setAlgebra() {
  SmallVector<int64_t> dims(shape.sizes());
  for (unsigned loop : lead)
    dims.push_back(ShapedType::isDynamic(sizes[loop]) ? anySize : sizes[loop]);
  indices.emplace(op->getContext(), dims);
}

/// What the loops are in the dimensions of formulas: rows and columns are one
/// dimension each, of which several loops are parts.
ElementEvaluator::Index WeightContraction::loopsOf() const {
  ElementEvaluator::Index loops(sizes.size(), indices->constant(0));
  auto split = [&](ArrayRef<unsigned> parts, unsigned dim) {
    AffineExpr rest = indices->dim(dim);
    for (unsigned loop : llvm::reverse(parts)) {
      bool isFirst = loop == parts.front();
      loops[loop] = isFirst ? rest : indices->mod(rest, sizes[loop]);
      rest = indices->floorDiv(rest, sizes[loop]);
    }
  };
  split(rows, rowDim);
  split(columns, columnDim);
  for (auto [i, loop] : llvm::enumerate(lead))
    loops[loop] = i == 0 && shape.experts && !id ? indices->dim(expertDim)
                                                 : indices->dim(firstLead + i);
  return loops;
}

/// Takes the activations out of `product`, in which they are once.
static bool takeActivations(Product &product) {
  auto isActivation = [](const Read &read) { return read.isActivation; };
  if (llvm::count_if(product.reads, isActivation) != 1)
    return false;
  llvm::erase_if(product.reads, isActivation);
  return true;
}

/// Calls `visit` for everything that `form` reads.
static void forEachRead(const ElementForm &form,
                        llvm::function_ref<void(const Read &)> visit) {
  for (const Read &read : form.scale.reads)
    visit(read);
  if (form.code)
    visit(*form.code);
  if (form.zero)
    visit(*form.zero);
  if (form.offset)
    for (const Read &read : form.offset->reads)
      visit(read);
}

/// Whether something that `form` reads depends on that dimension.
static bool dependsOn(const ElementForm &form, unsigned dim) {
  bool depends = false;
  forEachRead(form, [&](const Read &read) {
    for (AffineExpr expr : read.index)
      depends |= expr.isFunctionOfDim(dim);
    depends |= read.bit.isFunctionOfDim(dim);
  });
  return depends;
}

std::optional<ElementForm>
WeightContraction::evaluate(SmallVectorImpl<Obstacle> &found) {
  ElementEvaluator evaluator(*indices, shape.elements(), isUnrounded);
  evaluator.setActivations(x, /*areSummed=*/true);
  evaluator.setIdDim(expertDim);
  ElementEvaluator::Frame frame{op, loopsOf()};
  std::optional<ElementForm> form = evaluator.number(product, &frame);
  auto fail = [&](const Twine &reason) -> std::optional<ElementForm> {
    if (!evaluator.sawCodes())
      return std::nullopt;
    llvm::append_range(found, evaluator.obstacles());
    found.push_back({op, reason.str()});
    return std::nullopt;
  };
  id = evaluator.id();
  if (!form)
    return fail("the weight is not scale * (code - zero) + offset");
  if (!takeActivations(form->scale) ||
      (form->offset && !takeActivations(*form->offset)))
    return fail("expected one product with the activations");
  if (!evaluator.forms().findCode(*form))
    return fail("expected one tensor of codes, with an element for each of "
                "the weight");
  constexpr unsigned plainBits = 16;
  const Read &code = *form->code;
  if (isa<FloatType>(code.type) && code.width >= plainBits &&
      !code.tensor.getDefiningOp<DequantizeOp>())
    return fail("the weight is not scale * (code - zero) + offset");
  return form;
}

std::optional<ElementForm>
WeightContraction::readWeight(SmallVectorImpl<Obstacle> &found) {
  std::optional<ElementForm> form = evaluate(found);
  if (!form)
    return std::nullopt;
  if (id) {
    // Experts by their numbers, of which there is one for each row.
    for (AffineExpr expr : id->read.index)
      if (expr.isFunctionOfDim(rowDim) || expr.isFunctionOfDim(columnDim)) {
        found.push_back({op, "rows and columns of the weight are named by "
                             "numbers of the program, expected experts alone "
                             "to be"});
        return std::nullopt;
      }
    shape.experts = id->count;
    setAlgebra();
    form = evaluate(found);
    if (!form || !id)
      return std::nullopt;
    for (unsigned i = 0; i < lead.size(); ++i)
      if (dependsOn(*form, firstLead + i)) {
        found.push_back({op, "the weight changes along dimension " +
                                 std::to_string(i) + " of the activations"});
        return std::nullopt;
      }
    return form;
  }
  for (unsigned i = 0; i < lead.size(); ++i) {
    if (!dependsOn(*form, firstLead + i))
      continue;
    int64_t size = sizes[lead[i]];
    if (i != 0 || ShapedType::isDynamic(size)) {
      found.push_back({op, "the weight changes along dimension " +
                               std::to_string(i) + " of the activations"});
      return std::nullopt;
    }
    // A weight for each: experts.
    shape.experts = size;
    setAlgebra();
    return evaluate(found);
  }
  return form;
}

std::optional<ActivationForm> WeightContraction::readActivations() const {
  auto type = cast<RankedTensorType>(x.getType());
  if (shape.experts || columns.size() != 1)
    return std::nullopt;
  // Rows of any number are rows of one at least.
  ElementEvaluator evaluator(*indices, 1, isUnrounded);
  ElementEvaluator::Index loops = loopsOf(), index;
  for (unsigned loop : lead)
    index.push_back(loops[loop]);
  index.push_back(indices->dim(columnDim));
  std::optional<ElementValue> value = evaluator.element(x, index);
  auto *form = value ? std::get_if<ElementForm>(&*value) : nullptr;
  if (!form)
    return std::nullopt;
  ActivationForm found{*form, index};
  if (found.form.code)
    return found;
  // The code is what has the shape of the activations.
  SmallVector<Read, 2> &reads = found.form.scale.reads;
  auto *code = llvm::find_if(reads, [&](const Read &read) {
    return isa<IntegerType>(read.type) && read.index == index &&
           read.tensor.getType() ==
               Type(type.clone(cast<RankedTensorType>(read.tensor.getType())
                                   .getElementType()));
  });
  if (code == reads.end())
    return std::nullopt;
  found.form.code = *code;
  reads.erase(code);
  return found;
}

//===----------------------------------------------------------------------===//
// What follows
//===----------------------------------------------------------------------===//

/// `value`, which is computed of the contraction's result alone, as a formula
/// of it; nothing where it is not scaled and shifted by rows of the weight.
std::optional<ElementForm> WeightContraction::afterwards(Value value) const {
  ElementEvaluator evaluator(*indices, shape.elements(), isUnrounded);
  evaluator.setActivations(op->getResult(0), /*areSummed=*/false);
  ElementEvaluator::Index loops = loopsOf(), index;
  for (unsigned loop : lead)
    index.push_back(loops[loop]);
  for (unsigned loop : rows)
    index.push_back(loops[loop]);
  std::optional<ElementValue> found = evaluator.element(value, index);
  auto *form = found ? std::get_if<ElementForm>(&*found) : nullptr;
  if (!form || form->zero || form->zeroConstant != 0 || form->rounded)
    return std::nullopt;
  if (form->code) {
    form->scale.reads.push_back(*form->code);
    form->code.reset();
  }
  for (const Read &read : form->scale.reads)
    if (read.isActivation && read.index != index)
      return std::nullopt;
  if (!takeActivations(form->scale))
    return std::nullopt;
  for (unsigned i = 0; i < lead.size(); ++i)
    if (dependsOn(*form, firstLead + i))
      return std::nullopt;
  // What is added is a tensor of the rows.
  if (form->offset &&
      (form->offset->coefficient != 1 || form->offset->reads.size() != 1 ||
       form->offset->reads[0].isActivation || shape.experts))
    return std::nullopt;
  if (form->offset) {
    const Read &added = form->offset->reads[0];
    auto type = cast<RankedTensorType>(added.tensor.getType());
    Type element = type.getElementType();
    if (added.index.size() != 1 || added.index[0] != indices->dim(rowDim) ||
        type.getDimSize(0) != shape.n ||
        !(element.isF32() || element.isF16() || element.isBF16()))
      return std::nullopt;
  }
  return *form;
}

void WeightContraction::readEpilogue(ElementForm &weight) {
  // Scales beside those of the weight are an epilogue's.
  bool isBare = weight.scale.isConstant() && weight.scale.coefficient == 1 &&
                !weight.rounded;
  if (!isBare || !isZeroTensor(init) ||
      weight.code->tensor.getDefiningOp<DequantizeOp>())
    return;
  std::optional<ElementForm> best;
  Value value = op->getResult(0);
  while (value.hasOneUse()) {
    Operation *user = *value.getUsers().begin();
    auto loops = dyn_cast<linalg::LinalgOp>(user);
    bool isElementwise =
        loops ? loops.getNumParallelLoops() == loops.getNumLoops() &&
                    loops.hasPureTensorSemantics()
              : OpTrait::hasElementwiseMappableTraits(user);
    if (!isElementwise || user->getNumResults() != 1 ||
        user->getBlock() != op->getBlock())
      break;
    value = user->getResult(0);
    auto type = dyn_cast<RankedTensorType>(value.getType());
    if (!type || type.getRank() != int64_t(lead.size() + rows.size()))
      break;
    Type element = type.getElementType();
    if (!element.isF32() && !element.isF16() && !element.isBF16())
      break;
    std::optional<ElementForm> form = afterwards(value);
    if (!form)
      break;
    if (form->scale.isConstant() && form->scale.coefficient == 1)
      continue;
    best = form;
    last = value;
  }
  if (!best)
    return;
  weight.scale.multiply(best->scale);
  if (weight.offset)
    weight.offset->multiply(best->scale);
  if (best->offset)
    bias = best->offset->reads[0];
}
