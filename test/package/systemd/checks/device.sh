# A stand-in chip: /dev/hailo0 is root:hailo 0660, the library is a real one that computes. Never the numbers of /dev/null and
# its kind: systemd always allows those. 10:229 is fuse, whose open() does nothing; 10:237 is loop-control.
chip_node() { inside sh -c "rm -f /dev/hailo0; mknod -m 660 /dev/hailo0 c 10 $1; chgrp ${2:-hailo} /dev/hailo0"; }
script() { printf '%s\n' "$@" | inside tee /usr/local/share/chip/script.new >/dev/null; inside mv /usr/local/share/chip/script{.new,}; }
host_pid() { inside pgrep -P "$(prop MainPID)" -f device-host; }
serves_on() { [ "$(infer_header x-backend)" = "$1" ]; }
infer_header() { infer -o /dev/null -D - | tr -d '\r' | sed -n "s/^$1: //Ip"; }
journal_has() { [ -n "$(after "$1" MESSAGE_ID="$(message_id "$2")")" ]; }

chip_node 229
afresh
expect 'a chip without a .hef: it serves, degraded, and the status says why' 'Serving .* on CPU .*; degraded: .*has no \.hef' status_text
expect '… /healthz, too' '"status": *"degraded"' get /healthz

inside sh -c 'cp -r /srv/chip /usr/local/share/chip && mv /usr/local/share/chip/libhailort.so.4.23.0 /usr/lib/'
dropin chip $'[Service]\nEnvironment=STANDIN_HAILORT_SCRIPT=/usr/local/share/chip/script STANDIN_HAILORT_LOG=/dev/null'
yaml 'bundle: .*' 'bundle: /usr/local/share/chip/bundle'
yaml 'deadline_ms: 40' 'deadline_ms: 3000'
yaml 'validate_input_ranges: true' 'validate_input_ranges: false'
afresh
expect 'with a .hef the hardened service serves on the chip, through the group' 'Serving tiny@1 .* on Hailo-8 [^;]*$' status_text
is '… and the answers say so' hailo "$(infer_header x-backend)"
expect '… doctor walks all the way' 'golden windows' inside env STANDIN_HAILORT_SCRIPT=/usr/local/share/chip/script STANDIN_HAILORT_LOG=/dev/null hailo-tcn-sidecar doctor
c=$(now); check '… a stop releases it' inside systemctl restart $PKG
lacks '… without a complaint' 'killed|SIGKILL|cleanly' after "$c"

c=$(now); load_start
inside kill -SEGV "$(host_pid)"
check 'the device host crashes: the CPU takes over' within 5 journal_has "$c" deviceLost
check '… and the chip again' within 15 journal_has "$c" deviceServes
load_stop
expect "… no request failed meanwhile: $result" 'failed=0 ' echo "$result"
is '… by the same daemon' 0 "$(prop NRestarts)"

chip_node 229 root; afresh
expect 'a node of another group: degraded, and the status says which group' 'on CPU .*; degraded: .*/dev/hailo0.*group' status_text
expect '… doctor names the remedy' '→.*(group|udev)' inside setpriv --reuid $PKG --regid $PKG --init-groups hailo-tcn-sidecar doctor

chip_node 229; afresh
check 'the group back: on the chip' within 10 serves_on hailo
c=$(now); pid=$(prop MainPID)
chip_node 237
script lost
inside hailo-tcn-sidecar selftest >/dev/null 2>&1 || true
is_stale() { [[ $(after "$c") == *'Ending, so that systemd'* ]]; }
check 'lost, and its node made anew with other numbers: the daemon ends' within 20 is_stale
script
anew() { [ "$(prop MainPID)" != "$pid" ] && is_active; }
check '… with status 75, and systemd starts it again' within 15 anew
expect '… (status 75 in the journal)' 'status=75' after "$c"
check '… and it serves on the chip' within 10 serves_on hailo

inside sh -c "rm -rf /dev/hailo0 /usr/local/share/chip /usr/lib/libhailort.so.4.23.0"
dropin chip; inside cp /root/good.yaml $YAML
inside rm -f /var/lib/$PKG/restarted-for
check 'without the chip: on the CPU, not degraded' afresh
lacks '… and the status says so' 'degraded' status_text
