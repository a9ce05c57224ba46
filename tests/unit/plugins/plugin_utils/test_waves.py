# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which hosts go when, and what cannot be a wave."""

from __future__ import annotations

import pytest
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.plugin_utils._waves import (
    Inventory,
    parse,
    split,
    tolerated,
    waves,
)

DEFAULT = [1, "25%", "100%"]
GROUPS = {"db": ["h3", "h4"], "away": ["h99"], "builders": ["b1"]}


def hosts(number):
    return [f"h{index}" for index in range(1, number + 1)]


def inventory(play, unfit=()):
    return Inventory(lambda pattern: GROUPS.get(pattern, [host for host in play if host == pattern]), set(unfit))


def sizes(number, items):
    return [len(part) for part in split(hosts(number), items, inventory(hosts(number)))]


@pytest.mark.parametrize(
    ("number", "items", "expected"),
    [
        (1, DEFAULT, [1]),
        (2, DEFAULT, [1, 1]),
        (3, DEFAULT, [1, 1, 1]),
        (8, DEFAULT, [1, 2, 5]),
        (1000, DEFAULT, [1, 250, 749]),
        (5, [2], [2, 2, 1]),
        (7, [1, 2], [1, 2, 2, 2]),
        (10, ["10%", "30%"], [1, 3, 3, 3]),
        (10, [" 50% "], [5, 5]),
        (3, ["100%"], [3]),
        (2, ["5"], [2]),
        (4, ["h4", "100%"], [1, 3]),
        (6, ["db"], [2, 4]),
        (6, ["db", 1, "100%"], [2, 1, 3]),
        (0, DEFAULT, []),
    ],
)
def test_sizes(number, items, expected):
    assert sizes(number, items) == expected


def test_every_host_is_in_one_wave_and_the_order_is_the_plays():
    parts = split(hosts(9), ["db", 2, "100%"], inventory(hosts(9)))
    assert parts == [["h3", "h4"], ["h1", "h2"], ["h5", "h6", "h7", "h8", "h9"]]


def test_a_pattern_that_the_limit_left_out_is_no_wave():
    assert split(hosts(2), ["away", 1], inventory(hosts(2))) == [["h1"], ["h2"]]


@pytest.mark.parametrize(
    ("items", "said"),
    [
        ([], "kmod_waves is empty"),
        ([0], "kmod_waves holds 0"),
        (["0%"], "holds '0%': a wave has one host at least"),
        (["101%"], "holds '101%'"),
        (["1O%"], "holds '1O%': it is neither a number nor a percentage, and as a host pattern it matches no host"),
        ([True], "holds True: an item is a number, a percentage or a host pattern"),
        ([None], "holds None"),
        ([[1]], "holds \\[1\\]"),
        ([1.5], "holds 1.5"),
        ([""], "holds ''"),
        ([-1], "holds -1|as a host pattern it matches no host"),
    ],
)
def test_what_is_no_wave(items, said):
    with pytest.raises(KmodError, match=said):
        split(hosts(3), items, inventory(hosts(3)))


def test_a_canary_of_which_no_host_can_be_deployed_to_stops_all():
    with pytest.raises(KmodError, match="The wave 'db' has no host that could be deployed to: h3, h4 did not answer"):
        split(["h1", "h2"], ["db", "100%"], inventory(hosts(4), unfit=["h3", "h4"]))
    assert split(["h1", "h3"], ["db", "100%"], inventory(hosts(4), unfit=["h4"])) == [["h3"], ["h1"]]


def test_what_is_as_wanted_is_looked_at_first_and_the_others_keep_their_place():
    found = waves(hosts(8), {"h3", "h7"}, DEFAULT, inventory(hosts(8)))
    assert found == [("unchanged", ["h1", "h2", "h4", "h5", "h6", "h8"]), ("wave 2", ["h3"]), ("wave 3", ["h7"])]


def test_a_rollout_that_was_interrupted_continues_where_it_was():
    first = dict(waves(hosts(8), set(hosts(8)), DEFAULT, inventory(hosts(8))))
    rest = dict(waves(hosts(8), set(hosts(8)) - {"h1", "h2"}, DEFAULT, inventory(hosts(8))))
    assert rest == {"unchanged": ["h1", "h2"], "wave 2": ["h3"], "wave 3": first["wave 3"]}


def test_names():
    assert [name for name, _hosts in waves(hosts(4), set(hosts(4)), DEFAULT, inventory(hosts(4)))] == [
        "canary",
        "wave 2",
        "wave 3",
    ]
    assert waves(["h1"], {"h1"}, DEFAULT, inventory(["h1"])) == [("all", ["h1"])]
    assert waves(["h1"], set(), DEFAULT, inventory(["h1"])) == [("unchanged", ["h1"])]
    assert waves([], set(), DEFAULT, inventory([])) == []


def test_parse():
    assert [parse(one) for one in (1, "1", "25%", "web*:!web3")] == [(1, False), (1, False), (25, True), "web*:!web3"]


@pytest.mark.parametrize(("said", "hosts", "allowed"), [(0, 9, 0), ("2", 9, 2), ("10%", 9, 0), ("10%", 250, 25)])
def test_tolerance(said, hosts, allowed):
    assert tolerated(said, hosts) == allowed


@pytest.mark.parametrize("said", ["a few", True, "101%", -1, None, 0.5])
def test_what_is_no_tolerance(said):
    with pytest.raises(KmodError, match="kmod_tolerance is"):
        tolerated(said, 10)
