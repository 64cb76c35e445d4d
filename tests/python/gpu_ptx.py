# gpu_ptx.py - kernels of small_kernels.py as PTX written by hand, for tests of the drivers alone
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#

import contextlib
import tempfile
from pathlib import Path

import small_kernels
import tegula


def kernel(name, params, body, arch="sm_80", warps=4, shared=0, version="8.0"):
    """A file for TEGULA_OVERRIDE_DIR: `params` are types, the parameters are p0, p1, ..."""
    declared = ", ".join(f".param .{type_} p{i}" for i, type_ in enumerate(params))
    return (
        f"// tegula: entry={name} warps={warps} shared={shared}\n"
        f".version {version}\n.target {arch}\n.address_size 64\n"
        f'.file 1 "{small_kernels.__file__}"\n'
        f".extern .shared .align 16 .b8 dynamic[];\n"
        f".visible .entry {name}({declared})\n{{\n"
        ".reg .pred %p<4>;\n.reg .b16 %h<4>;\n.reg .b32 %r<12>;\n.reg .f32 %f<4>;\n.reg .b64 %rd<12>;\n"
        f"{body}\nret;\n}}\n"
    )


with open(small_kernels.__file__) as _file:
    LINE_OF_ADD = 1 + next(i for i, line in enumerate(_file) if "tl.load(y + i, mask=m)" in line)

ADD_BODY = f"""
ld.param.u64 %rd1, [p0];
ld.param.u64 %rd2, [p1];
ld.param.u64 %rd3, [p2];
ld.param.u32 %r1, [p3];
mov.u32 %r2, %ctaid.x;
mov.u32 %r3, %ntid.x;
mov.u32 %r4, %tid.x;
mad.lo.s32 %r5, %r2, %r3, %r4;
setp.ge.s32 %p1, %r5, %r1;
@%p1 bra DONE;
mul.wide.s32 %rd4, %r5, 4;
add.s64 %rd1, %rd1, %rd4;
add.s64 %rd2, %rd2, %rd4;
add.s64 %rd3, %rd3, %rd4;
.loc 1 {LINE_OF_ADD} 5
ld.global.f32 %f1, [%rd1];
ld.global.f32 %f2, [%rd2];
add.f32 %f3, %f1, %f2;
st.global.f32 [%rd3], %f3;
DONE:
"""
POINTERS = ["u64", "u64", "u64", "u32"]


def add(arch="sm_80", **options):
    """small_kernels.add with BLOCK = 32 * warps."""
    return kernel("add", POINTERS, ADD_BODY, arch, **options)


@contextlib.contextmanager
def replaced(folder, **files):
    """Within the block the stages `kernel_stage="text"` come from these texts, in a new folder below `folder`: a process
    remembers what it compiled from the files of one. Gives that folder."""
    here = Path(tempfile.mkdtemp(dir=folder))
    for name, text in files.items():
        (here / ".".join(name.rsplit("_", 1))).write_text(text)
    before = tegula.knobs.override_dir
    tegula.knobs.override_dir = str(here)
    try:
        yield here
    finally:
        tegula.knobs.override_dir = before
