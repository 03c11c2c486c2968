# Hang, crash, drain, a port that is taken.
dropin watchdog $'[Service]\nWatchdogSec=3'
afresh; n=$(prop NRestarts); c=$(now)
inside kill -STOP "$(prop MainPID)"
check 'a daemon that hangs is ended by the watchdog and started again' within 20 restarts_beyond "$n"
expect '… and the journal says so' 'Watchdog timeout' after "$c"
check '… and it answers' within 5 infer -f
dropin watchdog
afresh; n=$(prop NRestarts)
inside kill -KILL "$(prop MainPID)"
check 'SIGKILL: started again' within 15 restarts_beyond "$n"
check '… and it answers' within 5 infer -f

# Half of a request before SIGTERM, the other half after it; with time enough that a slow machine is no failure.
yaml 'deadline_ms: 40' 'deadline_ms: 3000'; inside systemctl reload $PKG
slow='import socket, sys, time
body = open("/srv/examples/walk.json", "rb").read()
s = socket.create_connection(("127.0.0.1", 9000))
s.sendall(b"POST /infer HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body[:1000])
print("half", flush=True); time.sleep(1.5)
s.sendall(body[1000:]); print(s.recv(65536).decode().replace("\r\n", " "), flush=True)'
: >"$W/slow-$DIST.log"        # not the half of the last run
inside python3 -c "$slow" >"$W/slow-$DIST.log" 2>&1 &
client=$!
within 5 grep half "$W/slow-$DIST.log"
c=$(now)
check 'SIGTERM: stops' inside systemctl stop $PKG
wait $client || true
expect '… and answers the request in flight first' '^HTTP/1.1 200 ' cat "$W/slow-$DIST.log"
is '… as a success' success "$(prop Result)"
expect '… and says so' 'SIGTERM: stopping' after "$c"
is '… with no process left' '' "$(inside pgrep -u $PKG || true)"
inside cp /root/good.yaml $YAML

# A delay for balancers that is longer than the unit's own limit.
dropin patience $'[Service]\nTimeoutStopSec=2'
yaml 'drain_delay_ms: 0' 'drain_delay_ms: 5000'; afresh
inside systemctl stop --no-block $PKG
sleep 3.5
is 'drain_delay_ms: a stop goes on beyond TimeoutStopSec=' deactivating "$(prop ActiveState)"
expect '… is not ready' 'The daemon is stopping' get /health/ready
check '… and answers' infer -f
is_over() { [ "$(prop ActiveState)" = inactive ]; }
check '… until the delay is over' within 10 is_over
is '… as a success' success "$(prop Result)"
inside cp /root/good.yaml $YAML; dropin patience

inside systemd-run -q --unit=squatter python3 -m http.server --bind 127.0.0.1 9000
within 5 get /
refused 'port in use: the start fails' inside systemctl start $PKG
expect '… and the status says which port and what to do' '127\.0\.0\.1:9000' status_text
expect '… so does doctor' '9000 is taken by another program' inside hailo-tcn-sidecar doctor
inside systemctl stop squatter
inside systemctl reset-failed $PKG || true
check '… and it starts when the port is free again' inside systemctl start $PKG
