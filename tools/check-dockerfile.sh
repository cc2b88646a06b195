#!/usr/bin/env bash
# Checks that the runner compiles from exactly the files that freecad-runner/Dockerfile copies: Docker itself is not
# needed. It reads the COPY lines and .dockerignore, copies those files to build/image, and runs `cargo check` there.
set -euo pipefail
# shellcheck source=tools/env.sh
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
# shellcheck source=tools/lib.sh
source "$PARTWRIGHT_ROOT/tools/lib.sh"
cd "$PARTWRIGHT_ROOT"

dockerfile=freecad-runner/Dockerfile context=build/image
mapfile -t patterns < <(grep -vE '^(#|$)' .dockerignore)

# Whether .dockerignore lets Docker see a path. It excludes everything and then names what stays ("!path").
is_in_context() {
  local pattern
  for pattern in "${patterns[@]}"; do
    [[ $pattern != !* || $1/ != "${pattern#!}"/* ]] || return 0
  done
  return 1
}

# copy SOURCE TARGET, as Docker does it: of a folder its contents; into a folder if TARGET ends in a slash. Times of
# change are kept, so that cargo compiles only what changed.
copy() {
  local source=$1 target=$context/$2
  [ -e "$source" ] || die "$dockerfile copies $source, which does not exist. Correct its COPY line."
  is_in_context "$source" ||
    die "$dockerfile copies $source, but .dockerignore hides it. Add the line '!$source' there."
  if [ -d "$source" ]; then
    mkdir -p "$target"
    cp -a "$source/." "$target/"
  elif [[ $target == */ ]]; then
    mkdir -p "$target"
    cp -a "$source" "$target"
  else
    mkdir -p "$(dirname "$target")"
    cp -a "$source" "$target"
  fi
}

rm -rf "$context"
copied=0
while read -r line; do
  read -ra words <<<"${line#COPY }"
  case ${words[0]} in
    --from=*) continue ;; # from another stage, not from this tree
    --*) die "tools/check-dockerfile.sh cannot read '$line' of $dockerfile. Write it without options." ;;
  esac
  [[ ${words[-1]} != \\ && ${words[-1]} != /* ]] ||
    die "tools/check-dockerfile.sh cannot read '$line' of $dockerfile. Write it on one line, with a relative target."
  for source in "${words[@]:0:${#words[@]}-1}"; do copy "$source" "${words[-1]}"; done
  copied=$((copied + 1))
done < <(grep -E '^COPY ' "$dockerfile")
[ "$copied" -gt 0 ] || die "$dockerfile has no COPY line to check. Correct tools/check-dockerfile.sh."

# Remove the files that .dockerignore hides inside the shown folders.
for pattern in "${patterns[@]}"; do
  case $pattern in
    '*' | !*) ;;
    '**/'*) find "$context" -depth -name "${pattern#\*\*/}" -exec rm -rf {} + ;;
    *) rm -rf "${context:?}/$pattern" ;;
  esac
done

cd "$context"
cargo check --locked --offline -p freecad-runner ||
  die "the runner does not compile from what $dockerfile copies (the files are in $context)." \
    "Add a COPY line for what is missing, and a line in .dockerignore."
