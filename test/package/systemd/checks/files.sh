# Who it runs as, what it may write.
pid=$(prop MainPID)
proc_ids() { inside sed -n "s/^$1:\t//p" "/proc/$pid/status" | tr '\t' ' ' | sed 's/ *$//'; }
uid=$(inside id -u $PKG) gid=$(inside id -g $PKG) hailo=$(inside getent group hailo | cut -d: -f3)
is 'runs as its own user' "$uid $uid $uid $uid" "$(proc_ids Uid)"
is '… and group' "$gid $gid $gid $gid" "$(proc_ids Gid)"
expect '… with the group hailo' "(^| )$hailo( |\$)" proc_ids Groups
lacks 'the user itself is not in the group hailo' '(^| )hailo( |$)' inside id -nG $PKG
expect 'nobody can log in as it' '/nologin$' inside getent passwd $PKG
mode() { inside stat -c '%U:%G %a' "$1"; }
is 'state directory' "$PKG:$PKG 755" "$(mode /var/lib/$PKG)"
is 'runtime directory' "$PKG:$PKG 755" "$(mode /run/$PKG)"
is 'rendered configuration' "$PKG:$PKG" "$(mode /run/$PKG/$PKG.json | cut -d' ' -f1)"
is 'the program belongs to root' 'root:root 755' "$(mode /usr/bin/$PKG)"
is 'so does the YAML' 'root:root 644' "$(mode $YAML)"
is 'so do the native parts, and nobody else writes them' '' "$(inside find /usr/lib/$PKG /usr/share/$PKG \( ! -user root -o -perm /022 \))"
# A mount that may be written must not be executable: in the service's own view.
both=$(inside awk '{ top[$5] = $6 } END { for (p in top) if (top[p] ~ /(^|,)rw(,|$)/ && top[p] !~ /noexec/) print p }' \
  "/proc/$pid/mountinfo" | sort | tr '\n' ' ')
lacks 'what it writes to cannot be executed' '^/(run|tmp|var|dev/shm)' tr ' ' '\n' <<<"$both"
is "… and what can be executed is not its own to write ($both)" '' \
  "$(inside setpriv --reuid $PKG --regid $PKG --init-groups find $both -xdev -writable -type d,f ! -exec mountpoint -q {} \; -print 2>/dev/null | brief)"
is 'what is written in its lifetime is small' '' "$(inside find /var/lib/$PKG /run/$PKG -size +64k)"
check 'the configuration of HAProxy is there to be copied' inside grep -q '^backend boxes' /usr/share/doc/$PKG/haproxy/haproxy.cfg
expect 'the link in /etc/xdg leads to the rendered file' "/run/$PKG/$PKG.json" inside readlink /etc/xdg/$PKG/$PKG.json
