//===- SafetensorsFuzz.cpp - Any bytes as a safetensors file --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads the header, checks that what it says of the data is true, and touches
// it. Bytes are copied to a block of exact size, where AddressSanitizer sees
// what is read beyond it.
//
//===----------------------------------------------------------------------===//
#include "runtime/Text.h"
#include "runtime/weights/SafetensorsReader.h"

#include <algorithm>
#include <cstdlib>
#include <memory>

using namespace rlx;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  auto block = std::make_unique<std::byte[]>(size);
  std::copy_n(reinterpret_cast<const std::byte *>(data), size, block.get());
  Result<SafetensorsPart> part =
      readSafetensorsPart("w.safetensors", {block.get(), size});
  if (!part) {
    // One sentence, which names the file.
    const std::string &message = part.message();
    if (message.find("'w.safetensors'") == std::string::npos ||
        message.find('\n') != std::string::npos)
      std::abort();
    return 0;
  }
  size_t length = 0, covered = part->dataOffset;
  for (const auto &[key, value] : part->metadata)
    length += quoted(key).size() + quoted(value).size();
  bool isComplete = true;
  std::byte sum{};
  for (const WeightEntry &tensor : part->tensors) {
    length += quoted(tensor.name).size();
    isComplete &= tensor.problem.empty();
    // What cannot be read says why, and has no bytes.
    if (!tensor.problem.empty() && !tensor.bytes.empty())
      std::abort();
    covered += tensor.bytes.size();
    if (!tensor.bytes.empty())
      sum ^= tensor.bytes.front() ^ tensor.bytes.back();
  }
  // Each byte belongs to one tensor.
  if (isComplete && covered != size)
    std::abort();
  volatile size_t used = length + static_cast<size_t>(sum);
  (void)used;
  return 0;
}
