//===- Settings.cpp - settings, devices, the list of the language's functions ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ir/Settings.h"
#include "python/bindings/Support.h"

#include <pybind11/stl.h>

namespace tegula::python {

static void set(const std::string &field, const std::string &text) {
  std::string names;
  for (const SettingRow &row : settingRows()) {
    names += (names.empty() ? "" : ", ") + std::string(row.field);
    if (row.field == field) {
      std::string wrong = setSetting(field, text);
      if (!wrong.empty())
        throw Error(Diag::launch_bad_setting, {field, "'" + text + "'", wrong});
      return;
    }
  }
  throw Error(Diag::launch_unknown_setting, {field, names});
}

/// Python's handlers of signals run here; what they raise stops the launch and becomes its exception.
static bool interrupted() {
  if (!Py_IsInitialized())
    return false;
  WithGil gil;
  return PyErr_CheckSignals() != 0;
}

void initSettings(py::module_ &module) {
  module.def("set_setting", &set);
  module.def("setting_text", [](const std::string &field) { return settingText(field); });
  module.def("reload_settings", &reloadSettings);
  module.def("setting_rows", [] {
    py::list rows;
    for (const SettingRow &r : settingRows())
      rows.append(py::make_tuple(std::string(r.field), std::string(r.type), std::string(r.env),
                                 std::string(r.fallback), std::string(r.help), r.changesCode));
    return rows;
  });
  module.def("num_threads", &api::numThreads);
  module.def("language_signatures", &api::languageSignatures);
  api::setInterruptCheck(&interrupted);
}

} // namespace tegula::python
