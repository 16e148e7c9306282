#!/bin/sh
# Installs or renews the program of a Sharenet file server host. Run as root, from this folder:
#
#   ./install.sh             into /usr/local
#   PREFIX=/opt/x ./install.sh
#
# Run it again to renew: servers that run go on. They get the new version's configuration of Samba at once, and have the new
# program from their next start.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
prefix=${PREFIX:-/usr/local}
library=$prefix/lib/sharenet-samba
command=$prefix/sbin/sharenet-samba-host
unit=/etc/systemd/system/sharenet-samba@.service

say() { printf 'sharenet-samba: %s\n' "$*"; }
fail() { printf 'sharenet-samba: %s\n' "$*" >&2; exit 1; }

case $prefix in
  *[!A-Za-z0-9/._-]* | [!/]*) fail "PREFIX must be an absolute path of letters, digits, dots, hyphens and underscores" ;;
esac
[ "$(id -u)" = 0 ] || fail "run this as root"
[ -x /usr/bin/python3 ] || fail "there is no /usr/bin/python3: install the package python3"
/usr/bin/python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "/usr/bin/python3 is older than 3.11"

# Each version has a folder of its own, which a link names: a call finds the old program or the new one, whole. Servers that
# run see all of them and go on with theirs; the one before is kept for those.
mkdir -p "$library" "$prefix/sbin"
chmod 0755 "$prefix/lib" "$library" "$prefix/sbin"
before=$(readlink "$command" 2>/dev/null || true)
before=${before%/sharenet-samba-host}
fresh=$(mktemp -d "$library/v.XXXXXX")
trap 'rm -rf "$fresh"' EXIT
chmod 0755 "$fresh"
install -d -m 0755 "$fresh/sharenet_samba"
install -m 0644 "$here"/sharenet_samba/*.py "$fresh/sharenet_samba/"
install -m 0755 "$here/sharenet-samba-host" "$fresh/"
/usr/bin/python3 -I -m compileall -q "$fresh/sharenet_samba"
ln -s "$fresh/sharenet-samba-host" "$command.new"
mv -fT "$command.new" "$command"
trap - EXIT
for old in "$library"/v.*; do
  [ "$old" = "$fresh" ] || [ "$old" = "$before" ] || rm -rf "$old"
done

if [ -d /run/systemd/system ]; then
  sed "s|/usr/local/sbin/sharenet-samba-host|$command|" "$here/sharenet-samba@.service" >"$unit.new"
  mv "$unit.new" "$unit"
  systemctl daemon-reload
  for service in smbd nmbd winbind samba-ad-dc; do
    if systemctl is-active --quiet "$service" 2>/dev/null; then
      say "note: the host's own $service runs; if nothing needs it: systemctl disable --now $service"
    fi
  done
else
  say "note: systemd does not run this host: after each boot run  $command start ROOT-DIRECTORY"
fi

missing=$("$command" packages)
[ -z "$missing" ] || fail "installed, but packages are missing: apt-get install --no-install-recommends $missing"
"$command" renew || say "note: the share servers above keep their former configuration until their next change or start"
[ -e /etc/sharenet/samba.json ] || say "note: whoever has the operator's key chooses root, interface and VLAN: /etc/sharenet/samba.json can limit them"
say "installed $("$command" version) in $fresh"
say "line for authorized_keys: restrict,command=\"$command\" ssh-ed25519 ..."
