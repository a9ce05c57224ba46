# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What people read at the end, and who is left when some have failed."""

from __future__ import annotations

import pytest
from ansible_collections.procfleet.procfs.plugins.plugin_utils._report import (
    asserted_in,
    by_module,
    failing_modules,
    failures,
    lost,
    parted,
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


def holding(name, holds=True, **more):
    return {"path": f"/proc/{name}", "holds": holds, **more}


def test_entries_by_module_as_proc_assert_returns_them():
    plan = {**PLAN, "entries": {"a": [{"path": "/proc/a"}], "b": [{"path": "/proc/b"}], "c": [{"path": "/proc/c"}]}}
    steps = {"plan": plan, "loaded": {"skipped": True}, "asserted": {"entries": [holding(name) for name in "abc"]}}
    assert {name: one[0]["path"] for name, one in by_module(steps).items()} == {n: f"/proc/{n}" for n in "abc"}
    assert by_module({"plan": {}, "loaded": {}, "asserted": {}}) == {}


def test_entries_by_module_as_kmod_returns_them():
    asserted = {"entries": [holding("a", module="a"), holding("c", False, module="c")]}
    steps = {"plan": PLAN, "loaded": {"asserted": asserted}, "asserted": {"skipped": True}}
    assert [one["holds"] for one in by_module(steps)["c"]] == [False]
    assert asserted_in(steps) == asserted
    assert failing_modules(steps) == {"c": "does not hold what it must at /proc/c"}
    steps["loaded"]["failed_modules"] = {"a": {"msg": "a: no"}, "b": {"msg": "not built", "sent": False}}
    assert failing_modules(steps) == {"a": "a: no", "c": "does not hold what it must at /proc/c"}


def test_lost():
    assert lost({"unreachable": True, "msg": "timed out "}) == ["does not answer: timed out"]
    assert lost({"failed": True}) == ["no message"]
    assert lost({"skipped": True}) == lost({}) == []


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
        "b does not load.",
        "/proc/x differs",
        "c is not as wanted: not loaded. Run deploy.yml to mend it",
    ]


def test_who_was_lost_is_said():
    assert failures({**RESULTS, "loaded": {"unreachable": True, "msg": "x"}}) == ["does not answer: x"]


def test_why_nothing_was_built_is_said_first():
    left_out = {"b": {"msg": "b was left out: it was not built", "sent": False}}
    loaded = {"failed_modules": left_out, "built": {"failed": True, "msg": "No headers."}}
    assert failures(parted({**RESULTS, "loaded": loaded})) == ["No headers.", "b was left out: it was not built"]
    loaded["built"] = {"modules": {}}
    assert failures(parted({**RESULTS, "loaded": loaded})) == ["b was left out: it was not built"]


def test_what_a_host_builds_for_others_is_said_unless_its_own_modules_have_said_it():
    built = {"failed_modules": {}, "unbuilt": ["No headers for kernel 6.1.", "No headers for kernel 6.2."]}
    assert failures({**RESULTS, "built": built}) == built["unbuilt"]
    loaded = {"failed_modules": {"b": {"msg": "b does not build on h:\n  No headers for kernel 6.1.", "sent": False}}}
    said = [loaded["failed_modules"]["b"]["msg"], "No headers for kernel 6.2."]
    assert failures({**RESULTS, "built": built, "loaded": loaded}) == said


def test_summary():
    seen = {
        "kernel": {"release": "6.1", "running": "6.1", "arch": "x86_64", "taint": {"flags": "OE"}},
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


@pytest.mark.parametrize("job", [{"modules": ["x"]}, {"modules": {"x": "y"}}, {"seconds": "1"}, {"failed_modules": 3}])
def test_jobs_that_make_no_sense_are_one_step_that_failed(job):
    built = parted({**RESULTS, "built": {"results": [job]}})["built"]
    assert built["failed"] is True
    assert "its answer makes no sense" in built["msg"]
