# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a host counts by itself, read before and after a turn."""

from __future__ import annotations

from typing import NamedTuple

TICKS = 100  # of a CPU's second in /proc/stat
# 10.0.3.0/24 is the network that ssh comes in by; sshd tells its sessions at the level that machines.py sets.
# An access time that is in the past moves when the file is run.
SCRIPT = r"""
head -n 1 /proc/stat
nic=$(ip -o -4 addr | awk '/ 10\.0\.3\./ { print $2 }')
cat "/sys/class/net/$nic/statistics/rx_bytes"
journalctl -q -b -u ssh.service -o cat | grep -c '^Starting session'
if [ -e "/lib/modules/$(uname -r)/build" ]; then echo 1; else echo 0; fi
stat -c %X /usr/lib/gcc/*/*/cc1 2>/dev/null || echo 0
"""
FORGET = "touch -a -c -d 1980-01-01 /usr/lib/gcc/*/*/cc1 2>/dev/null || true"
LONG_AGO = 10**9  # seconds since 1970


class Counters(NamedTuple):
    """CPU seconds, bytes, sessions, and 1 or 0: the headers are there, the compiler has run."""

    cpu: float
    received: int
    sessions: int
    headers: int
    compiled: int


def parse(text: str) -> Counters:
    """Return what the script printed.

    :raises ValueError: when it printed something else.
    """
    lines = text.split("\n")
    name, user, nice, system, _idle, _wait, irq, softirq, steal = lines[0].split()[:9]
    if name != "cpu":
        raise ValueError(f"/proc/stat begins with {name}")
    ticks = sum(map(int, (user, nice, system, irq, softirq, steal)))
    received, sessions, headers, used = map(int, lines[1:5])
    return Counters(ticks / TICKS, received, sessions, headers, int(used > LONG_AGO))


def spent(first: Counters, second: Counters, third: Counters) -> Counters:
    """Return what a turn took of one host.

    :param first: read just before the second: what lies between is the reading itself, and is taken off.
    :param second: read before the turn.
    :param third: read after it.
    """
    reading = (second.cpu - first.cpu, second.received - first.received, second.sessions - first.sessions)
    cpu, received, sessions = (
        late - early - own for late, early, own in zip(third[:3], second[:3], reading, strict=True)
    )
    return Counters(round(max(cpu, 0.0), 2), received, sessions, third.headers - second.headers, third.compiled)
