# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A real play on the controller: a token is tried once for all hosts, and only those that need it stop."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from ansible_collections.procfleet.procfs.tests.certificates import issue

ROOT = Path(__file__).resolve().parents[3]
# As a task of the role, which notes what each host's variables say.
CONTRACT = {
    "procfleet.procfs.kmod_contract": {"paths": [str(ROOT / "files/kmod")]},
    "vars": {"ansible_role_name": "procfleet.procfs.kmod"},
    "register": "__kmod_wanted",
}
KERNEL = {"release": "6.1", "arch": "x86_64", "compiler": {"name": "gcc"}}
SEEN = {"kernel": KERNEL, "headers": {"present": True, "make": "m", "compiler": "c"}, "os": {"id": "d", "version": "1"}}
SIGN = [{"name": "tiny", "build": "a" * 64, "fingerprint": "b" * 64}]


def test_a_wrong_pin_costs_one_try(tmp_path):
    program, count = tmp_path / "sign-file", tmp_path / "count"
    program.write_text(f"#!/bin/sh\necho >>{count}\necho wrong PIN >&2\nexit 1\n", encoding="utf-8")
    program.chmod(0o700)
    variables = {
        "kmod_sign_key": "pkcs11:token={{ token }}",  # as a group may have it
        "kmod_sign_cert": str(issue(tmp_path)[1]),
        "kmod_sign_file": str(program),
        "kmod_store": str(tmp_path / "store"),
        "kmod_builders": "",
        "kmod_paths": [str(ROOT / "files/kmod")],
        "planned": {"build": [], "flags": [], "packages": [], "manager": "apt", "sign": SIGN},
    }
    hosts = {**{f"web{number}": {"token": "t"} for number in range(4)}, "calm": {"token": "t", "kmod_nothing": True}}
    planned = {
        "__kmod_seen": SEEN,
        "__kmod_plan": "{{ planned | combine({'sign': []} if kmod_nothing | default(false) else {}) }}",
    }
    settle = {"ansible.builtin.import_role": {"name": "procfleet.procfs.kmod", "tasks_from": "settle"}}
    after = {"ansible.builtin.debug": {"msg": "goes on: {{ inventory_hostname }}"}}
    tasks = [CONTRACT, {"ansible.builtin.set_fact": planned}, settle, after]
    (tmp_path / "play.yml").write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
    (tmp_path / "hosts.json").write_text(json.dumps({"all": {"hosts": hosts, "vars": variables}}), encoding="utf-8")
    command = ["ansible-playbook", "-i", str(tmp_path / "hosts.json"), str(tmp_path / "play.yml")]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == 2, said
    assert count.read_text(encoding="utf-8") == "\n"
    assert said.count("a trial cannot be signed with pkcs11:token=t: sign-file says: wrong PIN") >= 4
    assert [name for name in hosts if f"goes on: {name}" in said] == ["calm"]
