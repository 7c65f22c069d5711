# Sourced by run and test: finds a fit Python, makes .venv, installs the locked dependencies and,
# where they are missing, Qt's system libraries. Sets $python. Wants $root and $lock set.

say() { printf '%s\n' "$*" >&2; }
die() { say "$@"; exit 1; }

# Runs a command as root, or says what to type and stops.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1 && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
        say "This needs root: sudo $*"
        sudo "$@"
    else
        say "System packages are missing and need root. Type this line, then start again:"
        die "    sudo $*"
    fi
}

apt_install() {
    export DEBIAN_FRONTEND=noninteractive
    if [ "$(id -u)" = 0 ] || { command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; }; then
        as_root apt-get update -qq || say "apt-get update failed: trying with the lists that are here."
    fi
    as_root apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

fit_python() {
    "$1" -c 'import sys; raise SystemExit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null
}

find_python() {
    for candidate in ${XOLITE_PYTHON:-} python3 python3.13 python3.12 python3.11 python \
        /usr/bin/python3; do
        if command -v "$candidate" >/dev/null 2>&1 && fit_python "$candidate"; then
            base=$("$candidate" -c 'import sys; print(sys.executable)')
            return
        fi
    done
    say "No Python 3.11, 3.12 or 3.13 was found (PySide6 and qasync are not ready for others)."
    die "Install one, for instance: sudo apt-get install python3.11 python3.11-venv"
}

make_venv() {
    find_python
    say "Making .venv with $("$base" --version) …"
    rm -rf "$root/.venv"
    if command -v uv >/dev/null 2>&1 &&
        uv venv --quiet --no-project --python "$base" "$root/.venv"; then
        return
    fi
    if ! "$base" -c 'import ensurepip, venv' 2>/dev/null; then
        command -v apt-get >/dev/null 2>&1 ||
            die "This Python has no venv module: install it (python3-venv or its like), then start again."
        apt_install "$("$base" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
    fi
    "$base" -m venv "$root/.venv"
}

install_locked() {
    say "Installing the locked dependencies …"
    if command -v uv >/dev/null 2>&1; then
        uv=uv
    elif "$python" -m pip install --quiet --disable-pip-version-check uv 2>/dev/null; then
        uv="$root/.venv/bin/uv"
    else
        uv=
    fi
    if [ -n "$uv" ] &&
        "$uv" pip install --quiet --python "$python" --require-hashes -r "$root/packaging/$lock"; then
        return
    fi
    # A .venv made by uv has no pip.
    "$python" -m pip --version >/dev/null 2>&1 || "$python" -m ensurepip --upgrade >/dev/null
    "$python" -m pip install --quiet --disable-pip-version-check --require-hashes \
        -r "$root/packaging/$lock"
}

# The libraries that Qt's wheels leave to the system. Debian 12 names; 13 and Ubuntu provide them
# under these names too.
qt_packages='libglib2.0-0 libegl1 libgl1 libxkbcommon0 libdbus-1-3 libfontconfig1 libxcb-cursor0
libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-render-util0 libxcb-shape0 libxcb-xkb1
libxkbcommon-x11-0 libwayland-cursor0 libwayland-egl1'

qt_loads() {
    "$python" - <<'PY' 2>/dev/null
import ctypes, pathlib, sys
import PySide6
from PySide6 import QtWidgets, QtSvg, QtNetwork
if sys.platform == "linux":
    for name in ("libqoffscreen.so", "libqxcb.so"):
        ctypes.CDLL(str(pathlib.Path(PySide6.__file__).parent / "Qt/plugins/platforms" / name))
PY
}

need_qt() {
    [ "$(uname -s)" = Linux ] || return 0
    qt_loads && return
    if command -v apt-get >/dev/null 2>&1; then
        say "Installing Qt's system libraries …"
        # shellcheck disable=SC2086  # a list of words
        apt_install $qt_packages
    else
        say "Qt's system libraries are missing. On Fedora, type this line, then start again:"
        die "    sudo dnf install mesa-libEGL mesa-libGL libxkbcommon-x11 xcb-util-cursor" \
            "xcb-util-image xcb-util-keysyms xcb-util-renderutil xcb-util-wm fontconfig"
    fi
    qt_loads || die "Qt still does not load: $("$python" -c 'from PySide6 import QtWidgets' 2>&1 | tail -n 1)"
}

# Does nothing the second time: the stamp holds what was installed, and into which Python.
set_up() {
    python="$root/.venv/bin/python"
    stamp="$root/.venv/installed-$lock"
    want="$root $(cksum <"$root/packaging/$lock")"
    if [ -x "$python" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$want" ] && fit_python "$python"; then
        return
    fi
    { [ -x "$python" ] && fit_python "$python" &&
        [ "$(cut -d' ' -f1 "$root/.venv/made-for" 2>/dev/null)" = "$root" ]; } || make_venv
    printf '%s\n' "$root" >"$root/.venv/made-for"
    install_locked
    need_qt
    printf '%s\n' "$want" >"$stamp"
}
