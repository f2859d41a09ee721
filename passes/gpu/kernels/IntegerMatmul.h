//===- IntegerMatmul.h - Matmuls on bytes for devices -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Whether a matmul with activations of i8 can be sums of products of bytes, by
// what the device block of its weight and the target say, and the form that
// both sides then have. A group is a K block for which only codes differ:
//
//   y = sum over groups of
//         scale * (a * sum(code * q) + zero terms * a * sum(q))
//
// where q are the activations' bytes and a is their scale.
//
//===----------------------------------------------------------------------===//

#ifndef RLX_PASSES_GPU_KERNELS_INTEGERMATMUL_H
#define RLX_PASSES_GPU_KERNELS_INTEGERMATMUL_H

#include "ir/ActivationGroup.h"
#include "passes/decode/IntegerCodes.h"
#include "passes/gpu/kernels/DeviceBlockReader.h"

namespace rlx {

/// Elements of K that share a scale of activations, and that a work-item
/// quantizes or decodes together; device blocks are some of these whole.
constexpr int64_t integerKBlock = deviceActivationGroup;
/// Codes of activations and weights are loaded so many to a word, and so many
/// words at once.
constexpr int64_t bytesOfWord = 4, wordsOfQuad = 4;

class IntegerMatmul {
public:
  /// Fails, with a reason, where the matmul is one of f32.
  static std::optional<IntegerMatmul> create(const DeviceBlockLayout &layout,
                                             GpuAttr target,
                                             mlir::Type activations,
                                             bool hasIds, std::string &reason);

  /// number(code) = (signed byte + rest) * unit, where the byte is the code's
  /// unsigned number minus `shift`.
  IntegerCodes codes;
  int64_t shift, rest;
  int64_t group; ///< 16 or 32.
  /// Whether the weight has offsets or zero points, which multiply the sums of
  /// the activations of a group.
  bool hasOffset;

  /// Four stored codes, the bytes of an i32, as signed bytes. `table` holds the
  /// byte of each code where codes are looked up.
  mlir::Value signedBytes(KernelBuilder &b, mlir::Value codes,
                          mlir::Value table) const;
  /// The table in memory of the workgroup; null where there is none. Emits what
  /// fills it, before a barrier that is the caller's.
  mlir::Value emitTable(KernelBuilder &b, int64_t workgroup) const;
  int64_t tableBytes() const { return 4 * int64_t(codes.table.size()); }
  /// What the sum of products of signed bytes of the group of `element` is
  /// multiplied with, f32.
  mlir::Value scale(KernelBuilder &b, DeviceBlockReader &reader,
                    int64_t element) const;
  /// What the group's activations' sum is multiplied with, f32.
  mlir::Value offset(KernelBuilder &b, DeviceBlockReader &reader,
                     int64_t element) const;

private:
  IntegerMatmul() = default;
};

/// The sum of the four products of the signed bytes of two i32, as SPIR-V and
/// OpenCL have it.
mlir::Value emitByteDot(KernelBuilder &b, mlir::Value x, mlir::Value y);

/// Activations as a kernel leaves them, memrefs of the host. S is the number of
/// kBlocks, which cover whole device blocks of the weight.
struct DeviceActivations {
  mlir::Value codes;  ///< `[S, M, K block / 4]` of i32, four signed bytes each
  mlir::Value scales; ///< `[S, M]` of f32
  mlir::Value sums;   ///< `[S * K block / group, M]` of f32, or null:
                      ///< scale * sum of codes
};

} // namespace rlx

#endif // RLX_PASSES_GPU_KERNELS_INTEGERMATMUL_H
