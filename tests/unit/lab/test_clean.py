# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What `make clean` takes away, and what it leaves as it was."""

from __future__ import annotations

import os
import signal
import sys

import pytest
import yaml
from ansible.modules import blockinfile
from ansible_collections.procfleet.procfs.lab import clean

from .conftest import ROOT

CONF = '# Master configuration file for the QEMU driver.\n#\n#user = "libvirt-qemu"\n\n\tgroup = "kvm"  \n#last = 1\n'


def block_task():
    """The task of lab/host.yml that writes into qemu.conf."""
    plays = yaml.safe_load((ROOT / "lab/host.yml").read_text())
    tasks = [inner for play in plays for task in play["tasks"] for inner in task.get("block", [task])]
    return next(task["ansible.builtin.blockinfile"] for task in tasks if "ansible.builtin.blockinfile" in task)


@pytest.fixture
def conf(tmp_path, monkeypatch):
    path = tmp_path / "qemu.conf"
    monkeypatch.setattr(clean, "QEMU_CONF", path)
    return path


@pytest.fixture
def own(lab, monkeypatch):
    """The lab's own libvirtd runs, with the machines that a test puts in the list; `ended` are those that were."""
    lab.others, lab.ended = [], []
    monkeypatch.setattr(clean.Lab, "own_libvirtd", lambda _lab: 4711)
    monkeypatch.setattr(clean, "domains", lambda prefix, **_options: [m for m in lab.others if m.startswith(prefix)])
    monkeypatch.setattr(clean, "end", lab.ended.append)
    our_lab = clean.Lab(lab.root)
    our_lab.others, our_lab.ended = lab.others, lab.ended
    return our_lab


def put_in(call, conf):
    task = block_task()
    assert task["path"] == "/etc/libvirt/qemu.conf"
    return call(blockinfile, **{**task, "path": str(conf), "_ansible_remote_tmp": str(conf.parent)})


@pytest.mark.parametrize("text", [CONF, "", "# ü\n", "\n\n"], ids=["usual", "empty", "umlaut", "blank"])
def test_the_lines_in_qemu_conf_come_and_go(call, conf, own, capsys, text):
    conf.write_bytes(text.encode("latin-1"))
    conf.chmod(0o600)
    code, result = put_in(call, conf)
    assert (code, result["changed"]) == (0, True)
    assert conf.read_bytes().startswith(text.encode("latin-1"))
    assert b'user = "root"' in conf.read_bytes()
    assert put_in(call, conf)[1]["changed"] is False
    clean.stop_own_libvirtd(own)
    assert conf.read_bytes() == text.encode("latin-1")
    assert conf.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in conf.parent.glob("qemu.*")] == ["qemu.conf"]
    assert own.ended == [4711]
    assert f"the lab's lines in {conf} taken out" in capsys.readouterr().out


def test_what_follows_the_lines_stays(call, conf, own):
    conf.write_text(CONF)
    put_in(call, conf)
    with conf.open("a") as more:
        more.write("# BEGIN other\nvnc = 1\n# END other\n")
    clean.stop_own_libvirtd(own)
    assert conf.read_text() == CONF + "# BEGIN other\nvnc = 1\n# END other\n"


def test_a_conf_without_our_lines_is_not_written(conf, own):
    conf.write_text(CONF)
    before = conf.stat()
    clean.stop_own_libvirtd(own)
    after = conf.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_libvirtd_that_another_clone_needs_goes_on(call, conf, own, capsys):
    conf.write_text(CONF)
    put_in(call, conf)
    with_block = conf.read_bytes()
    own.others.append("procfleet-ffffff-inventory-lab_one")
    clean.stop_own_libvirtd(own)
    assert (own.ended, conf.read_bytes()) == ([], with_block)
    assert "goes on: procfleet-ffffff-inventory-lab_one still run under it" in capsys.readouterr().out


def test_a_libvirtd_that_goes_on_keeps_its_log(own, capsys):
    for path in (own.logs / "libvirtd.log", own.libvirtd_pid, own.boxes / "b/box.img"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    (own.boxes / "link").symlink_to("b")
    own.others.append("procfleet-ffffff-inventory-lab_one")
    clean.take_away(own, clean.stop_own_libvirtd(own))
    assert sorted(own.state.iterdir()) == [own.libvirtd_pid, own.logs]
    assert "clean again when they have gone" in capsys.readouterr().out
    own.others.clear()
    clean.take_away(own, clean.stop_own_libvirtd(own))
    assert not own.state.exists()


def test_a_libvirtd_that_is_not_ours_goes_on(conf, own, monkeypatch):
    monkeypatch.setattr(clean.Lab, "own_libvirtd", lambda _lab: None)
    conf.write_text(CONF)
    clean.stop_own_libvirtd(own)
    assert own.ended == []


def test_a_process_that_ends(monkeypatch):
    signals = []
    monkeypatch.setattr(os, "kill", lambda pid, number: signals.append((pid, number)))
    clean.end(999999999)
    assert signals == [(999999999, signal.SIGTERM)]


def test_a_process_that_does_not_want_to_end(monkeypatch):
    signals = []
    monkeypatch.setattr(os, "kill", lambda pid, number: signals.append((pid, number)))
    monkeypatch.setattr(clean.time, "sleep", lambda _seconds: None)
    clean.end(os.getpid())
    assert [number for _pid, number in signals] == [signal.SIGTERM, signal.SIGKILL]


@pytest.fixture
def libvirt(own, tmp_path, monkeypatch):
    """A libvirt with this clone's pool and one machine, among others."""
    calls = []

    def virsh(*args):
        calls.append(args)
        return f"default\n{own.id}\n{own.id}0\n" if args[0] == "pool-list" else ""

    own.others += [f"{own.id}-inventory-lab_one", f"{own.id}0-inventory-lab_one", "someone-elses"]
    monkeypatch.setattr(clean, "virsh", virsh)
    monkeypatch.setattr(clean, "remove_domain", lambda name: calls.append(("remove", name)))
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    monkeypatch.setattr(clean.Path, "home", lambda: tmp_path)
    return calls


def test_only_this_clones_machines_and_pool_go(libvirt, own, tmp_path):
    logs = tmp_path / ".cache/libvirt/qemu/log"
    logs.mkdir(parents=True)
    for name in (f"{own.id}-inventory-lab_one.log", "someone-elses.log"):
        (logs / name).touch()
    pool = tmp_path / own.id
    pool.mkdir()
    clean.clean_libvirt(own, pool)
    assert [args for args in libvirt if args[0] != "pool-list"] == [
        ("remove", f"{own.id}-inventory-lab_one"),
        ("pool-destroy", own.id),
        ("pool-undefine", own.id),
    ]
    assert not pool.exists()
    assert [path.name for path in logs.iterdir()] == ["someone-elses.log"]


@pytest.fixture
def clone(lab, conf, monkeypatch):
    """A clone that main() takes for its own."""
    ours = clean.Lab(lab.root)
    monkeypatch.setattr(sys.modules[clean.Lab.__module__], "SYSTEM_SOCKETS", ())
    monkeypatch.setattr(clean, "Lab", lambda _root: ours)
    return ours


def test_a_clone_without_libvirt(clone, bare_path, capsys):
    kept = sorted(clone.root.rglob("*"))
    kept = [path for path in kept if not path.is_relative_to(clone.state)]
    assert clean.main() == 0
    assert capsys.readouterr().out == f"lab: {clone.state} taken away\n"
    assert sorted(clone.root.rglob("*")) == kept
    assert clean.main() == 0
    assert capsys.readouterr().out == ""


def test_a_libvirtd_that_has_died_is_said_and_nothing_is_lost(call, clone, conf, bare_path, monkeypatch, capsys):
    conf.write_text(CONF)
    put_in(call, conf)
    bare_path("virsh")
    monkeypatch.setattr(clean, "libvirt_answers", lambda: False)
    monkeypatch.setattr(clean.os, "getuid", lambda: 0)
    assert clean.main() == 1
    assert "has died. Start it with `make lab`" in capsys.readouterr().err
    assert clone.state.exists()


def test_what_fails_is_said_and_the_state_is_kept(clone, bare_path, monkeypatch, capsys):
    def fail(*_args):
        raise clean.LabError("`virsh …` did not succeed")

    bare_path("virsh")
    monkeypatch.setattr(clean, "libvirt_answers", lambda: True)
    monkeypatch.setattr(clean, "clean_libvirt", fail)
    assert clean.main() == 1
    assert capsys.readouterr().err == "lab: `virsh …` did not succeed\n"
    assert clone.state.exists()


def test_molecule_forgets_this_clones_machines_and_no_others(lab, tmp_path, monkeypatch, capsys):
    """Its notes are named by the last part of a clone's path, which another clone may share."""
    monkeypatch.setenv("ANSIBLE_HOME", str(tmp_path / "home"))
    notes = {}
    for scenario, clone in (("default", lab.root), ("fleet", tmp_path / "other/clone"), ("own", None)):
        notes[scenario] = tmp_path / f"home/tmp/molecule.DW5A.{scenario}"
        (notes[scenario] / "inventory").mkdir(parents=True)
        if clone:
            link = notes[scenario] / "inventory/group_vars"
            link.symlink_to(f"{clone}/molecule/{scenario}/../../inventory/group_vars")
    clean.forget_scenarios(lab.root)
    assert capsys.readouterr().out == f"lab: {notes['default']} taken away\n"
    assert [name for name, note in notes.items() if note.exists()] == ["fleet", "own"]
