#!/usr/bin/env bash
# `make test`: sets up what is missing, then every check in turn; the first that fails ends it. `test.sh lint` stops
# before anything is run. ONLY=name leaves the lints out and runs the Rust tests whose names contain it.
set -euo pipefail
# shellcheck source=tools/env.sh
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
# shellcheck source=tools/lib.sh
source "$PARTWRIGHT_ROOT/tools/lib.sh"
cd "$PARTWRIGHT_ROOT"

what=${1:-all} only=${ONLY:-}
size_limit=700 # KB of 1,000 bytes, gzipped: what the Worker may weigh
begun=$SECONDS
summary=()

# step NAME COMMAND…: announces it, runs it, notes how long it took. Any failing command inside ends the script (a test
# of the step's status here would switch that off for all of it), and the trap says where.
step() {
  current=$1
  local started=$SECONDS
  shift
  printf '\n=== %s\n' "$current"
  "$@"
  summary+=("$(printf '%5d s  %s' $((SECONDS - started)) "$current")")
}
current=''
trap '[ $? -eq 0 ] || printf "\n=== FAILED: %s\n" "$current" >&2' EXIT

setup() { tools/setup.sh; }
# In lint mode FreeCAD and SeaweedFS are not needed, nor is wrangler.
setup_lint() { tools/setup.sh rust; }

shell_syntax() {
  local script
  for script in .ci/run tools/*.sh; do bash -n "$script"; done
}
clippy_native() { cargo clippy --locked --workspace --all-targets -- -D warnings; }
clippy_wasm() { cargo clippy --locked -p partwright --lib --target wasm32-unknown-unknown -- -D warnings; }

# What runs inside FreeCAD runs on the system's Python, whose modules FreeCAD uses.
python_tests() { /usr/bin/python3 freecad-runner/python/tests/run_tests.py; }

worker_size() {
  local bytes
  bytes=$(cat build/index_bg.wasm build/index.js | gzip -9 | wc -c)
  say "the Worker is $((bytes / 1000)) KB gzipped (limit $size_limit)"
  [ "$bytes" -le $((size_limit * 1000)) ] || die "the Worker is over its limit; look at what the last dependency added."
}
build_runner() { cargo build --locked --release -p freecad-runner; }

# cargo-nextest gives each test a process of its own and leaves out the examples in the documentation; both ways must pass.
rust_tests() {
  if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run --locked --workspace ${only:+"$only"}
    [ -n "$only" ] || cargo test --locked --workspace --doc
  else
    cargo test --locked --workspace ${only:+"$only"}
  fi
}

if [ "$what" = lint ]; then step "set-up" setup_lint; else step "set-up" setup; fi
if [ -z "$only" ]; then
  step "shell syntax" shell_syntax
  step "format" cargo fmt --all --check
  step "clippy, natively" clippy_native
  step "clippy, the Worker" clippy_wasm
fi
if [ "$what" != lint ]; then
  [ -n "$only" ] || step "Python tests" python_tests
  step "the Worker's release build" tools/build-worker.sh release
  [ -n "$only" ] || step "the Worker's size" worker_size
  step "the runner's release build" build_runner
  step "Rust tests${only:+ named $only}" rust_tests
fi

printf '\n=== all passed in %d s\n' $((SECONDS - begun))
printf '%s\n' "${summary[@]}"
