# Tegula's commands. `make demo` and `make test` install whatever is missing on a Debian 12 machine.
PYTHON := .venv/bin/python
BENCH := tests/bench
.DEFAULT_GOAL := help
.PHONY: help demo test lint format bench bench-cpu bench-compile bench-launch figures counts fuzz sweep emu-bench emu-mutants peer gpu wheel clean build

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## set up, build, run seven kernels on the CPU and check them (needs NumPy only)
	@.make/setup.sh demo
	@.make/build.sh release _tegula
	@$(PYTHON) -m tegula.demo

build: ## set up and build the package, tegula-opt and the unit tests
	@.make/setup.sh demo
	@.make/build.sh release

test: ## set up (adds PyTorch), build, run every test
	@.make/setup.sh test
	@.make/test.sh

lint: ## clang-format, clang-tidy on changed files, ruff, mypy
	@.make/setup.sh demo
	@.make/setup.sh lint
	@[ -f build/build.ninja ] || .make/build.sh release TegulaPch
	@.make/lint.sh

format: ## rewrite sources as `make lint` wants them
	@.make/setup.sh lint
	@.make/lint.sh fix

bench: bench-cpu bench-compile bench-launch figures ## every benchmark

bench-cpu: bench-setup ## CPU run time beside PyTorch
	@$(PYTHON) $(BENCH)/cpu_time.py --scale 4

bench-compile: bench-setup ## compile time per kernel
	@$(PYTHON) $(BENCH)/compile_time.py --targets cpu

bench-launch: bench-setup ## time of a warm launch
	@$(PYTHON) $(BENCH)/launch_time.py --cpu

figures: bench-setup ## import time, warm second process, size of wheel and installation
	@$(PYTHON) tests/tools/figures

counts: bench-setup ## what the seven kernels do on emulated GPUs, by count, beside Triton
	@$(PYTHON) tests/tools/counts

.PHONY: bench-setup
bench-setup:
	@.make/setup.sh test
	@.make/build.sh release _tegula

fuzz: bench-setup ## random kernels, cpu against reference, until stopped
	@$(PYTHON) -m tests.fuzz

sweep: bench-setup ## the numeric suite over full products of types and shapes, then for every instruction set here
	@TEGULA_TEST_SWEEP=1 $(PYTHON) -m pytest -q tests/run tests/conformance/triton_ptx
	@for arch in $$($(PYTHON) tests/run/archs.py); do echo "== $$arch"; \
	  TEGULA_CPU_ARCH=$$arch $(PYTHON) -m pytest -q tests/run --deselect tests/run/test_archs.py || exit 1; done

emu-bench: bench-setup ## speed of the emulated GPU beside its bars
	@.make/build.sh release emulator-perf emulator-perf-unchecked
	@$(PYTHON) tests/tools/emu-bench

emu-mutants: bench-setup ## instructions deleted from Triton's PTX: the share that the emulated GPU catches
	@$(PYTHON) tests/conformance/triton_ptx/study.py

peer: ## .venv-peer with PyTorch, Triton and nvJitLink, to measure beside
	@.make/setup.sh demo
	@.make/setup.sh peer
	@.venv-peer/bin/python -m pip install -q torch==2.13.0 nvidia-nvjitlink

gpu: bench-setup ## the numeric suite and the seven kernels on a real GPU, Triton beside it where .venv-peer has it
	@if $(PYTHON) -c 'import sys, tegula; sys.exit("cuda:0" not in tegula.runtime.devices())'; then \
	  TEGULA_TEST_DEVICES=cuda:0 $(PYTHON) -m pytest -q tests/run && \
	  $(PYTHON) $(BENCH)/gpu_time.py $$([ -x .venv-peer/bin/python ] && echo --peer .venv-peer/bin/python); \
	else echo "no GPU"; fi

wheel: ## dist/tegula-*.whl
	@.make/setup.sh demo
	@$(PYTHON) -m pip wheel --no-deps -w dist .

clean: ## remove what was built (not .venv)
	rm -rf build build-asan build-dev build-wheel dist python/tegula/_tegula*.so python/tegula/emulator/lib
