# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who keeps a module from leaving: modules that use it, and tasks that are inside it."""

from __future__ import annotations

import glob
import time
from typing import NamedTuple

from ansible_collections.procfleet.procfs.plugins.module_utils._files import read_text

_KERNEL_THREAD = 0x00200000  # PF_KTHREAD in include/linux/sched.h


class Task(NamedTuple):
    """A task that the kernel shows inside a module."""

    pid: int
    command: str
    function: str


def frame_in(stack: str, name: str) -> str | None:
    """Return the innermost function of this module in a /proc/<pid>/stack; None if there is none."""
    for line in stack.splitlines():
        if line.endswith("[%s]" % name):
            return line.partition("] ")[2].partition("+")[0]
    return None


def tasks_inside(name: str) -> list[Task]:
    """Return the processes whose kernel stack goes through the module, by /proc/<pid>/task/<tid>/stack.

    A thread of the kernel's is none of them: the module has started it, and stops it as it leaves.
    """
    found = {}
    for path in glob.glob("/proc/[0-9]*/task/[0-9]*/stack"):
        function = frame_in(read_text(path, 65536) or "", name)
        if function and not is_kernel_thread(read_text(path.replace("/stack", "/stat"), 4096) or ""):
            pid = int(path.split("/")[2])
            command = (read_text("/proc/%d/comm" % pid, 64) or "?").strip()
            found[pid] = Task(pid, command, function)
    return [found[pid] for pid in sorted(found)]


def is_kernel_thread(status: str) -> bool:
    """Whether /proc/<pid>/stat is of a thread of the kernel's; the name in it may hold anything, brackets as well."""
    fields = status.rpartition(")")[2].split()
    return len(fields) > 6 and bool(int(fields[6]) & _KERNEL_THREAD)


def wait_for_tasks(name: str, timeout: float) -> list[Task]:
    """Wait until no task is inside the module; return those that still are after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        tasks = tasks_inside(name)
        if not tasks or time.monotonic() >= deadline:
            return tasks
        time.sleep(0.25)


def name_tasks(tasks: list[Task]) -> str:
    """Return `cat (process 812, in hostile_read)` and so on, for a message."""
    return ", ".join("%s (process %d, in %s)" % (task.command, task.pid, task.function) for task in tasks)
