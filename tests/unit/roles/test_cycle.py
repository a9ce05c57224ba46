# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A real play of a cycle on this machine, with a stand-in for the kernel: whatever fails, the host is as it was."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
COLLECTION = "ansible_collections/procfleet/procfs"
# Says of modules that are loaded what a file says, and does not unload those that are busy.
KMOD = """
import json
from ansible.module_utils.basic import AnsibleModule
KNOWN = ("modules", "state", "install", "timeout", "unneeded", "partial", "retries", "delay")
FILE = "%s"
def main():
    module = AnsibleModule(argument_spec={name: {"type": "raw"} for name in KNOWN})
    with open(FILE) as stream:
        host = json.load(stream)
    names = [one["name"] for one in module.params["modules"]]
    state, failed = module.params["state"] or "loaded", {}
    for name in names:
        if state == "loaded" and name not in host["loaded"]:
            host["loaded"].append(name)
        elif state != "loaded" and name in host["busy"]:
            failed[name] = {"msg": name + " is busy"}
        elif state != "loaded" and name in host["loaded"]:
            host["loaded"].remove(name)
    if state in host["lost"]:
        failed = {name: {"msg": name + " does not do that"} for name in names}
    host["calls"].append(state)
    with open(FILE, "w") as stream:
        json.dump(host, stream)
    result = {"modules": {}, "failed_modules": failed, "brought": [], "changed": True}
    if failed and not module.params["partial"]:
        module.fail_json(msg="; ".join(one["msg"] for one in failed.values()), **result)
    module.exit_json(**result)
main()
"""
KERNEL = {"release": "6.1", "running": "6.1", "arch": "x86_64", "taint": {"flags": ""}}


@pytest.fixture
def cycle(tmp_path):
    """Run a cycle over modules of which some are busy; return status, output, and what became of the host."""
    copy = tmp_path / COLLECTION
    for folder in ("plugins", "roles", "playbooks", "meta"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    file = tmp_path / "host.json"
    (copy / "plugins/modules/kmod.py").write_text(KMOD % file, encoding="utf-8")
    for step in ("look", "settle"):
        (copy / f"roles/kmod/tasks/{step}.yml").write_text("- ansible.builtin.meta: noop\n", encoding="utf-8")

    def run(names, **host):
        file.write_text(json.dumps({"loaded": [*names], "busy": [], "lost": [], "calls": [], **host}), encoding="utf-8")
        items = [{"name": name} for name in names]
        plan = {"modules": items, "restore": items, "build": [], "sign": [], "depends": {name: [] for name in names}}
        variables = {
            "__kmod_plan": {**plan, "fingerprints": {}, "reasons": {}, "entries": {}, "manager": "apt"},
            "__kmod_seen": {"kernel": KERNEL, "modules": {}},
            "ansible_connection": "local",
            "ansible_become": False,
            "ansible_python_interpreter": "/usr/bin/python3",
        }
        (tmp_path / "vars.json").write_text(json.dumps(variables), encoding="utf-8")
        playbook = copy / "playbooks/cycle.yml"
        command = ["ansible-playbook", "-i", "web1,", str(playbook), "-e", f"@{tmp_path / 'vars.json'}"]
        environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(tmp_path)}
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        return done.returncode, done.stdout + done.stderr, json.loads(file.read_text())

    return run


def test_a_cycle_that_goes_well(cycle):
    status, said, host = cycle("abc")
    assert status == 0, said
    assert host["calls"] == ["unloaded", "loaded", "unloaded", "absent", "loaded"]
    assert sorted(host["loaded"]) == ["a", "b", "c"]


def test_where_one_is_busy_the_others_are_brought_back_and_the_run_fails(cycle):
    status, said, host = cycle("abc", busy=["c"])
    assert status == 2, said
    assert host["calls"] == ["unloaded", "absent", "loaded"]
    assert sorted(host["loaded"]) == ["a", "b", "c"]
    report = said.partition("TASK [procfleet.procfs.kmod : Show what")[2]
    assert "While unloading what was loaded: c is busy" in report
    assert "While unloading what a failure left: c is busy" in report


def test_a_way_back_that_fails_is_said_and_makes_the_run_fail(cycle):
    status, said, _host = cycle("abc", lost=["loaded"])
    assert status == 2, said
    assert "While loading what was loaded before: a does not do that" in said


def test_a_host_that_only_builds_has_nothing_to_cycle(cycle):
    status, said, host = cycle("")
    assert status == 0, said
    assert host["calls"] == []
