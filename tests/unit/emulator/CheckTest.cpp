//===- CheckTest.cpp - every check finds what it is for, and is silent on what is right ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Each row is a kernel that a check must stop, and one close to it that is right. They run with every check fatal, in
// turn and under three random orders of the warps. %r0 is the thread, %rd0 an array of 64 words (all written), %rd2 the
// thread's own word in it, %r3 its word of the shared array s (at offset 0).

#include "driver/emulator/ptx/Machine.h"
#include "driver/emulator/ptx/Processor.h"
#include "ir/diag/Diagnostic.h"
#include "tests/unit/emulator/Gpu.h"

#include "gtest/gtest.h"

#include <set>

using namespace tegula::ptx;

namespace {

struct Case {
  const char *name;
  const char *kind; ///< of the finding
  std::string bad, good;
  uint32_t threads = 64, blocks = 1;
  const char *extra = ""; ///< checks that are off otherwise
  const char *outside = "";
};
void PrintTo(const Case &c, std::ostream *out) { *out << c.name; }

const std::string own =
    ".shared .align 16 .b8 s[512];\nshl.b32 %r1, %r0, 2;\nmov.u32 %r2, s;\nadd.u32 %r3, %r1, %r2;\n"
    "setp.lt.u32 %p0, %r0, 32;\nsetp.eq.u32 %p1, %r0, 0;\nsetp.lt.u32 %p2, %r0, 16;\n"
    "xor.b32 %r4, %r3, 128;\nxor.b32 %r5, %r3, 4;\nxor.b32 %r6, %r3, 64;\n";
const std::string store = own + "st.shared.u32 [%r3], %r0;\n";
const std::string otherWarp = "ld.shared.u32 %r10, [%r4];\n", neighbour = "ld.shared.u32 %r10, [%r5];\n",
                  otherHalf = "ld.shared.u32 %r10, [%r6];\n";
const std::string barrier = "bar.sync 0;\n";
const std::string async = own + "cp.async.ca.shared.global [%r3], [%rd2], 4;\n",
                  wait = "cp.async.wait_all;\n";

/// Memory from malloc: %rd4.
const char *heap =
    ".extern .func (.param .b64 r) malloc (.param .b64 n);\n.extern .func free (.param .b64 p);\n";
const std::string allocated =
    "{ .param .b64 n; .param .b64 r; st.param.b64 [n], 16;\n call.uni (r), malloc, (n);\n"
    "ld.param.b64 %rd4, [r]; }\n";
const std::string freed = "{ .param .b64 p; st.param.b64 [p], %rd4; call.uni free, (p); }\n";
const std::string local = ".local .align 8 .b8 l[16];\nmov.u64 %rd5, l;\n";

/// Warp 0 writes data, does `then`, and sets a flag in shared memory; warp 1 waits for it.
std::string flag(const std::string &then, const std::string &set, const std::string &look) {
  return own + "@%p1 st.shared.u32 [s+256], 0;\n" + barrier + "@%p0 bra first;\nwait_for:\n" + look +
         " %r11, [s+256];\nsetp.eq.u32 %p3, %r11, 0;\n@%p3 bra wait_for;\nld.shared.u32 %r12, "
         "[s+260];\nbra.uni over;\n"
         "first:\n@%p1 st.shared.u32 [s+260], 5;\n" +
         then + "@%p1 " + set + " [s+256], 1;\nover:\n";
}
/// The same from block 0 to block 1 in global memory, at words 0 and 1.
std::string blocks(const std::string &then, const std::string &set, const std::string &look) {
  return "mov.u32 %r20, %ctaid.x;\nsetp.eq.u32 %p0, %r20, 0;\n@%p0 bra first;\nwait_for:\n" + look +
         " %r11, [%rd0];\nsetp.ne.u32 %p3, %r11, 1;\n@%p3 bra wait_for;\nld.global.u32 %r12, "
         "[%rd0+4];\nbra.uni over;\n"
         "first:\nst.global.u32 [%rd0+4], 5;\n" +
         then + set + " [%rd0], 1;\nover:\n";
}

/// Warp 0 copies, waits for it and sets a flag.
std::string copyBehindFlag(const std::string &then) {
  return own + "@%p1 st.shared.u32 [s+256], 0;\n" + barrier +
         "@%p0 bra first;\nw:\nld.volatile.shared.u32 %r11, [s+256];\nsetp.eq.u32 %p3, %r11, 0;\n@%p3 bra "
         "w;\n" +
         otherWarp + "bra.uni over;\nfirst:\ncp.async.ca.shared.global [%r3], [%rd2], 4;\n" + wait +
         "bar.warp.sync -1;\n" + then + "@%p1 st.volatile.shared.u32 [s+256], 1;\nover:\n";
}

const std::vector<Case> cases = {
    {"GlobalEnd", "global-out-of-bounds", "st.global.u32 [%rd2+4], %r0;", "st.global.u32 [%rd2], %r0;"},
    {"GlobalStart", "global-out-of-bounds", "ld.global.u32 %r1, [%rd2+-4];", "ld.global.u32 %r1, [%rd2+0];"},
    {"GlobalVector", "global-out-of-bounds", "ld.global.v4.u32 {%r1, %r2, %r3, %r4}, [%rd0+256];",
     "ld.global.v4.u32 {%r1, %r2, %r3, %r4}, [%rd0+240];"},
    {"GlobalAtomic", "global-out-of-bounds", "red.global.add.u32 [%rd2+4], 1;",
     "red.global.add.u32 [%rd2], 1;"},
    {"GenericNull", "global-out-of-bounds", "mov.u64 %rd4, 0;\nld.u32 %r1, [%rd4];", "ld.u32 %r1, [%rd2];"},
    {"TopOfGlobal", "global-out-of-bounds", "mov.u64 %rd4, -4;\nst.global.u32 [%rd4], 1;",
     "st.global.u32 [%rd2], 1;"},
    {"TopOfGeneric", "global-out-of-bounds", "mov.u64 %rd4, -16;\nld.v4.u32 {%r1, %r2, %r3, %r4}, [%rd4];",
     "ld.v4.u32 {%r1, %r2, %r3, %r4}, [%rd0];"},
    {"TopOfAtomics", "global-out-of-bounds", "mov.u64 %rd4, -4;\nred.global.add.u32 [%rd4], 1;",
     "red.global.add.u32 [%rd2], 1;"},
    {"TopOfShared", "shared-out-of-bounds", own + "mov.u64 %rd4, -4;\nst.shared.u32 [%rd4], 1;",
     own + "mov.u64 %rd4, s;\n@%p1 st.shared.u32 [%rd4], 1;"},
    {"TopOfLocal", "local-out-of-bounds", local + "mov.u64 %rd4, -4;\nst.local.u32 [%rd4], 1;",
     local + "st.local.u32 [%rd5], 1;"},
    {"CopyEnd", "global-out-of-bounds", own + "@%p1 cp.async.cg.shared.global [s], [%rd0+256], 16;\n" + wait,
     own + "@%p1 cp.async.cg.shared.global [s], [%rd0+240], 16;\n" + wait},
    {"CopyOfFewer", "global-out-of-bounds",
     own + "@%p1 cp.async.cg.shared.global [s], [%rd0+256], 16, 4;\n" + wait,
     own + "@%p1 cp.async.cg.shared.global [s], [%rd0+256], 16, 0;\n" + wait},
    {"SharedEnd", "shared-out-of-bounds", own + "st.shared.u32 [%r3+260], %r0;",
     own + "st.shared.u32 [%r3+256], %r0;"},
    {"Ldmatrix", "shared-out-of-bounds",
     store + barrier + "ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%r10}, [s+512];",
     store + barrier + "ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%r10}, [s+16];"},
    {"LocalEnd", "local-out-of-bounds", local + "st.local.u32 [%rd5+16], %r0;",
     local + "st.local.u32 [%rd5+12], %r0;"},
    {"ParamEnd", "param-out-of-bounds", "ld.param.u32 %r1, [p0+8];", "ld.param.u32 %r1, [p0+4];"},
    {"Misaligned", "misaligned", "ld.global.u32 %r1, [%rd0+2];", "ld.global.u16 %rs1, [%rd0+2];"},
    {"MisalignedVector", "misaligned", "ld.global.v2.u32 {%r1, %r2}, [%rd0+4];",
     "ld.global.v2.u32 {%r1, %r2}, [%rd0+8];"},
    {"MisalignedShared", "misaligned", own + "st.shared.v4.u32 [s+8], {%r0, %r0, %r0, %r0};",
     own + "@%p1 st.shared.v4.u32 [s+16], {%r0, %r0, %r0, %r0};"},
    {"UseAfterFree", "use-after-free", allocated + "st.u32 [%rd4], %r0;\n" + freed + "ld.u32 %r1, [%rd4];",
     allocated + "st.u32 [%rd4], %r0;\nld.u32 %r1, [%rd4];\n" + freed, 64, 1, "", heap},
    {"FreeTwice", "invalid-free", allocated + freed + freed, allocated + freed, 64, 1, "", heap},
    {"FreeInside", "invalid-free", allocated + "add.s64 %rd4, %rd4, 4;\n" + freed, allocated + freed, 64, 1,
     "", heap},
    {"ConstantWrite", "constant-write", "mov.u64 %rd4, c;\nst.u32 [%rd4], %r0;",
     "mov.u64 %rd4, c;\nld.u32 %r1, [%rd4];", 64, 1, "", ".const .align 4 .u32 c = 7;\n"},
    {"SharedUnwritten", "shared-uninitialised", own + "ld.shared.u32 %r10, [%r3];",
     store + "ld.shared.u32 %r10, [%r3];"},
    {"SharedPartlyWritten", "shared-uninitialised",
     own + "st.shared.u8 [%r3], 1;\nst.shared.u8 [%r3+1], 1;\nst.shared.u8 [%r3+3], 1;\nld.shared.u32 %r10, "
           "[%r3];",
     own + "st.shared.u16 [%r3], 1;\nst.shared.u8 [%r3+2], 1;\nst.shared.u8 [%r3+3], 1;\nld.shared.u32 %r10, "
           "[%r3];"},
    {"SharedAtomicUnwritten", "shared-uninitialised", own + "red.shared.add.u32 [%r3], 1;",
     store + "red.shared.add.u32 [%r3], 1;"},
    {"HeapUnwritten", "global-uninitialised", allocated + "ld.u32 %r1, [%rd4+8];",
     allocated + "st.u32 [%rd4+8], %r0;\nld.u32 %r1, [%rd4+8];", 64, 1, "", heap},
    {"LocalUnwritten", "local-uninitialised",
     local + "st.local.u32 [%rd5], %r0;\nld.local.u32 %r1, [%rd5+4];",
     local + "st.local.u32 [%rd5+4], %r0;\nld.local.v2.u32 {%r1, %r2}, [%rd5];"},
    {"ReadAfterWrite", "shared-race", store + barrier + "st.shared.u32 [%r3], 1;\n" + otherWarp,
     store + barrier + "st.shared.u32 [%r3], 1;\n" + barrier + otherWarp},
    {"WriteAfterRead", "shared-race", store + barrier + otherWarp + "st.shared.u32 [%r3], 1;",
     store + barrier + otherWarp + barrier + "st.shared.u32 [%r3], 1;"},
    {"WriteAfterWrite", "shared-race", own + "st.shared.u32 [s], %r0;", own + "@%p1 st.shared.u32 [s], %r0;"},
    {"LaneAfterLane", "shared-race", store + neighbour, store + "bar.warp.sync -1;\n" + neighbour, 32},
    {"LaneBeforeLane", "shared-race", store + "bar.warp.sync -1;\n" + neighbour + "st.shared.u32 [%r3], 1;",
     store + "bar.warp.sync -1;\n" + neighbour + "bar.warp.sync -1;\nst.shared.u32 [%r3], 1;", 32},
    {"HalvesOfAWarp", "shared-race",
     store + "selp.b32 %r9, 0xffff, 0xffff0000, %p2;\nbar.warp.sync %r9;\n" + otherHalf,
     store + "selp.b32 %r9, 0xffff, 0xffff0000, %p2;\nbar.warp.sync %r9;\n" + neighbour, 32},
    {"ShuffleOrdersNothing", "shared-race", store + "shfl.sync.idx.b32 %r9, %r0, 0, 31, -1;\n" + neighbour,
     store + "membar.cta;\nshfl.sync.idx.b32 %r9, %r0, 0, 31, -1;\n" + neighbour, 32},
    {"Bytes", "shared-race", own + "@%p0 st.shared.u8 [s+1], 1;\n@!%p0 st.shared.u16 [s], 2;",
     own + "@%p1 st.shared.u8 [s+1], 1;\nsetp.eq.u32 %p3, %r0, 40;\n@%p3 st.shared.u8 [s], 2;"},
    {"NamedBarrier", "shared-race",
     store + barrier + "st.shared.u32 [%r3], 1;\n@%p0 bra early;\n" + otherWarp +
         "bar.sync 1, 64;\nbra.uni over;\nearly:\nbar.arrive 1, 64;\nover:\n",
     store + "@%p0 bra early;\nbar.sync 1, 64;\n" + otherWarp +
         "bra.uni over;\nearly:\nbar.arrive 1, 64;\nover:\n"},
    {"AfterArriving", "shared-race",
     own + "@%p0 bra early;\nbar.sync 1, 64;\nld.shared.u32 %r10, [%r4];\nbra.uni over;\nearly:\nbar.arrive "
           "1, 64;\n"
           "st.shared.u32 [%r3], 1;\nover:\n",
     own + "@%p0 bra early;\nbar.sync 1, 64;\nld.shared.u32 %r10, [%r4];\nbra.uni over;\nearly:\n"
           "st.shared.u32 [%r3], 1;\nbar.arrive 1, 64;\nover:\n",
     64, 1, ",-shared-uninitialised"},
    {"AtomicAndPlain", "shared-race",
     own + "@%p1 st.shared.u32 [s], 0;\n" + barrier + "red.shared.add.u32 [s], 1;\nld.shared.u32 %r9, [s];",
     own + "@%p1 st.shared.u32 [s], 0;\n" + barrier + "red.shared.add.u32 [s], 1;\n" + barrier +
         "ld.shared.u32 %r9, [s];"},
    {"FlagNeedsItsFence", "shared-race", flag("", "st.volatile.shared.u32", "ld.volatile.shared.u32"),
     flag("membar.cta;\n", "st.volatile.shared.u32", "ld.volatile.shared.u32")},
    {"FlagMustBeStrong", "shared-race", flag("membar.cta;\n", "st.shared.u32", "ld.volatile.shared.u32"),
     flag("", "st.release.cta.shared.u32", "ld.acquire.cta.shared.u32")},
    {"BlocksWriteOneWord", "global-race", "mov.u32 %r20, %ctaid.x;\nst.global.u32 [%rd2], %r20;",
     "mov.u32 %r20, %ctaid.x;\nshl.b32 %r20, %r20, 7;\ncvt.u64.u32 %rd4, %r20;\nadd.s64 %rd4, %rd4, %rd2;\n"
     "st.global.u32 [%rd4], %r0;",
     32, 2},
    {"BlockReadsWhatAnotherWrites", "global-race",
     "mov.u32 %r20, %ctaid.x;\nsetp.eq.u32 %p0, %r20, 0;\n@%p0 ld.global.u32 %r9, [%rd0];\n@!%p0 "
     "st.global.u32 [%rd0], 1;",
     "mov.u32 %r20, %ctaid.x;\nsetp.eq.u32 %p0, %r20, 0;\n@%p0 ld.global.u32 %r9, [%rd0];\n@!%p0 "
     "ld.global.u32 %r9, [%rd0];",
     1, 2},
    {"WarpsOfABlock", "global-race",
     "xor.b32 %r1, %r0, 32;\nmul.wide.u32 %rd3, %r1, 4;\nadd.s64 %rd4, %rd0, %rd3;\nst.global.u32 [%rd2], "
     "%r0;\n"
     "ld.global.u32 %r2, [%rd4];",
     "xor.b32 %r1, %r0, 32;\nmul.wide.u32 %rd3, %r1, 4;\nadd.s64 %rd4, %rd0, %rd3;\nst.global.u32 [%rd2], "
     "%r0;\n" +
         barrier + "ld.global.u32 %r2, [%rd4];"},
    {"FenceTooNarrow", "global-race",
     blocks("membar.cta;\n", "st.volatile.global.u32", "ld.volatile.global.u32"),
     blocks("membar.gl;\n", "st.volatile.global.u32", "ld.volatile.global.u32"), 1, 2},
    {"ReleaseTooNarrow", "global-race", blocks("", "st.release.cta.global.u32", "ld.acquire.gpu.global.u32"),
     blocks("", "st.release.gpu.global.u32", "ld.acquire.gpu.global.u32"), 1, 2},
    {"AtomicsTooNarrow", "global-race", "atom.relaxed.cta.global.add.u32 %r9, [%rd0], 1;",
     "atom.relaxed.gpu.global.add.u32 %r9, [%rd0], 1;", 1, 2},
    {"SameValue", "same-value-race", own + "st.shared.u32 [s], 7;", own + "@%p1 st.shared.u32 [s], 7;", 64, 1,
     ",+same-value-race"},
    {"LanesOfOneStore", "lane-write-conflict", own + "st.shared.u32 [s], %r0;", own + "st.shared.u32 [s], 7;",
     32, 1, ",+lane-write-conflict"},
    {"PlainReadBesideCas", "cas-read-race",
     "ld.global.u32 %r9, [%rd0];\natom.global.cas.b32 %r10, [%rd0], %r9, 1;",
     "ld.volatile.global.u32 %r9, [%rd0];\natom.global.cas.b32 %r10, [%rd0], %r9, 1;", 64, 1,
     ",+cas-read-race"},
    {"CopyNotAwaited", "async-copy-before-wait", async + "ld.shared.u32 %r10, [%r3];",
     async + wait + "ld.shared.u32 %r10, [%r3];"},
    {"CopyOverwritten", "async-copy-before-wait", async + "st.shared.u32 [%r3], 1;",
     async + wait + "st.shared.u32 [%r3], 1;"},
    {"WrongGroup", "async-copy-before-wait",
     async + "cp.async.commit_group;\ncp.async.wait_group 1;\nld.shared.u32 %r10, [%r3];",
     async + "cp.async.commit_group;\ncp.async.commit_group;\ncp.async.wait_group 1;\nld.shared.u32 %r10, "
             "[%r3];"},
    {"CopyOfAnotherWarp", "async-copy-before-wait", async + barrier + otherWarp,
     async + wait + barrier + otherWarp},
    {"CopyBehindAFlag", "shared-race", copyBehindFlag(""), copyBehindFlag("membar.cta;\n")},
    {"CopySourceChanged", "async-source-changed", async + "st.global.u32 [%rd2], 77;\n" + wait,
     async + wait + "st.global.u32 [%rd2], 77;\n"},
    {"BarrierByHalf", "divergent-barrier", own + "@%p2 bar.sync 0;\nbar.sync 0;",
     own + "@%p2 barrier.sync 1, 16;\nbar.sync 0;", 32},
    {"BarrierInBranches", "divergent-barrier",
     own + "@%p2 bra low;\nbar.sync 0;\nbra.uni over;\nlow:\nbar.sync 0;\nover:\n",
     own + "@%p0 bra low;\nbar.sync 0;\nbra.uni over;\nlow:\nbar.sync 0;\nover:\n"},
    {"BarrierCounts", "barrier-count", own + "@%p0 bar.sync 1, 64;\n@!%p0 bar.sync 1, 96;",
     own + "@%p0 bar.sync 1, 64;\n@!%p0 bar.sync 1, 64;"},
    {"MaskWithoutSelf", "member-mask", "shfl.sync.idx.b32 %r9, %r0, 0, 31, 1;",
     "shfl.sync.idx.b32 %r9, %r0, 0, 31, -1;"},
    {"MaskOfThoseSkipped", "member-mask", own + "@%p2 shfl.sync.idx.b32 %r9, %r0, 0, 31, -1;",
     own + "@%p2 shfl.sync.idx.b32 %r9, %r0, 0, 31, 0xffff;", 32},
    {"MaskOfThoseElsewhere", "member-mask",
     own + "@%p2 bra low;\nvote.sync.any.pred %p4, %p0, -1;\nbra.uni over;\nlow:\n"
           "vote.sync.any.pred %p4, %p0, 0xffff;\nover:\n",
     own + "@%p2 bra low;\nvote.sync.any.pred %p4, %p0, 0xffff0000;\nbra.uni over;\nlow:\n"
           "vote.sync.any.pred %p4, %p0, 0xffff;\nover:\n",
     32},
    {"ShuffleFromOutside", "shuffle-inactive", own + "@%p2 shfl.sync.idx.b32 %r9, %r0, 20, 31, 0xffff;",
     own + "@%p2 shfl.sync.idx.b32 %r9, %r0, 10, 31, 0xffff;", 32, 1, ",+shuffle-inactive"},
    {"BranchTable", "branch-index", "t: .branchtargets a, b;\nmov.u32 %r9, 2;\nbrx.idx %r9, t;\na:\nb:\n",
     "t: .branchtargets a, b;\nmov.u32 %r9, 1;\nbrx.idx %r9, t;\na:\nb:\n"},
    {"ObjectNotInitialised", "mbarrier",
     store + "bar.sync 0;\n@%p1 mbarrier.arrive.shared.b64 %rd5, [s+256];",
     own + "@%p1 mbarrier.init.shared.b64 [s+256], 1;\nbar.sync 0;\n@%p1 mbarrier.arrive.shared.b64 %rd5, "
           "[s+256];",
     64, 1, ",-shared-uninitialised"},
    {"TooManyArrivals", "mbarrier",
     own + "@%p1 mbarrier.init.shared.b64 [s+256], 1;\nbar.sync 0;\n@%p1 mbarrier.arrive.shared.b64 %rd5, "
           "[s+256], 2;",
     own + "@%p1 mbarrier.init.shared.b64 [s+256], 2;\nbar.sync 0;\n@%p1 mbarrier.arrive.shared.b64 %rd5, "
           "[s+256], 2;"},
    {"ObjectOrders", "shared-race",
     own +
         "@%p1 mbarrier.init.shared.b64 [s+256], 64;\nbar.sync 0;\nmbarrier.arrive.shared.b64 %rd5, "
         "[s+256];\n"
         "st.shared.u32 [%r3], 1;\nw:\nmbarrier.test_wait.shared.b64 %p4, [s+256], %rd5;\n@!%p4 bra w;\n" +
         otherWarp,
     own +
         "@%p1 mbarrier.init.shared.b64 [s+256], 64;\nbar.sync 0;\nst.shared.u32 [%r3], 1;\n"
         "mbarrier.arrive.shared.b64 %rd5, [s+256];\nw:\nmbarrier.test_wait.shared.b64 %p4, [s+256], "
         "%rd5;\n@!%p4 bra w;\n" +
         otherWarp},
    {"DeadlockOfALock", "deadlock", // nobody lets it go
     "l:\natom.global.cas.b32 %r9, [%rd0], 3, 1;\nsetp.ne.u32 %p0, %r9, 3;\n@%p0 bra l;\n",
     "l:\natom.global.cas.b32 %r9, [%rd0], 3, 1;\nsetp.ne.u32 %p0, %r9, 3;\n@%p0 bra "
     "l;\natom.global.exch.b32 %r9, [%rd0], 3;"},
    {"DeadlockOfBlocks", "deadlock", // each waits for the other one to be first
     "mov.u32 %r20, %ctaid.x;\nl:\nld.volatile.global.u32 %r9, [%rd0];\nsetp.ne.u32 %p0, %r9, 9;\n@%p0 bra "
     "l;\n"
     "st.volatile.global.u32 [%rd0], 9;\n",
     "mov.u32 %r20, %ctaid.x;\nst.volatile.global.u32 [%rd0], 9;\nl:\nld.volatile.global.u32 %r9, [%rd0];\n"
     "setp.ne.u32 %p0, %r9, 9;\n@%p0 bra l;\n",
     1, 3},
    {"NoDeadlockOfCounting", "deadlock", // the bad one again; the good one gives up
     "l:\nld.volatile.global.u32 %r9, [%rd0];\nsetp.ne.u32 %p0, %r9, 9;\n@%p0 bra l;\n",
     "mov.u32 %r8, 0;\nl:\nadd.u32 %r8, %r8, 1;\nsetp.eq.u32 %p1, %r8, 3000;\n@%p1 bra over;\n"
     "ld.volatile.global.u32 %r9, [%rd0];\nsetp.ne.u32 %p0, %r9, 9;\n@%p0 bra l;\nover:\n"},
    {"DeadlockAtABarrier", "deadlock", own + "@%p0 bar.sync 1, 64;", own + "bar.sync 1, 64;"},
};

class EmulatorCheck : public testing::TestWithParam<Case> {
protected:
  std::string run(const std::string &body, uint64_t seed, bool lazy) {
    const Case &c = GetParam();
    std::vector<uint32_t> data(64, 3);
    Gpu gpu;
    gpu.settings.block[0] = c.threads;
    gpu.settings.grid[0] = c.blocks;
    gpu.settings.seed = seed;
    gpu.settings.lazyAsync = lazy;
    gpu.settings.threads = 1;
    gpu.settings.checks = parseChecks(std::string("fatal") + c.extra);
    gpu.settings.instructionLimit = 100'000'000;
    try {
      runOne(gpu, data, ".reg .b16 %rs<4>;\n" + body, c.outside);
    } catch (const tegula::Error &error) {
      return error.what();
    }
    return "";
  }
};

TEST_P(EmulatorCheck, Finds) {
  const Case &c = GetParam();
  for (bool lazy : {true, false})
    for (uint64_t seed : {0, 1, 2, 3})
      EXPECT_NE(run(c.bad, seed, lazy).find(c.kind), std::string::npos) << run(c.bad, seed, lazy);
}

TEST_P(EmulatorCheck, IsSilent) {
  const Case &c = GetParam();
  for (bool lazy : {true, false})
    for (uint64_t seed : {0, 1, 2, 3})
      EXPECT_EQ(run(c.good, seed, lazy), "");
}

INSTANTIATE_TEST_SUITE_P(All, EmulatorCheck, testing::ValuesIn(cases),
                         [](const auto &info) { return std::string(info.param.name); });

TEST(EmulatorChecks, EveryKindHasAKernel) {
  std::set<std::string> kinds;
  for (const Case &c : cases)
    kinds.insert(c.kind);
  for (size_t k = 0; k < size_t(Check::count); k++)
    EXPECT_TRUE(kinds.count(checkName(static_cast<Check>(k)))) << checkName(static_cast<Check>(k));
}

TEST(EmulatorChecks, AskedForByName) {
  EXPECT_EQ(parseChecks("off").mode, Checks::off);
  ChecksWanted wanted = parseChecks("on,+same-value-race,-deadlock");
  EXPECT_TRUE(wanted.wants(Check::sameValue) && !wanted.wants(Check::deadlock) &&
              wanted.wants(Check::sharedRace));
  for (const char *text : {"", "yes", "on,shared-race", "on,+nothing", "fatal,"})
    EXPECT_THROW(parseChecks(text), tegula::Error) << text; // emulator_checks
}

/// A copy that reads fewer bytes than it writes needs no more than those; one from outside writes zeros and lands.
TEST(EmulatorChecks, CopiesAtTheEnd) {
  alignas(16) static uint32_t data[6] = {1, 2, 3, 4, 5, 6};
  std::vector<uint32_t> out(4);
  for (int size : {8, 16}) {
    Gpu gpu;
    gpu.settings.checks = Checks::on;
    gpu.emulator.registerRange(reinterpret_cast<uint64_t>(data), sizeof data, "data");
    gpu.pass(reinterpret_cast<uint64_t>(data)).pass(out);
    Report report = gpu.run(".param .u64 p0, .param .u64 p1", std::string(prologue) + R"(
      .shared .align 16 .b8 s[16];
      ld.param.u64 %rd3, [p1];
      cp.async.cg.shared.global [s], [%rd0+16], 16, )" + std::to_string(size) +
                                                                  R"(;
      cp.async.wait_all;
      ld.shared.v4.u32 {%r1, %r2, %r3, %r4}, [s];
      st.global.u32 [%rd3], %r1;
      st.global.u32 [%rd3+4], %r2;
      st.global.u32 [%rd3+8], %r3;)");
    ASSERT_EQ(report.findings.size(), size == 8 ? 0u : 1u);
    if (size == 16)
      EXPECT_EQ(report.findings[0].kind, "global-out-of-bounds");
    EXPECT_EQ(out, size == 8 ? (std::vector<uint32_t>{5, 6, 0, 0}) : (std::vector<uint32_t>{0, 0, 0, 0}));
  }
}

/// Both parties of a race are told, with where each is in the text and in the source.
TEST(EmulatorChecks, BothPartiesOfARace) {
  std::vector<uint32_t> data(64);
  Gpu gpu;
  gpu.settings.block[0] = 32, gpu.settings.block[1] = 2;
  gpu.settings.checks = Checks::on;
  Report report = runOne(gpu, data, R"(
    .shared .align 4 .b8 s[4];
    mov.u32 %r1, %tid.y;
    setp.eq.u32 %p0, %r1, 0;
    setp.ne.u32 %p1, %r0, 5;
    @%p1 bra over;
    .loc 1 10 0
    @%p0 st.shared.u32 [s], %r0;
    .loc 1 20 0
    @!%p0 st.shared.u32 [s], 99;
  over:)",
                         ".file 1 \"kernel.cu\"");
  ASSERT_EQ(report.findings.size(), 1u);
  const Finding &f = report.findings[0];
  EXPECT_EQ(f.kind, "shared-race");
  EXPECT_EQ(f.file, "kernel.cu");
  EXPECT_EQ(f.sourceLine, 20u);
  EXPECT_EQ(f.thread[0] + 100 * f.thread[1], 105u);
  ASSERT_TRUE(f.hasOther);
  EXPECT_EQ(f.other.line, 10u);
  EXPECT_EQ(f.other.thread[0] + 100 * f.other.thread[1], 5u);
  for (const char *part :
       {"kernel k, kernel.cu:20 (PTX line ", "st.shared.u32 [s], 99;", "block (0, 0, 0), thread (5, 1, 0)",
        "writes shared memory at offset 0, which thread (5, 0, 0) wrote at kernel.cu:10 (PTX line ",
        "with nothing that orders the two"})
    EXPECT_NE(f.text.find(part), std::string::npos) << part << " in " << f.text;
}

/// A repeated finding is one finding with a count; a launch goes on.
TEST(EmulatorChecks, RepeatedFindingsAreCounted) {
  std::vector<uint32_t> data(64);
  Gpu gpu;
  gpu.settings.block[0] = 64, gpu.settings.grid[0] = 3;
  gpu.settings.checks = Checks::on;
  Report report = runOne(gpu, data, "st.global.u32 [%rd2+256], %r0;\nld.global.u32 %r1, [%rd0];");
  ASSERT_EQ(report.findings.size(), 1u);
  EXPECT_EQ(report.findings[0].count, 192u);
}

TEST(EmulatorChecks, HostMemoryThatNothingHasWritten) {
  Emulator emulator;
  uint64_t memory = emulator.allocate(256, true);
  auto module =
      emulator.load(".version 8.4\n.target sm_80\n.address_size 64\n.visible .entry k(.param .u64 p) {\n"
                    ".reg .b64 %rd<4>; .reg .b32 %r<4>;\nld.param.u64 %rd1, [p];\n"
                    "ld.global.u32 %r1, [%rd1];\nst.global.u32 [%rd1+4], %r1;\nret; }",
                    "sm_80");
  std::vector<uint8_t> arguments(8);
  memcpy(arguments.data(), &memory, 8);
  LaunchSettings settings;
  settings.checks = Checks::on;
  Report first = emulator.launch(*module, "k", settings, arguments);
  ASSERT_EQ(first.findings.size(), 1u);
  EXPECT_EQ(first.findings[0].kind, "global-uninitialised");
  emulator.written(memory, 4);
  EXPECT_TRUE(emulator.launch(*module, "k", settings, arguments).findings.empty());
  EXPECT_TRUE(emulator.ranges().at(0).written);
  emulator.release(memory);
  EXPECT_FALSE(emulator.ranges().at(0).written); // it would be as large as all that was ever allocated
  Report after = emulator.launch(*module, "k", settings, arguments);
  ASSERT_FALSE(after.findings.empty());
  EXPECT_EQ(after.findings[0].kind, "use-after-free");
}

TEST(EmulatorChecks, FreedMemoryThatTheHostUsesAgain) {
  Emulator emulator;
  uint64_t first = emulator.allocate(4096);
  emulator.release(first);
  Emulator::Range range;
  ASSERT_TRUE(emulator.find(first + 512, range));
  EXPECT_TRUE(range.freed);
  emulator.registerRange(first - 256, 1024, "the host's");
  ASSERT_TRUE(emulator.find(first + 512, range));
  EXPECT_FALSE(range.freed);
  EXPECT_EQ(range.name, "the host's");
}

TEST(EmulatorChecks, ProcessorsThatDoNotFit) {
  requireProcessor(true);
  try {
    requireProcessor(false);
    FAIL();
  } catch (const tegula::Error &error) {
    EXPECT_EQ(error.diagnostic().id, tegula::Diag::emulator_processor);
    EXPECT_NE(std::string(error.what()).find("below it"), std::string::npos) << error.what();
  }
}

TEST(EmulatorChecks, EndlessKernelsStop) {
  std::vector<uint32_t> data(64);
  Gpu gpu;
  gpu.settings.instructionLimit = 5'000'000;
  try {
    runOne(gpu, data, "forever:\nadd.u32 %r1, %r1, 1;\nbra.uni forever;");
    FAIL();
  } catch (const tegula::Error &error) { // emulator_limit
    EXPECT_NE(std::string(error.what()).find("stopped after about 5000000"), std::string::npos)
        << error.what();
  }
  Gpu other;
  int asked = 0;
  other.settings.interrupted = [&] { return ++asked == 3; };
  EXPECT_THROW(runOne(other, data, "forever:\nbra.uni forever;"), tegula::Error); // emulator_interrupted
  EXPECT_EQ(asked, 3);
}

} // namespace
