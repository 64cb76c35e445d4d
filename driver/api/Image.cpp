//===- Image.cpp - kernels as bytes ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/api/Image.h"

#include "driver/api/Digest.h"

namespace tegula::api {

namespace {
struct StageRow {
  const char *name;
  Form form;
};
constexpr StageRow stageRows[] = {
    {"tile", Form::TileIr}, {"laid-out", Form::TileIr}, {"target-ready", Form::TileIr},
    {"llir", Form::LlvmIr}, {"asm", Form::Text},        {"obj", Form::Bytes},
    {"ptx", Form::Text},    {"cubin", Form::Bytes},
};
static_assert(std::size(stageRows) == size_t(Stage::count));
} // namespace

const char *stageName(Stage stage) { return stageRows[size_t(stage)].name; }
Form formOf(Stage stage) { return stageRows[size_t(stage)].form; }

std::string writeImage(const Image &image) {
  ByteWriter out;
  out.text(image.entry);
  out.pod(image.scratchBytes);
  out.pod(image.sharedBytes);
  out.pod(image.numWarps);
  out.pod(image.registers);
  out.pod(image.spills);
  out.pod(image.written.has_value());
  out.pod(uint64_t(image.written ? image.written->size() : 0));
  if (image.written)
    for (int argument : *image.written)
      out.pod(argument);
  out.pod(uint64_t(image.kept.size()));
  for (const auto &[stage, content] : image.kept) {
    out.pod(stage);
    out.text(content);
  }
  return std::move(out.bytes);
}

std::optional<Image> readImage(std::string_view bytes) {
  ByteReader in(bytes);
  Image image;
  image.entry = in.text();
  image.scratchBytes = in.pod<int64_t>();
  image.sharedBytes = in.pod<int64_t>();
  image.numWarps = in.pod<int32_t>();
  image.registers = in.pod<int32_t>();
  image.spills = in.pod<int32_t>();
  bool known = in.pod<uint8_t>() != 0;
  std::vector<int> written;
  for (uint64_t i = 0, count = in.pod<uint64_t>(); i < count && in.ok; ++i)
    written.push_back(in.pod<int>());
  if (known)
    image.written = std::move(written);
  for (uint64_t i = 0, count = in.pod<uint64_t>(); i < count && in.ok; ++i) {
    auto stage = in.pod<Stage>();
    image.kept[stage] = in.text();
  }
  if (!in.ok || !in.atEnd())
    return std::nullopt;
  return image;
}

} // namespace tegula::api
