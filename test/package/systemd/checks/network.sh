# From this machine only, unless it is opened on purpose; and a secret by a drop-in.
on_net ip addr replace 10.99.0.1/32 dev lo
outside() { on_net curl -sS -m 2 -o /dev/null http://10.99.0.1:9000/healthz; }
yaml 'host: 127.0.0.1' 'host: 0.0.0.0'
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
inside sh -c 'umask 077; echo secret >/etc/hailo/api-token'
inside systemctl reset-failed $PKG || true
check '… with the file it starts' inside systemctl restart $PKG
secret=/run/credentials/$PKG.service/api-token
is '… and its user reads it' secret "$(inside setpriv --reuid $PKG --regid $PKG --clear-groups cat $secret 2>&1)"
refused '… and nobody else' inside setpriv --reuid nobody --regid nogroup --clear-groups cat $secret
dropin credentials; inside rm /etc/hailo/api-token; afresh
