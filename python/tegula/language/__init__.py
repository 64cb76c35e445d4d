# __init__.py - the language that kernels are written in
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

"""The language that kernels are written in: `import tegula.language as tl`."""

from . import extra, math  # last: tl.math is the module
from ._functions import *  # noqa: F403
from .core import (
    TRITON_MAX_TENSOR_NUMEL,
    PropagateNan,
    bfloat16,
    block_type,
    cdiv,
    const,
    constexpr,
    dtype,
    float8e4b8,
    float8e4b15,
    float8e4nv,
    float8e5,
    float8e5b16,
    float16,
    float32,
    float64,
    get_int_dtype,
    int1,
    int8,
    int16,
    int32,
    int64,
    next_power_of_2,
    pi32_t,
    pointer_type,
    range,
    static_range,
    tensor,
    tuple,
    uint8,
    uint16,
    uint32,
    uint64,
    void,
)

__tegula_space__ = ""
