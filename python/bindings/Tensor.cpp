//===- Tensor.cpp - where the memory of a tensor argument lies ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "python/bindings/Tensor.h"

#include <cstring>
#include <unordered_map>

namespace tegula::python {

using lang::ScalarKind;

static int itemSize(ScalarKind kind) {
  switch (kind) {
  case ScalarKind::I16:
  case ScalarKind::U16:
  case ScalarKind::F16:
  case ScalarKind::BF16: return 2;
  case ScalarKind::I32:
  case ScalarKind::U32:
  case ScalarKind::F32: return 4;
  case ScalarKind::I64:
  case ScalarKind::U64:
  case ScalarKind::F64: return 8;
  default: return 1;
  }
}

[[noreturn]] static void fail(Diag id, const ArgName &name, const std::string &more = "",
                              const std::string &last = "") {
  throw Error(id, {toText(name.parameter), toText(name.function), more, last});
}

/// Extents from shape and strides, the latter in units of `unit` bytes.
template <typename Int>
static void setExtent(TensorView &view, int rank, const Int *shape, const Int *strides, int64_t unit,
                      int64_t item) {
  int64_t below = 0, above = item, contiguous = unit;
  for (int d = rank - 1; d >= 0; --d) {
    if (shape[d] == 0)
      above = below = 0;
    if (shape[d] == 0)
      break;
    int64_t step = strides ? static_cast<int64_t>(strides[d]) * unit : contiguous;
    contiguous *= shape[d];
    (step < 0 ? below : above) += (static_cast<int64_t>(shape[d]) - 1) * step;
  }
  view.low = view.address + below;
  view.high = view.address + above;
  view.knownExtent = true;
}

static ScalarKind dlpackKind(const dlpack::Tensor &t) {
  using namespace dlpack;
  if (t.lanes != 1)
    return ScalarKind::Void;
  switch (t.code << 8 | t.bits) {
  case Int << 8 | 8: return ScalarKind::I8;
  case Int << 8 | 16: return ScalarKind::I16;
  case Int << 8 | 32: return ScalarKind::I32;
  case Int << 8 | 64: return ScalarKind::I64;
  case UInt << 8 | 8: return ScalarKind::U8;
  case UInt << 8 | 16: return ScalarKind::U16;
  case UInt << 8 | 32: return ScalarKind::U32;
  case UInt << 8 | 64: return ScalarKind::U64;
  case Float << 8 | 16: return ScalarKind::F16;
  case Float << 8 | 32: return ScalarKind::F32;
  case Float << 8 | 64: return ScalarKind::F64;
  case BFloat << 8 | 16: return ScalarKind::BF16;
  case Bool << 8 | 8: return ScalarKind::I1;
  case Float8E4M3FN << 8 | 8: return ScalarKind::F8E4M3;
  case Float8E5M2 << 8 | 8: return ScalarKind::F8E5M2;
  default: return ScalarKind::Void;
  }
}

static void readDlpack(const dlpack::Tensor &t, PyObject *object, const ArgName &name, TensorView &view) {
  using namespace dlpack;
  switch (t.deviceType) {
  case Cpu: view.place = Place::Host; break;
  case CudaHost:
  case CudaManaged:
  case RocmHost: view.place = Place::Shared; break;
  case Cuda:
    view.place = Place::Cuda;
    view.device = t.deviceId;
    break;
  default: {
    const char *device = t.deviceType == Rocm ? "hip:" : "DLPack type ";
    int number = t.deviceType == Rocm ? t.deviceId : t.deviceType;
    fail(Diag::launch_wrong_device, name, device + std::to_string(number), "another");
  }
  }
  view.kind = dlpackKind(t);
  if (view.kind == ScalarKind::Void) {
    py::object dtype = py::reinterpret_steal<py::object>(PyObject_GetAttrString(object, "dtype"));
    PyErr_Clear();
    fail(Diag::launch_dtype, name,
         dtype ? shortText(dtype.ptr())
               : "DLPack type " + std::to_string(t.code) + ", " + std::to_string(t.bits) + " bits");
  }
  view.address = reinterpret_cast<uint64_t>(t.data) + t.byteOffset;
  setExtent(view, t.ndim, t.shape, t.strides, itemSize(view.kind), itemSize(view.kind));
}

/// The kind that a dtype object stands for, by its text ("float32", "torch.float32", "fp32"), remembered by object: the
/// objects are held, so that an address is never another dtype's. Void if there is none.
static ScalarKind namedKind(PyObject *dtype) {
  static auto *seen = new std::unordered_map<PyObject *, ScalarKind>();
  auto it = seen->find(dtype);
  if (it != seen->end())
    return it->second;
  py::object text = py::reinterpret_steal<py::object>(PyObject_Str(dtype));
  if (!text)
    throw py::error_already_set();
  std::string name = toText(text.ptr());
  if (size_t dot = name.rfind('.'); dot != std::string::npos)
    name = name.substr(dot + 1);
  ScalarKind kind = ScalarKind::Void;
  if (name == "bool" || name == "bool_")
    kind = ScalarKind::I1;
  else if (name == "float8_e4m3fn")
    kind = ScalarKind::F8E4M3;
  else if (name == "float8_e5m2")
    kind = ScalarKind::F8E5M2;
  else if (name == "half" || name == "float" || name == "double")
    kind = name == "half" ? ScalarKind::F16 : name == "float" ? ScalarKind::F32 : ScalarKind::F64;
  else
    kind = lang::scalarKindNamed(name);
  if (seen->size() < 256) {
    Py_INCREF(dtype);
    seen->emplace(dtype, kind);
  }
  return kind;
}

//===----------------------------------------------------------------------===//
// NumPy
//===----------------------------------------------------------------------===//

namespace {
/// The head of PyArrayObject and of PyArray_Descr, which every NumPy since 1.7 shares: compiled extensions have these
/// offsets built in (numpy/ndarraytypes.h).
struct ArrayObject {
  PyObject ob_base;
  char *data;
  int nd;
  Py_ssize_t *dimensions, *strides; ///< strides in bytes
  PyObject *base, *descr;
  int flags;
};
struct DescrObject {
  PyObject ob_base;
  PyTypeObject *typeobj;
  char kind, type, byteorder, unused;
  int typeNumber;
};
constexpr int flagAligned = 0x0100, flagWriteable = 0x0400;
} // namespace

static ScalarKind numpyKind(PyObject *descr) {
  static_assert(sizeof(long) == 8, "type numbers 7 and 8 are 64 bits wide");
  static constexpr ScalarKind kinds[] = {ScalarKind::I1,  ScalarKind::I8,  ScalarKind::U8,  ScalarKind::I16,
                                         ScalarKind::U16, ScalarKind::I32, ScalarKind::U32, ScalarKind::I64,
                                         ScalarKind::U64, ScalarKind::I64, ScalarKind::U64, ScalarKind::F32,
                                         ScalarKind::F64};
  int number = reinterpret_cast<DescrObject *>(descr)->typeNumber;
  if (number >= 0 && number < static_cast<int>(std::size(kinds)))
    return kinds[number];
  if (number == 23)
    return ScalarKind::F16;
  return number >= 256 ? namedKind(descr)
                       : ScalarKind::Void; // 256 on: registered by packages such as ml_dtypes
}

static void readNumPy(PyObject *object, const ArgName &name, TensorView &view) {
  auto *a = reinterpret_cast<ArrayObject *>(object);
  char order = reinterpret_cast<DescrObject *>(a->descr)->byteorder;
  view.kind = numpyKind(a->descr);
  if (view.kind == ScalarKind::Void)
    fail(Diag::launch_dtype, name, shortText(a->descr));
  if (order == '>') // native order is '=' or '|'
    fail(Diag::launch_byte_order, name);
  view.place = Place::Host;
  view.address = reinterpret_cast<uint64_t>(a->data);
  view.readOnly = !(a->flags & flagWriteable);
  int item = itemSize(view.kind);
  if (!(a->flags & flagAligned) && view.address % item)
    fail(Diag::launch_unaligned, name, std::to_string(item));
  setExtent(view, a->nd, a->dimensions, a->strides, 1, item);
}

//===----------------------------------------------------------------------===//
// The others
//===----------------------------------------------------------------------===//

/// "cpu", "cuda:1", "meta".
static void readDeviceText(const std::string &text, const ArgName &name, TensorView &view) {
  if (text.starts_with("cpu")) {
    view.place = Place::Host;
  } else if (text == "cuda" || text.starts_with("cuda:")) {
    view.place = Place::Cuda;
    view.device = text.size() > 5 ? std::atoi(text.c_str() + 5) : 0;
  } else if (text == "meta") {
    fail(Diag::launch_no_data, name, "it is on the device 'meta'");
  } else {
    fail(Diag::launch_wrong_device, name, text, "another");
  }
}

static void readDataPtr(PyObject *object, const ArgName &name, TensorView &view) {
  static PyObject *dataPtr = interned("data_ptr"), *dtypeName = interned("dtype"),
                  *deviceName = interned("device");
  py::object dtype = py::reinterpret_steal<py::object>(PyObject_GetAttr(object, dtypeName));
  if (!dtype)
    throw py::error_already_set();
  view.kind = namedKind(dtype.ptr());
  if (view.kind == ScalarKind::Void)
    fail(Diag::launch_dtype, name, shortText(dtype.ptr()));
  py::object device = py::reinterpret_steal<py::object>(PyObject_GetAttr(object, deviceName));
  if (!device)
    PyErr_Clear();
  else if (!device.is_none())
    readDeviceText(shortText(device.ptr()), name, view);
  PyObject *self[] = {object};
  py::object address = py::reinterpret_steal<py::object>(
      PyObject_VectorcallMethod(dataPtr, self, 1 | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr));
  if (!address)
    throw py::error_already_set();
  view.address = PyLong_AsUnsignedLongLong(address.ptr());
  if (view.address == ~0ull && PyErr_Occurred())
    throw py::error_already_set();
}

/// Shapes and strides of the interface: tuples of integers. False for anything else.
static bool readExtents(PyObject *tuple, llvm::SmallVectorImpl<int64_t> &out) {
  if (!tuple || !PyTuple_Check(tuple))
    return false;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); ++i)
    out.push_back(PyLong_AsLongLong(PyTuple_GET_ITEM(tuple, i)));
  return !PyErr_Occurred();
}

/// "<f4", "|b1", "<u8".
static ScalarKind typestrKind(const std::string &text) {
  if (text.size() < 3 || text[0] == '>')
    return ScalarKind::Void;
  std::string name = text[1] == 'b'   ? "int1"
                     : text[1] == 'i' ? "int" + std::to_string(8 * std::atoi(text.c_str() + 2))
                     : text[1] == 'u' ? "uint" + std::to_string(8 * std::atoi(text.c_str() + 2))
                     : text[1] == 'f' ? "float" + std::to_string(8 * std::atoi(text.c_str() + 2))
                                      : "";
  return lang::scalarKindNamed(name);
}

/// numba.readthedocs.io, "CUDA Array Interface" (version 3).
static void readCudaArray(PyObject *object, const ArgName &name, TensorView &view) {
  py::object interface =
      py::reinterpret_steal<py::object>(PyObject_GetAttrString(object, "__cuda_array_interface__"));
  if (!interface)
    throw py::error_already_set();
  auto item = [&](const char *key) {
    return PyDict_Check(interface.ptr()) ? PyDict_GetItemString(interface.ptr(), key) : nullptr;
  };
  PyObject *data = item("data"), *type = item("typestr"), *strides = item("strides");
  llvm::SmallVector<int64_t, 8> shape, steps;
  bool good = data && PyTuple_Check(data) && PyTuple_GET_SIZE(data) == 2 && type && PyUnicode_Check(type) &&
              readExtents(item("shape"), shape);
  bool strided = good && strides && strides != Py_None;
  if (!good || (strided && (!readExtents(strides, steps) || steps.size() != shape.size()))) {
    PyErr_Clear();
    fail(Diag::launch_no_data, name, "its __cuda_array_interface__ is incomplete");
  }
  view.kind = typestrKind(toText(type));
  if (view.kind == ScalarKind::Void) // a type that NumPy lacks has a void typestr; the object may name it
    if (py::object dtype = py::reinterpret_steal<py::object>(PyObject_GetAttrString(object, "dtype")))
      view.kind = namedKind(dtype.ptr());
  PyErr_Clear();
  if (view.kind == ScalarKind::Void)
    fail(Diag::launch_dtype, name, toText(type));
  view.address = PyLong_AsUnsignedLongLong(PyTuple_GET_ITEM(data, 0));
  if (PyErr_Occurred())
    throw py::error_already_set();
  view.readOnly = PyObject_IsTrue(PyTuple_GET_ITEM(data, 1)) == 1;
  view.place = Place::Cuda;
  view.device = -1;
  // CuPy: x.device.id
  if (py::object device = py::reinterpret_steal<py::object>(PyObject_GetAttrString(object, "device")))
    if (py::object id = py::reinterpret_steal<py::object>(PyObject_GetAttrString(device.ptr(), "id")))
      if (PyLong_Check(id.ptr()))
        view.device = static_cast<int>(PyLong_AsLong(id.ptr()));
  PyErr_Clear();
  int unit = strided ? 1 : itemSize(view.kind);
  setExtent(view, static_cast<int>(shape.size()), shape.data(), strided ? steps.data() : nullptr, unit,
            itemSize(view.kind));
}

static void readCapsule(PyObject *object, const ArgName &name, TensorView &view, PyObject *&kept) {
  py::handle h(object);
  py::object capsule;
  try {
    capsule = h.attr("__dlpack__")(py::arg("max_version") = py::make_tuple(1, 0));
  } catch (py::error_already_set &e) {
    if (!e.matches(PyExc_TypeError))
      fail(Diag::launch_no_data, name, e.what());
    capsule = h.attr("__dlpack__")(); // an object of before DLPack 1.0
  }
  if (PyCapsule_IsValid(capsule.ptr(), "dltensor_versioned")) {
    auto *m =
        static_cast<dlpack::ManagedVersioned *>(PyCapsule_GetPointer(capsule.ptr(), "dltensor_versioned"));
    if (m->version.major != 1)
      fail(Diag::launch_no_data, name, "its DLPack version is " + std::to_string(m->version.major));
    readDlpack(m->tensor, object, name, view);
    view.readOnly = m->flags & 1;
  } else if (PyCapsule_IsValid(capsule.ptr(), "dltensor")) {
    readDlpack(static_cast<dlpack::Managed *>(PyCapsule_GetPointer(capsule.ptr(), "dltensor"))->tensor,
               object, name, view);
  } else {
    fail(Diag::launch_no_data, name, "its __dlpack__ gave no DLPack capsule");
  }
  kept = capsule.release().ptr(); // never renamed: its own destructor frees the tensor
}

static ScalarKind bufferKind(const Py_buffer &b) {
  const char *f = b.format ? b.format : "B";
  if (*f == '@' || *f == '=' || *f == '<')
    ++f;
  if (!*f || f[1])
    return ScalarKind::Void;
  auto sized = [&](ScalarKind s1, ScalarKind s2, ScalarKind s4, ScalarKind s8) {
    return b.itemsize == 1   ? s1
           : b.itemsize == 2 ? s2
           : b.itemsize == 4 ? s4
           : b.itemsize == 8 ? s8
                             : ScalarKind::Void;
  };
  if (std::strchr("bhilqn", *f))
    return sized(ScalarKind::I8, ScalarKind::I16, ScalarKind::I32, ScalarKind::I64);
  if (std::strchr("BHILQN", *f))
    return sized(ScalarKind::U8, ScalarKind::U16, ScalarKind::U32, ScalarKind::U64);
  switch (*f) {
  case '?': return ScalarKind::I1;
  case 'e': return ScalarKind::F16;
  case 'f': return ScalarKind::F32;
  case 'd': return ScalarKind::F64;
  default: return ScalarKind::Void;
  }
}

static void readBuffer(PyObject *object, const ArgName &name, TensorView &view, PyObject *&kept) {
  // The memory view keeps the exporter from moving its memory until the launch is over.
  py::object memory = py::reinterpret_steal<py::object>(PyMemoryView_FromObject(object));
  if (!memory)
    throw py::error_already_set();
  const Py_buffer &b = *PyMemoryView_GET_BUFFER(memory.ptr());
  view.kind = bufferKind(b);
  if (view.kind == ScalarKind::Void || b.suboffsets)
    fail(Diag::launch_dtype, name, std::string("buffer format '") + (b.format ? b.format : "B") + "'");
  view.place = Place::Host;
  view.address = reinterpret_cast<uint64_t>(b.buf);
  view.readOnly = b.readonly;
  setExtent(view, b.ndim, b.shape, b.strides, b.strides ? 1 : b.itemsize, b.itemsize);
  kept = memory.release().ptr();
}

static void readExchange(const dlpack::ExchangeApi &api, PyObject *object, const ArgName &name,
                         TensorView &view) {
  dlpack::Tensor t;
  if (api.describe(object, &t) == 0)
    return readDlpack(t, object, name, view);
  // PyTorch declines some tensors that have plain memory all the same.
  if (PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_Exception))
    throw py::error_already_set();
  PyErr_Clear();
  try {
    readDataPtr(object, name, view);
  } catch (py::error_already_set &e) {
    fail(Diag::launch_no_data, name, e.what());
  }
  if (view.address == 0)
    fail(Diag::launch_no_data, name, "its data_ptr() is 0");
}

void readTensor(const ArgType &type, PyObject *object, const ArgName &name, TensorView &view,
                PyObject *&kept) {
  switch (type.kind) {
  case ArgKind::Exchange: readExchange(*type.api, object, name, view); break;
  case ArgKind::NumPy: readNumPy(object, name, view); break;
  case ArgKind::DataPtr: readDataPtr(object, name, view); break;
  case ArgKind::CudaArray: readCudaArray(object, name, view); break;
  case ArgKind::DLPack: readCapsule(object, name, view, kept); break;
  default: readBuffer(object, name, view, kept); break;
  }
  if (view.address == 0 && view.knownExtent && view.high != view.low)
    fail(Diag::launch_no_data, name, "its address is 0");
  int item = itemSize(view.kind);
  if (view.address & (item - 1))
    fail(Diag::launch_unaligned, name, std::to_string(item));
}

} // namespace tegula::python
