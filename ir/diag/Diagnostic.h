//===- Diagnostic.h - everything a user is told goes through here ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tegula {

/// A text that spans point into: a function's source as the user wrote it.
/// `firstLine` is the 1-based line in `file` of the first line of `text`.
struct SourceFile {
  std::string file;
  int firstLine = 1;
  std::string text;
};

/// Half-open byte range [begin, end) of `source->text`; empty source: no location is known.
struct Span {
  const SourceFile *source = nullptr;
  uint32_t begin = 0;
  uint32_t end = 0;

  explicit operator bool() const { return source != nullptr; }
  /// 1-based line in the user's file and 1-based column (in bytes) of `begin`.
  int line() const;
  int column() const;
  /// The smallest span that covers both.
  Span to(Span last) const { return {source, begin, last.end > end ? last.end : end}; }
};

/// The exception type that a diagnostic becomes in Python (`tegula.errors`).
enum class ErrorKind : uint8_t { Compile, Unsupported, OutOfResources, Launch, Device, Internal };

/// One row of the tables `ir/diag/*.def`.
enum class Diag : uint16_t {
#define DIAG(id, kind, message, nextStep) id,
#include "ir/diag/All.def"
#undef DIAG
  count
};

struct DiagRow {
  std::string_view id;
  ErrorKind kind;
  std::string_view message;  ///< `{0}`, `{1}` ... are replaced by the arguments
  std::string_view nextStep; ///< the same; may be empty
};

const DiagRow &row(Diag id);

/// A diagnostic: what is wrong, where, how the compiler came there, what to do next.
struct Diagnostic {
  struct Note {
    Span span;
    std::string text;
  };

  Diag id;
  std::string message;
  std::string nextStep;
  Span span;
  std::vector<Note> notes; ///< innermost inlined call first: "called from here"

  /// The one renderer: file:line:column, message, source line, caret under the range, notes, next step.
  std::string render() const;
};

/// Fills `{0}` ... of the row's texts.
Diagnostic makeDiagnostic(Diag id, Span span, const std::vector<std::string> &args = {});

/// Thrown for whatever a user can cause. `what()` is the rendered diagnostic. Must not cross LLVM's or MLIR's frames.
class Error : public std::exception {
public:
  explicit Error(Diagnostic diagnostic);
  Error(Diag id, Span span, const std::vector<std::string> &args = {})
      : Error(makeDiagnostic(id, span, args)) {}
  explicit Error(Diag id, const std::vector<std::string> &args = {}) : Error(id, Span(), args) {}

  const char *what() const noexcept override { return state->text.c_str(); }
  const Diagnostic &diagnostic() const { return state->diagnostic; }
  ErrorKind kind() const { return row(state->diagnostic.id).kind; }
  /// Adds a note at the end (a call site further out).
  void addNote(Span span, std::string text);

private:
  struct State {
    Diagnostic diagnostic;
    std::string text;
  };
  std::shared_ptr<State> state;
};

} // namespace tegula
