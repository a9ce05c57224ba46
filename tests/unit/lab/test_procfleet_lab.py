# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the lab's parts share: names of one clone, space, commands that end, and who holds a port."""

from __future__ import annotations

import getpass
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ansible.module_utils import procfleet_lab
from ansible.module_utils.procfleet_lab import Lab, LabError, domains, need_space, port_owner, remove_domain, run

LISTEN = (
    "import socket, time; s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen();"
    "print(s.getsockname()[1], flush=True); time.sleep(60)"
)


def test_two_clones_share_no_name(tmp_path):
    one, two = Lab(tmp_path / "one"), Lab(tmp_path / "two")
    assert one.id != two.id
    assert re.fullmatch(r"procfleet-[0-9a-f]{6}", one.id)
    assert Lab(tmp_path / "x/../one").id == one.id


def test_each_inventory_has_its_own_prefix(lab):
    assert lab.prefix(lab.root / "inventory/lab.yml") == f"{lab.id}-inventory-lab_"
    assert lab.prefix(lab.root / "molecule/own/inventory/hosts.yml") == f"{lab.id}-molecule-own-inventory-hosts_"
    assert lab.slug("/srv/else.where/my lab.yml") == "srv-else-where-my-lab"


def test_what_vagrant_is_told(lab, monkeypatch):
    monkeypatch.setenv("LAB_ACCEL", "tcg")
    env = lab.vagrant_env(lab.root / "inventory/lab.yml")
    assert env["LAB_DISKS"] == str(lab.pool)
    assert env["LAB_ACCEL"] == "tcg"  # the override goes through to the Vagrantfile
    assert env["LAB_PREFIX"] == lab.prefix(lab.root / "inventory/lab.yml")
    assert env["VAGRANT_CWD"] == str(lab.root)
    for kept in ("LAB_STATE", "VAGRANT_HOME", "VAGRANT_DOTFILE_PATH"):
        assert Path(env[kept]).is_relative_to(lab.state)


@pytest.mark.parametrize(
    ("uid", "own", "answers", "below_clone"),
    [(1000, None, True, True), (0, 7, True, True), (0, None, False, True), (0, None, True, False)],
)
def test_disks_lie_where_qemu_can_read_them(lab, monkeypatch, uid, own, answers, below_clone):
    monkeypatch.setattr(os, "getuid", lambda: uid)
    monkeypatch.setattr(Lab, "own_libvirtd", lambda _lab: own)
    monkeypatch.setattr(procfleet_lab, "libvirt_answers", lambda: answers)
    assert lab.pool == (lab.state / "pool" if below_clone else Path("/var/lib/libvirt/images") / lab.id)


@pytest.mark.parametrize("text", [None, "", "x", "0", "999999999"])
def test_no_libvirtd_of_our_own(lab, text):
    if text is not None:
        lab.libvirtd_pid.write_text(text)
    assert lab.own_libvirtd() is None


def test_a_pid_that_another_program_has_now_is_not_ours(lab):
    lab.libvirtd_pid.write_text(f"{os.getpid()}\n")
    assert lab.own_libvirtd() is None


def test_our_own_libvirtd(lab, tmp_path):
    program = tmp_path / "libvirtd"
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([program, "60"]) as process:
        lab.libvirtd_pid.write_text(f"{process.pid}\n")
        try:
            # The new name is there a moment after the new program.
            while Path(f"/proc/{process.pid}/comm").read_text() != "libvirtd\n" and process.poll() is None:
                time.sleep(0.01)
            assert lab.own_libvirtd() == process.pid
        finally:
            process.kill()


def test_libvirt_that_is_not_there(tmp_path, monkeypatch):
    monkeypatch.setattr(procfleet_lab, "SYSTEM_SOCKETS", (str(tmp_path / "none"), str(tmp_path)))
    assert not procfleet_lab.libvirt_answers()


def test_libvirt_that_listens(tmp_path, monkeypatch):
    path = str(tmp_path / "sock")
    monkeypatch.setattr(procfleet_lab, "SYSTEM_SOCKETS", (str(tmp_path / "none"), path))
    with procfleet_lab.socket.socket(procfleet_lab.socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        assert procfleet_lab.libvirt_answers()


def test_no_space(tmp_path, full_disk):
    folder = tmp_path / "not/yet"
    with pytest.raises(LabError) as caught:
        need_space(folder, 2500, "the box bookworm")
    assert str(caught.value) == (
        f"No disk space for the box bookworm: it needs 2500 MB under {folder}, where 100 MB are free. "
        "Free some space there, or put the clone on a larger disk."
    )
    assert not folder.parent.exists()


def test_enough_space(tmp_path, full_disk):
    need_space(tmp_path / "not/yet", 100, "a box")


def test_output_of_a_command(tmp_path):
    assert run(["sh", "-c", "echo out; echo err >&2; echo $LC_ALL"], timeout=10) == "out\nerr\nC\n"
    log = tmp_path / "new/x.log"
    assert run(["echo", "out"], timeout=10, log=log) == "$ echo out\nout\n"
    assert log.read_text() == "$ echo out\nout\n"


def test_a_command_that_fails(tmp_path):
    log = tmp_path / "x.log"
    with pytest.raises(LabError) as caught:
        run(["sh", "-c", "seq 100; exit 3"], timeout=10, log=log)
    text = str(caught.value)
    assert text.startswith("`sh -c seq 100; exit 3 …` did not succeed:\n89\n")
    assert text.endswith(f"100\nThe whole log is {log}")


def test_a_command_that_does_not_end_takes_its_children_with_it():
    started = time.monotonic()
    with pytest.raises(LabError, match=r"did not succeed within 0\.3 s:\nbegun$"):
        run(["sh", "-c", "echo begun; sleep 60 & wait"], timeout=0.3)
    assert time.monotonic() - started < 50


def test_domains_of_one_prefix_only(monkeypatch):
    monkeypatch.setattr(procfleet_lab, "virsh", lambda *_args: "a-x_one\nb-x_one\na-xy_one\n")
    assert domains("a-x_") == ["a-x_one"]


@pytest.mark.parametrize("running", [True, False])
def test_a_machine_goes_with_its_disk(monkeypatch, running):
    calls = []

    def virsh(*args):
        calls.append(args)
        return "m_one\n" if args[0] == "list" and running else ""

    monkeypatch.setattr(procfleet_lab, "virsh", virsh)
    remove_domain("m_one")
    assert [args[0] for args in calls] == ["list", *["destroy"] * running, "undefine"]
    assert calls[-1][1] == "m_one"
    assert "--remove-all-storage" in calls[-1]


def test_the_process_that_holds_a_port(listener):
    owner = port_owner(listener.getsockname()[1])
    assert owner.startswith(f"process {os.getpid()} (")


def test_a_machine_that_holds_a_port_is_called_by_its_name():
    command = [sys.executable, "-c", LISTEN, "-name", "guest=lab_one,debug-threads=on"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        port = int(process.stdout.readline())
        owner = port_owner(port)
        process.kill()
    assert owner == f"process {process.pid} ({Path(sys.executable).name} guest=lab_one)"


@pytest.mark.parametrize("known", [True, False])
def test_a_port_of_another_user(listener, monkeypatch, known):
    def hidden(_fd):
        raise PermissionError

    monkeypatch.setattr(os, "readlink", hidden)
    if not known:
        monkeypatch.setattr(procfleet_lab.pwd, "getpwuid", {}.__getitem__)
    who = f"user {getpass.getuser()}" if known else f"user with the uid {os.getuid()}"
    assert port_owner(listener.getsockname()[1]) == f"a process of the {who}"


def test_a_port_that_nobody_holds(listener):
    port = listener.getsockname()[1]
    listener.close()
    assert port_owner(port) == "an unknown process"
