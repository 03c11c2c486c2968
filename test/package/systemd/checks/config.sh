# The administrator's YAML, right and wrong.
c=$(now)
yaml 'port: 9000' 'port: nine'
line=$(inside grep -n 'port: nine' $YAML | cut -d: -f1)
refused 'bad YAML: the start fails' inside systemctl restart $PKG
expect '… with the line number in the status' "(:|line )$line\b" status_text
expect '… and in the journal' "(:|line )$line\b" after "$c"
expect '… as an error' "(:|line )$line\b" after "$c" -p err
expect '… which its MESSAGE_ID finds' 'Cannot start' after "$c" MESSAGE_ID=e9ff8dd6f13d320b62e94ca78038e462
is '… with status 78' 78 "$(prop ExecMainStatus)"
sleep 3.5   # longer than RestartSec=
is '… and it is not tried again' '0 failed' "$(prop NRestarts) $(prop ActiveState)"
expect '… config check says the same' "(:|line )$line\b" inside hailo-tcn-sidecar config check
inside cp /root/good.yaml $YAML
check '… and after mending it starts' inside systemctl start $PKG

# Under load, with time enough that a slow machine is no failure.
yaml 'deadline_ms: 40' 'deadline_ms: 3000'; inside systemctl reload $PKG
pid=$(prop MainPID)
load_start
yaml 'level: info' 'level: debug'
check 'reload with good YAML' inside systemctl reload $PKG
expect '… is in force' '"level": *"debug"' get /status
c=$(now)
yaml 'level: debug' 'level: chatty'
line=$(inside grep -n 'level: chatty' $YAML | cut -d: -f1)
refused 'reload with bad YAML fails' inside systemctl reload $PKG
expect '… with the line number' "(:|line )$line\b" after "$c"
expect '… as an error' "(:|line )$line\b" after "$c" -p err
expect '… which its MESSAGE_ID finds' 'not reloaded' after "$c" MESSAGE_ID=7aaf9c23c88c1f6bb9ea273cf9986f8a
expect '… and the old one stays in force' '"level": *"debug"' get /status
is '… and the service is active' active "$(prop ActiveState)"
yaml 'level: chatty' 'level: info'
check '… and after mending a reload works' inside systemctl reload $PKG
expect '… and is in force' '"level": *"info"' get /status
load_stop
expect "no request failed meanwhile: $result" 'failed=0 ' echo "$result"
is 'all by one process' "$pid" "$(prop MainPID)"
inside cp /root/good.yaml $YAML; inside systemctl reload $PKG
