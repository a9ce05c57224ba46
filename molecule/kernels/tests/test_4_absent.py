# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Absent takes the files as well; and all the time the kernel has complained of nothing."""

from __future__ import annotations

import re

import pytest
from ansible_collections.procfleet.procfs.tests.guest.stress import NOT_OURS

MODULES = ("proc_demo", "simpledriver", "procDriver")
# stress.py loads it with parameters that must be refused, and sees to it that they are.
REFUSED = re.compile(r"^simpledriver: ((mode|size) \d+: must be |`.*' invalid for parameter `)")


@pytest.fixture(scope="module")
def absent(played):
    """The deploy that takes the files away."""
    return played("deploy.yml", kmod_state="absent")


def test_absent_takes_the_files(absent, name, host):
    counts = absent.of(name)
    assert (counts["changed"], counts["failed"]) == (1, 0), absent.output
    with host.sudo():
        assert host.check_output("find /lib/modules /etc /var/lib -name '*procfleet*'") == ""


def test_the_kernel_log_has_no_warning(absent, host, info):
    """From our first load on: before it, an emulated machine that boots has its own to say."""
    with host.sudo():
        said = host.check_output("dmesg --notime").splitlines()
        bad = host.check_output("dmesg --notime --level emerg,alert,crit,err,warn").splitlines()
    first = next(number for number, line in enumerate(said) if line.startswith(tuple(f"{one}: " for one in MODULES)))
    ours = set(said[first:])
    known = (NOT_OURS, REFUSED)
    assert [line for line in bad if line in ours and not any(one.search(line) for one in known)] == []
    assert set(info()["kernel"]["taint"]["flags"]) == set("OE")
