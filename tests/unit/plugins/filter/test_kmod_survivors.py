# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The filter, as the role uses it."""

from __future__ import annotations

from ansible_collections.procfleet.procfs.plugins.filter.kmod_survivors import FilterModule

PLAN = {
    "modules": [{"name": "a"}, {"name": "b"}, {"name": "c"}],
    "depends": {"a": [], "b": ["a"], "c": []},
    "entries": {"a": [1], "b": [2, 3], "c": [4]},
}


def test_filter():
    kmod_survivors = FilterModule().filters()["kmod_survivors"]
    assert kmod_survivors(PLAN) == PLAN["modules"]
    assert kmod_survivors(PLAN, {"failed_modules": {"a": []}}) == [{"name": "c"}]
    assert kmod_survivors(PLAN, {}, {"failed_modules": {"b": {}}}, want="entries") == [1, 4]
    assert kmod_survivors({**PLAN, "modules": []}) == []
    assert kmod_survivors(PLAN, None, None, "entries") == [1, 2, 3, 4]
