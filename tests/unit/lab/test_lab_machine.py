# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether a machine runs or can: what is in its way is named, with what to do."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from ansible.module_utils import procfleet_lab
from ansible_collections.procfleet.procfs.lab.library import lab_host, lab_machine

from .conftest import ROOT


@pytest.fixture
def look(call, lab, bare_path, monkeypatch):
    """Ask for the machine `one` with all tools there; `running` is what libvirt lists."""
    for tool in lab_machine.TOOLS:
        bare_path(tool)

    def look(port, running=()):
        inventory = lab.root / "inventory/lab.yml"
        listed = [lab.prefix(inventory) + name for name in running]
        monkeypatch.setattr(procfleet_lab, "virsh", lambda *_args: "\n".join(listed))
        return call(lab_machine, root=str(lab.root), inventory=str(inventory), name="one", port=port)

    return look


def test_a_machine_that_can_be_started(look, listener):
    port = listener.getsockname()[1]
    listener.close()
    code, result = look(port)
    assert (code, result["changed"], result["running"]) == (0, False, False)


def test_a_machine_that_runs_holds_its_port_itself(look, listener, full_disk):
    code, result = look(listener.getsockname()[1], running=["one"])
    assert (code, result["running"]) == (0, True)


def test_a_port_that_is_taken(look, listener, lab):
    port = listener.getsockname()[1]
    code, result = look(port, running=["two"])
    assert code == 1
    assert f"Port {port} of 127.0.0.1, by which one would be reached" in result["msg"]
    assert "(Address already in use)" in result["msg"]
    assert f"it is held by process {os.getpid()} (" in result["msg"]
    assert result["msg"].endswith(f"End that, or give one another ansible_port in {lab.root / 'inventory/lab.yml'}.")


def test_no_space_for_a_machine(look, listener, lab, full_disk):
    port = listener.getsockname()[1]
    listener.close()
    code, result = look(port)
    assert code == 1
    needs = f"it needs {lab_machine.DISK_MB} MB under {lab.pool}, where 100 MB are free."
    assert f"No disk space for the machine one: {needs}" in result["msg"]
    assert not lab.pool.exists()


def test_vagrant_that_is_not_installed(call, lab, bare_path):
    bare_path("virsh")
    code, result = call(lab_machine, root=str(lab.root), inventory="lab.yml", name="one", port=1)
    assert code == 1
    assert result["msg"] == "vagrant, qemu-img, mmdebstrap not installed on this machine: run `make lab` first."


def test_a_key_that_is_not_made(look, lab):
    lab.key.unlink()
    code, result = look(1)
    assert (code, result["msg"]) == (1, f"{lab.key} is missing: run `make lab` first.")


def test_the_clones_vagrant_without_vagrant(tmp_path):
    done = subprocess.run(
        [sys.executable, ROOT / "lab/vagrant", "status"],
        env={"PATH": str(tmp_path)}, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == "Vagrant is not installed: `make lab` does it.\n"


DPKG = """#!/bin/sh
echo 'ii |vagrant'
echo 'rc |qemu-utils'
echo 'dpkg-query: no packages found matching grub-pc-bin' >&2
exit 1
"""


def test_what_this_machine_lacks(call, lab, bare_path):
    bare_path("dpkg-query", DPKG)
    code, result = call(lab_host, root=str(lab.root), packages=["vagrant", "qemu-utils", "grub-pc-bin"])
    assert (code, result["changed"]) == (0, False)
    assert result["missing"] == ["qemu-utils", "grub-pc-bin"]  # removed with its settings kept is not installed


@pytest.mark.parametrize(
    ("uid", "own", "answers", "kind"),
    [(1000, None, False, "session"), (0, 7, True, "own"), (0, None, True, "system"), (0, None, False, "none")],
)
def test_which_libvirt_serves(lab, monkeypatch, uid, own, answers, kind):
    monkeypatch.setattr(os, "getuid", lambda: uid)
    monkeypatch.setattr(lab_host, "libvirt_answers", lambda: answers)
    monkeypatch.setattr(lab_host.Lab, "own_libvirtd", lambda _lab: own)
    assert lab_host.libvirt_kind(lab) == kind


@pytest.mark.parametrize("port", [0, 22, 1023, 65536])
def test_a_port_that_no_machine_can_have(look, port):
    code, result = look(port=port)
    assert code == 1
    assert f"ansible_port {port} in" in result["msg"]
    assert "1024 to 65535" in result["msg"]
