# Sourced by matrix.sh: how a check is asked and told. Never "grep -q" behind a pipe: under pipefail it can fail by itself.
passed=0 failed=0
ok() { passed=$((passed + 1)); echo "PASS  $*"; }
bad() { failed=$((failed + 1)); echo "FAIL  $*"; }
brief() { tr '\n' ' ' | head -c "${1:-300}"; }

# check NAME COMMAND...: it succeeds.
check() {
  local name=$1 out status=0; shift
  out=$("$@" 2>&1) || status=$?
  if [ "$status" = 0 ]; then ok "$name"; else bad "$name (status $status: $(tail -n 4 <<<"$out" | brief))"; fi
}

# refused NAME COMMAND...: it fails.
refused() {
  local name=$1 out; shift
  if out=$("$@" 2>&1); then bad "$name (succeeded: $(tail -n 3 <<<"$out" | brief))"; else ok "$name"; fi
}

# expect NAME REGEX COMMAND...: its output (both streams) matches.
expect() {
  local name=$1 regex=$2 out; shift 2
  out=$("$@" 2>&1) || true
  if grep -qE -- "$regex" <<<"$out"; then ok "$name"; else bad "$name (got: $(brief <<<"$out"))"; fi
}

# lacks NAME REGEX COMMAND...: its output does not match.
lacks() {
  local name=$1 regex=$2 out; shift 2
  out=$("$@" 2>&1) || true
  if grep -qE -- "$regex" <<<"$out"; then bad "$name (got: $(grep -E -- "$regex" <<<"$out" | brief))"; else ok "$name"; fi
}

# is NAME WANTED GOT
is() { if [ "$2" = "$3" ]; then ok "$1"; else bad "$1 (wanted \"$2\", got \"$3\")"; fi; }

# within SECONDS COMMAND...: tries until it succeeds.
within() {
  local end=$((SECONDS + $1)); shift
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt "$end" ] || return 1
    sleep 0.1
  done
}

# --- about the service in the box ---
PKG=hailo-tcn-sidecar
YAML=/etc/hailo/hailo-tcn-sidecar.yaml
URL=http://127.0.0.1:9000
DROPINS=/etc/systemd/system/$PKG.service.d
api() { on_net curl -sS -m 8 "$@"; }
get() { api "$URL$1"; }
infer() { api -H 'content-type: application/json' -d "@$EXAMPLES/walk.json" "$@" "$URL/infer"; }
prop() { inside systemctl show -P "$1" "${2:-$PKG}"; }
status_text() { prop StatusText; }
is_active() { [ "$(prop ActiveState)" = active ]; }
restarts_beyond() { [ "$(prop NRestarts)" -gt "$1" ] && is_active; }
health_is() { [[ $(get /healthz) == *"\"$1\":\"$2\""* ]]; }
# since=$(now); …; after "$since": what the journal got meanwhile. Not by cursor: together with a match that drops an entry.
now() { date +@%s.%6N; }
after() { local since=$1; shift; inside journalctl --sync; inside journalctl -q --no-pager -u $PKG -o cat --since "$since" "$@"; }
# yaml FROM TO: one line of the administrator's file changed.
yaml() { inside sed -i "s|^\( *\)$1|\1$2|" $YAML; }
# dropin NAME [TEXT]: writes a drop-in, or takes it away.
dropin() {
  if [ $# = 2 ]; then inside mkdir -p $DROPINS; printf '%s\n' "$2" | inside tee "$DROPINS/$1.conf" >/dev/null
  else inside rm -f "$DROPINS/$1.conf"; fi
  inside systemctl daemon-reload
}
# afresh: no failure is remembered, and it runs again.
afresh() { inside systemctl reset-failed $PKG 2>/dev/null || true; inside systemctl restart $PKG; }
message_id() { sed -n "s/^ *$1: '\([0-9a-f]*\)'.*/\1/p" "$PROJECT/src/core/message-ids.ts"; }

# load_start; …; load_stop puts the client's line into $result.
load_start() {
  inside rm -f /run/load.stop
  inside python3 /srv/test/load.py /srv/examples /run/load.stop >"$W/load-$DIST.log" 2>&1 &
  LOAD=$!
  sleep 0.5
}
load_stop() { inside touch /run/load.stop; wait "$LOAD" || true; result=$(cat "$W/load-$DIST.log"); }
