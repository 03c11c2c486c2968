#!/bin/bash
# matrix.sh DIST DEB [NEXT_DEB]: installs DEB under a real systemd of DIST (bookworm, trixie) and asks it everything that the
# package promises; one line per check, PASS or FAIL. Needs root. W is the work directory (default build/box), REPO a signed
# repository to install from first (as build:repo makes it), ONLY a list of parts, e.g. ONLY="install hardening".
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
PROJECT=$(cd "$HERE/../../.." && pwd)
DIST=$1 DEB=$(realpath "$2") NEXT=${3:+$(realpath "$3")}
W=$(mkdir -p "${W:-$PROJECT/build/box}" && cd "${W:-$PROJECT/build/box}" && pwd)
EXAMPLES=$PROJECT/packaging/models/default/examples
. "$HERE/tell.sh"
. "$HERE/box.sh"
. "$HERE/repo.sh"

SECONDS=0
exec 9>"$W/lock"; flock 9              # two at a time would make the same repositories
box_rootfs "$DIST"
repo_all "$DEB" "$NEXT"
CHIP=$W/chip
"$PROJECT/scripts/node24" node "$HERE/chip.ts" "$CHIP"
exec 9>&-
box_boot "$DIST" "$W/repo" /srv/repo "$HERE" /srv/test "$EXAMPLES" /srv/examples "$CHIP" /srv/chip \
  ${REPO:+"$(realpath "$REPO")" /srv/first}
echo "      $DIST, $(inside systemctl --version | head -1), ready after $SECONDS s"

# From here on a step that fails by itself is a failure like another, not the end.
set +e
trap 'bad "a step failed: $BASH_COMMAND (${BASH_SOURCE##*/}:$LINENO)"' ERR
for part in ${ONLY:-install journal files life config network device hardening models upgrade remove}; do
  began=$SECONDS
  . "$HERE/checks/$part.sh"
  echo "      $part: $((SECONDS - began)) s"
done
trap - ERR

box_end; trap - EXIT
is 'the box left no cgroup behind' 0 "$(find /sys/fs/cgroup -type d -path "*/$BOX_NAME*" | wc -l)"
is 'the box left no mount behind' 0 "$(grep -c "$BOX_STAGE" /proc/self/mountinfo || true)"
echo "      $DIST: $passed passed, $failed failed, $SECONDS s"
[ "$failed" = 0 ]
