# shellcheck shell=bash
# Functions that the scripts share: messages, and installations that either finish or leave nothing behind.

say() { printf 'partwright: %s\n' "$*"; }

# Ends with an error: what happened, to what, and what to type. Its reader may not know the project.
die() {
  printf 'partwright: %s\n' "$@" >&2
  exit 1
}

# logged NAME COMMAND…: runs a command with its output in a log in the cache. Only a failure shows the end of the log.
logged() {
  local log=$PARTWRIGHT_CACHE/logs/$1.log
  shift
  mkdir -p "${log%/*}"
  # 9 is the lock of set-up. A process that an installer leaves running must not hold it.
  if ! "$@" >"$log" 2>&1 </dev/null 9>&-; then
    printf '  | %s\n' "… the end of $log:" >&2
    tail -n 25 "$log" | sed 's/^/  | /' >&2
    return 1
  fi
}

# install_into DIR FUNCTION: calls the function with an empty folder, which becomes DIR only if the function succeeds.
# An installation that was stopped therefore never looks finished.
install_into() {
  local dir=$1 fill=$2 temp
  temp=$(mktemp -d "$dir.tmp.XXXXXX")
  if ! "$fill" "$temp"; then
    rm -rf "$temp"
    return 1
  fi
  chmod 755 "$temp"
  rm -rf "$dir"
  mv -T "$temp" "$dir"
}

# Waits until no other set-up works on this cache, then deletes what killed ones left.
lock_cache() {
  mkdir -p "$PARTWRIGHT_CACHE/logs"
  exec 9>"$PARTWRIGHT_CACHE/setup.lock"
  if ! flock -n 9; then
    say "another set-up is working in $PARTWRIGHT_CACHE; waiting for it to end"
    flock 9
  fi
  rm -rf "$PARTWRIGHT_CACHE"/*.tmp.*
}

# apt_install WHAT PACKAGE…: installs Debian packages, as root or through sudo (if it needs no password, or a person can
# type it). Otherwise it prints the command to run.
apt_install() {
  local why=$1 sudo=()
  shift
  local command="apt-get update && apt-get install -y --no-install-recommends $*"
  command -v apt-get >/dev/null || die "$why is missing, and this system has no apt-get." \
    "Install it in your system's way (in Debian the packages are: $*) and start again."
  if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null && { sudo -n true 2>/dev/null || { [ -t 0 ] && sudo true; }; }; then
      sudo=(sudo)
    else
      die "$why is missing, and only root can install it. Run this, then start again:" "  sudo sh -c '$command'"
    fi
  fi
  logged apt "${sudo[@]}" sh -c "export DEBIAN_FRONTEND=noninteractive; apt-get -o DPkg::Lock::Timeout=600 update &&
    apt-get -o DPkg::Lock::Timeout=600 install -y --no-install-recommends $*" ||
    die "apt-get could not install: $why. Run this yourself and read its messages:  ${sudo:+sudo }sh -c '$command'"
}
