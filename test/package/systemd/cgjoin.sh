#!/bin/bash
# cgjoin.sh NAME COMMAND...: runs the command in a child of the caller's cgroup, in every mounted hierarchy, so that the
# systemd of a box never writes in groups of the host's own.
set -eu
name=$1; shift
while read -r _ _ _ _ mount rest; do
  type=${rest#* - }; type=${type%% *}
  case $type in
    cgroup2) current=$(sed -n 's/^0:://p' /proc/self/cgroup) ;;
    *) current=$(awk -F: -v c="${mount##*/}" \
      '{ n = split($2, a, ","); for (i = 1; i <= n; i++) { x = a[i]; sub(/^name=/, "", x); if (x == c) print $3 } }' /proc/self/cgroup) ;;
  esac
  parent=$mount${current%/}; child=$parent/$name
  mkdir -p "$child"
  if [ "$type" = cgroup ] && [ -e "$child/cpuset.cpus" ]; then
    cat "$parent/cpuset.cpus" >"$child/cpuset.cpus"; cat "$parent/cpuset.mems" >"$child/cpuset.mems"
  fi
  echo $$ >"$child/cgroup.procs"
done < <(grep -E ' - cgroup2? ' /proc/self/mountinfo)
exec "$@"
