# Remove keeps, purge deletes, reinstall works.
use_repo 0.1.0 >/dev/null 2>&1
inside sh -c "test -e /var/lib/$PKG/kept || echo mine >/var/lib/$PKG/kept"
check 'remove' apt remove -y $PKG
check '… keeps the YAML' inside test -s $YAML
is '… keeps what lies in /var/lib' mine "$(inside cat /var/lib/$PKG/kept)"
is '… no process is left' '' "$(inside pgrep -u $PKG || true)"
refused '… nobody answers' get /
refused '… the unit is gone' inside systemctl cat $PKG
check 'install again' apt install -y -o Dpkg::Options::=--force-confold $PKG
check '… it serves' within 10 infer -f
is '… enabled' enabled "$(prop UnitFileState)"
inside mkdir -p $DROPINS
check 'purge' apt purge -y $PKG
refused '… the YAML is gone' inside test -e $YAML
refused '… the state is gone' inside test -e /var/lib/$PKG
refused '… the link that enabled it is gone' inside test -L /etc/systemd/system/multi-user.target.wants/$PKG.service
is '… nothing of it is left' '' "$(inside find /etc /usr /var/lib /run -path /var/lib/apt -prune -o -name "*$PKG*" -print 2>/dev/null | grep -vE '/var/lib/(dpkg|systemd)/|journal' | brief)"
check 'install after the purge' apt install -y $PKG
check '… it serves' within 10 infer -f
is '… with the YAML as shipped' '' "$(inside dpkg --verify $PKG)"
is 'dpkg --audit is clean' '' "$(inside dpkg --audit)"
is 'no unit has failed' '' "$(inside systemctl --failed --no-legend --plain)"
