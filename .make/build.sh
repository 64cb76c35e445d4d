#!/usr/bin/env bash
# Configures once and builds: build.sh <preset> <target>...
set -euo pipefail
cd "$(dirname "$0")/.."
preset=$1
shift
folder=build
[ "$preset" = release ] || folder=build-$preset
# Two checkouts of Tegula, or a build from an editor, must not write into one folder at once.
exec 9>"${TMPDIR:-/tmp}/tegula-build-$(id -u)$(echo "$PWD/$folder" | tr / _).lock"
flock 9
if [ ! -f "$folder/build.ninja" ]; then
  printf '\n== Configuring %s\n' "$folder"
  cmake --preset "$preset" -DPython_EXECUTABLE="$PWD/.venv/bin/python" -Wno-dev > "$folder.log" 2>&1 ||
    { cat "$folder.log"; rm -f "$folder.log" "$folder/build.ninja"; exit 1; }
  mv "$folder.log" "$folder/configure.log"
fi
printf '\n== Building %s (%s processors; the first time takes minutes)\n' "$*" "$(nproc)"
NINJA_STATUS='[%f/%t, %es] ' ninja -C "$folder" "$@"
