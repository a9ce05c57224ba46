# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A rollout goes in waves, is stopped by its gates, finds its way back, and goes on after whatever broke it off.

One new version serves all: on 6.1 it says what the old one says, on 6.12 it says something else.
"""

from __future__ import annotations

import json
import shutil

import pytest

STATUS = r"Status: Running and happy\n"
NEW = """#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#define STATUS "Status: Running and new"
#else
#define STATUS "Status: Running and happy"
#endif
"""
HAPPY, OTHER = "Status: Running and happy", "Status: Running and new"
# On the machine that has it, loading what the module needs is the last thing that it does.
DEADLY = "install crc7 echo 1 > /proc/sys/kernel/sysrq; echo b > /proc/sysrq-trigger; sleep 60"

EITHER = """---
name: proc_demo
version: "1.0"
description: As the shipped one, but content with either text.
depends: [crc7]
entries:
  - path: /proc/myinfo
    contains: "Status: Running and "
"""


@pytest.fixture(scope="module")
def new(root, tmp_path_factory):
    """The folder with the new version of proc_demo, and the other two modules as they are."""
    folder = tmp_path_factory.mktemp("kmod")
    shutil.copytree(root / "files/kmod", folder, dirs_exist_ok=True)
    source = folder / "proc_demo/proc_demo.c"
    text = source.read_text()
    assert STATUS in text
    lines = text.replace("#include <linux/module.h>", "#include <linux/module.h>\n#include <linux/version.h>\n" + NEW)
    edition = 'MODULE_INFO(edition, "second");\n'  # the same text is not the same image
    source.write_text(lines.replace(f'"{STATUS}"', 'STATUS "\\n"') + edition)
    return folder


@pytest.fixture(scope="module")
def either(new, tmp_path_factory):
    """The same sources, so the same builds, under a contract that both texts fulfil; and they need crc7."""
    folder = tmp_path_factory.mktemp("either")
    shutil.copytree(new, folder, dirs_exist_ok=True)
    (folder / "proc_demo/kmod.yml").write_text(EITHER)
    return folder


def demo(fleet, ask):
    """Return each host's proc_demo as kmod_info sees it, but for the builds that lie ready there."""
    seen = {name: dict(ask(host)["modules"]["proc_demo"]) for name, host in fleet.items()}
    return {name: {key: value for key, value in one.items() if key != "builds"} for name, one in seen.items()}


def below_lib_modules(host):
    """Return every file and folder of the running kernel's modules with its time of change."""
    with host.sudo():
        return host.check_output("find /lib/modules/$(uname -r)/ -printf '%p %T@\\n' | sort")


def status_line(host):
    return host.file("/proc/myinfo").content_string.splitlines()[2]


@pytest.fixture(scope="module", autouse=True)
def back_to_the_shipped_ones(fleet, play):
    """Whatever came of these tests, the machines are left as the others expect them."""
    yield
    for host in fleet.values():
        with host.sudo():
            host.run("rm -f /etc/modprobe.d/deadly.conf")
    assert play("deploy.yml").status == 0


def test_a_contract_that_fails_is_stopped_at_the_canary(fleet, play, ask, new, tmp_path):
    before, files = demo(fleet, ask), {name: below_lib_modules(fleet[name]) for name in ("bare", "builder")}
    done = play("deploy.yml", kmod_paths=[str(new)], kmod_waves=["newer", "100%"], kmod_report_dir=str(tmp_path))
    assert done.status != 0
    said = done.flat()
    assert "proc_demo does not hold what it must at /proc/myinfo: The host is as it was before." in said
    assert f"+{OTHER}" in said
    assert "not touched, for the wave `canary` did not pass: newer: proc_demo does" in said
    assert demo(fleet, ask) == before  # build-id, note, and all else
    assert status_line(fleet["newer"]) == HAPPY
    assert {name: below_lib_modules(fleet[name]) for name in files} == files
    record = json.loads((tmp_path / "record.json").read_text())
    assert [(wave["name"], wave["hosts"], wave["outcome"]) for wave in record["waves"]] == [
        ("canary", ["newer"], "returned"),
        ("wave 2", ["bare", "builder"], "pending"),
    ]
    states = {host["name"]: host["modules"]["proc_demo"]["state"] for host in record["hosts"]}
    assert states == {"newer": "failed", "bare": "drift", "builder": "drift"}


def test_what_fails_on_the_second_kernel_alone_sends_only_its_wave_back(fleet, play, ask, new, tmp_path, compilations):
    before, built = demo(fleet, ask), compilations()
    done = play("deploy.yml", kmod_paths=[str(new)], kmod_waves=["bare", "100%"], kmod_report_dir=str(tmp_path))
    assert done.status != 0
    after = demo(fleet, ask)
    assert after["bare"]["build_id"] != before["bare"]["build_id"]
    assert after["bare"]["manifest"]["former"]["build_id"] == before["bare"]["build_id"]
    for name in ("builder", "newer"):
        for key in ("build_id", "installed", "fingerprint", "parameters", "persist"):
            assert after[name][key] == before[name][key], (name, key)
    assert "proc_demo went back to its former state, for the wave `wave 2` did not pass: newer: " in done.flat()
    waves = json.loads((tmp_path / "record.json").read_text())["waves"]
    assert [(wave["name"], wave["outcome"]) for wave in waves] == [("canary", "done"), ("wave 2", "returned")]
    assert compilations() == built  # the store has them from the run before


def test_a_host_that_dies_in_its_wave_is_named_and_a_rerun_mends_it(
    fleet, play, wait_until, ask, either, tmp_path, compilations
):
    before, built, newer = demo(fleet, ask), compilations(), fleet["newer"]
    boot = newer.file("/proc/sys/kernel/random/boot_id").content_string
    with newer.sudo():
        newer.check_output(f"echo '{DEADLY}' > /etc/modprobe.d/deadly.conf")
    options = {"kmod_paths": [str(either)], "kmod_waves": ["bare", "100%"]}
    done = play("deploy.yml", **options, kmod_report_dir=str(tmp_path))
    assert done.status != 0
    said = done.flat()
    assert "On newer: does not answer" in said
    assert "proc_demo went back to its former state, for the wave `wave 2` did not pass: newer: does not answer" in said
    record = json.loads((tmp_path / "record.json").read_text())
    assert {host["name"]: host["state"] for host in record["hosts"]}["newer"] == "unreachable"
    assert [(wave["name"], wave["outcome"]) for wave in record["waves"]] == [
        ("canary", "done"),  # where nothing but what the next boot loads first is to be changed
        ("wave 2", "failed"),
    ]
    wait_until(lambda: newer.run("true").rc == 0)
    after = demo(fleet, ask)
    assert newer.file("/proc/sys/kernel/random/boot_id").content_string != boot
    for name in ("builder", "newer"):
        assert after[name]["build_id"] == before[name]["build_id"]  # newer by its own boot
    assert after["bare"]["build_id"] == before["bare"]["build_id"]
    with newer.sudo():
        newer.check_output("rm /etc/modprobe.d/deadly.conf")
    done = play("deploy.yml", **options, kmod_soak="3")  # text, as `-e kmod_soak=3` gives it
    assert done.status == 0, done.output
    assert [status_line(fleet[name]) for name in ("bare", "builder", "newer")] == [HAPPY, HAPPY, OTHER]
    assert compilations() == built


def test_a_controller_that_is_killed_leaves_no_riddle(fleet, play, start, wait_until, ask, tmp_path, compilations):
    before, built = demo(fleet, ask), compilations()
    running = start("deploy.yml", kmod_waves=["bare", 1], kmod_soak=300)
    # The note is the last that a call writes; what it still does when nobody listens any more is not asked here.
    wait_until(lambda: demo(fleet, ask)["bare"]["manifest"]["build_id"] != before["bare"]["build_id"])
    running.kill()
    assert play("playbooks/status.yml", kmod_report_dir=str(tmp_path)).status == 0
    hosts = json.loads((tmp_path / "record.json").read_text())["hosts"]
    states = {host["name"]: host["modules"]["proc_demo"]["state"] for host in hosts}
    assert states == {"bare": "ok", "builder": "drift", "newer": "drift"}
    done = play("deploy.yml", kmod_report_dir=str(tmp_path))
    assert done.status == 0, done.output
    waves = json.loads((tmp_path / "record.json").read_text())["waves"]
    assert [(wave["name"], wave["hosts"]) for wave in waves] == [
        ("unchanged", ["bare"]),
        ("wave 2", ["builder"]),
        ("wave 3", ["newer"]),
    ]
    assert all(wave["outcome"] == "done" for wave in waves)
    assert compilations() == built
    assert {status_line(host) for host in fleet.values()} == {HAPPY}


def test_each_hosts_own_rollback_decides_whoever_comes_first(fleet, play, ask, new, tmp_path):
    before, extra = demo(fleet, ask), tmp_path / "override.json"
    extra.write_text(json.dumps({"all": {"hosts": {"bare": {"kmod_rollback": "false"}}}}))  # text, as INI has it
    done = play("deploy.yml", "-i", str(extra), kmod_paths=[str(new)], kmod_waves=["100%"], kmod_soak="1")
    assert done.status != 0
    after = demo(fleet, ask)
    assert {name for name in before if after[name]["build_id"] != before[name]["build_id"]} == {"bare"}
    said = done.flat()
    assert "proc_demo went back to its former state, for the wave `all` did not pass: newer: proc_demo does" in said


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"kmod_waves": ["1O%"]}, "kmod_waves holds '1O%'"),
        ({"kmod_waves": []}, "kmod_waves is empty"),
        ({"kmod_tolerance": "some"}, "kmod_tolerance is 'some'"),
    ],
)
def test_what_cannot_be_a_rollout_is_refused_before_anything_is_done(play, variables, said):
    done = play("deploy.yml", **variables)
    assert done.status != 0
    assert said in done.flat()
    assert done.count("changed") == 0
    assert "Bring the modules" not in done.output
