//===- PackedMode.cpp - How an integer kernel sums and scales -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "passes/cpu/packed/ModeCreators.h"

#include "passes/cpu/target/CpuFeatures.h"

using namespace mlir;
using namespace rlx;

namespace {
struct NamedMode {
  ModeRole role;
  std::optional<KernelMode> name; ///< None where a kernel says so by a flag.
  PackedModeCreator *create;
};
} // namespace

static constexpr NamedMode modes[] = {
    {ModeRole::scheme, KernelMode::i32, createI32Sums},
    {ModeRole::scheme, KernelMode::f32, createF32Sums},
    {ModeRole::base, KernelMode::magic, createMagicNumbers},
    {ModeRole::manyRows, KernelMode::prescaled, createPrescaledWeights},
    {ModeRole::manyRows, KernelMode::reencoded, createReencodedWeights},
    {ModeRole::panels, std::nullopt, createI16Pairs}};

std::unique_ptr<PackedMode> PackedMode::create(KernelMode name,
                                               const PackedKernel &kernel,
                                               std::string &reason) {
  for (const NamedMode &mode : modes)
    if (mode.name == name)
      return mode.create(kernel, reason);
  reason = "it is for weights that are read in place";
  return nullptr;
}

std::unique_ptr<PackedMode> PackedMode::choose(ModeRole role,
                                               const PackedKernel &kernel) {
  std::string reason;
  for (const NamedMode &mode : modes)
    if (mode.role == role)
      if (auto created = mode.create(kernel, reason))
        if (created->pays(kernel))
          return created;
  return nullptr;
}

std::unique_ptr<PackedMode>
PackedMode::createI16Pairs(const PackedKernel &kernel, std::string &reason) {
  return rlx::createI16Pairs(kernel, reason);
}

FailureOr<KernelModes> KernelModes::of(PackedMatmulOp op, KernelAttr kernel,
                                       const PackedLayout &layout,
                                       const CpuProperties &cpu) {
  PackedKernel asked{op, layout, cpu};
  KernelModes modes;
  std::string reason;
  auto refuse = [&](StringRef mode) {
    return op.emitOpError()
           << "cannot have a kernel of mode " << mode << ": " << reason;
  };
  modes.direct = PackedMode::create(kernel.getMode(), asked, reason);
  if (!modes.direct)
    return refuse(stringifyKernelMode(kernel.getMode()));
  if (!kernel.getI16Pairs())
    return modes;
  modes.paired = PackedMode::createI16Pairs(asked, reason);
  if (!modes.paired)
    return refuse("i16_pairs");
  return modes;
}

PackedMode::PackedMode(KernelMode name, const PackedKernel &kernel,
                       PackedLayout stored, GroupScales storedScales,
                       PackedLayout read, std::optional<GroupScales> readScales)
    : name(name), bytes(kernel.bytes()), storedLayout(std::move(stored)),
      storedFields(storedLayout, kernel.op, storedScales),
      layout(std::move(read)),
      fields(readScales ? PackedFields(layout, kernel.op, *readScales)
                        : PackedFields(layout)) {}

KStepCost PackedMode::cost(const CpuProperties &cpu) const {
  constexpr int64_t vectors = PackedLayout::kStep / 4;
  KStepCost cost;
  cost.decode += double(storedLayout.codeVectors()); // loads
  for (const PackedBits &bits : storedLayout.bits) {
    if (bits.position != bits.shift)
      cost.decode += 1; // shifted
    if (bits.width < 8)
      cost.decode += 1; // masked, or merged with the bits before
  }
  if (!storedLayout.codes.table.empty())
    cost.decode += double(vectors);
  cost.row = double(vectors * bytes * byteDotCost(cpu));
  cost.stored = double(vectors);
  for (bool isThere : {fields.hasGroupScale(), fields.hasGroupOffset()})
    if (isThere)
      cost.stored += double(groupsPerStep());
  if (fields.hasGroupScale()) {
    // Loaded and converted once, then a product and a sum for each of a row's
    // sums, or a conversion and both at once; two bytes are put together first.
    cost.decode += double(2 * groupsPerStep());
    int64_t each = 2 * fields.kBlockSums(bytes);
    if (fields.kBlockSums(bytes) < bytes)
      each += fields.groupSums(bytes);
    cost.row += double(each * groupsPerStep());
  }
  // A conversion for each group, where none has one already, and a product.
  if (fields.hasActivationGroups())
    cost.row += double(fields.hasGroupScale() ? 1 : 1 + groupsPerStep());
  if (fields.hasGroupOffset()) {
    cost.decode += double(2 * groupsPerStep());
    cost.row += double(groupsPerStep());
  }
  cost.sums = fields.groupSums(bytes);
  if (fields.hasGroupScale() || fields.hasActivationGroups())
    cost.sums += fields.kBlockSums(bytes);
  return cost;
}

//===----------------------------------------------------------------------===//
// Panels
//===----------------------------------------------------------------------===//

void PackedMode::allocate(LoopBuilder &b, KBlockPanel &panel) const {
  int64_t groups = layout.kBlock / layout.sumGroup, lanes = layout.lanes;
  if (fields.hasGroupScale())
    panel.scales =
        panel.allocate(b, groups, lanes,
                       fields.groupScaleIsInteger() ? Type(b.getI32Type())
                                                    : Type(b.getF32Type()));
  if (fields.hasGroupOffset())
    panel.offsets = panel.allocate(b, groups, lanes, b.getF32Type());
  if (fields.hasBlockScale() || fields.hasBlockOffset())
    panel.allocateBlock(b, fields.hasBlockScale(), fields.hasBlockOffset());
}

void PackedMode::fill(LoopBuilder &b, StoredKBlock &stored,
                      KBlockPanel &panel) const {
  panel.fillMinima(b, stored);
  panel.fillBlock(b, stored);
  b.loop(b.index(0), b.index(layout.kStepsPerBlock()), 1,
         [&](Value kStep) { panel.fillKStep(b, stored, kStep); });
}

//===----------------------------------------------------------------------===//
// Register tiles
//===----------------------------------------------------------------------===//

ActivationForm PackedMode::form() const {
  ActivationForm form{bytes, 0, 0, 0, 0, 0};
  if (layout.codes.bias != 0)
    form.initGroup = fields.hasGroupScale() || fields.hasActivationGroups()
                         ? layout.sumGroup
                         : layout.kBlock;
  if (fields.hasDotMinimum())
    form.bsumGroup = layout.sumGroup;
  else if (fields.hasOffset())
    form.sumGroup = fields.hasGroupOffset() ? layout.sumGroup : layout.kBlock;
  return form;
}

Value PackedMode::rowScale(PackedTile &tile, Value index, Value row) const {
  if (layout.scalesActivationsByGroup())
    return Value();
  return tile.activationScale(index, row, Value());
}

SmallVector<Value> PackedMode::addOffsets(PackedTile &tile,
                                          const TileOperands &operands,
                                          ArrayRef<KBlockHeader> headers,
                                          ValueRange numbers) const {
  if (!fields.hasDotMinimum())
    return numbers;
  return tile.addDotMinima(fields, operands, headers, numbers);
}
