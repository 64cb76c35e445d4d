# RUN: tegula-translate %s --kernel branch --signature "x=*fp32,n=i32" --expect-error | FileCheck %s --check-prefix=BRANCH
# RUN: tegula-translate %s --kernel loop --signature "x=*fp32,n=i32" --expect-error | FileCheck %s --check-prefix=LOOP
# RUN: tegula-translate %s --kernel chain --signature "x=*fp32,n=i32" --expect-error | FileCheck %s --check-prefix=CHAIN
# RUN: tegula-translate %s --kernel undefined --signature "x=*fp32,n=i32" --expect-error | FileCheck %s --check-prefix=UNDEFINED
import tegula
import tegula.language as tl


# BRANCH: errors.py:[[#@LINE+12]]:18: error: 'y' is i32[4] on one way and fp32[4] on the other
# BRANCH: tl.store(x + y, 1)
# BRANCH: ^
# BRANCH: errors.py:[[#@LINE+6]]:9: note: i32[4] is set here
# BRANCH: errors.py:[[#@LINE+7]]:9: note: fp32[4] is set here
# BRANCH: help: Cast one of them
@tegula.jit
def branch(x, n):
    if n > 3:
        y = tl.arange(0, 4)
    else:
        y = tl.zeros((4,), tl.float32)
    tl.store(x + y, 1)


# LOOP: errors.py:[[#@LINE+7]]:9: error: the loop changes 'acc' from i32 to fp32
# LOOP: errors.py:[[#@LINE+4]]:5: note: i32 is set here, before the loop
# LOOP: help: Give it the type and shape it has in the loop
@tegula.jit
def loop(x, n):
    acc = 0
    for i in range(n):
        acc += tl.load(x + i)
    tl.store(x, acc)


@tegula.jit
def add(a, b):
    return a + b


@tegula.jit
def middle(a):
    return add(a, tl.arange(0, 8))


# CHAIN: error: shapes [4] and [8] do not broadcast: dimension 0 has 4 and 8
# CHAIN: return a + b
# CHAIN: note: in 'add', called from here
# CHAIN: return add(a, tl.arange(0, 8))
# CHAIN: note: in 'middle', called from here
# CHAIN: middle(tl.arange(0, 4))
@tegula.jit
def chain(x, n):
    middle(tl.arange(0, 4))


# UNDEFINED: error: name 'blok' is not defined (did you mean 'block'?)
# UNDEFINED: help: Define it in the kernel
@tegula.jit
def undefined(x, n):
    block = 4
    tl.store(x, blok)
