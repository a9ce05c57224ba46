#!/bin/sh
# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# The bare work, one ssh connection to each host, all hosts at once: nothing is asserted, and nothing is for the next boot.
# run.sh SSH_CONFIG SOURCES SIZE HOST...
set -eu
config=$1 sources=$2 size=$3
shift 3
here=$(dirname "$0")
running=
for host in "$@"; do
    tar -C "$sources" -c . -C "$here" ./host.sh | ssh -F "$config" "$host" \
        "set -e; rm -rf new; mkdir new; tar -x -C new; sudo sh new/host.sh new $size" &
    running="$running $!"
done
for one in $running; do
    wait "$one"
done
