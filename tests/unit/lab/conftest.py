# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A lab of a clone below a temporary folder, and the lab's own modules as Ansible would run them."""

from __future__ import annotations

import importlib
import json
import shutil
import socket
from pathlib import Path
from types import SimpleNamespace

import ansible.module_utils
import pytest
from ansible.module_utils.testing import patch_module_args

ROOT = Path(__file__).resolve().parents[3]
# Where Ansible lays what lies in a playbook's module_utils/.
ansible.module_utils.__path__.append(str(ROOT / "lab/module_utils"))
procfleet_lab = importlib.import_module("ansible.module_utils.procfleet_lab")


@pytest.fixture(autouse=True)
def no_system_libvirt(monkeypatch):
    """The libvirt of the machine that runs the tests is not asked."""
    monkeypatch.setattr(procfleet_lab, "SYSTEM_SOCKETS", ())


@pytest.fixture
def lab(tmp_path):
    """The lab of a clone in tmp_path/clone, with a key and with the files that a box is made by."""
    lab = procfleet_lab.Lab(tmp_path / "clone")
    lab.key.parent.mkdir(parents=True)
    lab.logs.mkdir()
    lab.key.write_text("secret")
    lab.key.with_suffix(".pub").write_text("ssh-ed25519 AAAA procfleet-lab\n")
    (lab.root / "lab/library").mkdir(parents=True)
    for maker in ("library/lab_box.py", "guest.sh", "guest_early.sh"):
        shutil.copy(ROOT / "lab" / maker, lab.root / "lab" / maker)
    return lab


@pytest.fixture
def call(capsys):
    """Run a module's main with arguments; return its status and its result."""

    def call(module, **arguments):
        with patch_module_args(arguments), pytest.raises(SystemExit) as caught:
            module.main()
        return caught.value.code, json.loads(capsys.readouterr().out)

    return call


@pytest.fixture
def full_disk(monkeypatch):
    """Disks with 100 MB left."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=100 * 2**20))


@pytest.fixture
def listener():
    """A socket that listens on a port of the loopback which the kernel chose."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server


@pytest.fixture
def bare_path(tmp_path, monkeypatch):
    """A PATH with nothing in it; a test adds the tools that it wants there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def add(name, text="#!/bin/sh\n"):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)

    return add
