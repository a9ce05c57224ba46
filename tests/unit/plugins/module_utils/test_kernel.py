# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What kernels and distributions say of themselves, from recorded files."""

from __future__ import annotations

import pytest
from ansible_collections.procfleet.procfs.plugins.module_utils import _kernel, _names


@pytest.mark.parametrize(
    ("file", "command", "major"),
    [
        ("bullseye", "gcc-10", 10),
        ("bookworm", "gcc-12", 12),
        ("trixie", "x86_64-linux-gnu-gcc-14", 14),
        ("forky", "x86_64-linux-gnu-gcc-16", 16),
        ("ubuntu_22", "x86_64-linux-gnu-gcc-12", 12),
        ("ubuntu_aws", "gcc", 9),
        ("rocky_8", "gcc", 8),
        ("rocky_9", "gcc", 11),
        ("fedora_40", "gcc", 14),
        ("sles_15", "gcc", 7),
        ("tumbleweed", "gcc", 11),
        ("arch", "gcc", 14),
        ("arch_lts", "gcc", 14),
        ("alpine_virt", "gcc", 10),
    ],
)
def test_compiler(data, file, command, major):
    said = _kernel.parse_compiler((data / "kernel" / ("version-" + file)).read_text())
    assert (said["command"], said["major"]) == (command, major)
    assert said["name"].startswith(command)
    assert "ld" not in said["name"].lower().replace("clang", "").split()


@pytest.mark.parametrize(
    ("said", "command", "major"),
    [
        ("gcc version 8.3.0 (Debian 8.3.0-6)", "gcc", 8),  # before 5.8 there was no linker in it
        ("clang version 17.0.6, LLD 17.0.6", "clang", 17),
        ("gcc (GCC) 15.3.0, GNU ld (GNU Binutils) 2.46", "gcc", 15),
    ],
)
def test_compiler_of_other_builds(said, command, major):
    found = _kernel.parse_compiler("Linux version 6.9.0 (me@here) (%s) #1 SMP now" % said)
    assert (found["command"], found["major"]) == (command, major)


def test_compiler_by_name(data):
    said = _kernel.parse_compiler((data / "kernel/version-bookworm").read_text())
    assert said["name"] == "gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0"


@pytest.mark.parametrize("text", ["", "Linux version 6.1\n", "garbage (a) (b)", "Linux version 6.1 (x@y) (cc) #1"])
def test_a_compiler_that_is_not_said(text):
    assert _kernel.parse_compiler(text)["major"] == 0


@pytest.mark.parametrize(
    ("file", "version"), [("debian_bullseye", "11"), ("debian_12", "12"), ("debian_trixie", "13"), ("debian_forky", "")]
)
def test_os_release(data, file, version):
    said = _kernel.parse_os_release((data / "os-release" / file).read_text())
    assert said == {"id": "debian", "version": version, "family": "debian"}


@pytest.mark.parametrize(
    ("file", "name", "version", "family"),
    [
        ("ubuntu_22", "ubuntu", "22.04", "debian"),
        ("pop_22", "pop", "22.04", "debian"),
        ("rhel_8", "rhel", "8.7", "redhat"),
        ("rocky_9", "rocky", "9.5", "redhat"),
        ("fedora_37", "fedora", "37", "redhat"),
        ("sles_15", "sles", "15.5", "suse"),
        ("opensuse_leap", "opensuse-leap", "15.4", "suse"),
        ("opensuse_tumbleweed", "opensuse-tumbleweed", "20230304", "suse"),
        ("arch", "arch", "TEMPLATE_VERSION_ID", "arch"),
        ("alpine_3.20", "alpine", "3.20.2", "alpine"),
    ],
)
def test_os_release_of_other_families(data, file, name, version, family):
    said = _kernel.parse_os_release((data / "os-release" / file).read_text())
    assert said == {"id": name, "version": version, "family": family}


@pytest.mark.parametrize(
    ("text", "family"), [('ID="amzn"\nID_LIKE="fedora"\n', "redhat"), ('ID="sles_sap"\nID_LIKE="sles"\n', "suse")]
)
def test_families(text, family):
    assert _kernel.parse_os_release(text)["family"] == family


@pytest.mark.parametrize("text", ["", "ID=solus\n", "# only a comment\nNAME\n"])
def test_an_unknown_distribution(text):
    assert _kernel.parse_os_release(text)["family"] == ""


@pytest.mark.parametrize(
    ("value", "flags"),
    [
        (0, ""),
        (1, "P"),
        (1 << 12, "O"),
        (12288, "OE"),
        (512 | 4096, "WO"),
        (1 << 7, "D"),
        (1 << 18, "N"),
        (1 << 40, ""),
    ],
)
def test_taint(value, flags):
    assert _kernel.taint_flags(value) == flags


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[none] integrity confidentiality\n", "none"),
        ("none [integrity] confidentiality\n", "integrity"),
        ("", None),
        (None, None),
    ],
)
def test_lockdown(text, word):
    assert _kernel.parse_lockdown(text) == word


@pytest.mark.parametrize(
    ("variable", "on"), [(b"\6\0\0\0\1", True), (b"\6\0\0\0\0", False), (b"\6\0\0\0", None), (b"", None), (None, None)]
)
def test_secure_boot(variable, on):
    assert _kernel.parse_secure_boot(variable) is on


CONFIG = """\
CONFIG_PROC_FS=y
CONFIG_CC_VERSION_TEXT="gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0"
# CONFIG_PROC_KCORE is not set
CONFIG_LOOP=m
"""
ASKED = ["CONFIG_PROC_FS", "CONFIG_LOOP", "CONFIG_PROC_KCORE", "CONFIG_PROC", "CONFIG_CC_VERSION_TEXT"]
FOUND = ["y", "m", None, None, '"gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0"']


@pytest.mark.parametrize("place", ["boot/config-6.1", "modules/6.1/build/.config"])
def test_kconfig(host, monkeypatch, place):
    monkeypatch.setattr(_names, "BOOT_DIR", str(host / "boot"))
    (host / place).parent.mkdir(parents=True)
    (host / place).write_text(CONFIG)
    assert _kernel.probe_kconfig("6.1", ASKED) == dict(zip(ASKED, FOUND, strict=True))
    assert _kernel.probe_kconfig("6.1", []) == {}


def test_a_host_without_configuration_is_not_a_kernel_without_options(host, monkeypatch):
    monkeypatch.setattr(_names, "BOOT_DIR", str(host / "boot"))
    assert _kernel.probe_kconfig("6.1", ASKED) == {}


def test_headers(host):
    assert _kernel.probe_headers("6.1", "no-such-gcc") == {
        "path": str(host / "modules/6.1/build"),
        "present": False,
        "make": _kernel.find("make"),
        "compiler": None,
    }
    (host / "modules/6.1/build").mkdir(parents=True)
    assert not _kernel.probe_headers("6.1", "")["present"]
    (host / "modules/6.1/build/Makefile").touch()
    assert _kernel.probe_headers("6.1", "sh")["present"]
    assert _kernel.probe_headers("6.1", "sh")["compiler"].endswith("/sh")


def test_this_kernel():
    seen = _kernel.probe_kernel()
    assert seen["release"] in open("/proc/version").read()  # noqa: SIM115
    assert set(seen["taint"]) == {"value", "flags"}
    assert len(seen["boot_id"]) == 36
