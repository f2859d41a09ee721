//===- BuildId.cpp - Which build of a library is running ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Looks at the segments of the loaded libraries: notes are among what is
// loaded, and nobody writes to them.
//
//===----------------------------------------------------------------------===//
#include "runtime/BuildId.h"

#include <fmt/format.h>

#include <elf.h>
#include <link.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace rlx {
namespace {

struct Search {
  uintptr_t address;
  std::string found;
};

std::span<const std::byte> bytesOf(const dl_phdr_info &library,
                                   const ElfW(Phdr) & segment) {
  return {
      reinterpret_cast<const std::byte *>(library.dlpi_addr + segment.p_vaddr),
      segment.p_memsz};
}

size_t aligned(size_t size) { return (size + 3) / 4 * 4; }

/// The build ID among notes, in hexadecimal digits, or nothing.
std::string findId(std::span<const std::byte> notes) {
  ElfW(Nhdr) note;
  while (notes.size() >= sizeof(note)) {
    std::memcpy(&note, notes.data(), sizeof(note));
    notes = notes.subspan(sizeof(note));
    size_t name = aligned(note.n_namesz), content = aligned(note.n_descsz);
    if (name > notes.size() || content > notes.size() - name)
      return "";
    std::string_view owner(reinterpret_cast<const char *>(notes.data()),
                           note.n_namesz);
    if (note.n_type == NT_GNU_BUILD_ID &&
        owner == std::string_view("GNU\0", 4)) {
      std::string id;
      for (std::byte byte : notes.subspan(name, note.n_descsz))
        id += fmt::format("{:02x}", static_cast<unsigned>(byte));
      return id;
    }
    notes = notes.subspan(name + content);
  }
  return "";
}

int visit(dl_phdr_info *library, size_t, void *data) {
  auto *search = static_cast<Search *>(data);
  std::span segments(library->dlpi_phdr, library->dlpi_phnum);
  bool isHere = false;
  for (const ElfW(Phdr) & segment : segments)
    isHere |= segment.p_type == PT_LOAD &&
              search->address - (library->dlpi_addr + segment.p_vaddr) <
                  segment.p_memsz;
  if (!isHere)
    return 0;
  for (const ElfW(Phdr) & segment : segments)
    if (segment.p_type == PT_NOTE && search->found.empty())
      search->found = findId(bytesOf(*library, segment));
  if (!search->found.empty())
    return 1;
  // FNV-1a of 64 bits, over words where there are whole ones.
  uint64_t hash = 0xcbf29ce484222325;
  auto add = [&](uint64_t value) { hash = (hash ^ value) * 0x100000001b3; };
  for (const ElfW(Phdr) & segment : segments) {
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) ||
        !(segment.p_flags & PF_R))
      continue;
    auto bytes = bytesOf(*library, segment);
    add(bytes.size());
    for (; bytes.size() >= sizeof(uint64_t);
         bytes = bytes.subspan(sizeof(uint64_t))) {
      uint64_t word = 0;
      std::memcpy(&word, bytes.data(), sizeof(word));
      add(word ^ word >> 32);
    }
    for (std::byte byte : bytes)
      add(static_cast<uint64_t>(byte));
  }
  search->found = fmt::format("content {:016x}", hash);
  return 1;
}

} // namespace

std::string buildId(const void *address) {
  Search search{reinterpret_cast<uintptr_t>(address), ""};
  dl_iterate_phdr(visit, &search);
  return search.found;
}

} // namespace rlx
