# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A cycle that could not leave the host as it was says so, step by step."""

from __future__ import annotations

from ansible_collections.procfleet.procfs.plugins.plugin_utils._cycle import STEPS, mishaps

BUSY = {"c": {"msg": "c cannot be unloaded: inside it is cat (process 7)"}}


def test_a_cycle_that_went_well():
    assert mishaps({}) == []
    assert mishaps({step: {"skipped": True} for step in STEPS}) == []
    assert mishaps({step: {"modules": {}, "failed_modules": {}, "asserted": {}} for step in STEPS}) == []


def test_each_step_is_told_by_what_it_was_for():
    said = mishaps(
        {
            "emptied": {"failed": True, "msg": "c: busy", "failed_modules": BUSY},
            "unloaded": {
                "failed_modules": {},
                "asserted": {"failed_entries": ["/proc/c"], "explanation": "still there"},
            },
            "cleared": {"failed_modules": BUSY},
            "removed": {"unreachable": True, "msg": "timed out"},
        }
    )
    assert said == [
        "While unloading what was loaded: c: busy",
        "While unloading what the cycle had loaded: still there",
        "While unloading what a failure left: c cannot be unloaded: inside it is cat (process 7)",
        "While removing the packages that were installed for this: does not answer: timed out",
    ]


def test_who_is_not_as_before_is_told_what_to_do():
    said = mishaps({"restored": {"failed_modules": {"a": {"msg": "does not load"}}}})
    assert said[0] == "While loading what was loaded before: a: does not load"
    assert said[1].endswith("run deploy.yml")
