"""Instructions deleted from Triton's PTX are noticed: a fixed part of what `make emu-mutants` does (study.py)."""

import pytest
from mutants import Mutant, mutants, sample, verdict
from study import judge, study, subject, table

FEW = [(name, 80) for name in ("softmax", "matmul", "layernorm", "attention", "linear_gelu")]


def test_each_is_caught_or_explained():
    outcomes = study(FEW, most=2)
    assert len(outcomes) > 70
    unexplained = [(of, m.line, m.text) for of, _, m, how, why in outcomes if not how and not why]
    assert not unexplained, table(outcomes)
    # The reasons are for few of them: an emulator that finds less cannot hide behind them.
    assert sum(not how for *_, how, _ in outcomes) <= 0.1 * len(outcomes), table(outcomes)


@pytest.mark.parametrize("kind", ["cp.async wait", "barrier"])
def test_checks_alone_find_what_orders(kind):
    """A lost wait or barrier may leave a right result on the emulator: it is the checks that must speak."""
    of = ("matmul", 80)
    ((kernel,), _) = subject(*of)
    found = [judge((of, 0, m)) for m in sample([m for m in mutants(kernel.ptx) if m.kind == kind], 3)]
    caught = [how for *_, how, why in found if not why]
    assert caught and all(how.startswith("check: ") for how in caught), found


def test_what_does_nothing_survives():
    """The judge can say no: of a line that does nothing it says that nothing was caught."""
    kernels, run = subject("softmax", 80)
    lines = kernels[0].ptx.splitlines()
    line = next(n for n, text in enumerate(lines, 1) if text.strip().startswith("// begin inline asm"))
    assert verdict(kernels, 0, Mutant("barrier", line, ""), run) == ""
