# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The three modules with pyinfra: `pyinfra HOSTS deploy.py --data sources=… --data size=…`."""

from __future__ import annotations

from io import StringIO

from pyinfra import host
from pyinfra.facts.server import KernelVersion
from pyinfra.operations import apt, files, server

MODULES = ("proc_demo", "simpledriver", "procDriver")
WORK = "/usr/src/procmods"
WRITABLE = "/proc/simpledriver_dir/simpledriver_file"
SHOWN = {
    "/proc/myinfo": "Hello from kernel space!\nModule: proc_demo\nStatus: Running and happy",
    "/proc/1999_proc/mydrive": "Hello",
    WRITABLE: "hi",
    "/sys/module/simpledriver/parameters/size": str(host.data.size),
    "/sys/module/simpledriver/parameters/mode": str(0o600),
}

kernel = host.get_fact(KernelVersion)
installed = f"/lib/modules/{kernel}/extra"

apt.packages(
    name="Install headers and make",
    packages=[f"linux-headers-{kernel}", "make"],
    no_recommends=True,
    update=True,
    cache_time=86400,
)
sources = files.sync(name="Copy the sources", src=host.data.sources, dest=WORK)
options = files.put(
    name="Set the parameters",
    src=StringIO(f"options simpledriver size={host.data.size} mode=0600\n"),
    dest="/etc/modprobe.d/procmods.conf",
)
files.put(
    name="Load them at boot",
    src=StringIO("\n".join(MODULES) + "\n"),
    dest="/etc/modules-load.d/procmods.conf",
)
server.shell(
    name="Build and install them",
    commands=[
        f'make -j"$(nproc)" -C /lib/modules/{kernel}/build M={WORK} modules',
        f"install -D -m 0644 -t {installed} " + " ".join(f"{WORK}/{one}/{one}.ko" for one in MODULES),
        f"depmod {kernel}",
    ],
    _if=sources.did_change,
)
server.shell(
    name="Unload what has changed",
    commands=[f"modprobe -r {' '.join(MODULES)}"],
    _if=lambda: sources.did_change() or options.did_change(),
)
server.shell(name="Load them", commands=[f"modprobe -a {' '.join(MODULES)}"])
server.shell(
    name="Assert what they show",
    commands=[
        f"echo hi > {WRITABLE}",
        *(f"[ \"$(cat {path})\" = '{text}' ]" for path, text in SHOWN.items()),
    ],
)
