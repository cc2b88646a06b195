#!/usr/bin/env bash
# `make dev`: the Worker under wrangler dev, wrangler's local R2 as the bucket, and one runner, until Ctrl-C.
# PORT is the port (default 8787), PARTWRIGHT_DATA the folder of all data (default .wrangler).
# More settings of the Worker, such as AI_API_KEY, are read from .dev.vars if that file exists (docs/configuration.md).
set -euo pipefail
# shellcheck source=tools/env.sh
source "$(dirname "${BASH_SOURCE[0]}")/env.sh"
# shellcheck source=tools/lib.sh
source "$PARTWRIGHT_ROOT/tools/lib.sh"
cd "$PARTWRIGHT_ROOT"

port=${PORT:-8787}
[[ $port =~ ^[1-9][0-9]{0,4}$ ]] || die "PORT is '$port'. It must be a number from 1 to 65535:  PORT=8788 make dev"
page=http://127.0.0.1:$port
data=${PARTWRIGHT_DATA:-.wrangler}
state=$data/state logs=$data/logs
mkdir -p "$state" "$logs"

# Two runs on one data folder would write the same databases.
exec 7>"$data/dev.lock"
flock -n 7 || die "make dev is already running on the folder $data. Stop it, or use another port and folder:" \
  "  PORT=8788 PARTWRIGHT_DATA=.wrangler-2 make dev"

port_is_free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }
port_busy() {
  die "another program listens on port $port already. Choose another port:  PORT=$((port + 1)) make dev"
}
port_is_free || port_busy

# secret NAME: prints a secret of this folder, 32 hexadecimal digits. It is made once; only the file's owner can read it.
secret() {
  local file=$state/$1
  [ -s "$file" ] || (umask 077 && od -An -N16 -tx1 /dev/urandom | tr -d ' \n' >"$file.new" && mv "$file.new" "$file")
  cat "$file"
}

"$PARTWRIGHT_ROOT/tools/setup.sh" rust wasm-tools node npm freecad
tools/build-worker.sh dev
say "building the runner, if it changed (the first time takes a minute or two)"
cargo build --quiet --locked --release -p freecad-runner 7>&-

# The Worker and the runner need these to reach the bucket. The credentials are those of wrangler.toml; they open only
# wrangler's local R2.
export AWS_ENDPOINT_URL_S3=$page/cdn-cgi/local/r2/s3 AWS_BUCKET_NAME=partwright AWS_REGION=auto S3_ADDRESSING=path
export AWS_ACCESS_KEY_ID=partwright-local AWS_SECRET_ACCESS_KEY=partwright-local-secret
unset AWS_SESSION_TOKEN # it belongs to a cloud account, not to this bucket
# The full jail changes users, and only root can do that.
[ "$(id -u)" -eq 0 ] || export RUNNER_JAIL=${RUNNER_JAIL:-same-uid}

# With it the runner sends hints and is woken. It is new each time, and only these two programs know it.
runner_token=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')

# A file and not --var, because every user of the machine can read a command line.
(
  umask 077
  {
    printf '%s=%s\n' AUTH_MODE open ADMIN_TOKEN "$(secret admin-token)" RUNNER_TOKEN "$runner_token"
    for name in AWS_ENDPOINT_URL_S3 AWS_BUCKET_NAME AWS_REGION S3_ADDRESSING AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY; do
      printf '%s=%s\n' "$name" "${!name}"
    done
  } >"$state/dev.vars"
)
vars=(--env-file "$state/dev.vars")
# Later files win, so .dev.vars cannot change the bucket or the sign-in of the page.
[ ! -f .dev.vars ] || vars=(--env-file .dev.vars "${vars[@]}")

wrangler_pid='' runner_pid='' stopping='' hurry=''
trap 'stopping=yes' INT TERM HUP

# start NAME COMMAND…: runs a command in a session of its own. Ctrl-C then reaches only this script, which stops the
# programs in their order. If this script is killed, the kernel stops them (pdeathsig). The pid is also the group's.
start() {
  local name=$1
  shift
  setpriv --pdeathsig TERM setsid "$@" >"$logs/$name.log" 2>&1 </dev/null 7>&- &
  printf -v "${name}_pid" %s "$!"
}
alive() { [ -n "$1" ] && kill -0 "$1" 2>/dev/null; }

# follow PID NAME LABEL FILTER: shows a log as it grows, until the process ends. It goes on after Ctrl-C, to show
# how the program stops.
follow() {
  (
    trap '' INT HUP
    exec 7>&-
    tail -n +1 -s 0.2 -f --pid="$1" "$logs/$2.log" | sed -u -E -e 's/\x1b\[[0-9;]*m//g' -e "$4" -e '/^ *$/d' -e "s/^/$3 | /"
  ) &
}

# group_alive PID: whether a process of this process group still runs. Zombies do not count.
group_alive() { ps -eo pgid=,stat= | awk -v group="$1" '$1 == group && $2 !~ /^Z/ { found = 1 } END { exit !found }'; }

# halt PID SECONDS: sends TERM, waits up to SECONDS, then sends KILL to the rest of its process group. wrangler has five
# children, and its first process ends before they do.
halt() {
  local pid=$1 deadline=$((SECONDS + $2))
  # The process may have ended already; then kill fails.
  kill -TERM "$pid" 2>/dev/null || :
  while group_alive "$pid"; do
    if [ "$SECONDS" -ge "$deadline" ] || [ -n "$hurry" ]; then
      kill -KILL -- "-$pid" 2>/dev/null || :
      break
    fi
    sleep 0.1
  done
}
stop_all() {
  set +e # the programs must be stopped even if the terminal is gone
  trap 'hurry=yes' INT TERM HUP
  [ -z "$runner_pid" ] || halt "$runner_pid" 30
  [ -z "$wrangler_pid" ] || halt "$wrangler_pid" 10
  wait
}

# failed NAME MESSAGE: stops everything, shows the end of the log of NAME, and ends with the message.
failed() {
  stop_all
  printf '  | %s\n' "… the end of $logs/$1.log:" >&2
  tail -n 30 "$logs/$1.log" | sed 's/^/  | /' >&2
  die "$2 The end of its log is above. Correct the cause and start again."
}
stopped() {
  say "stopping (Ctrl-C again to hurry)"
  stop_all
  say "stopped; the data is kept in $state"
  exit 0
}

say "starting the Worker"
PARTWRIGHT_WORKER_MODE=dev WRANGLER_LOG_PATH=$logs/wrangler WRANGLER_REGISTRY_PATH=$data/registry \
  start wrangler "$PARTWRIGHT_WRANGLER" dev build/dev/worker/shim.mjs --ip 127.0.0.1 --port "$port" --inspector-port 0 \
  --persist-to "$state" --show-interactive-dev-session=false "${vars[@]}"
deadline=$((SECONDS + 60)) patience=$((SECONDS + 10))
until code=$(curl -s -m 10 -o /dev/null -w '%{http_code}' "$page/api/monitoring/health") && [[ $code == 200 || $code == 503 ]]; do
  [ -z "$stopping" ] || stopped
  alive "$wrangler_pid" || failed wrangler "wrangler ended before the Worker answered."
  [ "$SECONDS" -lt "$deadline" ] || failed wrangler "the Worker did not answer within a minute (last status: $code)."
  if [ "$SECONDS" -ge "$patience" ]; then
    say "still waiting for the Worker; its log is $logs/wrangler.log"
    patience=$deadline
  fi
  sleep 0.1
done
# Start-up messages stay in the log. Requests, errors and rebuilds are shown, but not the polling of the health page.
follow "$wrangler_pid" wrangler worker '1,/Ready on /d; /GET \/api\/monitoring\/health 200/d; s/^\[wrangler:info\] //'

RUNNER_TOKEN=$runner_token PARTWRIGHT_URL=$page start runner "$PARTWRIGHT_RUNNER"
follow "$runner_pid" runner runner ''
sleep 0.5
alive "$runner_pid" || failed runner "the runner ended at once."

cat <<BANNER

  Partwright is ready:  $page

  Open that in a browser, or try it from another terminal:
    curl $page/api/projects/demo/upload-script -H 'Content-Type: text/x-python' --data-binary \$'import FreeCAD, Part\ndoc = FreeCAD.newDocument()\ndoc.addObject("Part::Box", "Box")\ndoc.recompute()'
    curl '$page/api/projects/demo/status'
    curl $page/api/projects/demo/download/step

  Data: $state (delete it to start again with none)   Logs: $logs
  Admin token: in $state/admin-token   Stop: Ctrl-C

BANNER

until [ -n "$stopping" ]; do
  # The wait ends at a signal, or when one of the two ends. Its log says more than its status.
  wait -n "$wrangler_pid" "$runner_pid" || :
  [ -z "$stopping" ] || break
  alive "$wrangler_pid" || failed wrangler "wrangler ended by itself, so the runner was stopped too."
  alive "$runner_pid" || failed runner "the runner ended by itself, so the Worker was stopped too."
done
stopped
