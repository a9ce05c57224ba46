# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""All machines of one inventory: started together or taken away, one run at a time."""

from __future__ import annotations

import io
import json
import tarfile

import pytest
from ansible.module_utils import procfleet_lab
from ansible.module_utils.procfleet_lab import LabError
from ansible_collections.procfleet.procfs.lab.library import lab_vagrant


@pytest.fixture
def virsh(monkeypatch):
    """A libvirt that knows what is in the dictionary, by virsh's words; what it was told is kept under `calls`."""
    knows = {"calls": []}

    def virsh(*args, **_options):
        knows["calls"].append(args)
        return knows.get(" ".join(args), "")

    monkeypatch.setattr(procfleet_lab, "virsh", virsh)
    monkeypatch.setattr(lab_vagrant, "virsh", virsh)
    return knows


@pytest.fixture
def vagrant(monkeypatch):
    """What Vagrant would have been called with."""
    calls = []
    monkeypatch.setattr(lab_vagrant, "run", lambda argv, **options: calls.append((argv, options)))
    return calls


@pytest.fixture
def ask(call, lab):
    def ask(**arguments):
        return call(lab_vagrant, root=str(lab.root), inventory=str(lab.root / "inventory/lab.yml"), **arguments)

    return ask


@pytest.fixture
def box(lab):
    """The box small, whole; return its disk's content."""
    lab.boxes.mkdir()
    (lab.boxes / "small-1.json").write_text(json.dumps({"name": "small-1"}))
    (lab.boxes / "small").symlink_to("small-1.json")
    (lab.boxes / ".small.lock").touch()
    with tarfile.open(lab.boxes / "small-1.box", "w") as tar:
        member = tarfile.TarInfo("box.img")
        member.size = 5
        tar.addfile(member, io.BytesIO(b"whole"))
    return b"whole"


def test_machines_that_run_are_left_alone(ask, lab, virsh, vagrant):
    prefix = lab.prefix(lab.root / "inventory/lab.yml")
    virsh["list --name --state-running"] = f"{prefix}one\n{prefix}two\n"
    code, result = ask(names=["one", "two"])
    assert (code, result["changed"], vagrant) == (0, False, [])


def test_machines_are_started_in_a_pool_of_the_clones_own(ask, lab, virsh, vagrant, box):
    virsh["list --name --state-running"] = f"{lab.prefix(lab.root / 'inventory/lab.yml')}one\n"
    code, result = ask(names=["one", "two"])
    assert (code, result["changed"]) == (0, True)
    argv, options = vagrant[0]
    assert argv == [str(lab.root / "lab/vagrant"), "up", "--no-color", "one", "two"]
    assert options["env"]["LAB_POOL"] == lab.id
    assert len(options["pass_fds"]) == 1
    assert ("pool-define-as", lab.id, "dir", "--target", str(lab.pool)) in virsh["calls"]
    assert ("pool-start", lab.id) in virsh["calls"]


def test_a_pool_that_is_there_stays(lab, virsh):
    virsh["pool-list --all --name"] = virsh["pool-list --name"] = f"default\n{lab.id}\n"
    lab_vagrant.ensure_pool(lab)
    assert [args[0] for args in virsh["calls"]] == ["pool-list", "pool-list"]


def test_the_disk_of_a_box_is_whole_or_not_there(lab, virsh, box):
    lab.pool.mkdir()
    volume = lab.pool / "small-1_vagrant_box_image_1.0.0_box.img"
    part = volume.with_suffix(".part")
    part.write_bytes(b"a part, longer than the whole")
    lab_vagrant.ensure_box_volumes(lab)
    assert volume.read_bytes() == box
    assert [path.name for path in lab.pool.iterdir()] == [volume.name]
    before = volume.stat().st_mtime_ns
    lab_vagrant.ensure_box_volumes(lab)
    assert volume.stat().st_mtime_ns == before


def test_a_copy_that_breaks_off_leaves_no_disk(lab, virsh, box, monkeypatch):
    def broken(_source, target, _size):
        target.write(b"wh")
        raise OSError("No space left on device")

    lab.pool.mkdir()
    monkeypatch.setattr(lab_vagrant.shutil, "copyfileobj", broken)
    with pytest.raises(OSError, match="No space"):
        lab_vagrant.ensure_box_volumes(lab)
    assert list(lab.pool.glob("*.img")) == []


def test_what_goes_away_is_this_inventorys(ask, lab, virsh, bare_path, monkeypatch):
    bare_path("virsh")
    gone = []
    monkeypatch.setattr(lab_vagrant, "remove_domain", gone.append)
    prefix = lab.prefix(lab.root / "inventory/lab.yml")
    virsh["list --name --all"] = f"{prefix}one\n{lab.id}-molecule-own_one\nsomeone-elses\n"
    ours = lab.state / "vagrant" / lab.slug(lab.root / "inventory/lab.yml")
    others = lab.state / "vagrant/molecule-own"
    ours.mkdir(parents=True)
    others.mkdir()
    code, result = ask(state="absent")
    assert (code, result["changed"], gone) == (0, True, [f"{prefix}one"])
    assert others.exists()
    assert not ours.exists()


def test_nothing_to_take_away_without_libvirt(ask, bare_path):
    code, result = ask(state="absent")
    assert (code, result["changed"]) == (0, False)


def test_a_second_run_waits_its_turn_but_not_for_ever(lab):
    with (
        lab_vagrant.one_at_a_time(lab, 0),
        pytest.raises(LabError, match="Another run has used Vagrant"),
        lab_vagrant.one_at_a_time(lab, -1),
    ):
        raise AssertionError("two at a time")
    with lab_vagrant.one_at_a_time(lab, 0):
        pass
