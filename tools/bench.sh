#!/usr/bin/env bash
# `make bench`: sets up what is missing, makes release builds of everything, then measures. ONLY=name measures one part.
set -euo pipefail
# shellcheck source=tools/env.sh
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
# shellcheck source=tools/lib.sh
source "$PARTWRIGHT_ROOT/tools/lib.sh"
cd "$PARTWRIGHT_ROOT"

# The parts are the quoted names in the list of tests/bench/main.rs. A wrong name ends here, before the builds.
if [ -n "${ONLY:-}" ]; then
  parts=$(sed -n 's/^ *("\([a-z_]*\)", |.*/\1/p' tests/bench/main.rs)
  [ -n "$parts" ] ||
    die "tools/bench.sh found no names of parts in tests/bench/main.rs. Correct the pattern in tools/bench.sh."
  grep -qxF -e "$ONLY" <<<"$parts" ||
    die "make bench has no part named '$ONLY'. Its parts are: ${parts//$'\n'/, }."
fi

tools/setup.sh
tools/setup.sh aws4fetch
tools/build-worker.sh release
say "building the runner and the benchmark, if they changed (the first build takes some minutes)"
cargo build --quiet --locked --release -p freecad-runner
cargo build --quiet --locked --profile worker --target wasm32-unknown-unknown -p bench-signing
export PARTWRIGHT_BENCH_SIGNING=$CARGO_TARGET_DIR/bench-signing
"$WASM_BINDGEN_BIN" --target web --no-typescript --out-name signing --out-dir "$PARTWRIGHT_BENCH_SIGNING" \
  "$CARGO_TARGET_DIR/wasm32-unknown-unknown/worker/bench_signing.wasm"
# The options that worker-build gives for the Worker.
features=(--enable-bulk-memory --enable-mutable-globals --enable-nontrapping-float-to-int --enable-sign-ext
  --enable-reference-types --enable-multivalue --enable-exception-handling)
"$WASM_OPT_BIN" -O "${features[@]}" "$PARTWRIGHT_BENCH_SIGNING/signing_bg.wasm" -o "$PARTWRIGHT_BENCH_SIGNING/signing_bg.wasm"
cargo bench --quiet --locked --workspace --bench service
