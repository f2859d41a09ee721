//===- GgufFuzz.cpp - Any bytes as a GGUF file ----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads the header and touches what it says of the data. Bytes are copied to a
// block of exact size, where AddressSanitizer sees what is read beyond it.
//
//===----------------------------------------------------------------------===//
#include "runtime/Text.h"
#include "runtime/weights/GgufByteOrder.h"
#include "runtime/weights/GgufReader.h"

#include <algorithm>
#include <cstdlib>
#include <memory>

using namespace rlx;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  auto block = std::make_unique<std::byte[]>(size);
  std::copy_n(reinterpret_cast<const std::byte *>(data), size, block.get());
  Result<GgufPart> part = readGgufPart("w.gguf", {block.get(), size});
  if (!part) {
    // One sentence, which names the file.
    const std::string &message = part.message();
    if (message.find("'w.gguf'") == std::string::npos ||
        message.find('\n') != std::string::npos)
      std::abort();
    return 0;
  }
  std::vector<Tensor> turned;
  if (part->isBigEndian && !turnBytes(*part, turned))
    return 0; // no memory
  size_t length = 0;
  for (const GgufEntry &entry : part->metadata)
    length += quoted(entry.key).size() + entry.value.describe().size();
  std::byte sum{};
  for (const WeightEntry &tensor : part->tensors) {
    length += quoted(tensor.name).size();
    // What cannot be read says why, and has no bytes.
    if (!tensor.problem.empty() && !tensor.bytes.empty())
      std::abort();
    if (!tensor.bytes.empty())
      sum ^= tensor.bytes.front() ^ tensor.bytes.back();
  }
  volatile size_t used = length + static_cast<size_t>(sum);
  (void)used;
  return 0;
}
