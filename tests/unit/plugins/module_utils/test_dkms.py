# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sources as DKMS takes them: what is written, what bash makes of it, and what is recognised on a host."""

from __future__ import annotations

import gzip
import json
import lzma
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from ansible_collections.procfleet.procfs.plugins.module_utils import _dkms, _modules
from ansible_collections.procfleet.procfs.plugins.module_utils._files import sha256
from ansible_collections.procfleet.procfs.plugins.module_utils._fingerprint import fingerprint

RELEASE = "6.1.0-56-cloud-amd64"
SOURCES = {"Kbuild": b"obj-m := tiny.o\n", "tiny.c": b"/* tiny */\n"}
SUMS = {path: sha256(data) for path, data in SOURCES.items()}
# What dkms 3.0.10 and 3.2.2 do with a dkms.conf, as far as it matters: the kernel that is meant is hidden by a local.
SOURCING = """
kernelver=$2
read_conf() {
    local kernelver="$1"
    safe_source "$conf"
}
safe_source() {
    ( . "$1" >/dev/null; echo "$AUTOINSTALL|$BUILD_EXCLUSIVE_KERNEL|${MAKE[0]}|${BUILT_MODULE_LOCATION[0]}" )
}
conf=$1
kernel_source_dir=/headers
read_conf "$3"
"""


def note(name="tiny", version="1.0", flags=(), **others):
    sources = {name: SUMS, **dict.fromkeys(others, SUMS)}
    return _dkms.note_of(name, version, sources, {name: sorted(others), **others}, list(flags))


def lay_out(host, one):
    """Put a version on a host as it is registered."""
    folder = host / "src" / f"procfleet-{one['name']}-{one['version']}"
    for module in one["sources"]:
        (folder / module).mkdir(parents=True)
        for path, data in SOURCES.items():
            (folder / module / path).write_bytes(data)
    for path, text in _dkms.generated(one).items():
        (folder / path).write_text(text)
    known = host / "dkms" / f"procfleet-{one['name']}" / one["version"]
    known.mkdir(parents=True)
    (known / "source").symlink_to(folder)
    return folder


def install(host, one, image, suffix="", release=RELEASE):
    """Put DKMS's build for a kernel where DKMS has it; return the installed file."""
    top = host / "dkms" / f"procfleet-{one['name']}"
    kept = top / one["version"] / release / "x86_64/module" / f"{one['name']}.ko{suffix}"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(image)
    (top / f"kernel-{release}-x86_64").symlink_to(f"{one['version']}/{release}/x86_64")
    path = host / "modules" / release / "updates/dkms" / kept.name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(image)
    return path


COMES_NEXT = "6.1.0-99-cloud-amd64"


@pytest.fixture
def running(monkeypatch):
    """The kernel of the recorded module runs."""
    system = os.uname()
    known = os.uname_result((system.sysname, system.nodename, RELEASE, system.version, "x86_64"))
    monkeypatch.setattr(os, "uname", lambda: known)
    monkeypatch.setattr(
        _dkms, "read_text", lambda _path: f"Linux version {RELEASE} (a@b) (gcc-12 (Debian) 12.2.0, GNU ld) #1"
    )
    return {"release": RELEASE, "arch": "x86_64", "compiler": {"name": "gcc-12 (Debian) 12.2.0"}}


def test_other_sources_flags_and_depends_are_another_version():
    versions = [one["version"] for one in (note(), note(flags=["A=1"]), note(base=[]), note(version="2.0"))]
    assert len(set(versions)) == 4
    assert versions[0] == note()["version"]
    assert versions[0].startswith("1.0-") and len(versions[0]) == 4 + 12


@pytest.mark.parametrize(
    ("version", "said"), [("1.0", "1.0"), ("1 0/../x;$(id)", "10..xid"), ("..", "0"), ("", "0"), ("9" * 99, "9" * 40)]
)
def test_a_version_reaches_a_path_and_a_shell_only_as_plain_text(version, said):
    assert note(version=version)["version"].rpartition("-")[0] == said


@pytest.mark.parametrize(
    ("asked", "said", "ours", "autoinstall", "excluded"),
    [
        ("6.12", "6.12", ("6.1",), True, False),
        ("6.1", "6.1", ("6.1",), False, True),
        ("6.1", "", ("6.1",), False, False),  # 3.0.10 asks so of sources that were never built
        ("6.12", "", ("6.1",), True, False),
        ("6.1", "6.12", ("6.1",), False, False),  # and so of those that were built for another kernel
        ("6.12", "6.1", ("6.1",), True, True),
        ("", "6.1", ("6.1",), False, True),  # `remove --all` asks of no kernel
    ],
)
def test_dkms_leaves_alone_a_kernel_with_our_build(host, asked, said, ours, autoinstall, excluded):
    folder = lay_out(host, note())
    for release in ours:
        path = host / "modules" / release / "updates/procfleet/tiny.ko"
        path.parent.mkdir(parents=True)
        path.touch()
    done = subprocess.run(
        ["/bin/bash", "-c", SOURCING, "dkms", str(folder / "dkms.conf"), asked, said],
        capture_output=True,
        text=True,
        check=True,
    )
    words = done.stdout.strip().split("|")
    assert done.stderr == ""
    assert (words[0] == "yes", bool(words[1])) == (autoinstall, excluded)
    assert words[2:] == ["sh ./procfleet-make /headers", "tiny/"]


def test_flags_reach_make_as_they_are(host, tmp_path):
    flags = [f"KCFLAGS=-DA=\"b c\" $(touch {tmp_path}/evil) `touch {tmp_path}/evil` 'x' \\", "W=1"]
    folder = lay_out(host, note(flags=flags))
    make = tmp_path / "bin/make"
    make.parent.mkdir()
    make.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    make.chmod(0o755)
    done = subprocess.run(
        ["/bin/sh", "./procfleet-make", "/headers", "CC=clang"],
        cwd=folder,
        env={"PATH": f"{make.parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    said = done.stdout.splitlines()
    assert said[1:] == ["-C", "/headers", f"M={folder}", *flags, "CC=clang", "modules"]
    assert not (tmp_path / "evil").exists()


def test_the_top_goes_into_every_folder():
    assert _dkms.generated(note(base=[]))["Kbuild"] == "obj-m += base/\nobj-m += tiny/\n"


def test_the_fingerprint_is_that_of_our_own_build():
    kernel = {"release": RELEASE, "arch": "x86_64", "compiler": {"name": "gcc-12"}}
    base = fingerprint(SUMS, kernel, ["W=1"], [])
    assert _dkms.identity(note(flags=["W=1"], base=[]), kernel) == fingerprint(SUMS, kernel, ["W=1"], [base])


def test_nothing_is_registered(host):
    assert _dkms.probe("tiny") is None


def test_what_is_registered(host):
    one = note()
    lay_out(host, one)
    assert _dkms.probe("tiny") == {"version": one["version"], "others": [], "kernels": [], "doubled": [], "unbuilt": []}
    assert _dkms.probe("tin") is None


@pytest.mark.parametrize("path", ["dkms.conf", "procfleet-make", "Kbuild", "procfleet.json", "tiny/tiny.c"])
@pytest.mark.parametrize("harm", ["changed", "gone"])
def test_what_was_changed_by_others_is_not_ours(host, path, harm):
    one = note()
    file = lay_out(host, one) / path
    if harm == "gone":
        file.unlink()
    else:
        file.write_text(file.read_text() + " ")
        if path == "procfleet.json":
            file.write_text(json.dumps(dict(one, flags=["EVIL=1"])))
    found = _dkms.probe("tiny")
    assert found["version"] is None
    assert found["others"] == [str(host / "src" / f"procfleet-tiny-{one['version']}")]


def test_further_versions_and_folders_are_seen(host):
    one, two = note(), note(version="2.0")
    lay_out(host, one)
    shutil.rmtree(lay_out(host, two))
    (host / "src/procfleet-tiny-left").mkdir()
    found = _dkms.probe("tiny")
    assert found["version"] == one["version"]
    assert found["others"] == [str(host / f"src/procfleet-tiny-{name}") for name in (two["version"], "left")]


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"name": "tiny"}', '{"name": "tiny", "version": 1, "sources": 3, "depends": 4, "flags": 5}'],
)
def test_a_note_that_makes_no_sense(host, text):
    one = note()
    (lay_out(host, one) / "procfleet.json").write_text(text)
    assert _dkms.probe("tiny")["version"] is None


@pytest.mark.parametrize(("suffix", "pack"), [("", bytes), (".xz", lzma.compress), (".gz", gzip.compress)])
def test_dkms_build_is_recognised(host, image, running, suffix, pack):
    one = note()
    lay_out(host, one)
    path = install(host, one, pack(image), suffix)
    (host / "modules" / RELEASE / "modules.dep").write_text(f"updates/dkms/{path.name}:\n")
    seen = _modules.probe_modules(["tiny"], RELEASE)["tiny"]
    assert seen["installed"]["path"] == str(path) == seen["resolves_to"]
    assert (seen["installed"]["by"], seen["installed"]["sha256"]) == ("dkms", sha256(image))
    assert seen["installed"]["vermagic"].startswith(RELEASE)
    assert seen["fingerprint"] == fingerprint(SUMS, running, [], [])
    assert seen["dkms"]["kernels"] == [RELEASE]


def test_ours_is_seen_where_both_are(host, image, running):
    one = note()
    lay_out(host, one)
    path = install(host, one, image)
    ours = host / "modules" / RELEASE / "updates/procfleet/tiny.ko"
    ours.parent.mkdir()
    ours.write_bytes(image)
    (host / "modules" / RELEASE / "modules.dep").write_text(f"updates/dkms/{path.name}:\n")
    seen = _modules.probe_modules(["tiny"], RELEASE)["tiny"]
    assert seen["installed"]["by"] == "procfleet"
    assert seen["dkms"]["doubled"] == [RELEASE]


@pytest.mark.parametrize("harm", ["another file", "another version", "sources changed", "not indexed", "no module"])
def test_what_is_not_surely_the_registered_build_is_not_taken_for_it(host, image, running, harm):
    one = note()
    folder = lay_out(host, one)
    path = install(host, one, b"rubbish" if harm == "no module" else image)
    if harm == "another file":
        path.write_bytes(image + b" ")
    if harm == "another version":
        link = host / f"dkms/procfleet-tiny/kernel-{RELEASE}-x86_64"
        link.unlink()
        link.symlink_to(f"0.9-abc/{RELEASE}/x86_64")
    if harm == "sources changed":
        (folder / "tiny/tiny.c").write_text("else")
    if harm != "not indexed":
        (host / "modules" / RELEASE / "modules.dep").write_text(f"updates/dkms/{path.name}:\n")
    seen = _modules.probe_modules(["tiny"], RELEASE)["tiny"]
    assert (seen["installed"], seen["fingerprint"]) == (None, None)


def test_of_a_kernel_that_does_not_run_the_compiler_is_not_known(host, image):
    one = note()
    lay_out(host, one)
    path = install(host, one, image)
    found = _dkms.installed("tiny", RELEASE, str(path), _dkms.probe("tiny"))
    assert found["installed"]["by"] == "dkms"
    assert found["fingerprint"] is None


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (None, ["not registered with DKMS"]),
        ({"version": "1", "others": [], "doubled": [], "unbuilt": []}, []),
        ({"version": None, "others": ["x"], "doubled": [], "unbuilt": []}, ["other sources registered with DKMS"]),
        ({"version": "0", "others": [], "doubled": [], "unbuilt": []}, ["other sources registered with DKMS"]),
        ({"version": "1", "others": ["x"], "doubled": [], "unbuilt": []}, ["former sources registered with DKMS"]),
        ({"version": "1", "others": [], "doubled": ["6.1"], "unbuilt": []}, ["DKMS's build beside ours for 6.1"]),
    ],
)
def test_why_it_is_not_registered_as_it_is_to_be(seen, said):
    assert _dkms.reasons(seen, "1") == said


@pytest.mark.parametrize(
    ("headers", "ours", "said"), [(True, False, ["6.1.0-99-cloud-amd64"]), (True, True, []), (False, False, [])]
)
def test_a_kernel_that_comes_next_and_nobody_has_built_for(host, running, headers, ours, said):
    folder = host / "modules/6.1.0-99-cloud-amd64"
    (folder / "build").mkdir(parents=True)
    (folder / "modules.builtin").touch()
    if headers:
        (folder / "build/Makefile").touch()
    if ours:
        (folder / "updates/procfleet").mkdir(parents=True)
        (folder / "updates/procfleet/tiny.ko").touch()
    Path(_dkms.tree("tiny", "1-0")).mkdir(parents=True)
    seen = _dkms.probe("tiny")
    assert seen["unbuilt"] == said
    lines = _dkms.reasons({**seen, "version": "1-0", "others": []}, "1-0")
    assert lines == [f"DKMS has not built it for {release}" for release in said]
