# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sources as DKMS takes them, so that a host builds them for kernels that nobody has prepared; nothing is changed here.

A module is one package of DKMS, `procfleet-<name>`, and other sources or flags are another version of it. The note that
lies with the sources says what the fingerprint of a build of theirs is.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
import re
import shlex
from typing import Any

from ansible_collections.procfleet.procfs.plugins.module_utils import _dkms_trees, _names
from ansible_collections.procfleet.procfs.plugins.module_utils._dkms_trees import (
    package,
    registered,
    tree,
    trees,
    versions,
)
from ansible_collections.procfleet.procfs.plugins.module_utils._elf import describe
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.module_utils._files import (
    read_bytes,
    read_json,
    read_text,
    sha256,
    unpacked,
)
from ansible_collections.procfleet.procfs.plugins.module_utils._fingerprint import fingerprint
from ansible_collections.procfleet.procfs.plugins.module_utils._kernel import headers_path, parse_compiler
from ansible_collections.procfleet.procfs.plugins.module_utils._names import INSTALL_SUBDIR, installed_path
from ansible_collections.procfleet.procfs.plugins.module_utils._upcoming import compiler, next_kernel

INSTALL_DIR = "updates/dkms"
CONF = "dkms.conf"
NOTE = "procfleet.json"
MAKE = "procfleet-make"
# The generated files are part of a version as well: whoever changes their text raises this.
_FORMAT = 1

_CONF = """\
# Written by procfleet; a deploy writes it anew where it was changed. DKMS reads it with bash.
PACKAGE_NAME="{package}"
PACKAGE_VERSION="{version}"
BUILT_MODULE_NAME[0]="{name}"
BUILT_MODULE_LOCATION[0]="{name}/"
DEST_MODULE_LOCATION[0]="/{destination}"
MAKE[0]="sh ./{make} $kernel_source_dir"

# DKMS builds for kernels that nobody has prepared. Where procfleet has installed its own build it has nothing to do.
# For DKMS 3.0 a kernel that is only excluded is a failure, at which the installation of its headers fails as well. When
# its `autoinstall` asks, it does not say for which kernel: the variable that hides the caller's is put aside.
asked=$(unset kernelver; printf %s "$kernelver")
AUTOINSTALL="yes"
if [ -e "{modules}/${{asked:-$kernelver}}/{ours}/{name}.ko" ]; then
    AUTOINSTALL=""
fi
if [ -e "{modules}/$kernelver/{ours}/{name}.ko" ]; then
    BUILD_EXCLUSIVE_KERNEL="^procfleet has installed its own build$"
fi
"""
# What DKMS reads it evaluates three times; a script of its own keeps the flags as they are.
_SCRIPT = """\
#!/bin/sh
# Written by procfleet for dkms.conf. $1: the headers of the kernel to build for; then what DKMS adds.
headers=$1
shift
exec make -j"$(nproc)" -C "$headers" M="$PWD"{flags} "$@" modules
"""


def note_of(
    name: str, version: str, sources: dict[str, dict[str, str]], depends: dict[str, list[str]], flags: list[str]
) -> dict[str, Any]:
    """Return the note of what is registered, with its version in DKMS.

    :param version: the contract's; what a version cannot hold there is left out.
    :param sources: the module and all of ours that it depends on -> path below the folder -> SHA-256.
    :param depends: each of them -> those of them that it depends on.
    """
    plain = re.sub(r"[^A-Za-z0-9.+~_]", "", version).lstrip(".") or "0"
    note = {"name": name, "sources": sources, "depends": depends, "flags": flags}
    return dict(note, version="%s-%s" % (plain[:40], _digest(note)))


def _digest(note: dict[str, Any]) -> str:
    said = [_FORMAT, *(note[key] for key in ("name", "sources", "depends", "flags"))]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:12]


def generated(note: dict[str, Any]) -> dict[str, str]:
    """Return the files that lie with the sources: path -> text."""
    return {
        CONF: configuration(note["name"], note["version"]),
        "Kbuild": "".join("obj-m += %s/\n" % name for name in sorted(note["sources"])),
        MAKE: _SCRIPT.format(flags="".join(" " + shlex.quote(flag) for flag in note["flags"])),
        NOTE: json.dumps(note, indent=1, sort_keys=True) + "\n",
    }


def configuration(name: str, version: str) -> str:
    """Return the text of dkms.conf."""
    return _CONF.format(
        package=package(name),
        version=version,
        name=name,
        destination=INSTALL_DIR,
        make=MAKE,
        modules=_names.MODULES_DIR,
        ours=INSTALL_SUBDIR,
    )


def identity(note: dict[str, Any], kernel: dict[str, Any]) -> str:
    """Return the fingerprint of what the noted sources make for a kernel: the same as of procfleet's own build."""
    return _identity(note, note["name"], kernel)


def _identity(note: dict[str, Any], name: str, kernel: dict[str, Any]) -> str:
    needed = [_identity(note, one, kernel) for one in note["depends"][name]]
    return fingerprint(note["sources"][name], kernel, note["flags"], needed)


def probe(name: str) -> dict[str, Any] | None:
    """Return what of a module is registered, {version, others, kernels, doubled, unbuilt}; None if nothing is.

    `version` is the one whose sources and configuration are as they were written, None if there is none; `others` are
    further versions and folders; `kernels` are those in which DKMS's build is installed, `doubled` those of them in
    which procfleet's is as well; `unbuilt` is the kernel that comes next, where nobody has built for it.
    """
    if not registered(name):
        return None
    known = versions(name)
    good = [version for version in known if is_whole(tree(name, version), name, version)]
    version = good[0] if good else None
    places = {tree(name, one) for one in known} | set(trees(name))
    kernels = installed_in(name)
    return {
        "version": version,
        "others": sorted(place for place in places if not version or place != tree(name, version)),
        "kernels": kernels,
        "doubled": [release for release in kernels if os.path.exists(installed_path(release, name))],
        "unbuilt": [release for release in _upcoming_kernel() if release not in kernels and _is_free(release, name)],
    }


def _upcoming_kernel() -> list[str]:
    """Return the kernel that is likely to be booted next; none where it runs already."""
    release = next_kernel()
    return [] if release == os.uname().release else [release]


def _is_free(release: str, name: str) -> bool:
    """Whether DKMS could build a module for a kernel, and nobody else has."""
    return os.path.exists(headers_path(release) + "/Makefile") and not os.path.exists(installed_path(release, name))


def is_whole(folder: str, name: str, version: str) -> bool:
    """Whether sources, configuration and note are there as they were written."""
    note = read_note(folder, name)
    if not note or note["version"] != version:
        return False
    texts = {path: sha256(text.encode()) for path, text in generated(note).items()}
    digests = {
        "%s/%s" % (one, path): digest for one, paths in note["sources"].items() for path, digest in paths.items()
    }
    found = {path: read_bytes("%s/%s" % (folder, path)) for path in {**texts, **digests}}
    return all(
        found[path] is not None and sha256(found[path] or b"") == one for path, one in {**texts, **digests}.items()
    )


def read_note(folder: str, name: str) -> dict[str, Any]:
    """Return the note that lies with some sources; {} where there is none that makes sense."""
    note = read_json("%s/%s" % (folder, NOTE))
    return note if makes_sense(note, name) else {}


def makes_sense(note: dict[str, Any], name: str) -> bool:
    """Whether a note is one that `note_of` made for a module."""
    try:
        return note["name"] == name and str(note["version"]).endswith("-" + _digest(note)) and name in note["sources"]
    except (KeyError, TypeError):
        return False


def installed_in(name: str) -> list[str]:
    """Return the kernels in which there is a module of this name from DKMS."""
    paths = glob.glob("%s/*/%s/%s.ko*" % (glob.escape(_names.MODULES_DIR), INSTALL_DIR, glob.escape(name)))
    return sorted({path[len(_names.MODULES_DIR) + 1 :].partition("/")[0] for path in paths})


def installed(name: str, release: str, resolves_to: str | None, found: dict[str, Any] | None) -> dict[str, Any]:
    """Return {installed, fingerprint} of DKMS's build of the registered sources for a kernel; {} if none is.

    :param resolves_to: the file that modprobe would take.
    :param found: what `probe` returned.
    """
    folder = "%s/%s/%s/" % (_names.MODULES_DIR, release, INSTALL_DIR)
    if not found or not found["version"] or not resolves_to or not resolves_to.startswith(folder):
        return {}
    built = _active(name, release, found["version"])
    image = read_bytes(resolves_to)
    if image is None or not built or read_bytes("%s/module/%s" % (built, os.path.basename(resolves_to))) != image:
        return {}
    image = unpacked(image)
    try:
        said = describe(image)
    except KmodError:
        return {}
    system = os.uname()
    running = release == system.release
    made_by = parse_compiler(read_text("/proc/version") or "") if running else compiler(release)
    kernel = {"release": release, "arch": system.machine, "compiler": made_by}
    note = read_note(tree(name, found["version"]), name)
    return {
        "installed": {
            "path": resolves_to,
            "sha256": sha256(image),
            "build_id": said["build_id"],
            "vermagic": said["vermagic"],
            "by": "dkms",
        },
        "fingerprint": identity(note, kernel) if made_by["name"] else None,
    }


def _active(name: str, release: str, version: str) -> str:
    """Return where DKMS keeps the build that it has installed for a kernel, if it is of this version; else ""."""
    top = "%s/%s" % (_dkms_trees.DKMS_DIR, package(name))
    for link in glob.glob("%s/kernel-%s-*" % (glob.escape(top), glob.escape(release))):
        target = os.readlink(link) if os.path.islink(link) else ""
        if target.startswith("%s/%s/" % (version, release)):
            return "%s/%s" % (top, target)
    return ""


def reasons(seen: dict[str, Any] | None, version: str) -> list[str]:
    """Return why a module is not registered as it is to be; [] if it is."""
    if not seen or seen["version"] != version:
        return ["other sources registered with DKMS" if seen else "not registered with DKMS"]
    lines = ["former sources registered with DKMS"] if seen["others"] else []
    lines += ["DKMS's build beside ours for %s" % release for release in seen["doubled"]]
    return lines + ["DKMS has not built it for %s" % release for release in seen["unbuilt"]]
