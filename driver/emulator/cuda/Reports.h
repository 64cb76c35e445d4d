//===- Reports.h - what checks found and what launches counted ---===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "driver/emulator/ptx/Emulator.h"

namespace tegula::cuda {

/// Keeps the findings of a launch until they are printed, and appends its counters to the file of TEGULA_EMU_COUNTERS
/// (one JSON object a line, the same as tegula.emulator's Report.counters).
void keepReport(const ptx::LaunchSettings &settings, ptx::Report report);
/// Prints to stderr what was kept, each finding of one place once.
void printFindings();

} // namespace tegula::cuda
