# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The record: a host's part from its steps, whatever became of them, and the whole."""

from __future__ import annotations

import json

import pytest
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.plugin_utils._part import host_part
from ansible_collections.procfleet.procfs.plugins.plugin_utils._record import STATES, VERSION, record, worst
from ansible_collections.procfleet.procfs.tests.fleet import (
    RELEASES,
    RUN,
    SSH,
    digest,
    entry,
    failure,
    fleet,
    paths,
    results,
    seen_module,
)

NAMES = ("proc_demo", "simpledriver")


@pytest.fixture
def steps():
    return results(NAMES)


def one(steps, name="proc_demo"):
    return host_part("web1", steps)["modules"][name]


def test_a_host_on_which_all_is_well(steps):
    host = host_part("web1", steps)
    identity = digest("proc_demo", RELEASES[0])
    build = {"fingerprint": identity[:12], "build_id": identity[:40]}
    assert host["state"] == "ok"
    assert host["reachable"]
    assert (host["error"], host["failures"], host["reboot"]) == ("", [], [])
    assert host["kernel"] == {
        "release": RELEASES[0],
        "arch": "x86_64",
        "compiler": "gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0",
    }
    assert host["taint"] == "OE"
    assert host["seconds"] == {"look": 0.4, "assert": 0.01}
    module = host["modules"]["proc_demo"]
    assert module["wanted"] == module["loaded"] == build
    assert module["installed"] == {**build, "by": "procfleet"}
    assert (module["contract"]["total"], module["contract"]["failed"]) == (3, 0)


@pytest.mark.parametrize(
    ("step", "answer"),
    [
        ("seen", {"kernel": {"taint": "OE"}, "modules": []}),
        ("seen", {"kernel": [], "modules": {"proc_demo": "live"}}),
        ("loaded", {"modules": {"proc_demo": {"changed": True}}}),
        ("loaded", {"modules": {}, "failed_modules": ["proc_demo"]}),
        ("asserted", {"entries": [{"path": "/proc/x", "holds": True, "seconds": "long", "failures": []}]}),
        ("returned", {"modules": {}, "failed_modules": "none"}),
    ],
)
def test_a_host_whose_answer_cannot_be_read_has_its_part_all_the_same(steps, step, answer):
    rollout = {"waves": [], "stopped": "", "back": {"web1": ["proc_demo"]}}
    host = host_part("web1", {**steps, step: answer}, rollout)
    assert host["state"] == "failed"
    assert host["error"].startswith("its answer makes no sense: ")
    assert list(host["modules"]) == list(NAMES)
    assert "Whether proc_demo went back is not known: its answer makes no sense" in host["back"][0]


def test_all_is_plain_json(steps):
    whole = record([host_part("web1", steps)], RUN)
    assert json.loads(json.dumps(whole)) == whole


@pytest.mark.parametrize("step", ["contract", "seen", "plan", "signed", "built", "loaded", "asserted"])
@pytest.mark.parametrize("how", ["unreachable", "failed"])
def test_a_host_that_is_lost_at_any_step_says_so(steps, step, how):
    order = list(steps) if step in steps else ["contract", "seen", "plan", step]
    upto = order[: order.index(step)]
    lost = {key: steps[key] for key in upto if key in steps}
    host = host_part("web1", {**lost, step: {how: True, "msg": SSH}})
    assert host["state"] == how
    assert host["error"] == SSH
    assert host["failures"] == [SSH]
    assert host["reachable"] is (how == "failed" and step != "contract")
    assert {module["state"] for module in host["modules"].values()} <= {how, "unknown"}


def test_nothing_is_known_of_a_host_that_no_step_came_to():
    host = host_part("web1", {})
    assert (host["state"], host["modules"], host["kernel"], host["taint"]) == ("unknown", {}, None, None)


def test_drift_says_why(steps):
    steps["plan"]["reasons"]["simpledriver"] = ["parameter mode is 0644, wanted 0600"]
    module = one(steps, "simpledriver")
    assert module["state"] == "drift"
    assert module["reasons"] == ["parameter mode is 0644, wanted 0600"]
    assert host_part("web1", steps)["state"] == "drift"


@pytest.mark.parametrize(
    ("reason", "state"),
    [
        ("parameter mode is 384 instead of 0644", "drift"),
        ("not so set for boot", "failed"),
        ("modprobe would take nothing", "failed"),
        ("the next boot goes by `blacklist multi` in /etc/modprobe.d/local.conf", "failed"),
        ("build not installed", "failed"),
    ],
)
def test_another_image_or_parameter_explains_what_does_not_hold(steps, reason, state):
    steps["plan"]["reasons"]["proc_demo"] = [reason]
    steps["asserted"]["entries"][0] = entry(paths("proc_demo")[0], failure("mode", "0644", "0600"))
    assert one(steps)["state"] == state
    assert one(steps)["contract"]["failed"] == 1


def test_a_foreign_image_has_a_build_id_and_no_fingerprint(steps):
    steps["seen"]["modules"]["proc_demo"]["build_id"] = "f" * 40
    steps["plan"]["reasons"]["proc_demo"] = ["another image loaded (build-id fff)"]
    module = one(steps)
    assert module["loaded"] == {"fingerprint": None, "build_id": "f" * 40}
    assert module["installed"]["fingerprint"] == module["wanted"]["fingerprint"]


def test_absent_is_one_reason_and_not_many(steps):
    steps["seen"]["modules"]["proc_demo"] = seen_module("proc_demo", RELEASES[0], state="absent", build_id=None)
    steps["plan"]["reasons"]["proc_demo"] = ["not loaded"]
    steps["asserted"]["entries"][0] = entry(paths("proc_demo")[0], failure("state", "present", "gone"))
    module = one(steps)
    assert (module["state"], module["loaded"], module["contract"]) == ("absent", None, None)


def test_what_is_to_be_gone_and_is_gone_is_ok(steps):
    steps["seen"]["modules"]["proc_demo"] = seen_module("proc_demo", RELEASES[0], state="absent", build_id=None)
    steps["plan"]["entries"]["proc_demo"] = [{"path": path, "state": "gone"} for path in paths("proc_demo")]
    module = one(steps)
    assert (module["state"], module["wanted"], module["contract"]["failed"]) == ("ok", None, 0)


def test_an_entry_that_does_not_hold_is_its_own_modules(steps):
    steps["asserted"]["entries"][3] = entry(paths("simpledriver")[0], failure("equals", "hi", "ho", "-hi\n+ho"))
    assert one(steps)["state"] == "ok"
    module = one(steps, "simpledriver")
    assert module["state"] == "failed"
    broken = [entry for entry in module["contract"]["entries"] if not entry["holds"]]
    assert [entry["path"] for entry in broken] == ["/proc/simpledriver"]
    assert broken[0]["failures"][0]["diff"] == "-hi\n+ho"
    assert "content" not in broken[0]


def test_a_deployed_module_is_the_wanted_one_by_build_id(steps):
    for name in NAMES:
        steps["seen"]["modules"][name] = seen_module(
            name, RELEASES[0], state="absent", installed=None, fingerprint=None, build_id=None, parameters={}
        )
    steps["plan"]["reasons"] = {name: ["build not installed", "not loaded"] for name in NAMES}
    managed = {"changed": True, "state": "live", "build_id": "b" * 40, "parameters": {"mode": "0600"}, "reasons": []}
    steps["loaded"] = {"modules": dict.fromkeys(NAMES, managed), "failed_modules": {}, "seconds": 1.5}
    module = one(steps)
    assert module["state"] == "ok"
    assert module["loaded"] == {"fingerprint": digest("proc_demo", RELEASES[0])[:12], "build_id": "b" * 40}
    assert (module["reasons"], module["changes"]) == ([], ["build not installed", "not loaded"])
    assert module["parameters"] == {"mode": "0600"}
    assert host_part("web1", steps)["seconds"]["load"] == 1.5


def test_a_module_that_does_not_build_leaves_the_others(steps):
    steps["plan"]["reasons"]["proc_demo"] = ["build not installed"]
    steps["built"] = {"failed_modules": {"proc_demo": ["a.c:1: error: no"]}, "log": "/log", "seconds": 2.0}
    steps["loaded"] = {"modules": {}, "failed_modules": {"proc_demo": {"msg": "proc_demo does not build on web1"}}}
    left = [{**one, "module": "simpledriver"} for one in steps["asserted"]["entries"][3:]]
    steps["loaded"]["asserted"] = {"entries": left, "failed_entries": [], "explanation": ""}
    steps["asserted"] = {"skipped": True}
    host = host_part("web1", steps)
    assert host["modules"]["proc_demo"]["state"] == "failed"
    assert host["modules"]["proc_demo"]["reasons"] == ["does not build", "a.c:1: error: no"]
    assert host["modules"]["simpledriver"]["state"] == "ok"
    assert host["modules"]["simpledriver"]["contract"]["total"] == 3
    assert any("does not build" in line for line in host["failures"])


def test_a_host_that_cannot_build_in_the_call_that_loads(steps):
    """The others go on, so that the step that loads has a result."""
    steps["plan"]["reasons"]["proc_demo"] = ["build not installed"]
    steps["built"] = {"failed": True, "msg": "No headers for kernel 6.1."}
    left_out = {"msg": "proc_demo was left out: it was not built", "sent": False}
    steps["loaded"] = {"modules": {}, "failed_modules": {"proc_demo": left_out}}
    host = host_part("web1", steps)
    assert (host["state"], host["error"]) == ("failed", "No headers for kernel 6.1.")
    assert host["failures"] == ["No headers for kernel 6.1.", left_out["msg"]]
    assert host["modules"]["proc_demo"]["reasons"] == [left_out["msg"]]


def test_what_a_host_fails_to_build_for_others_is_not_its_own_failure(steps):
    steps["plan"]["build"] = []
    steps["built"] = {"failed_modules": {"proc_demo": ["a.c:1: error: no"]}, "log": "/log", "seconds": 2.0}
    steps["asserted"]["entries"][3] = entry(paths("simpledriver")[0], failure("equals", "hi", "ho"))
    host = host_part("web1", steps)
    assert {name: one["state"] for name, one in host["modules"].items()} == {
        "proc_demo": "ok",
        "simpledriver": "failed",
    }


def test_what_needs_a_failed_module_has_failed_with_it(steps):
    steps["plan"]["depends"]["simpledriver"] = ["proc_demo"]
    steps["loaded"] = {"modules": {}, "failed_modules": {"proc_demo": {"msg": "no", "restored": True}}}
    assert one(steps, "simpledriver")["reasons"] == ["what it depends on failed"]


@pytest.mark.parametrize(
    ("before", "loaded", "reasons"),
    [
        ("OE", {}, []),
        ("", {"taint": {"flags": "OE"}}, []),
        ("OE", {"taint": {"flags": "WOE"}}, ["the kernel gained taint W while modules were loaded"]),
        ("WOE", {"taint": {"flags": "WOE"}}, []),
        ("DOE", {}, ["the kernel had an oops (taint D)"]),
        ("", {"failed_modules": {"proc_demo": {"msg": "x", "restored": True}}}, []),
        (
            "",
            {"failed_modules": {"proc_demo": {"msg": "x", "restored": False}}},
            ["proc_demo could not be put back as it was"],
        ),
    ],
)
def test_when_a_reboot_is_needed(steps, before, loaded, reasons):
    steps["seen"]["kernel"]["taint"] = {"value": 0, "flags": before}
    steps["loaded"] = {"modules": {}, **loaded}
    assert host_part("web1", steps)["reboot"] == reasons


def test_a_module_that_hangs_in_the_kernel_needs_a_reboot(steps):
    steps["seen"]["modules"]["proc_demo"]["state"] = "going"
    assert host_part("web1", steps)["reboot"] == ["proc_demo hangs in the kernel (going), and cannot be replaced"]


def rollout(outcome="done", **more):
    waves = [{"name": "canary", "hosts": ["web1"], "started": None, "seconds": 0, "outcome": outcome, "index": 0}]
    return {"id": "r1", "waves": waves, "open": None, "stopped": "", "trouble": {}, "back": {}, **more}


def deployed(steps, state="live"):
    """The steps of a host that came to another build, and was asserted in the same call."""
    steps["plan"]["reasons"] = {"proc_demo": ["build not installed", "another image loaded"]}
    managed = {"changed": True, "state": state, "build_id": "b" * 40, "parameters": {}, "reasons": []}
    entries = [{**entry(path), "module": name} for name in NAMES for path in paths(name)]
    modules = {"proc_demo": managed, "simpledriver": {**managed, "changed": False}}
    steps["loaded"] = {"modules": modules, "failed_modules": {}, "seconds": 1.5, "taint": {"flags": "OE"}}
    steps["loaded"]["asserted"] = {"entries": entries, "failed_entries": [], "explanation": ""}
    steps["asserted"] = {"skipped": True}
    return steps


def test_what_was_asserted_as_it_was_loaded_is_in_the_record(steps):
    host = host_part("web1", deployed(steps), rollout())
    assert (host["state"], host["wave"], host["back"]) == ("ok", "canary", [])
    assert host["modules"]["proc_demo"]["contract"]["total"] == 3
    assert host["seconds"] == {"look": 0.4, "load": 1.49, "assert": 0.01}


def test_a_host_that_went_back_is_as_it_was_seen(steps):
    back = {"modules": {"proc_demo": {"changed": True}}, "failed_modules": {}}
    steps = {**deployed(steps), "returned": back}
    host = host_part("web1", steps, rollout("failed", stopped="web2 failed", back={"web1": ["proc_demo"]}))
    module = host["modules"]["proc_demo"]
    assert (host["state"], module["state"]) == ("drift", "drift")
    assert module["loaded"]["build_id"] == steps["seen"]["modules"]["proc_demo"]["build_id"]
    assert module["reasons"][-1] == "it went back to its former state"
    assert host["back"] == host["failures"] == ["proc_demo went back to its former state, for web2 failed"]


def test_a_host_that_could_not_go_back_is_to_be_rebooted(steps):
    failed = {"proc_demo": {"msg": "no image", "restored": False}}
    steps = {**deployed(steps), "returned": {"modules": {"proc_demo": {}}, "failed_modules": failed}}
    host = host_part("web1", steps, rollout("failed", stopped="x", back={"web1": ["proc_demo"]}))
    assert host["state"] == "failed"
    assert "it went back to its former state" not in host["modules"]["proc_demo"]["reasons"]
    assert host["reboot"] == ["proc_demo could not be put back as it was"]
    assert host["back"] == ["proc_demo could not go back: no image"]


def test_what_did_not_last_has_failed(steps):
    trouble = {"web1": ["the kernel gained taint W"]}
    host = host_part("web1", deployed(steps), rollout("failed", stopped="x", trouble=trouble))
    assert (host["state"], host["failures"]) == ("failed", ["the kernel gained taint W"])


def test_a_host_whose_wave_was_not_reached_is_as_it_was_seen(steps):
    host = host_part("web1", deployed(steps), rollout("pending", stopped="x"))
    assert host["state"] == "drift"
    assert "load" not in host["seconds"]


def test_a_builder_that_could_not_build_for_others_has_failed():
    steps = results(())
    steps["built"] = {"modules": {}, "failed_modules": {}, "unbuilt": ["No headers for kernel 6.1."], "seconds": 1.0}
    host = host_part("b1", steps)
    assert (host["state"], host["error"], host["failures"]) == ("failed", "", ["No headers for kernel 6.1."])


@pytest.mark.parametrize("step", ["watched", "returned", "reverted"])
def test_a_host_that_is_lost_late_says_so(steps, step):
    lost = {**deployed(steps), step: {"unreachable": True, "msg": SSH}}
    host = host_part("web1", lost, rollout("failed", back={"web1": ["proc_demo"]}))
    assert (host["state"], host["error"]) == ("unreachable", SSH)


def test_the_times_of_a_wave_are_those_of_its_slowest_host(steps):
    hosts = [host_part("web1", steps), {**host_part("web2", steps), "seconds": {"look": 0.1, "load": 7.0}}]
    waves = ({**rollout()["waves"][0], "hosts": ["web1", "web2", "web3"]},)
    assert record(hosts, RUN._replace(waves=waves))["waves"][0]["spent"] == {"look": 0.4, "assert": 0.01, "load": 7.0}


def test_no_host_is_an_error():
    with pytest.raises(KmodError, match="no host to report on"):
        record([], RUN)


def test_the_whole_counts_its_states():
    whole = fleet(200)
    assert whole["version"] == VERSION
    assert sum(whole["counts"]["hosts"].values()) == len(whole["hosts"]) == 200
    assert sum(whole["counts"]["modules"].values()) == 200 * 5
    assert list(whole["counts"]["hosts"]) == [state for state in STATES if state in whole["counts"]["hosts"]]


def test_worst():
    assert worst(["ok", "drift", "ok"]) == "drift"
    assert worst([]) == "unknown"


def test_a_host_whose_reboot_was_not_reached(steps):
    steps["seen"]["kernel"]["release"] = "6.99"
    wave = {"name": "all", "hosts": ["web1"], "outcome": "pending", "index": 0}
    host = host_part("web1", steps, {"waves": [wave], "back": {}, "stopped": "x", "trouble": {}})
    assert host["kernel"]["release"] == RELEASES[0]
    assert {one["state"] for one in host["modules"].values()} == {"unknown"}


def test_what_was_given_to_dkms_is_a_change_and_no_drift(steps):
    steps["plan"]["dkms"] = {"reasons": {"proc_demo": ["not registered with DKMS"]}}
    steps["plan"]["reasons"] = {"proc_demo": ["not registered with DKMS"]}
    module = host_part("web1", steps)["modules"]["proc_demo"]
    assert (module["state"], module["reasons"]) == ("drift", ["not registered with DKMS"])
    steps["registered"] = {"modules": {"proc_demo": {"changed": True, "version": "1.0-abc"}}}
    module = host_part("web1", steps)["modules"]["proc_demo"]
    assert (module["state"], module["reasons"], module["changes"]) == ("ok", [], ["not registered with DKMS"])
    steps["reverted"] = {"modules": {"proc_demo": {"changed": True}}, "failed_modules": {}}
    back = rollout("failed", stopped="x", back={"web1": ["proc_demo"]})
    module = host_part("web1", steps, back)["modules"]["proc_demo"]
    assert (module["state"], module["reasons"], module["changes"]) == ("drift", ["not registered with DKMS"], [])


def test_what_dkms_refused_has_failed(steps):
    steps["registered"] = {"failed": True, "msg": "On web1: DKMS does not add proc_demo"}
    host = host_part("web1", steps)
    assert (host["state"], host["error"]) == ("failed", "On web1: DKMS does not add proc_demo")


def test_who_has_built_it(steps):
    steps["seen"]["modules"]["proc_demo"]["installed"]["by"] = "dkms"
    assert host_part("web1", steps)["modules"]["proc_demo"]["installed"]["by"] == "dkms"
