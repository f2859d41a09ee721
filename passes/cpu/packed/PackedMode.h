//===- PackedMode.h - How an integer kernel sums and scales -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A mode of a kernel on packed weights, as #rlx.kernel names it: which codes
// and scales a register tile reads, how a panel is filled, and how sums of
// products become numbers. Each is a class in a file of its own, which says
// whether it can multiply such a weight, whether it pays, what that costs and
// how it is emitted. A new mode is its name in ir/RlxAttributes.td, a file, a
// line in ModeCreators.h and a line of the table in PackedMode.cpp, which gives
// it a role. TileChoice.cpp knows roles, not modes.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_CPU_PACKED_PACKEDMODE_H
#define RLX_PASSES_CPU_PACKED_PACKEDMODE_H

#include "ir/CpuProperties.h"
#include "passes/cpu/packed/PackedKBlock.h"
#include "passes/cpu/packed/PackedTile.h"

#include <memory>

namespace rlx {

/// Vector operations for a K step of packed weights: to decode it, to load it
/// decoded, and for each row of activations.
struct KStepCost {
  double decode = 0, stored = 0, row = 0;
  int64_t sums = 0; ///< registers that a row's sums take
};

/// A matmul that asks for a mode. `packed` is its weight's layout.
struct PackedKernel {
  PackedMatmulOp op;
  const PackedLayout &packed;
  const CpuProperties &cpu;

  /// Bytes of an activation: i8 has one, i16 two, i24 three.
  int64_t bytes() const { return activationBytes(op); }
  /// Whether the caller lets weights be encoded anew.
  bool mayReencode() const { return PackedMatmulOp(op).getReencoded(); }
};

/// The place of a mode among the kernels of a matmul.
enum class ModeRole {
  scheme,  ///< sums up as the scheme says: i32 or f32
  base,    ///< replaces that of the scheme
  panels,  ///< of rows through panels, in a kernel with another mode
  manyRows ///< has a kernel of its own, for many rows
};

class PackedMode {
public:
  /// The mode for that matmul; null, with a reason, where it cannot be.
  static std::unique_ptr<PackedMode>
  create(KernelMode mode, const PackedKernel &kernel, std::string &reason);
  /// The first mode of the table that has that role, can be and pays; null
  /// where none does.
  static std::unique_ptr<PackedMode> choose(ModeRole role,
                                            const PackedKernel &kernel);
  /// What rows through panels have where a kernel has i16_pairs.
  static std::unique_ptr<PackedMode> createI16Pairs(const PackedKernel &kernel,
                                                    std::string &reason);

  virtual ~PackedMode() = default;
  PackedMode(const PackedMode &) = delete;
  PackedMode &operator=(const PackedMode &) = delete;

  const KernelMode name;
  /// Of an activation.
  const int64_t bytes;
  /// The weight as it is stored, and what register tiles read.
  const PackedLayout storedLayout;
  const PackedFields storedFields;
  const PackedLayout layout;
  const PackedFields fields;

  //===--- Choice and cost -----------------------------------------------===//

  /// Whether it may be chosen: what the caller allows, and what never pays on
  /// such a processor.
  virtual bool pays(const PackedKernel &kernel) const { return true; }
  /// Whether its codes are made once, in panels, and never while rows are
  /// multiplied.
  virtual bool isOfPanelsOnly() const { return false; }
  virtual KStepCost cost(const CpuProperties &cpu) const;
  /// Registers that the sums of a row through a panel take.
  virtual int64_t panelSums(const CpuProperties &cpu) const {
    return cost(cpu).sums;
  }
  /// MR of register tiles that read panels, largest first; `usual` if that does
  /// not matter.
  virtual llvm::ArrayRef<int64_t>
  panelRows(llvm::ArrayRef<int64_t> usual) const {
    return usual;
  }
  /// The least M for which it pays beside register tiles of `mr` rows without a
  /// panel, whose K step costs `direct`.
  virtual int64_t minM(const KStepCost &direct, int64_t mr,
                       const CpuProperties &cpu) const {
    return 1;
  }
  /// What is said of it where choices are printed, for M from `minM` on.
  virtual std::string why(int64_t minM) const { return ""; }

  //===--- Weights -------------------------------------------------------===//

  /// Codes of a K step as register tiles multiply them, from those stored.
  /// `groupScales` reads the scales of its groups.
  virtual llvm::SmallVector<mlir::Value> decode(
      LoopBuilder &b, llvm::SmallVector<mlir::Value> codes,
      llvm::function_ref<llvm::SmallVector<mlir::Value>()> groupScales) const {
    return codes;
  }
  /// Whether `decode` multiplies codes with group scales, so that none are
  /// left.
  virtual bool scalesAreInCodes() const { return false; }
  /// Buffers of a panel, beside that of codes; `allocate` comes first.
  virtual void allocateScratch(LoopBuilder &b, KBlockPanel &panel) const {}
  virtual void allocate(LoopBuilder &b, KBlockPanel &panel) const;
  /// Decodes a K block into the panel.
  virtual void fill(LoopBuilder &b, StoredKBlock &stored,
                    KBlockPanel &panel) const;

  //===--- Register tiles ------------------------------------------------===//

  /// What activations must be.
  virtual ActivationForm form() const;
  /// Vectors of sums that each row and vector of weights has.
  virtual int64_t sums() const { return fields.kBlockSums(bytes); }
  /// K steps that are multiplied together.
  virtual int64_t kStepsTogether() const { return 1; }
  /// What sums of a K block begin with: for each row and vector of weights
  /// `sums()` vectors, then what the mode needs besides.
  virtual llvm::SmallVector<mlir::Value>
  initialSums(PackedTile &tile, const TileOperands &operands) const = 0;
  /// The same after the K steps from `kStep` on.
  virtual llvm::SmallVector<mlir::Value>
  addKStep(PackedTile &tile, const TileOperands &operands, mlir::Value kStep,
           mlir::ValueRange sums) const = 0;
  /// What the sums of row and vector of weights `index`, row-major, are as f32;
  /// block scales and activations' scales are still to multiply it.
  virtual mlir::Value number(PackedTile &tile, const TileOperands &operands,
                             mlir::ValueRange sums, size_t index) const = 0;
  /// Whether `addOffsets` reads a block offset.
  virtual bool readsBlockOffset() const { return fields.hasBlockOffset(); }
  /// Adds offsets to numbers that activations' scales are still to multiply.
  virtual llvm::SmallVector<mlir::Value>
  addOffsets(PackedTile &tile, const TileOperands &operands,
             llvm::ArrayRef<KBlockHeader> headers,
             mlir::ValueRange numbers) const;
  /// What numbers of a row are multiplied with last, f32 lanes: the
  /// activations' scale. Null where sums of groups have been.
  virtual mlir::Value rowScale(PackedTile &tile, mlir::Value index,
                               mlir::Value row) const;
  /// Whether offsets are added behind these scales instead.
  virtual bool addsOffsetsLast() const {
    return fields.hasOffset() && !fields.hasDotMinimum();
  }

protected:
  /// `read` is the layout that register tiles read; they have no fields where
  /// `readScales` is nothing.
  PackedMode(KernelMode name, const PackedKernel &kernel, PackedLayout stored,
             GroupScales storedScales, PackedLayout read,
             std::optional<GroupScales> readScales);

  int64_t groupsPerStep() const {
    return PackedLayout::kStep / layout.sumGroup;
  }
};

/// The modes of a kernel: of rows that read weights as they go, and of rows
/// through panels, if it is another one.
struct KernelModes {
  std::unique_ptr<PackedMode> direct, paired;
  const PackedMode &ofPanels() const { return paired ? *paired : *direct; }
  /// Those that a kernel names; fails, with a message, where they cannot be.
  static mlir::FailureOr<KernelModes> of(PackedMatmulOp op, KernelAttr kernel,
                                         const PackedLayout &layout,
                                         const CpuProperties &cpu);
  /// What the activations of both must be.
  ActivationForm form() const {
    ActivationForm form = direct->form();
    if (paired) {
      form.pairGroup = paired->form().pairGroup;
      form.scaleGroup = paired->form().scaleGroup;
    }
    return form;
  }
};

} // namespace rlx

#endif // RLX_PASSES_CPU_PACKED_PACKEDMODE_H
