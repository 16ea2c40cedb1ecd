#!/usr/bin/env bash
# setup-registry.sh DEST: put an OCI registry at DEST, taken from Debian's package docker-registry; nothing is installed.
#
# The package holds one program that needs the C library alone. Suites are asked in this order (FW_REGISTRY_SUITES
# overrides it); the first whose program runs here is taken.
set -euo pipefail

dest=$1
home=$(dirname "$dest")
mkdir -p "$home"

say() { printf 'setup-registry: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# One fetch at a time: CI jobs and developers share the cache folder.
exec 9>"$home/lock"
if command -v flock >/dev/null; then flock 9; fi
[ ! -x "$dest" ] || exit 0   # somebody else fetched it while we waited

. "$(dirname "${BASH_SOURCE[0]}")/debian-packages.sh"
apt_init "put docker-registry on PATH"

for s in ${FW_REGISTRY_SUITES:-$codename trixie forky sid}; do
  apt_suite "$s" || continue
  v=$(find_version docker-registry ''); [ -n "$v" ] || continue
  rm -rf "$home/unpacked"
  fetch "$home/unpacked" "docker-registry=$v" || continue
  "$home/unpacked/usr/bin/docker-registry" --version >&2 || { say "docker-registry $v ($s) does not run here"; continue; }
  mv "$home/unpacked/usr/bin/docker-registry" "$dest"   # whole or not at all
  rm -rf "$home/unpacked" "$home/apt" "$home/download.log"
  exit 0
done
die "no Debian suite could be asked, or none has a usable docker-registry"
