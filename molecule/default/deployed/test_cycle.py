# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A cycle leaves the host as it was, whether something was loaded or not."""

from __future__ import annotations

MODULES = ("proc_demo", "simpledriver", "procDriver")


def test_of_a_deployed_host(play, files, info):
    before, loaded = files(), info(*MODULES)["modules"]
    done = play("playbooks/cycle.yml")
    assert done.status == 0, done.output
    assert "Hello from kernel space!" in done.output
    assert files() == before
    assert info(*MODULES)["modules"] == loaded


def test_of_a_host_without_anything_of_ours(play, files, info, host):
    assert play("deploy.yml", kmod_state="absent").status == 0
    before = files()
    assert not [line for line in before if "procfleet" in line]
    try:
        done = play("playbooks/cycle.yml")
        assert done.status == 0, done.output
        assert files() == before
        assert {one["state"] for one in info(*MODULES)["modules"].values()} == {"absent"}
        assert not host.file("/proc/myinfo").exists
    finally:
        assert play("deploy.yml").status == 0
