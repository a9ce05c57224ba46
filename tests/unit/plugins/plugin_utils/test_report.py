# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What people read at the end, and who is left when some have failed."""

from __future__ import annotations

from ansible_collections.procfleet.procfs.plugins.plugin_utils._report import (
    entries_left,
    failures,
    prediction,
    summary,
    survivors,
)

PLAN = {
    "depends": {"a": [], "b": ["a"], "c": []},
    "fingerprints": {"a": "1" * 64, "c": "3" * 64},
    "reasons": {"c": ["not loaded"]},
}
RESULTS = {"plan": PLAN, "loaded": {}, "asserted": {}, "verify": False}


def test_survivors():
    assert survivors(PLAN, {}, {}) == ["a", "b", "c"]
    assert survivors(PLAN, {"failed_modules": {"a": []}}, {}) == ["c"]
    assert survivors(PLAN, {"failed_modules": {"c": []}}, {"failed_modules": {"b": {}}}) == ["a"]


def test_entries_of_what_is_left():
    plan = {**PLAN, "entries": {"a": [{"path": "/proc/a"}], "b": [{"path": "/proc/b"}, {"path": "/proc/b2"}]}}
    assert entries_left(plan, {}) == [{"path": "/proc/a"}, {"path": "/proc/b"}, {"path": "/proc/b2"}]
    assert entries_left(plan, {"failed_modules": {"b": {"msg": "no"}}}) == [{"path": "/proc/a"}]
    assert entries_left(plan, {"failed_modules": {"a": {"msg": "no"}}}) == []


def test_prediction():
    plan = {"prediction": {"before": "a: absent\n", "after": "a: live\n"}}
    assert prediction(plan, []) == plan["prediction"]
    jobs = [
        {"packages": ["make"], "modules": [{"name": "a", "fingerprint": "1" * 64}]},
        {"packages": [], "modules": [{"name": "b", "fingerprint": "2" * 64}]},
    ]
    after = "package make installed\na: build 111111111111\nb: build 222222222222\na: live\n"
    assert prediction(plan, jobs) == {"before": "a: absent\n", "after": after}


def test_nothing_failed():
    assert failures(RESULTS) == []


def test_all_that_failed_is_said():
    results = {
        **RESULTS,
        "loaded": {"failed_modules": {"b": {"msg": "b does not load."}}},
        "asserted": {"failed_entries": ["/proc/x"], "explanation": "/proc/x differs"},
        "verify": True,
    }
    assert failures(results) == [
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
