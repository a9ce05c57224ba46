# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Frames of recorded kernel stacks, and the words for who is inside."""

from __future__ import annotations

import pytest
from ansible_collections.procfleet.procfs.plugins.module_utils import _holders
from ansible_collections.procfleet.procfs.plugins.module_utils._holders import (
    Task,
    frame_in,
    is_kernel_thread,
    name_tasks,
)

# As 6.1 prints /proc/<pid>/stack; the module's name stands behind each of its frames.
INSIDE = """\
[<0>] msleep_interruptible+0x37/0x50
[<0>] blocking_read+0x1d/0x40 [stubborn]
[<0>] proc_reg_read+0x57/0xa0
[<0>] vfs_read+0x9c/0x320
[<0>] do_syscall_64+0x55/0xb0
[<0>] entry_SYSCALL_64_after_hwframe+0x6e/0xd8
"""


@pytest.mark.parametrize(
    ("stack", "name", "function"),
    [
        (INSIDE, "stubborn", "blocking_read"),
        (INSIDE, "born", None),
        (INSIDE, "stubborn_2", None),
        (INSIDE, "proc_reg_read", None),
        ("", "stubborn", None),
        ("[<0>] inner+0x1/0x2 [m]\n[<0>] outer+0x1/0x2 [m]\n", "m", "inner"),
    ],
)
def test_frame(stack, name, function):
    assert frame_in(stack, name) == function


@pytest.mark.parametrize(
    ("status", "thread"),
    [
        ("2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 3 0 0 20 0 1 0 24 0 0", True),
        ("90 (a) S 0 0) I 2 0 0 0 -1 69238880 0 0 0 0", True),
        ("28152 (cat) R 28107 28107 12553 0 -1 4194304 99 0 0 0 0 0", False),
        ("28152 (cat) R 28107", False),
        ("", False),
    ],
)
def test_the_kernels_own_threads(status, thread):
    assert is_kernel_thread(status) is thread


def test_names():
    tasks = [Task(812, "cat", "hostile_read"), Task(9, "sh (x)", "f")]
    assert name_tasks(tasks) == "cat (process 812, in hostile_read), sh (x) (process 9, in f)"
    assert name_tasks([]) == ""


def test_nobody_is_inside_what_is_not_there():
    assert _holders.tasks_inside("procfleet_no_such_module") == []
    assert _holders.wait_for_tasks("procfleet_no_such_module", 0) == []


def test_waiting_ends_when_the_last_has_left(monkeypatch):
    answers = [[Task(1, "a", "f")], [Task(1, "a", "f")], []]
    monkeypatch.setattr(_holders, "tasks_inside", lambda _name: answers.pop(0))
    monkeypatch.setattr(_holders.time, "sleep", lambda _seconds: None)
    assert _holders.wait_for_tasks("m", 60) == []
    assert answers == []


def test_waiting_is_bounded(monkeypatch):
    task = Task(1, "a", "f")
    monkeypatch.setattr(_holders, "tasks_inside", lambda _name: [task])
    assert _holders.wait_for_tasks("m", 0) == [task]
