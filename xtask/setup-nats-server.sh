#!/usr/bin/env bash
# setup-nats-server.sh DEST: put a NATS server at DEST, taken from Debian's package; nothing is installed.
#
# The package holds one static program, so it may come from a newer suite than the machine's own. Suites are asked in
# this order (FW_NATS_SUITES overrides it); the first that has version 2.10 or newer is taken.
set -euo pipefail

dest=$1
home=$(dirname "$dest")
mkdir -p "$home"

say() { printf 'setup-nats-server: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# One fetch at a time: CI jobs and developers share the cache folder.
exec 9>"$home/lock"
if command -v flock >/dev/null; then flock 9; fi
[ ! -x "$dest" ] || exit 0   # somebody else fetched it while we waited

. "$(dirname "${BASH_SOURCE[0]}")/debian-packages.sh"
apt_init "put nats-server on PATH"

for s in ${FW_NATS_SUITES:-trixie forky sid $codename-backports $codename}; do
  apt_suite "$s" || continue
  v=$(find_version nats-server ''); [ -n "$v" ] || continue
  if dpkg --compare-versions "$v" lt 2.10; then say "nats-server $v ($s) is too old"; continue; fi
  rm -rf "$home/unpacked"
  fetch "$home/unpacked" "nats-server=$v" || continue
  if "$home/unpacked/usr/sbin/nats-server" --version >/dev/null 2>&1; then p=usr/sbin; else p=usr/bin; fi
  "$home/unpacked/$p/nats-server" --version >&2 || { say "nats-server $v ($s) does not run here"; continue; }
  mv "$home/unpacked/$p/nats-server" "$dest"   # whole or not at all
  rm -rf "$home/unpacked" "$home/apt" "$home/download.log"
  exit 0
done
die "no Debian suite could be asked, or none has a usable nats-server"
