# tensor_descriptor.py - tensor descriptors that are kernel arguments
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

"""Tensor descriptors that are kernel arguments: in the kernel they are what `tl.make_tensor_descriptor` makes."""

from __future__ import annotations

from collections import namedtuple

from ..language.core import constexpr

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

_Fields = namedtuple("_Fields", ["base", "shape", "strides", "block_shape", "padding"])


class TensorDescriptor:
    """A tensor that a kernel reads and writes in blocks of `block_shape`. The block shape may be changed between
    launches; `padding` ("zero" or "nan") is what is read outside of the tensor."""

    def __init__(
        self,
        base: Any,
        shape: Sequence[int],
        strides: Sequence[int],
        block_shape: Sequence[int],
        padding: str = "zero",
        round_f32_to_tf32: bool = False,
    ) -> None:
        self.base, self.shape, self.strides, self.block_shape = base, shape, strides, block_shape
        self.padding, self.round_f32_to_tf32 = padding, round_f32_to_tf32
        rank = len(self.shape)
        if not 1 <= rank <= 5:
            raise ValueError(f"a tensor descriptor has 1 to 5 dimensions, got {rank}")
        if len(self.strides) != rank or len(self.block_shape) != rank:
            raise ValueError(
                f"shape, strides and block_shape need one length, got {rank}, {len(self.strides)}"
                f" and {len(self.block_shape)}"
            )
        if self.strides[-1] != 1:
            raise ValueError(
                f"the last dimension must be contiguous (stride 1), got stride {self.strides[-1]}"
            )
        if self.padding not in ("zero", "nan"):
            raise ValueError(f"padding is 'zero' or 'nan', got {self.padding!r}")

    @staticmethod
    def from_tensor(
        tensor: Any, block_shape: Sequence[int], padding: str = "zero", round_f32_to_tf32: bool = False
    ) -> TensorDescriptor:
        """A descriptor of a whole tensor, with its shape and strides."""
        return TensorDescriptor(
            tensor, tuple(tensor.shape), tuple(tensor.stride()), block_shape, padding, round_f32_to_tf32
        )

    def _fields_tuple(self) -> _Fields:
        return _Fields(
            self.base,
            tuple(map(int, self.shape)),
            tuple(map(int, self.strides)),
            constexpr(tuple(map(int, self.block_shape))),
            constexpr(self.padding),
        )
