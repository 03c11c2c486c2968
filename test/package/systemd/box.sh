# Sourced by matrix.sh: a Debian of its own under a real systemd, in namespaces. Needs root, util-linux, mmdebstrap, curl.
# Every mount is made in a private namespace and goes with it; every cgroup is a child of the caller's, removed at the end.

BOX_LEADER=       # PID 1 of the box, as the host numbers it
BOX_UNSHARE=      # its parent
BOX_NAME=

# The package's own dependencies must be in it: there is no network inside.
BOX_PACKAGES=systemd,systemd-sysv,dbus,libpam-systemd,python3,curl,procps,init-system-helpers,libstdc++6,libgcc-s1,libsystemd0

# box_rootfs DIST: unpacks the root file system into W/root-DIST; makes W/rootfs-DIST.tar when it is not there.
box_rootfs() {
  local dist=$1 tar=$W/rootfs-$1.tar root=$W/root-$1
  if [ ! -e "$tar" ]; then
    mmdebstrap --quiet --variant=minbase --aptopt='Acquire::Languages "none"' --include="$BOX_PACKAGES" "$dist" "$W/new-$dist.tar"
    mv "$W/new-$dist.tar" "$tar"
  fi
  if [ "$root/.unpacked" -nt "$tar" ]; then return; fi
  rm -rf "$root"; mkdir -p "$root"
  tar -C "$root" --numeric-owner -xpf "$tar"
  touch "$root/.unpacked"
}

# box_boot DIST [FROM TO]...: starts systemd; FROM is at TO inside, read-only. Fails with its console when it does not come up.
box_boot() {
  local dist=$1 state='' p; shift
  BOX_NAME=box-$dist-$$
  BOX_STAGE=$W/stage-$BOX_NAME
  BOX_CONSOLE=$W/console-$dist.log
  : >"$BOX_CONSOLE"
  trap box_end EXIT
  # Should this script be killed outright, the box goes with it (its empty cgroups stay, no more).
  "$HERE/cgjoin.sh" "$BOX_NAME" setpriv --pdeathsig KILL \
    unshare --mount --pid --cgroup --uts --ipc --net --fork --kill-child \
    "$HERE/pid1.sh" "$W/root-$dist" "$BOX_STAGE" "$BOX_NAME" "$BOX_CONSOLE" "$@" >"$W/unshare-$dist.log" 2>&1 &
  BOX_UNSHARE=$!
  for _ in $(seq 300); do
    # Not just any child: before unshare runs, cgjoin.sh has short-lived ones of its own.
    [ -n "$BOX_LEADER" ] || for p in $(pgrep -P "$BOX_UNSHARE" -x systemd); do BOX_LEADER=$p; done
    [ -z "$BOX_LEADER" ] || state=$(inside systemctl is-system-running 2>/dev/null || true)
    case $state in running | degraded) break ;; esac
    kill -0 "$BOX_UNSHARE" 2>/dev/null || break
    sleep 0.1
  done
  [ "$state" = running ] && return
  cat "$BOX_CONSOLE" "$W/unshare-$dist.log" >&2
  [ -z "$BOX_LEADER" ] || inside systemctl --failed --no-pager >&2 || true
  return 1
}

# inside COMMAND...: in the box, as root, with a plain environment.
inside() {
  nsenter -t "$BOX_LEADER" -m -u -i -n -p -C -r -w \
    env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 TERM=dumb HOME=/root "$@"
}

# on_net COMMAND...: a program of the host on the box's network.
on_net() { nsenter -t "$BOX_LEADER" -n "$@"; }

box_end() {
  set +e
  if [ -n "$BOX_LEADER" ] && kill -0 "$BOX_LEADER" 2>/dev/null; then
    kill -RTMIN+4 "$BOX_LEADER"      # poweroff
    for _ in $(seq 150); do kill -0 "$BOX_LEADER" 2>/dev/null || break; sleep 0.1; done
    kill -KILL "$BOX_LEADER" 2>/dev/null
  elif [ -n "$BOX_UNSHARE" ]; then
    kill -KILL "$BOX_UNSHARE" 2>/dev/null
  fi
  [ -z "$BOX_UNSHARE" ] || wait "$BOX_UNSHARE" 2>/dev/null
  find /sys/fs/cgroup -depth -type d -path "*/$BOX_NAME*" -exec rmdir {} \; 2>/dev/null
  [ -z "${BOX_STAGE:-}" ] || rmdir "$BOX_STAGE" 2>/dev/null
  BOX_LEADER='' BOX_UNSHARE=''
}
