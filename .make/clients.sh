#!/usr/bin/env bash
# .venv-clients: packages of other people that use a GPU, which the tests run on the emulated one. From PyPI, some
# 270 MB (CuPy 80, NVRTC 90, llvmlite 60, the rest 40), 770 on the disk, half a minute. What cannot be
# had here is told; its tests are then skipped. This CuPy is the last one whose wheels load the CUDA runtime as a shared library.
set -euo pipefail
cd "$(dirname "$0")/.."
groups=(
  'numpy==1.26.4'
  'cuda-bindings==13.5.0 cuda-core==1.2.2 nvidia-cuda-nvrtc==13.0.88'
  'cupy-cuda110==12.3.0 fastrlock==0.8.4'
  'numba-cuda==0.30.4'
)
done=.venv-clients/installed
[ "$(cat "$done" 2>/dev/null)" != "${groups[*]}" ] || exit 0
printf '\n== Python environment .venv-clients: %s\n' "${groups[*]}"
[ -x .venv-clients/bin/python ] || .venv/bin/python -m venv .venv-clients
complete=1
for group in "${groups[@]}"; do
  # shellcheck disable=SC2086 # words
  .venv-clients/bin/python -m pip install --disable-pip-version-check --progress-bar off -q --retries 1 --only-binary :all: $group || {
    echo "Cannot be installed here, tests that need it are skipped: $group"
    complete=
  }
done
[ -z "$complete" ] || printf '%s' "${groups[*]}" > "$done"
