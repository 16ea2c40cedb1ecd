#!/usr/bin/env bash
# setup-debian-program.sh DEST PACKAGE [OLDEST]: put the one program of a Debian package, of the same name, at DEST;
# nothing is installed.
#
# The program needs the C library at most, so it may come from a newer suite than the machine's own. Suites are asked in
# this order (FW_DEBIAN_SUITES overrides it); the first whose version is OLDEST or newer, and whose program runs here, is
# taken.
set -euo pipefail

dest=$1
package=$2
oldest=${3:-0}
home=$(dirname "$dest")
mkdir -p "$home"

say() { printf 'setup-debian-program: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# One fetch at a time: CI jobs and developers share the cache folder.
exec 9>"$home/lock"
if command -v flock >/dev/null; then flock 9; fi
[ ! -x "$dest" ] || exit 0   # somebody else fetched it while we waited

. "$(dirname "${BASH_SOURCE[0]}")/debian-packages.sh"
apt_init "put $package on PATH"

for s in ${FW_DEBIAN_SUITES:-$codename $codename-backports trixie forky sid}; do
  apt_suite "$s" || continue
  v=$(find_version "$package" ''); [ -n "$v" ] || continue
  if dpkg --compare-versions "$v" lt "$oldest"; then say "$package $v ($s) is too old"; continue; fi
  rm -rf "$home/unpacked"
  fetch "$home/unpacked" "$package=$v" || continue
  for p in "$home/unpacked/usr/bin/$package" "$home/unpacked/usr/sbin/$package"; do
    [ -x "$p" ] && "$p" --version >&2 || continue
    mv "$p" "$dest"   # whole or not at all
    rm -rf "$home/unpacked" "$home/apt" "$home/download.log"
    exit 0
  done
  say "$package $v ($s) does not run here"
done
die "no Debian suite could be asked, or none has a usable $package"
