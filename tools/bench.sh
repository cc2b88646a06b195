#!/usr/bin/env bash
# `make bench`: sets up what is missing, builds all of it for speed, then measures. ONLY=name measures one part.
set -euo pipefail
# shellcheck source=tools/env.sh
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
# shellcheck source=tools/lib.sh
source "$PARTWRIGHT_ROOT/tools/lib.sh"
cd "$PARTWRIGHT_ROOT"

tools/setup.sh
tools/setup.sh aws4fetch
tools/build-worker.sh release
say "building the runner and the measurements, if they changed (the first time takes some minutes)"
cargo build --quiet --locked --release -p freecad-runner
cargo build --quiet --locked --profile worker --target wasm32-unknown-unknown -p bench-signing
export PARTWRIGHT_BENCH_SIGNING=$CARGO_TARGET_DIR/bench-signing
"$WASM_BINDGEN_BIN" --target web --no-typescript --out-name signing --out-dir "$PARTWRIGHT_BENCH_SIGNING" \
  "$CARGO_TARGET_DIR/wasm32-unknown-unknown/worker/bench_signing.wasm"
# As worker-build does it to the Worker.
features=(--enable-bulk-memory --enable-mutable-globals --enable-nontrapping-float-to-int --enable-sign-ext
  --enable-reference-types --enable-multivalue --enable-exception-handling)
"$WASM_OPT_BIN" -O "${features[@]}" "$PARTWRIGHT_BENCH_SIGNING/signing_bg.wasm" -o "$PARTWRIGHT_BENCH_SIGNING/signing_bg.wasm"
cargo bench --quiet --locked -p freecad-runner --bench service
