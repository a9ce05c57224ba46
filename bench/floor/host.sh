#!/bin/sh
# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# Runs on the host, as root. $1: the folder with the sources; $2: simpledriver's size.
set -eu
new=$1 size=$2 kept=/root/procmods
rm "$new/host.sh"

if ! [ -e "/lib/modules/$(uname -r)/build" ]; then
    apt-get -q update
    DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install make "linux-headers-$(uname -r)"
fi
if ! diff -r "$new" $kept/sources >/dev/null 2>&1; then
    rm -rf $kept
    mkdir $kept
    cp -r "$new" $kept/sources
    cp -r "$new" $kept/build
    make -j"$(nproc)" -C "/lib/modules/$(uname -r)/build" M=$kept/build modules
    for module in proc_demo simpledriver procDriver; do
        [ ! -e /sys/module/$module ] || rmmod $module
    done
fi
if [ -e /sys/module/simpledriver ] && [ "$(cat /sys/module/simpledriver/parameters/size)" != "$size" ]; then
    rmmod simpledriver
fi
[ -e /sys/module/proc_demo ] || insmod $kept/build/proc_demo/proc_demo.ko
[ -e /sys/module/procDriver ] || insmod $kept/build/procDriver/procDriver.ko
[ -e /sys/module/simpledriver ] || insmod $kept/build/simpledriver/simpledriver.ko "size=$size" mode=0600
cat /proc/myinfo /proc/1999_proc/mydrive /proc/simpledriver_dir/simpledriver_file
