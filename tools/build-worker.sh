#!/usr/bin/env bash
# Builds the Worker: build-worker.sh release (small, for deployment, in build/) or dev (built fast, in build/dev/).
# Does nothing if the build is up to date. Without an argument, PARTWRIGHT_WORKER_MODE gives the mode; `none` means that
# the caller has built the Worker. wrangler.toml calls this script, so a plain `wrangler deploy` deploys a fresh build.
set -euo pipefail
# shellcheck source=tools/env.sh
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
# shellcheck source=tools/lib.sh
source "$PARTWRIGHT_ROOT/tools/lib.sh"

mode=${1:-${PARTWRIGHT_WORKER_MODE:-release}}
case $mode in
  release) out=build flags=(--profile worker) ;;
  dev) out=build/dev flags=(--dev --no-opt) ;;
  none) exit 0 ;;
  *) die "build-worker.sh has no mode '$mode'. Use release, dev or none." ;;
esac
cd "$PARTWRIGHT_ROOT"
"$PARTWRIGHT_ROOT/tools/setup.sh" rust wasm-tools node npm

# One hash of everything that decides the result: sources, the files of the browser page, settings, tools.
fingerprint() {
  {
    printf '%s\n' "$mode" "$PARTWRIGHT_WORKER_BUILD" "$PARTWRIGHT_NPM_DIR" "${RUSTFLAGS:-}"
    rustc --version
    find src crates assets Cargo.toml Cargo.lock tools/build-worker.sh -type f -not -path '*/__pycache__/*' -print0 |
      sort -z | xargs -0 sha256sum
  } | sha256sum | cut -d' ' -f1
}

mkdir -p "$out"
exec 8>"$out/.lock"
flock 8 # a second build waits here, then finds that nothing is left to do
before=$(fingerprint)
if [ -f "$out/.built" ] && [ "$(<"$out/.built")" = "$before" ] && [ -f "$out/index_bg.wasm" ] && [ -f "$out/worker/shim.mjs" ]; then
  exit 0
fi

say "building the Worker ($mode); the first build takes some minutes, later ones half a minute or less"
# A build that failed or was killed leaves its staging folder. The next build would wait for it as for a running build.
rm -rf "$out/.built" "$out/.tmp"
started=$SECONDS
# worker-build hands --locked on to cargo: if Cargo.lock does not fit, the build fails and does not change it.
RUST_BACKTRACE=0 worker-build "${flags[@]}" --out-dir "$out" --locked 8>&- ||
  die "the Worker did not build. The compiler's messages are above."
if [ "$mode" = release ]; then
  # Function names would be a tenth of the Worker, and nothing at the edge reads them. with_names.wasm keeps them, to
  # decode a stack trace; only index_bg.wasm is deployed.
  mv "$out/index_bg.wasm" "$out/with_names.wasm"
  logged strip "$WASM_OPT_BIN" --enable-mutable-globals --enable-sign-ext --enable-nontrapping-float-to-int \
    --enable-bulk-memory --enable-multivalue --enable-reference-types --enable-exception-handling --strip-debug \
    "$out/with_names.wasm" -o "$out/index_bg.wasm" ||
    die "wasm-opt could not remove the function names from $out/with_names.wasm. Its messages are above."
fi
# The hash from before the build, so that a file edited during the build leads to another build.
printf '%s\n' "$before" >"$out/.built"
say "the Worker is in $out ($((SECONDS - started)) s)"
