#!/bin/bash
# pid1.sh ROOT STAGE NAME CONSOLE [FROM TO]...: the first process in the namespaces of a box; sets up its file system and
# becomes systemd. ROOT is never written to: a tmpfs in STAGE lies over it. Each FROM of the host is TO in the box, read-only.
set -eu
ROOT=$1 STAGE=$2 NAME=$3 CONSOLE=$4; shift 4
mount --make-rprivate /
mkdir -p "$STAGE"
mount -t tmpfs -o size=3g,mode=755 box "$STAGE"
mkdir "$STAGE"/{upper,work,root}
R=$STAGE/root
mount -t overlay overlay -o "lowerdir=$ROOT,upperdir=$STAGE/upper,workdir=$STAGE/work" "$R"
echo "$NAME" >"$R/etc/hostname"; hostname "$NAME"; printf '127.0.0.1 localhost %s\n' "$NAME" >"$R/etc/hosts"
rm -f "$R"/etc/apt/sources.list "$R"/etc/apt/sources.list.d/*      # no network inside
ln -sf /dev/null "$R/etc/systemd/system/console-getty.service"     # /dev/console is a file here

mount -t proc -o nosuid,nodev,noexec proc "$R/proc"
# Read-only, so that the box's systemd-sysctl, udev and modules-load keep off the host's kernel.
for p in sys sysrq-trigger; do
  [ -e "$R/proc/$p" ] || continue
  mount --bind "$R/proc/$p" "$R/proc/$p"; mount -o remount,bind,ro "$R/proc/$p"
done
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$R/sys"

mount -t tmpfs -o mode=755,size=4m,nosuid dev "$R/dev"
mkdir "$R"/dev/{pts,shm,mqueue}
node() { mknod -m 666 "$R/dev/$1" c "$2" "$3"; }
node null 1 3; node zero 1 5; node full 1 7; node random 1 8; node urandom 1 9; node tty 5 0
ln -s /proc/self/fd "$R/dev/fd"
for n in 0:stdin 1:stdout 2:stderr; do ln -s "/proc/self/fd/${n%:*}" "$R/dev/${n#*:}"; done
mount -t devpts -o newinstance,gid=5,mode=620,ptmxmode=666 devpts "$R/dev/pts"; ln -s pts/ptmx "$R/dev/ptmx"
mount -t tmpfs -o mode=1777,nosuid,nodev shm "$R/dev/shm"
: >"$R/dev/console"; mount --bind "$CONSOLE" "$R/dev/console"
mount -t tmpfs -o mode=755,nosuid,nodev run "$R/run"

while [ $# -ge 2 ]; do
  mkdir -p "$R$2"; mount --bind "$1" "$R$2"; mount -o remount,bind,ro "$R$2"; shift 2
done

C=$R/sys/fs/cgroup
if [ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ]; then
  mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 "$C"
else
  # The host's hierarchies; the cgroup namespace shows each from our own group down, and that much may be written.
  mount -t tmpfs -o mode=755,size=1m,nosuid,nodev,noexec cgroup "$C"
  while IFS=: read -r _ controllers _; do
    case $controllers in
      "") dir=unified type=cgroup2 options=rw ;;
      name=*) dir=${controllers#name=} type=cgroup options=none,$controllers ;;
      *) dir=$controllers type=cgroup options=$controllers ;;
    esac
    mkdir "$C/$dir"; mount -t "$type" -o "nosuid,nodev,noexec,$options" "$type" "$C/$dir"
  done </proc/self/cgroup
  mount -o remount,ro "$C"
fi

cd "$R"; mkdir -p mnt/old; pivot_root . mnt/old; umount -l /mnt/old
# systemd does this only outside containers; without it credentials are not found, and later mounts do not reach services.
mount --make-rshared /
exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin container=box LANG=C.UTF-8 \
  setpriv --bounding-set -sys_module,-sys_time,-sys_rawio,-syslog,-mac_admin,-mac_override,-wake_alarm --inh-caps -all \
  /lib/systemd/systemd --show-status=no --log-level=info </dev/null >/dev/console 2>&1
