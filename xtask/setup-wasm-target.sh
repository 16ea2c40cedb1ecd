#!/usr/bin/env bash
# Make `cargo build --target wasm32-wasip2` work on this machine.
#
#   1. the target already links a program            -> nothing to do
#   2. `rustup target add` works (normal networks)   -> done
#   3. Debian only: build std from the distribution's own Rust source
#      3a. a rust-src whose version equals our rustc -> std is added to our toolchain
#      3b. none does                                 -> a private matched pair
#          (rustc-web + rust-web-src, unpacked, never installed)
#
# The machine's apt sources, package set and PATH are left as they were: apt
# runs with its own lists and cache below $FW_WASM_HOME, with the mirrors that
# the machine's apt already uses. Running it again is cheap and safe.
#
# Writes $FW_WASM_HOME/env; callers do:
#   . "$FW_WASM_HOME/env"; RUSTC=$FW_WASM_RUSTC cargo build --target "$FW_WASM_TARGET"
#
# Settings (environment):
#   FW_WASM_HOME    work folder           (default: ~/.cache/forewarm/wasm)
#   FW_WASM_TARGET  target triple         (default: wasm32-wasip2)
#   FW_SYSROOT      toolchain to extend   (default: rustc --print sysroot)
#   FW_WASM_MODE    auto|rustup|src|pair  (default: auto; force one way, for tests)
#   FW_SRC_SUITES / FW_LIBC_SUITES        Debian suites to look in, in order
set -euo pipefail

target=${FW_WASM_TARGET:-wasm32-wasip2}
home=${FW_WASM_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/forewarm/wasm}
mode=${FW_WASM_MODE:-auto}
sysroot=${FW_SYSROOT:-$(rustc --print sysroot)}
host=$("$sysroot/bin/rustc" -vV | sed -n 's/^host: //p')
mkdir -p "$home"

say() { printf 'setup-wasm-target: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# One setup at a time: CI jobs and developers share the cache folder.
exec 9>"$home/lock"
if command -v flock >/dev/null; then flock 9; fi

# Links and keeps nothing: presence of rlibs is no proof that this rustc can read them.
probe() { # probe RUSTC
  local d rc=0; d=$(mktemp -d)
  printf 'fn main() { println!("{}", std::env::args().count()) }\n' >"$d/p.rs"
  "$1" --edition 2021 --target "$target" -C opt-level=1 -C lto=fat -C embed-bitcode=yes \
    -o "$d/p.wasm" "$d/p.rs" >"$home/probe.log" 2>&1 || rc=1
  [ -s "$d/p.wasm" ] || rc=1
  rm -rf "$d"; return $rc
}

finish() { # finish RUSTC HOW
  printf 'export FW_WASM_TARGET=%q\nexport FW_WASM_RUSTC=%q\nexport FW_WASM_HOW=%q\n' \
    "$target" "$1" "$2" >"$home/env.new"
  mv "$home/env.new" "$home/env"
  say "ready ($2): $("$1" -V), target $target"
  exit 0
}

# ---- Debian ------------------------------------------------------------------
. "$(dirname "${BASH_SOURCE[0]}")/debian-packages.sh"

get_libc() { # sets $libc: a folder with crt1-*.o and libc.a for the target
  local s v
  for s in ${FW_LIBC_SUITES:-trixie-backports $codename-backports trixie forky}; do
    apt_suite "$s" || continue
    v=$(find_version wasi-libc ''); [ -n "$v" ] || continue
    libc=$home/wasi-libc-$v/usr/lib/$target
    [ -s "$libc/libc.a" ] || fetch "$home/wasi-libc-$v" "wasi-libc=$v" || continue
    if [ -s "$libc/libc.a" ]; then say "wasi-libc $v ($s)"; return 0; fi
  done
  die "no Debian suite with a wasi-libc that has $target"
}

# ---- build std and put it where rustc looks ---------------------------------
build_std() { # build_std RUSTC SYSROOT SRC
  local rustc=$1 root=$2 src=$3 w=$home/build-std dst srclink made_link=
  dst=$root/lib/rustlib/$target
  srclink=$root/lib/rustlib/src/rust
  rm -rf "$w"; mkdir -p "$w/src" "$(dirname "$srclink")"
  cat >"$w/Cargo.toml" <<TOML
[package]
name = "fw-build-std"
version = "0.0.0"
edition = "2021"
[lib]
path = "src/lib.rs"
[profile.release]
opt-level = 3
panic = "abort"
[workspace]
TOML
  echo '' >"$w/src/lib.rs"
  # cargo reads std's source from below the sysroot: lend it ours while it builds
  if [ ! -e "$srclink/library/Cargo.lock" ]; then
    rm -f "$srclink"; ln -s "$src" "$srclink"; made_link=1
  fi
  say "building std for $target with $("$rustc" -V) (about two minutes of CPU)"
  local rc=0
  # Bitcode is embedded, as in the released std, so that guests may use lto = true.
  (cd "$w" && env -u CARGO_ENCODED_RUSTFLAGS -u CARGO_BUILD_TARGET -u CARGO_TARGET_DIR \
     RUSTC="$rustc" RUSTC_BOOTSTRAP=1 RUSTFLAGS='-C embed-bitcode=yes' \
     "$sysroot/bin/cargo" build -q --release --target "$target" --target-dir "$w/target" \
       -Zbuild-std=std,panic_abort,proc_macro,test) >"$home/build-std.log" 2>&1 || rc=1
  [ -z "$made_link" ] || rm -f "$srclink"
  [ $rc = 0 ] || { tail -n 30 "$home/build-std.log" >&2; return 1; }
  rm -rf "$dst.new"; mkdir -p "$dst.new/lib/self-contained"
  find "$w/target/$target/release" -name 'lib*.rlib' ! -name 'libfw_build_std*' \
    -exec cp {} "$dst.new/lib/" \;
  cp "$libc"/crt1*.o "$libc/libc.a" "$dst.new/lib/self-contained/"
  "$rustc" -vV >"$dst.new/.forewarm"
  rm -rf "$dst"; mv "$dst.new" "$dst"   # whole or not at all
  rm -rf "$w"
}

# ---- 1: is it there? --------------------------------------------------------
pair=$home/pair
if [ "$mode" = auto ]; then
  if probe "$sysroot/bin/rustc"; then finish "$sysroot/bin/rustc" present; fi
  if [ -x "$pair/rustc" ] && [ "$(cat "$pair/for" 2>/dev/null)" = "$sysroot" ] && probe "$pair/rustc"; then
    finish "$pair/rustc" pair
  fi
fi
# Ours, but left by another rustc (the toolchain was updated under it): out of the way.
mark=$sysroot/lib/rustlib/$target/.forewarm
if [ -e "$mark" ] && ! "$sysroot/bin/rustc" -vV | cmp -s - "$mark"; then
  say "removing a std built for another rustc"; rm -rf "$sysroot/lib/rustlib/$target"
fi

# ---- 2: rustup --------------------------------------------------------------
if [ "$mode" = auto ] || [ "$mode" = rustup ]; then
  name=$(basename "$sysroot")
  if command -v rustup >/dev/null && [ "$sysroot" -ef "${RUSTUP_HOME:-$HOME/.rustup}/toolchains/$name" ]; then
    if timeout 180 rustup target add --toolchain "$name" "$target" >"$home/rustup.log" 2>&1 &&
       probe "$sysroot/bin/rustc"; then finish "$sysroot/bin/rustc" rustup; fi
    say "rustup could not add $target: $(grep -m1 -i error "$home/rustup.log" || tail -n1 "$home/rustup.log")"
  fi
  [ "$mode" != rustup ] || exit 1
fi

# ---- 3: Debian --------------------------------------------------------------
apt_init "run: rustup target add $target"
get_libc

if [ "$mode" = auto ] || [ "$mode" = src ]; then
  ver=$("$sysroot/bin/rustc" -V | awk '{print $2}')
  for s in ${FW_SRC_SUITES:-$codename-security $codename trixie-backports trixie forky sid}; do
    apt_suite "$s" || { say "no lists for $s"; continue; }
    for p in rust-src rust-web-src; do
      v=$(find_version $p "$ver"); [ -n "$v" ] || continue
      say "$p $v ($s) matches rustc $ver"
      src=$home/$p-$v/usr/src/rustc-$ver
      [ -s "$src/library/Cargo.lock" ] || fetch "$home/$p-$v" "$p=$v" || continue
      if build_std "$sysroot/bin/rustc" "$sysroot" "$src" && probe "$sysroot/bin/rustc"; then
        rm -rf "${home:?}/$p-$v"; finish "$sysroot/bin/rustc" src
      fi
      say "$p $v did not give a working std"; cat "$home/probe.log" >&2
    done
  done
  say "no Debian suite has the source of rustc $ver"
  [ "$mode" != src ] || exit 1
fi

# 3b: Debian's own compiler and its source, always published together. Only the
# compiler is theirs: cargo, the linker and wasm-component-ld stay ours.
for s in $codename-security $codename trixie; do
  apt_suite "$s" || continue
  v=$(find_version rustc-web ''); [ -n "$v" ] || continue
  up=${v%%[+~-]*}
  rm -rf "$pair"; mkdir -p "$pair"
  std=libstd-rust-web-$(cut -d. -f1,2 <<<"$up")
  fetch "$pair" "rustc-web=$v" "rust-web-src=$v" "libstd-rust-web-dev=$v" "$std=$v" || continue
  llvm=$(APT_CONFIG=$aptconf apt-cache show "$std=$v" | grep -oE 'libllvm[0-9]+' | sed -n 1p || true)
  [ -z "$llvm" ] || fetch "$pair" "$llvm" || continue
  bin=$pair/usr/lib/rustlib/$host/bin; mkdir -p "$bin"
  for t in wasm-component-ld rust-lld; do
    [ -x "$sysroot/lib/rustlib/$host/bin/$t" ] || die "$sysroot has no $t: cargo install wasm-component-ld, and Debian's lld"
    ln -sf "$sysroot/lib/rustlib/$host/bin/$t" "$bin/$t"
  done
  ln -sf "$sysroot/lib/rustlib/$host/bin/rust-lld" "$bin/wasm-ld"
  printf '#!/bin/sh\nLD_LIBRARY_PATH=%q${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} exec %q "$@"\n' \
    "$pair/usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || gcc -print-multiarch):$pair/usr/lib" "$pair/usr/bin/rustc" >"$pair/rustc"
  chmod +x "$pair/rustc"; echo "$sysroot" >"$pair/for"
  if build_std "$pair/rustc" "$pair/usr" "$pair/usr/src/rustc-$up" && probe "$pair/rustc"; then
    rm -rf "${pair:?}/usr/src" "${pair:?}/usr/share"; finish "$pair/rustc" pair
  fi
  cat "$home/probe.log" >&2
done
die "no way to get $target worked; see the logs in $home"
