//===- Stages.cpp - runs the steps of a backend ===//
//
// Part of Tegula, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "driver/api/Stages.h"

#include "driver/api/LlvmWork.h"
#include "driver/api/Reproducer.h"

#include "mlir/IR/Diagnostics.h"

#include <chrono>

namespace tegula::api {

//===----------------------------------------------------------------------===//
// Backends
//===----------------------------------------------------------------------===//

const Backend &backendNamed(const std::string &name) {
  for (const Backend *backend : {&cpuBackend, &cudaBackend, &referenceBackend})
    if (name == backend->name)
      return *backend;
  throw Error(Diag::target_unknown, {name});
}

/// A stage that this kernel has: the last of a GPU is there only where an assembler was.
static bool has(const Step &step, const Image &image) {
  return !step.isKept || image.kept.contains(step.stage);
}

std::vector<std::string> stageNames(const Job &job, const Image &image) {
  std::vector<std::string> names;
  for (const Step &step : job.backend->steps)
    if (has(step, image))
      names.emplace_back(stageName(step.stage));
  return names;
}

Stage stageNamed(const Job &job, const Image &image, const std::string &name) {
  for (const Step &step : job.backend->steps)
    if (has(step, image) && name == stageName(step.stage))
      return step.stage;
  std::string known;
  for (const std::string &each : stageNames(job, image))
    known += (known.empty() ? "" : ", ") + each;
  throw Error(Diag::stage_unknown, {job.target.backend, name, known});
}

bool isBinaryStage(const std::string &name) {
  for (int i = 0; i < int(Stage::count); ++i)
    if (name == stageName(Stage(i)))
      return formOf(Stage(i)) == Form::Bytes;
  return false;
}

//===----------------------------------------------------------------------===//
// The steps
//===----------------------------------------------------------------------===//

Work::Work(const Job &job, const Printer &print) : job(job), print(print) {}
Work::~Work() = default;

bool replaceText(Work &work, Stage stage) {
  auto replacement = overrideOf(work.job, stage);
  if (!replacement)
    return false;
  work.text = std::move(replacement->first);
  work.replaced = {stage, std::move(replacement->second)};
  return true;
}

/// Runs the steps as far as `last`.
static void run(Work &work, Stage last) {
  std::span<const Step> steps = work.job.backend->steps;
  std::vector<bool> fromFile;
  size_t start = 0; // what lies between tile and this is not needed
  for (size_t i = 0; i < steps.size(); ++i) {
    fromFile.push_back(overrideOf(work.job, steps[i].stage).has_value());
    if (fromFile[i] && steps[i].standsAlone)
      start = i;
    if (steps[i].stage == last)
      break;
  }
  for (size_t i = 0; i < fromFile.size(); ++i) {
    const Step &step = steps[i];
    bool skipped = i > 0 && (i < start || (step.isAside && step.stage != last && !fromFile[i]));
    if (skipped)
      continue;
    if (i == 0 || !fromFile[i] || formOf(step.stage) == Form::LlvmIr)
      step.make(work);
    if (i > 0 && fromFile[i])
      step.replace(work, step.stage);
    if (step.isKept && !work.text.empty())
      work.image.kept[step.stage] = work.text;
  }
}

Built build(const Job &job, const Printer &print) {
  Built built;
  reportingBugs(job, [&] {
    Work work(job, print);
    run(work, job.backend->steps.back().stage);
    built.image = std::move(work.image);
    if (job.backend->steps.size() == 1)
      built.tile.emplace(std::move(*work.tile));
    built.dependencies = std::move(work.dependencies);
    built.times = std::move(work.times);
  });
  return built;
}

std::string makeStage(const Job &job, Stage stage) {
  std::string text;
  reportingBugs(job, [&] {
    Printer nobody;
    Work work(job, nobody);
    run(work, stage);
    switch (formOf(stage)) {
    case Form::TileIr: text = printTile(*work.tile->module); break;
    case Form::LlvmIr: text = printLlvm(*work.llvm->module); break;
    case Form::Text:
    case Form::Bytes: text = std::move(work.text); break;
    }
  });
  return text;
}

//===----------------------------------------------------------------------===//
// The parts of steps
//===----------------------------------------------------------------------===//

static int64_t now() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

Timed::Timed(StageTimes &times, const char *name) : times(times), name(name), start(now()) {}
Timed::~Timed() { times.emplace_back(name, double(now() - start) / 1e3); }

struct MlirMessages::Handler : mlir::ScopedDiagnosticHandler {
  Handler(mlir::MLIRContext &context, std::string &text)
      : ScopedDiagnosticHandler(&context, [&text](mlir::Diagnostic &diagnostic) {
          text += (text.empty() ? "" : "; ") + diagnostic.str();
          return mlir::success();
        }) {}
};
MlirMessages::MlirMessages(mlir::MLIRContext &context) : handler(std::make_unique<Handler>(context, text)) {}
MlirMessages::~MlirMessages() = default;

void blameFile(Stage stage, const std::string &path, llvm::function_ref<void()> body) {
  try {
    body();
  } catch (const Error &error) {
    if (error.kind() != ErrorKind::Internal)
      throw;
    throw Error(Diag::stage_override_bad, {stageName(stage), path, error.diagnostic().message});
  }
}

} // namespace tegula::api
