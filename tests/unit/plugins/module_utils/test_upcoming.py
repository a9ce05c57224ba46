# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kernels that are installed and do not run: which comes next, and what its files say."""

from __future__ import annotations

import lzma

import pytest
from ansible_collections.procfleet.procfs.plugins.module_utils import _names, _upcoming
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError

OLD, NEW = "6.1.0-56-cloud-amd64", "6.12.117+deb12-cloud-amd64"
RUNNING = {"release": OLD, "running": OLD, "version": "#1 SMP", "compiler": {"name": "x"}, "sig_enforce": False}
RUNNING.update(modules_supported=True, lockdown="none", boot_id="b")
CONFIG = """\
CONFIG_CC_VERSION_TEXT="x86_64-linux-gnu-gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0"
CONFIG_MODULES=y
# CONFIG_MODULE_SIG_FORCE is not set
"""


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


@pytest.fixture
def kernels(host, monkeypatch, image):
    """Two kernels, and a folder that only has a module of ours."""
    monkeypatch.setattr(_names, "BOOT_DIR", str(host / "boot"))
    for release in (OLD, NEW):
        write(host / "modules" / release / "modules.builtin", "kernel/fs/ext4/ext4.ko\n")
    write(host / "modules/6.13/updates/procfleet/tiny.ko", "")
    write(host / "boot" / f"config-{NEW}", CONFIG)
    write(host / "modules" / NEW / "modules.dep", "updates/x.ko:\nkernel/lib/tiny.ko.xz:\n")
    write(host / "modules" / NEW / "kernel/lib/tiny.ko.xz", lzma.compress(image))
    return host


def test_the_newest_comes_first(kernels):
    assert _upcoming.installed_kernels() == [NEW, OLD]


def test_a_host_without_modules(host):
    assert _upcoming.installed_kernels() == []


@pytest.mark.parametrize(
    ("asked", "running", "installed", "expected"),
    [
        ("", OLD, [NEW, OLD], OLD),
        ("next", OLD, [NEW, OLD], NEW),
        ("next", NEW, [NEW, OLD], NEW),
        ("next", NEW, [OLD], NEW),
        ("next", "5.10.0-9-amd64", ["5.10.0-10-amd64", "5.10.0-9-amd64"], "5.10.0-10-amd64"),
        ("6.13", OLD, [NEW, OLD], "6.13"),
    ],
)
def test_which_one_is_meant(asked, running, installed, expected):
    assert _upcoming.chosen(asked, running, installed) == expected


def test_a_release_that_would_leave_its_folder():
    with pytest.raises(KmodError, match="is not a kernel release"):
        _upcoming.chosen("../x", OLD, [])


def test_what_its_files_say(kernels):
    kernel = _upcoming.upcoming(RUNNING, NEW)
    assert kernel["compiler"] == {
        "name": "x86_64-linux-gnu-gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0",
        "command": "x86_64-linux-gnu-gcc-12",
        "major": 12,
    }
    assert (kernel["release"], kernel["running"], kernel["boot_id"]) == (NEW, OLD, "b")
    assert (kernel["modules_supported"], kernel["sig_enforce"]) == (True, False)
    assert kernel["vermagic"] == "6.1.0-56-cloud-amd64 SMP preempt mod_unload modversions "


def test_a_kernel_without_modules_and_one_that_wants_signatures(kernels):
    write(kernels / "boot" / f"config-{NEW}", "CONFIG_MODULE_SIG_FORCE=y\n")
    kernel = _upcoming.upcoming(RUNNING, NEW)
    assert (kernel["modules_supported"], kernel["sig_enforce"]) == (False, True)


def test_of_one_that_is_not_installed_nothing_is_known(kernels):
    kernel = _upcoming.upcoming(RUNNING, "6.13")
    assert (kernel["compiler"]["name"], kernel["modules_supported"], kernel["vermagic"]) == ("", True, None)


@pytest.mark.parametrize("content", [b"noise", b""])
def test_a_module_that_cannot_be_read_has_no_vermagic(kernels, content):
    write(kernels / "modules" / NEW / "kernel/lib/tiny.ko.xz", content)
    assert _upcoming.vermagic(NEW) is None


@pytest.mark.parametrize(
    ("release", "expected"),
    [
        (OLD, "cloud-amd"),
        (NEW, "cloud-amd"),
        ("6.1.0-56-rt-amd64", "rt-amd"),
        ("6.6.69-1-lts", "lts"),
        ("6.11.4-arch2-1", "arch-"),
        ("5.14.0-503.35.1.el9_5.x86_64", ""),
        ("5.14.0-503.35.1.el9_5.x86_64+debug", "+debug"),
        ("5.14.0-503.35.1.el9_5.aarch64+64k", "+k"),
        ("5.15.0-200.131.27.el9uek.x86_64", "uek"),
        ("6.4.0-150600.23.25-default", "default"),
        ("5.14.21-150400.24.103-64kb", "kb"),
    ],
)
def test_a_flavour(release, expected):
    assert _upcoming.flavour(release) == expected


def test_another_flavour_is_not_next():
    assert _upcoming.chosen("next", OLD, ["6.12.117+deb12-rt-amd64", OLD]) == OLD


def test_what_a_removed_kernel_has_left_is_none(kernels):
    write(kernels / "boot" / f"vmlinuz-{OLD}", "")
    assert _upcoming.installed_kernels() == [OLD]
    write(kernels / "modules" / NEW / "vmlinuz", "")
    assert _upcoming.installed_kernels() == [NEW, OLD]
