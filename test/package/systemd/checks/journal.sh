# What an administrator finds in the journal.
afresh
c=$(inside systemctl show -P InvocationID $PKG)
lines=$(inside journalctl --sync; inside journalctl -q --no-pager -o cat _SYSTEMD_INVOCATION_ID="$c")
expect 'the first lines name model and backend' 'Serving imu-motif-tcn@.* on CPU' head -n 5 <<<"$lines"
expect 'the first lines say why the CPU' '[Nn]o (Hailo )?(device|chip)' head -n 5 <<<"$lines"
is 'journalctl -p warning is empty after a clean start' '' "$(inside journalctl -q --no-pager -o cat -p warning -u $PKG)"
json() { inside journalctl -q --no-pager -o json -u $PKG "$@" | tail -n 1; }
serving=$(message_id serving)
expect 'journalctl MESSAGE_ID= finds the serving line' '"MESSAGE" ?: ?"Serving' json MESSAGE_ID="$serving"
expect '… with BACKEND' '"BACKEND" ?: ?"cpu"' json MESSAGE_ID="$serving"
expect '… with MODEL' '"MODEL" ?: ?"imu-motif-tcn@' json MESSAGE_ID="$serving"
expect '… with PRIORITY info' '"PRIORITY" ?: ?"6"' json MESSAGE_ID="$serving"
expect '… through the native socket' '"_TRANSPORT" ?: ?"journal"' json MESSAGE_ID="$serving"
yaml 'requests: false' 'requests: true'
inside systemctl reload $PKG
infer -H 'x-request-id: matrix-4711' -o /dev/null
inside journalctl --sync
expect 'logging.requests: journalctl REQUEST_ID= finds the request' '"MESSAGE" ?: ?"request' json REQUEST_ID=matrix-4711
yaml 'requests: true' 'requests: false'
inside systemctl reload $PKG
c=$(now)
infer -H 'x-request-id: matrix-4712' -o /dev/null
inside journalctl --sync
lacks 'no line per request by default' 'request|/infer' after "$c"
