#!/bin/sh
# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# Runs on the host, as root. $1: the folder with the sources and dkms.conf; $2: simpledriver's size.
set -eu
new=$1 size=$2
modules="proc_demo simpledriver procDriver"
kept=/usr/src/procmods-1.0
options=/etc/modprobe.d/procmods.conf
changed=
rm "$new/host.sh"

if ! command -v dkms >/dev/null; then
    apt-get -q update
    DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install dkms "linux-headers-$(uname -r)"
fi
if ! diff -r "$new" "$kept" >/dev/null 2>&1; then
    if [ -e "$kept" ]; then
        dkms remove procmods/1.0 --all
        rm -r "$kept"
    fi
    cp -r "$new" "$kept"
    changed=yes
fi
# Does nothing where this version is installed for the running kernel.
dkms status procmods/1.0 -k "$(uname -r)" | grep -q ': installed' || dkms install procmods/1.0
if [ "$(cat $options 2>/dev/null)" != "options simpledriver size=$size mode=0600" ]; then
    echo "options simpledriver size=$size mode=0600" >$options
    changed=yes
fi
# $modules is meant to be split.
# shellcheck disable=SC2086
printf '%s\n' $modules >/etc/modules-load.d/procmods.conf
# shellcheck disable=SC2086
[ -z "$changed" ] || modprobe -r $modules
# shellcheck disable=SC2086
modprobe -a $modules
cat /proc/myinfo /proc/1999_proc/mydrive /proc/simpledriver_dir/simpledriver_file
