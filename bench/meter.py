#!/usr/bin/env python3
# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run a command and say what it took of this machine: `meter.py SECONDS LOG COMMAND...`.

Prints {status, wall, cpu, largest} as JSON: wall seconds until the command has ended; CPU seconds of it and of all that
it has started, those included that went on in the background (such as ssh's shared connections), which are ended here;
and the MiB that the largest of these processes has had.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
GRACE = 5  # seconds to end in


def measure(seconds: float, log: Path, command: list[str]) -> dict[str, float]:
    """Run a command in this process, which must have no other children.

    :param seconds: after which it is killed; the status is then that of the signal.
    """
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "orphans cannot be taken over")
    with log.open("wb") as sink:
        started = time.monotonic()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
        status = process.wait()
        wall = time.monotonic() - started
    end_orphans()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {"status": status, "wall": wall, "cpu": used.ru_utime + used.ru_stime, "largest": used.ru_maxrss / 1024}


def end_orphans() -> None:
    """End what the command has left; only what was waited for counts."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + GRACE
        while children := _children():
            if time.monotonic() > deadline:
                break
            for child in children:
                os.kill(child, number)
            while _reap():
                pass
            time.sleep(0.05)


def _children() -> list[int]:
    threads = Path("/proc/self/task").iterdir()
    return [int(pid) for thread in threads for pid in (thread / "children").read_text().split()]


def _reap() -> bool:
    try:
        return os.waitpid(-1, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return False


def end(number: int, _frame: object) -> None:
    """Leave, and not before all that was started has ended: also what is only just being started."""
    end_orphans()
    os._exit(128 + number)


if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    print(json.dumps(measure(float(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])))
