//===- DiagnosticTest.cpp - rendering of diagnostics ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ir/diag/Diagnostic.h"

#include <gtest/gtest.h>

using namespace tegula;

namespace {

const SourceFile source{"kernel.py", 10, "def f(x):\n\tstore(x, y)\n    return\n"};

TEST(Diagnostic, PlaceIsOfTheUsersFile) {
  Span span{&source, 20, 21};
  EXPECT_EQ(span.line(), 11);
  EXPECT_EQ(span.column(), 11);
}

TEST(Diagnostic, CaretStandsUnderTheRange) {
  Error error(Diag::undefined_name, Span{&source, 20, 21}, {"y", ""});
  EXPECT_STREQ(error.what(),
               "kernel.py:11:11: error: name 'y' is not defined\n"
               " 11 | \tstore(x, y)\n"
               "    | \t         ^\n"
               "help: Define it in the kernel, pass it as an argument, or make it a global tl.constexpr.\n");
}

TEST(Diagnostic, RangeEndsWithItsLine) {
  Error error(Diag::undefined_name, Span{&source, 11, 40}, {"y", ""});
  EXPECT_NE(std::string(error.what()).find("    | \t^~~~~~~~~~~\n"), std::string::npos) << error.what();
}

TEST(Diagnostic, NotesNameTheCallers) {
  Error error(Diag::undefined_name, Span{&source, 20, 21}, {"y", ""});
  error.addNote(Span{&source, 4, 5}, "called from here");
  EXPECT_NE(std::string(error.what())
                .find("kernel.py:10:5: note: called from here\n 10 | def f(x):\n    |     ^\n"),
            std::string::npos)
      << error.what();
}

TEST(Diagnostic, NoPlaceAtTheEndOfTheText) {
  Error error(Diag::undefined_name, Span{&source, 9999, 10000}, {"y", ""});
  EXPECT_NE(std::string(error.what()).find("name 'y'"), std::string::npos);
}

} // namespace
