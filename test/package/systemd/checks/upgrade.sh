# From version to version, and back.
upgraded() { inside dpkg-query -W -f '${Version}' $PKG; }
starts() { after "$1" MESSAGE_ID=39f53479d3a045ac8e11786248231fbf | wc -l; }     # systemd's "Started"
inside sh -c "echo mine >/var/lib/$PKG/kept && chown $PKG: /var/lib/$PKG/kept"
yaml 'deadline_ms: 40' 'deadline_ms: 3000'; inside systemctl reload $PKG
edited=$(inside sha256sum $YAML)
use_repo 0.1.1 >/dev/null 2>&1
c=$(now); load_start
out=$W/upgrade-$DIST.log
if apt install -y $PKG >"$out" 2>&1; then ok 'upgrade under load, with an edited YAML: no question'
else bad "upgrade under load ($(tail -n 5 "$out" | brief))"; fi
sleep 1; load_stop
lacks '… none about the YAML' 'onfiguration file|conffile' cat "$out"
is '… one start' 1 "$(starts "$c")"
gap=$(sed -n 's/.*longest_gap_ms=\([0-9]*\).*/\1/p' <<<"$result")
check "… away for ${gap:-?} ms, 10 s at most ($result)" test "${gap:-99999}" -le 10000
is '… the edited YAML kept' "$edited" "$(inside sha256sum $YAML)"
expect '… and in force' '"deadline_ms": *3000' get /status
is '… what lies in /var/lib kept' mine "$(inside cat /var/lib/$PKG/kept)"
is '… active' active "$(prop ActiveState)"
before=$(upgraded)

inside cp /root/good.yaml $YAML
use_repo 0.2.0 >/dev/null 2>&1
check 'upgrade with a YAML that only the package changed' apt install -y $PKG
expect '… the new one is there' 'As of 0.2.0' inside head -n 1 $YAML
is '… the new version' 0.2.0 "$(upgraded)"
inside cp $YAML /root/good.yaml

yaml 'deadline_ms: 40' 'deadline_ms: 3000'; inside systemctl reload $PKG
edited=$(inside sha256sum $YAML)
use_repo 0.3.0 >/dev/null 2>&1
if apt install -y $PKG >"$out" 2>&1; then ok 'upgrade to a broken version: apt ends well'; else bad "upgrade to a broken version ($(tail -n 5 "$out" | brief))"; fi
expect '… and says that it does not run, and where to look' 'is installed but does not run' cat "$out"
expect '… with the reason' 'ended with exit-code, status 203' grep -A2 'does not run' "$out"
is '… the YAML kept' "$edited" "$(inside sha256sum $YAML)"
is '… what lies in /var/lib kept' mine "$(inside cat /var/lib/$PKG/kept)"
lacks '… dpkg has nothing half done' '.' inside dpkg --audit
use_repo 0.2.0 >/dev/null 2>&1
check 'going back' apt install -y --allow-downgrades $PKG=0.2.0
check '… it serves again' within 10 infer -f
is '… with the edited YAML' "$edited" "$(inside sha256sum $YAML)"

# Both sides changed: dpkg asks, and whoever said beforehand what he wants is not asked.
use_repo 0.1.1 >/dev/null 2>&1
check 'both sides changed: --force-confold keeps the edited one' apt install -y --allow-downgrades -o Dpkg::Options::=--force-confold $PKG="$before"
is '… it is kept' "$edited" "$(inside sha256sum $YAML)"
