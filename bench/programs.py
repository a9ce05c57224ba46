# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which programs took a host's CPU during a turn, by the kernel's own accounting of processes.

The kernel writes a record of each process as it ends, with its CPU time rounded down to hundredths of a second; what
many short processes lose by that is the difference to what /proc/stat counts.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterable
from typing import NamedTuple

_FILE = "/root/acct"
_CALL = "python3 -c 'import ctypes, sys; sys.exit(ctypes.CDLL(None).acct({}))'"
START = f": > {_FILE} && " + _CALL.format(f'b"{_FILE}"')
TAKE = f"{_CALL.format(None)} && base64 {_FILE}"

# struct acct_v3 of linux/acct.h, of which is read: version, pid, ppid, user and system time, name.
_RECORD = struct.Struct("<xB14xIIxxxxxxxxHH12x16s")
_VERSION = 3
_TICKS = 100  # of a second in its times
# A process belongs to the nearest of these that it is, or descends from.
STEPS = {"apt-get": "packages", "make": "make", "depmod": "depmod", "python3": "Python", "dkms": "DKMS's own scripts"}
REST = "ssh, sudo, shell and the system"
NAMES = (*STEPS.values(), REST)


class Process(NamedTuple):
    """A process that has ended; `cpu` in seconds, without its children's."""

    pid: int
    ppid: int
    name: str
    cpu: float


class Step(NamedTuple):
    """How many processes a step had, and their CPU seconds."""

    processes: int
    cpu: float


def parse(text: str) -> list[Process]:
    """Return the records that TAKE printed.

    :raises ValueError: when they are none.
    """
    data = base64.b64decode(text)
    if len(data) % _RECORD.size:
        raise ValueError(f"the kernel's accounting is cut off after {len(data)} bytes")
    found = []
    for version, pid, ppid, user, system, name in _RECORD.iter_unpack(data):
        if version != _VERSION:
            raise ValueError(f"the kernel's accounting is of version {version}, not {_VERSION}")
        cpu = (_ticks(user) + _ticks(system)) / _TICKS
        found.append(Process(pid, ppid, name.partition(b"\0")[0].decode("utf-8", "replace"), cpu))
    return found


def _ticks(packed: int) -> int:
    """Return a time as acct.h packs it: 13 bits, and 3 bits of an exponent to the base 8."""
    return (packed & 0x1FFF) << 3 * (packed >> 13)


def steps(processes: list[Process]) -> dict[str, Step]:
    """Return step -> what a host's processes took."""
    by_pid = {one.pid: one for one in processes}
    return total({_step(one, by_pid): Step(1, one.cpu)} for one in processes)


def total(hosts: Iterable[dict[str, Step]]) -> dict[str, Step]:
    """Return step -> the sum of what several took."""
    found: dict[str, Step] = {}
    for name, one in (pair for host in hosts for pair in host.items()):
        before = found.get(name, Step(0, 0.0))
        found[name] = Step(before.processes + one.processes, round(before.cpu + one.cpu, 2))
    return found


def _step(process: Process, by_pid: dict[int, Process]) -> str:
    seen: set[int] = set()
    one: Process | None = process
    while one and one.pid not in seen:
        if one.name in STEPS:
            return STEPS[one.name]
        seen.add(one.pid)
        one = by_pid.get(one.ppid)
    return REST
