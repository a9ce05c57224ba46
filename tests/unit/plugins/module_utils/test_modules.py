# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A host's modules, from a recorded /proc/modules and from files where the kernel's tools put them."""

from __future__ import annotations

import json
import struct

import pytest
from ansible_collections.procfleet.procfs.plugins.module_utils import _modules, _names
from ansible_collections.procfleet.procfs.plugins.module_utils._files import sha256

RELEASE = "6.1"


def test_a_recorded_list(data):
    text = (data / "kernel/proc-modules-6.1").read_text()
    found = _modules.parse_proc_modules(text)
    assert len(found) == len(text.splitlines())
    assert found["kvm"] == {
        "size": 1146880,
        "refcnt": 1,
        "holders": ["kvm_amd"],
        "state": "live",
        "taint": "",
    }
    assert {one["state"] for one in found.values()} == {"live"}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("m 16384 0 - Live 0x0000000000000000 (OE)", ("live", 0, [], "OE")),
        ("m 16384 -1 - Unloading 0x0000000000000000 (O)", ("going", -1, [], "O")),
        ("m 16384 1 - Loading 0x0000000000000000 (POE+)", ("coming", 1, [], "POE+")),
        ("m 16384 2 a,b, Live 0x0", ("live", 2, ["a", "b"], "")),
        ("m 16384 1 [permanent], Live 0x0", ("live", 1, [], "")),
        ("m 16384 - - Live 0x0", ("live", 0, [], "")),
    ],
)
def test_a_line(line, expected):
    one = _modules.parse_proc_modules(line + "\n")["m"]
    assert (one["state"], one["refcnt"], one["holders"], one["taint"]) == expected


def test_lines_cut_short_are_left_out():
    assert _modules.parse_proc_modules("m 16384 0\n\nn 1 0 - Live 0x0\n").keys() == {"n"}


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


@pytest.fixture
def loaded(host, image):
    """A host on which tiny is installed and loaded, with an in-tree module and one built in."""
    note = struct.pack("<III", 4, 20, 3) + b"GNU\0" + bytes(20)
    write(host / "proc-modules", "tiny 16384 1 user-of, Live 0x0 (OE)\n")
    write(host / "sys/tiny/parameters/mode", "384\n")
    write(host / "sys/tiny/version", "1.2\n")
    write(host / "sys/tiny/initstate", "live\n")
    write(host / "sys/tiny/notes/.note.gnu.build-id", note)
    (host / "sys/tiny/holders/user-of").mkdir(parents=True)
    write(
        host / "modules/6.1/modules.dep",
        "kernel/lib/crc-7.ko.xz: \nupdates/procfleet/tiny.ko: kernel/lib/crc-7.ko.xz\n",
    )
    write(host / "modules/6.1/modules.builtin", "kernel/fs/proc/built-in.ko\n")
    write(host / "modules/6.1/updates/procfleet/tiny.ko", image)
    manifest = {"fingerprint": "f" * 64, "sha256": sha256(image), "parameters": {"mode": "0600"}}
    write(host / "state/installed/6.1/tiny.json", json.dumps(manifest))
    write(host / "etc/modules-load.d/procfleet-tiny.conf", "tiny\n")
    return host


def probe(name="tiny"):
    return _modules.probe_modules([name], RELEASE)[name]


def test_a_loaded_module(loaded, image):
    seen = probe()
    assert seen["state"] == "live"
    assert seen["holders"] == ["user-of"]
    assert seen["parameters"] == {"mode": "384"}
    assert seen["version"] == "1.2"
    assert seen["build_id"] == "00" * 20
    assert seen["installed"]["sha256"] == sha256(image)
    assert seen["installed"]["path"] == seen["resolves_to"] == _names.installed_path(RELEASE, "tiny")
    assert seen["fingerprint"] == "f" * 64
    assert seen["persist"] == {"load": True, "options": None}
    assert seen["builds"] == []
    assert _modules.holders("tiny") == ["user_of"]
    assert _modules.load_state("tiny") == "live"


def test_an_absent_module(host):
    seen = probe("none")
    assert seen == {
        "state": "absent",
        "size": 0,
        "refcnt": 0,
        "holders": [],
        "taint": "",
        "parameters": {},
        "version": None,
        "build_id": None,
        "installed": None,
        "fingerprint": None,
        "resolves_to": None,
        "persist": {"load": False, "options": None},
        "builds": [],
        "elsewhere": [],
        "manifest": {},
        "dkms": None,
        "modprobe": [],
    }
    assert (_modules.holders("none"), _modules.load_state("none")) == ([], "absent")


def test_a_file_of_ours_without_its_line_loads_nothing(loaded):
    for text in ("", "# tiny\n", "tiny2\n"):
        write(loaded / "etc/modules-load.d/procfleet-tiny.conf", text)
        assert probe()["persist"]["load"] is None


def test_a_module_built_in(loaded):
    assert probe("built_in")["state"] == "builtin"


def test_an_in_tree_module_is_resolved_by_either_spelling(loaded):
    assert probe("crc_7")["resolves_to"] == str(loaded / "modules/6.1/kernel/lib/crc-7.ko.xz")


@pytest.mark.parametrize("content", [b"cut", b""])
def test_a_damaged_file_is_not_the_build_that_was_installed(loaded, content):
    write(loaded / "modules/6.1/updates/procfleet/tiny.ko", content)
    seen = probe()
    assert seen["fingerprint"] is None
    assert seen["installed"]["sha256"] == sha256(content)
    assert seen["installed"]["build_id"] is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\0\0\0"])
def test_a_damaged_manifest_is_none(loaded, content):
    write(loaded / "state/installed/6.1/tiny.json", content)
    seen = probe()
    assert (seen["manifest"], seen["fingerprint"]) == ({}, None)


def test_a_parameter_that_may_not_be_read(loaded, monkeypatch):
    (loaded / "sys/tiny/parameters/secret").mkdir()  # as a file without read permission, root or not
    assert probe()["parameters"] == {"mode": "384", "secret": None}


def test_what_modprobe_options_say(loaded):
    write(loaded / "etc/modprobe.d/procfleet-tiny.conf", "options tiny mode=0600\n")
    assert probe()["persist"] == {"load": True, "options": "options tiny mode=0600\n"}


def test_what_others_say_of_the_next_boot(loaded):
    write(loaded / "etc/modprobe.d/local.conf", "blacklist tiny\n")
    assert probe()["modprobe"] == [f"`blacklist tiny` in {loaded}/etc/modprobe.d/local.conf"]


def test_in_a_kernel_that_does_not_run_nothing_is_loaded(loaded):
    seen = _modules.probe_modules(["tiny"], RELEASE, running=False)["tiny"]
    assert (seen["state"], seen["build_id"], seen["parameters"], seen["version"]) == ("absent", None, {}, None)
    assert seen["installed"]
