#!/usr/bin/env bash
# Gradescope runs this once, when it builds the container: a Python that fits, and the toolkit in it.
set -euo pipefail
root=${AUTOGRADER_ROOT:-/autograder}
cd "$root/source"

fits() { command -v "$1" > /dev/null && "$1" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2> /dev/null; }
find_python() {
    for python in python3 python3.13 python3.12 python3.11; do
        if fits "$python"; then return; fi
    done
    return 1
}
if ! find_python; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update
    apt-get install -y python3.12 python3.12-venv || apt-get install -y python3.11 python3.11-venv
    find_python
fi

"$python" -m venv "$root/venv"
"$root/venv/bin/pip" install --no-cache-dir -r requirements.txt
chmod -R go= "$root/source"
