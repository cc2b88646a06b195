# shellcheck shell=bash
# Where every tool of the project is, and in which version. The other scripts and the Makefile source it (bash). It
# installs nothing and prints nothing: tools/setup.sh installs what is missing.
#
# Versions are pinned here, in tools/package-lock.json (wrangler, esbuild, binaryen), in tools/node/package-lock.json
# (Node.js), in tools/aimock/package-lock.json (aimock), in tools/playwright/package-lock.json (playwright-core), in
# tools/bench/package-lock.json (aws4fetch), in
# tools/requirements.txt (SeaweedFS) and in tools/schemathesis/requirements.txt (schemathesis). The version of the
# wasm-bindgen tool is read from Cargo.lock, because it must equal the library's.

PARTWRIGHT_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export PARTWRIGHT_ROOT

PARTWRIGHT_RUST_MIN=1.91         # the `worker` crate's minimum; the same as rust-version in Cargo.toml
PARTWRIGHT_NODE_MIN=22.12        # wrangler's minimum
PARTWRIGHT_WORKER_BUILD=0.8.7    # goes with the version of the `worker` crate in Cargo.toml
export PARTWRIGHT_RUST_MIN PARTWRIGHT_NODE_MIN PARTWRIGHT_WORKER_BUILD

# The version of wasm-bindgen in Cargo.lock; empty without a lock file.
partwright_wasm_bindgen_version() {
  [ -f "$PARTWRIGHT_ROOT/Cargo.lock" ] || return 0
  awk '/^name = "wasm-bindgen"$/ { getline; gsub(/[^0-9.]/, ""); print; exit }' "$PARTWRIGHT_ROOT/Cargo.lock"
}

# Twelve digits of a file's hash. A folder with that name is out of use once the file changes.
partwright_key() { sha256sum "$1" | cut -c1-12; }

# True when version $1 is at least version $2.
partwright_at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

case $(uname -m) in
  aarch64 | arm64) PARTWRIGHT_ARCH=arm64 ;;
  *) PARTWRIGHT_ARCH=x64 ;;
esac

export PARTWRIGHT_CACHE=${PARTWRIGHT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/partwright}

# Every folder is named by version or content, so an update goes into a new folder, never over an old one.
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

# rustup installs nothing by itself: tools/setup.sh does, and says so (rust-toolchain.toml lists the parts).
export RUSTUP_AUTO_INSTALL=${RUSTUP_AUTO_INSTALL:-0}

# Cargo's output is in the cache, one folder for each compiler, so that a fresh clone and a second checkout build fast.
# Where rustup has no toolchain, rustc fails; set-up then says what to do.
if [ -z "${CARGO_TARGET_DIR:-}" ] && PARTWRIGHT_RUSTC=$(rustc --version 2>/dev/null); then
  CARGO_TARGET_DIR=$PARTWRIGHT_CACHE/target-$(cut -d' ' -f2 <<<"$PARTWRIGHT_RUSTC")
  export CARGO_TARGET_DIR
fi

# The machine's own Node.js if it is new enough, else the one that set-up installs into the cache.
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

# worker-build would download these tools itself. wasm-opt is a Node script, so it needs the PATH above.
export WASM_BINDGEN_BIN=$PARTWRIGHT_WASM_BINDGEN_DIR/bin/wasm-bindgen
export WASM_OPT_BIN=$PARTWRIGHT_NPM_DIR/node_modules/binaryen/bin/wasm-opt
export ESBUILD_BIN=$PARTWRIGHT_NPM_DIR/node_modules/@esbuild/linux-$PARTWRIGHT_ARCH/bin/esbuild

# The programs that the whole-stack tests start.
export PARTWRIGHT_WRANGLER=$PARTWRIGHT_NPM_DIR/node_modules/.bin/wrangler
export PARTWRIGHT_WEED=$PARTWRIGHT_WEED_DIR/bin/weed
export PARTWRIGHT_AIMOCK=$PARTWRIGHT_AIMOCK_DIR/node_modules/.bin/llmock
# The module that the programs in tests/stack/browser import.
export PARTWRIGHT_PLAYWRIGHT=$PARTWRIGHT_PLAYWRIGHT_DIR/node_modules/playwright-core/index.mjs
# Any Chromium or Chrome works. Debian's package has the last of these paths.
PARTWRIGHT_CHROMIUM=$(command -v chromium || command -v chromium-browser || command -v google-chrome || echo /usr/bin/chromium)
export PARTWRIGHT_CHROMIUM
# The Python in which schemathesis is installed.
export PARTWRIGHT_SCHEMATHESIS=$PARTWRIGHT_SCHEMATHESIS_DIR/bin/python3
export PARTWRIGHT_RUNNER=${CARGO_TARGET_DIR:-$PARTWRIGHT_ROOT/target}/release/freecad-runner

# wrangler works offline: it sends no usage data or crash reports, does not look for updates (the banner does that), asks
# no server for the location in `request.cf`, and does not ask about add-ons.
export WRANGLER_SEND_METRICS=false WRANGLER_SEND_ERROR_REPORTS=false WRANGLER_HIDE_BANNER=true
export WRANGLER_NO_SKILLS_UPDATE_PROMPTS=true CLOUDFLARE_CF_FETCH_ENABLED=false
# It keeps no trace of each request (that takes half a millisecond and grows without limit) and serves no data browser.
export X_LOCAL_OBSERVABILITY=${X_LOCAL_OBSERVABILITY:-false} X_LOCAL_EXPLORER=${X_LOCAL_EXPLORER:-false}
# Its logs stay in the work tree.
export WRANGLER_LOG_PATH=${WRANGLER_LOG_PATH:-$PARTWRIGHT_ROOT/.wrangler/logs}
