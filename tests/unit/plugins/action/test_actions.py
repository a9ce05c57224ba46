# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The controller's actions, each called as Ansible calls it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible_collections.procfleet.procfs.plugins.action import kmod_build, kmod_contract, kmod_plan, kmod_report
from ansible_collections.procfleet.procfs.plugins.module_utils._build import unpack

ROOT = Path(__file__).parents[4]
FILES = str(ROOT / "files/kmod")


@pytest.fixture
def action():
    def make(module, check=False, **arguments):
        task = SimpleNamespace(args=arguments, check_mode=check, async_val=0, action="x", diff=False)
        shell = SimpleNamespace(tmpdir=None)
        return module.ActionModule(task, SimpleNamespace(_shell=shell), SimpleNamespace(), None, None, None)

    return make


def test_kmod_contract(action):
    result = action(kmod_contract, paths=[FILES], modules=["simpledriver", "proc-demo"]).run(None, {})
    assert result["names"] == ["simpledriver", "proc_demo"]
    assert result["kconfig"] == ["CONFIG_PROC_FS"]
    assert not result.get("changed")


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
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
    "arch": "x86_64",
    "compiler": {"name": "gcc", "command": "gcc", "major": 12},
    "modules_supported": True,
    "sig_enforce": False,
    "lockdown": None,
    "taint": {"flags": ""},
}
ABSENT = {
    "state": "absent",
    "holders": [],
    "parameters": {},
    "build_id": None,
    "installed": None,
    "fingerprint": None,
    "resolves_to": None,
    "persist": {"load": False, "options": None},
    "builds": [],
    "manifest": {},
}
SEEN = {
    "kernel": KERNEL,
    "os": {"id": "debian"},
    "headers": {"present": True, "make": "m", "compiler": "c"},
    "kconfig": {},
    "modules": {"proc_demo": ABSENT},
}


@pytest.mark.parametrize("state", ["loaded", "cycled"])
def test_kmod_plan_and_its_prediction(action, state):
    given = {"paths": [FILES], "modules": ["proc_demo"], "seen": SEEN, "state": state}
    planned = action(kmod_plan, **given).run(None, {})
    assert (planned["changed"], planned["diff"], len(planned["build"]), len(planned["modules"])) == (False, {}, 1, 1)
    predicted = action(kmod_plan, check=True, **given).run(None, {})
    assert (predicted["changed"], predicted["build"], predicted["modules"], predicted["entries"]) == (True, [], [], {})
    assert "proc_demo: live" in predicted["diff"]["after"]


def test_kmod_plan_predicts_nothing_where_nothing_is_to_do(action):
    given = {"paths": [FILES], "modules": ["proc_demo"], "seen": SEEN, "state": "absent"}
    predicted = action(kmod_plan, check=True, **given).run(None, {})
    assert predicted["changed"] is False
    assert predicted["entries"]["proc_demo"]


PLAN = {"depends": {"m": []}, "fingerprints": {"m": "f" * 64}, "reasons": {}}


def test_kmod_report(action):
    seen = {"kernel": KERNEL, "modules": {"m": {"state": "live"}}}
    result = action(kmod_report, seen=seen, plan=PLAN).run(None, {"inventory_hostname": "h"})
    assert result["msg"] == ["kernel 6.1 (x86_64), taint none", "m: live, build ffffffffffff"]


def test_kmod_report_fails_with_all(action):
    built = {"failed_modules": {"m": ["m.c:1: no"]}, "log": "/l"}
    with pytest.raises(AnsibleActionFail, match=r"On web1:\nm does not build") as caught:
        action(kmod_report, seen={}, plan=PLAN, built=built).run(None, {"inventory_hostname": "web1"})
    assert "m.c:1: no" in str(caught.value)


@pytest.fixture
def sent(monkeypatch):
    """Record what kmod_build hands to the module of its name."""
    calls = []
    monkeypatch.setattr(
        kmod_build.ActionModule,
        "_execute_module",
        lambda _self, module_name, module_args, task_vars: (calls.append(module_args), {"name": module_name})[1],
    )
    return calls


def test_kmod_build_packs(action, sent, tmp_path):
    folder = str(Path(FILES) / "proc_demo")
    modules = [{"name": "proc-demo", "folder": folder}]
    assert action(kmod_build, modules=modules, jobs=1).run(None, {}) == {"name": "procfleet.procfs.kmod_build"}
    unpack(sent[0]["archive"], str(tmp_path))
    assert (tmp_path / "proc_demo/Kbuild").is_file()
    assert len(sent[0]["modules"][0]["fingerprint"]) == 64
    assert sent[0]["jobs"] == 1
    action(kmod_build, modules=[{**modules[0], "fingerprint": "mine"}]).run(None, {})
    assert sent[1]["modules"][0]["fingerprint"] == "mine"


def test_kmod_build_of_a_folder_without_sources(action, sent, tmp_path):
    with pytest.raises(AnsibleActionFail, match=r"The sources cannot be packed: .* has no Kbuild"):
        action(kmod_build, modules=[{"name": "m", "folder": str(tmp_path)}]).run(None, {})
    assert sent == []


@pytest.mark.parametrize("modules", [None, "m", ["m"], [5], [None], [{"name": "m"}], [{}]])
def test_kmod_build_leaves_what_is_malformed_to_the_module(action, sent, modules):
    action(kmod_build, modules=modules).run(None, {})
    assert sent == [{"modules": modules}]
