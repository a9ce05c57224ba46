# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A real play on this machine: a builder whose first job fails goes on with the next, and its report fails."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from ansible_collections.procfleet.procfs.plugins.plugin_utils._images import ImageStore

ROOT = Path(__file__).resolve().parents[3]
PLAY = """
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.import_role: {name: procfleet.procfs.kmod, tasks_from: build}
    - ansible.builtin.debug: {msg: the play goes on}
    - ansible.builtin.import_role: {name: procfleet.procfs.kmod, tasks_from: report}
"""
KERNEL = {"release": "6.1", "running": "6.1", "arch": "x86_64", "taint": {"flags": ""}}
PLAN = {"modules": [], "build": [], "sign": [], "depends": {}, "fingerprints": {}, "reasons": {}, "entries": {}}


def job(release, fingerprint):
    """No host can do it: it names no kernel, which is seen before anything is touched there."""
    module = {"name": "tiny", "folder": str(ROOT / "files/kmod/proc_demo"), "fingerprint": fingerprint, "depends": []}
    return {"release": release, "flags": [], "packages": [], "manager": "apt", "modules": [module]}


def test_one_job_that_fails_as_a_whole_does_not_keep_the_host_from_the_next(tmp_path):
    jobs = [job("first/kernel", "a" * 64), job("second/kernel", "b" * 64)]
    variables = {
        "kmod_store": str(tmp_path / "store"),
        "__kmod_building": {"jobs": {"b1": jobs}},
        "__kmod_plan": PLAN,
        "__kmod_seen": {"kernel": KERNEL, "modules": {}},
        "ansible_connection": "local",
        "ansible_python_interpreter": "/usr/bin/python3",
    }
    (tmp_path / "vars.json").write_text(json.dumps(variables), encoding="utf-8")
    (tmp_path / "play.yml").write_text(PLAY, encoding="utf-8")
    command = ["ansible-playbook", "-i", "b1,", str(tmp_path / "play.yml"), "-e", f"@{tmp_path / 'vars.json'}"]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 2, said
    assert "the play goes on" in said
    report = said.partition("the play goes on")[2]
    store = ImageStore(variables["kmod_store"])
    for one in jobs:
        assert repr(one["release"]) in store.failure("tiny", one["modules"][0]["fingerprint"])
        assert repr(one["release"]) in report
    assert "On b1:" in report
