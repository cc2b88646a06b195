#!/usr/bin/env bash
# Builds the Worker: build-worker.sh release (small, for deploying: build/) or dev (fast to build: build/dev/).
# Does nothing when nothing that goes into it has changed; PARTWRIGHT_WORKER_MODE is the default mode, and `none` of it
# means that the caller built already. wrangler.toml calls this, so a bare `wrangler deploy` ships a fresh build.
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
  *) die "build-worker.sh knows the modes release, dev and none; not '$mode'." ;;
esac
cd "$PARTWRIGHT_ROOT"
"$PARTWRIGHT_ROOT/tools/setup.sh" rust wasm-tools node npm

# One hash of all that decides the result: sources (the page's files among them), settings, tools.
fingerprint() {
  {
    printf '%s\n' "$mode" "$PARTWRIGHT_WORKER_BUILD" "$PARTWRIGHT_NPM_DIR" "${RUSTFLAGS:-}"
    rustc --version
    find src Cargo.toml Cargo.lock tools/build-worker.sh -type f -print0 | sort -z | xargs -0 sha256sum
  } | sha256sum | cut -d' ' -f1
}

mkdir -p "$out"
exec 8>"$out/.lock"
flock 8 # a second build waits here, and then finds the work done
before=$(fingerprint)
if [ -f "$out/.built" ] && [ "$(<"$out/.built")" = "$before" ] && [ -f "$out/index_bg.wasm" ] && [ -f "$out/worker/shim.mjs" ]; then
  exit 0
fi

say "building the Worker ($mode); the first time takes some minutes, later half a minute or less"
# A build that failed or was killed leaves its staging folder, which the next one would take for a running build and wait for.
rm -rf "$out/.built" "$out/.tmp"
started=$SECONDS
# The options after a bare cargo flag are cargo's: a lock file that does not fit is an error, not an update.
RUST_BACKTRACE=0 worker-build "${flags[@]}" --out-dir "$out" --locked 8>&- ||
  die "the Worker did not build; what the compiler says is above."
if [ "$mode" = release ]; then
  # A tenth of the Worker would be the names of its functions, which nothing at the edge reads. They stay beside it, for
  # whoever has a stack trace with numbers to read: only index_bg.wasm is deployed.
  mv "$out/index_bg.wasm" "$out/with_names.wasm"
  logged strip "$WASM_OPT_BIN" --enable-mutable-globals --enable-sign-ext --enable-nontrapping-float-to-int \
    --enable-bulk-memory --enable-multivalue --enable-reference-types --enable-exception-handling --strip-debug \
    "$out/with_names.wasm" -o "$out/index_bg.wasm" || die "the names of its functions could not be taken out of the Worker."
fi
# The hash of before the build: whatever was edited meanwhile leads to another build.
printf '%s\n' "$before" >"$out/.built"
say "the Worker is in $out ($((SECONDS - started)) s)"
