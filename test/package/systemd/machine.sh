#!/bin/bash
# machine.sh ARCH DEB: boots Debian 12 of ARCH (arm64, amd64) in a virtual machine under software emulation, with Debian's own
# kernel and pure cgroup v2, installs DEB there and asks the checks of machine/run.sh. Needs root and mmdebstrap; qemu and
# cpio live in a root file system of their own. W is the work directory (default build/box).
# The machine's root file system is its initramfs: no disk image, no modules for disks.
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
PROJECT=$(cd "$HERE/../../.." && pwd)
ARCH=$1 DEB=$(realpath "$2")
W=$(mkdir -p "${W:-$PROJECT/build/box}/machine-$1" && cd "${W:-$PROJECT/build/box}/machine-$1" && pwd); cd "$W"
case $ARCH in
  amd64) QEMU=qemu-system-x86 PROGRAM=qemu-system-x86_64 TTY=ttyS0 BOARD="-cpu max" ;;
  arm64) QEMU=qemu-system-arm PROGRAM=qemu-system-aarch64 TTY=ttyAMA0 BOARD="-M virt -cpu max,pauth-impdef=on" ;;
  *) echo "machine.sh: ARCH is amd64 or arm64, not $ARCH" >&2; exit 64 ;;
esac
PACKAGES=systemd,systemd-sysv,dbus,python3,curl,procps,init-system-helpers,libstdc++6,libgcc-s1,libsystemd0
bootstrap() { mmdebstrap --quiet --aptopt='Acquire::Languages "none"' "$@"; }
SECONDS=0
rm -rf ./*.new                # of a run that was ended
step() { echo "      $1: after $SECONDS s"; }

# 1. qemu and cpio, for this architecture
[ -d tool ] || { bootstrap --variant=apt --include="$QEMU,cpio" bookworm tool.new; mv tool.new tool; }
# 2. the root file system. Of another architecture: in a user namespace with a binfmt_misc of its own, so that nothing is
# registered on this machine.
root_foreign() {
  cat >inner.sh <<'I'
#!/bin/bash
set -eu
read -r _ <"$1"; shift
mount --make-rprivate /
mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
echo ':qemu-aarch64:M::\x7f\x45\x4c\x46\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00:\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:/usr/bin/qemu-aarch64-static:OCF' >/proc/sys/fs/binfmt_misc/register
exec "$@"
I
  chmod +x inner.sh; rm -f go; mkfifo go
  unshare -U -m ./inner.sh "$W/go" mmdebstrap --mode=root --skip=check/qemu --arch="$ARCH" --variant=minbase \
    --aptopt='Acquire::Languages "none"' --include="$PACKAGES" bookworm root.new >bootstrap.log 2>&1 &
  local pid=$!
  sleep 0.5
  echo '0 0 4294967295' >"/proc/$pid/uid_map"; echo '0 0 4294967295' >"/proc/$pid/gid_map"; echo >go
  wait "$pid" || { tail -20 bootstrap.log >&2; return 1; }
}
if [ ! -d root ]; then
  rm -rf root.new
  if [ "$ARCH" = "$(dpkg --print-architecture)" ]; then bootstrap --variant=minbase --include="$PACKAGES" bookworm root.new; else root_foreign; fi
  mv root.new root
fi
step 'root file system'
# 3. a kernel with its modules, only unpacked: nothing of it runs here
[ -d kernel ] || { bootstrap --variant=extract --arch="$ARCH" --include="linux-image-cloud-$ARCH" bookworm kernel.new; mv kernel.new kernel; }
# 4. the checks, run by a unit once the system is up
rm -rf image; cp -a root image
install -D -m 755 "$HERE/machine/run.sh" image/opt/checks/run.sh
cp "$DEB" image/opt/checks/sidecar.deb
cp -r "$PROJECT/packaging/models/default/examples" image/opt/checks/
: >image/etc/fstab; echo machine >image/etc/hostname; ln -sf /lib/systemd/systemd image/init
mkdir -p image/etc/systemd/system/graphical.target.wants
printf '[Unit]\nAfter=multi-user.target\n[Service]\nType=idle\nExecStart=/opt/checks/run.sh /dev/%s\n' "$TTY" >image/etc/systemd/system/checks.service
ln -sf ../checks.service image/etc/systemd/system/graphical.target.wants/checks.service
unshare -m bash -c 'mount --make-rprivate /; mount --bind image tool/mnt
  chroot tool sh -c "cd /mnt; find . | cpio -o -H newc --quiet | gzip -1 >/initrd.gz"'
rm -rf image; cp kernel/boot/vmlinuz-* tool/vmlinuz
step 'image'
# 5. boot; a serial getty would wait for a udev that is not there
COMMAND_LINE="console=$TTY quiet panic=-1 rdinit=/init systemd.mask=serial-getty@$TTY.service"
timeout 1200 unshare -m --kill-child --fork bash -c "mount --make-rprivate /; mount --bind /dev tool/dev; mount -t proc proc tool/proc
  exec chroot tool $PROGRAM $BOARD -accel tcg,thread=multi -smp 2 -m 4096 -nographic -no-reboot -nic none -kernel /vmlinuz -initrd /initrd.gz -append '$COMMAND_LINE'" \
  </dev/null >console.log 2>&1 || true
rm -f tool/initrd.gz
step 'run'
tr -d '\r' <console.log | grep -aE '^(PASS|FAIL|      )' || true
passed=$(grep -ac '^PASS' console.log || true) failed=$(grep -ac '^FAIL' console.log || true)
echo "      $ARCH machine: $passed passed, $failed failed, $SECONDS s"
if ! grep -aq '^CHECKS-DONE' console.log; then echo "FAIL  the checks came to their end"; tail -30 console.log >&2; exit 1; fi
[ "$failed" = 0 ]
