//===- Memory.cpp - loads, stores, and where addresses lead ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/emulator/ptx/Access.h"
#include "ir/diag/Diagnostic.h"

#include <algorithm>
#include <cstring>

namespace tegula::ptx {

// --- Spelling

bool isOneOf(std::string_view s, std::initializer_list<std::string_view> list) {
  return std::find(list.begin(), list.end(), s) != list.end();
}
std::string spelled(const Spelling &s) {
  std::string text(s.opcode);
  for (auto m : s.modifiers)
    text += "." + std::string(m);
  return text;
}
void badModifier(const Spelling &s, const Instr &i, std::string_view modifier) {
  throw Error(Diag::emulator_modifier,
              {"PTX line " + std::to_string(i.line), std::string(modifier), spelled(s)});
}
void badType(const Spelling &s, const Instr &i) {
  throw Error(Diag::emulator_type, {"PTX line " + std::to_string(i.line), spelled(s)});
}

bool parseType(std::string_view type, Access &access) {
  if (type.size() < 2 || !isOneOf(type.substr(0, 1), {"b", "u", "s", "f"})) {
    if (type == "pred")
      return false;
  }
  static const std::pair<std::string_view, int> table[] = {
      {"b8", 1},   {"u8", 1},  {"s8", 1},    {"b16", 2},   {"u16", 2},   {"s16", 2}, {"f16", 2},
      {"bf16", 2}, {"b32", 4}, {"u32", 4},   {"s32", 4},   {"f32", 4},   {"b64", 8}, {"u64", 8},
      {"s64", 8},  {"f64", 8}, {"b128", 16}, {"f16x2", 4}, {"bf16x2", 4}};
  for (auto &[name, bytes] : table)
    if (type == name) {
      access.bytes = bytes;
      access.isSigned = type[0] == 's';
      access.isFloat = type[0] == 'f' || type.substr(0, 2) == "bf";
      access.isBfloat = type.substr(0, 2) == "bf";
      access.packed = type.size() > 2 && type.substr(type.size() - 2) == "x2" ? 2 : 1;
      return true;
    }
  return false;
}
bool parseScope(std::string_view m, MemoryScope &scope) {
  if (!isOneOf(m, {"cta", "cluster", "gpu", "gl", "sys"}))
    return false;
  scope = m == "cta" ? MemoryScope::cta : m == "sys" ? MemoryScope::sys : MemoryScope::gpu;
  return true;
}
bool parseSpace(std::string_view m, Space &space) {
  if (m == "global")
    space = Space::global;
  else if (m == "shared" || m == "shared::cta")
    space = Space::shared;
  else if (m == "local")
    space = Space::local;
  else if (m == "const")
    space = Space::constant;
  else if (isOneOf(m, {"param", "param::entry", "param::func"}))
    space = Space::param;
  else
    return false;
  return true;
}

// --- Addresses

void laneAddresses(WarpState &w, const Instr &i, int source, int64_t offset, bool symbol, uint64_t *out) {
  if (symbol || i.src[source] == noSlot) {
    for (int l = 0; l < warpSize; l++)
      out[l] = uint64_t(offset);
  } else if (i.srcBytes[source] == 8) {
    const uint64_t *r = lanes64(w, i.src[source]);
    for (int l = 0; l < warpSize; l++)
      out[l] = r[l] + uint64_t(offset);
  } else {
    const uint32_t *r = lanes32(w, i.src[source]);
    for (int l = 0; l < warpSize; l++)
      out[l] = uint32_t(r[l] + uint32_t(offset));
  }
}

std::string hexadecimal(uint64_t value) {
  char text[24];
  snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

const Emulator::Range *rangeOf(LaunchState &launch, uint64_t address, Emulator::Range &scratch) {
  auto after = std::upper_bound(launch.ranges.begin(), launch.ranges.end(), address,
                                [](uint64_t a, const Emulator::Range &r) { return a < r.begin; });
  if (after != launch.ranges.begin() && address < after[-1].end)
    return &after[-1];
  return launch.fromHeap && launch.emulator->find(address, scratch) ? &scratch : nullptr;
}

/// The range that begins nearest before the address, for the message.
static const Emulator::Range *findRange(LaunchState &launch, uint64_t address) {
  auto after = std::upper_bound(launch.ranges.begin(), launch.ranges.end(), address,
                                [](uint64_t a, const Emulator::Range &r) { return a < r.begin; });
  return after == launch.ranges.begin() ? nullptr : &after[-1];
}

static bool inRange(WarpState &w, const Instr &i, uint64_t address, uint32_t bytes, int lane, bool write) {
  LaunchState &launch = *w.block->launch;
  const Emulator::Range *range = findRange(launch, address);
  if (range && endsIn(address, bytes, range->end) && !range->freed && !(write && range->constant)) {
    if (!range->constant) // a write must come here again
      w.block->cache[(reinterpret_cast<uintptr_t>(&i) / sizeof(Instr)) & 63] = {range->begin, range->end};
    return true;
  }
  Emulator::Range scratch;
  if (launch.fromHeap && launch.emulator->find(address, scratch)) { // made by the kernel itself
    range = &scratch;
    if (endsIn(address, bytes, range->end) && !range->freed)
      return true;
  }
  std::string what =
      (write ? "writes " : "reads ") + std::to_string(bytes) + " bytes at " + hexadecimal(address);
  if (write && range && endsIn(address, bytes, range->end) && range->constant) {
    report(w, i, lane, Check::constantWrite, what + ", in " + range->name + " of constant memory");
  } else if (range && address < range->end && range->freed) {
    report(w, i, lane, Check::useAfterFree, what + ", in memory that was freed");
  } else {
    if (range)
      what += ", " + std::to_string(int64_t(address - range->end)) + " bytes after the end of " +
              range->name + " of " + std::to_string(range->end - range->begin) + " bytes";
    else
      what += ", which belongs to no allocation";
    report(w, i, lane, Check::globalBounds, what);
  }
  return false;
}

uint32_t validGlobal(WarpState &w, const Instr &i, const uint64_t *address, uint32_t bytes, bool write) {
  const RangeCache &cache = w.block->cache[(reinterpret_cast<uintptr_t>(&i) / sizeof(Instr)) & 63];
  uint64_t begin = cache.begin, size = cache.end - cache.begin - bytes;
  uint32_t mask = w.mask;
  bool bad = cache.end < cache.begin + bytes;
  uint64_t low = 0;
  uint32_t outside = 0;
  for (int l = 0; l < warpSize; l++) {
    bool on = mask >> l & 1;
    outside |= on & (address[l] - begin > size);
    low |= on ? address[l] : 0;
  }
  bad |= outside != 0;
  if (!bad && !(low & (bytes - 1)))
    return mask;
  uint32_t valid = 0;
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    int l = std::countr_zero(rest);
    if (address[l] & (bytes - 1))
      report(w, i, l, Check::misaligned,
             "touches " + std::to_string(bytes) + " bytes at " + hexadecimal(address[l]) +
                 ", which is not a multiple of " + std::to_string(bytes));
    else if (inRange(w, i, address[l], bytes, l, write))
      valid |= 1u << l;
  }
  return valid;
}

uint32_t knownGlobal(WarpState &w, const Instr &i, const uint64_t *address, uint32_t bytes, bool write) {
  const RangeCache &cache = w.block->cache[(reinterpret_cast<uintptr_t>(&i) / sizeof(Instr)) & 63];
  uint32_t known = 0;
  for (uint32_t rest = w.mask; rest; rest &= rest - 1) {
    int l = std::countr_zero(rest);
    Emulator::Range scratch;
    const Emulator::Range *range = nullptr;
    if (address[l] >= cache.begin && endsIn(address[l], bytes, cache.end))
      known |= 1u << l;
    else if ((range = rangeOf(*w.block->launch, address[l], scratch)) &&
             endsIn(address[l], bytes, range->end) && !range->freed && !(write && range->constant))
      known |= 1u << l;
  }
  return known;
}

uint8_t *locate(WarpState &w, const Instr &i, Space space, uint64_t address, uint32_t bytes, int lane,
                bool write) {
  if (space == Space::generic) {
    space = address >> 56 == 1   ? Space::shared
            : address >> 56 == 2 ? Space::local
            : address >> 56 == 3 ? Space::param
                                 : Space::global;
    if (space != Space::global)
      address &= (uint64_t(1) << 56) - 1;
  }
  if (address & (bytes - 1)) {
    report(w, i, lane, Check::misaligned,
           "touches " + std::to_string(bytes) + " bytes at " + hexadecimal(address) +
               ", which is not a multiple of " + std::to_string(bytes));
    return nullptr;
  }
  BlockState &block = *w.block;
  switch (space) {
  case Space::shared:
    if (endsIn(address, bytes, block.launch->sharedBytes))
      return block.shared.data() + address;
    report(w, i, lane, Check::sharedBounds,
           std::string(write ? "writes " : "reads ") + std::to_string(bytes) + " bytes at offset " +
               std::to_string(address) + " of " + std::to_string(block.launch->sharedBytes) +
               " bytes of shared memory");
    return nullptr;
  case Space::local:
    if (asWarp(w).local && endsIn(address, bytes, std::min<uint64_t>(localStride, localTop(*w.frame, lane))))
      return asWarp(w).local + size_t(lane) * localStride + address;
    report(w, i, lane, Check::localBounds,
           std::string(write ? "writes " : "reads ") + std::to_string(bytes) + " bytes at offset " +
               std::to_string(address) + " of " + std::to_string(localTop(*w.frame, lane)) +
               " bytes of local memory");
    return nullptr;
  case Space::param: {
    uint64_t inFrame = address - callParamBase, frameBytes = w.frame->function->paramBytes;
    if (address >= callParamBase && endsIn(inFrame, bytes, frameBytes))
      return w.frame->params.data() + size_t(lane) * frameBytes + inFrame;
    if (endsIn(address, bytes, block.launch->arguments.size()) && !write)
      return block.launch->arguments.data() + address;
    report(w, i, lane, Check::paramBounds, "touches parameters at offset " + std::to_string(address));
    return nullptr;
  }
  default: return inRange(w, i, address, bytes, lane, write) ? reinterpret_cast<uint8_t *>(address) : nullptr;
  }
}

// --- ld and st

static const Access &accessOf(const Instr &i) { return *static_cast<const Access *>(i.extra); }

static void writeElement(WarpState &w, Slot s, int registerBytes, int lane, const uint8_t *from,
                         const Access &a) {
  if (s == noSlot)
    return;
  if (a.bytes == 16) {
    memcpy(lanes64(w, s) + 2 * lane, from, 16);
    return;
  }
  uint64_t value = 0;
  memcpy(&value, from, a.bytes);
  if (a.isSigned && a.bytes < 8)
    value = uint64_t(int64_t(value << (64 - 8 * a.bytes)) >> (64 - 8 * a.bytes));
  writeLane(w, s, registerBytes, lane, value);
}
static void readElement(WarpState &w, Slot s, int registerBytes, int lane, uint8_t *to, const Access &a) {
  if (a.bytes == 16) {
    memcpy(to, lanes64(w, s) + 2 * lane, 16);
    return;
  }
  uint64_t value = readLane(w, s, registerBytes, lane);
  memcpy(to, &value, a.bytes);
}

static Accessed accessed(const Access &a, const uint64_t *address, uint32_t bytes, Touch touch) {
  Accessed result;
  result.space = a.space;
  result.address = address;
  result.bytes = bytes;
  result.aligned = bytes;
  result.touch = touch;
  result.strong = a.ordered;
  result.order = a.order;
  result.scope = a.scope;
  return result;
}

template <bool observed> static void load(WarpState &w, const Instr &i) {
  const Access &a = accessOf(i);
  uint64_t address[warpSize];
  laneAddresses(w, i, i.addressSrc, i.imm, i.addressIsSymbol, address);
  uint32_t bytes = a.bytes * a.count;
  if (observed)
    observe(w, i, accessed(a, address, bytes, Touch::read));
  if (a.ordered)
    asWarp(w).spinning = true;
  bool vector = i.parts[0] != 0;
  for (uint32_t rest = w.mask; rest; rest &= rest - 1) {
    int l = std::countr_zero(rest);
    const uint8_t *from = locate(w, i, a.space, address[l], bytes, l, false);
    static const uint8_t zeros[64] = {};
    if (!from)
      from = zeros;
    if (!vector)
      writeElement(w, i.dst, i.dstBytes, l, from, a);
    else
      for (int e = 0; e < a.count; e++)
        writeElement(w, i.list[e], i.dstBytes, l, from + e * a.bytes, a);
  }
  if (observed && a.ordered)
    observeAcquire(w, i, accessed(a, address, bytes, Touch::read));
}

/// Loads of whole 32- and 64-bit words from global or shared memory by registers of the same width: nearly all there are.
template <Space space, class T, int count, bool observed>
static void loadWords(WarpState &w, const Instr &i) {
  uint64_t address[warpSize];
  laneAddresses(w, i, i.addressSrc, i.imm, i.addressIsSymbol, address);
  if (observed) {
    Accessed a;
    a.space = space;
    a.address = address;
    a.bytes = a.aligned = sizeof(T) * count;
    observe(w, i, a);
  }
  uint32_t mask = w.mask;
  const uint8_t *base = nullptr;
  if constexpr (space == Space::global) {
    mask = validGlobal(w, i, address, sizeof(T) * count, false);
  } else {
    base = w.block->shared.data();
    uint64_t limit = w.block->launch->sharedBytes;
    uint32_t bad = 0;
    for (int l = 0; l < warpSize; l++)
      bad |=
          uint32_t((address[l] + sizeof(T) * count > limit) | ((address[l] & (sizeof(T) * count - 1)) != 0))
          << l;
    if (bad & mask) {
      for (uint32_t rest = bad & mask; rest; rest &= rest - 1)
        locate(w, i, space, address[std::countr_zero(rest)], sizeof(T) * count, std::countr_zero(rest),
               false);
      mask &= ~bad;
    }
  }
  T *to[count];
  T sink[warpSize];
  for (int e = 0; e < count; e++) {
    Slot s = count == 1 && !i.parts[0] ? i.dst : i.list[e];
    to[e] = s == noSlot ? sink : reinterpret_cast<T *>(lanes32(w, s));
  }
  if (mask == allLanes) {
    for (int l = 0; l < warpSize; l++) {
      T value[count];
      memcpy(value,
             space == Space::global ? reinterpret_cast<const uint8_t *>(address[l]) : base + address[l],
             sizeof value);
      for (int e = 0; e < count; e++)
        to[e][l] = value[e];
    }
    return;
  }
  for (uint32_t rest = w.mask; rest; rest &= rest - 1) {
    int l = std::countr_zero(rest);
    T value[count] = {};
    if (mask >> l & 1)
      memcpy(value,
             space == Space::global ? reinterpret_cast<const uint8_t *>(address[l]) : base + address[l],
             sizeof value);
    for (int e = 0; e < count; e++)
      to[e][l] = value[e];
  }
}

template <bool observed> static void store(WarpState &w, const Instr &i) {
  const Access &a = accessOf(i);
  uint64_t address[warpSize];
  laneAddresses(w, i, i.addressSrc, i.imm, i.addressIsSymbol, address);
  uint32_t bytes = a.bytes * a.count;
  const Slot *values = i.parts[2] ? i.list + i.parts[0] + i.parts[1] : &i.src[1];
  if (observed) {
    uint8_t data[warpSize * 32];
    Accessed all = accessed(a, address, bytes, Touch::write);
    all.values = data;
    for (uint32_t rest = w.mask; rest; rest &= rest - 1)
      for (int e = 0; e < a.count; e++)
        readElement(w, values[e], i.srcBytes[1], std::countr_zero(rest),
                    data + size_t(std::countr_zero(rest)) * bytes + e * a.bytes, a);
    observe(w, i, all);
  }
  for (uint32_t rest = w.mask; rest; rest &= rest - 1) {
    int l = std::countr_zero(rest);
    uint8_t *to = locate(w, i, a.space, address[l], bytes, l, true);
    if (!to)
      continue;
    alignas(16) uint8_t data[64];
    for (int e = 0; e < a.count; e++)
      readElement(w, values[e], i.srcBytes[1], l, data + e * a.bytes, a);
    if (observed && memcmp(to, data, bytes) != 0)
      changed(w);
    if (a.ordered && bytes == 4) // whole words, seen by other host threads after what was written before
      __atomic_store_n(reinterpret_cast<uint32_t *>(to), *reinterpret_cast<uint32_t *>(data),
                       __ATOMIC_SEQ_CST);
    else if (a.ordered && bytes == 8)
      __atomic_store_n(reinterpret_cast<uint64_t *>(to), *reinterpret_cast<uint64_t *>(data),
                       __ATOMIC_SEQ_CST);
    else
      memcpy(to, data, bytes);
  }
}

/// Parameters of the entry: the same for all lanes.
static void loadParam(WarpState &w, const Instr &i) {
  const Access &a = accessOf(i);
  const std::vector<uint8_t> &arguments = w.block->launch->arguments;
  uint64_t at = uint64_t(i.imm);
  const uint8_t *from = at + a.bytes * a.count <= arguments.size() ? arguments.data() + at : nullptr;
  if (!from)
    from = locate(w, i, Space::param, at, a.bytes * a.count, std::countr_zero(w.mask), false);
  if (!from)
    return;
  for (int e = 0; e < a.count; e++)
    for (uint32_t rest = w.mask; rest; rest &= rest - 1)
      writeElement(w, i.parts[0] ? i.list[e] : i.dst, i.dstBytes, std::countr_zero(rest), from + e * a.bytes,
                   a);
}

template <Space space, bool observed> static Handler wordLoad(int bytes, int count) {
  if (bytes == 4)
    return count == 1   ? loadWords<space, uint32_t, 1, observed>
           : count == 2 ? loadWords<space, uint32_t, 2, observed>
                        : loadWords<space, uint32_t, 4, observed>;
  return count == 1 ? loadWords<space, uint64_t, 1, observed> : loadWords<space, uint64_t, 2, observed>;
}

static bool chooseLoadStore(const Spelling &s, Instr &i, Keeper &keeper, bool isLoad) {
  Access a;
  bool typed = false;
  for (std::string_view m : s.modifiers) {
    if (parseType(m, a)) {
      typed = true;
    } else if (parseSpace(m, a.space) ||
               isOneOf(m, {"weak", "ca", "cg", "cs", "lu", "cv", "wb", "wt", "nc"})) {
    } else if (isOneOf(m, {"volatile", "relaxed", "acquire", "release", "mmio"})) {
      a.ordered = true;
      a.order = m == "acquire"   ? MemoryOrder::acquire
                : m == "release" ? MemoryOrder::release
                                 : MemoryOrder::relaxed;
      if (m == "volatile" || m == "mmio")
        a.scope = MemoryScope::sys;
    } else if (parseScope(m, a.scope)) {
    } else if (m == "v2" || m == "v4" || m == "v8") {
      a.count = m[1] - '0';
    } else if (m.substr(0, 4) == "L1::" || m.substr(0, 4) == "L2::") {
      if (!isOneOf(m, {"L1::evict_normal", "L1::evict_unchanged", "L1::evict_first", "L1::evict_last",
                       "L1::no_allocate", "L2::cache_hint", "L2::64B", "L2::128B", "L2::256B",
                       "L2::evict_first", "L2::evict_last", "L2::evict_normal"}))
        badModifier(s, i, m);
    } else {
      badModifier(s, i, m);
    }
  }
  if (!typed || a.bytes * a.count > 32)
    badType(s, i);
  i.addressSrc = 0;
  i.extra = keeper.keep(a);
  bool shared = a.space == Space::shared, local = a.space == Space::local;
  if (a.space == Space::constant || a.space == Space::param)
    i.pipe = Pipe::constant;
  else if (isLoad)
    i.pipe = shared ? Pipe::loadShared : local ? Pipe::loadLocal : Pipe::loadGlobal;
  else
    i.pipe = shared ? Pipe::storeShared : local ? Pipe::storeLocal : Pipe::storeGlobal;
  if (!isLoad) {
    i.run = store<false>;
    i.observed = store<true>;
    return true;
  }
  i.run = load<false>;
  i.observed = load<true>;
  if (a.space == Space::param && (i.addressIsSymbol || i.src[0] == noSlot) &&
      uint64_t(i.imm) < callParamBase) {
    i.run = loadParam;
    i.observed = loadParam;
  } else if ((a.bytes == 4 || a.bytes == 8) && i.dstBytes == a.bytes && a.count <= (a.bytes == 4 ? 4 : 2) &&
             !a.ordered) {
    if (a.space == Space::global) {
      i.run = wordLoad<Space::global, false>(a.bytes, a.count);
      i.observed = wordLoad<Space::global, true>(a.bytes, a.count);
    } else if (shared) {
      i.run = wordLoad<Space::shared, false>(a.bytes, a.count);
      i.observed = wordLoad<Space::shared, true>(a.bytes, a.count);
    }
  }
  return true;
}

// --- Addresses of spaces

/// `cvta`: variant 1 is "to".
static void convertAddress(WarpState &w, const Instr &i) {
  Space space = accessOf(i).space;
  uint64_t window = space == Space::shared  ? sharedWindow
                    : space == Space::local ? localWindow
                    : space == Space::param ? paramWindow
                                            : 0;
  for (uint32_t rest = w.mask; rest; rest &= rest - 1) {
    int l = std::countr_zero(rest);
    uint64_t a = readLane(w, i.src[0], i.srcBytes[0], l);
    writeLane(w, i.dst, i.dstBytes, l, i.variant ? (window ? a - window : a) : a + window);
  }
}

static void inSpace(WarpState &w, const Instr &i) {
  Space space = accessOf(i).space;
  uint64_t wanted = space == Space::shared ? 1 : space == Space::local ? 2 : space == Space::param ? 3 : 0;
  uint32_t result = 0;
  for (int l = 0; l < warpSize; l++)
    result |= uint32_t(readLane(w, i.src[0], i.srcBytes[0], l) >> 56 == wanted) << l;
  writePred(w, i.dstPred, space == Space::constant ? 0 : result);
}

static void nothing(WarpState &, const Instr &) {}
static void fence(WarpState &w, const Instr &) {
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  asWarp(w).spinning = true;
}
static void fenceObserved(WarpState &w, const Instr &i) {
  fence(w, i);
  if (w.block->launch->checks)
    fenced(asWarp(w), static_cast<MemoryScope>(i.variant));
}
// Each lane's local memory ends where its own allocations end; frames of called functions lie behind all of them.
static std::vector<uint64_t> &stackOf(WarpState &w) {
  Frame &f = *w.frame;
  if (f.stack.empty())
    f.stack.assign(warpSize, f.localBase + f.function->localBytes);
  return f.stack;
}
static void allocateOnStack(WarpState &w, const Instr &i) {
  auto &stack = stackOf(w);
  uint64_t align = std::max<uint64_t>(i.variant, 8);
  for (uint32_t rest = w.mask; rest; rest &= rest - 1) {
    int l = std::countr_zero(rest);
    uint64_t at = (stack[size_t(l)] + align - 1) / align * align;
    uint64_t size = readLane(w, i.src[0], i.srcBytes[0], l);
    writeLane(w, i.dst, i.dstBytes, l, at);
    if (size > localStride || at + size > localStride) {
      report(w, i, l, Check::localBounds,
             "allocates " + std::to_string(size) + " bytes of a stack of " + std::to_string(localStride));
      continue;
    }
    stack[size_t(l)] = at + size;
    if (asWarp(w).localWritten)
      memset(asWarp(w).localWritten + size_t(l) * localStride + at, 0, size);
  }
}
static void saveStack(WarpState &w, const Instr &i) {
  auto &stack = stackOf(w);
  for (uint32_t rest = w.mask; rest; rest &= rest - 1)
    writeLane(w, i.dst, i.dstBytes, std::countr_zero(rest), stack[size_t(std::countr_zero(rest))]);
}
static void restoreStack(WarpState &w, const Instr &i) {
  auto &stack = stackOf(w);
  for (uint32_t rest = w.mask; rest; rest &= rest - 1) {
    int l = std::countr_zero(rest);
    stack[size_t(l)] = std::min(readLane(w, i.src[0], i.srcBytes[0], l), stack[size_t(l)]);
  }
}
/// `createpolicy`: hints have no effect here.
static void policy(WarpState &w, const Instr &i) {
  for (uint32_t rest = w.mask; rest; rest &= rest - 1)
    writeLane(w, i.dst, 8, std::countr_zero(rest), 0);
}

bool chooseMemory(const Spelling &s, Instr &i, Keeper &keeper) {
  std::string_view op = s.opcode;
  if (op == "ld" || op == "ldu" || op == "st")
    return chooseLoadStore(s, i, keeper, op != "st");
  if (chooseAtomic(s, i, keeper) || chooseMbarrier(s, i, keeper) || chooseAsyncCopy(s, i, keeper) ||
      chooseMatrixMemory(s, i, keeper))
    return true;
  if (op == "cvta" || op == "isspacep") {
    Access a;
    for (auto m : s.modifiers)
      if (m == "to")
        i.variant = 1;
      else if (!parseSpace(m, a.space) && !isOneOf(m, {"u64", "u32"}))
        badModifier(s, i, m);
    i.extra = keeper.keep(a);
    i.run = op == "cvta" ? convertAddress : inSpace;
    return true;
  }
  if (op == "membar" || op == "fence") {
    MemoryScope scope = MemoryScope::gpu;
    for (auto m : s.modifiers)
      if (!parseScope(m, scope) && !isOneOf(m, {"sc", "acq_rel", "acquire", "release"}))
        badModifier(s, i, m);
    i.pipe = Pipe::warp;
    i.variant = uint32_t(scope);
    i.run = fence;
    i.observed = fenceObserved;
    return true;
  }
  if (op == "alloca" || op == "stacksave" || op == "stackrestore") {
    for (auto m : s.modifiers)
      if (!isOneOf(m, {"u32", "u64"}))
        badModifier(s, i, m);
    i.variant = op == "alloca" && s.operands.size() > 2
                    ? uint32_t(strtoul(std::string(s.operands[2]).c_str(), nullptr, 0))
                    : 8;
    i.run = op == "alloca" ? allocateOnStack : op == "stacksave" ? saveStack : restoreStack;
    return true;
  }
  if (op == "prefetch" || op == "prefetchu" || op == "applypriority" || op == "discard") {
    for (auto m : s.modifiers)
      if (!isOneOf(m, {"global", "local", "L1", "L2", "L2::evict_last", "L2::evict_normal"}))
        badModifier(s, i, m);
    i.run = nothing;
    return true;
  }
  if (op == "createpolicy") {
    for (auto m : s.modifiers)
      if (!isOneOf(m, {"fractional", "b64", "L2::evict_last", "L2::evict_normal", "L2::evict_first",
                       "L2::evict_unchanged"}))
        badModifier(s, i, m);
    i.run = policy;
    return true;
  }
  return false;
}

} // namespace tegula::ptx
