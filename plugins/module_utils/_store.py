# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The builds that lie on a host, each at the address that its content gives."""

from __future__ import annotations

import os
import shutil
import tempfile
from typing import Any

from ansible_collections.procfleet.procfs.plugins.module_utils import _names
from ansible_collections.procfleet.procfs.plugins.module_utils._files import (
    make_dir,
    read_bytes,
    read_json,
    remove,
    remove_empty_dirs,
    sha256,
    sync_dir,
    write_atomic,
    write_json,
)
from ansible_collections.procfleet.procfs.plugins.module_utils._names import (
    build_dir,
    build_log,
    builds_dir,
    install_dir,
    installed_path,
    manifest_path,
    staged_path,
)


def published(release: str, name: str, fingerprint: str) -> dict[str, Any] | None:
    """Return the record of a build that lies whole on this host; None where there is none."""
    return _whole(build_dir(release, name, fingerprint), name)


def publish(release: str, name: str, fingerprint: str, image: bytes, said: dict[str, Any]) -> dict[str, Any]:
    """Put a build at its address, a directory that appears whole or not at all; return its record.

    :param said: what the image says of itself, from `_elf.describe`.
    :raises KmodError: when the disk is full; then nothing appears.
    """
    folder = build_dir(release, name, fingerprint)
    path = "%s/%s.ko" % (folder, name)
    record = dict(said, fingerprint=fingerprint, sha256=sha256(image), size=len(image), path=path)
    make_dir(builds_dir(release))
    staging = tempfile.mkdtemp(prefix=".publish-", dir=builds_dir(release))
    try:
        write_atomic("%s/%s.ko" % (staging, name), image)
        write_json(staging + "/build.json", record)
        os.chmod(staging, 0o755)  # noqa: S103 - as every folder under /lib/modules
        shutil.rmtree(folder, ignore_errors=True)  # only ever a damaged one: a whole one is not published again
        os.rename(staging, folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    sync_dir(builds_dir(release))
    return record


def _whole(folder: str, name: str) -> dict[str, Any] | None:
    """Return a build's record if its image is the one that the record speaks of."""
    record = read_json(folder + "/build.json")
    image = read_bytes("%s/%s.ko" % (folder, name))
    return record if image is not None and record.get("sha256") == sha256(image) else None


def _folders(release: str, name: str) -> list[str]:
    top = builds_dir(release)
    entries = os.listdir(top) if os.path.isdir(top) else []
    return ["%s/%s" % (top, entry) for entry in sorted(entries) if entry.rpartition("-")[0] == name]


def fingerprints(release: str, name: str) -> list[str]:
    """Return the fingerprints of a module's whole builds."""
    records = (_whole(folder, name) for folder in _folders(release, name))
    return [record["fingerprint"] for record in records if record]


def prune(release: str, name: str, manifest: dict[str, Any]) -> None:
    """Remove all builds of a module but the installed one and the one before it."""
    kept = [manifest["fingerprint"], (manifest["former"] or {}).get("fingerprint")]
    folders = {build_dir(release, name, one) for one in kept if one}
    for folder in _folders(release, name):
        if folder not in folders:
            shutil.rmtree(folder, ignore_errors=True)


def elsewhere(release: str, name: str) -> list[str]:
    """Return the other kernels for which files of a module lie on this host: older ones, and prepared ones."""
    notes = os.path.dirname(os.path.dirname(manifest_path(release, name)))
    tops = (_names.MODULES_DIR, os.path.dirname(builds_dir(release)), notes)
    releases = {entry for top in tops if os.path.isdir(top) for entry in os.listdir(top)} - {release}
    return sorted(
        one
        for one in releases
        if os.path.exists(installed_path(one, name)) or os.path.exists(manifest_path(one, name)) or _folders(one, name)
    )


def purge(release: str, name: str) -> None:
    """Remove every file of a module for this kernel, and the folders that are left empty."""
    remove(installed_path(release, name))
    remove(staged_path(release, name))  # where power was cut
    remove(manifest_path(release, name))
    for folder in _folders(release, name):
        shutil.rmtree(folder, ignore_errors=True)
    remove_if_unused(release)


def remove_if_unused(release: str) -> None:
    """Remove our folders where nothing of ours is left for this kernel; the log goes with the last build."""
    installed = os.path.dirname(manifest_path(release, "x"))
    updates = install_dir(release)
    remove_empty_dirs(updates, os.path.dirname(updates), builds_dir(release), installed)
    if not os.path.exists(builds_dir(release)) and not os.path.exists(installed):
        remove(build_log(release))
        parents = (os.path.dirname(path) for path in (builds_dir(release), installed, build_log(release)))
        remove_empty_dirs(*parents, _names.STATE_DIR)
