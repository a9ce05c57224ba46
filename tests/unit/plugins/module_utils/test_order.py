# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The order of loading, and what hangs together."""

from __future__ import annotations

import pytest
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.module_utils._order import dependents, load_order, needed


@pytest.mark.parametrize(
    ("depends", "order"),
    [
        ({}, []),
        ({"b": [], "a": []}, ["b", "a"]),
        ({"b": ["a"], "a": []}, ["a", "b"]),
        ({"c": ["b"], "b": ["a"], "a": []}, ["a", "b", "c"]),
        ({"top": ["l", "r"], "r": ["base"], "l": ["base"], "base": []}, ["base", "l", "r", "top"]),
        ({"a": ["crc7"], "b": ["a", "crc7"]}, ["a", "b"]),
    ],
)
def test_order(depends, order):
    assert load_order(depends) == order


@pytest.mark.parametrize(
    ("depends", "circle"),
    [
        ({"a": ["a"]}, "a -> a"),
        ({"a": ["b"], "b": ["a"]}, "a -> b -> a"),
        ({"x": ["a"], "a": ["b"], "b": ["c"], "c": ["a"]}, "a -> b -> c -> a"),
    ],
)
def test_circle(depends, circle):
    with pytest.raises(KmodError) as caught:
        load_order(depends)
    assert caught.value.what.endswith(": " + circle)
    assert "kmod.yml" in caught.value.todo


CHAIN = {"a": [], "b": ["a", "crc7"], "c": ["b"], "d": []}


@pytest.mark.parametrize(
    ("names", "below", "above"),
    [
        ({"a"}, {"a"}, {"a", "b", "c"}),
        ({"b"}, {"a", "b"}, {"b", "c"}),
        ({"c", "d"}, {"a", "b", "c", "d"}, {"c", "d"}),
        (set(), set(), set()),
        ({"crc7"}, {"crc7"}, {"crc7", "b", "c"}),
    ],
)
def test_closures(names, below, above):
    assert needed(names, CHAIN) == below
    assert dependents(names, CHAIN) == above
