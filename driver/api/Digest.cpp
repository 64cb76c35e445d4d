//===- Digest.cpp - values as bytes, bytes as digests ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/api/Digest.h"

#include "llvm/Support/BLAKE3.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace tegula::api {

Digest digestOf(std::string_view bytes) {
  Digest digest;
  auto hash = llvm::BLAKE3::hash<32>({reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()});
  std::memcpy(digest.data(), hash.data(), digest.size());
  return digest;
}

std::string hexadecimal(const Digest &digest) {
  std::string out;
  for (uint8_t byte : digest) {
    out += "0123456789abcdef"[byte >> 4];
    out += "0123456789abcdef"[byte & 15];
  }
  return out;
}

unsigned KnownResolvers::number(const std::shared_ptr<lang::Resolver> &resolver) {
  int at = find(resolver.get());
  if (at >= 0)
    return unsigned(at);
  resolvers.push_back(resolver);
  return unsigned(resolvers.size() - 1);
}

int KnownResolvers::find(const lang::Resolver *resolver) const {
  auto at =
      std::find_if(resolvers.begin(), resolvers.end(), [&](auto &known) { return known.get() == resolver; });
  return at == resolvers.end() ? -1 : int(at - resolvers.begin());
}

std::shared_ptr<lang::Resolver> KnownResolvers::at(unsigned number) const {
  return number < resolvers.size() ? resolvers[number] : nullptr;
}

namespace {

// One letter a kind, before the value.
struct ConstantWriter {
  ByteWriter &out;
  KnownResolvers &resolvers;
  bool placed;

  void operator()(const lang::Constant::None &) { out.pod('N'); }
  void operator()(const bool &value) {
    out.pod('b');
    out.pod(value);
  }
  void operator()(const lang::Constant::Int &value) {
    out.pod('i');
    out.pod(value);
  }
  void operator()(const double &value) {
    out.pod('f');
    out.pod(std::isnan(value) ? UINT64_C(0x7ff8000000000000) : std::bit_cast<uint64_t>(value));
  }
  void operator()(const std::string &value) {
    out.pod('s');
    out.text(value);
  }
  void operator()(const lang::DType &value) {
    out.pod('d');
    out.pod(value.scalar);
    out.pod(value.isPointer);
    out.pod(value.isConst);
  }
  void operator()(const lang::Constant::Tuple &value) {
    out.pod('t');
    out.pod(uint64_t(value.items.size()));
    for (const lang::Constant &item : value.items)
      std::visit(*this, item.value);
    out.pod(uint64_t(value.fields.size()));
    for (const std::string &field : value.fields)
      out.text(field);
  }
  void operator()(const std::shared_ptr<const lang::JitFunction> &value) {
    out.pod('j');
    if (value)
      writeFunction(out, *value, resolvers, placed);
  }
  void operator()(const std::shared_ptr<const lang::HostFunction> &value) {
    out.pod('h');
    out.text(value->name);
    out.text(value->digest);
  }
  /// Of another module only that it is one: what is taken out of it is a dependency of its own.
  void operator()(const lang::Constant::Module &value) {
    out.pod('m');
    out.pod(value.isLanguage);
    out.text(value.path);
  }
  void operator()(const lang::Constant::Builtin &value) {
    out.pod('B');
    out.text(value.name);
  }
  void operator()(const lang::Constant::Opaque &value) {
    out.pod('O');
    out.text(value.what);
  }
};

} // namespace

void writeConstant(ByteWriter &out, const lang::Constant &constant, KnownResolvers &resolvers, bool placed) {
  std::visit(ConstantWriter{out, resolvers, placed}, constant.value);
}

void writeFunction(ByteWriter &out, const lang::JitFunction &function, KnownResolvers &resolvers,
                   bool placed) {
  out.text(function.source.text);
  out.text(function.qualifiedName);
  out.pod(function.noinline);
  if (placed) {
    out.text(function.source.file);
    out.pod(int64_t(function.source.firstLine));
  }
  // Before the defaults: a default may be a function of the same module.
  out.pod(function.resolver ? resolvers.number(function.resolver) : ~0u);
  out.pod(uint64_t(function.defaults.size()));
  for (auto &[name, value] : function.defaults) {
    out.text(name);
    writeConstant(out, value, resolvers, placed);
  }
}

void writeArgument(ByteWriter &out, const lang::Argument &argument, KnownResolvers &resolvers, bool placed) {
  out.text(argument.name);
  out.pod(argument.constant.has_value());
  if (argument.constant)
    writeConstant(out, *argument.constant, resolvers, placed);
  out.pod(argument.type.scalar);
  out.pod(argument.type.isPointer);
  out.pod(argument.type.isConst);
  out.pod(int64_t(argument.divisibility));
  out.pod(argument.isDescriptor);
  out.pod(uint64_t(argument.tupleItems.size()));
  for (const lang::Argument &item : argument.tupleItems)
    writeArgument(out, item, resolvers, placed);
}

} // namespace tegula::api
