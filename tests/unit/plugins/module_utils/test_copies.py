# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Copies of our modules: in a kernel's folder, and in its initrd, as its tools list it."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.procfleet.procfs.plugins.module_utils import _copies, _names
from ansible_collections.procfleet.procfs.plugins.module_utils._command import Finished
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError

R = "6.12"
BUILD_ID = "5de1939a9a53bd8d1209c7118de921dde9e3d1f9"
HELD = f"usr/lib/modules/{R}/updates/procfleet/tiny.ko"
# As lsinitramfs prints it, and lsinitrd, whose lines are those of `ls -l`.
DEBIAN = f"usr\nusr/lib/modules/{R}/kernel/lib/crc7.ko.xz\n{HELD}\nusr/lib/modules/{R}/modules.dep\n"
DRACUT = (
    f"-rw-r--r--   1 root     root        12345 Jan  1  1970 {HELD}.xz\ndrwxr-xr-x  3 root root 0 Jan 1 1970 usr/lib\n"
)


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


@pytest.fixture
def boot(host, monkeypatch):
    monkeypatch.setattr(_names, "BOOT_DIR", str(host / "boot"))
    return host / "boot"


@pytest.fixture
def tools(monkeypatch, image):
    """initramfs-tools' two programs: what is listed, and what is unpacked with an early part."""
    asked = []

    def run(argv, timeout, cwd=None):
        assert timeout > 0
        asked.append(argv[0])
        if argv[0] == "unmkinitramfs":
            write(Path(argv[2]) / "main" / HELD, image)
        return Finished(0, DEBIAN if argv[0] == "lsinitramfs" else "", "")

    monkeypatch.setattr(_copies, "find", lambda name: name if "initramfs" in name else None)
    monkeypatch.setattr(_copies, "run", run)
    return asked


@pytest.mark.parametrize(("text", "path"), [(DEBIAN, HELD), (DRACUT, HELD + ".xz"), ("", None), ("tiny.ko\n", None)])
def test_a_listing(text, path):
    assert _copies.parse_listing(text, ["tiny", "other"]) == ({"tiny": path} if path else {})


def test_names_are_the_kernels(host):
    assert _copies.parse_listing(f"lib/modules/{R}/extra/my-own.ko\n", ["my_own"]).keys() == {"my_own"}


def test_what_lies_in_the_folder(host, boot, image):
    for place in ("updates/procfleet", "extra", "updates/dkms"):
        write(host / "modules" / R / place / "tiny.ko", image)
    write(host / "modules" / R / "extra/other.ko", image)
    found = _copies.copies(["tiny", "none"], R)
    assert found["none"] == []
    assert [(one["path"], one["initrd"], one["build_id"]) for one in found["tiny"]] == [
        (f"{host}/modules/{R}/extra/tiny.ko", None, BUILD_ID),
        (f"{host}/modules/{R}/updates/dkms/tiny.ko", None, BUILD_ID),
    ]


def test_what_the_initrd_holds(boot, tools):
    write(boot / f"initrd.img-{R}", b"x")
    image = str(boot / f"initrd.img-{R}")
    assert _copies.copies(["tiny"], R) == {"tiny": [{"path": HELD, "initrd": image, "build_id": BUILD_ID}]}


def test_an_initrd_without_ours_is_only_listed(boot, tools):
    write(boot / f"initrd.img-{R}", b"x")
    assert _copies.copies(["none"], R) == {"none": []}
    assert tools == ["lsinitramfs"]


@pytest.mark.parametrize("name", ["initramfs-6.12.img", "initrd-6.12"])
def test_other_families_names(boot, name):
    assert _copies.initrd(R) is None
    write(boot / name, b"x")
    assert _copies.initrd(R) == str(boot / name)


def test_no_tool_lists_it(boot, monkeypatch):
    write(boot / f"initrd.img-{R}", b"x")
    monkeypatch.setattr(_copies, "find", lambda name: None)
    assert _copies.copies(["tiny"], R) == {"tiny": []}


def test_an_initrd_that_cannot_be_read(boot, monkeypatch):
    write(boot / f"initrd.img-{R}", b"x")
    monkeypatch.setattr(_copies, "find", lambda name: name)
    monkeypatch.setattr(_copies, "run", lambda argv, timeout: Finished(1, "", "cpio: premature end of archive\n"))
    with pytest.raises(
        KmodError, match=r"initrd.img-6.12 cannot be read: cpio: premature end of archive. Make it anew"
    ):
        _copies.copies(["tiny"], R)


def test_dracuts_initrd(boot, monkeypatch, image):
    """Its tool unpacks single files."""
    write(boot / f"initramfs-{R}.img", b"x")

    def run(argv, timeout, cwd=None):
        if "--unpack" in argv:
            assert argv == ["lsinitrd", "--unpack", str(boot / f"initramfs-{R}.img"), HELD]
            write(Path(cwd) / HELD, image)
        return Finished(0, DRACUT.replace(".xz", ""), "")

    monkeypatch.setattr(_copies, "find", lambda name: name if name == "lsinitrd" else None)
    monkeypatch.setattr(_copies, "run", run)
    assert [one["build_id"] for one in _copies.copies(["tiny"], R)["tiny"]] == [BUILD_ID]


def test_an_initrd_that_cannot_be_unpacked(boot, monkeypatch):
    write(boot / f"initrd.img-{R}", b"x")
    monkeypatch.setattr(_copies, "find", lambda name: name)
    said = {"lsinitramfs": Finished(0, DEBIAN, ""), "unmkinitramfs": Finished(1, "", "No space left on device\n")}
    monkeypatch.setattr(_copies, "run", lambda argv, timeout, cwd=None: said[argv[0]])
    with pytest.raises(KmodError, match=r"cannot be unpacked: No space left on device. Make room in /var/tmp"):
        _copies.copies(["tiny"], R)
