# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Hosts that run one kernel share one build; only the host that made it has a compiler."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

MODULES = ("proc_demo", "simpledriver", "procDriver")


@pytest.fixture(scope="module")
def store():
    """The controller's store of this scenario."""
    return Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "store"


def test_each_kernel_was_built_for_once(fleet, compilations):
    made = compilations()
    assert made["bare"] == ""
    for name in ("builder", "newer"):
        release = fleet[name].check_output("uname -r")
        assert made[name].startswith(f"build-{release}.log ")
        assert len(made[name].splitlines()) == 1
    assert fleet["builder"].check_output("uname -r") != fleet["newer"].check_output("uname -r")


def test_who_does_not_build_has_no_compiler(fleet):
    bare = fleet["bare"]
    for tool in ("gcc", "gcc-12", "make"):
        assert not bare.exists(tool)
    assert not bare.file(f"/lib/modules/{bare.check_output('uname -r')}/build").exists


def test_all_run_the_build_of_their_kernel(fleet, ask):
    seen = {name: ask(host) for name, host in fleet.items()}
    for module in MODULES:
        built = {name: one["modules"][module]["build_id"] for name, one in seen.items()}
        assert built["bare"] == built["builder"] != built["newer"]
        assert all(one["modules"][module]["state"] == "live" for one in seen.values())
    for host in fleet.values():
        assert host.file("/proc/myinfo").content_string.startswith("Hello from kernel space!\n")


def test_a_host_that_joins_needs_no_build(fleet, play, compilations):
    before = compilations()
    assert play("deploy.yml", "--limit", "bare", kmod_state="absent").status == 0
    done = play("deploy.yml", "--limit", "bare")
    assert (done.status, done.count("changed"), len(done.sent)) == (0, 1, 2), done.output  # the look, and the images
    assert compilations() == before
    assert not fleet["bare"].exists("make")


def test_a_flipped_bit_in_the_store_is_found_and_mended_without_a_compilation(fleet, play, store, compilations):
    before = compilations()
    release = fleet["bare"].check_output("uname -r")
    records = [path for path in store.rglob("proc_demo-*.json") if json.loads(path.read_text())["release"] == release]
    (record,) = records
    image = record.with_suffix(".ko")
    whole = image.read_bytes()
    image.write_bytes(whole[:1000] + bytes([whole[1000] ^ 1]) + whole[1001:])
    assert play("deploy.yml", "--limit", "bare", kmod_state="absent").status == 0
    done = play("deploy.yml")
    assert done.status == 0, done.output
    assert "The build of proc_demo in the store is not what was put there; it is replaced" in done.flat()
    assert image.read_bytes() == whole
    assert compilations() == before


def test_a_build_for_another_kernel_never_leaves_the_controller(fleet, play, store):
    releases = {name: fleet[name].check_output("uname -r") for name in ("bare", "newer")}
    found = {json.loads(path.read_text())["release"]: path for path in store.rglob("proc_demo-*.json")}
    right, wrong = found[releases["bare"]], found[releases["newer"]]
    kept = right.read_bytes(), right.with_suffix(".ko").read_bytes()
    assert play("deploy.yml", "--limit", "bare", kmod_state="absent").status == 0
    right.write_bytes(wrong.read_bytes())
    right.with_suffix(".ko").write_bytes(wrong.with_suffix(".ko").read_bytes())
    try:
        done = play("deploy.yml", "--limit", "bare")
        assert done.status != 0
        assert f"is for {releases['newer']} (x86_64), the host runs {releases['bare']}" in done.flat()
        with fleet["bare"].sudo():
            assert fleet["bare"].check_output("find /var/lib/procfleet /lib/modules -name 'proc_demo*'") == ""
            assert fleet["bare"].file("/proc/1999_proc/mydrive").content_string == "Hello\n"  # the others are there
    finally:
        right.write_bytes(kept[0])
        right.with_suffix(".ko").write_bytes(kept[1])
    assert play("deploy.yml", "--limit", "bare").status == 0


def test_a_parameter_for_one_group_is_a_reload_there_alone(fleet, play, tmp_path, ask):
    choice = [{"name": "simpledriver", "parameters": {"mode": "0644"}}, "proc_demo", "procDriver"]
    extra = tmp_path / "override.json"
    extra.write_text(json.dumps({"edge": {"hosts": {"newer": None}, "vars": {"kmod_modules": choice}}}))
    before = {name: ask(fleet[name])["modules"] for name in ("bare", "builder")}
    predicted = play("deploy.yml", "-i", str(extra), "--check")
    assert predicted.count("changed") == 1
    done = play("deploy.yml", "-i", str(extra))
    assert (done.status, done.count("changed")) == (0, 1), done.output
    assert ask(fleet["newer"])["modules"]["simpledriver"]["parameters"]["mode"] == "420"
    assert {name: ask(fleet[name])["modules"] for name in before} == before
    assert play("deploy.yml").status == 0
