//===- DeviceSupport.cpp - What both APIs check the same way --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sentences for what a caller may get wrong, before a driver sees it.
//
//===----------------------------------------------------------------------===//
#include "runtime/gpu/DeviceSupport.h"

#include "runtime/Text.h"

#include <algorithm>
#include <cstring>
#include <optional>

namespace rlx {

Status noSuchDevice(DeviceApi api, unsigned index, const DeviceList &list) {
  std::string there;
  for (const DeviceInfo &info : list.devices)
    there += fmt::format("{}{} ({})", there.empty() ? "expected " : ", ",
                         info.label(), info.name);
  // Why there are none.
  if (list.devices.empty())
    there = fmt::format("{}", fmt::join(list.notes, "; "));
  return errorf("there is no device {}:{}; {}", apiName(api), index, there);
}

Status checkRange(std::string_view what, const Buffer &buffer, uint64_t offset,
                  uint64_t bytes) {
  if (offset <= buffer.size() && bytes <= buffer.size() - offset)
    return {};
  return errorf("{}: {} bytes at offset {} are not within the {} bytes of the "
                "buffer",
                what, bytes, offset, buffer.size());
}

Status checkAllocation(const DeviceInfo &info, uint64_t bytes, uint64_t used) {
  if (bytes > info.bufferBytes)
    return errorf("{} ({}) allows buffers of at most {} bytes, but {} bytes "
                  "were asked for",
                  info.label(), info.name, info.bufferBytes, bytes);
  if (info.memoryBytes &&
      bytes > info.memoryBytes - std::min(used, info.memoryBytes))
    return errorf("no memory left on {} ({}): expected {} bytes, but {} of its "
                  "{} bytes are in use",
                  info.label(), info.name, bytes, used, info.memoryBytes);
  return {};
}

Status checkWorkgroup(const DeviceInfo &info, const KernelSource &source) {
  uint64_t items = 1;
  for (uint32_t size : source.workgroup) {
    // Each factor fits before the next is taken, so that nothing overflows.
    items = std::min<uint64_t>(items * size, uint64_t{1} << 31);
    if (size == 0)
      return errorf("kernel '{}': expected a workgroup of at least one "
                    "work-item, but got {} x {} x {}",
                    source.entry, source.workgroup[0], source.workgroup[1],
                    source.workgroup[2]);
  }
  if (items > info.workgroupSize)
    return errorf("kernel '{}': expected a workgroup of at most {} work-items "
                  "for {} ({}), but got {} x {} x {}",
                  source.entry, info.workgroupSize, info.label(), info.name,
                  source.workgroup[0], source.workgroup[1],
                  source.workgroup[2]);
  return {};
}

Status wrongSubgroups(const DeviceInfo &info, const KernelSource &source,
                      uint32_t size) {
  std::string found = "gives no size to rely on; compile it ", remedy;
  if (size) {
    found = fmt::format("runs it in subgroups of {}; compile it ", size);
    remedy = fmt::format("for subgroup_size = {}, or ", size);
  }
  return errorf("kernel '{}': expected subgroups of {} work-items, but {} ({}) "
                "{}{}without subgroup_arithmetic and subgroup_shuffle",
                source.entry, source.subgroup, info.label(), info.name, found,
                remedy);
}

Status checkCommand(const Command &command) {
  for (const Buffer *buffer : command.buffers)
    if (!buffer)
      return errorf("a command has a null buffer");
  if (command.kind == Command::Kind::dispatch) {
    if (!command.kernel)
      return errorf("a dispatch has no kernel");
    auto &kernel = static_cast<const DescribedKernel &>(*command.kernel);
    if (command.buffers.size() != kernel.buffers ||
        command.scalars.size() != kernel.scalars)
      return errorf("kernel '{}' takes {} buffers and {} scalars, but got {} "
                    "and {}",
                    kernel.entry, kernel.buffers, kernel.scalars,
                    command.buffers.size(), command.scalars.size());
    return {};
  }
  if (command.buffers.size() != 2)
    return errorf("a copy takes two buffers, but got {}",
                  command.buffers.size());
  const Buffer &from = *command.buffers[0], &to = *command.buffers[1];
  if (auto status =
          checkRange("copy from", from, command.fromOffset, command.bytes);
      !status)
    return status;
  if (auto status = checkRange("copy to", to, command.toOffset, command.bytes);
      !status)
    return status;
  if (&from == &to && command.fromOffset < command.toOffset + command.bytes &&
      command.toOffset < command.fromOffset + command.bytes)
    return errorf("copy: the ranges of {} bytes at offsets {} and {} of one "
                  "buffer overlap",
                  command.bytes, command.fromOffset, command.toOffset);
  return {};
}

bool isEmpty(const Command &command) {
  if (command.kind == Command::Kind::copy)
    return command.bytes == 0;
  return std::find(command.groups.begin(), command.groups.end(), 0u) !=
         command.groups.end();
}

Status checkModule(const KernelSource &source) {
  constexpr size_t headerWords = 5;
  constexpr uint32_t magic = 0x07230203;
  enum : uint32_t { entryPoint = 15, executionMode = 16, function = 54 };
  constexpr uint32_t localSize = 17; // Of the execution modes.
  size_t numWords = source.code.size() / 4;
  auto word = [&](size_t index) {
    uint32_t value;
    std::memcpy(&value, source.code.data() + 4 * index, 4);
    return value;
  };
  if (source.code.size() % 4 != 0 || numWords < headerWords || word(0) != magic)
    return errorf("kernel '{}': expected a SPIR-V module of this machine's "
                  "byte order, but got {} bytes that are none",
                  source.entry, source.code.size());
  std::string names;
  std::optional<uint32_t> entry;
  for (size_t at = headerWords; at < numWords;) {
    size_t length = word(at) >> 16;
    uint32_t operation = word(at) & 0xffff;
    if (length == 0 || length > numWords - at)
      return errorf("kernel '{}': the SPIR-V module is damaged at word {}",
                    source.entry, at);
    // Execution model, id, then the name.
    if (operation == entryPoint && length > 3) {
      auto *begin =
          reinterpret_cast<const char *>(source.code.data()) + 4 * (at + 3);
      std::string_view name(begin, strnlen(begin, 4 * (length - 3)));
      if (name == source.entry)
        entry = word(at + 2);
      names += (names.empty() ? "" : ", ") + quoted(name);
    }
    // Id, mode, then the size. Entry points come first.
    if (operation == executionMode && length == 6 && entry == word(at + 1) &&
        word(at + 2) == localSize)
      if (std::array<uint32_t, 3> size{word(at + 3), word(at + 4),
                                       word(at + 5)};
          size != source.workgroup)
        return errorf("kernel '{}': expected a workgroup of {}, but the SPIR-V "
                      "module says {}",
                      source.entry, fmt::join(source.workgroup, " x "),
                      fmt::join(size, " x "));
    if (operation == function)
      break;
    at += length;
  }
  if (entry)
    return {};
  return errorf("the SPIR-V module has no kernel '{}'; it has {}", source.entry,
                names.empty() ? "none" : names);
}

} // namespace rlx
