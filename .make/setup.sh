#!/usr/bin/env bash
# Installs what is missing: setup.sh demo | test | peer | lint. Made for Debian 12; quick when nothing is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:-demo}

say() { printf '\n== %s\n' "$*"; }

# What the build needs, then what each kind of use adds.
packages=(ca-certificates cmake ninja-build mold ccache clang-22 lld-22
          llvm-22 llvm-22-dev libmlir-22-dev mlir-22-tools libpolly-22-dev libclc-22
          pybind11-dev libgtest-dev zlib1g-dev libzstd-dev python3-dev python3-venv)
case $what in
  demo | peer) ;;
  test) packages+=(llvm-22-tools libclang-rt-22-dev g++) ;; # g++: nvcc has it read the headers
  lint) packages+=(clang-format-22 clang-tidy-22 git) ;;
  *) echo "usage: $0 demo|test|peer|lint" >&2; exit 2 ;;
esac

if command -v dpkg-query >/dev/null; then
  installed=$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' "${packages[@]}" 2>/dev/null |
              awk '$2 == "installed" {print $1}' || true)
  missing=()
  for package in "${packages[@]}"; do
    grep -qx "$package" <<<"$installed" || missing+=("$package")
  done
  if ((${#missing[@]})); then
    say "Debian packages to install: ${missing[*]}"
    as_root=()
    if [ "$(id -u)" != 0 ]; then
      if ! command -v sudo >/dev/null; then
        echo "Neither root nor sudo: please have an administrator run" >&2
        echo "  apt-get update && apt-get install -y --no-install-recommends ${missing[*]}" >&2
        exit 1
      fi
      as_root=(sudo)
    fi
    "${as_root[@]}" apt-get update -q
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
  fi
else
  echo "This is no Debian: make sure that you have what these packages hold: ${packages[*]}"
fi

# A Python with its headers: the one in the path, else the system's.
usable='import sys, sysconfig, os, venv, ensurepip
sys.exit(not (sys.version_info >= (3, 11) and os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h"))))'
if [ ! -x .venv/bin/python ]; then
  python=
  for candidate in python3 /usr/bin/python3; do
    if "$candidate" -c "$usable" 2>/dev/null; then python=$candidate; break; fi
  done
  if [ -z "$python" ]; then
    echo "No Python 3.11 or later with its headers and the module venv was found." >&2
    exit 1
  fi
  say "Python environment .venv ($("$python" --version))"
  "$python" -m venv .venv
fi
# The tree itself is what .venv imports: no install step between a change and its test.
site=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
printf '%s\n' "$PWD/python" > "$site/tegula-tree.pth"

# pip_need <environment> <module>=<requirement> ...: installs the requirements whose module is not there.
pip_need() {
  local env=$1 pair wanted=()
  shift
  for pair in "$@"; do
    "$env/bin/python" -c "import importlib.util, sys; sys.exit(importlib.util.find_spec('${pair%%=*}') is None)" ||
      wanted+=("${pair#*=}")
  done
  if ((${#wanted[@]})); then
    say "Python packages to install into $env: ${wanted[*]}"
    "$env/bin/python" -m pip install --disable-pip-version-check --progress-bar off "${wanted[@]}"
  fi
}
case $what in
  demo) pip_need .venv numpy=numpy ;;
  test)
    pip_need .venv numpy=numpy torch=torch==2.13.0 pytest=pytest hypothesis=hypothesis lit=lit
    # Other people's kernels; what they require would bring another compiler.
    PIP_NO_DEPS=1 pip_need .venv liger_kernel=liger-kernel==0.8.5 fla=fla-core==0.6.0 einops=einops
    # nvcc and the headers that it and the test programs include, unless a CUDA toolkit is here: 270 MB on the disk.
    nvcc=$(command -v nvcc || ls "${CUDA_HOME:-/usr/local/cuda}"/bin/nvcc .venv/lib/python3*/site-packages/nvidia/cu*/bin/nvcc 2>/dev/null || true)
    if [ -z "$nvcc" ]; then
      nvcc=(nvidia-{cuda-nvcc,cuda-crt,nvvm}==13.0.88 nvidia-cuda-runtime==13.0.96 nvidia-cuda-cccl==13.0.85)
      say "Python packages to install into .venv: ${nvcc[*]}"
      .venv/bin/python -m pip install --disable-pip-version-check --progress-bar off -q "${nvcc[@]}" ||
        echo "Cannot be installed here, tests that need nvcc are skipped"
    fi
    ;&
  peer)
    # Another compiler of the same language, in an environment of its own: its PTX is what the emulator is tried on.
    if [ ! -x .venv-peer/bin/python ]; then
      say "Python environment .venv-peer"
      .venv/bin/python -m venv .venv-peer
    fi
    pip_need .venv-peer triton=triton==3.9.0 numpy=numpy
    ;;
  lint) pip_need .venv numpy=numpy ruff=ruff mypy=mypy ;;
esac
# Not needed by anything that is built.
[ "$what" != test ] || .make/clients.sh
