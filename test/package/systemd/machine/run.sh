#!/bin/bash
# Runs inside the virtual machine, see machine.sh; prints PASS and FAIL lines to the console.
exec >"$1" 2>&1
export PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive
P=hailo-tcn-sidecar
# succeeds NAME COMMAND...
succeeds() {
  local name=$1 out; shift
  if out=$("$@" 2>&1 </dev/null); then echo "PASS  $name"; else echo "FAIL  $name (status $?: $(head -c 400 <<<"$out" | tr '\n' ' '))"; fi
}
# check NAME PATTERN COMMAND...
check() {
  local name=$1 pattern=$2 out; shift 2
  out=$("$@" 2>&1 </dev/null)
  if grep -qE -- "$pattern" <<<"$out"; then echo "PASS  $name"; else echo "FAIL  $name (got: $(head -c 400 <<<"$out" | tr '\n' ' '))"; fi
}
main_pid() { systemctl show -P MainPID $P; }
cgroup_of() { echo "/sys/fs/cgroup$(systemctl show -P ControlGroup $P)"; }
proc() { grep -E "^$1:" "/proc/$(main_pid)/status"; }
infer() {
  curl -s -m 30 -D - -H 'content-type: application/json' --data-binary "@/opt/checks/examples/$1.json" http://127.0.0.1:9000/infer
}
scores() {
  infer "$1" | tail -1 | python3 -c '
import json, sys
reply = json.load(sys.stdin)
print(len(reply["latent"]), len(reply["motif_scores"]), max(range(12), key=lambda i: reply["motif_scores"][i]))'
}

echo "      $(uname -rm), $(systemctl --version | head -1), $(systemd-analyze | head -1)"
groupadd -r hailo
mknod -m 660 /dev/hailo0 c 7 0 && chgrp hailo /dev/hailo0     # /dev/vcs, which is built in: only a node with a number
check 'the machine is up' running systemctl is-system-running
rm -f /dev/hailo0
before=$SECONDS
check 'apt installs the package' 'Setting up hailo-tcn-sidecar' apt-get install -y /opt/checks/sidecar.deb
echo "      installed and started in $((SECONDS - before)) s"
# A start takes longer here than on any real machine; dpkg does not wait for a restart.
for _ in $(seq 60); do systemctl is-active --quiet $P && break; sleep 1; done
check 'the service is active' '^active' systemctl is-active $P
check 'READY, with a status for people' 'Status: "Serving imu-motif-tcn@.* on CPU' systemctl status --no-pager $P
check 'it answers at its port' '"hailo-tcn-sidecar"' curl -s -m 30 http://127.0.0.1:9000/
check 'healthy' '"ok":true' curl -s -m 30 http://127.0.0.1:9000/healthz
# Emulated, a window takes longer than any client would wait; the deadline is a matter of the reload.
sed -i 's/deadline_ms: 40/deadline_ms: 10000/' /etc/hailo/$P.yaml
succeeds 'a longer deadline, by reload' systemctl reload $P
sleep 2
check 'a window is answered from the model' '^HTTP/1.1 200' infer walk
check 'walk is walk: 64 numbers, 12 scores, the second the highest' '^64 12 1$' scores walk
check 'rest is rest' '^64 12 0$' scores rest
check 'the golden windows pass through HTTP' '✓' $P selftest
check 'the journal knows the model by its field' 'Serving imu-motif-tcn' journalctl --no-pager -o cat MODEL="imu-motif-tcn@2026.11.1"
warnings() { journalctl --no-pager -q -o cat -u $P -p warning | grep -v 'EdgeInfer gives up after 45 ms'; echo end; }
succeeds 'no warning in the journal, but for a deadline that no client waits for' test "$(warnings)" = end
check 'seccomp is in force' '2$' proc Seccomp
check 'no new privileges' '1$' proc NoNewPrivs
check 'no capabilities' '^CapBnd:.0+$' proc CapBnd
check 'the memory limit is in force' '^536870912$' cat "$(cgroup_of)/memory.max"
check 'no swap' '^0$' cat "$(cgroup_of)/memory.swap.max"
check 'the limit of tasks is in force' '^64$' cat "$(cgroup_of)/pids.max"
check 'the weight is in force' '^200$' cat "$(cgroup_of)/cpu.weight"
check 'the limit of files is in force' 'open files +8192 +8192' cat "/proc/$(main_pid)/limits"
check 'no core dump' 'core file size +0 +0' cat "/proc/$(main_pid)/limits"
check 'doctor knows that the memory limit is enforced' '✓ memory limit' $P doctor
old=$(main_pid)
succeeds 'a reload' systemctl reload $P
check '… keeps the process' "^$old\$" main_pid
kill -KILL "$old"
for _ in $(seq 90); do [ "$(systemctl show -P NRestarts $P)" -ge 1 ] && curl -sf -m 30 http://127.0.0.1:9000/healthz >/dev/null && break; sleep 1; done
check 'killed, it is started again' '"ok":true' curl -s -m 30 http://127.0.0.1:9000/healthz
check 'a process that takes more memory than it may is killed' 'oom-kill' \
  systemd-run --wait -p MemoryMax=64M -p MemorySwapMax=0 python3 -c 'x = bytearray(200 << 20)'
succeeds 'a stop' systemctl stop $P
check '… is clean' '^success$' systemctl show -P Result $P
check 'a purge' 'Purging configuration' apt-get purge -y $P
echo CHECKS-DONE
systemctl poweroff
