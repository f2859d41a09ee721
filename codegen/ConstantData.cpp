//===- ConstantData.cpp - Bytes of a program's constants ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "codegen/ConstantData.h"

#include "runtime/Tensor.h"

#include "mlir/IR/DialectResourceBlobManager.h"

#include <cstring>
#include <mutex>

using namespace mlir;
using namespace rlx;

static std::shared_ptr<const std::byte> copyOf(ArrayRef<char> bytes) {
  Result<Tensor> tensor =
      Tensor::allocate(ElementType::u8, {int64_t(bytes.size())});
  if (!tensor)
    return nullptr;
  auto owner = std::make_shared<Tensor>(tensor.take());
  std::memcpy(owner->data<uint8_t>(), bytes.data(), bytes.size());
  return {owner, owner->data<std::byte>()};
}

/// Makes what the context owns of a resource shared: its entry holds a part of
/// it, the caller another one.
static std::shared_ptr<const std::byte>
share(DenseResourceElementsHandle handle) {
  static std::mutex mutex;
  std::lock_guard<std::mutex> lock(mutex);
  AsmResourceBlob *blob = handle.getBlob();
  ArrayRef<char> data = blob->getData();
  size_t alignment = blob->getDataAlignment();
  auto owner = std::make_shared<AsmResourceBlob>(std::move(*blob));
  handle.getResource()->setBlob(AsmResourceBlob(
      data, alignment, [owner](void *, size_t, size_t) {},
      /*dataIsMutable=*/false));
  return {owner, reinterpret_cast<const std::byte *>(data.data())};
}

std::shared_ptr<const std::byte> rlx::holdConstant(ElementsAttr value) {
  int64_t elementBytes = value.getElementType().getIntOrFloatBitWidth() / 8;
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(value)) {
    const AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    int64_t expected = value.getNumElements() * elementBytes;
    if (!blob || int64_t(blob->getData().size()) != expected)
      return nullptr;
    auto address = reinterpret_cast<uintptr_t>(blob->getData().data());
    // Code reads whole elements at once.
    return address % elementBytes == 0 ? share(resource.getRawHandle())
                                       : copyOf(blob->getData());
  }
  auto dense = dyn_cast<DenseElementsAttr>(value);
  return dense && !dense.isSplat() && elementBytes > 0
             ? copyOf(dense.getRawData())
             : nullptr;
}
