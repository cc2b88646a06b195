# shellcheck shell=bash
# What the scripts here share: messages, and steps that either finish or leave no trace.

say() { printf 'partwright: %s\n' "$*"; }

# An error is for somebody who has never seen the project: what is wrong, then what to type.
die() {
  printf 'partwright: %s\n' "$@" >&2
  exit 1
}

# Runs a command with its output in a log of the cache; only a failure shows any of it.
logged() {
  local log=$PARTWRIGHT_CACHE/logs/$1.log
  shift
  mkdir -p "${log%/*}"
  # 9 is set-up's lock: what an installer leaves running must not hold it.
  if ! "$@" >"$log" 2>&1 </dev/null 9>&-; then
    printf '  | %s\n' "… the end of $log:" >&2
    tail -n 25 "$log" | sed 's/^/  | /' >&2
    return 1
  fi
}

# install_into DIR FUNCTION: calls the function with an empty folder, which becomes DIR only if the function succeeds.
# A stopped installation so leaves nothing that looks finished.
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

# Becomes the one set-up of this cache, waiting for another to finish, and clears away what killed ones left.
lock_cache() {
  mkdir -p "$PARTWRIGHT_CACHE/logs"
  exec 9>"$PARTWRIGHT_CACHE/setup.lock"
  if ! flock -n 9; then
    say "another set-up is at work in $PARTWRIGHT_CACHE; waiting for it"
    flock 9
  fi
  rm -rf "$PARTWRIGHT_CACHE"/*.tmp.*
}

# Installs Debian packages: directly as root, by sudo where that can work (no password, or a person to type it), else
# it prints the command. $1 says what for.
apt_install() {
  local why=$1 sudo=()
  shift
  local command="apt-get update && apt-get install -y --no-install-recommends $*"
  command -v apt-get >/dev/null || die "$why is missing, and this system has no apt-get." \
    "Install it the way your system does (Debian's packages are: $*) and start again."
  if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null && { sudo -n true 2>/dev/null || { [ -t 0 ] && sudo true; }; }; then
      sudo=(sudo)
    else
      die "$why is missing, and installing it takes root. Run this, then start again:" "  sudo sh -c '$command'"
    fi
  fi
  logged apt "${sudo[@]}" sh -c "export DEBIAN_FRONTEND=noninteractive; apt-get -o DPkg::Lock::Timeout=600 update &&
    apt-get -o DPkg::Lock::Timeout=600 install -y --no-install-recommends $*" ||
    die "$why could not be installed. By hand:  ${sudo:+sudo }sh -c '$command'"
}
