# From this machine only, unless it is opened on purpose; and a secret by a drop-in.
on_net ip addr replace 10.99.0.1/32 dev lo
outside() { on_net curl -sS -m 2 -o /dev/null http://10.99.0.1:9000/healthz; }
yaml 'host: 127.0.0.1' 'host: 0.0.0.0'
refused 'host 0.0.0.0 without a token: the start fails' inside systemctl restart $PKG
expect '… with three ways out in the status' '127\.0\.0\.1.*token_credential.*insecure' status_text
is '… and status 78' 78 "$(prop ExecMainStatus)"
inside systemctl reset-failed $PKG || true
yaml 'insecure: false' 'insecure: true'
c=$(now); afresh
refused 'host 0.0.0.0 alone: nobody gets through from another address' outside
check '… this machine does' get /healthz -f
expect '… and the journal warns' 'SIDECAR_IP_FILTER|IPAddress|filter' after "$c" -p warning
expect '… and doctor' 'IPAddress|filter' inside hailo-tcn-sidecar doctor
inside install -D -m 644 /usr/share/$PKG/systemd/open-to-network.conf $DROPINS/open-to-network.conf
inside systemctl daemon-reload; afresh
check 'with open-to-network.conf it is reachable' outside
dropin open-to-network
inside cp /root/good.yaml $YAML; afresh
refused 'without it, and the host as shipped, no more' outside

inside install -D -m 644 /usr/share/$PKG/systemd/credentials.conf $DROPINS/credentials.conf
inside systemctl daemon-reload
refused 'credentials.conf without the file: the start fails' inside systemctl restart $PKG
is '… with 243/CREDENTIALS' 243 "$(prop ExecMainStatus)"
token=0123456789abcdef0123456789abcdef
inside sh -c "umask 077; echo $token >/etc/hailo/api-token"
inside systemctl reset-failed $PKG || true
yaml 'token_credential: null' 'token_credential: api-token'
yaml 'unix_socket: null' "unix_socket: /run/$PKG/http.sock"
check '… with the file it starts' inside systemctl restart $PKG
secret=/run/credentials/$PKG.service/api-token
is '… and its user reads it' $token "$(inside setpriv --reuid $PKG --regid $PKG --clear-groups cat $secret 2>&1)"
refused '… and nobody else' inside setpriv --reuid nobody --regid nogroup --clear-groups cat $secret
code() { inside curl -s -o /dev/null -w '%{http_code}' "$@"; }
is 'without the token: 401' 401 "$(code http://127.0.0.1:9000/status)"
is '… but health' 200 "$(code http://127.0.0.1:9000/healthz)"
is 'with it: 200' 200 "$(code -H "Authorization: Bearer $token" http://127.0.0.1:9000/status)"
refused 'it is in no line of the journal' inside sh -c "journalctl -u $PKG | grep -q $token"
check 'root commands need not be told it: selftest' inside hailo-tcn-sidecar selftest
expect '… by the Unix socket' "at /run/$PKG/http.sock" inside hailo-tcn-sidecar selftest
expect '… or by the port' 'at http://127.0.0.1:9000' inside hailo-tcn-sidecar selftest --url http://127.0.0.1:9000 --token-file $secret
expect 'doctor sees that it is handed in' 'access: .*a token \(api-token\)' inside hailo-tcn-sidecar doctor
socket="--unix-socket /run/$PKG/http.sock http://localhost/status"
is 'the Unix socket asks root for nothing' 200 "$(code $socket)"
is '… and lets its group in' 200 "$(inside setpriv --reuid nobody --regid nogroup --groups $PKG curl -s -o /dev/null -w '%{http_code}' $socket)"
refused '… and nobody else' inside setpriv --reuid nobody --regid nogroup --clear-groups curl -sf $socket
inside systemctl stop $PKG
refused 'a stop leaves no socket' inside test -e /run/$PKG/http.sock
dropin credentials; inside rm /etc/hailo/api-token
inside cp /root/good.yaml $YAML; afresh
