# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a run measures, and in which order."""

from __future__ import annotations

import pytest
from ansible_collections.procfleet.procfs.bench.cases import CASES, FLEET, TOOLS, Choice, Turn, choose, expected, turns


def test_everything_is_chosen_when_nothing_is_said():
    assert choose({}) == Choice()
    assert choose({"BENCH_CASES": " , ", "BENCH_ROUNDS": ""}) == Choice()


def test_a_choice():
    asked = {"BENCH_ROUNDS": "5", "BENCH_CASES": "bare, idle", "BENCH_CONTESTANTS": "floor,ours", "BENCH_FLEETS": "8 2"}
    assert choose(asked) == Choice(5, ("idle", "bare"), ("ours", "floor"), (2, 8))


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("BENCH_CASES", "idle,sleep", "BENCH_CASES names sleep; there are idle, parameter"),
        ("BENCH_CONTESTANTS", "Ours", "names Ours; there are ours, role"),
        ("BENCH_FLEETS", "9", "names 9; there are 2, 3"),
        ("BENCH_FLEETS", "1", "names 1"),
        ("BENCH_ROUNDS", "0", "names 0; there are 1 to 99"),
        ("BENCH_ROUNDS", "three", "names three"),
        ("BENCH_ROUNDS", "3 4", "one number"),
    ],
)
def test_what_is_unknown_is_refused(name, text, said):
    with pytest.raises(ValueError, match=said):
        choose({name: text})


def test_nothing_to_do_is_refused():
    with pytest.raises(ValueError, match="takes part"):
        choose({"BENCH_CASES": "bare", "BENCH_CONTESTANTS": "ping"})


def test_contestants_take_turns():
    made = turns(Choice(2, ("idle",), ("ours", "floor", "ping")))
    assert [(one.round, one.contestant) for one in made] == [
        (1, "ours"),
        (1, "floor"),
        (1, "ping"),
        (2, "ours"),
        (2, "floor"),
        (2, "ping"),
    ]


def test_fleets():
    made = list(turns(Choice(1, ("fleet", "group", "join"), ("ours",), (2, 8))))
    assert [(one.case, one.hosts) for one in made] == [
        ("fleet", 2),
        ("fleet", 8),
        ("group", FLEET),
        ("join", FLEET + 1),
    ]
    assert made[1].machines() == tuple(f"web{number}" for number in range(1, 9))
    assert made[1].limit() == 4 * made[0].limit()
    assert list(turns(Choice(1, ("join",), ("ours",), ()))) == [Turn("join", FLEET + 1, 1, "ours")]


@pytest.mark.parametrize(
    ("turn", "base"),
    [
        (Turn("idle", 1, 3, "role"), Turn("headers", 1, 1, "role")),
        (Turn("idle", 1, 3, "ping"), Turn("headers", 1, 1, "ours")),
        (Turn("join", 5, 2, "ours"), Turn("fleet", 4, 1, "ours")),
        (Turn("join", 5, 2, "ping"), Turn("fleet", 4, 1, "ours")),
    ],
)
def test_what_a_turn_builds_upon(turn, base):
    assert turn.deploys() == base


def test_every_turn_has_an_expected_time_and_every_tool_deploys():
    assert all(expected(turn) > 0 for turn in turns(Choice()))
    for case in CASES.values():
        assert not case.deployed or set(case.contestants) <= {*CASES[case.first].contestants, "ping"}
    assert set(TOOLS) <= set(CASES["bare"].contestants)
