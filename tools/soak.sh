#!/usr/bin/env bash
# `make soak`: in full what `make test` does a tenth of. ONLY=name runs only the tests whose names contain it.
set -euo pipefail
# shellcheck source=tools/env.sh
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
# shellcheck source=tools/lib.sh
source "$PARTWRIGHT_ROOT/tools/lib.sh"
# shellcheck source=tools/steps.sh
source "$PARTWRIGHT_ROOT/tools/steps.sh"
cd "$PARTWRIGHT_ROOT"
export PARTWRIGHT_SOAK=1

only=${ONLY:-}
programs=(--test=engine --test=stack) property_programs=(--test=contract --test=store --test=api)
programs_filter=(soak fuzz) properties_filter=(properties)
[ -z "$only" ] || programs_filter=("$only") properties_filter=("$only")

set_up_rust() { tools/setup.sh rust; }
set_up_all() { tools/setup.sh; }
build_worker() { tools/build-worker.sh release; }
build_runner() { cargo build --locked --release -p freecad-runner; }
# One test at a time, because some of them measure speed.
soak_programs() {
  cargo test --locked --no-fail-fast --workspace "${programs[@]}" -- --nocapture --test-threads=1 \
    "${programs_filter[@]}"
}
soak_properties() {
  PROPTEST_CASES=20000 cargo test --locked --no-fail-fast --release --workspace --lib "${property_programs[@]}" \
    "${properties_filter[@]}"
}
# The model of the protocol starts no real parts; a release build runs many more schedules.
soak_model() {
  cargo test --locked --release --workspace --test=model ${only:+"$only"} -- --nocapture --test-threads=1
}

has_programs=yes has_properties=yes has_model=yes
if [ -n "$only" ]; then
  occurs_in_sources "$only" || no_such_test "$only" soak ""
fi
begin_steps soak
step rust "set-up of Rust" "" set_up_rust
if [ -n "$only" ]; then
  # The debug build of all tests tells which of the groups have the name, before anything else is built.
  step build_tests "the build of the Rust tests" "rust" cargo test --locked --workspace --tests --no-run
  passed build_tests || { end_steps; exit 1; }
  has_programs=$(test_names "$only" "${programs[@]}")
  has_properties=$(test_names "$only" --lib "${property_programs[@]}")
  has_model=$(test_names "$only" --test=model)
  [ -n "$has_programs$has_properties$has_model" ] ||
    no_such_test "$only" soak "$(
      test_names soak "${programs[@]}" && test_names fuzz "${programs[@]}" && test_names "" --test=model
    )"
fi
if [ -n "$has_programs" ]; then
  step setup "set-up" "rust" set_up_all
  step worker "the Worker's release build" "setup" build_worker
  step runner "the runner's release build" "rust" build_runner
  step programs "tests with all parts" "worker runner" soak_programs
fi
if [ -n "$has_properties" ]; then step properties "properties, 20,000 cases each" "rust" soak_properties; fi
if [ -n "$has_model" ]; then step model "the model of the protocol" "rust" soak_model; fi
end_steps
