#!/bin/bash
# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# ssh, for a test that counts: what each call is given is kept as a file in the folder SENT.
set -eu
kept=$(mktemp "$SENT/XXXXXXXX")
exec ssh "$@" < <(exec tee "$kept" 2>/dev/null)
