# Sourced by matrix.sh: signed flat repositories, one per version, made from the built package.
#   W/repo/0.1.0  as built        W/repo/0.1.1  the same, a newer version     W/repo/0.2.0  its conffile has a changed comment
#   W/repo/0.3.0  a broken one: its program ends with 70
# They are kept until the package changes. REPO=dir serves the first installation from a repository that was built elsewhere.

repo_key() {
  export GNUPGHOME=$W/gnupg
  [ ! -e "$GNUPGHOME/done" ] || return 0
  rm -rf "$GNUPGHOME"; mkdir -p -m 700 "$GNUPGHOME"
  gpg --batch --quiet --pinentry-mode loopback --passphrase '' --quick-generate-key 'hailo-tcn-sidecar test' ed25519 sign 1y
  gpg --batch --export >"$GNUPGHOME/public"
  gpgconf --kill all
  touch "$GNUPGHOME/done"
}

# repo_sign DIR
repo_sign() {
  (cd "$1" && apt-ftparchive packages . >Packages && apt-ftparchive release . >Release.new && mv Release.new Release &&
    gpg --batch --quiet --yes --clearsign -o InRelease Release)
  cp "$GNUPGHOME/public" "$1/$PKG.gpg"
  gpgconf --kill all
}

# repo_version TREE VERSION: the unpacked package, repacked as that version.
repo_version() {
  sed -i "s/^Version: .*/Version: $2/" "$1/DEBIAN/control"
  mkdir -p "$W/repo/$2"
  dpkg-deb --root-owner-group -Zzstd -z1 -b "$1" "$W/repo/$2/${PKG}_$2_amd64.deb" >/dev/null
  repo_sign "$W/repo/$2"
}

# repo_all DEB [NEXT_DEB]: NEXT_DEB, when given, takes the place of 0.1.1.
repo_all() {
  local deb=$1 next=${2:-} digest tree=$W/repo/tree
  digest=$(cat "$deb" ${next:+"$next"} "$HERE/repo.sh" | sha256sum)
  [ "$(cat "$W/repo/digest" 2>/dev/null)" = "$digest" ] && return 0
  rm -rf "$W/repo"; mkdir -p "$W/repo/0.1.0"
  repo_key
  cp "$deb" "$W/repo/0.1.0/"; repo_sign "$W/repo/0.1.0"
  dpkg-deb -R "$deb" "$tree"
  if [ -n "$next" ]; then mkdir "$W/repo/0.1.1"; cp "$next" "$W/repo/0.1.1/"; repo_sign "$W/repo/0.1.1"
  else repo_version "$tree" 0.1.1; fi
  sed -i '1s/$/ (As of 0.2.0.)/' "$tree$YAML"
  repo_version "$tree" 0.2.0
  printf '#!/bin/sh\n[ "$1" = serve ] || exit 0\necho "error: this version is broken on purpose" >&2\nexit 70\n' >"$tree/usr/bin/$PKG"
  repo_version "$tree" 0.3.0
  rm -rf "$tree"
  echo "$digest" >"$W/repo/digest"
}

# use_repo VERSION: what apt in the box knows of, from now on.
use_repo() {
  local dir=/srv/repo/$1
  [ "$1" != 0.1.0 ] || [ -z "${REPO:-}" ] || dir=/srv/first
  inside sh -c "install -d /etc/apt/keyrings && cp $dir/$PKG.gpg /etc/apt/keyrings/matrix.gpg &&
    echo 'deb [signed-by=/etc/apt/keyrings/matrix.gpg] file:$dir ./' >/etc/apt/sources.list.d/sidecar.list &&
    apt-get update -q"
}
# apt ARGUMENTS...: nobody is there to answer a question.
apt() { inside apt-get -q "$@" </dev/null; }
