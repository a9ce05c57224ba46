# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Medians, ratios and targets."""

from __future__ import annotations

import pytest
from ansible_collections.procfleet.procfs.bench.figures import TARGETS, above_own, blocks, by_size, by_step, grown
from ansible_collections.procfleet.procfs.bench.programs import Step


def of(case, to):
    return next(one for one in TARGETS if (one.case, one.to) == (case, to))


@pytest.fixture
def idle(row):
    """Three rounds, in one of which this machine was busy."""
    ours = [row("idle", "ours", wall) for wall in (5.0, 50.0, 6.0)]
    return [*ours, row("idle", "ping", 3.0), row("idle", "role", 80.0), row("idle", "role", 100.0)]


def test_a_block(idle):
    (block,) = blocks(idle)
    assert (block.case, block.hosts, block.when, block.unit) == ("idle", 1, "2026-11-24 10:00", 3.0)
    assert block.medians["ours"]["wall"] == 6.0
    assert block.spread["ours"] == (5.0, 50.0)
    assert block.rounds == {"ours": 3, "role": 2, "ping": 1}
    assert block.ratio("role", "ours") == 15.0
    assert block.ratio("ours", "dkms") is None
    assert block.ratio("role", "ours", "compiled") is None


def test_a_run_taken_up_on_another_day_says_so(row):
    first, second = row("fleet", "ours", 9.0, 8), row("fleet", "ours", 8.0, 8, round=2, date="2026-11-26T09:00:00Z")
    assert [block.when for block in blocks([first, second])] == ["2026-11-24 to 2026-11-26"]


def test_blocks_come_in_the_order_of_the_cases(row):
    made = blocks([row("join", "ours", 1.0, 5), row("fleet", "ours", 1.0, 4), row("fleet", "ours", 1.0, 2)])
    assert [(one.case, one.hosts) for one in made] == [("fleet", 2), ("fleet", 4), ("join", 5)]
    assert blocks([row("bare", "floor", 1.0)]) == []


def test_who_had_no_part_comes_from_another_run(row):
    both = [row("bare", "ours", 9.0), row("bare", "floor", 8.0)]
    older = [row("bare", who, 7.0, run="2026-11-23") for who in ("ours", "floor", "dkms")]
    without_us = row("bare", "role", 7.0, run="2026-11-22")
    first, second = blocks([*older, without_us, *both])
    assert (set(first.medians), set(second.medians)) == ({"ours", "floor"}, {"ours", "floor", "dkms"})
    assert of("bare", "floor").value([first, second]) == 9.0 / 8.0
    assert of("bare", "floor").value([second, first]) == 1.0


def test_bare_hosts_by_their_number(row):
    rows = [row("bare", who, 9.0) for who in ("ours", "floor")]
    rows += [row("bare", who, 7.0, run="2026-11-23T09:00:00Z") for who in ("ours", "floor", "dkms")]
    rows += [row("headers", "ours", 5.0), row("fleet", "ours", 4.0, 8), row("fleet", "ours", 3.0, 2)]
    found = [(block.hosts, block.medians["ours"]["wall"]) for block in by_size(blocks(rows))]
    assert found == [(1, 7.0), (2, 3.0), (8, 4.0)]


def test_a_target_is_looked_for_where_both_are(row):
    first = [row("idle", "ours", 6.0)]
    other = [row("idle", who, wall, run="2026-11-23") for who, wall in (("ours", 6.0), ("pyinfra", 12.0))]
    assert of("idle", "pyinfra").value(blocks([*first, *other])) == 0.5
    assert of("idle", "pyinfra").rounds(blocks([*first, *other])) == 1


def test_the_unit_of_another_case_of_the_same_run(row, idle):
    bare = row("bare", "ours", 180.0)
    assert blocks([*idle, bare])[1].unit == 3.0
    assert blocks([*idle, bare._replace(run="2026-11-25")])[1].unit is None
    assert blocks([*idle, bare._replace(hosts=4)])[1].unit is None


def test_steps_are_medians_of_all_rounds(row, share):
    rows = [row("bare", "ours", 9.0, round=number, guest_cpu=9.0 + number) for number in (1, 2, 3)]
    shares = [share("ours", "packages", 70.0 + number, 300, number) for number in (1, 2, 3)]
    found = by_step([*shares, share("ours", "depmod", 5.0)], rows, "bare")
    assert (found.begun, found.rounds, found.counted) == ("2026-11-24 10:00", 3, {"ours": 11.0})
    assert found.taken["ours"]["packages"] == Step(300, 72.0)
    assert found.taken["ours"]["depmod"] == Step(0, 0.0)  # in one round of three
    assert by_step(shares, rows, "headers") is None


def test_targets(idle, row):
    measured = blocks([*idle, row("join", "ours", 9.0, 5, compiled=0, headers=1)])
    assert of("idle", "ping").value(measured) == 2.0
    assert of("idle", "role").value(measured) == pytest.approx(6 / 90)
    assert of("idle", "pyinfra").value(measured) is None
    assert of("bare", "floor").value(measured) is None
    assert [one.value(measured) for one in TARGETS if one.case == "join"] == [0, 1, None]


def test_memory_above_ansibles_own(growth):
    rows = [
        growth("ours", 10, 90.0, day="2026-11-23"),
        growth("ours", 10, 60.0),
        growth("ping", 10, 55.0),
        growth("ping", 100, 56.0),
        growth("ours", 10, 99.0, "forks 5"),
    ]
    assert above_own(rows) == {10: 5.0}
    assert above_own([]) == {}


def test_growth_is_of_one_day_and_its_settings_are_compared_there(growth):
    rows = [
        growth("ours", 100, 70.0),
        growth("ours", 10, 60.0, cpu=9.0, day="2026-11-23"),
        *(growth("ours", 10, 60.0, cpu=cpu) for cpu in (2.0, 8.0, 4.0)),
        *(growth("ours", 10, 61.0, "forks 5", cpu=cpu) for cpu in (6.0, 6.0)),
        growth("ours", 100, 70.0, "forks 5", day="2026-11-25"),
    ]
    found = grown(rows)
    assert [(one.row.hosts, one.row.setting, one.rounds) for one in found] == [
        (10, "ansible.cfg", 3),
        (10, "forks 5", 2),
        (100, "ansible.cfg", 1),
        (100, "forks 5", 1),
    ]
    assert [one.row.cpu for one in found[:2]] == [4.0, 6.0]
    assert [one.ratio("cpu") for one in found] == [1.0, 1.5, 1.0, None]
