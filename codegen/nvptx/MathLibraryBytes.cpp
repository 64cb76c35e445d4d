//===- MathLibraryBytes.cpp - the bitcode of the math library, as the build made it ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Bitcode is read in words of four bytes.
asm(".section .rodata.tegulaMathLibrary,\"a\"\n"
    ".balign 16\n"
    ".global tegulaMathLibrary\n"
    ".hidden tegulaMathLibrary\n"
    "tegulaMathLibrary:\n"
    ".incbin \"" TEGULA_MATH_LIBRARY "\"\n"
    ".global tegulaMathLibraryEnd\n"
    ".hidden tegulaMathLibraryEnd\n"
    "tegulaMathLibraryEnd:\n"
    ".previous\n");
