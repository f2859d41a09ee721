//===- KernelAttrs.cpp - Checks of what kernels are told ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// #rlx.packed, #rlx.kernel and #rlx.tiles.
//
//===----------------------------------------------------------------------===//

#include "ir/ActivationGroup.h"
#include "ir/CpuProperties.h"
#include "ir/Dialect.h"

#include "llvm/Support/CheckedArithmetic.h"

using namespace mlir;
using namespace rlx;

/// Fails unless `value` lies from `from` to `to`.
static LogicalResult
checkRange(llvm::function_ref<InFlightDiagnostic()> emitError, StringRef name,
           int64_t value, int64_t from, int64_t to) {
  if (value >= from && value <= to)
    return success();
  return emitError() << "expected " << name << " to be " << from << " to " << to
                     << ", but got " << value;
}

LogicalResult PackedAttr::verify(
    llvm::function_ref<InFlightDiagnostic()> emitError, int64_t lanes,
    int64_t kBlock, int64_t group, int64_t blockBytes, DenseI64ArrayAttr header,
    DenseI64ArrayAttr steps, int64_t minimum, int64_t activationGroup) {
  constexpr int64_t mostLanes = 256;
  if (lanes < 1 || lanes > mostLanes || !llvm::isPowerOf2_64(lanes))
    return emitError() << "expected lanes to be a power of two of at most "
                       << mostLanes << ", but got " << lanes;
  if (failed(checkRange(emitError, "k_block", kBlock, 1, mostLoopSize)) ||
      failed(checkRange(emitError, "group", group, 1, kBlock)) ||
      failed(
          checkRange(emitError, "block_bytes", blockBytes, 1, mostLoopSize)) ||
      failed(checkRange(emitError, "minimum", minimum, 0, mostLoopSize)))
    return failure();
  if (activationGroup &&
      (!isActivationGroup(activationGroup) || kBlock <= activationGroup ||
       kBlock % activationGroup != 0))
    return emitError() << "expected activation_group to be 32, 64 or 128, and "
                          "k_block to be several of it, but got "
                       << activationGroup << " and " << kBlock;
  return success();
}

std::optional<int64_t> PackedAttr::bytes(int64_t n, int64_t k) const {
  std::optional<int64_t> blocks =
      llvm::checkedMul(microPanels(n), k / getKBlock());
  return blocks ? llvm::checkedMul(*blocks, getBlockBytes()) : std::nullopt;
}

LogicalResult
KernelAttr::verify(llvm::function_ref<InFlightDiagnostic()> emitError,
                   KernelMode mode, int64_t minM, int64_t minMPanel,
                   bool i16Pairs) {
  if (failed(checkRange(emitError, "min_m", minM, 1, mostLoopSize)) ||
      failed(checkRange(emitError, "min_m_panel", minMPanel, 0, mostLoopSize)))
    return failure();
  if (mode == KernelMode::reencoded && minMPanel != 1)
    return emitError() << "expected min_m_panel to be 1 where weights are "
                          "reencoded, but got "
                       << minMPanel;
  if (i16Pairs && mode != KernelMode::i32 && mode != KernelMode::f32)
    return emitError()
           << "expected i16_pairs with the mode i32 or f32, but got "
           << stringifyKernelMode(mode);
  return success();
}

LogicalResult
TilesAttr::verify(llvm::function_ref<InFlightDiagnostic()> emitError,
                  int64_t mr, int64_t mrPanel, int64_t nrPanel, int64_t mc,
                  int64_t nc, int64_t kc, int64_t prefetchBytes,
                  ArrayRef<KernelAttr> kernels) {
  auto check = [&](StringRef name, int64_t value, int64_t from, int64_t to) {
    return checkRange(emitError, name, value, from, to);
  };
  if (failed(check("mr", mr, 1, mostTileRows)) ||
      failed(check("mr_panel", mrPanel, 1, mostTileRows)) ||
      failed(check("nr_panel", nrPanel, 1, mostTileColumns)) ||
      failed(check("mc", mc, 0, mostLoopSize)) ||
      failed(check("prefetch_bytes", prefetchBytes, 0, mostLoopSize)) ||
      failed(check("nc", nc, 1, mostLoopSize)) ||
      failed(check("kc", kc, 1, mostLoopSize)))
    return failure();
  if (mc % mrPanel != 0)
    return emitError() << "expected mc to be a multiple of mr_panel, "
                       << mrPanel << ", but got " << mc;
  constexpr size_t mostKernels = 2;
  if (kernels.empty() || kernels.size() > mostKernels)
    return emitError() << "expected one or two kernels, but got "
                       << kernels.size();
  if (kernels.front().getMinM() != 1)
    return emitError()
           << "expected the first kernel to be for all M from 1 on, "
              "but got min_m "
           << kernels.front().getMinM();
  return success();
}
