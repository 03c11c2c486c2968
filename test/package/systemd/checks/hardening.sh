# Does each directive refuse, and is it the directive? probe.py is run three times: under all of the unit's directives, under
# none (a probe that is refused there proves nothing), and under that directive's lines alone. The daemon's own user is used
# only where root would be let through; the units are made from the shipped one.
UNIT=/usr/lib/systemd/system/$PKG.service
RESULTS=/run/probe-results
inside sh -c "mkdir -p $RESULTS /home/u && echo secret >/home/u/secret && chmod 755 /home/u && echo x >/tmp/outside && chmod 644 /tmp/outside"
inside sh -c 'install -m 4755 /usr/bin/id /usr/local/bin/suid-id && ipcmk -M 64 -p 0666 >/dev/null'
inside sh -c 'mknod -m 660 /dev/hailo0 c 10 229; chgrp hailo /dev/hailo0; mknod -m 666 /dev/hailo9 c 10 237'
on_net ip addr replace 10.99.0.1/32 dev lo
inside systemd-run -q --unit=other python3 -m http.server --bind 10.99.0.1 9
python=$(inside readlink -f /usr/bin/python3)
ipc=$(inside sh -c "ipcs -m | awk '/^0x/ { print \$1; exit }'")

# probe_unit NAME USER PROBES PATTERN: under the shipped unit's lines that match PATTERN.
probe_unit() {
  inside tee "/run/systemd/system/probe-$1.service" >/dev/null <<UNIT_END
[Service]
Type=oneshot
User=$2
$(inside sed -n '/^\[Service\]/,/^\[Install\]/p' "$UNIT" | grep -E "^($4)=" |
  sed "/^NoExecPaths=/s/$PKG/probe/g; /^\(State\|Runtime\)Directory=/d")
StateDirectory=probe
RuntimeDirectory=probe
$([[ $4 != *Exec* && $4 != *[*]* ]] || echo "ExecPaths=$python")
Environment=PROBE_IPC=$ipc
ExecStart=/usr/bin/python3 /srv/test/probe.py $3
StandardOutput=file:$RESULTS/$1
StandardError=inherit
UNIT_END
}
# All but what starts and ends the daemon, and whom it runs as.
EVERYTHING='[A-Z][A-Za-z]*'
probe_all() { # as probe_unit, with everything
  probe_unit "$@" "$EVERYTHING"
  inside sed -i -e '/^Type=notify/d' -e '/^\(NotifyAccess\|Group\|Restart[A-Za-z]*\|ExecStartPre\|ExecReload\|WatchdogSec\|KillMode\)=/d' \
    -e '/^ExecStart=.*hailo-tcn-sidecar/d' -e "/^User=$PKG$/{/^User=$2$/!d}" "/run/systemd/system/probe-$1.service"
}

# name | user | the directives that alone must refuse it
PROBES='write-etc|root|ProtectSystem
read-home|root|ProtectHome
read-tmp|root|PrivateTmp
exec-true|root|NoExecPaths|ExecPaths
exec-state|root|NoExecPaths|ExecPaths
exec-runtime|root|NoExecPaths|ExecPaths
exec-tmp|root|NoExecPaths|ExecPaths
exec-shm|root|NoExecPaths|ExecPaths
open-other-device|root|DevicePolicy|DeviceAllow
raw-socket|root|CapabilityBoundingSet
packet-socket|root|RestrictAddressFamilies
netlink|root|RestrictAddressFamilies
connect-outside|root|IPAddressDeny|IPAddressAllow
affinity|root|SystemCallFilter|SystemCallErrorNumber
mount|root|SystemCallFilter|SystemCallErrorNumber
chroot|root|SystemCallFilter|SystemCallErrorNumber
suid-file|root|RestrictSUIDSGID
new-user-namespace|root|RestrictNamespaces
new-mount-namespace|root|RestrictNamespaces
personality|root|LockPersonality
hostname|root|ProtectHostname
cgroup|root|ProtectControlGroups
foreign-proc|hailo-tcn-sidecar|ProtectProc
whole-uid-map|root|PrivateUsers
foreign-ipc|root|PrivateIPC
chown|root|CapabilityBoundingSet
gain-root|hailo-tcn-sidecar|NoNewPrivileges
core-dump|root|LimitCORE
files-9000|root|LimitNOFILE
loose-umask|root|UMask
threads-100|root|TasksMax'
names=$(cut -d'|' -f1 <<<"$PROBES" | tr '\n' ' ')
probe_all hardened root "$names"
probe_all hardened-user $PKG "open-chip open-other-device write-state $names"
probe_unit control root "$names" 'None'
probe_unit control-user $PKG "open-chip $names" 'None'
units='hardened hardened-user control control-user'
while IFS='|' read -r name user directives; do
  probe_unit "only-$name" "$user" "$name" "$directives"
  units+=" only-$name"
done <<<"$PROBES"
for kind in hardened control; do      # ends by being killed
  if [ $kind = hardened ]; then probe_all memory-hardened root memory-700; else probe_unit memory-control root memory-700 None; fi
done
inside systemctl daemon-reload
# One after the other: threads and children of one would count against limits of another, and two cores are few.
for unit in $units memory-hardened memory-control; do inside systemctl start "probe-$unit" 2>/dev/null || true; done

answer() { inside sed -n "s/^$2 //p" "$RESULTS/$1"; }
while IFS='|' read -r name user directives; do
  suffix=; [ "$user" = root ] || suffix=-user
  hard=$(answer "hardened$suffix" "$name") free=$(answer "control$suffix" "$name") only=$(answer "only-$name" "$name")
  label="${directives%%|*}: $name"
  if [[ $hard == refused* && $free == allowed* && $only == refused* ]]; then ok "$label (${only#refused })"
  else bad "$label (hardened: ${hard:-no answer}; without: ${free:-no answer}; this directive alone: ${only:-no answer})"; fi
done <<<"$PROBES"
is 'DeviceAllow: the chip opens, for the user through the group' allowed "$(answer hardened-user open-chip | cut -d' ' -f1)"
expect '… and not without the group' '^refused' answer control-user open-chip
expect '… nor another device' '^refused' answer hardened-user open-other-device
expect 'StateDirectory: may be written' '^allowed' answer hardened-user write-state
is 'as the user of the daemon: everything refused' '' "$(inside sed -nE 's/^([a-z0-9-]+) allowed.*/\1/p' $RESULTS/hardened-user | grep -vE '^(open-chip|write-state)$' | brief)"
expect 'MemoryMax: 700 MB are refused, by the kernel' '^(oom-kill|signal)$' prop Result probe-memory-hardened
expect '… and given without it' '^allowed' answer memory-control memory-700
inside sh -c "systemctl stop other; systemctl reset-failed; rm -rf /run/systemd/system/probe-* $RESULTS /var/lib/probe /dev/hailo0 /dev/hailo9 /usr/local/bin/suid-id; ipcrm -a; systemctl daemon-reload"
is 'the daemon did not notice' active "$(prop ActiveState)"
