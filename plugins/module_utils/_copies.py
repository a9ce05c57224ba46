# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Copies of our modules that lie where a kernel might load them from instead: in its folder, and in its initrd.

What is in the initrd is loaded before the installed file can be seen, and stays.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from typing import Any

from ansible_collections.procfleet.procfs.plugins.module_utils import _names
from ansible_collections.procfleet.procfs.plugins.module_utils._command import find, run
from ansible_collections.procfleet.procfs.plugins.module_utils._elf import describe
from ansible_collections.procfleet.procfs.plugins.module_utils._errors import KmodError
from ansible_collections.procfleet.procfs.plugins.module_utils._files import read_image
from ansible_collections.procfleet.procfs.plugins.module_utils._names import module_of

SECONDS = 120
# An unpacked initrd may be too large for a /tmp that is in memory.
ROOM = "/var/tmp"  # noqa: S108 - a folder of a random name is made there
# Debian's and Ubuntu's name; Red Hat's, Arch's is without a release; SUSE's.
_IMAGES = ("initrd.img-%s", "initramfs-%s.img", "initrd-%s")
_FILE = re.compile(r"(?:^|\s|/)(?P<path>(?:usr/)?lib/modules/\S+/[^/\s]+\.ko(?:\.\w+)?)$")


def copies(names: list[str], release: str) -> dict[str, list[dict[str, Any]]]:
    """Return name -> its copies for one kernel, each {path, initrd, build_id}; installed ones of ours are none.

    `initrd` is the image that holds the copy, None for a file; `build_id` is None where it cannot be told.
    :raises KmodError: when the initrd cannot be listed.
    """
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for path in _in_folder(release):
        name = module_of(path)
        if name in found:
            found[name].append({"path": path, "initrd": None, "build_id": _build_id(path)})
    image = initrd(release)
    held = parse_listing(_list(image), names) if image else {}
    for name, copy in _unpacked(image, held).items() if image and held else ():
        found[name].append(copy)
    return found


def _in_folder(release: str) -> list[str]:
    top, ours = "%s/%s" % (_names.MODULES_DIR, release), _names.install_dir(release)
    walk = ((folder, files) for folder, _folders, files in os.walk(top) if folder != ours)
    return sorted("%s/%s" % (folder, name) for folder, files in walk for name in files if ".ko" in name)


def _build_id(path: str) -> str | None:
    try:
        image = read_image(path)
        return describe(image)["build_id"] if image else None
    except KmodError:
        return None


def initrd(release: str) -> str | None:
    """Return the path of a kernel's initrd; None where it has none, or one under a name that we do not know."""
    paths = ("%s/%s" % (_names.BOOT_DIR, name % release) for name in _IMAGES)
    return next((path for path in paths if os.path.exists(path)), None)


def _list(image: str) -> str:
    """Return what an initrd holds, as the distribution's own tool lists it: initramfs-tools', or dracut's."""
    tool = next((name for name in ("lsinitramfs", "lsinitrd") if find(name)), None)
    if tool is None:
        return ""
    done = run([tool, image], SECONDS)
    if done.status:
        raise KmodError("%s cannot be read" % image, done.err.strip()[-200:], "Make it anew")
    return done.out


def parse_listing(text: str, names: list[str]) -> dict[str, str]:
    """Return name -> path of those of the named modules that a listing shows."""
    matches = (_FILE.search(line.rstrip()) for line in text.splitlines())
    held = {module_of(one["path"]): one["path"] for one in matches if one}
    return {name: held[name] for name in names if name in held}


def _unpacked(image: str, held: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Return each copy that an initrd holds.

    :raises KmodError: when it cannot be unpacked.
    """
    folder = tempfile.mkdtemp(prefix="procfleet-", dir=ROOM)
    try:
        whole = find("unmkinitramfs")
        command = ["unmkinitramfs", image, folder] if whole else ["lsinitrd", "--unpack", image, *held.values()]
        done = run(command, SECONDS, cwd=folder)
        if done.status:
            raise KmodError("%s cannot be unpacked" % image, done.err.strip()[-200:], "Make room in %s" % ROOM)
        return {name: {"path": path, "initrd": image, "build_id": _within(folder, path)} for name, path in held.items()}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _within(folder: str, path: str) -> str | None:
    """An initrd with an early part is unpacked into `early`, `main`."""
    places = ("%s/%s/%s" % (folder, part, path) for part in ("main", "."))
    return next((_build_id(place) for place in places if os.path.exists(place)), None)
