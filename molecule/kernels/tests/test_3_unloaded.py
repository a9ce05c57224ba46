# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Unloaded is gone from /proc, now and at the next boot; the files stay."""

from __future__ import annotations

import pytest

MODULES = ("proc_demo", "simpledriver", "procDriver")
PATHS = ("/proc/myinfo", "/proc/simpledriver_dir", "/proc/1999_proc", "/sys/module/simpledriver")


@pytest.fixture(scope="module")
def unloaded(played):
    """The playbook that unloads."""
    return played("playbooks/unload.yml")


def test_unloaded_is_gone(unloaded, name, host, info):
    counts = unloaded.of(name)
    assert (counts["changed"], counts["failed"]) == (1, 0), unloaded.output
    for path in PATHS:
        assert "No such file or directory" in host.run(f"ls {path}").stderr
    for one, module in info(*MODULES)["modules"].items():
        assert module["state"] == "absent"
        assert module["persist"] == {"load": False, "options": f"blacklist {one}\n"}
        assert module["installed"], "unloaded keeps the files"
