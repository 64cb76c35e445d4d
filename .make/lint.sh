#!/usr/bin/env bash
# Checks form: clang-format, clang-tidy on changed files, ruff, mypy. `lint.sh fix` rewrites what can be rewritten.
set -uo pipefail
cd "$(dirname "$0")/.."
failed=()
run() {
  local name=$1
  shift
  if "$@"; then echo "lint: $name passed"; else echo "lint: $name FAILED"; failed+=("$name"); fi
}

# tests/bench is a copy of files that are kept elsewhere.
mapfile -t cpp < <(git ls-files '*.cpp' '*.h' ':!tests/bench' | while read -r file; do [ -f "$file" ] && echo "$file"; done)
if [ "${1:-}" = fix ]; then
  clang-format-22 -i "${cpp[@]}"
  .venv/bin/ruff check -q --fix .
  exec .venv/bin/ruff format -q .
fi

run clang-format clang-format-22 --dry-run -Werror "${cpp[@]}"

# Changed since the branch left the main line, or else in the last commit and since.
base=${TEGULA_LINT_BASE:-$(git merge-base HEAD origin/main 2>/dev/null || true)}
if [ -z "$base" ] || [ "$base" = "$(git rev-parse HEAD)" ]; then base=$(git rev-parse -q --verify HEAD~1 || true); fi
if [ -n "$base" ] && [ -f build/compile_commands.json ]; then
  mapfile -t changed < <(git diff --name-only --diff-filter=d "$base" -- '*.cpp' ':!tests/bench')
  built=()
  for file in "${changed[@]}"; do grep -q "\"file\": \"$PWD/$file\"" build/compile_commands.json && built+=("$file"); done
  if ((${#built[@]})); then
    echo "clang-tidy on ${#built[@]} changed files"
    tidy() { printf '%s\n' "${built[@]}" | xargs -P "$(nproc)" -n 4 clang-tidy-22 -p build --quiet 2> >(grep -vE 'warnings? (generated|treated)|^Suppressed|^Use -header' >&2); }
    run clang-tidy tidy
  fi
fi

run ruff .venv/bin/ruff check .
run ruff-format .venv/bin/ruff format --check .
run mypy .venv/bin/python -m mypy
if ((${#failed[@]})); then
  echo "make lint: FAILED: ${failed[*]} (\`make format\` mends clang-format and ruff)"
  exit 1
fi
echo 'make lint: all passed'
