//===- Grid.h - runs the programs of a grid ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// A grid is a range of program numbers [0, n). The launching thread and the helpers of the pool take chunks of it from
// one counter:
//
//     n = 1000000 programs of 40 ns, 4 threads:   31250, 30273, ... , 625, 625, ...    (a part of what is left,
//     n = 6 programs of 3 ms, 4 threads:          1, 1, 1, 1, 1, 1                      at least ~25 us of work)
//
// How long a program takes is known from earlier launches of the kernel. A grid that is expected to take less than 20 us
// stays on the launching thread, which watches the clock: should the guess prove wrong, the rest is shared after all.
//
//===----------------------------------------------------------------------===//

#pragma once

#include "ir/CpuAbi.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

namespace tegula::cpu {

/// Compiled code ready to run, and what was learned of it.
struct Code {
  Entry entry = nullptr;
  int64_t scratchBytes = 0;
  std::string name; ///< for messages
  /// Nanoseconds of one program, as of the last launches; negative: not known yet.
  std::atomic<float> nsPerProgram{-1};
};

/// Runs the whole grid and returns when it is done. `slots` as Launch::arguments. A grid with an extent of 0 does nothing.
/// Throws Error: launch_bad_grid, scratch_too_big, device_assert_failed, launch_interrupted.
void runGrid(Code &code, std::array<int64_t, 3> grid, const uint64_t *slots);

/// The number of programs; throws Error (launch_bad_grid) for what is no grid.
int64_t programsOf(const std::array<int64_t, 3> &grid);

/// Called every ~50 ms, between two chunks, on the thread that launched; true stops the grid.
void setInterruptCheck(bool (*check)());

/// When to ask it: a coarse clock, some 10 ns a look.
class InterruptPoll {
public:
  InterruptPoll();
  /// 50 ms passed since the last time that this was true.
  bool isDue();
  /// Calls the check; true: stop.
  bool ask() const;

private:
  int64_t last;
};

/// Takes the lines of device_print: whole lines, and only on the thread that launched (between two chunks, and when the
/// grid is done), so that it may take locks which that thread holds already. Null: standard output.
void setPrintSink(void (*sink)(const char *text, size_t size));
/// Gives lines to the sink, at once.
void writeOut(const std::string &text);

} // namespace tegula::cpu
