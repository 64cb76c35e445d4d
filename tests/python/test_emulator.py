"""tegula.emulator: small PTX kernels on arrays, and what wrong PTX and wrong launches answer."""

import numpy as np
import pytest
import tegula
from tegula import emulator

HEAD = ".version 8.0\n.target sm_80\n.address_size 64\n"
ADD_ONE = """
.visible .entry add_one(.param .u64 x, .param .u32 n)
{
  .reg .pred %p<2>;
  .reg .b32 %r<8>;
  .reg .b64 %rd<4>;
  ld.param.u64 %rd1, [x];
  ld.param.u32 %r1, [n];
  mov.u32 %r2, %ctaid.x;
  mov.u32 %r3, %ntid.x;
  mov.u32 %r4, %tid.x;
  mad.lo.s32 %r5, %r2, %r3, %r4;
  setp.ge.u32 %p1, %r5, %r1;
  @%p1 bra DONE;
  mul.wide.u32 %rd2, %r5, 4;
  add.s64 %rd3, %rd1, %rd2;
  ld.global.u32 %r6, [%rd3];
  add.s32 %r7, %r6, 1;
  st.global.u32 [%rd3], %r7;
DONE:
  ret;
}
"""


def body(text: str) -> str:
    """A kernel `k(x)` with `text` as its body; %rd1 holds x."""
    return (
        HEAD + ".visible .entry k(.param .u64 x)\n{\n.reg .pred %p<4>;\n.reg .b32 %r<8>;\n.reg .b64 %rd<4>;\n"
        "ld.param.u64 %rd1, [x];\n" + text + "\nret;\n}\n"
    )


@pytest.mark.parametrize("checks", ["off", "on", "fatal"])
def test_kernel_changes_the_array_in_place(checks):
    x = np.arange(100, dtype=np.int32)
    emulator.load(HEAD + ADD_ONE, "sm_80").launch("add_one", (4,), (32,), [x, 90], checks=checks)
    assert (x == np.arange(100) + (np.arange(100) < 90)).all()


def test_torch_tensors():
    torch = pytest.importorskip("torch")
    x = torch.zeros(64, dtype=torch.int32)
    emulator.load(HEAD + ADD_ONE, "sm_80").launch("add_one", (2,), (32,), [x, 64])
    assert (x == 1).all()


def test_counters():
    x = np.zeros(64, dtype=np.int32)
    report = emulator.load(HEAD + ADD_ONE, "sm_80").launch("add_one", (2,), (32,), [x, 64], counters=True)
    assert report.counters and report.findings == []


def test_out_of_bounds_is_found():
    x = np.zeros(40, dtype=np.int32)
    with pytest.raises(tegula.errors.DeviceError, match="add_one"):  # emulator_finding
        emulator.load(HEAD + ADD_ONE, "sm_80").launch("add_one", (4,), (32,), [x, 4000], checks="fatal")


def test_a_race_is_found_and_its_neighbour_is_not():
    racy = body("mov.u32 %r1, %tid.x;\nst.shared.u32 [s], %r1;\nld.shared.u32 %r2, [s];").replace(
        ".reg .pred", ".shared .align 4 .b8 s[256];\n.reg .pred"
    )
    clean = body(
        "mov.u32 %r1, %tid.x;\nshl.b32 %r3, %r1, 2;\nmov.u32 %r4, s;\nadd.s32 %r3, %r3, %r4;\n"
        "st.shared.u32 [%r3], %r1;\nbar.sync 0;\nld.shared.u32 %r2, [%r3];"
    ).replace(".reg .pred", ".shared .align 4 .b8 s[256];\n.reg .pred")
    x = np.zeros(4, dtype=np.int32)
    found = emulator.load(racy, "sm_80").launch("k", (1,), (64,), [x], checks="on").findings
    assert any("race" in f.kind for f in found), found
    assert emulator.load(clean, "sm_80").launch("k", (1,), (64,), [x], checks="on").findings == []


# (diagnostic, PTX, what its message says)
WRONG = [
    ("ptx_syntax", HEAD + ".visible .entry k(", "expected"),
    ("ptx_directive", HEAD + ".nonsense 3;\n", "directive `.nonsense` is unknown"),
    ("ptx_name", body("mov.u32 %r1, %q7;"), "`%q7` is not declared"),
    ("ptx_repeated", body(".reg .b32 %r<3>;"), "declared twice"),
    ("ptx_version", ".version 8.0\n.target sm_999\n.address_size 64\n" + ADD_ONE, "sm_999"),
    ("ptx_limit", HEAD + ".shared .align 4 .b8 s[99999999999999];\n" + ADD_ONE, "beyond what is supported"),
    ("ptx_opcode", body("frobnicate.u32 %r1, %r2;"), "instruction `frobnicate"),
    ("ptx_operand", body("st.global.u32 %r1, %r2;"), "must be an address in brackets"),
    ("ptx_operands", body("add.s32 %r1, %r2;"), "takes 3 operands, not 2"),
    ("ptx_form emulator_type", body("add.b32 %r1, %r2, %r3;"), "`add.b32`"),
    ("emulator_modifier", body("ld.global.mystery.u32 %r1, [%rd1];"), "mystery"),
    ("emulator_special_register", body("mov.u32 %r1, %reserved_smem_offset_begin;"), "special register"),
]


@pytest.mark.parametrize("name,ptx,text", WRONG, ids=[w[0] for w in WRONG])
def test_wrong_ptx(name, ptx, text):
    with pytest.raises(tegula.errors.TegulaError) as caught:
        emulator.load(ptx, "sm_80").launch("k", (1,), (32,), [np.zeros(4, np.int32)])
    assert text in str(caught.value)


def test_wrong_launches():
    with pytest.raises(tegula.errors.LaunchError, match="unknown architecture `sm_12`"):  # emulator_arch
        emulator.load(HEAD + ADD_ONE, "sm_12")
    module = emulator.load(HEAD + ADD_ONE, "sm_80")
    x = np.zeros(4, np.int32)
    with pytest.raises(
        tegula.errors.LaunchError, match="no kernel `nothing`; it has: add_one"
    ):  # emulator_no_kernel
        module.launch("nothing", (1,), (32,), [x, 4])
    with pytest.raises(tegula.errors.LaunchError, match="cannot be launched"):  # emulator_launch
        module.launch("add_one", (1,), (2048,), [x, 4])


def test_trap():
    with pytest.raises(tegula.errors.DeviceError, match="kernel `k` stopped"):  # emulator_trap
        emulator.load(body("trap;"), "sm_80").launch("k", (1,), (32,), [np.zeros(4, np.int32)])
