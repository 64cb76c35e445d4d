//===- LinkTexts.cpp - one PTX text from several ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// PTX allows a name to be declared and then defined in one module, so linking is appending, with three cares: only one
// header; names that a text keeps to itself, and weak functions that an earlier text has, get a name of their own; and
// the numbers of .file, which .loc refers to, go on counting.

#include "driver/emulator/cuda/Image.h"
#include "driver/emulator/ptx/Ast.h"
#include "ir/diag/Diagnostic.h"

#include <algorithm>
#include <set>

namespace tegula::cuda {

namespace {

bool isNamePart(char c) { return isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '$'; }

struct Rewriter {
  const std::map<std::string, std::string, std::less<>> &renamed;
  unsigned fileBase;
  unsigned files = 0; ///< the largest number of .file
  std::string out = {};

  /// `.file` and `.loc`: the number that follows is moved.
  size_t number(std::string_view text, size_t at) {
    while (at < text.size() && isspace(static_cast<unsigned char>(text[at])))
      out += text[at++];
    unsigned n = 0;
    size_t start = at;
    while (at < text.size() && isdigit(static_cast<unsigned char>(text[at])))
      n = n * 10 + unsigned(text[at++] - '0');
    if (at > start)
      out += std::to_string(n + fileBase);
    files = std::max(files, n);
    return at;
  }

  /// A header directive is left out, its line stays.
  static size_t skipLine(std::string_view text, size_t at) {
    return std::min(text.find('\n', at), text.size());
  }

  void run(std::string_view text) {
    for (size_t at = 0; at < text.size();) {
      char c = text[at];
      if (c == '"' || text.substr(at, 2) == "//" || text.substr(at, 2) == "/*") {
        size_t end = c == '"'              ? text.find('"', at + 1)
                     : text[at + 1] == '/' ? text.find('\n', at)
                                           : text.find("*/", at + 2);
        end = std::min(end == text.npos ? text.size() : end + (c == '/' && text[at + 1] == '*' ? 2 : 1),
                       text.size());
        out += text.substr(at, end - at);
        at = end;
      } else if (c == '.' || c == '%' || isNamePart(c)) {
        size_t end = at + 1;
        while (end < text.size() && isNamePart(text[end]))
          end++;
        std::string_view word = text.substr(at, end - at);
        if (word == ".version" || word == ".target" || word == ".address_size") {
          at = skipLine(text, end);
          continue;
        }
        auto it = renamed.find(word);
        out += it == renamed.end() ? word : std::string_view(it->second);
        at = word == ".file" || word == ".loc" ? number(text, end) : end;
      } else {
        out += c;
        at++;
      }
    }
  }
};

} // namespace

std::string linkTexts(const std::vector<std::string> &texts) {
  std::set<std::string, std::less<>> defined;
  std::string body;
  int version = 0, target = 0;
  unsigned fileBase = 0;
  for (size_t k = 0; k < texts.size(); k++) {
    ptx::Module module = ptx::parse(texts[k], "input " + std::to_string(k + 1) + " of the link");
    version = std::max(version, module.version);
    target = std::max(target, module.target);
    std::map<std::string, std::string, std::less<>> renamed;
    auto meet = [&](std::string_view name, bool isPrivate, bool isWeak) {
      if (isPrivate || (isWeak && defined.contains(name)))
        renamed[std::string(name)] = std::string(name) + "$" + std::to_string(k + 1);
      else if (!defined.insert(std::string(name)).second)
        throw Error(Diag::link_twice, {std::string(name)});
    };
    for (const ptx::Variable &v : module.variables)
      if (v.function < 0 && !v.isExtern && !v.isCommon)
        meet(v.name, !v.isVisible && !v.isWeak, false);
    for (const ptx::Function &f : module.functions)
      if (f.hasBody && !f.isExtern)
        meet(f.name, !f.isEntry && !f.isVisible && !f.isWeak, f.isWeak);
    Rewriter rewriter{renamed, fileBase};
    rewriter.run(texts[k]);
    body += rewriter.out + "\n";
    fileBase += rewriter.files;
  }
  return ".version " + std::to_string(version / 10) + "." + std::to_string(version % 10) + "\n.target sm_" +
         std::to_string(target) + "\n.address_size 64\n" + body;
}

} // namespace tegula::cuda
