# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a wave's results decide: whether the next begins, and what goes back where."""

from __future__ import annotations

import pytest
from ansible_collections.procfleet.procfs.plugins.plugin_utils._gate import (
    as_before,
    begin,
    closed_waves,
    decide,
    fate,
    touched,
    trouble,
    untouched,
    wave_of,
)

T0, T1, T2 = "2026-11-24T10:00:00Z", "2026-11-24T10:00:41Z", "2026-11-24T10:02:00Z"
PLAN = {
    "depends": {"a": [], "b": ["a"], "c": []},
    "entries": {name: [{"path": f"/proc/{name}"}] for name in "abc"},
    "modules": [{"name": name} for name in "abc"],
}
LOST = {"unreachable": True, "msg": "Failed to connect to the host via ssh: timed out"}
BACK = {"modules": {"c": {}}, "failed_modules": {}}


def entry(module, holds=True):
    return {"path": f"/proc/{module}", "module": module, "holds": holds}


def changed(*names, failing=(), **more):
    """What the steps of a host return that changed some modules, of which some do not show what they should."""
    asserted = {"entries": [entry(name, name not in failing) for name in "abc"]}
    modules = {name: {"changed": name in names and name not in failing} for name in "abc"}
    failed = {name: {"msg": f"{name} does not hold", "restored": True} for name in failing}
    loaded = {"modules": modules, "failed_modules": failed, "asserted": asserted, "taint": {"flags": "OE"}, **more}
    loaded.setdefault("boot_id", "boot 1")
    return {"plan": PLAN, "loaded": loaded, "asserted": {"skipped": True}}


def unchanged(*failing):
    """What they return where nothing was to be done."""
    asserted = {"entries": [{"path": f"/proc/{name}", "holds": name not in failing} for name in "abc"]}
    return {"plan": {**PLAN, "modules": []}, "loaded": {"skipped": True}, "asserted": asserted}


def dropped():
    """What is left of a host that failed before its wave."""
    return {"plan": PLAN, "loaded": {}, "asserted": {}}


def watched(steps, **more):
    found = {"modules": {name: {"changed": False} for name in "abc"}, "faults": [], "taint": {"flags": "OE"}}
    found["boot_id"] = "boot 1"
    return {**steps, "watched": {**found, **more}}


@pytest.fixture
def rollout():
    return begin("r1", [("canary", ["h1"]), ("wave 2", ["h2", "h3"])], T0)


def second(rollout):
    return decide(rollout, {"h1": changed("c")}, 0, True, T1)


def test_a_rollout_begins_with_its_first_wave(rollout):
    assert rollout["open"] == 0
    assert rollout["waves"] == [
        {"name": "canary", "hosts": ["h1"], "started": T0, "seconds": 0, "outcome": "running", "index": 0},
        {"name": "wave 2", "hosts": ["h2", "h3"], "started": None, "seconds": 0, "outcome": "pending", "index": 1},
    ]
    assert begin("r1", [], T0)["open"] is None


def test_a_wave_that_passes_opens_the_next(rollout):
    after = second(rollout)
    assert (after["open"], after["stopped"], after["back"], after["trouble"]) == (1, "", {}, {})
    assert [(wave["outcome"], wave["started"], wave["seconds"]) for wave in after["waves"]] == [
        ("done", T0, 41),
        ("running", T1, 0),
    ]
    done = decide(after, {"h2": changed("c"), "h3": unchanged()}, 0, True, T2)
    assert (done["open"], done["stopped"]) == (None, "")
    assert [wave["outcome"] for wave in done["waves"]] == ["done", "done"]


def test_a_contract_that_fails_stops_all_and_the_others_of_the_wave_go_back(rollout):
    after = decide(second(rollout), {"h2": changed("c"), "h3": changed("c", failing=["c"])}, 0, True, T2)
    assert after["open"] is None
    assert after["stopped"] == "the wave `wave 2` did not pass: h3: c does not hold"
    assert after["back"] == {"h2": ["c"]}  # h3 has put it back itself
    assert list(after["trouble"]) == ["h3"]


def test_what_belongs_together_goes_back_together_and_what_does_not_stays(rollout):
    results = {"h2": changed("a", "b", "c"), "h3": changed("a", "b", "c", failing=["b"])}
    after = decide(second(rollout), results, 0, True, T2)
    assert after["back"] == {"h2": ["a", "b"], "h3": ["a"]}


@pytest.mark.parametrize("lost", [LOST, {"failed": True, "msg": "MODULE FAILURE"}])
def test_a_host_that_is_lost_makes_all_suspect_and_is_asked_to_go_back_as_well(rollout, lost):
    results = {"h2": changed("a", "c"), "h3": {"plan": PLAN, "loaded": lost, "asserted": {}}}
    after = decide(second(rollout), results, 0, True, T2)
    assert after["back"] == {"h2": ["a", "c"], "h3": ["a", "b", "c"]}
    assert lost["msg"] in after["stopped"]


def test_a_host_on_which_nothing_was_changed_has_nothing_to_take_back(rollout):
    after = decide(rollout, {"h1": unchanged("c")}, 0, True, T1)
    assert after["back"] == {}
    assert after["stopped"] == "the wave `canary` did not pass: h1: c: does not hold what it must at /proc/c"


def test_what_was_never_sent_is_no_reason_to_stop(rollout):
    failed = {"c": {"msg": "c does not build on b1", "sent": False}}
    asserted = {"entries": [entry("a"), entry("b")]}
    after = decide(rollout, {"h1": changed("a", failed_modules=failed, asserted=asserted)}, 0, True, T1)
    assert after["open"] == 1


def test_who_failed_before_the_wave_is_no_reason_to_stop_unless_nobody_is_left(rollout):
    assert decide(second(rollout), {"h2": dropped(), "h3": changed("c")}, 0, True, T2)["stopped"] == ""
    after = decide(rollout, {"h1": dropped()}, 0, True, T1)
    assert after["stopped"] == "the wave `canary` did not pass: none of its hosts came so far"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"watched": {"modules": {"c": {"changed": False}}}}, "KeyError: 'faults'"),
        ({"watched": {"modules": ["c"]}}, "AttributeError: "),
        ({"watched": {"modules": {"c": {"changed": True, "reasons": [1]}}}}, "TypeError: "),
        ({"loaded": {"modules": {"c": {}}}}, "KeyError: 'changed'"),
        ({"loaded": {"modules": {}, "failed_modules": "c"}}, "AttributeError: "),
        ({"loaded": {"modules": {}, "asserted": {"entries": ["c"]}}}, "TypeError: "),
        ({"asserted": {"entries": [{"path": "/proc/c"}]}}, "KeyError: 'holds'"),
        ({"registered": {"modules": ["c"]}}, "AttributeError: "),
        ({"rebooted": {"rebooted": True}}, "KeyError: 'seen'"),
    ],
)
def test_a_host_whose_answer_cannot_be_read_is_lost_and_the_others_go_back(rollout, answer, said):
    results = {"h2": changed("c"), "h3": {**changed("c"), **answer}}
    after = decide(second(rollout), results, 0, True, T2)
    assert after["stopped"].startswith(f"the wave `wave 2` did not pass: h3: its answer makes no sense: {said}")
    assert after["back"] == {"h2": ["c"], "h3": ["a", "b", "c"]}
    returned = {host: {**steps, "returned": BACK} for host, steps in results.items()}
    assert decide(second(rollout), results, 1, True, T2)["back"] == {"h3": ["a", "b", "c"]}
    assert (
        closed_waves(after, {**returned, "h3": {**answer, "returned": {"failed_modules": ["c"]}}})[1]["outcome"]
        == "failed"
    )


def test_a_module_without_a_name_is_no_riddle(rollout):
    after = decide(rollout, {"h1": changed(failed_modules={"": {"msg": ""}})}, 0, True, T1)
    assert after["stopped"] == "the wave `canary` did not pass: h1: "


def test_tolerance(rollout):
    results = {"h2": changed("c"), "h3": changed("a", "c", failing=["c"])}
    after = decide(second(rollout), results, 1, True, T2)
    assert (after["stopped"], after["back"], list(after["trouble"])) == ("", {}, ["h3"])
    lost = {"h2": changed("c"), "h3": {"plan": PLAN, "loaded": LOST, "asserted": {}}}
    assert decide(second(rollout), lost, 1, True, T2)["back"] == {"h3": ["a", "b", "c"]}  # and h2 stays


def test_without_the_way_back(rollout):
    after = decide(second(rollout), {"h2": changed("c"), "h3": changed("c", failing=["c"])}, 0, False, T2)
    assert after["stopped"]
    assert after["back"] == {}


@pytest.mark.parametrize("own", [{"rollback": False}, {"state": "absent"}, {"state": "absent", "rollback": False}])
def test_each_hosts_own_variables_decide_whether_it_goes_back(rollout, own):
    mine = {"state": "loaded", "rollback": True}
    for h2, h3, back in (
        (own, mine, {"h3": ["c"]}),
        (mine, own, {"h2": ["c"]}),
        (mine, mine, {"h2": ["c"], "h3": ["c"]}),
    ):
        h2_steps = changed("c", failed_modules={"c": {"msg": "x", "restored": False}})
        results = {"h2": {**h2_steps, "contract": {"own": h2}}, "h3": {**changed("c"), "contract": {"own": h3}}}
        after = decide(second(rollout), results, 0, True, T2)
        assert after["stopped"]
        assert after["back"] == back
        returned = {host: {**steps, "returned": BACK} for host, steps in results.items()}
        assert closed_waves(after, returned)[1]["outcome"] == ("returned" if len(back) == 2 else "failed")


@pytest.mark.parametrize(
    ("more", "said", "culprits"),
    [
        ({}, [], set()),
        ({"faults": ["WARNING: CPU: 0"]}, ["the kernel says: WARNING: CPU: 0"], {"a", "b", "c"}),
        ({"boot_id": "boot 2"}, ["the host was started anew meanwhile"], {"a", "b", "c"}),
        ({"taint": {"flags": "WOE"}}, ["the kernel gained taint W"], {"a", "b", "c"}),
        (
            {"modules": {"c": {"changed": True, "reasons": ["not loaded"]}}},
            ["c did not last: not loaded"],
            {"c"},
        ),
        (
            {"asserted": {"entries": [entry("a", holds=False), entry("c")]}},
            ["a did not last: /proc/a does not hold any more"],
            {"a"},
        ),
    ],
)
def test_the_second_look(more, said, culprits):
    assert trouble(watched(changed("c"), **more)) == (said, culprits)


def test_a_look_of_an_earlier_run_is_none():
    assert trouble({**watched(unchanged()), "loaded": {"skipped": True}}) == ([], set())


def test_what_the_host_could_not_put_back_is_asked_back(rollout):
    failed = {"c": {"msg": "depmod failed", "restored": False}}
    h1 = changed(failed_modules=failed)
    after = decide(rollout, {"h1": h1}, 0, True, T1)
    assert after["back"] == {"h1": ["c"]}
    assert closed_waves(after, {"h1": {**h1, "returned": {}}})[0]["outcome"] == "failed"
    assert closed_waves(after, {"h1": {**h1, "returned": BACK}})[0]["outcome"] == "returned"


def test_without_the_way_back_nothing_has_returned(rollout):
    h1 = changed("a", failing=["c"])
    assert closed_waves(decide(rollout, {"h1": h1}, 0, False, T1), {"h1": h1})[0]["outcome"] == "failed"


def test_a_host_that_is_lost_while_it_soaks():
    assert trouble({**changed("c"), "watched": LOST})[1] == {"a", "b", "c"}


def stopped(rollout, h2, h3):
    return decide(second(rollout), {"h2": h2, "h3": h3}, 0, True, T2)


@pytest.mark.parametrize(
    ("returned", "outcome"),
    [
        (BACK, "returned"),
        ({**BACK, "failed_modules": {"c": {"msg": "no"}}}, "failed"),
        (LOST, "failed"),
        ({}, "failed"),
    ],
)
def test_a_wave_whose_hosts_are_as_before_has_returned(rollout, returned, outcome):
    h2, h3 = changed("c"), changed("c", failing=["c"])
    after = stopped(rollout, h2, h3)
    waves = closed_waves(after, {"h1": changed("c"), "h2": {**h2, "returned": returned}, "h3": h3})
    assert [wave["outcome"] for wave in waves] == ["done", outcome]
    assert all("index" not in wave for wave in waves)


def test_a_wave_with_a_lost_host_has_not_returned(rollout):
    h2, h3 = changed("c"), {"plan": PLAN, "loaded": LOST, "asserted": {}}
    results = {"h1": changed("c"), "h2": {**h2, "returned": BACK}, "h3": {**h3, "returned": LOST}}
    assert closed_waves(stopped(rollout, h2, h3), results)[1]["outcome"] == "failed"


def test_a_wave_that_never_reached_its_gate_has_failed(rollout):
    assert [wave["outcome"] for wave in closed_waves(rollout, {})] == ["failed", "pending"]
    assert closed_waves({}, {}) == []


def test_what_is_said_of_each_host(rollout):
    after = stopped(rollout, changed("c"), changed("c", failing=["c"]))
    reason = "the wave `wave 2` did not pass: h3: c does not hold"
    assert fate(after, "h2", {"returned": BACK}) == [f"c went back to its former state, for {reason}"]
    assert fate(after, "h3", {}) == []
    not_back = {"modules": {"c": {}}, "failed_modules": {"c": {"msg": "c cannot go back"}}}
    assert fate(after, "h2", {"returned": not_back}) == ["c could not go back: c cannot go back"]
    kept = fate(after, "h2", {"loaded": LOST, "returned": {"modules": {}, "failed_modules": {}}})
    assert kept == ["c was not noted as changed, and was left as it is; playbooks/status.yml says how"]
    assert "Whether c went back is not known: does not answer" in fate(after, "h2", {"returned": LOST})[0]
    assert "not known: the run did not get so far" in fate(after, "h2", {})[0]


def test_who_was_not_touched_is_told_why(rollout):
    after = decide(rollout, {"h1": changed("c", failing=["c"])}, 0, True, T1)
    assert untouched(after, "h2").startswith("not touched, for the wave `canary` did not pass: h1: ")
    assert untouched(rollout, "h2").startswith("not touched, for an earlier wave did not come to its end")
    assert untouched(after, "h1") == untouched(after, "stranger") == untouched({}, "h1") == ""


def test_results_of_an_earlier_rollout_do_not_count(rollout):
    steps = {**changed("c"), "watched": {"modules": {}}, "returned": BACK}
    kept = touched(rollout, "h2", steps)
    assert [step for step, result in kept.items() if not result] == ["loaded", "asserted", "watched", "returned"]
    assert [step for step, result in touched(second(rollout), "h2", steps).items() if not result] == ["returned"]
    after = stopped(rollout, changed("c"), changed("c", failing=["c"]))
    assert touched(after, "h2", steps) == steps
    assert wave_of(rollout, "stranger") is None


def rebooted(*missing, taint="OE", before="OE", **more):
    """What the steps of a host return that was rebooted, after which some modules are not as wanted."""
    modules = {
        name: {"changed": name in missing, "reasons": ["not loaded"] if name in missing else []} for name in "abc"
    }
    loaded = {
        "modules": modules,
        "asserted": {"entries": [entry(name) for name in "abc"]},  # what need not be written to
        "failed_modules": {},
        "taint": {"flags": taint},
        "faults": ["WARNING: x"],
        "boot_id": "2",
    }
    asserted = {"entries": [{"path": f"/proc/{name}", "holds": name not in missing} for name in "abc"]}
    seen = {"kernel": {"taint": {"flags": before}}}
    steps = {"plan": PLAN, "seen": seen, "rebooted": {"rebooted": True}, "loaded": loaded, "asserted": asserted}
    return {**steps, **more}


def test_a_reboot_that_brings_all_back():
    assert trouble(rebooted()) == ([], set())
    assert trouble(rebooted(taint="WOE", before="WOE")) == ([], set())


def test_a_module_that_does_not_come_back():
    lines, _culprits = trouble(rebooted("b"))
    assert lines == ["b: does not hold what it must at /proc/b", "b did not come back by itself: not loaded"]


def test_a_kernel_that_is_worse_off_than_the_one_before():
    assert trouble(rebooted(taint="DOE"))[0] == ["the kernel has taint D after the reboot: WARNING: x"]


@pytest.mark.parametrize("step", ["rebooted", "loaded"])
def test_a_host_that_does_not_come_back(step):
    assert trouble(rebooted(**{step: LOST}))[0] == [f"does not answer: {LOST['msg']}"]


def test_a_reboot_takes_nothing_back(rollout):
    after = decide(rollout, {"h1": rebooted("b")}, 0, False, T1)
    assert (after["back"], after["open"]) == ({}, None)
    assert "`canary` did not pass: h1: b" in after["stopped"]


def test_what_dkms_refuses_is_trouble():
    lines, culprits = trouble({**changed("c"), "registered": {"failed": True, "msg": "On web1: DKMS does not add c"}})
    assert (lines, culprits) == (["On web1: DKMS does not add c"], {"a", "b", "c"})
    assert trouble({**changed("c"), "registered": {"modules": {}, "changed": True}}) == ([], set())


def test_what_was_only_registered_with_dkms_goes_back_as_well(rollout):
    registered = {"failed": True, "msg": "DKMS does not add c", "modules": {"c": {"changed": True}}}
    after = decide(rollout, {"h1": {**unchanged(), "registered": registered}}, 0, True, T1)
    assert after["back"] == {"h1": ["c"]}


SKIPPED = {"skipped": True, "changed": False}
REFUSED = {"failed": True, "msg": "On h2: c: no", **BACK, "failed_modules": {"c": {"msg": "no such tree"}}}


@pytest.mark.parametrize(
    ("returned", "reverted", "said", "before"),
    [
        (SKIPPED, BACK, "c went back to its former state", True),
        (BACK, SKIPPED, "c went back to its former state", True),
        (BACK, BACK, "c went back to its former state", True),
        (SKIPPED, REFUSED, "c could not go back: no such tree", False),
        (BACK, REFUSED, "c could not go back: no such tree", False),
        (SKIPPED, LOST, "Whether c went back is not known: does not answer", False),
        (BACK, LOST, "Whether c went back is not known: does not answer", False),
        (BACK, {"failed": True, "msg": "Another deploy is at work"}, "is not known: Another deploy is at work", False),
    ],
)
def test_what_is_registered_with_dkms_goes_back_too(rollout, returned, reverted, said, before):
    """A rollout that changes registrations alone has nothing to take out of the kernel."""
    registered = {"failed": True, "msg": "DKMS does not add c", "modules": {"c": {"changed": True}}}
    h1 = {**unchanged(), "registered": registered}
    after = decide(rollout, {"h1": h1}, 0, True, T1)
    steps = {**h1, "returned": returned, "reverted": reverted}
    lines = fate(after, "h1", steps)
    assert said in lines[0]
    assert len(lines) == 1
    assert as_before(steps, True) is before
    assert closed_waves(after, {"h1": steps})[0]["outcome"] == ("returned" if before else "failed")


def test_a_way_back_with_dkms_of_an_earlier_rollout_does_not_count(rollout):
    assert touched(rollout, "h1", {"returned": BACK, "reverted": BACK}) == {"returned": {}, "reverted": {}}
