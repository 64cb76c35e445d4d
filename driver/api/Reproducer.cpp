//===- Reproducer.cpp - what an internal error leaves behind ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/api/Reproducer.h"

#include "llvm/Config/llvm-config.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdio>
#include <cstdlib>
#include <new>
#include <stdexcept>
#include <variant>

#include <sys/stat.h>
#include <unistd.h>

namespace tegula::api {

//===----------------------------------------------------------------------===//
// Watching
//===----------------------------------------------------------------------===//

namespace {
struct Watch {
  const char *file, *command;
  llvm::function_ref<std::string()> print;
  Watch *outer;
};
thread_local Watch *innermost = nullptr;
thread_local WatchedIr captured;
} // namespace

static void capture() {
  Watch *watch = innermost;
  innermost = nullptr;
  if (!watch || !captured.file.empty())
    return;
  captured = {watch->file, watch->command, watch->print()};
}

void watchIr(const char *file, const char *command, llvm::function_ref<std::string()> print,
             llvm::function_ref<void()> body) {
  Watch watch{file, command, print, innermost};
  innermost = &watch;
  try {
    body();
  } catch (const Error &error) {
    if (error.kind() == ErrorKind::Internal)
      capture();
    innermost = watch.outer;
    throw;
  } catch (...) {
    capture();
    innermost = watch.outer;
    throw;
  }
  innermost = watch.outer;
}

//===----------------------------------------------------------------------===//
// The bundle
//===----------------------------------------------------------------------===//

static std::string textOf(const lang::Constant &constant) {
  struct Printer {
    std::string operator()(const lang::Constant::None &) { return "None"; }
    std::string operator()(const bool &value) { return value ? "True" : "False"; }
    std::string operator()(const lang::Constant::Int &value) { return std::to_string((long long)(value)); }
    std::string operator()(const double &value) {
      char text[40];
      std::snprintf(text, sizeof text, "%.17g", value);
      return text;
    }
    std::string operator()(const std::string &value) { return '"' + value + '"'; }
    std::string operator()(const lang::DType &value) { return lang::toString(value); }
    std::string operator()(const lang::Constant::Tuple &value) {
      std::string out = "(";
      for (const lang::Constant &item : value.items)
        out += textOf(item) + ", ";
      return out + ")";
    }
    std::string operator()(const std::shared_ptr<const lang::JitFunction> &value) {
      return "function " + (value ? value->qualifiedName : "");
    }
    std::string operator()(const std::shared_ptr<const lang::HostFunction> &value) {
      return "host function " + value->name;
    }
    std::string operator()(const lang::Constant::Module &value) { return "module " + value.path; }
    std::string operator()(const lang::Constant::Builtin &value) { return "tl." + value.name; }
    std::string operator()(const lang::Constant::Opaque &value) { return value.what; }
  };
  return std::visit(Printer{}, constant.value);
}

static llvm::json::Value jsonOf(const lang::Argument &argument) {
  llvm::json::Object out{{"name", llvm::json::fixUTF8(argument.name)}};
  if (argument.constant)
    out["constexpr"] = llvm::json::fixUTF8(textOf(*argument.constant));
  else if (argument.tupleItems.empty())
    out["type"] = lang::toString(argument.type);
  out["divisibility"] = argument.divisibility;
  llvm::json::Array items;
  for (const lang::Argument &item : argument.tupleItems)
    items.push_back(jsonOf(item));
  if (!items.empty())
    out["items"] = std::move(items);
  return out;
}

static std::string requestText(const Job &job, const std::string &failure) {
  llvm::json::Array arguments;
  for (const lang::Argument &argument : job.arguments)
    arguments.push_back(jsonOf(argument));
  const CompileOptions &options = job.options;
  llvm::json::Value request = llvm::json::Object{
      {"failure", llvm::json::fixUTF8(failure)},
      {"function", llvm::json::fixUTF8(job.function->qualifiedName)},
      {"arguments", std::move(arguments)},
      {"target", llvm::json::Array{job.target.backend, job.target.arch, job.target.warpSize}},
      {"processor", llvm::json::Array{job.cpuTarget.triple, job.cpuTarget.cpu, job.cpuTarget.features}},
      {"gpu", llvm::json::Array{job.gpuTarget.name(), job.assembler ? job.assembler->identity() : ""}},
      {"options", llvm::json::Object{{"num_warps", options.numWarps},
                                     {"num_stages", options.numStages},
                                     {"maxnreg", options.maxRegisters},
                                     {"debug", options.debug},
                                     {"fp_fusion", options.fpFusion},
                                     {"disjoint", options.disjoint},
                                     {"pull", options.pull}}},
      {"settings", llvm::json::fixUTF8(settingsDigest())},
      {"llvm", LLVM_VERSION_STRING},
      {"key", job.hash}};
  std::string text;
  llvm::raw_string_ostream out(text);
  out << llvm::formatv("{0:2}\n", request);
  return text;
}

static bool writeFile(const std::string &path, const std::string &text) {
  FILE *file = std::fopen(path.c_str(), "we");
  if (!file)
    return false;
  bool ok = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  return std::fclose(file) == 0 && ok;
}

/// The folder, or why there is none.
static std::string writeBundle(const Job &job, const std::string &failure) {
  std::string base = job.settings.dumpDir;
  if (base.empty() || mkdir(base.c_str(), 0777) != 0)
    if (struct stat info; base.empty() || stat(base.c_str(), &info) != 0) {
      const char *temporary = std::getenv("TMPDIR");
      base = temporary && *temporary ? temporary : "/tmp";
    }
  std::string folder = base + "/tegula-reproducer-XXXXXX";
  if (!mkdtemp(folder.data()))
    return "(no folder could be made in " + base + ")";
  std::string command = captured.command.empty()
                            ? "# The source did not become IR: compile kernel.py as request.json says."
                            : captured.command;
  bool ok = writeFile(folder + "/kernel.py", job.function->source.text) &&
            writeFile(folder + "/request.json", requestText(job, failure)) &&
            writeFile(folder + "/command.sh", command + "\n") &&
            (captured.file.empty() || writeFile(folder + "/" + captured.file, captured.text));
  return ok ? folder : folder + " (incomplete: the disk is full?)";
}

[[noreturn]] static void reportBug(const Job &job, std::string failure) {
  static constexpr std::string_view prefix = "internal error: ";
  if (failure.starts_with(prefix))
    failure.erase(0, prefix.size());
  std::string folder = writeBundle(job, failure);
  captured = {};
  throw Error(Diag::internal_error, {failure, folder});
}

void reportingBugs(const Job &job, llvm::function_ref<void()> body) {
  innermost = nullptr;
  captured = {};
  std::string failure;
  try {
    return body();
  } catch (const Error &error) {
    if (error.kind() != ErrorKind::Internal)
      throw;
    failure = error.diagnostic().message;
  } catch (const std::bad_alloc &) {
    throw Error(Diag::compile_out_of_memory, {job.name()});
  } catch (const std::logic_error &error) {
    failure = error.what();
  } catch (const std::runtime_error &error) {
    failure = error.what();
  } catch (const std::bad_variant_access &error) {
    failure = error.what();
  } catch (const std::bad_optional_access &error) {
    failure = error.what();
  } catch (const std::bad_function_call &error) {
    failure = error.what();
  }
  reportBug(job, std::move(failure));
}

} // namespace tegula::api
