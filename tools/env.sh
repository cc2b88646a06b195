# shellcheck shell=bash
# Where every tool of the project is, and in which version. Sourced (bash) by the other scripts and the Makefile;
# it installs nothing and prints nothing: tools/setup.sh brings what is missing.
#
# Versions are pinned here, in tools/package-lock.json (wrangler, esbuild, binaryen), in tools/node/package-lock.json
# (Node.js), in tools/aimock/package-lock.json (aimock), in tools/playwright/package-lock.json (playwright-core), in
# tools/bench/package-lock.json (aws4fetch), in tools/requirements.txt (SeaweedFS) and in
# tools/schemathesis/requirements.txt (schemathesis); wasm-bindgen's is read from Cargo.lock, which it must equal.

PARTWRIGHT_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export PARTWRIGHT_ROOT

PARTWRIGHT_RUST_MIN=1.91         # the `worker` crate's minimum; Cargo.toml says the same
PARTWRIGHT_NODE_MIN=22.12        # wrangler's minimum
PARTWRIGHT_WORKER_BUILD=0.8.7    # goes with the `worker` crate of Cargo.toml
export PARTWRIGHT_RUST_MIN PARTWRIGHT_NODE_MIN PARTWRIGHT_WORKER_BUILD

# The version of wasm-bindgen that Cargo.lock names; empty while there is no lock file.
partwright_wasm_bindgen_version() {
  [ -f "$PARTWRIGHT_ROOT/Cargo.lock" ] || return 0
  awk '/^name = "wasm-bindgen"$/ { getline; gsub(/[^0-9.]/, ""); print; exit }' "$PARTWRIGHT_ROOT/Cargo.lock"
}

# Twelve digits of a file's hash: a folder named so is right exactly as long as the file stays as it is.
partwright_key() { sha256sum "$1" | cut -c1-12; }

# True when version $1 is at least version $2.
partwright_at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

case $(uname -m) in
  aarch64 | arm64) PARTWRIGHT_ARCH=arm64 ;;
  *) PARTWRIGHT_ARCH=x64 ;;
esac

export PARTWRIGHT_CACHE=${PARTWRIGHT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/partwright}

# Every folder is named by version or content, so an update installs beside the old one and never half over it.
PARTWRIGHT_WORKER_BUILD_DIR=$PARTWRIGHT_CACHE/worker-build-$PARTWRIGHT_WORKER_BUILD
PARTWRIGHT_WASM_BINDGEN=$(partwright_wasm_bindgen_version)
PARTWRIGHT_WASM_BINDGEN_DIR=$PARTWRIGHT_CACHE/wasm-bindgen-cli-${PARTWRIGHT_WASM_BINDGEN:-unknown}
PARTWRIGHT_NODE_DIR=$PARTWRIGHT_CACHE/node-$(partwright_key "$PARTWRIGHT_ROOT/tools/node/package-lock.json")
PARTWRIGHT_NPM_DIR=$PARTWRIGHT_CACHE/npm-$(partwright_key "$PARTWRIGHT_ROOT/tools/package-lock.json")
PARTWRIGHT_AIMOCK_DIR=$PARTWRIGHT_CACHE/aimock-$(partwright_key "$PARTWRIGHT_ROOT/tools/aimock/package-lock.json")
PARTWRIGHT_PLAYWRIGHT_DIR=$PARTWRIGHT_CACHE/playwright-$(partwright_key "$PARTWRIGHT_ROOT/tools/playwright/package-lock.json")
PARTWRIGHT_BENCH_NPM_DIR=$PARTWRIGHT_CACHE/npm-bench-$(partwright_key "$PARTWRIGHT_ROOT/tools/bench/package-lock.json")
PARTWRIGHT_WEED_DIR=$PARTWRIGHT_CACHE/seaweedfs-$(partwright_key "$PARTWRIGHT_ROOT/tools/requirements.txt")
PARTWRIGHT_SCHEMATHESIS_DIR=$PARTWRIGHT_CACHE/schemathesis-$(partwright_key "$PARTWRIGHT_ROOT/tools/schemathesis/requirements.txt")
export PARTWRIGHT_WORKER_BUILD_DIR PARTWRIGHT_WASM_BINDGEN PARTWRIGHT_WASM_BINDGEN_DIR
export PARTWRIGHT_NODE_DIR PARTWRIGHT_NPM_DIR PARTWRIGHT_BENCH_NPM_DIR PARTWRIGHT_WEED_DIR
export PARTWRIGHT_AIMOCK_DIR PARTWRIGHT_PLAYWRIGHT_DIR PARTWRIGHT_SCHEMATHESIS_DIR PARTWRIGHT_ARCH

# Cargo's output stays out of the work tree, apart by compiler, so that a fresh clone and a second checkout build fast.
# A rustup without a toolchain has a rustc that only fails; set-up says what to do about it.
if [ -z "${CARGO_TARGET_DIR:-}" ] && PARTWRIGHT_RUSTC=$(rustc --version 2>/dev/null); then
  CARGO_TARGET_DIR=$PARTWRIGHT_CACHE/target-$(cut -d' ' -f2 <<<"$PARTWRIGHT_RUSTC")
  export CARGO_TARGET_DIR
fi

# The machine's own Node.js when it is new enough, else the one that set-up put into the cache.
partwright_system_node() {
  local version
  version=$(command -v node >/dev/null && node --version) || return 1
  partwright_at_least "${version#v}" "$PARTWRIGHT_NODE_MIN"
}
if partwright_system_node; then
  PARTWRIGHT_NODE=$(command -v node)
else
  PARTWRIGHT_NODE=$PARTWRIGHT_NODE_DIR/node_modules/node-linux-$PARTWRIGHT_ARCH/bin/node
  PATH=$(dirname "$PARTWRIGHT_NODE"):$PATH
fi
PATH=$PARTWRIGHT_NPM_DIR/node_modules/.bin:$PARTWRIGHT_WORKER_BUILD_DIR/bin:$PATH
export PATH PARTWRIGHT_NODE

# What worker-build would otherwise download for itself. wasm-opt is a Node script, so it needs the PATH above.
export WASM_BINDGEN_BIN=$PARTWRIGHT_WASM_BINDGEN_DIR/bin/wasm-bindgen
export WASM_OPT_BIN=$PARTWRIGHT_NPM_DIR/node_modules/binaryen/bin/wasm-opt
export ESBUILD_BIN=$PARTWRIGHT_NPM_DIR/node_modules/@esbuild/linux-$PARTWRIGHT_ARCH/bin/esbuild

# What the whole-stack tests start.
export PARTWRIGHT_WRANGLER=$PARTWRIGHT_NPM_DIR/node_modules/.bin/wrangler
export PARTWRIGHT_WEED=$PARTWRIGHT_WEED_DIR/bin/weed
export PARTWRIGHT_AIMOCK=$PARTWRIGHT_AIMOCK_DIR/node_modules/.bin/llmock
# The module that the programs in tests/stack/browser import.
export PARTWRIGHT_PLAYWRIGHT=$PARTWRIGHT_PLAYWRIGHT_DIR/node_modules/playwright-core/index.mjs
# Any Chromium or Chrome works. Debian's package has the last of these paths.
PARTWRIGHT_CHROMIUM=$(command -v chromium || command -v chromium-browser || command -v google-chrome || echo /usr/bin/chromium)
export PARTWRIGHT_CHROMIUM
# The Python that has it.
export PARTWRIGHT_SCHEMATHESIS=$PARTWRIGHT_SCHEMATHESIS_DIR/bin/python3
export PARTWRIGHT_RUNNER=${CARGO_TARGET_DIR:-$PARTWRIGHT_ROOT/target}/release/freecad-runner

# wrangler works offline: no figures or crash reports sent, no look for updates (the banner does that), no geography
# looked up for `request.cf`, no questions about add-ons.
export WRANGLER_SEND_METRICS=false WRANGLER_SEND_ERROR_REPORTS=false WRANGLER_HIDE_BANNER=true
export WRANGLER_NO_SKILLS_UPDATE_PROMPTS=true CLOUDFLARE_CF_FETCH_ENABLED=false
# Nor does it keep a trace of each request (that costs half a millisecond and grows for ever) or serve its data browser.
export X_LOCAL_OBSERVABILITY=${X_LOCAL_OBSERVABILITY:-false} X_LOCAL_EXPLORER=${X_LOCAL_EXPLORER:-false}
# Its logs stay in the work tree.
export WRANGLER_LOG_PATH=${WRANGLER_LOG_PATH:-$PARTWRIGHT_ROOT/.wrangler/logs}
