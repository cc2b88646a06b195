# shellcheck shell=bash
# Steps of `make test` and `make soak`: each runs even if another failed, has its own log, and is timed. Sourced.
#
# A step names the steps that it needs. If one of those failed or was skipped, the step is skipped. Two lists of steps
# can run side by side (run_lanes); their output goes to the logs only, so it does not mix.

# begin_steps NAME: starts afresh. Logs and results are kept in build/logs/NAME until the next start.
begin_steps() {
  steps=$PARTWRIGHT_ROOT/build/logs/$1
  rm -rf "$steps"
  mkdir -p "$steps"
  : >"$steps/order"
  steps_shown=yes steps_began=$SECONDS lanes=()
  # A log that a person watches has colours.
  if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-always}; fi
  trap stop_lanes EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
}

# step ID NAME NEEDS COMMAND…: runs the command, unless a step whose id is in NEEDS did not pass. Never call it in a
# condition: bash would then ignore `set -e` in the command.
step() {
  local id=$1 name=$2 needs=$3 need status started=$SECONDS
  shift 3
  printf '%s\n' "$name" >"$steps/$id.name"
  printf '%s\n' "$id" >>"$steps/order"
  for need in $needs; do
    passed "$need" || { skip_step "$id" "$need"; return 0; }
  done
  # Until the step ends, it counts as failed: an interrupted step did not pass.
  printf 'FAILED 0\n' >"$steps/$id.result"
  set +e
  if [ -n "$steps_shown" ]; then
    printf '\n=== %s\n' "$name"
    (set -e; "$@") 2>&1 | tee "$steps/$id.log"
    status=${PIPESTATUS[0]}
  else
    printf '=== started: %s\n' "$name"
    (set -e; "$@") >"$steps/$id.log" 2>&1
    status=$?
  fi
  set -e
  local seconds=$((SECONDS - started))
  if [ "$status" -eq 0 ]; then
    printf 'ok %d\n' "$seconds" >"$steps/$id.result"
    [ -n "$steps_shown" ] || printf '=== passed:  %s (%d s)\n' "$name" "$seconds"
  else
    printf 'FAILED %d\n' "$seconds" >"$steps/$id.result"
    printf '=== FAILED:  %s (%d s); its output is repeated at the end\n' "$name" "$seconds"
  fi
}

passed() { [[ $(cat "$steps/$1.result" 2>/dev/null) == ok* ]]; }

# skip_step ID NEED: the reason is the step that failed first, not a step that was skipped because of it.
skip_step() {
  local reason
  if [ -f "$steps/$2.reason" ]; then
    reason=$(<"$steps/$2.reason")
  elif [ -f "$steps/$2.name" ]; then
    reason="\"$(<"$steps/$2.name")\" failed"
  else
    reason="step '$2' did not run"
  fi
  printf '%s\n' "$reason" >"$steps/$1.reason"
  printf 'skipped 0\n' >"$steps/$1.result"
  printf '=== skipped: %s, because %s\n' "$(<"$steps/$1.name")" "$reason"
}

# run_lanes FUNCTION…: runs functions that call `step`, side by side, and waits for all. Each is a process group of its
# own (set -m), so that Ctrl-C, which then reaches only this script, can end all of it.
run_lanes() {
  local lane
  steps_shown=
  printf '\n=== steps side by side; follow one with: tail -f %s/*.log\n' "${steps#"$PARTWRIGHT_ROOT/"}"
  for lane; do
    set -m
    (trap - EXIT INT TERM HUP; "$lane") </dev/null &
    set +m
    lanes+=("$!")
  done
  # A lane reports through its steps. If it ends in another way, end_steps notices a step without a result.
  for lane in "${lanes[@]}"; do wait "$lane" || printf 'lane\n' >>"$steps/broken"; done
  lanes=() steps_shown=yes
}

stop_lanes() {
  local lane
  for lane in "${lanes[@]}"; do kill -TERM -- "-$lane" 2>/dev/null || :; done
}

# end_steps: repeats the output of the steps that failed, then prints all steps with their seconds. Its status is 1 if a
# step failed.
end_steps() {
  local id result seconds count=0 failed=() skipped=0
  while read -r id; do
    read -r result seconds <"$steps/$id.result"
    count=$((count + 1))
    case $result in
      FAILED) failed+=("$id") ;;
      skipped) skipped=$((skipped + 1)) ;;
    esac
  done <"$steps/order"
  for id in "${failed[@]}"; do
    printf '\n=== FAILED: %s\n' "$(<"$steps/$id.name")"
    show_end "$steps/$id.log"
  done
  printf '\n=== seconds of each step\n'
  while read -r id; do
    read -r result seconds <"$steps/$id.result"
    if [ "$result" = skipped ]; then
      printf '%6s    skipped  %s, because %s\n' '' "$(<"$steps/$id.name")" "$(<"$steps/$id.reason")"
    else
      printf '%6d s  %-7s  %s\n' "$seconds" "$result" "$(<"$steps/$id.name")"
    fi
  done <"$steps/order"
  local total=$((SECONDS - steps_began))
  if [ -f "$steps/broken" ]; then
    printf '\n=== FAILED: the script ended before all steps ran (%d s). Its messages are above.\n' "$total"
    return 1
  fi
  if [ "${#failed[@]}" -gt 0 ]; then
    printf '\n=== %d of %d steps failed, %d skipped, in %d s. Logs: %s\n' "${#failed[@]}" "$count" "$skipped" "$total" \
      "${steps#"$PARTWRIGHT_ROOT/"}"
    return 1
  fi
  printf '\n=== all %d steps passed in %d s\n' "$count" "$total"
}

# show_end FILE: the end of a log, where every tool here lists its failures.
show_end() {
  local lines=300 all
  all=$(wc -l <"$1")
  [ "$all" -le "$lines" ] || printf '  … the last %d of %d lines of %s\n' "$lines" "$all" "${1#"$PARTWRIGHT_ROOT/"}"
  tail -n "$lines" "$1"
}

# The two questions of ONLY=name.

# occurs_in_sources NAME: whether each part of a test's name (they are joined by `::`) occurs in a Rust source. Takes no
# build, so it catches a misspelt name at once. That it occurs does not prove that a test has the name.
occurs_in_sources() {
  local part parts
  IFS=: read -ra parts <<<"$1"
  for part in "${parts[@]}"; do
    [ -z "$part" ] || grep -rqF --include='*.rs' -e "$part" src crates tests freecad-runner || return 1
  done
}

# test_names NAME TARGETS…: the names of the tests of some targets, as cargo selects them, that contain NAME. It needs a
# build of the tests, the same as running them.
test_names() {
  local name=$1 list
  shift
  list=$(cargo test --quiet --locked --workspace "$@" -- --list ${name:+"$name"}) || return
  sed -n 's/: test$//p' <<<"$list"
}

# no_such_test NAME TASK LIST: ends with a message. LIST is what can be named, one a line; it may be empty.
no_such_test() {
  local known=()
  [ -z "$3" ] || mapfile -t known <<<"$3"
  die "no test's name contains '$1', so ONLY=$1 make $2 has nothing to run." \
    "Give a part of the name of a test function or of its module.${known[0]:+ Some of them:}" "${known[@]/#/  }"
}
