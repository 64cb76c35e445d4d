//===- Image.cpp - PTX out of fat binaries and ELF files, and into them ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/emulator/cuda/Image.h"
#include "ir/diag/Diagnostic.h"

#include <algorithm>
#include <cstring>
#include <elf.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zstd.h>

namespace tegula::cuda {

constexpr uint32_t wrapperMagic = 0x466243b1, fatMagic = 0xba55ed50;
constexpr const char *ptxSection = ".tegula.ptx", *infoSection = ".tegula.info";

/// No text, nor a file, is larger: a larger size is damage.
constexpr uint64_t largest = uint64_t(1) << 30;

[[noreturn]] static void damaged(const std::string &why) { throw Error(Diag::image_damaged, {why}); }

// --- Fat binaries: a header, then entries, each PTX or an ELF file, compressed or not

namespace {
struct Wrapper {
  uint32_t magic, version;
  const uint8_t *data;
};
struct FatHeader {
  uint32_t magic;
  uint16_t version, headerSize;
  uint64_t size; ///< of the entries
};
struct FatEntry {
  uint16_t kind, version;
  uint32_t headerSize;
  uint64_t paddedSize;
  uint32_t compressedSize, options;
  uint16_t minor, major;
  uint32_t arch, nameOffset, nameSize;
  uint64_t flags, reserved, plainSize;
};
static_assert(sizeof(FatEntry) == 64);
constexpr uint16_t kindPtx = 1, kindElf = 2;
constexpr uint64_t flagLz4 = 0x2000, flagZstd = 0x8000;
} // namespace

/// The LZ4 block format: a token, literals, and a match (offset, length), again and again.
static std::string unpackLz4(const uint8_t *p, size_t size, size_t plainSize) {
  std::string out;
  out.reserve(plainSize);
  const uint8_t *end = p + size;
  auto length = [&](size_t n) {
    if (n == 15)
      for (uint8_t more = 255; more == 255;) {
        if (p == end)
          damaged("a compressed entry ends early");
        n += more = *p++;
      }
    return n;
  };
  while (p < end && out.size() < plainSize) {
    uint8_t token = *p++;
    size_t literals = length(token >> 4);
    if (literals > size_t(end - p) || literals > plainSize - out.size())
      damaged("a compressed entry ends early");
    out.append(reinterpret_cast<const char *>(p), literals);
    p += literals;
    if (end - p < 2)
      break; // the last sequence has no match
    size_t offset = p[0] | size_t(p[1]) << 8;
    p += 2;
    size_t match = length(token & 15) + 4;
    if (!offset || offset > out.size() || match > plainSize - out.size())
      damaged("a compressed entry does not unpack");
    for (size_t k = 0; k < match; k++)
      out += out[out.size() - offset];
  }
  if (out.size() != plainSize)
    damaged("a compressed entry does not unpack to its size");
  return out;
}

static std::string unpackZstd(const uint8_t *p, size_t size, size_t plainSize) {
  if (ZSTD_getFrameContentSize(p, size) != plainSize)
    damaged("a compressed entry does not unpack to its size");
  std::string out(plainSize, 0);
  size_t n = ZSTD_decompress(out.data(), out.size(), p, size);
  if (ZSTD_isError(n) || n != plainSize)
    damaged("a compressed entry does not unpack");
  return out;
}

static std::string textOf(const uint8_t *entryStart, const FatEntry &e) {
  const uint8_t *p = entryStart + e.headerSize;
  if (e.plainSize > largest || e.compressedSize > e.paddedSize)
    damaged("an entry has impossible sizes");
  if (e.flags & flagZstd)
    return unpackZstd(p, e.compressedSize, e.plainSize);
  if (e.flags & flagLz4)
    return unpackLz4(p, e.compressedSize, e.plainSize);
  return std::string(reinterpret_cast<const char *>(p), e.paddedSize);
}

static Image readElf(const uint8_t *data, size_t size, bool required);

static Image readFat(const uint8_t *data, size_t size, int sm) {
  FatHeader h;
  if (size < sizeof h)
    damaged("the fat binary is too short");
  memcpy(&h, data, sizeof h);
  if (h.headerSize < sizeof h || h.headerSize > size || h.size > size - h.headerSize)
    damaged("the header of the fat binary");
  const uint8_t *p = data + h.headerSize, *end = p + h.size, *best = nullptr;
  FatEntry chosen = {};
  std::string seen;
  while (size_t(end - p) >= sizeof(FatEntry)) {
    FatEntry e;
    memcpy(&e, p, sizeof e);
    if (e.headerSize < sizeof e || e.headerSize > uint64_t(end - p) ||
        e.paddedSize > uint64_t(end - p) - e.headerSize)
      damaged("an entry of the fat binary");
    seen += std::string(seen.empty() ? "" : ", ") +
            (e.kind == kindPtx   ? "PTX"
             : e.kind == kindElf ? "machine code"
                                 : "other code") +
            " for sm_" + std::to_string(e.arch);
    if (e.kind == kindPtx && int(e.arch) <= sm && (!best || e.arch > chosen.arch)) {
      best = p;
      chosen = e;
    }
    if (e.kind == kindElf && !best) { // one made by our ptxas?
      std::string file = textOf(p, e);
      Image image = readElf(reinterpret_cast<const uint8_t *>(file.data()), file.size(), false);
      if (!image.ptx.empty())
        return image;
    }
    p += e.headerSize + e.paddedSize;
  }
  if (!best)
    throw Error(Diag::image_no_ptx, {"fat binary", seen.empty() ? "nothing" : seen, std::to_string(sm)});
  Image image;
  image.ptx = textOf(best, chosen);
  return image;
}

// --- Sizes that nobody has given

/// Whether there is memory: damaged headers speak of more than there is.
static bool isMapped(const void *data, uint64_t bytes) {
  const auto page = uint64_t(sysconf(_SC_PAGESIZE)), first = reinterpret_cast<uint64_t>(data) & ~(page - 1);
  uint64_t end = reinterpret_cast<uint64_t>(data) + bytes;
  if (!data || end < first)
    return false;
  std::vector<unsigned char> residence((end - first + page - 1) / page);
  return mincore(reinterpret_cast<void *>(first), end - first, residence.data()) == 0;
}

size_t elfSize(const uint8_t *data) {
  Elf64_Ehdr h;
  if (!isMapped(data, sizeof h))
    damaged("the ELF file ends before its header does");
  memcpy(&h, data, sizeof h);
  uint64_t tables[][2] = {{h.e_shoff, h.e_shnum * sizeof(Elf64_Shdr)},
                          {h.e_phoff, h.e_phnum * sizeof(Elf64_Phdr)}};
  uint64_t end = sizeof h;
  auto reach = [&](uint64_t offset, uint64_t size) {
    if (offset > largest || size > largest)
      damaged("the ELF file has impossible sizes");
    end = std::max(end, offset + size);
  };
  for (auto [offset, size] : tables)
    if (size)
      reach(offset, size);
  if (!isMapped(data, end))
    damaged("the ELF file ends before its tables do");
  for (int k = 0; k < h.e_shnum && h.e_shentsize == sizeof(Elf64_Shdr); k++) {
    Elf64_Shdr s;
    memcpy(&s, data + h.e_shoff + size_t(k) * sizeof s, sizeof s);
    if (s.sh_type != SHT_NOBITS)
      reach(s.sh_offset, s.sh_size);
  }
  if (!isMapped(data, end))
    damaged("the ELF file ends before its sections do");
  return end;
}

/// Of a fat binary, from its header.
static size_t fatSize(const uint8_t *data) {
  FatHeader h;
  if (!isMapped(data, sizeof h))
    damaged("the fat binary is too short");
  memcpy(&h, data, sizeof h);
  if (h.size > largest || !isMapped(data, h.headerSize + h.size))
    damaged("the header of the fat binary");
  return h.headerSize + h.size;
}

// --- ELF files

static std::vector<Elf64_Shdr> sectionsOf(std::string_view file, Elf64_Ehdr &h) {
  if (file.size() < sizeof h)
    damaged("the ELF file is too short");
  memcpy(&h, file.data(), sizeof h);
  if (h.e_ident[EI_CLASS] != ELFCLASS64 || (h.e_shnum && h.e_shentsize != sizeof(Elf64_Shdr)))
    damaged("the ELF file is not of 64 bits");
  if (h.e_shoff > file.size() || h.e_shnum * sizeof(Elf64_Shdr) > file.size() - h.e_shoff ||
      (h.e_shnum && h.e_shstrndx >= h.e_shnum))
    damaged("the table of sections lies outside of the ELF file");
  std::vector<Elf64_Shdr> sections(h.e_shnum);
  if (h.e_shnum)
    memcpy(sections.data(), file.data() + h.e_shoff, h.e_shnum * sizeof(Elf64_Shdr));
  for (const Elf64_Shdr &s : sections)
    if (s.sh_type != SHT_NOBITS && (s.sh_offset > file.size() || s.sh_size > file.size() - s.sh_offset))
      damaged("a section lies outside of the ELF file");
  return sections;
}

static std::string_view sectionText(std::string_view file, const Elf64_Shdr &s) {
  return s.sh_type == SHT_NOBITS ? std::string_view() : file.substr(s.sh_offset, s.sh_size);
}

static Image readElf(const uint8_t *data, size_t size, bool required) {
  std::string_view file(reinterpret_cast<const char *>(data), size);
  Elf64_Ehdr h;
  std::vector<Elf64_Shdr> sections = sectionsOf(file, h);
  Image image;
  std::string info;
  for (const Elf64_Shdr &s : sections) {
    std::string_view names = sectionText(file, sections[h.e_shstrndx]);
    if (s.sh_name >= names.size())
      continue;
    std::string_view name = names.substr(s.sh_name, names.find('\0', s.sh_name) - s.sh_name);
    if (name == ptxSection)
      image.ptx = sectionText(file, s);
    else if (name == infoSection)
      info = sectionText(file, s);
  }
  if (image.ptx.empty() && required)
    throw Error(Diag::image_no_ptx, {"cubin", "machine code", ""});
  for (size_t at = 0; at < info.size();) {
    size_t end = std::min(info.find('\n', at), info.size());
    char name[1024];
    KernelInfo k;
    if (sscanf(info.substr(at, end - at).c_str(), "%1023s %d %d", name, &k.registers, &k.localBytes) == 3)
      image.info[name] = k;
    at = end + 1;
  }
  return image;
}

std::string packImage(const Image &image, std::string_view cubin, int sm) {
  Elf64_Ehdr h = {};
  std::vector<Elf64_Shdr> sections;
  std::string file, names;
  if (!cubin.empty()) {
    sections = sectionsOf(cubin, h);
    file = cubin;
    if (!sections.empty())
      names = sectionText(cubin, sections[h.e_shstrndx]);
  }
  if (sections.empty()) {
    memcpy(h.e_ident, ELFMAG, SELFMAG);
    h.e_ident[EI_CLASS] = ELFCLASS64;
    h.e_ident[EI_DATA] = ELFDATA2LSB;
    h.e_ident[EI_VERSION] = EV_CURRENT;
    h.e_type = ET_EXEC;
    h.e_machine = EM_CUDA;
    h.e_version = EV_CURRENT;
    h.e_flags = Elf64_Word(sm);
    h.e_ehsize = sizeof h;
    h.e_shentsize = sizeof(Elf64_Shdr);
    h.e_shstrndx = 1;
    names = std::string("\0.shstrtab\0", 11);
    Elf64_Shdr table = {};
    table.sh_name = 1;
    table.sh_type = SHT_STRTAB;
    table.sh_addralign = 1;
    sections = {Elf64_Shdr{}, table};
    file.assign(sizeof h, 0);
  }
  std::string info;
  for (auto &[name, k] : image.info)
    info += name + " " + std::to_string(k.registers) + " " + std::to_string(k.localBytes) + "\n";
  auto append = [&](const char *name, std::string_view text) {
    Elf64_Shdr s = {};
    s.sh_name = Elf64_Word(names.size());
    names += std::string(name) + '\0';
    s.sh_type = SHT_PROGBITS;
    s.sh_offset = file.size();
    s.sh_size = text.size();
    s.sh_addralign = 1;
    file += text;
    sections.push_back(s);
  };
  append(ptxSection, image.ptx);
  append(infoSection, info);
  sections[h.e_shstrndx].sh_offset = file.size();
  sections[h.e_shstrndx].sh_size = names.size();
  file += names;
  file.resize((file.size() + 7) & ~size_t(7));
  h.e_shoff = file.size();
  h.e_shnum = Elf64_Half(sections.size());
  file.append(reinterpret_cast<const char *>(sections.data()), sections.size() * sizeof(Elf64_Shdr));
  memcpy(file.data(), &h, sizeof h);
  return file;
}

// --- What it is

Image readImage(const void *data, size_t size, int sm) {
  auto *p = static_cast<const uint8_t *>(data);
  uint32_t magic = 0;
  if (!size || size >= 4) {
    // Without a size: no text of PTX is so short that four bytes cannot be looked at.
    size_t readable = size ? 4 : strnlen(reinterpret_cast<const char *>(p), 4);
    memcpy(&magic, p, size ? 4 : readable < 4 ? readable : 4);
  }
  if (magic == wrapperMagic && !size) { // only in memory, as it holds an address
    Wrapper w;
    if (!isMapped(p, sizeof w))
      damaged("the wrapper of the fat binary");
    memcpy(&w, p, sizeof w);
    uint32_t inner = 0;
    if (isMapped(w.data, sizeof inner))
      memcpy(&inner, w.data, sizeof inner);
    if (inner != fatMagic)
      damaged("the wrapper of the fat binary");
    return readFat(w.data, fatSize(w.data), sm);
  }
  if (magic == fatMagic)
    return readFat(p, size ? size : fatSize(p), sm);
  if (!memcmp(&magic, ELFMAG, SELFMAG))
    return readElf(p, size ? size : elfSize(p), true);
  auto *text = reinterpret_cast<const char *>(p);
  Image image;
  image.ptx.assign(text, size ? strnlen(text, size) : strlen(text));
  if (image.ptx.find(".version") == std::string::npos)
    throw Error(Diag::image_unknown);
  return image;
}

} // namespace tegula::cuda
