# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which turns a run has to do, and what it says of them."""

from __future__ import annotations

import pytest
from ansible_collections.procfleet.procfs.bench.cases import Choice, turns
from ansible_collections.procfleet.procfs.bench.plan import begin, plan
from ansible_collections.procfleet.procfs.bench.rows import append
from ansible_collections.procfleet.procfs.bench.stamp import machine_size

BOTH = Choice(2, ("headers", "idle"), ("ours", "floor"), ())


@pytest.fixture
def cut_short(tmp_path, row):
    """Return the file of a run that was cut short, on a machine like this one, and what else is in it."""
    path = tmp_path / "results.csv"
    had = list(turns(BOTH))[:5]
    rows = [row(one.case, one.contestant, 1.0, round=one.round, size=machine_size()) for one in had]
    elsewhere = row("headers", "ours", 1.0, run="2026-11-23T10:00:00Z", size="64 cores, 256 GB, KVM")
    for one in (*rows, elsewhere):
        append(path, one)
    return path


def test_a_run_that_was_cut_short_goes_on_with_what_it_lacks(cut_short):
    assert begin(BOTH, "2026-11-24T10:00:00Z", cut_short) == ("2026-11-24T10:00:00Z", list(turns(BOTH))[5:])


def test_a_new_run_lacks_all(cut_short):
    begun, planned = begin(BOTH, "", cut_short)
    assert begun > "2026-11-24"
    assert planned == list(turns(BOTH))


@pytest.mark.parametrize(
    ("asked", "name", "said"),
    [
        ("2026-11-25", "results.csv", "has no such run; the newest is 2026-11-23T10:00:00Z"),
        ("2026-11-25", "none.csv", "has no such run; there is none"),
        ("2026-11-23T10:00:00Z", "results.csv", "was on 64 cores, 256 GB, KVM, and this is .*: begin a new one"),
    ],
)
def test_another_run_is_not_taken_up(cut_short, asked, name, said):
    with pytest.raises(ValueError, match=said):
        begin(BOTH, asked, cut_short.with_name(name))


def test_a_run_that_lacks_nothing_is_refused(cut_short):
    with pytest.raises(ValueError, match="has all that; ask for more"):
        begin(Choice(2, ("headers",), ("ours", "floor"), ()), "2026-11-24T10:00:00Z", cut_short)


def test_the_plan_says_what_is_done_before():
    text = plan(list(turns(Choice(1, ("idle", "join"), ("ours",), ()))))
    assert text.startswith("to begin with   2 turns")
    assert "join 5          1 turns" in text
    assert "to begin with" not in plan(list(turns(Choice())))
