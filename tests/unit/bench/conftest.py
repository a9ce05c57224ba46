# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rows as a bench would have written them."""

from __future__ import annotations

import pytest
from ansible_collections.procfleet.procfs.bench.rows import Growth, Row, Share


@pytest.fixture(scope="session")
def row():
    """Return a function that makes a row; what is not given does not matter."""

    def make(case, contestant, wall, hosts=1, **other):
        given = {
            "run": "2026-11-24T10:00:00Z",
            "date": "2026-11-24T10:05:00Z",
            "size": "2 cores, 24 GB, no KVM",
            "round": 1,
            "controller_cpu": 1.0,
            "guest_cpu": 10.0,
            "remote_calls": 2,
            "bytes_sent": 300000,
            "compiled": 0,
            "headers": 0,
            **other,
        }
        return Row(case=case, contestant=contestant, wall=wall, hosts=hosts, **given)

    return make


@pytest.fixture(scope="session")
def share():
    """Return a function that makes a step's share of a first deploy on a bare box."""

    def make(contestant, step, cpu, processes=1, number=1):
        return Share("2026-11-24T10:00:00Z", number, "bare", contestant, 1, step, processes, cpu)

    return make


@pytest.fixture(scope="session")
def growth():
    """Return a function that makes a row of the controller's cost."""

    def make(play, hosts, largest, setting="ansible.cfg", day="2026-11-24", cpu=2.25):
        return Growth(f"{day}T10:00:00Z", "2 cores", play, setting, hosts, 6.5, cpu, largest, 200.0, 2.0)

    return make
