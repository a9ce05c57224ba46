# Copyright: procfleet contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether DKMS has anything of ours on this host, and where; most hosts can stop at that."""

from __future__ import annotations

import glob
import os
from typing import Any

from ansible_collections.procfleet.procfs.plugins.module_utils._command import find

SOURCES_DIR = "/usr/src"
DKMS_DIR = "/var/lib/dkms"
PACKAGES_DIR = "/var/lib/dpkg/info"


def package(name: str) -> str:
    """Return the name of a module's package in DKMS."""
    return "procfleet-" + name


def tree(name: str, version: str) -> str:
    """Where the sources of one version lie."""
    return "%s/%s-%s" % (SOURCES_DIR, package(name), version)


def trees(name: str) -> list[str]:
    """Return the folders with sources of ours, whatever their version."""
    return sorted(glob.glob("%s/%s-*" % (SOURCES_DIR, glob.escape(package(name)))))


def versions(name: str) -> list[str]:
    """Return the versions that DKMS knows."""
    folder = "%s/%s" % (DKMS_DIR, package(name))
    entries = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    return [entry for entry in entries if os.path.lexists("%s/%s/source" % (folder, entry))]


def registered(name: str) -> bool:
    """Whether there is anything of a module."""
    return bool(versions(name) or trees(name))


def probe_host() -> dict[str, Any]:
    """Return {command, headers}: where dkms is, None if it is not, and the installed packages of kernel headers."""
    try:
        files = os.listdir(PACKAGES_DIR)
    except OSError:
        files = []
    headers = sorted(file[:-5] for file in files if file.startswith("linux-headers-") and file.endswith(".list"))
    return {"command": find("dkms"), "headers": headers}
