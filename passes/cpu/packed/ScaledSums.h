//===- ScaledSums.h - Sums that group scales multiply -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The modes i32 and f32, and what others have of them. Products of a K block
// with a byte of activations are summed up as i32. Integer group scales
// multiply the i32 sums of groups; float ones multiply these sums as f32, and
// so do scales of activations that have shorter groups than a K block.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_CPU_PACKED_SCALEDSUMS_H
#define RLX_PASSES_CPU_PACKED_SCALEDSUMS_H

#include "passes/cpu/packed/PackedMode.h"

namespace rlx {

class ScaledSums : public PackedMode {
public:
  ScaledSums(KernelMode name, const PackedKernel &kernel)
      : PackedMode(name, kernel, kernel.packed, GroupScales::ofScheme,
                   kernel.packed, GroupScales::ofScheme) {}

  int64_t kStepsTogether() const override {
    return fields.hasActivationGroups()
               ? layout.activationGroup / PackedLayout::kStep
               : 1;
  }
  llvm::SmallVector<mlir::Value>
  initialSums(PackedTile &tile, const TileOperands &operands) const override;
  llvm::SmallVector<mlir::Value> addKStep(PackedTile &tile,
                                          const TileOperands &operands,
                                          mlir::Value kStep,
                                          mlir::ValueRange sums) const override;
  mlir::Value number(PackedTile &tile, const TileOperands &operands,
                     mlir::ValueRange sums, size_t index) const override;

protected:
  using PackedMode::PackedMode;

  /// Group scales that are read when they are first asked for: those of several
  /// tiles would wait in registers that sums need.
  class StepScales {
  public:
    StepScales(PackedTile &tile, const TileOperands &operands,
               mlir::Value kStep);
    /// Of that group, by tile.
    llvm::SmallVector<mlir::Value> of(int64_t group);

  private:
    void read();
    PackedTile &tile;
    const TileOperands &operands;
    mlir::Value kStep;
    llvm::SmallVector<llvm::SmallVector<mlir::Value>> scales;
  };

private:
  llvm::SmallVector<mlir::Value> groupDots(PackedTile &tile,
                                           PackedTile::Codes codes,
                                           const TileOperands &operands,
                                           mlir::Value group) const;
  llvm::SmallVector<mlir::Value> chainedDots(PackedTile &tile,
                                             PackedTile::Codes codes,
                                             const TileOperands &operands,
                                             mlir::Value group) const;
  mlir::Value numberOf(PackedTile &tile, mlir::ValueRange sums) const;
  llvm::SmallVector<mlir::Value> addPlain(PackedTile &tile,
                                          PackedTile::Codes codes,
                                          const TileOperands &operands,
                                          mlir::Value kStep,
                                          mlir::ValueRange sums) const;
  llvm::SmallVector<mlir::Value> addScaled(PackedTile &tile,
                                           PackedTile::Codes codes,
                                           const TileOperands &operands,
                                           mlir::Value kStep,
                                           mlir::ValueRange sums) const;
  void addNumbers(PackedTile &tile, PackedTile::Codes codes,
                  const TileOperands &operands, mlir::Value kStep,
                  llvm::MutableArrayRef<mlir::Value> numbers) const;
  llvm::SmallVector<mlir::Value>
  addActivationGroup(PackedTile &tile, const TileOperands &operands,
                     mlir::Value kStep, mlir::ValueRange sums) const;
};

} // namespace rlx

#endif // RLX_PASSES_CPU_PACKED_SCALEDSUMS_H
