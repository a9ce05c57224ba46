# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a machine needs to start under Secure Boot: made once, whole, and anew with another certificate."""

from __future__ import annotations

import itertools
import os
import tarfile

import pytest
from ansible_collections.procfleet.procfs.lab.library import lab_secure_boot
from ansible_collections.procfleet.procfs.lab.library.lab_secure_boot import BOOT_FILE


@pytest.fixture
def box(lab):
    """The box small, with a disk in it."""
    lab.boxes.mkdir()
    (lab.boxes / "small").symlink_to("small-1.json")
    (lab.root / "box.img").write_bytes(b"disk")
    with tarfile.open(lab.boxes / "small-1.box", "w") as tar:
        tar.add(lab.root / "box.img", "box.img")


@pytest.fixture
def tools(lab, monkeypatch):
    """The tools that are called, each doing what matters of its work; return the calls."""
    calls = []
    (lab.root / ".venv/bin").mkdir(parents=True)
    (lab.root / ".venv/bin/virt-fw-vars").touch()

    def run(argv, **_options):
        calls.append(argv)
        words = dict(itertools.pairwise(argv))
        if "debugfs" in argv and words["-R"].startswith("stat"):
            return f'Fast link dest: "boot{words["-R"].split()[1]}-6.1"'
        made = {"-out": "certificate", "-keyout": "key", "--output": "made"}
        for option in made.keys() & words.keys():
            lab_secure_boot.Path(words[option]).write_text(made[option])
        if "debugfs" in argv:
            lab_secure_boot.Path(words["-R"].split()[2]).write_text(words["-R"])
        return ""

    monkeypatch.setattr(lab_secure_boot, "run", run)
    return calls


@pytest.fixture
def ask(call, lab):
    def ask(**more):
        given = {"root": str(lab.root), "inventory": str(lab.root / "inventory/lab.yml"), "name": "one", "box": "small"}
        return call(lab_secure_boot, **given, **more)

    return ask


def test_all_is_made_once(ask, lab, box, tools):
    code, result = ask()
    assert (code, result["changed"]) == (0, True)
    assert (lab.pool / "small-1.esp" / BOOT_FILE).read_text() == "made"
    assert (lab.pool / f"{lab.prefix(lab.root / 'inventory/lab.yml')}one.nvram").read_text() == "made"
    assert (lab.state / "secureboot").stat().st_mode & 0o777 == 0o700
    assert list(lab.boxes.glob(".disk-*")) == []
    tools.clear()
    code, result = ask()
    assert (code, result["changed"], tools) == (0, False, [])


def test_the_kernel_is_found_by_its_link_and_signed_with_the_certificate(ask, lab, box, tools):
    ask()
    asked = [argv[2] for argv in tools if argv[0] == "debugfs"]
    assert [words.rsplit(" ", 1)[0] for words in asked[1::2]] == ["dump /boot/vmlinuz-6.1", "dump /boot/initrd.img-6.1"]
    (sign,) = [argv for argv in tools if argv[0] == "sbsign"]
    assert sign[1:5] == ["--key", str(lab.state / "secureboot/db.key"), "--cert", str(lab.state / "secureboot/db.pem")]


def test_the_firmware_trusts_this_certificate_and_nobody_elses(ask, lab, box, tools):
    ask()
    (enrol,) = [argv for argv in tools if argv[0].endswith("virt-fw-vars")]
    assert [word for word in enrol if word.startswith("--")][2:] == ["--set-pk", "--add-kek", "--add-db", "--sb"]
    assert enrol.count(str(lab.state / "secureboot/db.pem")) == 3


def test_another_certificate_makes_both_anew(ask, lab, box, tools):
    ask()
    for path in lab.pool.rglob("*"):
        os.utime(path, (1, 1))
    tools.clear()
    assert ask()[1]["changed"]
    assert {os.path.basename(argv[0]) for argv in tools} >= {"sbsign", "virt-fw-vars"}


def test_a_key_without_a_certificate_is_made_anew(ask, lab, box, tools):
    """The power went in between."""
    (lab.state / "secureboot").mkdir()
    (lab.state / "secureboot/db.key").write_text("half")
    ask()
    assert (lab.state / "secureboot/db.key").read_text() == "key"
    assert (lab.state / "secureboot/db.pem").read_text() == "certificate"


def test_no_link_to_a_kernel(ask, lab, box, tools, monkeypatch):
    monkeypatch.setattr(lab_secure_boot, "run", lambda argv, **_options: tools.append(argv) or "")
    (lab.state / "secureboot").mkdir()
    (lab.state / "secureboot/db.pem").touch()
    code, result = ask()
    assert code == 1
    assert "one cannot be started under Secure Boot. The box's disk has no link /vmlinuz" in result["msg"]
    assert list(lab.boxes.glob(".disk-*")) == []


@pytest.mark.parametrize(("gone", "said"), [("virt-fw-vars", "run `make lab` first"), ("box", "No such file")])
def test_what_is_missing_is_named(ask, lab, box, tools, gone, said):
    path = {"virt-fw-vars": lab.root / ".venv/bin/virt-fw-vars", "box": lab.boxes / "small-1.box"}[gone]
    path.unlink()
    code, result = ask()
    assert code == 1
    assert said in result["msg"]


def test_a_full_disk(ask, box, tools, full_disk):
    code, result = ask()
    assert code == 1
    assert "No disk space for the disk of small-1.box" in result["msg"]
