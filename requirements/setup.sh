#!/bin/sh
# Finds a Python that can make .venv, then hands over to install.py. Usage: sh requirements/setup.sh run|dev
set -eu
cd "$(dirname "$0")/.."

usable='import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))'
recent='import sys; sys.exit(sys.version_info < (3, 11))'
found=''     # where we saw one that is too old
incomplete=''  # where we saw one that has no venv

consider() {
    [ -x "$1" ] || return 1
    if "$1" -c "$usable" 2>/dev/null; then return 0; fi
    if "$1" -c "$recent" 2>/dev/null; then
        incomplete=$1
    else
        found="$found $("$1" -c 'import sys; print("%s (%d.%d)" % ((sys.executable,) + sys.version_info[:2]))' 2>/dev/null || true)"
    fi
    return 1
}

search() {
    for name in python3.14 python3.13 python3.12 python3.11 python3 python; do
        old_ifs=$IFS; IFS=:
        for folder in $PATH; do
            IFS=$old_ifs
            if consider "$folder/$name"; then python=$folder/$name; return 0; fi
        done
        IFS=$old_ifs
    done
    return 1
}

if [ -n "${PYTHON:-}" ]; then
    python=$(command -v "$PYTHON" || true)
    if ! consider "${python:-$PYTHON}"; then
        echo "PYTHON=$PYTHON is no Python 3.11 or newer with its venv module." >&2
        exit 1
    fi
elif [ -x .venv/bin/python ] && .venv/bin/python -c "$usable" 2>/dev/null; then
    python=.venv/bin/python
elif ! search; then
    if [ -n "$incomplete" ]; then
        echo "$incomplete has no venv module. On Debian and Ubuntu: apt install python3-venv" >&2
    else
        echo "Wayside needs Python 3.11 or newer${found:+; found only$found}." >&2
        echo "Install one, or name it: make PYTHON=/path/to/python3 …" >&2
    fi
    exit 1
fi

exec "$python" requirements/install.py "$@"
