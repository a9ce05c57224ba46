# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who is killed with a process."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from ansible_collections.procfleet.procfs.tests.processes import descendants, kill_family


def test_those_in_sessions_of_their_own_are_killed_as_well():
    with subprocess.Popen(["/bin/sh", "-c", "setsid sh -c 'sleep 600; true' & wait"]) as process:
        while len(descendants(process.pid)) < 2:
            time.sleep(0.01)
        family = descendants(process.pid)
        kill_family(process.pid)
        assert process.wait(30) == -9
    deadline = time.monotonic() + 30
    while any(alive(pid) for pid in family):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def alive(pid):
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and ") Z " not in stat.read_text()


def test_who_is_gone_is_no_error():
    process = subprocess.Popen(["/bin/true"])
    process.wait()
    kill_family(process.pid)
    assert descendants(process.pid) == []
    assert os.getpid() not in descendants(os.getpid())
