//===- DeviceBlockReader.h - Numbers from device blocks ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Emits the loads, shifts and masks that read the fields of a device block for
// one row, or for a vector of rows, at positions that are known but for the
// number of the unit of K that a loop has reached.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_GPU_KERNELS_RECORDREADER_H
#define RLX_PASSES_GPU_KERNELS_RECORDREADER_H

#include "passes/decode/CodeNumbers.h"
#include "passes/gpu/kernels/KernelBuilder.h"

#include <map>

namespace rlx {

/// Emits what fills a table in memory of the workgroup; the work-items meet
/// before they read it.
mlir::Value emitTable(KernelBuilder &b, mlir::DenseElementsAttr values,
                      int64_t workgroup);

/// Codebooks of a kernel, where all work-items can read them fast.
class Codebooks {
public:
  /// Emits at the start of the kernel what fills the tables of `scheme`: one in
  /// memory of the workgroup. Where a work-item has several lanes, it chooses
  /// between few entries, and reads more from a buffer.
  Codebooks(KernelBuilder &b, QuantScheme scheme, bool hasVectors,
            int64_t workgroup);
  CodeNumbers::LookUp lookUp();
  /// Bytes of the workgroup's memory that the tables of `scheme` take at most.
  static int64_t bytes(QuantScheme scheme);

private:
  mlir::Value entry(llvm::ArrayRef<double> codebook, mlir::Value codes);
  mlir::Value choice(llvm::ArrayRef<double> codebook, mlir::Value codes);
  KernelBuilder &b;
  /// Null where entries are chosen.
  llvm::SmallVector<std::pair<llvm::SmallVector<double>, mlir::Value>> tables;
};

class DeviceBlockReader {
public:
  /// `packed` is an interleaved weight, a value of the host.
  DeviceBlockReader(KernelBuilder &b, const DeviceBlockLayout &layout,
                    Interleaving how, mlir::Value packed, Codebooks &books);

  /// Whether a value is a vector of rows.
  bool hasVectors() const { return how.words == 1; }
  /// f32 lanes for the rows of a work-item.
  mlir::Type laneType(mlir::Type element);

  /// From here on, reads device block `block` of tile `tile` (counted over all
  /// experts) and, where values are scalars, row `row` of the tile. Reads what
  /// the whole device block shares.
  void setBlock(mlir::Value tile, mlir::Value block, mlir::Value row);
  /// From here on, elements are counted from `unit * length`; `unit` null is
  /// the whole device block.
  void setUnit(mlir::Value unit, int64_t length);

  /// From here on, values are multiplied by `factor`, and so are scales and
  /// offsets where values are not rounded; null is 1.
  void setFactor(mlir::Value factor);

  /// The longest aligned run of elements of a unit of `length` for which only
  /// codes differ.
  int64_t run(int64_t length) const;
  /// The number of `field` for element `element` of the unit.
  mlir::Value number(FieldAttr field, int64_t element);
  /// The codes of four elements from `element` on, a multiple of four, as the
  /// bytes of an i32; for codes of at most 8 bits, in units of at least 32
  /// elements.
  mlir::Value codeBytes(int64_t element);
  /// The product of `fields`; null where there are none.
  mlir::Value product(llvm::ArrayRef<FieldAttr> fields, int64_t element);
  /// The zero point; null where there is none.
  mlir::Value zero(int64_t element);
  /// number(code) - zero.
  mlir::Value code(int64_t element);
  mlir::Value scale(int64_t element);
  mlir::Value offset(int64_t element);
  /// The whole value.
  mlir::Value value(int64_t element);
  bool hasOffset() const { return !scheme.attr().getOffset().empty(); }
  bool hasScale() const { return !scheme.attr().getScale().empty(); }
  bool roundsValues() const { return bool(scheme.attr().getRounded()); }

private:
  using Key = std::tuple<int64_t, int64_t, int64_t>;
  mlir::Value bits(const DeviceBlockPlane &plane, int64_t element);
  mlir::Value word(int64_t perUnit, int64_t word);
  mlir::Value dynamicWord(mlir::Value word);
  mlir::Value shifted(mlir::Value word, mlir::Value shift, int64_t width);
  mlir::Value vectorOf(mlir::Value scalar);
  int64_t group(FieldAttr field) const;

  KernelBuilder &b;
  DeviceBlockLayout layout;
  QuantScheme scheme;
  Interleaving how;
  mlir::Value vectors, words; ///< The weight in units of `how.words`, in words.
  CodeNumbers numbers;
  llvm::DenseMap<FieldAttr, llvm::SmallVector<DeviceBlockPlane>> planes;
  mlir::Value recordBase, row, unit, factor;
  int64_t unitLength = 0;
  std::map<Key, mlir::Value> loaded;
  /// Numbers by field and item: of this unit, and of the whole device block.
  llvm::DenseMap<std::pair<const void *, int64_t>, mlir::Value> known;
  llvm::DenseMap<const void *, mlir::Value> shared;
};

} // namespace rlx

#endif // RLX_PASSES_GPU_KERNELS_RECORDREADER_H
