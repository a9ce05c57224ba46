# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The kernel's accounting of processes, read and summed up."""

from __future__ import annotations

import base64
import struct

import pytest
from ansible_collections.procfleet.procfs.bench.programs import REST, Process, Step, parse, steps, total


def record(pid, ppid, name, user=0, system=0, version=3):
    """Return a record of linux/acct.h, its fields one by one."""
    ids = (0, version, 0, 0, 0, 0, pid, ppid, 1795541000, 12.0)
    return struct.pack("<BBHIIIIIIf8H16s", *ids, user, system, *[9] * 6, name)


def test_parse():
    # 0x3001 has the exponent 1 and the fraction 0x1001: times 8.
    data = record(7, 1, b"apt-get", 150, 50) + record(8, 7, b"a-name-that-is-c", 0x3001, 0)
    assert parse(base64.encodebytes(data).decode()) == [
        Process(7, 1, "apt-get", 2.0),
        Process(8, 7, "a-name-that-is-c", 0x1001 * 8 / 100),
    ]
    assert parse("") == []


def test_another_kernels_records_are_refused():
    with pytest.raises(ValueError, match="version 2"):
        parse(base64.b64encode(record(7, 1, b"x", version=2)).decode())
    with pytest.raises(ValueError, match="cut off after 63 bytes"):
        parse(base64.b64encode(record(7, 1, b"x")[:-1]).decode())


def test_a_process_belongs_to_the_nearest_step():
    processes = [
        Process(1, 0, "systemd", 0.5),
        Process(10, 1, "python3", 2.0),
        Process(20, 10, "apt-get", 3.0),
        Process(21, 20, "dpkg", 4.0),
        Process(22, 21, "sh", 1.0),
        Process(30, 10, "make", 0.1),
        Process(31, 30, "cc1", 5.0),
        Process(40, 99, "sshd", 0.25),
    ]
    assert steps(processes) == {
        REST: Step(2, 0.75),
        "Python": Step(1, 2.0),
        "packages": Step(3, 8.0),
        "make": Step(2, 5.1),
    }
    # A number may have been given twice, which may look like a circle.
    assert steps([Process(5, 1, "depmod", 1.0), Process(5, 1, "depmod", 2.0)]) == {"depmod": Step(2, 3.0)}
    assert steps([Process(5, 6, "sh", 1.0), Process(6, 5, "sh", 1.0)]) == {REST: Step(2, 2.0)}


def test_hosts_are_summed_up():
    assert total([{"make": Step(1, 0.1)}, {"make": Step(2, 0.2), "depmod": Step(1, 5.0)}]) == {
        "make": Step(3, 0.3),
        "depmod": Step(1, 5.0),
    }
