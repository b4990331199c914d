# shellcheck shell=bash
# Sourced by the other scripts: changes to the repository's root, finds cargo, defines functions.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# rustup puts cargo here; a fresh shell may not have it on its PATH yet.
if ! command -v cargo >/dev/null && [ -x "${HOME:-}/.cargo/bin/cargo" ]; then
  PATH=$HOME/.cargo/bin:$PATH
fi

# The commit that `hrinet --version -v` names; empty outside of a repository.
HRINET_BUILD_COMMIT=$(git describe --always --dirty --exclude '*' --abbrev=12 2>/dev/null || true)
export HRINET_BUILD_COMMIT

say() {
  if [ -t 1 ]; then printf '\033[1m== %s\033[0m\n' "$*"; else printf '== %s\n' "$*"; fi
}
fail() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }

# install WHAT PACKAGE...: installs Debian or Ubuntu packages, by apt-get as root or through sudo.
install() {
  local what=$1 as_root=()
  shift
  local by_hand="$what is missing; install it and try again"
  by_hand+=" (Debian, Ubuntu: sudo apt-get install $*)"
  command -v apt-get >/dev/null || fail "$by_hand"
  if [ "$(id -u)" != 0 ]; then
    # Ask for a password only at a terminal.
    if sudo -n true 2>/dev/null || { [ -t 0 ] && command -v sudo >/dev/null; }; then
      as_root=(sudo)
    else
      fail "$by_hand"
    fi
  fi
  say "$what is missing: apt-get install $*"
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "$@" >/dev/null || fail "$by_hand"
}

# find_hrinet: sets `hrinet` to the program of HRINET, or the one that scripts/setup builds.
find_hrinet() {
  hrinet=${HRINET:-target/release/hrinet}
  [ -x "$hrinet" ] || fail "$hrinet is missing; run scripts/setup first"
}

# resume FOLDER: prints --resume where a training has left its checkpoint in the folder.
resume() { if [ -e "$1/checkpoint.safetensors" ]; then echo --resume; fi; }

# make_venv FOLDER: creates a virtual environment with pip only, replacing FOLDER.
make_venv() {
  rm -rf "$1"
  python3 -c 'import ensurepip' 2>/dev/null || install "venv for Python 3" python3-venv
  python3 -m venv "$1"
}

# find_pip: sets `pip` to a pip that accepts several --platform (21 or newer): that of .venv/, of
# the system, or of a new .venv/.
find_pip() {
  local python version
  for python in .venv/bin/python python3; do
    version=$("$python" -m pip --version 2>/dev/null | cut -d ' ' -f 2 | cut -d . -f 1 || true)
    pip=("$python" -m pip)
    if [ "${version:-0}" -ge 21 ]; then return; fi
  done
  make_venv .venv
  pip=(.venv/bin/python -m pip)
}
