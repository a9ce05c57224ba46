# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The controller's actions, each called as Ansible calls it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible_collections.procfleet.procfs.plugins.action import kmod_contract, kmod_plan, kmod_report
from ansible_collections.procfleet.procfs.plugins.plugin_utils._certificate import read_certificate
from ansible_collections.procfleet.procfs.tests.certificates import issue
from ansible_collections.procfleet.procfs.tests.states import ABSENT

ROOT = Path(__file__).parents[4]
FILES = str(ROOT / "files/kmod")


def test_kmod_contract(action):
    result = action(kmod_contract, paths=[FILES], modules=["simpledriver", "proc-demo"]).run(None, {})
    assert result["names"] == ["simpledriver", "proc_demo"]
    assert result["kconfig"] == ["CONFIG_PROC_FS"]
    assert not result.get("changed")


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        ("loaded", {"/proc/myinfo": "present"}),
        ("absent", {"/proc/myinfo": "gone", "/sys/module/proc_demo": "gone"}),
        ("unloaded", {"/proc/myinfo": "gone", "/sys/module/proc_demo": "gone"}),
    ],
)
def test_kmod_contract_says_what_the_look_may_assert(action, state, shown):
    result = action(kmod_contract, paths=[FILES], modules=["proc_demo"], state=state, flags=["W=1"]).run(None, {})
    expected = json.loads(result["expected"])
    (module,) = expected["modules"]
    assert {entry["path"]: entry["state"] for entry in module["entries"]} == shown
    assert (module["name"], module["depends"], set(module["sources"])) == ("proc_demo", [], {"Kbuild", "proc_demo.c"})
    assert (expected["flags"], expected["certificate"]) == (["W=1"], "")


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"state": "prepared"},
        {"state": "cycled"},
        {"state": "loaded", "target": False},
        {"state": "loaded", "retries": 3},
    ],
)
def test_kmod_contract_has_nothing_to_assert(action, more):
    assert action(kmod_contract, paths=[FILES], **more).run(None, {})["expected"] == "{}"


def test_kmod_contract_says_who_signs(action, tmp_path):
    certificate = str(issue(tmp_path)[1])
    assert action(kmod_contract, paths=[FILES]).run(None, {})["signer"] == {}
    result = action(kmod_contract, paths=[FILES], certificate=certificate, state="loaded").run(None, {})
    assert result["signer"] == read_certificate(certificate)
    assert json.loads(result["expected"])["certificate"] == result["signer"]["id"]


OF_THE_ROLE = {"ansible_role_name": "procfleet.procfs.kmod", "inventory_hostname": "web1"}


def test_kmod_contract_notes_the_hosts_own_variables(action):
    """What was said with -e, or in an INI inventory, is text."""
    said = {**OF_THE_ROLE, "kmod_state": "absent", "kmod_rollback": "no", "kmod_sign_key": "/k"}
    own = action(kmod_contract, paths=[FILES]).run(None, said)["own"]
    assert own == {"state": "absent", "rollback": False, "sign_key": "/k", "sign_cert": "", "sign_file": ""}
    assert action(kmod_contract, paths=[FILES]).run(None, {"kmod_state": "x"})["own"] == {}


def test_kmod_contract_refuses_the_roles_variables_by_their_names(action):
    """They are refused before the arguments that are made of them, which have other names."""
    said = {**OF_THE_ROLE, "kmod_state": "lodaed", "kmod_assert_retries": "x", "kmod_modules": []}
    with pytest.raises(AnsibleActionFail) as caught:
        action(kmod_contract, paths=[FILES], retries="x").run(None, said)
    assert str(caught.value).startswith("web1 has variables that procfleet.procfs.kmod does not take: ")
    assert "'kmod_assert_retries' is of type str" in str(caught.value)
    assert "value of kmod_state must be one of: loaded, unloaded, absent, got: lodaed" in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ({"paths": [FILES], "certificate": "/no/c"}, "The certificate /no/c cannot be read"),
        ({"paths": ["/no/such"]}, "/no/such is not a directory"),
        ({"paths": [FILES], "modules": ["none"]}, "There is no module none"),
        (
            {"paths": [FILES], "modules": [{"name": "simpledriver", "parameters": {"mode": "0777"}}]},
            "0400 to 0666, not 0777",
        ),
        (
            {"paths": [FILES], "modules": [{"name": "proc_demo", "parameters": {"x": 1}}]},
            "proc_demo has no parameter x",
        ),
        ({}, "missing required arguments: paths"),
        ({"paths": [FILES], "moduls": []}, "Unsupported parameters"),
    ],
)
def test_what_kmod_contract_refuses(action, arguments, part):
    with pytest.raises(AnsibleError, match=part):
        action(kmod_contract, **arguments).run(None, {})


KERNEL = {
    "release": "6.1",
    "running": "6.1",
    "arch": "x86_64",
    "compiler": {"name": "gcc", "command": "gcc", "major": 12},
    "modules_supported": True,
    "sig_enforce": False,
    "lockdown": None,
    "taint": {"flags": ""},
}
SEEN = {
    "kernel": KERNEL,
    "os": {"id": "debian"},
    "headers": {"present": True, "make": "m", "compiler": "c"},
    "kconfig": {},
    "modules": {"proc_demo": ABSENT},
}


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize("state", ["loaded", "cycled"])
def test_kmod_plan_and_its_prediction(action, state, check):
    """The plan is the same in check mode, for the builders are settled from it; the report predicts."""
    given = {"paths": [FILES], "modules": ["proc_demo"], "seen": SEEN, "state": state}
    planned = action(kmod_plan, check=check, **given).run(None, {})
    assert (planned["changed"], len(planned["build"]), len(planned["modules"])) == (False, 1, 1)
    assert "proc_demo: live" in planned["prediction"]["after"]
    assert "diff" not in planned


@pytest.mark.parametrize(
    ("system", "manager", "packages"),
    [
        ({"id": "debian", "family": "debian"}, "apt", ["linux-headers-6.1", "gcc", "make"]),
        ({"id": "x"}, "", []),
    ],
)
def test_kmod_plan_knows_the_family(action, system, manager, packages):
    given = {"paths": [FILES], "modules": ["proc_demo"], "seen": {**SEEN, "os": system}}
    planned = action(kmod_plan, **given).run(None, {})
    assert (planned["manager"], planned["packages"]) == (manager, packages)
    assert action(kmod_plan, **given, packages=["mine"]).run(None, {})["packages"] == ["mine"]


def test_kmod_plan_knows_the_familys_dkms(action):
    modules = {"proc_demo": {**ABSENT, "dkms": None}}
    there = {"os": {"id": "debian", "family": "debian"}, "modules": modules, "dkms": {"command": None, "headers": []}}
    given = {"paths": [FILES], "modules": ["proc_demo"], "seen": {**SEEN, **there}, "dkms": True}
    assert action(kmod_plan, **given).run(None, {})["dkms"]["packages"] == ["dkms", "linux-headers"]
    assert action(kmod_plan, **given, dkms_packages=["mine"]).run(None, {})["dkms"]["packages"] == ["mine"]


def test_what_another_task_returned_may_be_named(action):
    given = {"paths": [FILES], "modules": ["proc_demo"]}
    by_value = action(kmod_plan, seen=SEEN, **given).run(None, {})
    assert action(kmod_plan, seen="looked", **given).run(None, {"looked": SEEN}) == by_value
    for variables in ({}, {"looked": "{{ other }}"}, {"looked": None}):
        with pytest.raises(
            AnsibleActionFail, match="`seen` is 'looked': it is neither a result nor a variable with one"
        ):
            action(kmod_plan, seen="looked", **given).run(None, variables)


def test_kmod_plan_of_a_host_that_nobody_could_reach(action):
    task = action(kmod_plan, paths=[FILES], seen={"unreachable": True, "msg": "No route to host"})
    with pytest.raises(AnsibleActionFail) as caught:
        task.run(None, {"inventory_hostname": "web1"})
    assert str(caught.value) == (
        "web1 cannot be reached, and nothing more is done there: No route to host. "
        "Run again once it answers, or leave it out with --limit."
    )


def test_kmod_plan_of_a_host_that_only_builds(action):
    given = {"paths": [FILES], "modules": ["proc_demo"], "seen": SEEN, "target": False}
    planned = action(kmod_plan, **given).run(None, {})
    assert (planned["build"], planned["modules"], planned["entries"], planned["reasons"]) == ([], [], {}, {})


@pytest.mark.parametrize("state", ["prepared", "rebooted"])
@pytest.mark.parametrize("wanted", ["unloaded", "absent"])
def test_kmod_plan_prepares_no_kernel_for_modules_that_are_to_be_out_of_it(action, state, wanted):
    given = {"paths": [FILES], "modules": ["proc_demo"], "seen": {**SEEN, "kernels": ["6.1"]}}
    planned = action(kmod_plan, **given, state=state, wanted=wanted).run(None, {})
    assert (planned["build"], planned["modules"], planned["fingerprints"]) == ([], [], {})


def test_kmod_plan_predicts_nothing_where_nothing_is_to_do(action):
    given = {"paths": [FILES], "modules": ["proc_demo"], "seen": SEEN, "state": "absent"}
    planned = action(kmod_plan, check=True, **given).run(None, {})
    assert planned["prediction"] == {"before": "", "after": ""}
    assert planned["entries"]["proc_demo"]


NOTHING = {"before": "", "after": ""}
PLAN = {"depends": {"m": []}, "fingerprints": {"m": "f" * 64}, "reasons": {}, "prediction": NOTHING}
STATE = {"kernel": KERNEL, "modules": {"m": {"state": "live"}}}
JOB = {"release": "6.2", "packages": ["make"], "modules": [{"name": "x", "fingerprint": "1" * 64}]}


def test_kmod_report(action):
    result = action(kmod_report, seen=STATE, plan=PLAN).run(None, {"inventory_hostname": "h"})
    assert result["msg"] == "kernel 6.1 (x86_64), taint none\nm: live, build ffffffffffff"


def test_kmod_report_fails_with_all(action):
    loaded = {"failed_modules": {"m": {"msg": "m does not build on b1; what ran before runs on:\n  m.c:1: no"}}}
    with pytest.raises(AnsibleActionFail, match=r"On web1:\nm does not build") as caught:
        action(kmod_report, seen={}, plan=PLAN, loaded=loaded).run(None, {"inventory_hostname": "web1"})
    assert "m.c:1: no" in str(caught.value)


@pytest.mark.parametrize("loaded", [{"modules": ["m"]}, {"failed_modules": ["m"]}, {"failed_modules": {"m": {}}}])
def test_kmod_report_of_an_answer_that_cannot_be_read(action, loaded):
    with pytest.raises(AnsibleActionFail, match=r"On web1:\nits answer makes no sense: \w+Error: .* See what runs"):
        action(kmod_report, seen=STATE, plan=PLAN, loaded=loaded).run(None, {"inventory_hostname": "web1"})


def test_kmod_report_of_a_host_that_only_builds(action):
    plan = {**PLAN, "depends": {}, "fingerprints": {}}
    built = {"results": [{"unbuilt": "No headers for kernel 6.1."}, {"modules": {}, "failed_modules": {}}]}
    with pytest.raises(AnsibleActionFail, match=r"On b1:\nNo headers for kernel 6\.1\.\n"):
        action(kmod_report, seen=STATE, plan=plan, built=built).run(None, {"inventory_hostname": "b1"})


def test_kmod_report_of_a_cycle(action):
    given = {"seen": STATE, "plan": PLAN, "cycle": {"cleared": "left", "restored": "brought_back"}}
    variables = {"inventory_hostname": "web1", "left": {"failed_modules": {"m": {"msg": "m is busy"}}}}
    with pytest.raises(AnsibleActionFail, match=r"On web1:\nWhile unloading what a failure left: m is busy"):
        action(kmod_report, **given).run(None, variables)
    assert action(kmod_report, **given).run(None, {"left": {"skipped": True}})["msg"]


def test_kmod_report_reads_the_rollout_as_it_was_registered(action):
    wave = {"name": "rest", "hosts": ["h"], "started": None, "seconds": 0, "outcome": "pending", "index": 0}
    rollout = {"waves": [wave], "open": None, "stopped": "the wave `canary` did not pass", "trouble": {}, "back": {}}
    task = action(kmod_report, seen=STATE, plan=PLAN, rollout="settled")
    result = task.run(None, {"inventory_hostname": "h", "settled": rollout})
    assert "not touched, for the wave `canary` did not pass" in result["msg"]


CHANGE = {"before": "m: absent\n", "after": "m: live\n"}


@pytest.mark.parametrize(
    ("check", "plan", "jobs", "after"),
    [
        (True, PLAN, [], None),
        (True, {**PLAN, "reasons": {"m": ["not loaded"]}, "prediction": CHANGE}, [], "m: live\n"),
        (True, PLAN, [JOB], "package make installed\nx: build 111111111111\n"),  # a host that only builds changes too
        (False, {**PLAN, "reasons": {"m": ["not loaded"]}, "prediction": CHANGE}, [JOB], None),
    ],
)
def test_kmod_report_predicts(action, check, plan, jobs, after):
    result = action(kmod_report, check=check, seen=STATE, plan=plan, jobs=jobs).run(None, {})
    assert result["changed"] is (after is not None)
    assert result.get("diff", {}).get("after") == after


def test_kmod_report_predicts_what_the_host_will_refuse(action):
    plan = {**PLAN, "reasons": {"m": ["the next boot goes by `x`"]}, "refused": {"m": "m cannot be set for boot."}}
    with pytest.raises(AnsibleActionFail, match="m cannot be set for boot"):
        action(kmod_report, check=True, seen=STATE, plan=plan).run(None, {})
    assert action(kmod_report, seen=STATE, plan=plan).run(None, {})["changed"] is False


def test_kmod_plan_with_a_signer(action):
    given = {"paths": [FILES], "modules": ["proc_demo"], "seen": SEEN}
    planned = action(kmod_plan, signer={"id": "c" * 64}, **given).run(None, {})
    (one,) = planned["sign"]
    assert one["build"] == action(kmod_plan, **given).run(None, {})["fingerprints"]["proc_demo"]
