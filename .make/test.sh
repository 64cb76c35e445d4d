#!/usr/bin/env bash
# Runs every test runner, also after a failure, and prints their closing lines together at the end.
set -uo pipefail
cd "$(dirname "$0")/.."
logs=build/logs
mkdir -p "$logs"
failed=()
summary=()

# run <name> <pattern of the closing line> <command>...
run() {
  local name=$1 pattern=$2 status closing
  shift 2
  printf '\n== %s: %s\n' "$name" "$*"
  SECONDS=0
  "$@" 2>&1 | tee "$logs/$name.log"
  status=${PIPESTATUS[0]}
  closing=$(grep -E "$pattern" "$logs/$name.log" | tail -n 1)
  # A runner that says nothing has run nothing, whatever its status.
  [ -n "$closing" ] || status=99
  [ "$status" = 0 ] || failed+=("$name")
  summary+=("$(printf '%-10s %4d s  %s' "$name" "$SECONDS" "$closing")")
  [ "$status" = 0 ] || summary+=("           failed with status $status, see $logs/$name.log")
}

run build '^(\[[0-9]+/[0-9]+|ninja)' .make/build.sh release _tegula tegula-opt tegula-translate TegulaUnitTests TegulaEmulatorFiles
run ctest 'tests passed' ctest --test-dir build --output-on-failure -j "$(nproc)"
run lit '^ +(Passed|Failed) *:' .venv/bin/lit -v tests
run pytest '(passed|failed|error|no tests ran)' .venv/bin/python -m pytest -q
if [ -z "${TEGULA_NO_SANITIZERS:-}" ]; then
  run asan-build '^(\[[0-9]+/[0-9]+|ninja)' .make/build.sh asan TegulaUnitTests
  run asan '^\[ +(PASSED|FAILED) +\]' env ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 \
    build-asan/tests/TegulaUnitTests --gtest_brief=1
fi

printf '\n== Summary\n'
printf '%s\n' "${summary[@]}"
if ((${#failed[@]})); then
  printf 'make test: FAILED: %s\n' "${failed[*]}"
  exit 1
fi
echo 'make test: all passed'
