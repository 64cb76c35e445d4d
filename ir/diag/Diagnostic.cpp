//===- Diagnostic.cpp - rendering of diagnostics ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ir/diag/Diagnostic.h"

#include <algorithm>

namespace tegula {

static constexpr DiagRow rows[] = {
#define DIAG(id, kind, message, nextStep) {#id, ErrorKind::kind, message, nextStep},
#include "ir/diag/All.def"
#undef DIAG
};

const DiagRow &row(Diag id) { return rows[size_t(id)]; }

int Span::line() const {
  if (!source)
    return 0;
  auto stop = source->text.begin() + std::min<size_t>(begin, source->text.size());
  return source->firstLine + int(std::count(source->text.begin(), stop, '\n'));
}

int Span::column() const {
  if (!source)
    return 0;
  size_t at = std::min<size_t>(begin, source->text.size());
  size_t lineStart = at == 0 ? std::string::npos : source->text.rfind('\n', at - 1);
  return int(at - (lineStart == std::string::npos ? 0 : lineStart + 1)) + 1;
}

static std::string fill(std::string_view text, const std::vector<std::string> &args) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    bool isHole = text[i] == '{' && i + 2 < text.size() && text[i + 2] == '}' && text[i + 1] >= '0' &&
                  text[i + 1] <= '9';
    if (!isHole) {
      out += text[i];
      continue;
    }
    size_t index = size_t(text[i + 1] - '0');
    out += index < args.size() ? args[index] : "?";
    i += 2;
  }
  return out;
}

Diagnostic makeDiagnostic(Diag id, Span span, const std::vector<std::string> &args) {
  const DiagRow &r = row(id);
  return {id, fill(r.message, args), fill(r.nextStep, args), span, {}};
}

/// The source line of `span` and a caret line under its part of that line.
static void renderSource(std::string &out, Span span) {
  const std::string &text = span.source->text;
  size_t begin = std::min<size_t>(span.begin, text.size());
  size_t start = begin - size_t(span.column() - 1);
  size_t stop = std::min(text.find('\n', start), text.size());
  std::string number = std::to_string(span.line());
  std::string line = text.substr(start, stop - start);
  out += " " + number + " | " + line + "\n " + std::string(number.size(), ' ') + " | ";
  for (size_t i = start; i < begin; ++i)
    out += text[i] == '\t' ? '\t' : ' ';
  size_t width = std::clamp<size_t>(span.end, begin + 1, std::max(stop, begin + 1)) - begin;
  out += "^" + std::string(width - 1, '~') + "\n";
}

static void renderPlace(std::string &out, Span span, std::string_view label, std::string_view text) {
  if (span)
    out += span.source->file + ":" + std::to_string(span.line()) + ":" + std::to_string(span.column()) + ": ";
  out += std::string(label) + std::string(text) + "\n";
  if (span)
    renderSource(out, span);
}

std::string Diagnostic::render() const {
  std::string out;
  renderPlace(out, span, "error: ", message);
  for (const Note &note : notes)
    renderPlace(out, note.span, "note: ", note.text);
  if (!nextStep.empty())
    out += "help: " + nextStep + "\n";
  return out;
}

Error::Error(Diagnostic diagnostic) : state(std::make_shared<State>()) {
  state->diagnostic = std::move(diagnostic);
  state->text = state->diagnostic.render();
}

void Error::addNote(Span span, std::string text) {
  state->diagnostic.notes.push_back({span, std::move(text)});
  state->text = state->diagnostic.render();
}

} // namespace tegula
