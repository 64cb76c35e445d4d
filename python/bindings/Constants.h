//===- Constants.h - Python values as the compiler's constants ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#pragma once

#include "python/bindings/Support.h"

#include <optional>

namespace tegula::python {

/// The constant that a kernel sees for a Python value; Opaque with a description for what it cannot use. Module
/// handles are borrowed: the caller keeps `value` alive. Throws error_already_set only if Python code of the user fails.
lang::Constant toConstant(PyObject *value);
/// A constant as a host function gets it; what is neither a number, a text, a dtype nor a tuple by its name.
py::object toPython(const lang::Constant &constant);

/// Whether `value` is the wrapper tl.constexpr(...).
bool isConstexprWrapper(PyObject *value);
/// The value inside any number of wrappers (borrowed from `value`, which keeps it alive).
PyObject *unwrapConstexpr(PyObject *value);

/// Equal as a kernel can tell: same type, same bits (1, True and 1.0 differ; 0.0 and -0.0 differ; NaN equals NaN).
bool same(const lang::Constant &a, const lang::Constant &b);

/// "a list", "an object of class 'Foo'", "the Python function 'f' (without @jit)".
std::string describeValue(PyObject *value);

/// The element or pointer type of a tl.dtype object; nullopt for anything else (block types, unknown names).
std::optional<lang::DType> dtypeOf(PyObject *value);

/// The integer as 128 bits; false if it needs more.
bool toInt128(PyObject *integer, lang::Constant::Int &result);

} // namespace tegula::python
