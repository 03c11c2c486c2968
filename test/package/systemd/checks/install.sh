# By name, from a signed repository, with nobody to ask; then it serves.
check 'the signed repository is accepted' use_repo 0.1.0
out=$W/install-$DIST.log
if apt install $PKG >"$out" 2>&1; then ok 'apt install by name, stdin closed, asks nothing'; else bad "apt install by name ($(tail -n 5 "$out" | brief))"; fi
lacks 'apt has nothing to complain of' '^(W|E|dpkg|warning|error)|not run|rror' cat "$out"
is 'enabled' enabled "$(prop UnitFileState)"
is 'active' active "$(prop ActiveState)"
expect 'a status line that a person understands' 'Status: "Serving imu-motif-tcn@[^ ]+ at http://127.0.0.1:9000 on CPU' inside systemctl status --no-pager $PKG
check 'the installed files are those of the package' inside sh -c '! dpkg --verify hailo-tcn-sidecar | grep .'

judge_walk='import json, sys
a = json.load(sys.stdin); scores = a["motif_scores"]
labels = json.loads(sys.argv[1])["model"]["motif_labels"]
assert len(a["latent"]) == 64 and len(scores) == 12, a
assert labels[scores.index(max(scores))] == "walk", scores'
if answer=$(infer) && python3 -c "$judge_walk" "$(get /status)" <<<"$answer" 2>"$W/judge.log"; then
  ok 'walk.json: 200, 64 and 12 numbers, walk on top'
else bad "walk.json (${answer:0:200} $(tail -n 1 "$W/judge.log"))"; fi
check 'selftest: the golden windows come out right through the port' inside hailo-tcn-sidecar selftest
if out=$(inside hailo-tcn-sidecar doctor 2>&1); then ok 'doctor finds nothing wrong'; else bad "doctor ($(brief 600 <<<"$out"))"; fi
check 'the manual page that the unit names is there' inside test -s /usr/share/man/man8/hailo-tcn-sidecar.8.gz
lacks 'systemd-analyze verify is silent' '.' inside systemd-analyze verify --man=no /usr/lib/systemd/system/$PKG.service
exposure=$(inside systemd-analyze security --no-pager $PKG 2>/dev/null | sed -n 's/.*exposure level[^0-9]*\([0-9.]*\).*/\1/p')
check "systemd-analyze security: $exposure, 1.5 at most" test "$(bc <<<"${exposure:-10} <= 1.5")" = 1
inside cp $YAML /root/good.yaml      # other parts put it back
