# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A box is its recipe's, whole or not there; where its packages come from."""

from __future__ import annotations

import json
import os
import tarfile
import threading

import pytest
from ansible.module_utils.procfleet_lab import LabError
from ansible_collections.procfleet.procfs.lab.library import lab_box
from ansible_collections.procfleet.procfs.lab.library.lab_box import Box, find_mirrors

RECIPE = {"suite": "bookworm", "security": "bookworm-security", "packages": ["linux-image-cloud-amd64"], "space": 2500}
MIRRORS = ("http://m/debian", "http://m/debian-security")


@pytest.fixture
def made(monkeypatch):
    """Stand in for the slow and privileged parts; what was made is listed."""
    steps = []

    def write_disk(_root, disk, _log):
        steps.append("disk")
        disk.write_bytes(b"raw")

    def run(argv, **_options):
        if argv[0] == "qemu-img":
            steps.append("image")
            with open(argv[-1], "wb") as image:
                image.write(b"image")
        return ""

    monkeypatch.setattr(Box, "fill", lambda _box, root: root.mkdir())
    monkeypatch.setattr(lab_box, "write_disk", write_disk)
    monkeypatch.setattr(lab_box, "run", run)
    return steps


@pytest.fixture
def ask(call, lab):
    """Call the module for the box `small` of RECIPE."""

    def ask(**more):
        given = {"name": "small", "recipe": RECIPE, "common": ["sudo"], "mirror": MIRRORS[0]}
        return call(lab_box, root=str(lab.root), **{**given, **more})

    return ask


def box(lab, recipe=RECIPE, common=("sudo",), mirrors=MIRRORS):
    return Box(lab, "small", recipe, list(common), mirrors)


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_same_box_has_the_same_name(lab):
    assert box(lab).name == box(lab, dict(reversed(RECIPE.items()))).name
    assert box(lab).name.startswith("small-")


@pytest.mark.parametrize(
    "other",
    [
        {"recipe": RECIPE | {"suite": "trixie"}},
        {"recipe": RECIPE | {"lean": True}},
        {"recipe": RECIPE | {"packages": ["linux-image-cloud-amd64", "gcc"]}},
        {"recipe": RECIPE | {"ignore_age": True}},
        {"common": ["sudo", "kmod"]},
        {"mirrors": ("http://n/debian", MIRRORS[1])},
    ],
    ids=str,
)
def test_another_recipe_is_another_box(lab, other):
    assert box(lab, **other).name != box(lab).name


def test_another_key_is_another_box(lab):
    before = box(lab).name
    lab.key.with_suffix(".pub").write_text("ssh-ed25519 BBBB procfleet-lab\n")
    assert box(lab).name != before


@pytest.mark.parametrize("maker", lab_box.MAKERS)
def test_another_maker_is_another_box(lab, maker):
    before = box(lab).name
    with (lab.root / "lab" / maker).open("a") as script:
        script.write("# changed\n")
    assert box(lab).name != before


def test_a_whole_box(lab, ask, made):
    code, result = ask()
    name = result["box"]
    assert (code, result["changed"], result["missing"]) == (0, True, True)
    assert files(lab.boxes) == sorted([".small.lock", "small", f"{name}.box", f"{name}.json"])
    catalog = json.loads((lab.boxes / "small").read_text())
    assert catalog["name"] == name
    assert catalog["versions"][0]["providers"][0]["url"] == f"file://{lab.boxes}/{name}.box"
    with tarfile.open(lab.boxes / f"{name}.box") as tar:
        assert tar.getnames() == ["metadata.json", "box.img"]
        assert json.load(tar.extractfile("metadata.json"))["provider"] == "libvirt"
    made.clear()
    code, result = ask()
    assert (code, result["changed"], result["missing"], made) == (0, False, False, [])


def test_only_asked_for(lab, ask, made):
    code, result = ask(build=False)
    assert (code, result["changed"], result["missing"], made) == (0, False, True, [])
    assert not lab.boxes.exists()


def test_a_recipe_that_came_back_is_chosen_again(lab, ask, made):
    first = ask()[1]["box"]
    second = ask(common=["sudo", "kmod"])[1]["box"]
    assert os.readlink(lab.boxes / "small") == f"{second}.json"
    code, result = ask(build=False)
    assert (code, result["changed"], result["missing"]) == (0, True, False)
    assert os.readlink(lab.boxes / "small") == f"{first}.json"


def test_no_space_for_a_box(lab, ask, made, full_disk):
    code, result = ask()
    assert code == 1
    assert result["msg"] == (
        f"The box small was not made. No disk space for the box small: it needs 2500 MB under {lab.boxes}, "
        "where 100 MB are free. Free some space there, or put the clone on a larger disk."
    )
    assert made == []
    assert files(lab.boxes) == []


@pytest.mark.parametrize("step", ["fill", "pack"])
def test_a_build_that_fails_leaves_nothing(lab, ask, made, monkeypatch, step):
    def fail(_box, work):
        (work if step == "pack" else work.parent).joinpath("part").write_text("half")
        raise LabError("No mirror answers.")

    with monkeypatch.context() as patch:
        patch.setattr(Box, step, fail)
        code, result = ask()
    assert (code, result["msg"]) == (1, "The box small was not made. No mirror answers.")
    assert files(lab.boxes) == [".small.lock"]
    assert ask()[1]["changed"] is True


def test_what_a_killed_build_left_is_no_box(lab, ask, made):
    """Killed before the last rename: the disk lies there whole or in part, the catalogue does not."""
    name = box(lab, mirrors=(MIRRORS[0], MIRRORS[0])).name
    dead = lab.boxes / ".small.build-dead"
    dead.mkdir(parents=True)
    other = lab.boxes / ".small-build.build-alive"  # of the box small-build, which somebody is making now
    other.mkdir()
    (dead / "catalog.json").write_text("{}")
    (lab.boxes / f"{name}.box").write_bytes(b"half")
    code, result = ask(build=False)
    assert (code, result["missing"], result["box"]) == (0, True, name)
    code, result = ask()
    assert (code, result["changed"]) == (0, True)
    assert not dead.exists()
    assert other.exists()
    assert tarfile.is_tarfile(lab.boxes / f"{name}.box")


def test_the_catalogue_comes_last(lab, made, monkeypatch):
    """A disk that cannot be put in its place leaves no catalogue that speaks of it."""
    one = box(lab)
    lab.boxes.mkdir(parents=True)
    (lab.boxes / f"{one.name}.box").mkdir()
    with pytest.raises(OSError, match="directory"):
        one.build()
    assert not one.catalog.exists()


def test_what_another_builder_made_meanwhile_is_taken(lab, made):
    one = box(lab)
    one.build()
    made.clear()
    one.build()
    assert made == []


def test_fill_says_where_packages_come_from(lab, monkeypatch):
    calls = []

    def run(argv, **options):
        calls.append((argv, options))
        if argv[0] == "apt-config":
            return 'APT "";\nAcquire::http::Proxy "http://p";\nAcquire::Retries "3";\n'
        (lab.state / "root/var/lib/apt/lists").mkdir(parents=True)
        return ""

    monkeypatch.setattr(lab_box, "run", run)
    box(lab, RECIPE | {"ignore_age": True, "lean": True}).fill(lab.state / "root")
    argv, options = calls[-1]
    assert argv[:3] == ["unshare", "--mount", "mmdebstrap"]  # killed, it leaves nothing mounted
    assert "--include=sudo,linux-image-cloud-amd64" in argv
    assert argv[-2:] == [
        "deb http://m/debian bookworm main",
        "deb http://m/debian-security bookworm-security main",
    ]
    assert [word for word in argv if "aptopt" in word] == [
        '--aptopt=Acquire::Check-Valid-Until "false"',
        '--aptopt=Acquire::http::Proxy "http://p"',
    ]
    assert options["env"]["LAB_PUBLIC_KEY"] == "ssh-ed25519 AAAA procfleet-lab"
    assert options["env"]["LAB_LEAN"] == "yes"
    assert (lab.state / "root/var/lib/apt/lists").stat().st_mtime == 0


LISTED = """Debian|Debian|http://a/debian
Debian|Debian-Security|http://a/security
Debian|Debian|http://later/debian
other|thing|with|more
"""


@pytest.mark.parametrize(
    ("listed", "asked", "found"),
    [
        (LISTED, ("", ""), ("http://a/debian", "http://a/security")),
        (LISTED, ("http://b", ""), ("http://b", "http://a/security")),
        (LISTED, ("http://b", "http://c"), ("http://b", "http://c")),
        ("", ("http://b", ""), ("http://b", "http://b")),
    ],
)
def test_mirrors(monkeypatch, listed, asked, found):
    monkeypatch.setattr(lab_box, "run", lambda _argv, **_options: listed)
    assert find_mirrors(*asked) == found


def test_no_mirror(ask, monkeypatch):
    monkeypatch.setattr(lab_box, "run", lambda _argv, **_options: "")
    code, result = ask(mirror="")
    assert code == 1
    assert result["msg"].startswith("The box small was not made. This machine's apt knows no mirror of Debian")
    assert "lab_mirror" in result["msg"]


def test_a_file_of_mirrors(tmp_path):
    listed = tmp_path / "mirrors.list"
    listed.write_text("http://a/debian\nhttp://b/debian\n")
    assert lab_box.first_of_list(f"mirror+file:{listed}") == "http://a/debian"


def test_the_disk_boots_from_its_only_partition(tmp_path, monkeypatch):
    def run(argv, **_options):
        if argv[0] == "grub-mkimage":
            (tmp_path / "core.img").write_bytes(b"core")

    grub = tmp_path / "grub"
    grub.mkdir()
    (grub / "boot.img").write_bytes(b"B" * 512)
    monkeypatch.setattr(lab_box, "GRUB_DIR", grub)
    monkeypatch.setattr(lab_box, "run", run)
    disk = tmp_path / "disk.raw"
    lab_box.write_disk(tmp_path / "root", disk, tmp_path / "log")
    with disk.open("rb") as handle:
        head = handle.read(516)
    assert head[:440] == b"B" * 440
    assert head[446] == 0x80
    assert int.from_bytes(head[454:458], "little") == lab_box.PARTITION
    assert int.from_bytes(head[458:462], "little") * 512 <= disk.stat().st_size - lab_box.PARTITION * 512
    assert head[510:] == b"\x55\xaacore"


def test_a_core_that_is_too_large(tmp_path, monkeypatch):
    def run(argv, **_options):
        if argv[0] == "grub-mkimage":
            with (tmp_path / "core.img").open("wb") as core:
                core.truncate(lab_box.PARTITION * lab_box.SECTOR)

    monkeypatch.setattr(lab_box, "run", run)
    with pytest.raises(LabError, match="take a module out of GRUB_MODULES"):
        lab_box.write_disk(tmp_path / "root", tmp_path / "disk.raw", tmp_path / "log")


def test_two_that_have_waited_for_the_same_box_choose_it_one_after_the_other(lab):
    """Two scenarios that begin at once ask for the same one."""
    one = box(lab)
    lab.boxes.mkdir(parents=True, exist_ok=True)
    second = threading.Thread(target=one.choose, daemon=True)
    with one.turn():
        second.start()
        second.join(0.5)
        assert files(lab.boxes) == [".small.lock"]
    second.join(10)
    assert files(lab.boxes) == [".small.lock", "small"]
    assert os.readlink(lab.boxes / "small") == one.catalog.name
