# Debian packages, unpacked and never installed. To be sourced by the set-up scripts, which define $home (the work
# folder), say and die. The machine's apt sources, lists and package set are left as they were: apt runs with its own
# state below $home, with the mirrors that the machine's apt already uses.

arch=$(dpkg --print-architecture 2>/dev/null || echo none)

apt_init() { # apt_init HINT: sets $main_uri, $sec_uri and $codename, or dies with what else to do
  [ "$arch" != none ] || die "not a Debian machine; $1"
  keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  [ -r $keyring ] || die "no Debian archive keyring at $keyring; $1"
  codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
  # The mirrors this machine already uses, by the label that each archive signs.
  local t
  t=$(apt-get indextargets --format '$(REPO_URI) $(LABEL) $(CREATED_BY)' 2>/dev/null || true)
  main_uri=$(awk '$2=="Debian" && $3=="Packages"{print $1; exit}' <<<"$t")
  sec_uri=$(awk '$2=="Debian-Security" && $3=="Packages"{print $1; exit}' <<<"$t")
  # Before the first `apt-get update` no label is known: take the URIs as configured.
  if [ -z "$main_uri" ]; then
    t=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null || true)
    main_uri=$(grep -E '/debian/?$' <<<"$t" | head -1 || true)
    sec_uri=$(grep -E 'debian-security/?$' <<<"$t" | head -1 || true)
  fi
  [ -n "$main_uri" ] || die "this machine's apt names no Debian mirror; $1"
}

apt_suite() { # apt_suite SUITE: private lists for that one suite; sets $aptconf
  local suite=$1 uri=$main_uri dir=$home/apt/$1
  case $suite in *-security) uri=$sec_uri ;; esac
  [ -n "$uri" ] || return 1
  aptconf=$dir/apt.conf
  mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
  echo "deb [arch=$arch signed-by=$keyring] $uri $suite main" >"$dir/sources.list"
  cat >"$aptconf" <<CONF
Dir::State::lists "$dir/lists";
Dir::Cache "$dir/cache";
Dir::Etc::sourcelist "$dir/sources.list";
Dir::Etc::sourceparts "-";
Dir::Etc::preferences "-";
Dir::Etc::preferencesparts "-";
Acquire::Languages "none";
Acquire::Retries "2";
APT::Sandbox::User "root";
CONF
  if [ ! -e "$dir/fresh" ] || [ -n "$(find "$dir/fresh" -mmin +720)" ]; then
    # Left alone, apt calls it a success when no mirror answers: then nothing would be asked again for hours.
    APT_CONFIG=$aptconf apt-get -qq -o APT::Update::Error-Mode=any update >"$dir/update.log" 2>&1 &&
      compgen -G "$dir/lists/*Packages*" >/dev/null || { rm -f "$dir/fresh"; return 1; }
    touch "$dir/fresh"
  fi
}

find_version() { # find_version PACKAGE UPSTREAM ('' = newest)
  # grep reads to the end: closing the pipe early would fail under pipefail
  APT_CONFIG=$aptconf apt-cache madison "$1" 2>/dev/null | awk -F'|' '{gsub(/ /,"",$2); print $2}' |
    grep -E "^${2:+${2//./\\.}[+~-]}" | sort -rV | sed -n 1p || true
}

fetch() { # fetch DEST PACKAGE[=VERSION]...: download and unpack (never install)
  local dest=$1 d; shift
  d=$(mktemp -d "$home/dl.XXXXXX")
  (cd "$d" && APT_CONFIG=$aptconf apt-get -qq download "$@" >"$home/download.log" 2>&1) ||
    { cat "$home/download.log" >&2; rm -rf "$d"; return 1; }
  mkdir -p "$dest"
  for f in "$d"/*.deb; do dpkg-deb -x "$f" "$dest"; done
  rm -rf "$d"
}
