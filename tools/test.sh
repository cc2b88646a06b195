#!/usr/bin/env bash
# `make test`: sets up what is missing, then runs every check, also after a failure; failures are printed last.
# `test.sh lint` runs only the checks of format and lints. ONLY=name runs only the Rust tests whose names contain it.
set -euo pipefail
# shellcheck source=tools/env.sh
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
# shellcheck source=tools/lib.sh
source "$PARTWRIGHT_ROOT/tools/lib.sh"
# shellcheck source=tools/steps.sh
source "$PARTWRIGHT_ROOT/tools/steps.sh"
cd "$PARTWRIGHT_ROOT"

what=${1:-all} only=${ONLY:-}
case $what in all | lint) ;; *) die "test.sh runs 'all' or 'lint', not '$what'." ;; esac
size_limit=700 # the Worker's greatest size, gzipped, in KB of 1,000 bytes
# Test programs that start real parts (wrangler, the runner, FreeCAD). All others need no build but their own.
programs=(engine stack)

set_up_rust() { tools/setup.sh rust; }
set_up_all() { tools/setup.sh; }

shell_syntax() {
  local script
  for script in .ci/run tools/*.sh; do bash -n "$script"; done
}
clippy_native() { cargo clippy --locked --workspace --all-targets -- -D warnings; }
clippy_worker() { cargo clippy --locked -p partwright --lib --target wasm32-unknown-unknown -- -D warnings; }

# FreeCAD's modules belong to the system's Python, so its tests run on that one.
python_tests() { /usr/bin/python3 crates/sandbox/python/tests/run_tests.py; }

build_worker() { tools/build-worker.sh release; }
worker_size() {
  local bytes
  bytes=$(cat build/index_bg.wasm build/index.js | gzip -9 | wc -c)
  say "the Worker is $((bytes / 1000)) KB gzipped (limit $size_limit KB)"
  [ "$bytes" -le $((size_limit * 1000)) ] ||
    die "the Worker is larger than $size_limit KB. Look at what the last change added, above all a dependency."
}
build_runner() { cargo build --locked --release -p freecad-runner; }

# cargo-nextest gives each test a process of its own, and leaves out documentation examples. `cargo test` also works.
has_nextest() { cargo nextest --version >/dev/null 2>&1; }
build_tests() { cargo test --locked --workspace --tests --no-run; }
doc_tests() { cargo test --locked --workspace --doc; }
tests_without_programs() {
  if has_nextest; then
    nextest -E "not ($(programs_as_filter))"
  else
    mapfile -t targets < <(other_programs | sed 's/^/--test=/')
    cargo test --locked --no-fail-fast --workspace --lib --bins "${targets[@]}" ${only:+"$only"}
  fi
}
tests_with_programs() {
  if has_nextest; then
    nextest -E "$(programs_as_filter)"
  else
    cargo test --locked --no-fail-fast --workspace "${programs[@]/#/--test=}" ${only:+"$only"}
  fi
}
# .config/nextest.toml says which tests start first, and that a failure does not end the run.
nextest() { cargo nextest run --locked --workspace "$@" ${only:+"$only"}; }
programs_as_filter() { printf 'binary(=%s)' "${programs[0]}" && printf ' | binary(=%s)' "${programs[@]:1}"; }
# The names of the workspace's other test programs.
other_programs() {
  cargo metadata --locked --no-deps --format-version 1 |
    grep -o '"kind":\["test"\],"crate_types":\["bin"\],"name":"[^"]*"' | sed 's/.*:"//; s/"$//' |
    grep -vxF -e "$(printf '%s\n' "${programs[@]}")"
}

# Two lanes for two cores. The Python tests, and most of the Worker's build, use one core. The compiling lane has the lower
# priority, because some of the Python tests measure time.
compiling_lane() {
  renice -n 10 -p "$BASHPID" >/dev/null
  step format "format" "rust" cargo fmt --all --check
  step clippy_native "clippy, natively" "rust" clippy_native
  step clippy_worker "clippy, the Worker" "rust" clippy_worker
  step dockerfile "the image's files" "rust" tools/check-dockerfile.sh
  step build_tests "the build of the Rust tests" "rust" build_tests
  step tests_without_programs "Rust tests without other programs" "build_tests" tests_without_programs
  step doc_tests "examples in the documentation" "build_tests" doc_tests
}
releasing_lane() {
  step python "Python tests" "setup" python_tests
  step worker "the Worker's release build" "setup" build_worker
  step worker_size "the Worker's size" "worker" worker_size
  step runner "the runner's release build" "rust" build_runner
}

run_lint() {
  begin_steps lint
  step rust "set-up of Rust" "" set_up_rust
  step shell "shell syntax" "" shell_syntax
  step format "format" "rust" cargo fmt --all --check
  step clippy_native "clippy, natively" "rust" clippy_native
  step clippy_worker "clippy, the Worker" "rust" clippy_worker
  end_steps
}

run_all() {
  begin_steps test
  step rust "set-up of Rust" "" set_up_rust
  step setup "set-up" "rust" set_up_all
  step shell "shell syntax" "" shell_syntax
  run_lanes compiling_lane releasing_lane
  step tests_with_programs "Rust tests with all parts" "build_tests worker runner" tests_with_programs
  end_steps
}

# Finds the tests before it builds the parts, and builds the parts only for tests that start them.
run_only() {
  occurs_in_sources "$only" || no_such_test "$only" test ""
  begin_steps test
  step rust "set-up of Rust" "" set_up_rust
  step build_tests "the build of the Rust tests" "rust" build_tests
  passed build_tests || { end_steps; return; }
  local all with_programs
  all=$(test_names "$only" --tests)
  with_programs=$(test_names "$only" "${programs[@]/#/--test=}")
  [ -n "$all" ] || no_such_test "$only" test ""
  printf '\n=== tests whose names contain %s\n%s\n' "$only" "$all"
  if [ "$(wc -l <<<"$all")" -gt "$(grep -c . <<<"$with_programs")" ]; then
    step tests_without_programs "Rust tests without other programs" "build_tests" tests_without_programs
  fi
  if [ -n "$with_programs" ]; then
    step setup "set-up" "rust" set_up_all
    step worker "the Worker's release build" "setup" build_worker
    step runner "the runner's release build" "rust" build_runner
    step tests_with_programs "Rust tests with all parts" "build_tests worker runner" tests_with_programs
  fi
  end_steps
}

if [ "$what" = lint ]; then
  run_lint
elif [ -n "$only" ]; then
  run_only
else
  run_all
fi
