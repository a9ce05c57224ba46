#!/bin/bash
# Make the virtual environment that runs Ansible and the checks. $1: its folder.
set -euo pipefail
cd "$(dirname "$0")/.."
as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo)
# Debian keeps the module that makes environments in a package of its own.
if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    "${as_root[@]}" apt-get update -q
    "${as_root[@]}" apt-get install -q -y --no-install-recommends python3-venv
fi
python3 -m venv "$1"
"$1/bin/pip" install --quiet --disable-pip-version-check -r requirements-dev.txt
