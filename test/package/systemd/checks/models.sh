# Models that are changed on the running machine, and taken back. The second model is the packaged one under other versions.
STORE=/var/lib/$PKG/models
SHIPPED=/usr/share/$PKG/models/default
NAME=$(inside sed -n 's/^name: //p' $SHIPPED/manifest.yaml)
FIRST=$(inside sed -n 's/^version: //p' $SHIPPED/manifest.yaml)
model() { inside hailo-tcn-sidecar model "$@"; }
nobody() { inside setpriv --reuid nobody --regid nogroup --clear-groups "$@"; }
# of EXPRESSION: of the JSON on standard input, which is d.
of() { python3 -c 'import json, sys; d = json.load(sys.stdin); print(eval(sys.argv[1]))' "$1"; }
listed() { model list --json 2>/dev/null | of "$1"; }
# The version that answers a window.
serves() { infer -o /dev/null -D - | tr -d '\r' | sed -n 's/^x-model: .*@//Ip'; }
serves_version() { [ "$(serves)" = "$1" ]; }
watched() { listed 'd["probation"] and d["probation"]["ref"].split("@")[1]'; }
reverted() { after "$1" MESSAGE_ID="$(message_id modelReverted)"; }
# More starts in a minute than an administrator's.
start_it() { inside systemctl reset-failed $PKG 2>/dev/null; inside systemctl start $PKG; }
restart_it() { inside systemctl reset-failed $PKG 2>/dev/null; inside systemctl restart $PKG; }
# All that is in the store, without what the program keeps for itself.
shelves() { inside find $STORE -mindepth 1 ! -name .lock ! -name .install ! -name .daemon | sort; }
# bundle VERSION [OPTION…]: /root/VERSION.tcnmodel
bundle() {
  local version=$1; shift
  inside sh -c "rm -rf /root/$version && cp -r $SHIPPED /root/$version && sed -i 's/^version: .*/version: $version/' /root/$version/manifest.yaml"
  model pack "/root/$version" --out "/root/$version.tcnmodel" --force "$@"
}
# settle_on VERSION: activated and confirmed.
settle_on() { model activate "$NAME@$1" >/dev/null && model confirm >/dev/null; }

inside cp /root/good.yaml $YAML
yaml 'deadline_ms: 40' 'deadline_ms: 3000'; afresh      # under load, a slow machine is no failure
check 'pack: one file of a bundle' bundle 2.0.0
bundle 3.0.0 >/dev/null
inside sh -c 'head -c 300000 /root/2.0.0.tcnmodel >/root/cut.tcnmodel'
inside python3 -c 'b = bytearray(open("/root/2.0.0.tcnmodel", "rb").read()); b[len(b) // 2] ^= 1; open("/root/bent.tcnmodel", "wb").write(b)'
was=$(shelves)
expect 'install of half a file: a sentence' 'error: .*cut\.tcnmodel.*(ends|truncated|cut|short)' model install /root/cut.tcnmodel
refused '… and a failure' model install /root/cut.tcnmodel
expect 'install of a file with one bit turned: a sentence' 'error: .*(sha256|digest)' model install /root/bent.tcnmodel
is '… and nothing of either is in the store' "$was" "$(shelves)"
inside python3 -c 'import json; f = "/root/3.0.0/golden.json"; g = json.load(open(f)); g["windows"][0]["latent"][0] += 1; json.dump(g, open(f, "w"))'
expect 'pack of a bundle whose golden windows come out otherwise is refused' 'error: ' model pack /root/3.0.0 --out /root/never.tcnmodel
refused '… and leaves no file' inside test -e /root/never.tcnmodel

check 'install, as root, whose files nobody else may read' inside sh -c 'umask 077; hailo-tcn-sidecar model install /root/2.0.0.tcnmodel'
is '… all of it belongs to the service' '' "$(inside find $STORE \( ! -user $PKG -o ! -group $PKG \) | brief)"
is '… everybody may read it' '' "$(inside find $STORE -mindepth 1 ! -name .lock ! -name .install ! -name .daemon \( -type d ! -perm 755 -o -type f ! -perm 644 \) | brief)"
expect 'model list shows it' "^$NAME@2\.0\.0 +[0-9.]+ kB" model list
is '… and the packaged one serves' "packaged $FIRST" "$(listed 'd["active"]') $(serves)"
expect '… also to a user without rights' "^$NAME@2\.0\.0 " nobody hailo-tcn-sidecar model list
for command in "install /root/2.0.0.tcnmodel" "remove $NAME@2.0.0"; do
  refused "model ${command%% *} as another user fails" nobody hailo-tcn-sidecar model $command
done
inside sh -c 'cp /root/2.0.0.tcnmodel /tmp/ && chmod 644 /tmp/2.0.0.tcnmodel'
expect 'model install as another user: a sentence' 'error: .*sudo' nobody hailo-tcn-sidecar model install /tmp/2.0.0.tcnmodel
is '… and all is as it was' "packaged 2" "$(listed 'd["active"]') $(listed 'len(d["models"])')"

# --- activate, confirm, roll back ---
pid=$(prop MainPID) c=$(now); load_start
out=$(model activate "$NAME@2.0.0" --json 2>&1); status=$?
sleep 1; load_stop
is "activate: $(of 'd["ms"]' <<<"$out") ms" 0 $status
is '… it answers' 2.0.0 "$(serves)"
expect "… no request failed meanwhile: $result" 'failed=0 ' echo "$result"
is '… in the same process' "$pid" "$(prop MainPID)"
expect 'systemctl status says that it is on probation' "Serving $NAME@2\.0\.0 .*, on probation" inside systemctl status --no-pager $PKG
expect '… so does model list' "^$NAME@2\.0\.0 .*active, on probation for another [0-9]+ s" model list
expect '… the journal has the change under its MESSAGE_ID' "$NAME@2\.0\.0 serves now" after "$c" MESSAGE_ID="$(message_id modelActivated)"
is '… what the service wrote is its own, and everybody may read it' "$PKG:$PKG 644" "$(inside stat -c '%U:%G %a' $STORE/journal.json)"
expect '… so another user is told, too' "^$NAME@2\.0\.0 .*active" nobody hailo-tcn-sidecar model list
is '… the links show it' "$NAME/2.0.0 $SHIPPED" "$(inside readlink $STORE/active $STORE/previous | tr '\n' ' ' | sed 's/ $//')"
check 'confirm' model confirm
is '… ends the probation' None "$(watched)"
lacks '… in systemctl status' 'on probation' status_text
expect '… the journal has it under its MESSAGE_ID' "$NAME@2\.0\.0 is confirmed" after "$c" MESSAGE_ID="$(message_id modelConfirmed)"
asked=$(date +%s%3N); out=$(model rollback --json 2>&1); status=$?; took=$(($(date +%s%3N) - asked)); ms=$(of 'd["ms"]' <<<"$out")
is "rollback: $ms ms in the daemon, $took ms for the whole command" "0 $FIRST" "$status $(serves)"
check '… less than a second' test "$took" -lt 1000
expect '… the journal has it under its MESSAGE_ID' 'rolled back by the operator' reverted "$c"

# --- what a death, a restart and a reboot do to a model on probation ---
check 'a model that was rolled back may be activated again' model activate "$NAME@2.0.0"
n=$(prop NRestarts) c=$(now)
inside kill -KILL "$(prop MainPID)"
check 'kill -9 during the probation: systemd starts it again' within 20 restarts_beyond "$n"
check '… the model before serves' within 5 serves_version "$FIRST"
expect '… the journal says why, under its MESSAGE_ID' "$NAME@2\.0\.0 was taken back.*died while .*on probation" reverted "$c"
expect '… so does model list' "! $NAME@2\.0\.0, 20.*died while" model list
model activate "$NAME@2.0.0" >/dev/null; c=$(now)
check 'restart during the probation' restart_it
is '… goes on with it' '2.0.0 2.0.0' "$(serves) $(watched)"
is '… and nothing was taken back' '' "$(reverted "$c")"
inside systemctl stop $PKG
# The boot id is the host's, and the same in a box that is started again; so the other boot is put into the books.
inside sed -i 's/"boot": "[^"]*"/"boot": "00000000-0000-4000-8000-000000000000"/' $STORE/journal.json
is '(the books after sed are still the service’s)' "$PKG:$PKG 644" "$(inside stat -c '%U:%G %a' $STORE/journal.json)"
c=$(now)
check 'a reboot during the probation (by another boot id in the books): it starts' start_it
is '… with the model before' "$FIRST None" "$(serves) $(watched)"
expect '… and the journal says why' 'was restarted before .* was confirmed' reverted "$c"

inside systemctl stop $PKG
expect 'while the service is stopped: activate says when it will serve' 'does not run: .*2\.0\.0 is what it serves at its next start, on probation' model activate "$NAME@2.0.0"
is '… and what root wrote belongs to the service' '' "$(inside find $STORE \( ! -user $PKG -o ! -group $PKG \) | brief)"
start_it
is '… and so it does' '2.0.0 2.0.0' "$(serves) $(watched)"
inside systemctl stop $PKG
expect '… rollback works likewise' 'does not run: packaged is what it serves' model rollback
start_it
is '… and so it does' "$FIRST None" "$(serves) $(watched)"

# --- files that are gone ---
inside rm -rf /root/3.0.0; bundle 3.0.0 >/dev/null
model install /root/3.0.0.tcnmodel >/dev/null
settle_on 2.0.0; settle_on 3.0.0
is 'two models after each other: active and previous' "$NAME@3.0.0 $NAME@2.0.0" "$(listed 'd["active"]') $(listed 'd["previous"]')"
inside rm $STORE/$NAME/3.0.0/tcn_encoder.onnx
c=$(now)
check 'a file of the active model deleted: the service starts' restart_it
is '… with the one before' 2.0.0 "$(serves)"
expect '… and says so' "$NAME@3\.0\.0 was taken back, $NAME@2\.0\.0 serves instead: .*tcn_encoder\.onnx" reverted "$c"
expect '… model list shows what is missing' "^$NAME@3\.0\.0 .*damaged: tcn_encoder\.onnx missing" model list
expect '… and installing it again makes it whole' 'was damaged, and is whole again' model install /root/3.0.0.tcnmodel
c=$(now)
inside sh -c "rm -r $STORE/$NAME/2.0.0"; restart_it
is 'the active model deleted whole: the packaged one serves' "$FIRST packaged" "$(serves) $(listed 'd["active"]')"
expect '… and the journal says why' "$NAME@2\.0\.0 was taken back, packaged serves instead: " reverted "$c"
expect 'remove deletes a model' "removed $NAME@3\.0\.0" model remove "$NAME@3.0.0"
is '… the store is empty again' '' "$(inside find $STORE -mindepth 1 -type d)"

# --- who may command the daemon ---
SOCKET=/run/$PKG/admin.sock
is 'the admin socket is the service’s alone' "$PKG:$PKG 600 socket" "$(inside stat -c '%U:%G %a %F' $SOCKET)"
ask() { "$@" curl -sS -m 8 --unix-socket $SOCKET http://admin/v1/models; }
expect '… root is let in' '"ok": ?true' ask inside
expect '… so is the service’s own user' '"ok": ?true' ask inside setpriv --reuid $PKG --regid $PKG --clear-groups
refused '… nobody else gets through' ask nobody
expect '… and gets a sentence' 'error: .*may not command the daemon.*sudo' nobody hailo-tcn-sidecar model activate packaged
inside chmod 666 $SOCKET
expect '… also when the file’s mode does not keep him out: the peer’s user counts' 'error: User [0-9]+ may not command the daemon: run it with sudo' nobody hailo-tcn-sidecar model activate packaged
is '… with status 77' 77 "$(nobody hailo-tcn-sidecar model activate packaged >/dev/null 2>&1; echo $?)"
expect '… which the journal keeps' 'admin command refused' after "$c" -p warning
expect '… and root is let in' '"ok": ?true' ask inside
inside chmod 600 $SOCKET
codes=
for path in activate confirm rollback candidate compare promote; do
  codes+="$(api -o /dev/null -w '%{http_code} ' -X POST -H 'content-type: application/json' -d '{"model":"packaged"}' "$URL/v1/$path")"
done
is 'no command is reachable over TCP' '404 404 404 404 404 404' "${codes% }"
is '… where one port listens' 1 "$(on_net ss -Hltn | grep -c .)"

# --- a disk that is full ---
inside systemctl stop $PKG
inside mount -t tmpfs -o "size=9200k,mode=755,uid=$(inside id -u $PKG),gid=$(inside id -g $PKG)" tmpfs $STORE
check 'a store on a disk of 9 MB, 8 of which are kept free: the service starts' start_it
bundle 2.0.0 >/dev/null
check '… one model fits' model install /root/2.0.0.tcnmodel
was=$(shelves)
expect '… a second does not: a sentence with the remedy' 'error: .*bytes are free; about [0-9]+ bytes are needed\. Free some with .*model gc' model install /root/3.0.0.tcnmodel
is '… with status 73' 73 "$(model install /root/3.0.0.tcnmodel >/dev/null 2>&1; echo $?)"
is '… nothing of it is visible' "$was" "$(shelves)"
is '… the service serves' "$FIRST 200" "$(serves) $(infer -o /dev/null -w '%{http_code}')"
fill() { inside sh -c "cat /dev/zero >$STORE/.filler 2>/dev/null; sync"; }
fill
expect 'not a byte left: activate fails with a sentence' 'error: .*disk is full.*Free some' model activate "$NAME@2.0.0"
is '… and the model before serves on' "$FIRST packaged" "$(serves) $(listed 'd["active"]')"
inside rm $STORE/.filler; model activate "$NAME@2.0.0" >/dev/null; fill
expect 'rollback with not a byte left: a sentence' "error: $NAME@$FIRST serves again, but the store cannot keep that" model rollback
is '… and the model before serves' "$FIRST" "$(serves)"
inside rm $STORE/.filler; model activate packaged >/dev/null; model activate "$NAME@2.0.0" >/dev/null
inside systemctl stop $PKG; fill
check 'started during a probation with not a byte left: it starts' start_it
check '… and answers' within 5 infer -f
inside rm -f $STORE/.filler; inside systemctl stop $PKG; inside umount $STORE; start_it

# --- signatures ---
inside sh -c 'rm -f /root/key.*'
check 'keygen' model keygen --out /root/key
is '… nobody else may read the private key' 'root:root 600' "$(inside stat -c '%U:%G %a' /root/key.key)"
model install /root/2.0.0.tcnmodel >/dev/null; settle_on 2.0.0
key=$(inside cat /root/key.pub); c=$(now)
yaml 'trusted_keys: \[\]' "trusted_keys: [\"$key\"]"
check 'with its public key in model.trusted_keys: the service starts' restart_it
is '… an unsigned active model gives way to the packaged one' "$FIRST" "$(serves)"
expect '… and the journal says why' "$NAME@2\.0\.0 was taken back.*(sign|trusted)" reverted "$c"
expect '… an unsigned one is not installed' 'error: .*sign' model install /root/3.0.0.tcnmodel
is '… with status 77' 77 "$(model install /root/3.0.0.tcnmodel >/dev/null 2>&1; echo $?)"
check 'pack --key signs' bundle 4.0.0 --key /root/key.key
check '… verify finds the signature good' model verify /root/4.0.0.tcnmodel
check '… it is installed' model install /root/4.0.0.tcnmodel
check '… and activated' settle_on 4.0.0
is '… and answers' 4.0.0 "$(serves)"

# --- what another start cannot cure ---
stays_down() { # after a start that failed: no other is tried
  sleep 3.5
  is "… with status $1, and it is not tried again" "$1 0 failed" "$(prop ExecMainStatus) $(prop NRestarts) $(prop ActiveState)"
}
inside cp $YAML /root/keys.yaml
yaml "bundle: .*" "bundle: $NAME@2.0.0"
refused 'a configured model that nobody signed: the start fails' restart_it
stays_down 77
expect '… the status says why' 'sign' status_text
inside cp /root/keys.yaml $YAML
inside sh -c "chown root: $STORE/journal.json && chmod 600 $STORE/journal.json"
refused 'books that the service may not read: the start fails' start_it
stays_down 73
expect '… the status says why' 'journal\.json' status_text
inside sh -c "chown $PKG: $STORE/journal.json && chmod 644 $STORE/journal.json"
check '… and after mending it starts' start_it
is '… with the active model' 4.0.0 "$(serves)"
yaml 'bundle: .*' "bundle: $NAME@4.0.0"; afresh
expect 'a model that the configuration names is changed by no command: a sentence' 'error: The configuration names the model' model activate packaged
inside cp /root/keys.yaml $YAML; afresh

# --- the package's own life ---
content() { inside sh -c "cd $STORE && find . -type f ! -name .lock ! -name .install ! -name .daemon | sort | xargs sha256sum; readlink active previous" | sha256sum; }
kept=$(content)
check 'reinstall' apt install -y --reinstall -o Dpkg::Options::=--force-confold $PKG
is '… keeps the store' "$kept" "$(content)"
is '… and the active model' 4.0.0 "$(within 10 infer -f; serves)"
use_repo 0.1.1 >/dev/null 2>&1
check 'upgrade' apt install -y -o Dpkg::Options::=--force-confold $PKG
is '… keeps the store' "$kept" "$(content)"
is '… and the active model' 4.0.0 "$(within 10 infer -f; serves)"
check 'remove' apt remove -y $PKG
is '… keeps the store' "$kept" "$(content)"
use_repo 0.1.0 >/dev/null 2>&1
apt install -y -o Dpkg::Options::=--force-confold $PKG >/dev/null 2>&1
is '… and an install after it goes on with the active model' 4.0.0 "$(within 10 infer -f; serves)"
check 'purge' apt purge -y $PKG
refused '… deletes the store' inside test -e $STORE
check 'install after it' apt install -y $PKG
is '… serves the packaged model' "$FIRST packaged" "$(within 10 infer -f; serves) $(listed 'd["active"]')"
inside sh -c 'rm -rf /root/[234].0.0* /root/key.* /root/*.tcnmodel /root/keys.yaml /tmp/*.tcnmodel'
inside cp $YAML /root/good.yaml
