//===- ptxas.cpp - the program ptxas of the emulated GPU ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// All of it is in libcuda.so.1 beside this program: Ptxas.cpp.
extern "C" int tegulaPtxas(int argc, char **argv);

int main(int argc, char **argv) { return tegulaPtxas(argc, argv); }
