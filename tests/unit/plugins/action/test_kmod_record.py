# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The record of real plays on this machine: no host that the play was for is missing, whatever became of it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from xml.etree import ElementTree as xml

import pytest
from ansible_collections.procfleet.procfs.plugins.action.kmod_record import told, write
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.plugin_utils._part import host_part
from ansible_collections.procfleet.procfs.tests.fleet import RUN, fleet, results

ROOT = Path(__file__).resolve().parents[4]
LOST = {"ansible_host": "127.0.0.1", "ansible_port": 1, "ansible_timeout": 3}
BROKEN = {"ansible_connection": "local", "kmod_modules": ["no_such_module"]}


@pytest.fixture
def play(tmp_path):
    """Run a playbook against hosts; return its exit status, what it printed, and the folder of its record."""

    def play(name, hosts, *options):
        inventory = tmp_path / "inventory.json"
        variables = {"ansible_become": False, "ansible_python_interpreter": "/usr/bin/python3"}
        inventory.write_text(json.dumps({"all": {"hosts": hosts, "vars": variables}}), encoding="utf-8")
        folder = tmp_path / "report"
        command = ["ansible-playbook", "-i", inventory, ROOT / "playbooks" / name, "-e", f"kmod_report_dir={folder}"]
        environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
        done = subprocess.run(
            [*command, *options], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        return done.returncode, done.stdout + done.stderr, folder

    return play


@pytest.mark.parametrize("name", ["status.yml", "verify.yml", "deploy.yml"])
def test_a_lost_and_a_failed_host_are_in_the_record_and_the_play_fails(play, name):
    status, said, folder = play(name, {"lost": LOST, "broken": BROKEN})
    hosts = {host["name"]: host for host in json.loads((folder / "record.json").read_text())["hosts"]}
    assert status == 2, said
    assert {name: host["state"] for name, host in hosts.items()} == {"lost": "unreachable", "broken": "failed"}
    assert "no_such_module" in hosts["broken"]["error"]
    assert hosts["lost"]["reachable"] is False
    assert len(xml.parse(folder / "junit.xml").findall(".//error")) == 2  # noqa: S314 - our own
    assert "2 hosts: 1 failed, 1 unreachable" in said


def test_a_fleet_of_which_no_host_answers_has_a_record(play):
    status, said, folder = play("status.yml", {"lost": LOST})
    assert status == 2, said
    assert json.loads((folder / "record.json").read_text())["counts"]["hosts"] == {"unreachable": 1}
    assert "cannot be reached, and nothing more is done there" in said


@pytest.mark.parametrize("name", ["cycle.yml", "deploy.yml", "status.yml", "unload.yml", "verify.yml"])
def test_no_host_at_all_is_a_failure(play, name):
    """Ansible itself says `no hosts matched`, and ends with 0."""
    status, said, folder = play(name, {"broken": BROKEN}, "-e", "kmod_hosts=nobody")
    assert status == 2, said
    assert "No host of the inventory matches nobody" in " ".join(said.split())
    assert not folder.exists()


@pytest.mark.parametrize(
    ("limit", "pattern", "status"),
    [
        ("web5", "edge*", 2),
        ("all:!edge1", "edge1", 2),
        ("web5,edge1", "edge*", 0),
        ("web5,localhost", "web*", 0),
        ("nobody", "all", 1),  # that Ansible itself refuses
    ],
)
def test_no_host_within_the_limit_is_a_failure_and_nobody_is_called_for_that(play, limit, pattern, status):
    """A call would fail: nobody listens there."""
    came, said, _folder = play(
        "hosts.yml", {"edge1": LOST, "web5": LOST}, "--limit", limit, "-e", f"kmod_hosts={pattern}"
    )
    assert came == status, said
    if status == 2:
        assert f"No host of the inventory matches {pattern} within --limit {limit}, so nothing" in " ".join(
            said.split()
        )


def test_check_mode_writes_nothing(play):
    _status, said, folder = play("status.yml", {"broken": BROKEN}, "--check")
    assert "1 host: 1 failed" in said
    assert not folder.exists()


@pytest.mark.parametrize("kept", [True, False])
def test_a_host_of_which_something_cannot_be_rendered_does_not_cost_the_others_their_record(kept):
    parts = [host_part(name, results()) for name in ("web1", "web2")]
    parts[0]["kernel"]["release"] = ["6.1"]
    parts[0]["modules"]["proc_demo"]["wanted"] = {"fingerprint": 6}
    shown, texts = told(parts, RUN, kept)
    assert "2 hosts: 1 failed, 1 ok" in shown
    assert "failed: its answer makes no sense: " in shown
    if kept:
        states = {host["name"]: host["state"] for host in json.loads(texts["record.json"])["hosts"]}
        assert states == {"web1": "failed", "web2": "ok"}


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    (tmp_path / "junit.xml").mkdir()  # what cannot be replaced
    with pytest.raises(KmodError, match=r"Writing .*junit\.xml failed"):
        write(told(fleet(1)["hosts"], RUN)[1], tmp_path)
    assert not list(tmp_path.glob(".procfleet-*"))
    assert json.loads((tmp_path / "record.json").read_text())["version"] == 1
