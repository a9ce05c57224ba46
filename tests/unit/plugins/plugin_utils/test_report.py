# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What people read at the end, and who is left when some have failed."""

from __future__ import annotations

from ansible_collections.procfleet.procfs.plugins.plugin_utils._report import failures, summary, survivors

PLAN = {
    "depends": {"a": [], "b": ["a"], "c": []},
    "fingerprints": {"a": "1" * 64, "c": "3" * 64},
    "reasons": {"c": ["not loaded"]},
}
RESULTS = {"plan": PLAN, "built": {}, "loaded": {}, "asserted": {}, "verify": False}


def test_survivors():
    assert survivors(PLAN, {}, {}) == ["a", "b", "c"]
    assert survivors(PLAN, {"failed_modules": {"a": []}}, {}) == ["c"]
    assert survivors(PLAN, {"failed_modules": {"c": []}}, {"failed_modules": {"b": {}}}) == ["a"]


def test_nothing_failed():
    assert failures(RESULTS) == []


def test_all_that_failed_is_said():
    results = {
        **RESULTS,
        "built": {"failed_modules": {"a": ["a/a.c:1: no"]}, "log": "/l"},
        "loaded": {"failed_modules": {"b": {"msg": "b does not load."}}},
        "asserted": {"failed_entries": ["/proc/x"], "explanation": "/proc/x differs"},
        "verify": True,
    }
    lines = failures(results)
    assert lines[1] == "  a/a.c:1: no"
    assert "/l" in lines[2]
    assert lines[3:] == [
        "b: b does not load.",
        "/proc/x differs",
        "c is not as wanted: not loaded. Run deploy.yml to mend it",
    ]


def test_summary():
    seen = {
        "kernel": {"release": "6.1", "arch": "x86_64", "taint": {"flags": "OE"}},
        "modules": {"a": {"state": "live"}, "c": {"state": "absent"}},
    }
    loaded = {"modules": {"c": {"state": "live", "changed": True, "reasons": ["not loaded"]}}}
    results = {**RESULTS, "seen": seen, "loaded": loaded, "asserted": {"shown": ["/proc/x", "    y"]}}
    assert summary(results) == [
        "kernel 6.1 (x86_64), taint OE",
        "a: live, build 111111111111",
        "c: live, build 333333333333 (was: not loaded)",
        "/proc/x",
        "    y",
    ]
