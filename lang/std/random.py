# random.py - random numbers by Philox, the same bits as Triton's
#
# Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#

# Read by the compiler, never by Python. Philox 4x32 and 4x64: Salmon, Moraes, Dror, Shaw, "Parallel random
# numbers: as easy as 1, 2, 3", SC 2011; the multipliers and key steps are that paper's.


def philox_impl(c0, c1, c2, c3, k0, k1, n_rounds: tl.constexpr = 10):
    """`n_rounds` rounds of Philox on the counter (c0, c1, c2, c3) with the key (k0, k1), uint32 or uint64."""
    tl.static_assert(c0.dtype == tl.uint32 or c0.dtype == tl.uint64, "philox_impl takes uint32 or uint64")
    if c0.dtype == tl.uint32:
        key_step0: tl.constexpr = 0x9E3779B9
        key_step1: tl.constexpr = 0xBB67AE85
        factor0: tl.constexpr = 0xD2511F53
        factor2: tl.constexpr = 0xCD9E8D57
    else:
        key_step0: tl.constexpr = 0x9E3779B97F4A7C15
        key_step1: tl.constexpr = 0xBB67AE8584CAA73B
        factor0: tl.constexpr = 0xD2E7470EE14C6C93
        factor2: tl.constexpr = 0xCA5A826395121157
    for _ in tl.static_range(n_rounds):
        high0 = tl.umulhi(factor0, c0)
        low0 = tl.mul(factor0, c0, sanitize_overflow=False)
        high2 = tl.umulhi(factor2, c2)
        low2 = tl.mul(factor2, c2, sanitize_overflow=False)
        c0 = high2 ^ c1 ^ k0
        c1 = low2
        c2 = high0 ^ c3 ^ k1
        c3 = low0
        k0 = tl.add(k0, key_step0, sanitize_overflow=False)
        k1 = tl.add(k1, key_step1, sanitize_overflow=False)
    return c0, c1, c2, c3


def philox(seed, c0, c1, c2, c3, n_rounds: tl.constexpr = 10):
    """Philox with a 64-bit seed as the key; the counter's words are 32 or 64 bits wide."""
    key = tl.to_tensor(seed)
    tl.static_assert(key.dtype.is_int(), "philox takes an integer seed")
    key = key.to(tl.uint64)
    w0 = tl.to_tensor(c0)
    w1 = tl.to_tensor(c1)
    w2 = tl.to_tensor(c2)
    w3 = tl.to_tensor(c3)
    tl.static_assert(
        w0.dtype.primitive_bitwidth == 32 or w0.dtype.primitive_bitwidth == 64,
        "philox takes counters of 32 or 64 bits",
    )
    if w0.dtype.primitive_bitwidth == 32:
        return philox_impl(
            w0.to(tl.uint32, bitcast=True),
            w1.to(tl.uint32, bitcast=True),
            w2.to(tl.uint32, bitcast=True),
            w3.to(tl.uint32, bitcast=True),
            key.to(tl.uint32),
            (key >> 32).to(tl.uint32),
            n_rounds,
        )
    else:
        return philox_impl(
            w0.to(tl.uint64, bitcast=True),
            w1.to(tl.uint64, bitcast=True),
            w2.to(tl.uint64, bitcast=True),
            w3.to(tl.uint64, bitcast=True),
            key,
            tl.full((), 0, tl.uint64),
            n_rounds,
        )


def randint4x(seed, offset, n_rounds: tl.constexpr = 10):
    """Four tiles of random 32-bit integers for each offset: all that one run of Philox gives."""
    place = tl.to_tensor(offset)
    low = place.to(tl.uint32)
    nil = low * 0
    if place.dtype.primitive_bitwidth > 32:
        return philox(seed, low, (place >> 32).to(tl.uint32), nil, nil, n_rounds)
    else:
        return philox(seed, low, nil, nil, nil, n_rounds)


def randint(seed, offset, n_rounds: tl.constexpr = 10):
    """A random 32-bit integer for each offset."""
    words = randint4x(seed, offset, n_rounds)
    return words[0]


def uint_to_uniform_float(x):
    """Random bits to a float32 in [0, 1): the sign is folded away, the rest scaled by 2^-31 or 2^-63."""
    tl.static_assert(
        x.dtype.is_int() and x.dtype.primitive_bitwidth >= 32,
        "uint_to_uniform_float takes integers of 32 or 64 bits",
    )
    if x.dtype.primitive_bitwidth == 32:
        signed = x.to(tl.int32, bitcast=True)
        return tl.where(signed < 0, ~signed, signed) * 4.6566127342e-10
    else:
        wide = x.to(tl.int64, bitcast=True)
        return tl.where(wide < 0, ~wide, wide) * 1.0842020432385337e-19


def rand(seed, offset, n_rounds: tl.constexpr = 10):
    """A float32 for each offset, uniform in [0, 1)."""
    return uint_to_uniform_float(randint(seed, offset, n_rounds))


def rand4x(seed, offsets, n_rounds: tl.constexpr = 10):
    """Four float32 for each offset, uniform in [0, 1)."""
    words = randint4x(seed, offsets, n_rounds)
    return (
        uint_to_uniform_float(words[0]),
        uint_to_uniform_float(words[1]),
        uint_to_uniform_float(words[2]),
        uint_to_uniform_float(words[3]),
    )


def pair_uniform_to_normal(u1, u2):
    """Two independent normal variates from two uniform ones, by the transform of Box and Muller."""
    angle = 6.283185307179586 * u2
    radius = tl.sqrt(-2.0 * tl.log(tl.maximum(1.0e-7, u1)))
    return radius * tl.cos(angle), radius * tl.sin(angle)


def randn(seed, offset, n_rounds: tl.constexpr = 10):
    """A float32 for each offset, normal with mean 0 and variance 1."""
    words = randint4x(seed, offset, n_rounds)
    pair = pair_uniform_to_normal(uint_to_uniform_float(words[0]), uint_to_uniform_float(words[1]))
    return pair[0]


def randn4x(seed, offset, n_rounds: tl.constexpr = 10):
    """Four float32 for each offset, normal with mean 0 and variance 1."""
    u = rand4x(seed, offset, n_rounds)
    first = pair_uniform_to_normal(u[0], u[1])
    second = pair_uniform_to_normal(u[2], u[3])
    return first[0], first[1], second[0], second[1]
