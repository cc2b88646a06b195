#!/usr/bin/env bash
# `make soak`: what `make test` does a tenth of, in full. ONLY=name does only what has that in its name.
set -euo pipefail
# shellcheck source=tools/env.sh
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
cd "$PARTWRIGHT_ROOT"

tools/setup.sh
tools/build-worker.sh release
cargo build --quiet --locked --release -p freecad-runner
export PARTWRIGHT_SOAK=1
what=(soak fuzz) properties=properties
[ -z "${ONLY:-}" ] || what=("$ONLY") properties=$ONLY
# One at a time: some of it is about speed.
cargo test --locked -p freecad-runner --test engine --test stack -- "${what[@]}" --nocapture --test-threads=1
PROPTEST_CASES=20000 cargo test --locked --release -p partwright --lib --tests "$properties"
# The model of the protocol has no real parts, and wants all the speed there is.
cargo test --locked --release -p freecad-runner --test model ${ONLY:+"$ONLY"} -- --nocapture --test-threads=1
